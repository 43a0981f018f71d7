"""An event loop whose time passes only when nothing else happens: no test waits, none is in a hurry."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

# What is on its way through the kernel's loopback is real: it gets this long before time jumps ahead.
_LOOPBACK_SECONDS: Final = 0.002

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class _PatientSelector(selectors.DefaultSelector):
    """Instead of sleeping until the next timer, moves the loop's time to it."""

    passed_seconds = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]]
        if timeout is None or timeout <= 0:
            ready = super().select(timeout)
            return ready
        ready = super().select(min(timeout, _LOOPBACK_SECONDS))
        if not ready:
            self.passed_seconds += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._patient = _PatientSelector()
        super().__init__(self._patient)

    def time(self) -> float:
        return self._patient.passed_seconds


async def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    """Return once `holds`, for what gives no sign of its own; raise TimeoutError if it never does."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def in_virtual_time(
    test: Callable[_Given, Coroutine[Any, Any, _Result]],
) -> Callable[_Given, _Result]:
    """Run an async test, or an example of a property, to its end in a loop of its own."""

    @wraps(test)
    def run(*args: _Given.args, **kwargs: _Given.kwargs) -> _Result:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(test(*args, **kwargs))

    return run
