"""What accounts have: commands and reports of it; part of the vocabulary in `messages`.

Commands 23 and 135 to 138, reports 62 and 63. The rules of `messages` hold: append-only, golden bytes in
`proto/vectors/`.
"""

from enum import IntEnum, unique
from typing import Annotated

from msgspec import Meta

from carbonmatch.matching.vocabulary.commands import Command
from carbonmatch.matching.vocabulary.fields import (
    AccountId,
    AccountIdField,
    InstrumentId,
    InstrumentIdField,
    NumberField,
    Ref,
    RefField,
    TextField,
)
from carbonmatch.matching.vocabulary.reports import Report

_CurrencyField = Annotated[str, Meta(max_length=3)]


class _Transfer(Command, frozen=True):
    ref: RefField
    account_id: AccountIdField
    instrument_id: InstrumentIdField = InstrumentId(0)  # whose units; 0: money
    quantity_lots: NumberField = 0  # of units
    currency: _CurrencyField = ""  # of money, ISO 4217
    amount_minor: NumberField = 0  # of money, in minor units of the currency
    text: TextField = ""  # the reason, and what the registry or the bank calls it


class Deposit(_Transfer, frozen=True, tag=135):
    """Operators only: units of an instrument, or money of a currency, have come into an account."""


class Withdraw(_Transfer, frozen=True, tag=136):
    """Operators only: units of an instrument, or money of a currency, leave an account."""


class SetAccountLimits(Command, frozen=True, tag=137):
    """Operators only: what an account may hold of an instrument, in place of what was said before.

    Who holds or has ordered more by now keeps that, and orders no more.
    """

    ref: RefField
    account_id: AccountIdField
    instrument_id: InstrumentIdField
    # With all that it has ordered to buy; 0: as the instrument's rules say.
    position_max_lots: NumberField = 0
    report_from_lots: NumberField = 0  # from what on it is a large holder; 0: as the instrument's rules say
    text: TextField = ""  # the reason
    # What it was allocated, where limits of its class add that; see [HolderRules](#holderrules).
    allocated_lots: NumberField = 0


@unique
class Restriction(IntEnum):
    """What an account may not do."""

    NONE = 0  # it may do everything
    NO_BUYING = 1
    NO_SELLING = 2
    NO_TRADING = 3  # neither of both


class RestrictAccount(Command, frozen=True, tag=138):
    """Operators only: what an account may not do from now on, in place of what was said before.

    What is open stays, unless it `cancels`.
    """

    ref: RefField
    account_id: AccountIdField
    restriction: Restriction  # what it may not do
    instrument_id: InstrumentIdField = InstrumentId(0)  # where; 0: in all that are cleared now
    cancels: bool = False  # orders, offers of blocks and bids that are open and forbidden now
    text: TextField = ""  # the reason


class _Inquiry(Command, frozen=True):
    ref: RefField
    account_id: AccountIdField = AccountId(0)  # 0: all that may be asked after
    instrument_id: InstrumentIdField = InstrumentId(0)  # only what they have of this one; 0: everything
    # What the last report of the last answer was of; leaves out everything up to it.
    after_account_id: AccountIdField = AccountId(0)
    after_instrument_id: InstrumentIdField = InstrumentId(0)  # of that report too; of Cash: 0
    after_currency: _CurrencyField = ""  # of that report too; of a Holding: empty


class HoldingsRequest(_Inquiry, frozen=True, tag=23):
    """What accounts of the session have.

    Answered by a Cash for each currency and a Holding for each instrument, at most 256, and a StatusEnd: in
    the order of accounts, of each of them money by currency, and then units by instrument.
    """


class InspectHoldings(_Inquiry, frozen=True, tag=146):
    """Operators only: what any accounts of the venue have. Answered as a HoldingsRequest."""


class Holding(Report, frozen=True, tag=62):
    """What an account has of an instrument, as it was asked for."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    account_id: AccountId
    instrument_id: InstrumentId
    total_lots: int  # all of it: available, reserved and unsettled
    available_lots: int  # may be sold, or withdrawn
    reserved_lots: int  # for orders to sell, and whatever else is promised
    unsettled_lots: int  # bought, and not to be sold before settlement
    bought_today_lots: int  # of these, on the trading day in progress
    buying_lots: int  # that its open orders would add
    position_max_lots: int = 0  # what it may hold, with all that it has ordered to buy; 0: any quantity
    report_from_lots: int = 0  # who holds so much or more is a large holder; 0: nobody is
    restriction: Restriction = Restriction.NONE  # what it may not do
    allocated_lots: int = 0  # what limits of its class add, as operators have said
    # What it has sold more than it bought, by the carry-over rule, up to the last trading day that has ended.
    net_sold_lots: int = 0
    # What it may carry over by that rule, of all instruments of its group together.
    carry_over_max_lots: int = 0


class Cash(Report, frozen=True, tag=63):
    """What money an account has in a currency, as it was asked for."""

    seq: int
    ref: Ref
    time_ns: int
    flags: int
    account_id: AccountId
    currency: str
    total_minor: int  # in minor units: available and reserved
    available_minor: int  # may buy
    reserved_minor: int  # for orders to buy, with their fees
    withdrawable_minor: int  # may leave now: what is available, without the proceeds of the day in progress
