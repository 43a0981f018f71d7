"""What tracebook-conformance finds, and whether docs/conformance.md says so.

    python -m tests.conformance
    python -m tests.conformance --traces 250 --seed 7 --output-dir dist/conformance

The candidate is a process of its own, as for any other engine. With the numbers of the page, each line has to
be in the page as well. Exit status 1 where something differs.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

from tracebook.conformance import (
    ExternalProcessAdapterFactory,
    campaign_profile_names,
    run_qualification,
    write_qualification_artifacts,
)

from tests.conformance.qualify import fixed_cases, in_words, verdict

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "conformance.md"
SEED: Final = 42
TRACES: Final = 25
EVENTS: Final = 200


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    candidate = ExternalProcessAdapterFactory(
        [sys.executable, "-m", "tests.conformance.adapter"], timeout_seconds=30, cwd=ROOT
    )
    lines = []
    wrong = 0
    for profile in campaign_profile_names():
        result = run_qualification(
            candidate, profile, seed=options.seed, traces=options.traces, events_per_trace=options.events
        )
        if options.output_dir is not None:
            write_qualification_artifacts(result, options.output_dir / profile)
        wrong += not result.qualified
        lines.append(in_words(result))
        print(lines[-1], flush=True)
    for case in fixed_cases():
        found = verdict(case, candidate)
        wrong += "DIFFERS" in found
        lines.append(f"suite {case.suite}, {case.name}: {found}")
        print(lines[-1], flush=True)
    if (options.seed, options.traces, options.events) == (SEED, TRACES, EVENTS):
        page = PAGE.read_text()
        missing = [line for line in lines if line not in page]
        wrong += len(missing)
        if missing:
            print(f"not in {PAGE.relative_to(ROOT)}:", *missing, sep="\n", file=sys.stderr)
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--traces", type=int, default=TRACES, help="of each profile")
    parser.add_argument("--events", type=int, default=EVENTS, help="of each trace")
    parser.add_argument("--output-dir", type=Path, help="where reports in JSON and JUnit go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
