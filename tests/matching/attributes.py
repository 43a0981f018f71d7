"""Two engines, attribute by attribute: what is in one and not in the other, whatever a digest says."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType, MethodType
from typing import Any, Final, NamedTuple

import msgspec

_ABSENT: Final = object()
_PLAIN: Final = (int, str, bytes, float, type(None), type, FunctionType)


class View(NamedTuple):
    """What of an attribute counts, as a function of its owner, and why the rest of it may differ."""

    of: Callable[[Any], object]
    reason: str


def differences(one: object, other: object, views: Mapping[str, View] | None = None) -> list[str]:
    """Where what hangs on `one` differs from what hangs on `other`, each place by its shortest path.

    Of attributes that `views` names, as "Class.attribute", their view is compared.
    """
    return [*_Walk(views or {}).compare(one, other)]


def attributes_of(value: object) -> list[str]:
    """Its slots and what is in its `__dict__`, also those that are not set."""
    names = list(getattr(value, "__dict__", {}))
    for kind in type(value).__mro__:
        slots = kind.__dict__.get("__slots__", ())
        names += [slots] if isinstance(slots, str) else list(slots)
    if isinstance(value, msgspec.Struct):
        names += value.__struct_fields__
    return [name for name in dict.fromkeys(names) if name not in ("__dict__", "__weakref__")]


_Pair = tuple[Any, Any, str]


class _Walk:
    """What hangs together in one has to hang together alike in the other."""

    def __init__(self, views: Mapping[str, View]) -> None:
        self._views = views
        # By id of one of them: the other. Both stay, so that their ids stay theirs.
        self._met: dict[int, tuple[object, object]] = {}
        self._ahead: deque[_Pair] = deque()

    def compare(self, one: object, other: object) -> Iterator[str]:
        self._ahead.append((one, other, type(one).__name__))
        while self._ahead:
            yield from self._compare(*self._ahead.popleft())

    def _compare(self, one: Any, other: Any, path: str) -> Iterator[str]:
        if type(one) is not type(other):
            yield f"{path}: {_shown(one)} and {_shown(other)}"
        elif isinstance(one, _PLAIN):
            if one != other:
                yield f"{path}: {_shown(one)} and {_shown(other)}"
        elif id(one) in self._met:
            # Values have no identity of their own: one may stand where the other engine has two.
            if self._met[id(one)][1] is not other and one != other:
                yield f"{path}: another {type(one).__name__} than where it was met before"
        else:
            self._met[id(one)] = one, other
            yield from self._parts(one, other, path)

    def _parts(self, one: Any, other: Any, path: str) -> Iterator[str]:
        if isinstance(one, dict):
            if list(map(_key, one)) != list(map(_key, other)):
                yield f"{path}.keys: {_shown([*one])} and {_shown([*other])}"
            # Values by place where keys are objects.
            matched = {_key(key): value for key, value in other.items()}
            self._ahead += [
                (value, matched[_key(key)], f"{path}[{_shown(key)}]")
                for key, value in one.items()
                if _key(key) in matched
            ]
        elif isinstance(one, set | frozenset):
            if one != other:
                yield f"{path}: {_shown(one)} and {_shown(other)}"
        elif isinstance(one, Sequence):
            if len(one) != len(other):
                yield f"{path}: {_shown(one)} and {_shown(other)}"
            self._ahead += [(a, b, f"{path}[{n}]") for n, (a, b) in enumerate(zip(one, other, strict=False))]
        elif isinstance(one, MethodType):
            self._ahead += [
                (one.__func__, other.__func__, path),
                (one.__self__, other.__self__, f"{path}.self"),
            ]
        for name in dict.fromkeys([*attributes_of(one), *attributes_of(other)]):
            views = (self._views.get(f"{kind.__name__}.{name}") for kind in type(one).__mro__)
            view = next(filter(None, views), None)
            if view is not None:
                found, expected = view.of(one), view.of(other)
            else:
                found, expected = getattr(one, name, _ABSENT), getattr(other, name, _ABSENT)
            self._ahead.append((found, expected, f"{path}.{name}"))


def _key(key: object) -> object:
    return key if isinstance(key, (*_PLAIN, tuple)) else type(key)


def _shown(value: object) -> str:
    return "nothing" if value is _ABSENT else f"{value!r:.80}"
