"""`python -m bench <what>`: hands over to the module that measures it.

Whoever ends it, by Ctrl-C, SIGTERM or a terminal that hangs up, ends the servers it has started and takes its
directories away; the exit status is then 128 and the number of the signal.
"""

import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from types import FrameType
from typing import Final, cast

# Imported when asked for, so that one measurement does not need what another one measures.
MEASUREMENTS: Final = {
    "load": ("bench.load", "commands over TCP: rate, latency, and the limits of this machine beside them"),
    "report": ("bench.html.command", "one HTML page of results of `load`, side by side"),
    "spine": ("bench.spine", "the three presets of `load` against the targets"),
    "profile": ("bench.profile", "where the time of an order goes in the server, by stage"),
    "recover": ("bench.recover", "how fast a journal is replayed at start-up"),
    "replay": ("bench.replay", "where the time of a replayed command goes, by stage"),
    "core": ("bench.core", "the matching core alone: no wire, no journal"),
    "auction": ("bench.auction", "an auction: orders that gather, and the uncross"),
    "compare": ("bench.compare", "a command's cost in two checkouts, as a ratio"),
    "surveillance": ("bench.surveillance", "a report of surveillance: its seconds and its memory"),
    "journal": ("bench.journal", "the journal alone: records to the disk"),
    "sizing": ("bench.sizing", "what a machine has to have: disk, memory, and what the disk's latency costs"),
    "kill": ("bench.kill", "the kill switch: ten thousand orders pulled by one command"),
    "scrape": ("bench.scrape", "how long a scrape of the metrics holds the loop"),
    "peers": ("bench.peers.command", "the engine beside Redis and other matching engines, in one run"),
    "codec": ("bench.codec", "frames to messages and back: nanoseconds a message"),
    "fanout": ("bench.fanout", "market data to many: what a subscriber costs, with and without the fan-out"),
    "pauses": ("bench.pauses", "what held the loop of the engine under load, and the collector's part of it"),
    "flat": ("bench.flat", "whether a command costs the same beside more orders, instruments and sessions"),
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


# --- ended from outside --------------------------------------------------------------------------


def as_program(arguments: Sequence[str]) -> int:
    """As `main`, and ended in order by signals that would leave an engine running and its journal on disk.

    Servers and directories are left behind as blocks are left. A loop that runs would take what a handler
    raises for its connection's failure; SIGINT it knows, and cancels what it runs.
    """
    ended_by = signal.SIGINT

    def end(number: int, _frame: FrameType | None) -> None:
        nonlocal ended_by
        ended_by = signal.Signals(number)
        # A second signal does not cut short what the first has begun.
        for other in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        signal.raise_signal(signal.SIGINT)

    # A shell has those that it starts in the background ignore it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # `nohup` has asked that a terminal which hangs up is not heard.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        return main(arguments)
    except KeyboardInterrupt:
        print(f"python -m bench: ended by {ended_by.name}", file=sys.stderr)
        return 128 + ended_by


if __name__ == "__main__":
    sys.exit(as_program(sys.argv[1:]))
