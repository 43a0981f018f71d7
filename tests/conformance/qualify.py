"""Every profile and every fixed case of tracebook-conformance, and what came of them in words."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

from tracebook.conformance import (
    BUNDLED_SUITE_VERSIONS,
    AdapterFactory,
    ConformanceConfig,
    QualificationResult,
    copy_bundled_conformance_suite,
    run_conformance,
)
from tracebook.events import MarketEvent

# Pro-rata allocation shares a trade among all orders at a price: no market of this venue does that.
NOT_APPLICABLE: Final = {"pro-rata-allocation": "fifo is the only allocation that there is"}


def in_words(result: QualificationResult) -> str:
    """One line, which ends with the hash of all that was asked and answered."""
    campaign, coverage = result.campaign, result.campaign.semantic_coverage
    return (
        f"{result.profile.name}: {'qualified' if result.qualified else 'NOT QUALIFIED'}, "
        f"{result.fixed_cases_passed} of {len(result.selected_cases)} fixed cases, "
        f"{sum(trace.report.conformant for trace in campaign.traces)} of {campaign.requested_traces} traces "
        f"of {campaign.events_per_trace} events with seed {campaign.seed}, "
        f"{len(coverage.covered_capabilities)} of {len(coverage.expected_capabilities)} capabilities, "
        f"{result.qualification_id}"
    )


class FixedCase(NamedTuple):
    suite: str
    name: str
    config: ConformanceConfig
    events: list[MarketEvent]


def fixed_cases() -> list[FixedCase]:
    """Those of every version of the suite."""
    with TemporaryDirectory(prefix="carbonmatch-conformance-") as directory:
        return [
            FixedCase(version, case.name, case.config, case.load_events())
            for version in BUNDLED_SUITE_VERSIONS
            for case in copy_bundled_conformance_suite(Path(directory) / version, suite_version=version).cases
        ]


def verdict(case: FixedCase, candidate: AdapterFactory) -> str:
    if case.name in NOT_APPLICABLE:
        return f"not applicable: {NOT_APPLICABLE[case.name]}"
    report = run_conformance(case.events, candidate, config=case.config, trace_name=case.name)
    return "conforms" if report.conformant else f"DIFFERS: {report.divergence}"
