"""A result held against an earlier one of the same machine.

    python -m bench load closed --repetitions 7 --json baseline.json
    python -m bench load closed --repetitions 7 --baseline baseline.json

Two hours of one machine differ by more than most changes are worth, so no absolute figure is compared: each
repetition has measured the engine and the bare server one after the other, and what is compared is the
ratio of the two. Where the ratio is worse beyond its interval and the tolerance, the exit status is 1.

That is only honest where nothing else is different: processor, kernel, Python, packages, pinning, file
system, the load, and the source that the bare server is made of. Otherwise the baseline is refused, before
anything is measured, and `bench compare` measures the baseline's revision anew, in turn with this one.
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec import Struct

from bench.environment import Environment
from bench.results import PresetResult, Repetition, Result
from bench.runs import Setup
from bench.significance import REPETITIONS_MIN, Seen, of_two


class Normalised(Struct, frozen=True):
    """A figure of the engine in units of the bare server's, of which more is worse."""

    what: str
    of: Callable[[Repetition], float | None]
    in_open_loops: bool = True


def _inverse_rate(one: Repetition) -> float | None:
    return 1 / one.rate_ratio if one.rate_ratio else None


def _cpu(one: Repetition) -> float | None:
    if one.engine is None or one.bare is None:
        return None
    engine, bare = one.engine.server_cpu_us_per_command, one.bare.server_cpu_us_per_command
    return engine / bare if engine and bare else None


FIGURES: Final = (
    Normalised("time a command (1 / rate)", _inverse_rate, in_open_loops=False),
    Normalised("p50", lambda one: one.p50_ratio),
    Normalised("processor time", _cpu),
)


class Held(Struct, frozen=True):
    """A figure of a preset now to what it was then, both to the bare server's."""

    preset: str
    what: str
    seen: Seen


def why_refused(
    environment: Environment, setups: Sequence[Setup], baseline: Result, repetitions: int
) -> list[str]:
    """Why the baseline says nothing about what is going to be measured; empty where it does."""
    found = environment.differences(baseline.environment)
    presets = {preset.preset: preset for preset in baseline.presets}
    for setup in setups:
        then = presets.get(setup.preset)
        if then is None:
            found.append(
                f"{setup.preset}: not in the baseline, which has {', '.join(presets) or 'no presets'}"
            )
            continue
        for what, now, before in (
            ("load", setup.workload, then.workload),
            ("plan", setup.plan, then.plan),
            ("subscribers", setup.subscribers, then.subscribers),
            ("sync", setup.sync, then.sync),
        ):
            if now != before:
                found.append(f"{setup.preset}: {what} {now}, there {before}")
        if setup.targets != ("engine", "bare"):
            found.append(f"{setup.preset}: without the bare server there is no ratio to compare")
        for which, count in (("now", repetitions), ("there", len(then.repetitions))):
            if count < REPETITIONS_MIN:
                found.append(
                    f"{setup.preset}: {count} repetitions {which}, at least {REPETITIONS_MIN} needed"
                )
        if not then.is_sound:
            found.append(f"{setup.preset}: the baseline itself is not valid")
    return found


def advice(baseline: Result, setups: Sequence[Setup]) -> str:
    revision = baseline.environment.git_revision[:12] or "REVISION"
    commands = [f"python -m bench compare . {revision} --load {setup.preset}" for setup in setups]
    return "to measure both anew, in turn: " + "; ".join(commands)


def held_against(presets: Sequence[PresetResult], baseline: Result) -> list[Held]:
    then = {preset.preset: preset for preset in baseline.presets}
    return [
        Held(preset.preset, figure.what, of_two(now, before))
        for preset in presets
        for figure in FIGURES
        if figure.in_open_loops or not preset.plan.is_open
        if (now := _values(preset, figure)) and (before := _values(then[preset.preset], figure))
    ]


def _values(preset: PresetResult, figure: Normalised) -> list[float]:
    found = [figure.of(one) for one in preset.repetitions]
    return [value for value in found if value is not None]


def lines(held: Sequence[Held], tolerance: float) -> list[str]:
    """For people: each figure as a ratio to the baseline's."""
    return [
        "to the baseline, in units of the bare server (95 % intervals):",
        *(f"  {one.preset}, {one.what}: {one.seen.words(tolerance)}" for one in held),
    ]


def doubts(presets: Sequence[PresetResult], baseline: Result) -> list[str]:
    """Which of the two shared the machine with something else: what is then worse need not be the engine."""
    names = {preset.preset for preset in presets}
    then = [preset for preset in baseline.presets if preset.preset in names]
    return [
        f"  DISTURBED {when}: {words}"
        for when, found in (("now", presets), ("there", then))
        for preset in found
        for words in preset.disturbances
    ]


def is_worse(held: Sequence[Held], tolerance: float) -> bool:
    return any(one.seen.outcome(tolerance) == "worse" for one in held)
