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
_ORDER: Final = (
    "cea", "ccer", "bea", "tjea", "shea", "cqea", "gdea", "hbea", "szea", "fjea",
    "eua_spot", "eua_auction", "kau", "continuous",
)  # fmt: skip


def pages() -> str:
    assert sorted(_ORDER) == profile_names()
    certainties = "".join(f"| {name} | {words} |\n" for name, words in IN_WORDS.items())
    return _HEAD + certainties + "".join(map(_page, _ORDER))


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
