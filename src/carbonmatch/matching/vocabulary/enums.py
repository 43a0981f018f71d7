"""Numbers of the wire that have names: kinds, flags and reasons. Only ever added to."""

from enum import IntEnum, unique
from typing import Final


@unique
class Side(IntEnum):
    BUY = 1
    SELL = 2


@unique
class OrderType(IntEnum):
    LIMIT = 1
    # Trades up to a protection price (its own, the instrument's distance, or the band); never rests.
    MARKET = 2
    STOP = 3  # waits unseen until its stop price is reached, and is a market order then
    STOP_LIMIT = 4  # waits unseen until its stop price is reached, and is a limit order then


@unique
class TimeInForce(IntEnum):
    DAY = 1  # expires when its instrument closes
    GTC = 2  # rests until cancelled
    IOC = 3  # trades what it can at once, the rest is cancelled
    FOK = 4  # trades completely at once, or is refused
    GTD = 5  # rests until the time it gives
    AT_OPEN = 6  # for the opening auction only
    AT_CLOSE = 7  # for the closing auction only
    GOOD_FOR_AUCTION = 8  # for the next auction, whichever


@unique
class SelfTradePrevention(IntEnum):
    """What happens where an order would trade with one of the same owner; the taker's wish decides."""

    INSTRUMENT_DEFAULT = 0
    NONE = 1
    CANCEL_NEWEST = 2  # the taker
    CANCEL_OLDEST = 3  # the maker
    CANCEL_BOTH = 4
    DECREMENT = 5  # both are reduced by the smaller quantity; what reaches zero is cancelled


@unique
class SelfTradeKey(IntEnum):
    """Whose orders an instrument takes for one owner's: self-trade prevention is between them."""

    PARTICIPANT = 1  # all accounts of a firm
    ACCOUNT = 2  # each account by itself
    GROUP = 3  # the accounts of a group, of whatever firm; of an account without a group, its firm


class SelfTradeFlag:
    """Bits of `SelfTradeRules.allowed`: which modes an order may ask for. Append-only."""

    NONE: Final = 1 << 1
    CANCEL_NEWEST: Final = 1 << 2
    CANCEL_OLDEST: Final = 1 << 3
    CANCEL_BOTH: Final = 1 << 4
    DECREMENT: Final = 1 << 5
    ALL: Final = NONE | CANCEL_NEWEST | CANCEL_OLDEST | CANCEL_BOTH | DECREMENT


class OrderFlag:
    """Bits of `NewOrder.flags`."""

    POST_ONLY: Final = 1  # refused where it would trade on entry
    KEEP_ON_DISCONNECT: Final = 2  # not touched by cancel-on-disconnect
    ALL: Final = 3


class Permission:
    """Bits of `permissions`: which commands may be given, where not all of a role. Append-only.

    Below 2^8 what traders do, and from there on what operators do.
    """

    PLACE: Final = 1 << 0  # orders, replacements, selections, blocks and bids
    CANCEL: Final = (
        1 << 1
    )  # and whatever takes risk out: cancels, reductions, what takes back blocks and bids
    READ: Final = 1 << 2  # what is open of its accounts, and what they have
    PHASES: Final = 1 << 8  # of instruments and of blocks
    PRICES: Final = 1 << 9  # bands and reference prices
    TRADES: Final = 1 << 10  # looking at trades, and taking them back or putting them right
    ACCOUNTS: Final = 1 << 11  # what comes into accounts and leaves them, their limits and restrictions
    BIDDINGS: Final = 1 << 12  # announcing and cancelling them
    SETTLEMENT: Final = 1 << 13  # the ends of trading days, and the registry's answers
    INSPECT: Final = 1 << 14  # what anybody has, who is connected, and what is not settled
    DECIDE: Final = 1 << 16  # confirming and rejecting what other operators have proposed
    KILL: Final = 1 << 15  # stopping the venue, participants, accounts and instruments, and releasing them
    SESSIONS: Final = 1 << 18  # ending connections, and how much sessions may send
    CONFIGURATION: Final = 1 << 19  # snapshots, reading the file again, and changes of what it says
    NOTHING: Final = 1 << 30  # of no command: what is left where session and key have none in common


class AllowedFlag:
    """Bits of `InstrumentDefinition.allowed`: what its orders may be. Append-only.

    Below 2^16 what kind of order it is, and from there on how long it stands.
    """

    LIMIT: Final = 1 << 0
    MARKET: Final = 1 << 1
    STOP: Final = 1 << 2
    STOP_LIMIT: Final = 1 << 3
    ICEBERG: Final = 1 << 4  # display_lots
    MINIMUM_QUANTITY: Final = 1 << 5  # minimum_lots
    POST_ONLY: Final = 1 << 6
    DAY: Final = 1 << 16
    GTC: Final = 1 << 17
    IOC: Final = 1 << 18
    FOK: Final = 1 << 19
    GTD: Final = 1 << 20
    AT_OPEN: Final = 1 << 21
    AT_CLOSE: Final = 1 << 22
    GOOD_FOR_AUCTION: Final = 1 << 23
    # What an instrument allows whose definition does not say: all that there was before there was a choice.
    DEFAULT: Final = LIMIT | MARKET | POST_ONLY | DAY | GTC | IOC | FOK
    _LATER_TIMES: Final = GTD | AT_OPEN | AT_CLOSE | GOOD_FOR_AUCTION
    ALL: Final = DEFAULT | STOP | STOP_LIMIT | ICEBERG | MINIMUM_QUANTITY | _LATER_TIMES


class ReportFlag:
    """Bits of `flags` in every report."""

    NOT_DURABLE: Final = 1  # the venue runs in relaxed mode: answered before the disk has it
    POSSIBLE_DUPLICATE: Final = 2  # the stored outcome, sent again because the ref was repeated


@unique
class Phase(IntEnum):
    """State of an instrument; `instrument.ALLOWED` says what each one admits."""

    CONTINUOUS = 1
    HALTED = 2
    CANCEL_ONLY = 3
    CLOSED = 4
    PRE_OPEN = 5  # orders gather for the opening, nothing matches
    OPENING_AUCTION = 6
    CLOSING_AUCTION = 7
    VOLATILITY_AUCTION = 8
    BREAK = 9  # the pause within a trading day


# Where orders are taken and do not trade: they gather for an auction, and may cross each other.
GATHERING: Final = frozenset(
    {Phase.PRE_OPEN, Phase.OPENING_AUCTION, Phase.CLOSING_AUCTION, Phase.VOLATILITY_AUCTION}
)


@unique
class Liquidity(IntEnum):
    MAKER = 1
    TAKER = 2
    AUCTION = 3  # neither: the fill is one of an auction


@unique
class TradeKind(IntEnum):
    """How a trade came about."""

    CONTINUOUS = 1
    AUCTION = 2  # at the one price of an auction
    LISTED = 3  # a taker has selected a listed order
    BLOCK = 4  # negotiated between two parties
    BIDDING = 5  # allotted in one-way bidding


# Trades of orders that anybody could trade with. They alone make open, high, low, last and close.
SCREEN_TRADES: Final = frozenset({TradeKind.CONTINUOUS, TradeKind.AUCTION, TradeKind.LISTED})


@unique
class AuctionRule(IntEnum):
    """What decided the price of an auction: the first rule that left one price only."""

    NONE = 0  # nothing could trade, so there is no price
    VOLUME = 1  # the most is traded at it
    SURPLUS = 2  # of those prices, it leaves the least unfilled
    PRESSURE = 3  # of those, the highest where buyers are left over, the lowest where sellers are
    REFERENCE = 4  # of those, the nearest to the reference price
    MIDDLE = 5  # of those, where there is no reference price, the middle of the lowest and the highest


@unique
class MassCancelScope(IntEnum):
    SESSION = 1  # orders which this session entered
    ACCOUNT = 2  # orders of an account, or of all accounts the session may act for


@unique
class RejectReason(IntEnum):
    """Why a command was refused. Append-only. Below 100: the session's rules; above: the market's."""

    MALFORMED = 1  # bytes that are no frame, no message, or out of bounds
    UNKNOWN_MESSAGE = 2  # a tag that this connection does not take
    NOT_LOGGED_ON = 3  # something else before the logon was answered
    VERSION = 4  # no version of the protocol in common
    THROTTLED = 5  # over the announced rate: try again later, with a new ref
    FRAME_TOO_LONG = 6  # more bytes than a frame may have
    REF_NOT_APPLIED = 7  # below the last applied ref, yet never applied itself, and never will be
    HISTORY_LOST = 8  # reports that far back are no longer kept
    NOT_ENTITLED = 9  # for operators only
    LOGON_REFUSED = 10  # key, signature, session or role: which one is not told
    DEGRADED_STORAGE = 11  # the disk is slow or full: cancels only, for now
    SHUTTING_DOWN = 12  # the venue stops
    NEXT_SEQ_IN_FUTURE = 13  # the logon asks for a report after the next one
    ALREADY_LOGGED_ON = 14  # a connection has one logon
    SUBSCRIPTION = 15  # the subscription names an unknown instrument
    BUSY = 16  # a new order or a replacement that has waited for its turn too long to be applied
    SESSION_BANNED = 20  # an operator has ended its connections, and lets it back later: the text says when

    UNKNOWN_INSTRUMENT = 100  # no instrument has this id
    UNKNOWN_ORDER = 101  # also an order of somebody else: the two answers do not differ
    INVALID_QUANTITY = 103  # zero, or beyond every market
    QUANTITY_INCREMENT = 104  # no multiple of the instrument's quantity increment
    PRICE_INCREMENT = 105  # no multiple of the instrument's price increment
    BELOW_MINIMUM = 106  # fewer lots than the instrument admits in one order
    ABOVE_MAXIMUM = 107  # more lots than the instrument admits in one order, or than the trade was of
    OUTSIDE_BAND = 108  # a price below or above the instrument's band
    OUTSIDE_COLLAR = 110  # a price too far beyond the opposite best
    HALTED = 111  # the instrument is halted
    CANCEL_ONLY = 112  # the instrument admits cancels only
    CLOSED = 113  # the instrument is closed
    POST_ONLY_WOULD_TRADE = 115  # a post-only order would trade at once
    CANNOT_FILL = 116  # a FOK order would not trade completely
    NO_LIQUIDITY = 117  # a market order finds nothing to trade with
    SELF_SELECTION = 118  # the listed order, or the other side of the block, is the taker's own
    INSUFFICIENT_HOLDINGS = 119  # the account has fewer lots that are neither reserved nor still to settle
    INSUFFICIENT_CASH = 120  # the account has less free money than the order and its highest fee need
    POSITION_LIMIT = 121  # with what it has and has ordered to buy, the account would hold too much
    OPEN_ORDER_LIMIT = 123  # the session or the venue has as many open orders as it may
    UNKNOWN_ACCOUNT = 124  # no account of this session
    INVALID_STOP_PRICE = 127  # none on a stop, one on anything else, or not on the price increment
    INVALID_EXPIRY = 128  # a GTD order without a time to come
    MINIMUM_NOT_MET = 129  # less than the order's minimum would trade at once
    BELOW_RESERVE = 131  # a bid that is worse than the reserve price of its bidding
    NOT_AMENDABLE = 132  # a reduction that does not reduce, a replacement or correction that changes nothing
    INVALID_PRICE = 135  # zero, or beyond every market
    NO_PROTECTION_PRICE = 136  # a market order that nothing bounds: no price, no distance, no band
    INCOMPATIBLE_INSTRUCTIONS = 137  # type, time in force and flags contradict each other
    ORDER_TYPE_NOT_ALLOWED = 138  # the instrument does not have this type, iceberg, minimum or post-only
    TIME_IN_FORCE_NOT_ALLOWED = 139  # the instrument does not have this time in force
    INVALID_DISPLAY = 140  # a displayed quantity that is no order of its own, or not less than the total
    INVALID_MINIMUM = 141  # a minimum above the quantity
    FROZEN = 142  # so near the end of an auction, and while it is carried out, orders stay as they are
    NOT_IN_THIS_PHASE = 143  # the phase does not admit the command, or not an order of this kind
    SELF_TRADE_PREVENTION_NOT_ALLOWED = 144  # the instrument does not have this mode
    UNKNOWN_TRADE = 146  # no trade has this id
    ALREADY_BUSTED = 147  # the trade was busted: nothing of it is left to bust or to correct
    AMENDED_TRADE_LIMIT = 148  # as many trades as may be were busted or corrected
    ACCOUNT_RESTRICTED = 149  # an operator has said that the account may not buy, or not sell
    NOT_PERMITTED = 150  # of the session's rules: session or key do not have the permission for the command
    NOT_SELECTABLE = 151  # no such order is listed, or it is not one that may be selected now at this price
    OVERSIZE = 152  # more lots than the listed order has left
    UNKNOWN_PROPOSAL = 153  # no open one, or one between others: the two answers do not differ
    NOT_COUNTERPARTY = 154  # the other side's to do: who offers withdraws, who is to answer answers
    TERMS_DIFFER = 155  # not the price and the quantity that stand, which may have changed
    PROPOSAL_LIMIT = 156  # the account or the venue has as many open proposals as it may
    UNKNOWN_COUNTERPARTY = 157  # no account or participant of the venue
    UNKNOWN_BIDDING = 158  # no bidding has this id, or it is over
    OVER_SHARE = 159  # the bids of one bidder would ask for more than its share of what is offered
    BID_NOT_ALLOWED = 160  # by the one party itself, one bid too many, or no change of a bid allowed
    UNKNOWN_BID = 161  # also a bid of somebody else: the two answers do not differ
    BIDDING_LIMIT = 162  # as many biddings, or bids, as may be are under way
    INVALID_WINDOW = 163  # a window of bidding that ends before it begins, or before now
    MECHANISM_NOT_AVAILABLE = 166  # the instrument does not have this way of trading
    DAY_NOT_OVER = 164  # an instrument is not closed yet: its day does not end before
    DAY_ALREADY_ENDED = 165  # this trading day of the instrument has ended, or a later one
    UNKNOWN_TRADING_DAY = 167  # no date, one to come, not the day in progress, or one without such a run
    SETTLEMENT_ALREADY_CONFIRMED = 168  # the registry has confirmed this run before
    NO_BID_POSSIBLE = 169  # by its rules nobody could bid in the bidding, or be allotted anything
    KILLED = 180  # an operator has stopped the venue, the participant, the account or the instrument
    NOT_KILLED = 181  # nobody has stopped that
    NOT_WAITING = 183  # no command of this number waits for confirmation
    OWN_COMMAND = 184  # who has proposed a command, or shares a key with who did, does not confirm it
    WAITING_LIMIT = 185  # as many commands wait for confirmation as may
    AWAITS_CONFIRMATION = 186  # in audits only: not done then; a Decide says what became of it, if one came
    UNKNOWN_PARTICIPANT = 182  # no account belongs to a participant of this id
    UNKNOWN_SESSION = 190  # no session or drop copy has this name
    OWN_SESSION = 191  # an operator may not shut out the session that the command comes from
    INSTRUMENT_DELISTED = 192  # the instrument has left the market
    REVERSAL = 194  # it bought what it would sell too few days ago, or has ordered it; or the other way round
    NOT_APPLIED = 193  # in audits only: nothing came of the command, and its Outcome says why


@unique
class CancelReason(IntEnum):
    """Why an order (or what was left of it) is gone without having traded. Append-only."""

    REQUESTED = 1  # by a cancel of the session that entered it
    MASS_CANCEL = 2  # by a mass cancel
    IOC_REMAINDER = 3  # what an IOC order could not trade at once
    MARKET_REMAINDER = 4  # what a market order could not trade up to its protection price
    SELF_TRADE = 5  # by self-trade prevention
    EXPIRED = 6  # its time in force is over
    DISCONNECTED = 7  # by cancel-on-disconnect
    REDUCED_TO_FILLED = 8  # an amendment asked for no more than had traded already
    REQUESTED_BY_OTHER_SESSION = 9  # by a cancel of another session of the account
    TOO_MANY_MAKERS = 10  # its frame has met as many orders as one frame may
    MINIMUM_NOT_MET = 11  # a stop fired, and less than its minimum would have traded
    REFUSED_WHEN_FIRED = 12  # a stop fired at a price that band or collar do not admit, or without protection
    AUCTION_OVER = 13  # what an order for an auction only had left after it
    VOLATILITY_INTERRUPTION = 14  # it would have traded outside of the corridor, and does not rest
    INTERVAL_LIMIT = 15  # what an order could not trade up to the interval price limit, beyond which it lies
    SESSION_REMOVED = 16  # its session is none of the venue's any more
    SELECT_REMAINDER = 17  # what a selection asked for beyond what the listed order had left
    RESTRICTED = 18  # an operator has restricted its account, and had open orders taken out
    KILLED = 20  # an operator has stopped the venue, its participant, its account or its instrument
    DELISTED = 21  # its instrument has left the market
