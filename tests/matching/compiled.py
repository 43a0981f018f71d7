"""Tests of the core that a compiled one cannot be asked: bounds and methods are built into it."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from carbonmatch.accel import is_compiled


class Patch:
    """A MonkeyPatch that skips the test where it would change a compiled module."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.undo = monkeypatch.undo

    def setattr(self, target: Any, name: Any, *value: Any) -> None:
        module = target
        if isinstance(target, str):
            module = importlib.import_module(target.rpartition(".")[0])
        elif isinstance(target, type):
            module = sys.modules[target.__module__]
        if isinstance(module, ModuleType) and is_compiled(module):
            pytest.skip(f"{module.__name__} is compiled, with its bounds and methods")
        self._monkeypatch.setattr(target, name, *value)

    @contextmanager
    def context(self) -> Iterator["Patch"]:
        with self._monkeypatch.context() as monkeypatch:
            yield Patch(monkeypatch)


@contextmanager
def patching() -> Iterator[Patch]:
    """For what is not given a fixture."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield Patch(monkeypatch)
