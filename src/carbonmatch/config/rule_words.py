"""The rules of a market in words: sizes in tonnes, prices in currency, bands in percent, local times.

What a rule says is read from the configuration and nowhere else, so that no page can differ from it.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

from msgspec import structs

from carbonmatch.config import bidding, blocks, clearing, composites, volatility
from carbonmatch.config.calendars import AUCTIONS, Schedule, Step
from carbonmatch.config.evidence import IN_WORDS, RuleName
from carbonmatch.config.prices import OPEN_WORDS, Prices, close_words
from carbonmatch.config.profiles import Profile, profile_named
from carbonmatch.config.schema import Config, Instrument
from carbonmatch.config.volatility import Width
from carbonmatch.limits import QUANTITY_LOTS_MAX
from carbonmatch.words import price_text


def rule_rows(config: Config, name: str) -> list[tuple[RuleName, str, str]]:
    """Of a profile that `config` has taken: each rule, what it says, and how surely that is known."""
    profile = profile_named(name)
    instruments = [one for one in config.instruments if one.symbol in profile.tables["instruments"]]
    return [
        (
            rule,
            _composites(config, profile) if rule == "composite" else _of_all(rule, config, instruments),
            _known(profile, rule),
        )
        for rule in profile.rules
    ]


def explained(config: Config, name: str) -> list[str]:
    """Lines for a terminal."""
    profile = profile_named(name)
    lines = [f"{name}: {profile.title}; numbers {profile.ids[0]} to {profile.ids[1]}"]
    for rule, words, known in rule_rows(config, name):
        lines += [f"  {rule.replace('_', ' ')}: {words}", f"    ({known})"]
    return [*lines, "sources:", *(f"  {source}" for source in profile.sources)]


def doubts(name: str) -> list[str]:
    """What of a profile is to be verified or set before anybody relies on it: a line for each certainty."""
    rules = profile_named(name).rules
    return [
        f"{IN_WORDS[certainty]}: {', '.join(of_it)}"
        for certainty in ("verify", "unknown")
        if (of_it := [rule.replace("_", " ") for rule, one in rules.items() if one.certainty == certainty])
    ]


def _known(profile: Profile, rule: RuleName) -> str:
    evidence = profile.rules[rule]
    words = IN_WORDS[evidence.certainty]
    return f"{words}; {evidence.source}" if evidence.source else words


def _of_all(rule: RuleName, config: Config, instruments: Iterable[Instrument]) -> str:
    """What a rule says of each instrument, once where that is the same for all of them."""
    by_words: dict[str, list[str]] = {}
    for one in instruments:
        by_words.setdefault(RULES[rule](one, config), []).append(one.symbol)
    if len(by_words) == 1:
        return next(iter(by_words))
    return "; ".join(f"{', '.join(symbols)}: {words}" for words, symbols in by_words.items())


def _composites(config: Config, profile: Profile) -> str:
    told = [one for one in config.composites if one.symbol in profile.tables["composites"]]
    return "; ".join(f"{one.symbol}: {composites.in_words(one)}" for one in told) or "none"


_NO_SCREEN: Final = "no screen"

# --- each rule ------------------------------------------------------------------------------------


def _tonnes(one: Instrument, lots: int) -> str:
    return f"{lots * one.lot_tonnes:,} t"


def _price(one: Instrument, ticks: int) -> str:
    return f"{price_text(ticks, one.price_decimals)} {one.currency}"


def _told(lines: Iterable[str]) -> str:
    """What a table says of itself, as one sentence."""
    return "; ".join(line.strip() for line in lines) or "none"


def _has_screen(one: Instrument) -> bool:
    """Whether orders trade on it; else only what is offered to bidders does."""
    return one.bidding is None or one.schedule is not None or one.opening_phase != "closed"


def _book(one: Instrument, _: Config) -> str:
    """Its number, and its days."""
    since = f", from {one.list_date} on" if one.list_date else ""
    until = f", until {one.last_trade_date}" if one.last_trade_date else ""
    return f"{one.id}{since}{until}"


def _mechanisms(one: Instrument, _: Config) -> str:
    screen = [one.screen.mechanism.replace("_", " ")] if _has_screen(one) else []
    beside = [word for word, table in (("blocks", one.blocks), ("one-way bidding", one.bidding)) if table]
    return ", ".join([*screen, *beside])


def _lot(one: Instrument, _: Config) -> str:
    return f"{_tonnes(one, 1)}, in steps of {_tonnes(one, one.quantity_increment_lots)}"


def _screen_size(one: Instrument, _: Config) -> str:
    low = _tonnes(one, one.quantity_min_lots)
    what = "an order" if _has_screen(one) else "a bid"
    if one.quantity_max_lots == QUANTITY_LOTS_MAX:
        return f"from {low} {what}"
    return f"{low} to {_tonnes(one, one.quantity_max_lots)} {what}"


def _band(one: Instrument, _: Config) -> str:
    if not one.prices.has_band:
        return "none"
    low, high = one.band
    now = f": {_price(one, low)} to {_price(one, high)}" if high else ""
    return f"{one.prices.width} of the reference price{now}"


def _rounding(one: Instrument, _: Config) -> str:
    return one.prices.band_rounding.replace("_", " ") if one.prices.has_band else "no band"


def _block_size(one: Instrument, _: Config) -> str:
    if one.blocks is None:
        return "no blocks"
    low, high = one.blocks.quantity_min_lots, one.blocks.quantity_max_lots
    return f"{_tonnes(one, low)} to {_tonnes(one, high)}" if high else f"{_tonnes(one, low)} or more"


def _block_band(one: Instrument, _: Config) -> str:
    rules = one.blocks
    if rules is None:
        return "no blocks"
    if rules.band == "none":
        return "any price"
    if rules.band == "instrument":
        return "that of the instrument"
    base = "the reference price" if rules.band == "reference" else "the close of the day so far"
    free = f"; any price above {_tonnes(one, rules.free_above_lots)}" if rules.free_above_lots else ""
    return f"{_percent(rules.band_up_basis_points, rules.band_down_basis_points)} around {base}{free}"


def _percent(up_basis_points: int, down_basis_points: int) -> str:
    up, down = f"{up_basis_points / 100:g} %", f"{down_basis_points / 100:g} %"
    return f"{up} up and down" if up == down else f"{up} up, {down} down"


def _negotiation(one: Instrument, _: Config) -> str:
    rules = one.blocks
    if rules is None:
        return "no blocks"
    who = "to everyone" + (" without a name" if rules.anonymous else "") if rules.public_posts else ""
    ways = " or ".join(filter(None, [who, "to one party" if rules.directed else ""]))
    confirms = "both sides confirm" if rules.confirm_both else "an acceptance is the trade"
    length = f"for {rules.ttl_seconds} s at most" if rules.ttl_seconds else "until the session ends"
    tape = "" if rules.tape == "at_once" else f"; everyone sees {blocks.TAPE_WORDS[rules.tape]}"
    return f"offered {ways}, {length}; {confirms}{tape}"


def _reference(one: Instrument, _: Config) -> str:
    if not one.reference_price_ticks:
        return "none: to be set"
    return _price(one, one.reference_price_ticks)


def _open(one: Instrument, _: Config) -> str:
    return "not told" if one.prices == Prices() else OPEN_WORDS[one.prices.open].removeprefix("its open is ")


def _close(one: Instrument, _: Config) -> str:
    if one.prices == Prices():
        return "not told"
    stale = (
        f"; stale after {one.prices.stale_alert_days} days without a trade"
        if one.prices.stale_alert_days
        else ""
    )
    return close_words(one.prices).removeprefix("its close is ") + stale


def _schedule_of(one: Instrument, config: Config) -> Schedule | None:
    return next((each for each in config.schedules if each.name == one.schedule), None)


def _steps(one: Instrument, config: Config) -> tuple[Step, ...]:
    schedule = _schedule_of(one, config)
    return () if schedule is None else schedule.steps


def _sessions(one: Instrument, config: Config) -> str:
    schedule = _schedule_of(one, config)
    if not _has_screen(one):
        return "those of each bidding, as it is announced"
    if schedule is None:
        return f"{one.opening_phase} until an operator says otherwise"
    return _times(schedule, config)


def _block_sessions(one: Instrument, config: Config) -> str:
    if one.blocks is None:
        return "no blocks"
    for schedule in config.schedules:
        if schedule.name == one.blocks.schedule:
            return _times(schedule, config).replace("continuous", "open")
    return f"{one.blocks.opening_phase} until an operator says otherwise"


def _times(schedule: Schedule, config: Config) -> str:
    """The times between two steps, with what is open in them."""
    zone = next(each.time_zone for each in config.calendars if each.name == schedule.calendar)
    steps = schedule.steps
    spans = [
        f"{step.at} to {following.at} {step.phase.replace('_', ' ')}" for step, following in pairwise(steps)
    ]
    return f"{', '.join(spans)} ({zone})"


def _selection(one: Instrument, _: Config) -> str:
    screen = one.screen
    if not _has_screen(one):
        return _NO_SCREEN
    if screen.mechanism != "listing":
        return "none: orders that cross trade"
    levels = f"the best {screen.levels_max} levels" if screen.levels_max > 1 else "the best level"
    order = "any order" if screen.order_choice == "any" else "the order that has been there longest"
    strict = ", the best level first" if screen.strict_level_order and screen.levels_max > 1 else ""
    return f"a taker selects {order} of {levels}{strict}"


def _trade_price(one: Instrument, config: Config) -> str:
    if one.bidding is not None and not _has_screen(one):
        return bidding.PRICES[one.bidding.rules().pricing]
    if one.screen.mechanism == "listing":
        return "that of the order that is selected"
    if one.screen.mechanism == "middle_price":
        return "the middle one of bid, ask and previous price"
    auction = "; in an auction the one at which most trades" if _auctions(one, config) else ""
    return f"that of the order that rests{auction}"


def _priority(one: Instrument, _: Config) -> str:
    if one.bidding is not None and not _has_screen(one):
        return f"price; at the last price {bidding.TIES[one.bidding.rules().tie]}"
    if one.screen.mechanism == "listing" and one.screen.order_choice == "any":
        return "price; at one price as the taker chooses"
    return "price, then time"


def _oversize(one: Instrument, _: Config) -> str:
    if not _has_screen(one):
        return _NO_SCREEN
    if one.screen.mechanism != "listing":
        return "what an order does not get from one it gets from the next"
    if one.screen.oversize == "reject":
        return "a selection of more than the order has left is refused"
    return "a selection of more than the order has left trades what is left"


def _end_of_day(one: Instrument, config: Config) -> str:
    schedule = _schedule_of(one, config)
    if schedule is None or schedule.end_of_day is None:
        return "when an operator ends it"
    return f"at {schedule.end_of_day}"


def _auctions(one: Instrument, config: Config) -> list[str]:
    return [
        f"{step.phase.replace('_', ' ')} at {step.at}"
        for step in _steps(one, config)
        if step.phase in AUCTIONS
    ]


def _call_auction(one: Instrument, config: Config) -> str:
    return ", ".join(_auctions(one, config)) or "none"


def _validity(one: Instrument, _: Config) -> str:
    return ", ".join(one.times_in_force) if _has_screen(one) else "bids stand until the bidding ends"


def _order_types(one: Instrument, _: Config) -> str:
    return ", ".join(one.order_types).replace("_", " ") if _has_screen(one) else "bids with a price"


def _cancels(one: Instrument, config: Config) -> str:
    if one.bidding is not None and not _has_screen(one):
        return f"bids are {bidding.REVISIONS[one.bidding.rules().revision]} while the window is open"
    frozen = [
        f"not in the last {step.freeze_s} s of the {step.phase.replace('_', ' ')}"
        for step in _steps(one, config)
        if step.freeze_s
    ]
    return ", ".join(["what is left of an order, at any time while it is open", *frozen])


def _collar(one: Instrument, _: Config) -> str:
    collar = one.volatility.collar
    widths = [
        *([_price(one, collar.ticks)] if collar.ticks else []),
        *([f"{collar.basis_points / 100:g} %"] if collar.basis_points else []),
    ]
    return f"no further than {' or '.join(widths)} beyond the opposite best" if widths else "none"


def _volatility(one: Instrument, _: Config) -> str:
    beside_the_collar = structs.replace(one.volatility, collar=Width())
    return _told(volatility.in_words(beside_the_collar, one.price_decimals))


def _self_trade(one: Instrument, _: Config) -> str:
    if not _has_screen(one):
        return _NO_SCREEN
    return f"orders of one {one.self_trade.key} do not trade: {one.self_trade_prevention.replace('_', ' ')}"


def _checks(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    if rules is None:
        return "none: neither units nor money are held"
    if not rules.cash:
        return "what is sold is there when the order comes; it is held"
    return "what is sold, or the money with fees, is there when the order comes; it is held"


def _lag(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    if rules is None:
        return "none"
    reversal = f"; {clearing.reversal_words(rules)}" if rules.reversal_days else ""
    return f"what was bought may be sold {clearing.lag_words(rules)}{reversal}"


def _proceeds(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    if rules is None or not rules.cash:
        return "no money is held"
    return "they buy at once, and leave when the trading day is over"


def _position_limit(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    words = "" if rules is None else clearing.position_words(rules, one.lot_tonnes)
    return f"{words}, with all that is ordered" if words else "none"


def _large_holder(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    words = "" if rules is None else clearing.report_words(rules, one.lot_tonnes)
    return f"who holds {words} or more is reported" if words else "nobody is reported"


def _carry_over(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    return ("" if rules is None else clearing.carry_over_words(rules, one.lot_tonnes)) or "not counted"


def _fees(one: Instrument, _: Config) -> str:
    rules = clearing.in_force(one.clearing)
    return "none" if rules is None else _told(clearing.fees_in_words(rules))


RULES: Final[dict[RuleName, Callable[[Instrument, Config], str]]] = {
    "books": _book,
    "mechanisms": _mechanisms,
    "selection": _selection,
    "bidding": lambda one, _: _told(bidding.in_words(one.definition())),
    "trade_price": _trade_price,
    "priority": _priority,
    "oversize": _oversize,
    "lot": _lot,
    "tick": lambda one, _: _price(one, one.price_increment_ticks),
    "screen_size": _screen_size,
    "band": _band,
    "rounding": _rounding,
    "block_size": _block_size,
    "block_band": _block_band,
    "block_sessions": _block_sessions,
    "negotiation": _negotiation,
    "reference": _reference,
    "open": _open,
    "close": _close,
    "sessions": _sessions,
    "call_auction": _call_auction,
    "end_of_day": _end_of_day,
    "validity": _validity,
    "order_types": _order_types,
    "cancels": _cancels,
    "checks": _checks,
    "lag": _lag,
    "proceeds": _proceeds,
    "position_limit": _position_limit,
    "large_holder": _large_holder,
    "collar": _collar,
    "volatility": _volatility,
    "self_trade": _self_trade,
    "fees": _fees,
    "carry_over": _carry_over,
}
