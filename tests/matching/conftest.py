"""What the tests of the core share."""

import pytest

from tests.matching.compiled import Patch


@pytest.fixture
def monkeypatch(monkeypatch: pytest.MonkeyPatch) -> Patch:
    return Patch(monkeypatch)
