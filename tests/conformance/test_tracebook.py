"""The engine against the reference of tracebook-conformance; `make conformance` asks for more of the same."""

import os
import sys
from pathlib import Path

import pytest
from tracebook.conformance import (
    ConformanceConfig,
    ConformanceError,
    ExternalProcessAdapterFactory,
    campaign_profile_names,
    run_conformance,
    run_qualification,
)

from carbonmatch.matching.ladder import Ladder, Level, Order
from tests.conformance.adapter import Adapter
from tests.conformance.qualify import NOT_APPLICABLE, fixed_cases, in_words, verdict

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("profile", campaign_profile_names())
def test_the_engine_qualifies_for_every_profile(profile: str) -> None:
    result = run_qualification(Adapter, profile, seed=7, traces=4, events_per_trace=200)
    assert result.qualified, in_words(result)


def test_every_fixed_case_that_applies_conforms() -> None:
    cases = fixed_cases()
    assert len(cases) == 17
    assert {verdict(case, Adapter) for case in cases if case.name not in NOT_APPLICABLE} == {"conforms"}


def test_what_does_not_apply_is_refused_by_name() -> None:
    with pytest.raises(ConformanceError, match="pro_rata: found, expected fifo"):
        Adapter(ConformanceConfig(matching_algorithm="pro_rata"))


def test_a_process_of_its_own_answers_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{ROOT / 'src'}{os.pathsep}{ROOT}")
    candidate = ExternalProcessAdapterFactory(
        [sys.executable, "-m", "tests.conformance.adapter"], timeout_seconds=60, cwd=ROOT
    )
    [case] = [case for case in fixed_cases() if (case.suite, case.name) == ("v2", "order-instructions")]
    assert verdict(case, candidate) == "conforms"


def test_an_engine_that_loses_the_place_of_a_reduced_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The profiles would find it: a reference that agreed with everything would be worth nothing."""

    def reduce(ladder: Ladder, order: Order, lots: int, dirty: list[Level]) -> None:
        key = order.level.key
        ladder.remove(order, dirty)
        order.leaves_lots -= lots
        ladder.rest(order, key, dirty)

    monkeypatch.setattr(Ladder, "reduce", reduce)
    result = run_qualification(Adapter, "fifo-limit-v1", seed=7, traces=1, events_per_trace=200)
    assert not result.qualified
    assert result.campaign.failure is not None
    divergence = result.campaign.failure.minimization.report.divergence
    assert divergence is not None
    assert divergence.category in {"book_state", "trades"}
    assert run_conformance(result.campaign.failure.minimization.events, Adapter).divergence, (
        "the reduced trace shows it again"
    )
