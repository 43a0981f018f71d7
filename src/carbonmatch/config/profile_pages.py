"""docs/profiles.md: every rule of every profile, what it says and how surely that is known.

python -m carbonmatch.config.profile_pages > docs/profiles.md
"""

from typing import Final

from carbonmatch.config.evidence import IN_WORDS
from carbonmatch.config.profiles import profile_named, profile_names
from carbonmatch.config.reading import parse
from carbonmatch.config.rule_words import rule_rows

_HEAD: Final = """\
# Profiles: the markets that are shipped

Made from the profiles by `python -m carbonmatch.config.profile_pages`; a test compares. How a configuration
takes them is in [configuration.md](configuration.md#profiles).

A profile is what we know of a market's rules, as configuration. The last column says how surely each of
them is known:

| | |
|---|---|
"""
_MISSING: Final = (
    (
        "order types: one-cancels-other (EUA on the spot market)",
        "not built; every other type that the exchange names is there",
    ),
    (
        "volatility of EUA on the spot market, by two windows and a static range",
        "the mechanism is there (`[instruments.volatility]`); its numbers are not published",
    ),
    (
        "settlement: netted by a clearing house (KAU), at the moment of a trade",
        "the file is gross, trade by trade; a house that steps in nets it",
    ),
    (
        "what is carried over, surrendered or borrowed",
        "the registry's; net sales are counted for it (`carry_over`)",
    ),
    (
        "intervention by an authority when prices leave a range (BEA, 20 to 150 CNY)",
        "the authority's; it bids or sells as anybody, or an operator halts",
    ),
    (
        "records kept for 20 years",
        "the venue's archive of its journal, from which nothing is ever removed",
    ),
    (
        "the day by which companies surrender",
        "nothing in the engine depends on it; `carbonmatch surveillance --deadline` looks at what"
        " happens before it",
    ),
    (
        "serial numbers of units (SZEA)",
        "the registry's: units of one instrument are alike here",
    ),
    (
        "five trading days between buying and selling (Guofa [2011] 38)",
        "`reversal_days`; no profile has it, because no rules of these markets that were read say"
        " it: units that were bought may be sold on the next day there",
    ),
    (
        "orders until cancelled and until a date end after a year (EUA on the spot market)",
        "not built; an operator cancels what is older",
    ),
    (
        "what an auction did not sell goes to the next four (EUA)",
        "whoever announces these says how much each of them sells",
    ),
    (
        "negotiated trades are not put right (KAU)",
        "operators may bust and correct every trade here; `permissions` keep them from it",
    ),
)
_ORDER: Final = (
    "cea", "ccer", "bea", "tjea", "shea", "cqea", "gdea", "hbea", "szea", "fjea",
    "eua_spot", "eua_auction", "kau", "continuous",
)  # fmt: skip


def pages() -> str:
    assert sorted(_ORDER) == profile_names()
    certainties = "".join(f"| {name} | {words} |\n" for name, words in IN_WORDS.items())
    return _HEAD + certainties + "".join(map(_page, _ORDER)) + _missing()


def _missing() -> str:
    rows = "".join(f"| {rule} | {why} |\n" for rule, why in _MISSING)
    return f"\n## What markets have and no profile says\n\n| rule | why |\n|---|---|\n{rows}"


def _page(name: str) -> str:
    profile = profile_named(name)
    config = parse(f'profiles = ["{name}"]', name)
    rows = "".join(
        f"| {rule.replace('_', ' ')} | {_cell(words)} | {_cell(profile.rules[rule].source)} | "
        f"{profile.rules[rule].certainty} |\n"
        for rule, words, _ in rule_rows(config, name)
    )
    sources = "".join(f"* {source}\n" for source in profile.sources)
    return (
        f"\n## `{name}`: {profile.title}\n\nNumbers {profile.ids[0]} to {profile.ids[1]}.\n\n"
        f"| rule | what it says | source | certainty |\n|---|---|---|---|\n{rows}\nSources:\n\n{sources}"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(pages(), end="")
