"""Run worlds: one seed, or many, until they are done, one fails, or somebody stops it.

python -m tests.simulation --seed 7 [--steps 4000] [--trace]
python -m tests.simulation --seeds 1000 [--seed FIRST]     without --seed, from the time on
"""

import argparse
import sys
import time
import traceback
from itertools import count

from tests.simulation.run import STEPS, Outcome, simulate


def main() -> int:
    options = _options()
    first = int(time.time()) if options.seed is None else options.seed
    wanted = options.seeds or (1 if options.seed is not None else None)
    began = time.perf_counter()
    outcomes: list[Outcome] = []
    failed: list[int] = []
    seeds = count(first) if wanted is None else range(first, first + wanted)
    try:
        for seed in seeds:
            if options.seconds and time.perf_counter() - began > options.seconds:
                break
            try:
                outcomes.append(simulate(seed, options.steps, tell=print if options.trace else None))
            except Exception as error:
                failed.append(seed)
                traceback.print_exception(error, limit=-6)
                print(f"FAILED: seed {seed}", flush=True)
                if not options.keep_going:
                    break
    except KeyboardInterrupt:
        pass
    _summarize(outcomes, failed, first, time.perf_counter() - began)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seed", type=int, help="the first one; without it, one from the time")
    parser.add_argument("--seeds", type=int, help="how many; without it and --seed, until stopped")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each world, before it heals")
    parser.add_argument("--seconds", type=float, help="begin no further world after so long")
    parser.add_argument("--trace", action="store_true", help="tell what happens")
    parser.add_argument("--keep-going", action="store_true", help="after a failure, go on with the next seed")
    return parser.parse_args()


def _summarize(outcomes: list[Outcome], failed: list[int], first: int, seconds: float) -> None:
    steps = sum(one.steps for one in outcomes)
    print(
        f"{len(outcomes)} worlds from seed {first} on in {seconds:.1f} s: {steps} steps "
        f"({steps / seconds:,.0f} a second), {sum(one.commands for one in outcomes)} commands, "
        f"{sum(one.trades for one in outcomes)} trades, {sum(one.starts for one in outcomes)} starts, "
        f"{sum(one.crashes for one in outcomes)} crashes, {sum(one.torn for one in outcomes)} torn tails, "
        f"{sum(one.flips for one in outcomes)} bit flips, "
        f"{sum(one.snapshots for one in outcomes)} snapshots by followers, "
        f"{sum(one.simulated_seconds for one in outcomes):,.0f} simulated seconds; failed: {failed or 'none'}"
    )


if __name__ == "__main__":
    sys.exit(main())
