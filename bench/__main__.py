"""`python -m bench <what>`: hands over to the module that measures it."""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Final, cast

# Imported when asked for, so that one measurement does not need what another one measures.
MEASUREMENTS: Final = {
    "load": ("bench.load", "commands over TCP: rate, latency, and the limits of this machine beside them"),
    "spine": ("bench.spine", "the three presets of `load` against the targets"),
    "recover": ("bench.recover", "how fast a journal is replayed at start-up"),
    "core": ("bench.core", "the matching core alone: no wire, no journal"),
    "auction": ("bench.auction", "an auction: orders that gather, and the uncross"),
    "compare": ("bench.compare", "a command's cost in two checkouts, as a ratio"),
    "surveillance": ("bench.surveillance", "a report of surveillance: its seconds and its memory"),
    "journal": ("bench.journal", "the journal alone: records to the disk"),
    "sizing": ("bench.sizing", "what a machine has to have: disk, memory, and what the disk's latency costs"),
    "kill": ("bench.kill", "the kill switch: ten thousand orders pulled by one command"),
    "scrape": ("bench.scrape", "how long a scrape of the metrics holds the loop"),
    "hostile": ("bench.hostile.command", "what others can do to a client: floods, slow readers, overload"),
}


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0
    name, *rest = arguments
    if name not in MEASUREMENTS:
        print(f"there is no measurement {name!r}\n\n{usage()}", file=sys.stderr)
        return 2
    module = import_module(MEASUREMENTS[name][0])
    return cast("Callable[[Sequence[str]], int | None]", module.main)(rest) or 0


def usage() -> str:
    lines = [f"  {name:<13}{what}" for name, (_, what) in MEASUREMENTS.items()]
    return "\n".join(["usage: python -m bench WHAT [OPTIONS]", "", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
