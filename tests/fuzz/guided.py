"""Fuzz led by coverage: python -m tests.fuzz.guided TARGET [options of libFuzzer, such as -runs=1000000]

Needs atheris: pip install 'carbonmatch[guided]'. Half of the inputs come from the mutator of `tests.fuzz`,
which knows the structure, half from libFuzzer's, which knows what was reached.
"""

import logging
import random
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    sys.exit("carbonmatch: atheris is not installed: pip install -e '.[guided]'")

# What is imported in here is instrumented: nothing of ours may be imported before.
with atheris.instrument_imports(include=["carbonmatch"]):
    from tests.fuzz.mutation import Mutator
    from tests.fuzz.runner import all_seeds, keep
    from tests.fuzz.targets import TARGETS


def main() -> None:
    name, options = sys.argv[1], sys.argv[2:]
    target = TARGETS[name]
    seeds = all_seeds(target)
    mutator = Mutator(seeds, 1, target.words)

    def one(data: bytes) -> None:
        try:
            target.run(data)
        except BaseException:
            print(f"kept as {keep(name, data)}", file=sys.stderr)
            raise

    def mutated(data: bytes, size_max: int, seed: int) -> bytes:
        if random.Random(seed).random() < 0.5:
            changed = bytearray(data)
            mutator.change(changed)
            return bytes(changed[:size_max])
        return bytes(atheris.Mutate(data, size_max))

    logging.disable()
    with tempfile.TemporaryDirectory() as directory:
        for number, data in enumerate(seeds):
            (Path(directory) / str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], directory, *options], one, custom_mutator=mutated)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
