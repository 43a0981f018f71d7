"""Clients in a process of their own, so that what they do is not measured as work of the bench's loop."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any


@contextmanager
def crew(
    name: str, run: Callable[..., None], arguments: tuple[Any, ...], start_seconds_max: float
) -> Iterator[Connection]:
    """Call `run` with a pipe and `arguments` in a new process, and wait for its first word.

    At the end it is sent "stop", and killed where it does not.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=run, args=(theirs, *arguments), daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(start_seconds_max):
            raise TimeoutError(f"the {name} did not start")
        ours.recv()
        yield ours
    finally:
        with suppress(OSError):
            ours.send("stop")
        child.join(5)
        if child.is_alive():
            child.kill()
            child.join()
        ours.close()
