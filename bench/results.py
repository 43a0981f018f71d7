"""What is reported, what is asked for, and whether the one reaches the other."""

from typing import Final, Literal

from msgspec import Struct

from bench.environment import Environment
from bench.generator import Plan
from bench.latency import Latency, median
from bench.workload import Workload

Target = Literal["engine", "bare"]

# A generator later than this at p99 has not offered the load that it claims to have offered.
LAG_P99_US_MAX: Final = 1_000.0
ACHIEVED_RATE_MIN: Final = 0.99
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
        if self.engine is None or self.bare is None:
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

    @property
    def is_sound(self) -> bool:
        """Whether every answer was right and every load was the one asked for."""
        return not any(run.problems or run.invalid for run in self.runs())

    def runs(self, target: Target | None = None) -> list[Run]:
        runs = [run for one in self.repetitions for run in (one.engine, one.bare) if run is not None]
        return [run for run in runs if target in (None, run.target)]


class Result(Struct, frozen=True):
    format: int
    command: list[str]
    environment: Environment
    load_average_after: tuple[float, float, float]
    presets: list[PresetResult]

    @property
    def is_sound(self) -> bool:
        return all(preset.is_sound for preset in self.presets)

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
