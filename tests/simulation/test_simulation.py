"""Worlds by seed, as `make test` runs them; the rest of them runs with `make sim` and `make torture`.

CARBONMATCH_SIMULATION_SEEDS says how many.
"""

import os
from collections.abc import Callable
from random import Random

from tests.simulation.faults import Faults, drawn, healed
from tests.simulation.run import Outcome, simulate

SEEDS = int(os.environ.get("CARBONMATCH_SIMULATION_SEEDS", "20"))
STEPS = 3_000


def test_no_promise_is_broken_in_any_world() -> None:
    outcomes = [simulate(seed, STEPS) for seed in range(SEEDS)]
    # Nothing is proven by worlds in which nothing happens.
    assert_worth_running(outcomes)


def assert_worth_running(outcomes: list[Outcome]) -> None:
    worlds = len(outcomes)
    assert sum(one.crashes for one in outcomes) > worlds // 2
    assert sum(one.commands for one in outcomes) > 300 * worlds
    assert sum(one.trades for one in outcomes) > 10 * worlds
    assert sum(one.restrained for one in outcomes) > worlds


def test_a_clock_that_was_set_back_for_long_keeps_no_world_waiting() -> None:
    # Set back by an hour within the freeze of an auction: orders go with their connections when it has ended.
    assert simulate(213, 4_000).commands > 0


def test_a_seed_repeats_its_world_to_the_last_byte() -> None:
    seed = a_seed_with(lambda faults: faults.power_cut > 0 and faults.split > 0)
    told: tuple[list[str], list[str]] = ([], [])
    first, again = (simulate(seed, STEPS, tell=lines.append) for lines in told)
    assert told[0] == told[1]
    assert first == again


def test_another_seed_is_another_world() -> None:
    assert simulate(1, 300).digest != simulate(2, 300).digest


def test_some_worlds_have_no_faults_and_some_have_each() -> None:
    worlds = [drawn(Random(seed)) for seed in range(200)]
    assert 5 < sum(faults == Faults() for faults in worlds) < 60
    for name in Faults.__struct_fields__:
        different = sum(getattr(faults, name) != getattr(Faults(), name) for faults in worlds)
        assert 20 < different < 200, name


def test_a_healed_world_keeps_its_sizes_and_nothing_else() -> None:
    faults = Faults(kill=1, split=0.5, segment_bytes=64 * 1024, outbox_bytes=1)
    assert healed(faults) == Faults(segment_bytes=64 * 1024, outbox_bytes=1)


def a_seed_with(wanted: Callable[[Faults], bool]) -> int:
    return next(seed for seed in range(1_000) if wanted(drawn(Random(seed))))
