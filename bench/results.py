"""What is reported, what is asked for, and whether the one reaches the other."""

from collections.abc import Sequence
from typing import Final, Literal

from msgspec import Struct

from bench.environment import Environment
from bench.generator import Plan
from bench.latency import Latency, median
from bench.timeline import NO_TIMELINE, Timeline
from bench.validity import Checked
from bench.workload import Workload

# Counts up when a reader of older files would misread this one.
FORMAT: Final = 2

Target = Literal["engine", "bare"]
_TARGETS: Final[tuple[Target, ...]] = ("engine", "bare")
GaveWay = Literal["engine", "generator", "machine", "nothing"]

# The queue grows where the last third of a run waits twice as long as the first, and visibly so.
GROWTH_RATIO_MAX: Final = 2.0
GROWTH_US_MIN: Final = 500.0
# On two cores, this much for others means that server and generator waited for a core.
OTHERS_SHARE_MAX: Final = 0.1


class Run(Struct, frozen=True):
    """One run against one server. Latency in a closed loop is mostly the queue that it makes itself."""

    target: Target
    commands: int
    seconds: float
    rate_per_second: float
    latency: Latency
    first_third_p50_us: float
    last_third_p50_us: float
    lag: Latency | None  # open loop: how late the generator was
    server_cpu_us_per_command: float | None
    generator_cpu_us_per_command: float
    others_cpu_share: float | None  # of all cores, for everything but server and generator
    server_resident_mib: float | None
    reports: dict[str, int]  # by kind, with the warm-up
    feed_bytes: int
    feed_frames: int
    problems: list[str]  # answers that were wrong: the figures are void
    invalid: list[str]  # why the load was not the one that was asked for
    histogram: str  # HdrHistogram, nanoseconds
    generator_cpu_share: float = 0.0  # of one core
    warmup_commands: int = 0  # sent before what is measured, and not counted
    timeline: Timeline = NO_TIMELINE
    checked: Checked | None = None  # None where the engine ran before, and its journal is not ours to read

    @property
    def is_sound(self) -> bool:
        return not self.problems and not self.invalid

    @property
    def is_disturbed(self) -> bool:
        """Whether something else was running: the ratios may stand, the tails do not."""
        return self.others_cpu_share is not None and self.others_cpu_share > OTHERS_SHARE_MAX

    @property
    def queue_grows(self) -> bool:
        first, last = self.first_third_p50_us, self.last_third_p50_us
        return last > GROWTH_RATIO_MAX * first and last - first > GROWTH_US_MIN


class Repetition(Struct, frozen=True):
    """Everything that is compared, measured within seconds of each other."""

    engine: Run | None
    bare: Run | None
    sync_bytes: int
    sync: Latency | None
    echo_bytes: int
    echo: Latency | None

    @property
    def rate_ratio(self) -> float | None:
        """Engine to bare server: 1 would mean that matching, checks and sessions cost nothing."""
        if self.engine is None or self.bare is None or not self.bare.rate_per_second:
            return None
        return self.engine.rate_per_second / self.bare.rate_per_second

    @property
    def p50_ratio(self) -> float | None:
        """Engine to bare server: what an order waits because of all that the engine adds."""
        if self.engine is None or self.bare is None:
            return None
        return self.engine.latency.p50_us / self.bare.latency.p50_us

    @property
    def floor_ratio(self) -> float | None:
        """The engine's p50 to one sync and one round trip: 1 would mean that it adds nothing."""
        if self.engine is None or self.sync is None or self.echo is None:
            return None
        return self.engine.latency.p50_us / (self.sync.p50_us + self.echo.p50_us)


def disturbance(name: str, runs: Sequence[Run]) -> str:
    """How much others had of the machine in the runs of one target; empty where that was little."""
    shares = [one.others_cpu_share or 0.0 for one in runs if one.is_disturbed]
    if not shares:
        return ""
    which = f"in {len(shares)} of {len(runs)} runs" if len(runs) > 1 else "in its run"
    return f"{name}, {runs[0].target}: others had up to {max(shares):.0%} of the machine {which}"


class Goal(Struct, frozen=True):
    what: str
    found: float
    limit: float
    at_least: bool

    @property
    def reached(self) -> bool:
        return self.found >= self.limit if self.at_least else self.found <= self.limit


class Verdict(Struct, frozen=True):
    what: str
    found: float
    expected: str
    reached: bool


class PresetResult(Struct, frozen=True):
    preset: str
    workload: Workload
    workload_digest: str
    plan: Plan
    subscribers: int
    repetitions: list[Repetition]
    verdicts: list[Verdict]
    sync: str = "always"  # or relaxed: answered before it is on the disk

    @property
    def is_sound(self) -> bool:
        """Whether every answer was right and every load was the one asked for."""
        return not self.failures and all(run.is_sound for run in self.runs())

    @property
    def failures(self) -> list[str]:
        return [] if self.runs() else [f"{self.preset}: nothing was measured"]

    @property
    def disturbances(self) -> list[str]:
        """Whose runs shared the machine with something else; each target once."""
        return [words for target in _TARGETS if (words := disturbance(self.preset, self.runs(target)))]

    def runs(self, target: Target | None = None) -> list[Run]:
        runs = [run for one in self.repetitions for run in (one.engine, one.bare) if run is not None]
        return [run for run in runs if target in (None, run.target)]


# --- ramp, burst, soak ---------------------------------------------------------------------------


class RampStep(Struct, frozen=True):
    """One rate of a ramp. Empty `broken`: it was held."""

    rate_per_second: int
    run: Run
    broken: list[str]


class Ramp(Struct, frozen=True):
    """Rising rates against one engine, until one was not held any more; in the order they were tried."""

    workload: Workload
    p99_us_max: float
    steps: list[RampStep]
    knee_per_second: int  # the highest rate that was held, 0 where none was
    gave_way: GaveWay
    why: str
    checked: Checked | None

    @property
    def failures(self) -> list[str]:
        found = [problem for step in self.steps for problem in step.run.problems]
        if not self.knee_per_second:
            found.append(f"not even {self.steps[0].rate_per_second:,} commands/s were held")
        if self.gave_way == "machine":
            found.append("the machine was busy with something else where a rate was not held")
        return found + ([] if self.checked is None else self.checked.problems)


class BurstPhase(Struct, frozen=True):
    """Some trading days of the cycle at the rate of their volume, and what was answered meanwhile."""

    name: str
    days: int
    tonnes_per_day: int  # 0: after the deadline
    rate_per_second: int
    begin_seconds: float  # since the first day
    seconds: float
    latency: Latency


class Burst(Struct, frozen=True):
    """A compliance cycle in a minute."""

    workload: Workload
    phases: list[BurstPhase]
    run: Run
    quiet_p99_us: float  # before the burst
    recovered_us_max: float  # what a window's p99 has to be below again
    recovery_seconds: float | None  # after the last command of the burst was due; None: never

    @property
    def failures(self) -> list[str]:
        found = [*self.run.problems, *self.run.invalid]
        if self.recovery_seconds is None:
            found.append(f"p99 was not below {self.recovered_us_max:,.0f} us again before the end")
        return found


class SoakWindow(Struct, frozen=True):
    """Some seconds of a soak, and what the engine had at their end."""

    begin_seconds: float
    seconds: float
    commands: int
    rate_per_second: float
    p50_us: float
    p99_us: float
    max_us: float
    lag_p99_us: float
    server_cpu_us_per_command: float
    others_cpu_share: float
    resident_mib: float
    open_files: int
    threads: int
    journal_mib: float  # of segments and snapshots, on the disk


class Drift(Struct, frozen=True):
    """How a figure went from the first windows to the last ones."""

    what: str
    unit: str
    first: float
    last: float
    slope_per_hour: float
    limit: float  # of `last`
    failed: bool


class Soak(Struct, frozen=True):
    workload: Workload
    rate_per_second: int
    windows: list[SoakWindow]
    drifts: list[Drift]
    invalid: list[str]
    problems: list[str]
    histogram: str
    checked: Checked | None
    journal_mib_per_hour: float

    @property
    def failures(self) -> list[str]:
        drifted = [
            f"{one.what} went from {one.first:,.6g} to {one.last:,.6g} {one.unit}, at most {one.limit:,.6g}"
            for one in self.drifts
            if one.failed
        ]
        return [*self.problems, *self.invalid, *drifted]


class Result(Struct, frozen=True):
    """What `bench load` writes, whatever the mode; a reader refuses another format."""

    format: int
    command: list[str]
    environment: Environment
    load_average_after: tuple[float, float, float]
    presets: list[PresetResult] = []
    ramp: Ramp | None = None
    burst: Burst | None = None
    soak: Soak | None = None
    began: str = ""  # UTC, to the second

    @property
    def failures(self) -> list[str]:
        """Why this is no measurement, or not the result that was hoped for."""
        measured = [one for one in (*self.presets, self.ramp, self.burst, self.soak) if one is not None]
        if not measured:
            return ["nothing was measured"]
        return [failure for one in measured for failure in one.failures]

    @property
    def disturbances(self) -> list[str]:
        """Where the machine did something else meanwhile: no wrong result, and no good one."""
        found = [words for preset in self.presets for words in preset.disturbances]
        if self.burst is not None and (words := disturbance("burst", [self.burst.run])):
            found.append(words)
        return found

    @property
    def is_sound(self) -> bool:
        return not self.failures and all(preset.is_sound for preset in self.presets)

    @property
    def reaches_targets(self) -> bool:
        return all(verdict.reached for preset in self.presets for verdict in preset.verdicts)


def verdicts(preset: str, repetitions: list[Repetition]) -> list[Verdict]:
    """The targets of a preset against the medians; none where the engine was not measured."""
    engine = [one.engine for one in repetitions if one.engine is not None]
    if not engine:
        return []
    goals: list[Goal] = []
    if preset == "batched":
        rate = median([run.rate_per_second for run in engine])
        goals.append(Goal("commands/s", rate, 250_000, at_least=True))
        goals += _ratio_goal("of the bare server's rate", [one.rate_ratio for one in repetitions], 0.5, True)
    elif preset == "unbatched":
        ratios = [one.floor_ratio for one in repetitions]
        goals += _ratio_goal("p50 / (sync p50 + echo p50)", ratios, 1.5, False)
    elif preset == "open":
        p50 = median([run.latency.p50_us for run in engine])
        p99 = median([run.latency.p99_us for run in engine])
        goals.append(Goal("p50 us", p50, 1_000, at_least=False))
        goals.append(Goal("p99 us", p99, 5_000, at_least=False))
        goals.append(Goal("runs with a growing queue", sum(run.queue_grows for run in engine), 0, False))
    return [
        Verdict(goal.what, goal.found, f"{'>=' if goal.at_least else '<='} {goal.limit:g}", goal.reached)
        for goal in goals
    ]


def _ratio_goal(what: str, ratios: list[float | None], limit: float, at_least: bool) -> list[Goal]:
    known = [ratio for ratio in ratios if ratio is not None]
    return [Goal(what, median(known), limit, at_least)] if known else []
