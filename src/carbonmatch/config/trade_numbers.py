"""Trade numbers: what the registry calls a trade, unique in the venue for ever.

A number follows from the trade alone: its day, how it came about, and its id, which is dense over the venue
and never given twice. So it is the same in every run that names the trade, however often the file is made,
and increases within a day and a market.
"""

from string import Formatter
from typing import Final

from carbonmatch.matching.messages import TradeId, TradeKind

DEFAULT_FORMAT: Final = "{day}-{mode}-{trade_id:08}"
_FIELDS: Final = frozenset({"day", "mode", "kind", "trade_id"})
# As many digits as are asked for, at least.
_SPECS: Final = frozenset({"", *(f"0{digits}" for digits in range(1, 17))})


def problems_of(form: str) -> list[str]:
    """What is wrong with a format, in words; nothing where it can be used."""
    try:
        parsed = list(Formatter().parse(form))
    except ValueError as error:
        return [f"{form!r} is no format: {error}"]
    parts = [(name, spec, conversion) for _, name, spec, conversion in parsed if name is not None]
    names = {name for name, _, _ in parts}
    problems = [
        f"{{{name}}} is unknown; expected {', '.join(sorted(_FIELDS))}" for name in sorted(names - _FIELDS)
    ]
    if "trade_id" not in names:
        problems.append(f"{form!r} has no {{trade_id}}: two trades would have one number")
    for name, spec, conversion in parts:
        if conversion or spec not in _SPECS or (spec and name == "mode"):
            problems.append(f"{{{name}}} is shown as {spec or conversion!r}; expected digits, as 08")
    if any(character in form for character in ',"\r\n'):
        problems.append(f"{form!r} holds a comma, a quote or a line break")
    return problems


def trade_number(form: str, trading_day: int, kind: TradeKind, trade_id: TradeId) -> str:
    """The number of a trade; `form` has no problems."""
    return form.format(day=trading_day, mode=kind.name, kind=int(kind), trade_id=trade_id)
