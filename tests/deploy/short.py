"""The shipped rules with shorter durations, so that no test waits for half an hour; all else is the same."""

import re
from typing import Final

# A minute of a rule is a second of a test. Windows have to hold a few scrapes; days and hours would still be
# minutes, for which nobody waits.
FACTOR: Final = 60
MILLISECONDS_MIN: Final = 1_000
MILLISECONDS_MAX: Final = 20_000

_MILLISECONDS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FOR: Final = re.compile(r"^( *for: )(\d+)([smhd])$", re.MULTILINE)
_WINDOW: Final = re.compile(r"(\[)(\d+)([smhd])(?=\])")


def shortened(rules: str) -> str:
    """The text of a file of rules with each `for` and each window a sixtieth of what it was, 1 to 20 s."""
    return _WINDOW.sub(_shorter, _FOR.sub(_shorter, rules))


def _shorter(found: re.Match[str]) -> str:
    milliseconds = int(found[2]) * _MILLISECONDS[found[3]] // FACTOR
    return f"{found[1]}{min(max(milliseconds, MILLISECONDS_MIN), MILLISECONDS_MAX)}ms"
