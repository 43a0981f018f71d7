"""The three presets of `load`, one after the other, against the targets."""

from collections.abc import Sequence

from bench import load


def main(arguments: Sequence[str]) -> int:
    return load.main(["--preset", "all", *arguments])
