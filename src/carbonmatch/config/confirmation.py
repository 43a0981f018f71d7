"""The table `confirmation`: which commands of operators a second one has to confirm."""

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

from carbonmatch.config.section import Section
from carbonmatch.matching.messages import DefineConfirmation, Foreseeable

ConfirmedName = Literal[
    "kill",
    "release",
    "bust_trade",
    "correct_trade",
    "deposit",
    "withdraw",
    "end_day",
    "set_phase",
    "resume",
    "set_block_phase",
    "restrict_account",
    "set_account_limits",
    "set_band",
    "set_reference",
    "cancel_bidding",
]
_NS_PER_SECOND: Final = 1_000_000_000
_TAGS: Final = {kind.__name__.lower(): kind.__struct_config__.tag for kind in get_args(Foreseeable)}


class Confirmation(Section, frozen=True):
    """Without commands everything is done at once."""

    commands: tuple[ConfirmedName, ...] = ()
    within_s: Annotated[int, Meta(ge=1, le=86_400)] = 600

    def command(self) -> DefineConfirmation:
        if not self.commands:
            return DefineConfirmation()
        tags = sorted({_TAGS[name.replace("_", "")] for name in self.commands})
        return DefineConfirmation(tuple(tags), self.within_s * _NS_PER_SECOND)


def in_words(confirmation: Confirmation) -> list[str]:
    if not confirmation.commands:
        return []
    names = ", ".join(confirmation.commands)
    return [f"a second operator confirms within {confirmation.within_s} s: {names}"]
