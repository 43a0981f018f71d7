"""What a run of settlement holds: trades as they stand, and what became of trades of earlier days."""

from typing import Final

from msgspec import Struct

from carbonmatch.matching.messages import (
    AccountId,
    DayEnded,
    InstrumentDefinition,
    InstrumentId,
    ParticipantId,
    TradeId,
    TradeKind,
)

NO_FEES: Final = (0, 0)


class AccountCode(Struct, frozen=True, gc=False, array_like=True):
    """Whose an account is, and what it is called."""

    account_id: AccountId
    participant_id: ParticipantId
    name: str


class Terms(Struct, frozen=True, gc=False, array_like=True):
    """What a trade is worth: at its price, of so many lots. Fees are of the buyer and of the seller."""

    price_ticks: int
    quantity_lots: int
    amount_minor: int
    fees_minor: tuple[int, int] = NO_FEES


class SettledTrade(Struct, gc=False, array_like=True):
    """A trade, and what stands of it; `stands` of 0 lots: it was busted."""

    trade_id: TradeId
    instrument_id: InstrumentId
    kind: TradeKind
    time_ns: int
    buyer: AccountId
    seller: AccountId
    made: Terms
    stands: Terms

    @property
    def is_corrected(self) -> bool:
        return self.stands != self.made


class Adjustment(Struct, frozen=True, gc=False, array_like=True):
    """A trade of an earlier day that was busted or corrected since: from what it was settled at, to what."""

    trading_day: int  # of the trade
    trade_id: TradeId
    instrument_id: InstrumentId
    kind: TradeKind
    time_ns: int  # when it was adjusted
    buyer: AccountId
    seller: AccountId
    before: Terms
    after: Terms

    @property
    def is_bust(self) -> bool:
        return not self.after.quantity_lots


class CarriedOver(Struct, frozen=True, gc=False, array_like=True):
    """What an account has sold more than it bought on the days of a carry-over rule, as of the run."""

    account_id: AccountId
    instrument_id: InstrumentId
    sold_lots: int
    group: str
    group_sold_lots: int  # of all instruments of the group
    max_lots: int  # what may be carried over by them


class JournalPlace(Struct, frozen=True, gc=False, array_like=True):
    """The record that ended the day, and what ties it to all that was journaled before."""

    segment: int
    offset: int
    chain: int  # checksum of the record's header, which covers the one before it
    previous_digest: bytes  # of the segment before, as this one's header says


class Run(Struct, frozen=True):
    """Everything that one file settles."""

    ends: list[DayEnded]  # one for each instrument
    definitions: dict[InstrumentId, InstrumentDefinition]
    accounts: dict[AccountId, AccountCode]  # as they were called when the day ended
    trades: list[SettledTrade]  # in the order of their ids; busted ones too
    adjustments: list[Adjustment]  # in the order in which they were made
    place: JournalPlace
    carried_over: list[CarriedOver] = []  # of accounts that the run moves, where it is counted

    @property
    def trading_day(self) -> int:
        return self.ends[0].trading_day

    @property
    def number(self) -> int:
        """Of the day, from 1."""
        return self.ends[0].run

    @property
    def sequence(self) -> int:
        """Of the command that ended the day."""
        return self.ends[0].sequence

    @property
    def first_sequence(self) -> int:
        """From which on its trades are in the journal."""
        return 1 + min(end.after_sequence for end in self.ends)

    @property
    def standing(self) -> list[SettledTrade]:
        """The trades that are to be settled."""
        return [trade for trade in self.trades if trade.stands.quantity_lots]
