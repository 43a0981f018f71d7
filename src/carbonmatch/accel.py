"""Whether the matching core runs as it is written, or compiled from the same source.

An installation compiles it where it is asked to (see README.md); nothing but speed depends on it.
"""

from importlib.machinery import EXTENSION_SUFFIXES
from types import ModuleType


def is_compiled(module: ModuleType) -> bool:
    """Whether the module is an extension, and no file of Python."""
    return (module.__file__ or "").endswith(tuple(EXTENSION_SUFFIXES))


def is_core_compiled() -> bool:
    from carbonmatch.matching import engine

    return is_compiled(engine)


def core() -> str:
    """The core in one word, for versions and metrics."""
    return "compiled" if is_core_compiled() else "interpreted"
