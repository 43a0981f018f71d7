"""Many inputs through one target: what came of them, how fast, how much memory, and which was slowest."""

import resource
import time
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.fuzz.mutation import Mutator

CORPUS: Final = Path(__file__).parent / "corpus"

# Inputs are made and run in blocks, so that making them is not part of the figures.
_BLOCK_INPUTS: Final = 256
_SLOWEST_KEPT: Final = 16
_REPEATS: Final = 5


class Target(Struct, frozen=True):
    """What bytes can be given to.

    `run` returns in one word what became of them, refusals of the documented kinds included. Whatever it
    raises is a bug.
    """

    name: str
    run: Callable[[bytes], str]
    seeds: Callable[[], Sequence[bytes]]
    words: Sequence[bytes] = ()


class Failure(AssertionError):
    """A target raised: `data` repeats it."""

    def __init__(self, target: Target, data: bytes, number: int, seed: int) -> None:
        super().__init__(f"{target.name}, seed {seed}, input {number}, {len(data)} bytes: {data.hex()}")
        self.data = data


class Result(Struct, frozen=True):
    """CPU times are of the target alone, in microseconds."""

    name: str
    inputs: int
    outcomes: dict[str, int]
    seconds: float
    cpu_us_mean: float
    cpu_us_slowest: float
    slowest: bytes
    rss_mib_begin: float
    rss_mib_end: float

    def in_words(self) -> str:
        outcomes = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.outcomes.items()))
        return (
            f"{self.name}: {self.inputs:,} inputs in {self.seconds:.1f} s"
            f" ({self.inputs / max(self.seconds, 1e-9):,.0f} a second), 0 uncaught\n"
            f"  outcomes: {outcomes}\n"
            f"  CPU: {self.cpu_us_mean:.1f} us on average, slowest {self.cpu_us_slowest:,.0f} us"
            f" for {len(self.slowest)} bytes: {self.slowest[:32].hex()}{'...' * (len(self.slowest) > 32)}\n"
            f"  memory: {self.rss_mib_begin:.1f} MiB after the first block,"
            f" {self.rss_mib_end:.1f} MiB at the end"
        )


def all_seeds(target: Target) -> list[bytes]:
    """Good inputs, and the ones that once failed."""
    return [*target.seeds(), *corpus(target.name)]


def corpus(name: str) -> list[bytes]:
    return [bytes.fromhex(path.read_text()) for path in sorted((CORPUS / name).glob("*.hex"))]


def keep(name: str, data: bytes) -> Path:
    """Put an input that failed into the corpus: every later run begins with it."""
    path = CORPUS / name / f"{blake2b(data, digest_size=8).hexdigest()}.hex"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data.hex() + "\n")
    return path


def run(target: Target, inputs: int, seed: int, seconds: float = float("inf")) -> Result:
    """Run all seeds as they are, then `inputs` mutated ones (or as many as `seconds` allow)."""
    seeds = all_seeds(target)
    mutator = Mutator(seeds, seed, target.words)
    outcomes: Counter[str] = Counter()
    slowest: list[tuple[int, bytes]] = []
    began = time.perf_counter()
    cpu_ns = done = 0
    rss_begin = 0.0
    block = seeds
    while block:
        cpu_ns += _run_block(target, block, done, seed, outcomes, slowest)
        done += len(block)
        rss_begin = rss_begin or _rss_mib()
        left = inputs + len(seeds) - done
        if time.perf_counter() - began > seconds:
            break
        block = [mutator.input() for _ in range(min(_BLOCK_INPUTS, left))]
    # By the clock a slow input may be one that was interrupted: the fastest of some repeats is its own time.
    timed = [(min(_cpu_ns(target, data) for _ in range(_REPEATS)), data) for _, data in slowest]
    slowest_ns, data = max(timed)
    return Result(
        target.name,
        done,
        dict(outcomes),
        time.perf_counter() - began,
        cpu_ns / done / 1_000,
        slowest_ns / 1_000,
        data,
        rss_begin,
        _rss_mib(),
    )


def _run_block(
    target: Target,
    block: Sequence[bytes],
    first: int,
    seed: int,
    outcomes: Counter[str],
    slowest: list[tuple[int, bytes]],
) -> int:
    """Run each, note what came of it; return the CPU time of all."""
    call = target.run
    clock = time.perf_counter_ns
    kinds = []
    times = []
    data = b""
    began_ns = time.thread_time_ns()
    try:
        for data in block:
            at = clock()
            kinds.append(call(data))
            times.append(clock() - at)
    except BaseException as error:
        raise Failure(target, data, first + len(kinds), seed) from error
    cpu_ns = time.thread_time_ns() - began_ns
    outcomes.update(kinds)
    longest = max(range(len(times)), key=times.__getitem__)
    slowest.append((times[longest], block[longest]))
    if len(slowest) > 2 * _SLOWEST_KEPT:
        slowest.sort(reverse=True)
        del slowest[_SLOWEST_KEPT:]
    return cpu_ns


def _cpu_ns(target: Target, data: bytes) -> int:
    began_ns = time.thread_time_ns()
    target.run(data)
    return time.thread_time_ns() - began_ns


def _rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20
