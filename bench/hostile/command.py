"""`python -m bench hostile <what>`: hands over to the module that measures it."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, cast

ATTACKS: Final = {
    "flood": ("bench.hostile.flood", "clients that send all they can beside one that trades a little"),
    "overload": ("bench.hostile.overload", "twice and five times the rated load, and what follows"),
    "subscribers": ("bench.hostile.subscribers", "subscribers that do not read among those that do"),
    "pull": ("bench.hostile.pull", "mass cancels and lost connections while the venue is full"),
}


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    name, *rest = arguments
    if name not in ATTACKS:
        print(f"there is no attack {name!r}\n\n{usage()}", file=sys.stderr)
        return 2
    module = import_module(ATTACKS[name][0])
    return cast("Callable[[Sequence[str]], int]", module.main)(rest)


def usage() -> str:
    lines = [f"  {name:<13}{what}" for name, (_, what) in ATTACKS.items()]
    return "\n".join(["usage: python -m bench hostile WHAT [OPTIONS]", "", *lines])
