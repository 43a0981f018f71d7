"""The rules of a market in words: sizes in tonnes, prices in currency, bands in percent, local times.

What a rule says is read from the configuration and nowhere else, so that no page can differ from it.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Final

from carbonmatch.config.calendars import AUCTIONS, Schedule, Step
from carbonmatch.config.evidence import IN_WORDS, RuleName
from carbonmatch.config.profiles import Profile, profile_named
from carbonmatch.config.schema import Config, Instrument
from carbonmatch.limits import QUANTITY_LOTS_MAX
from carbonmatch.words import price_text


def rule_rows(config: Config, name: str) -> list[tuple[RuleName, str, str]]:
    """Of a profile that `config` has taken: each rule, what it says, and how surely that is known."""
    profile = profile_named(name)
    instruments = [one for one in config.instruments if one.symbol in profile.tables["instruments"]]
    return [
        (rule, _of_all(rule, config, instruments), _known(profile, rule))
        for rule in RULES
        if rule in profile.rules
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


# --- each rule ------------------------------------------------------------------------------------


def _tonnes(one: Instrument, lots: int) -> str:
    return f"{lots * one.lot_tonnes:,} t"


def _price(one: Instrument, ticks: int) -> str:
    return f"{price_text(ticks, one.price_decimals)} {one.currency}"


def _lot(one: Instrument, _: Config) -> str:
    return f"{_tonnes(one, 1)}, in steps of {_tonnes(one, one.quantity_increment_lots)}"


def _screen_size(one: Instrument, _: Config) -> str:
    low = _tonnes(one, one.quantity_min_lots)
    if one.quantity_max_lots == QUANTITY_LOTS_MAX:
        return f"from {low} an order"
    return f"{low} to {_tonnes(one, one.quantity_max_lots)} an order"


def _reference(one: Instrument, _: Config) -> str:
    if not one.reference_price_ticks:
        return "none: to be set"
    return _price(one, one.reference_price_ticks)


def _schedule_of(one: Instrument, config: Config) -> Schedule | None:
    return next((each for each in config.schedules if each.name == one.schedule), None)


def _steps(one: Instrument, config: Config) -> tuple[Step, ...]:
    schedule = _schedule_of(one, config)
    return () if schedule is None else schedule.steps


def _sessions(one: Instrument, config: Config) -> str:
    """The times between two steps, with what is open in them."""
    schedule = _schedule_of(one, config)
    if schedule is None:
        return f"{one.opening_phase} until an operator says otherwise"
    zone = next(each.time_zone for each in config.calendars if each.name == schedule.calendar)
    steps = schedule.steps
    spans = [
        f"{step.at} to {following.at} {step.phase.replace('_', ' ')}" for step, following in pairwise(steps)
    ]
    return f"{', '.join(spans)} ({zone})"


def _selection(one: Instrument, _: Config) -> str:
    screen = one.screen
    if screen.mechanism != "listing":
        return "none: orders that cross trade"
    levels = f"the best {screen.levels_max} levels" if screen.levels_max > 1 else "the best level"
    order = "any order" if screen.order_choice == "any" else "the order that has been there longest"
    strict = ", the best level first" if screen.strict_level_order and screen.levels_max > 1 else ""
    return f"a taker selects {order} of {levels}{strict}"


def _oversize(one: Instrument, _: Config) -> str:
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


def _call_auction(one: Instrument, config: Config) -> str:
    auctions = [
        f"{step.phase.replace('_', ' ')} at {step.at}"
        for step in _steps(one, config)
        if step.phase in AUCTIONS
    ]
    return ", ".join(auctions) or "none"


def _cancels(one: Instrument, config: Config) -> str:
    frozen = [
        f"not in the last {step.freeze_s} s of the {step.phase.replace('_', ' ')}"
        for step in _steps(one, config)
        if step.freeze_s
    ]
    return ", ".join(["what is left of an order, at any time while it is open", *frozen])


def _self_trade(one: Instrument, _: Config) -> str:
    return f"orders of one {one.self_trade.key} do not trade: {one.self_trade_prevention.replace('_', ' ')}"


RULES: Final[dict[RuleName, Callable[[Instrument, Config], str]]] = {
    "mechanisms": lambda one, _: one.screen.mechanism.replace("_", " "),
    "selection": _selection,
    "oversize": _oversize,
    "books": lambda one, _: f"{one.symbol} is number {one.id}",
    "lot": _lot,
    "tick": lambda one, _: _price(one, one.price_increment_ticks),
    "screen_size": _screen_size,
    "reference": _reference,
    "sessions": _sessions,
    "call_auction": _call_auction,
    "end_of_day": _end_of_day,
    "validity": lambda one, _: ", ".join(one.times_in_force),
    "order_types": lambda one, _: ", ".join(one.order_types).replace("_", " "),
    "cancels": _cancels,
    "self_trade": _self_trade,
}
