"""What everything here raises."""

from collections.abc import Iterable


class ConfigError(Exception):
    """The configuration cannot be used: `problems` says why, a line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))
