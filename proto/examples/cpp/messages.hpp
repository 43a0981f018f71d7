// Every message of carbonmatch's wire. Made by `python -m carbonmatch.protocol.reference proto`: do not edit.
// What fields mean is in proto/MESSAGES.md.
//
// A struct is packed as the array that the wire has, and read from one that is as long, shorter or longer: a
// later engine may have added fields. `each_field` calls a visitor with the name and the value of each.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <msgpack.hpp>

namespace carbonmatch {

enum class Role : std::uint32_t {
  TRADE = 1,
  DROP_COPY = 2,
  MARKET_DATA = 3,
  OPERATOR = 4,
};

inline std::string to_string(Role value) {
  switch (value) {
    case Role::TRADE: return "TRADE";
    case Role::DROP_COPY: return "DROP_COPY";
    case Role::MARKET_DATA: return "MARKET_DATA";
    case Role::OPERATOR: return "OPERATOR";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class RejectReason : std::uint32_t {
  MALFORMED = 1,
  UNKNOWN_MESSAGE = 2,
  NOT_LOGGED_ON = 3,
  VERSION = 4,
  THROTTLED = 5,
  FRAME_TOO_LONG = 6,
  REF_NOT_APPLIED = 7,
  HISTORY_LOST = 8,
  NOT_ENTITLED = 9,
  LOGON_REFUSED = 10,
  DEGRADED_STORAGE = 11,
  SHUTTING_DOWN = 12,
  NEXT_SEQ_IN_FUTURE = 13,
  ALREADY_LOGGED_ON = 14,
  SUBSCRIPTION = 15,
  BUSY = 16,
  SESSION_BANNED = 20,
  UNKNOWN_INSTRUMENT = 100,
  UNKNOWN_ORDER = 101,
  INVALID_QUANTITY = 103,
  QUANTITY_INCREMENT = 104,
  PRICE_INCREMENT = 105,
  BELOW_MINIMUM = 106,
  ABOVE_MAXIMUM = 107,
  OUTSIDE_BAND = 108,
  OUTSIDE_COLLAR = 110,
  HALTED = 111,
  CANCEL_ONLY = 112,
  CLOSED = 113,
  POST_ONLY_WOULD_TRADE = 115,
  CANNOT_FILL = 116,
  NO_LIQUIDITY = 117,
  SELF_SELECTION = 118,
  INSUFFICIENT_HOLDINGS = 119,
  INSUFFICIENT_CASH = 120,
  POSITION_LIMIT = 121,
  OPEN_ORDER_LIMIT = 123,
  UNKNOWN_ACCOUNT = 124,
  INVALID_STOP_PRICE = 127,
  INVALID_EXPIRY = 128,
  MINIMUM_NOT_MET = 129,
  BELOW_RESERVE = 131,
  NOT_AMENDABLE = 132,
  INVALID_PRICE = 135,
  NO_PROTECTION_PRICE = 136,
  INCOMPATIBLE_INSTRUCTIONS = 137,
  ORDER_TYPE_NOT_ALLOWED = 138,
  TIME_IN_FORCE_NOT_ALLOWED = 139,
  INVALID_DISPLAY = 140,
  INVALID_MINIMUM = 141,
  FROZEN = 142,
  NOT_IN_THIS_PHASE = 143,
  SELF_TRADE_PREVENTION_NOT_ALLOWED = 144,
  UNKNOWN_TRADE = 146,
  ALREADY_BUSTED = 147,
  AMENDED_TRADE_LIMIT = 148,
  ACCOUNT_RESTRICTED = 149,
  NOT_PERMITTED = 150,
  NOT_SELECTABLE = 151,
  OVERSIZE = 152,
  UNKNOWN_PROPOSAL = 153,
  NOT_COUNTERPARTY = 154,
  TERMS_DIFFER = 155,
  PROPOSAL_LIMIT = 156,
  UNKNOWN_COUNTERPARTY = 157,
  UNKNOWN_BIDDING = 158,
  OVER_SHARE = 159,
  BID_NOT_ALLOWED = 160,
  UNKNOWN_BID = 161,
  BIDDING_LIMIT = 162,
  INVALID_WINDOW = 163,
  MECHANISM_NOT_AVAILABLE = 166,
  DAY_NOT_OVER = 164,
  DAY_ALREADY_ENDED = 165,
  UNKNOWN_TRADING_DAY = 167,
  SETTLEMENT_ALREADY_CONFIRMED = 168,
  NO_BID_POSSIBLE = 169,
  KILLED = 180,
  NOT_KILLED = 181,
  NOT_WAITING = 183,
  OWN_COMMAND = 184,
  WAITING_LIMIT = 185,
  AWAITS_CONFIRMATION = 186,
  UNKNOWN_PARTICIPANT = 182,
  UNKNOWN_SESSION = 190,
  OWN_SESSION = 191,
  INSTRUMENT_DELISTED = 192,
  REVERSAL = 194,
  NOT_APPLIED = 193,
};

inline std::string to_string(RejectReason value) {
  switch (value) {
    case RejectReason::MALFORMED: return "MALFORMED";
    case RejectReason::UNKNOWN_MESSAGE: return "UNKNOWN_MESSAGE";
    case RejectReason::NOT_LOGGED_ON: return "NOT_LOGGED_ON";
    case RejectReason::VERSION: return "VERSION";
    case RejectReason::THROTTLED: return "THROTTLED";
    case RejectReason::FRAME_TOO_LONG: return "FRAME_TOO_LONG";
    case RejectReason::REF_NOT_APPLIED: return "REF_NOT_APPLIED";
    case RejectReason::HISTORY_LOST: return "HISTORY_LOST";
    case RejectReason::NOT_ENTITLED: return "NOT_ENTITLED";
    case RejectReason::LOGON_REFUSED: return "LOGON_REFUSED";
    case RejectReason::DEGRADED_STORAGE: return "DEGRADED_STORAGE";
    case RejectReason::SHUTTING_DOWN: return "SHUTTING_DOWN";
    case RejectReason::NEXT_SEQ_IN_FUTURE: return "NEXT_SEQ_IN_FUTURE";
    case RejectReason::ALREADY_LOGGED_ON: return "ALREADY_LOGGED_ON";
    case RejectReason::SUBSCRIPTION: return "SUBSCRIPTION";
    case RejectReason::BUSY: return "BUSY";
    case RejectReason::SESSION_BANNED: return "SESSION_BANNED";
    case RejectReason::UNKNOWN_INSTRUMENT: return "UNKNOWN_INSTRUMENT";
    case RejectReason::UNKNOWN_ORDER: return "UNKNOWN_ORDER";
    case RejectReason::INVALID_QUANTITY: return "INVALID_QUANTITY";
    case RejectReason::QUANTITY_INCREMENT: return "QUANTITY_INCREMENT";
    case RejectReason::PRICE_INCREMENT: return "PRICE_INCREMENT";
    case RejectReason::BELOW_MINIMUM: return "BELOW_MINIMUM";
    case RejectReason::ABOVE_MAXIMUM: return "ABOVE_MAXIMUM";
    case RejectReason::OUTSIDE_BAND: return "OUTSIDE_BAND";
    case RejectReason::OUTSIDE_COLLAR: return "OUTSIDE_COLLAR";
    case RejectReason::HALTED: return "HALTED";
    case RejectReason::CANCEL_ONLY: return "CANCEL_ONLY";
    case RejectReason::CLOSED: return "CLOSED";
    case RejectReason::POST_ONLY_WOULD_TRADE: return "POST_ONLY_WOULD_TRADE";
    case RejectReason::CANNOT_FILL: return "CANNOT_FILL";
    case RejectReason::NO_LIQUIDITY: return "NO_LIQUIDITY";
    case RejectReason::SELF_SELECTION: return "SELF_SELECTION";
    case RejectReason::INSUFFICIENT_HOLDINGS: return "INSUFFICIENT_HOLDINGS";
    case RejectReason::INSUFFICIENT_CASH: return "INSUFFICIENT_CASH";
    case RejectReason::POSITION_LIMIT: return "POSITION_LIMIT";
    case RejectReason::OPEN_ORDER_LIMIT: return "OPEN_ORDER_LIMIT";
    case RejectReason::UNKNOWN_ACCOUNT: return "UNKNOWN_ACCOUNT";
    case RejectReason::INVALID_STOP_PRICE: return "INVALID_STOP_PRICE";
    case RejectReason::INVALID_EXPIRY: return "INVALID_EXPIRY";
    case RejectReason::MINIMUM_NOT_MET: return "MINIMUM_NOT_MET";
    case RejectReason::BELOW_RESERVE: return "BELOW_RESERVE";
    case RejectReason::NOT_AMENDABLE: return "NOT_AMENDABLE";
    case RejectReason::INVALID_PRICE: return "INVALID_PRICE";
    case RejectReason::NO_PROTECTION_PRICE: return "NO_PROTECTION_PRICE";
    case RejectReason::INCOMPATIBLE_INSTRUCTIONS: return "INCOMPATIBLE_INSTRUCTIONS";
    case RejectReason::ORDER_TYPE_NOT_ALLOWED: return "ORDER_TYPE_NOT_ALLOWED";
    case RejectReason::TIME_IN_FORCE_NOT_ALLOWED: return "TIME_IN_FORCE_NOT_ALLOWED";
    case RejectReason::INVALID_DISPLAY: return "INVALID_DISPLAY";
    case RejectReason::INVALID_MINIMUM: return "INVALID_MINIMUM";
    case RejectReason::FROZEN: return "FROZEN";
    case RejectReason::NOT_IN_THIS_PHASE: return "NOT_IN_THIS_PHASE";
    case RejectReason::SELF_TRADE_PREVENTION_NOT_ALLOWED: return "SELF_TRADE_PREVENTION_NOT_ALLOWED";
    case RejectReason::UNKNOWN_TRADE: return "UNKNOWN_TRADE";
    case RejectReason::ALREADY_BUSTED: return "ALREADY_BUSTED";
    case RejectReason::AMENDED_TRADE_LIMIT: return "AMENDED_TRADE_LIMIT";
    case RejectReason::ACCOUNT_RESTRICTED: return "ACCOUNT_RESTRICTED";
    case RejectReason::NOT_PERMITTED: return "NOT_PERMITTED";
    case RejectReason::NOT_SELECTABLE: return "NOT_SELECTABLE";
    case RejectReason::OVERSIZE: return "OVERSIZE";
    case RejectReason::UNKNOWN_PROPOSAL: return "UNKNOWN_PROPOSAL";
    case RejectReason::NOT_COUNTERPARTY: return "NOT_COUNTERPARTY";
    case RejectReason::TERMS_DIFFER: return "TERMS_DIFFER";
    case RejectReason::PROPOSAL_LIMIT: return "PROPOSAL_LIMIT";
    case RejectReason::UNKNOWN_COUNTERPARTY: return "UNKNOWN_COUNTERPARTY";
    case RejectReason::UNKNOWN_BIDDING: return "UNKNOWN_BIDDING";
    case RejectReason::OVER_SHARE: return "OVER_SHARE";
    case RejectReason::BID_NOT_ALLOWED: return "BID_NOT_ALLOWED";
    case RejectReason::UNKNOWN_BID: return "UNKNOWN_BID";
    case RejectReason::BIDDING_LIMIT: return "BIDDING_LIMIT";
    case RejectReason::INVALID_WINDOW: return "INVALID_WINDOW";
    case RejectReason::MECHANISM_NOT_AVAILABLE: return "MECHANISM_NOT_AVAILABLE";
    case RejectReason::DAY_NOT_OVER: return "DAY_NOT_OVER";
    case RejectReason::DAY_ALREADY_ENDED: return "DAY_ALREADY_ENDED";
    case RejectReason::UNKNOWN_TRADING_DAY: return "UNKNOWN_TRADING_DAY";
    case RejectReason::SETTLEMENT_ALREADY_CONFIRMED: return "SETTLEMENT_ALREADY_CONFIRMED";
    case RejectReason::NO_BID_POSSIBLE: return "NO_BID_POSSIBLE";
    case RejectReason::KILLED: return "KILLED";
    case RejectReason::NOT_KILLED: return "NOT_KILLED";
    case RejectReason::NOT_WAITING: return "NOT_WAITING";
    case RejectReason::OWN_COMMAND: return "OWN_COMMAND";
    case RejectReason::WAITING_LIMIT: return "WAITING_LIMIT";
    case RejectReason::AWAITS_CONFIRMATION: return "AWAITS_CONFIRMATION";
    case RejectReason::UNKNOWN_PARTICIPANT: return "UNKNOWN_PARTICIPANT";
    case RejectReason::UNKNOWN_SESSION: return "UNKNOWN_SESSION";
    case RejectReason::OWN_SESSION: return "OWN_SESSION";
    case RejectReason::INSTRUMENT_DELISTED: return "INSTRUMENT_DELISTED";
    case RejectReason::REVERSAL: return "REVERSAL";
    case RejectReason::NOT_APPLIED: return "NOT_APPLIED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class LogoutReason : std::uint32_t {
  REQUESTED = 1,
  PROTOCOL_ERROR = 2,
  HEARTBEAT_MISSED = 3,
  TAKEN_OVER = 4,
  SHUTTING_DOWN = 5,
  THROTTLED = 6,
  LOGON_TIMEOUT = 7,
  LOGON_REFUSED = 8,
  TOO_MANY_CONNECTIONS = 9,
  FRAME_TIMEOUT = 10,
  HISTORY_LOST = 11,
  NOT_ENTITLED = 12,
  DISCONNECTED = 13,
};

inline std::string to_string(LogoutReason value) {
  switch (value) {
    case LogoutReason::REQUESTED: return "REQUESTED";
    case LogoutReason::PROTOCOL_ERROR: return "PROTOCOL_ERROR";
    case LogoutReason::HEARTBEAT_MISSED: return "HEARTBEAT_MISSED";
    case LogoutReason::TAKEN_OVER: return "TAKEN_OVER";
    case LogoutReason::SHUTTING_DOWN: return "SHUTTING_DOWN";
    case LogoutReason::THROTTLED: return "THROTTLED";
    case LogoutReason::LOGON_TIMEOUT: return "LOGON_TIMEOUT";
    case LogoutReason::LOGON_REFUSED: return "LOGON_REFUSED";
    case LogoutReason::TOO_MANY_CONNECTIONS: return "TOO_MANY_CONNECTIONS";
    case LogoutReason::FRAME_TIMEOUT: return "FRAME_TIMEOUT";
    case LogoutReason::HISTORY_LOST: return "HISTORY_LOST";
    case LogoutReason::NOT_ENTITLED: return "NOT_ENTITLED";
    case LogoutReason::DISCONNECTED: return "DISCONNECTED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Side : std::uint32_t {
  BUY = 1,
  SELL = 2,
};

inline std::string to_string(Side value) {
  switch (value) {
    case Side::BUY: return "BUY";
    case Side::SELL: return "SELL";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class OrderType : std::uint32_t {
  LIMIT = 1,
  MARKET = 2,
  STOP = 3,
  STOP_LIMIT = 4,
};

inline std::string to_string(OrderType value) {
  switch (value) {
    case OrderType::LIMIT: return "LIMIT";
    case OrderType::MARKET: return "MARKET";
    case OrderType::STOP: return "STOP";
    case OrderType::STOP_LIMIT: return "STOP_LIMIT";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class TimeInForce : std::uint32_t {
  DAY = 1,
  GTC = 2,
  IOC = 3,
  FOK = 4,
  GTD = 5,
  AT_OPEN = 6,
  AT_CLOSE = 7,
  GOOD_FOR_AUCTION = 8,
};

inline std::string to_string(TimeInForce value) {
  switch (value) {
    case TimeInForce::DAY: return "DAY";
    case TimeInForce::GTC: return "GTC";
    case TimeInForce::IOC: return "IOC";
    case TimeInForce::FOK: return "FOK";
    case TimeInForce::GTD: return "GTD";
    case TimeInForce::AT_OPEN: return "AT_OPEN";
    case TimeInForce::AT_CLOSE: return "AT_CLOSE";
    case TimeInForce::GOOD_FOR_AUCTION: return "GOOD_FOR_AUCTION";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class SelfTradePrevention : std::uint32_t {
  INSTRUMENT_DEFAULT = 0,
  NONE = 1,
  CANCEL_NEWEST = 2,
  CANCEL_OLDEST = 3,
  CANCEL_BOTH = 4,
  DECREMENT = 5,
};

inline std::string to_string(SelfTradePrevention value) {
  switch (value) {
    case SelfTradePrevention::INSTRUMENT_DEFAULT: return "INSTRUMENT_DEFAULT";
    case SelfTradePrevention::NONE: return "NONE";
    case SelfTradePrevention::CANCEL_NEWEST: return "CANCEL_NEWEST";
    case SelfTradePrevention::CANCEL_OLDEST: return "CANCEL_OLDEST";
    case SelfTradePrevention::CANCEL_BOTH: return "CANCEL_BOTH";
    case SelfTradePrevention::DECREMENT: return "DECREMENT";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class MassCancelScope : std::uint32_t {
  SESSION = 1,
  ACCOUNT = 2,
};

inline std::string to_string(MassCancelScope value) {
  switch (value) {
    case MassCancelScope::SESSION: return "SESSION";
    case MassCancelScope::ACCOUNT: return "ACCOUNT";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Liquidity : std::uint32_t {
  MAKER = 1,
  TAKER = 2,
  AUCTION = 3,
};

inline std::string to_string(Liquidity value) {
  switch (value) {
    case Liquidity::MAKER: return "MAKER";
    case Liquidity::TAKER: return "TAKER";
    case Liquidity::AUCTION: return "AUCTION";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class CancelReason : std::uint32_t {
  REQUESTED = 1,
  MASS_CANCEL = 2,
  IOC_REMAINDER = 3,
  MARKET_REMAINDER = 4,
  SELF_TRADE = 5,
  EXPIRED = 6,
  DISCONNECTED = 7,
  REDUCED_TO_FILLED = 8,
  REQUESTED_BY_OTHER_SESSION = 9,
  TOO_MANY_MAKERS = 10,
  MINIMUM_NOT_MET = 11,
  REFUSED_WHEN_FIRED = 12,
  AUCTION_OVER = 13,
  VOLATILITY_INTERRUPTION = 14,
  INTERVAL_LIMIT = 15,
  SESSION_REMOVED = 16,
  SELECT_REMAINDER = 17,
  RESTRICTED = 18,
  KILLED = 20,
  DELISTED = 21,
};

inline std::string to_string(CancelReason value) {
  switch (value) {
    case CancelReason::REQUESTED: return "REQUESTED";
    case CancelReason::MASS_CANCEL: return "MASS_CANCEL";
    case CancelReason::IOC_REMAINDER: return "IOC_REMAINDER";
    case CancelReason::MARKET_REMAINDER: return "MARKET_REMAINDER";
    case CancelReason::SELF_TRADE: return "SELF_TRADE";
    case CancelReason::EXPIRED: return "EXPIRED";
    case CancelReason::DISCONNECTED: return "DISCONNECTED";
    case CancelReason::REDUCED_TO_FILLED: return "REDUCED_TO_FILLED";
    case CancelReason::REQUESTED_BY_OTHER_SESSION: return "REQUESTED_BY_OTHER_SESSION";
    case CancelReason::TOO_MANY_MAKERS: return "TOO_MANY_MAKERS";
    case CancelReason::MINIMUM_NOT_MET: return "MINIMUM_NOT_MET";
    case CancelReason::REFUSED_WHEN_FIRED: return "REFUSED_WHEN_FIRED";
    case CancelReason::AUCTION_OVER: return "AUCTION_OVER";
    case CancelReason::VOLATILITY_INTERRUPTION: return "VOLATILITY_INTERRUPTION";
    case CancelReason::INTERVAL_LIMIT: return "INTERVAL_LIMIT";
    case CancelReason::SESSION_REMOVED: return "SESSION_REMOVED";
    case CancelReason::SELECT_REMAINDER: return "SELECT_REMAINDER";
    case CancelReason::RESTRICTED: return "RESTRICTED";
    case CancelReason::KILLED: return "KILLED";
    case CancelReason::DELISTED: return "DELISTED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Restriction : std::uint32_t {
  NONE = 0,
  NO_BUYING = 1,
  NO_SELLING = 2,
  NO_TRADING = 3,
};

inline std::string to_string(Restriction value) {
  switch (value) {
    case Restriction::NONE: return "NONE";
    case Restriction::NO_BUYING: return "NO_BUYING";
    case Restriction::NO_SELLING: return "NO_SELLING";
    case Restriction::NO_TRADING: return "NO_TRADING";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BlockState : std::uint32_t {
  POSTED = 1,
  OFFERED = 2,
  COUNTERED = 3,
  ACCEPTED = 4,
  TRADED = 5,
  ANSWERED = 6,
  DECLINED = 7,
  WITHDRAWN = 8,
  EXPIRED = 9,
  CANCELED = 10,
};

inline std::string to_string(BlockState value) {
  switch (value) {
    case BlockState::POSTED: return "POSTED";
    case BlockState::OFFERED: return "OFFERED";
    case BlockState::COUNTERED: return "COUNTERED";
    case BlockState::ACCEPTED: return "ACCEPTED";
    case BlockState::TRADED: return "TRADED";
    case BlockState::ANSWERED: return "ANSWERED";
    case BlockState::DECLINED: return "DECLINED";
    case BlockState::WITHDRAWN: return "WITHDRAWN";
    case BlockState::EXPIRED: return "EXPIRED";
    case BlockState::CANCELED: return "CANCELED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BidState : std::uint32_t {
  STANDING = 1,
  WITHDRAWN = 2,
  ALLOTTED = 3,
  NOT_ALLOTTED = 4,
  CANCELLED = 5,
};

inline std::string to_string(BidState value) {
  switch (value) {
    case BidState::STANDING: return "STANDING";
    case BidState::WITHDRAWN: return "WITHDRAWN";
    case BidState::ALLOTTED: return "ALLOTTED";
    case BidState::NOT_ALLOTTED: return "NOT_ALLOTTED";
    case BidState::CANCELLED: return "CANCELLED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class TradeKind : std::uint32_t {
  CONTINUOUS = 1,
  AUCTION = 2,
  LISTED = 3,
  BLOCK = 4,
  BIDDING = 5,
};

inline std::string to_string(TradeKind value) {
  switch (value) {
    case TradeKind::CONTINUOUS: return "CONTINUOUS";
    case TradeKind::AUCTION: return "AUCTION";
    case TradeKind::LISTED: return "LISTED";
    case TradeKind::BLOCK: return "BLOCK";
    case TradeKind::BIDDING: return "BIDDING";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Phase : std::uint32_t {
  CONTINUOUS = 1,
  HALTED = 2,
  CANCEL_ONLY = 3,
  CLOSED = 4,
  PRE_OPEN = 5,
  OPENING_AUCTION = 6,
  CLOSING_AUCTION = 7,
  VOLATILITY_AUCTION = 8,
  BREAK = 9,
};

inline std::string to_string(Phase value) {
  switch (value) {
    case Phase::CONTINUOUS: return "CONTINUOUS";
    case Phase::HALTED: return "HALTED";
    case Phase::CANCEL_ONLY: return "CANCEL_ONLY";
    case Phase::CLOSED: return "CLOSED";
    case Phase::PRE_OPEN: return "PRE_OPEN";
    case Phase::OPENING_AUCTION: return "OPENING_AUCTION";
    case Phase::CLOSING_AUCTION: return "CLOSING_AUCTION";
    case Phase::VOLATILITY_AUCTION: return "VOLATILITY_AUCTION";
    case Phase::BREAK: return "BREAK";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class AuctionRule : std::uint32_t {
  NONE = 0,
  VOLUME = 1,
  SURPLUS = 2,
  PRESSURE = 3,
  REFERENCE = 4,
  MIDDLE = 5,
};

inline std::string to_string(AuctionRule value) {
  switch (value) {
    case AuctionRule::NONE: return "NONE";
    case AuctionRule::VOLUME: return "VOLUME";
    case AuctionRule::SURPLUS: return "SURPLUS";
    case AuctionRule::PRESSURE: return "PRESSURE";
    case AuctionRule::REFERENCE: return "REFERENCE";
    case AuctionRule::MIDDLE: return "MIDDLE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BlockPhase : std::uint32_t {
  AS_SCHEDULED = 0,
  OPEN = 1,
  CLOSED = 2,
  BREAK = 3,
};

inline std::string to_string(BlockPhase value) {
  switch (value) {
    case BlockPhase::AS_SCHEDULED: return "AS_SCHEDULED";
    case BlockPhase::OPEN: return "OPEN";
    case BlockPhase::CLOSED: return "CLOSED";
    case BlockPhase::BREAK: return "BREAK";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BiddingState : std::uint32_t {
  ANNOUNCED = 1,
  OPEN = 2,
  CLOSED = 3,
  CLEARED = 4,
  CANCELLED = 5,
};

inline std::string to_string(BiddingState value) {
  switch (value) {
    case BiddingState::ANNOUNCED: return "ANNOUNCED";
    case BiddingState::OPEN: return "OPEN";
    case BiddingState::CLOSED: return "CLOSED";
    case BiddingState::CLEARED: return "CLEARED";
    case BiddingState::CANCELLED: return "CANCELLED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BiddingOutcome : std::uint32_t {
  SOLD = 1,
  PARTLY_SOLD = 2,
  NO_BIDS = 3,
  UNDERSUBSCRIBED = 4,
  BELOW_SECONDARY = 5,
  BY_OPERATOR = 6,
};

inline std::string to_string(BiddingOutcome value) {
  switch (value) {
    case BiddingOutcome::SOLD: return "SOLD";
    case BiddingOutcome::PARTLY_SOLD: return "PARTLY_SOLD";
    case BiddingOutcome::NO_BIDS: return "NO_BIDS";
    case BiddingOutcome::UNDERSUBSCRIBED: return "UNDERSUBSCRIBED";
    case BiddingOutcome::BELOW_SECONDARY: return "BELOW_SECONDARY";
    case BiddingOutcome::BY_OPERATOR: return "BY_OPERATOR";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BiddingRule : std::uint32_t {
  NONE = 0,
  ALL = 1,
  PRICE = 2,
  TIME = 3,
  PRO_RATA = 4,
  SEED = 5,
};

inline std::string to_string(BiddingRule value) {
  switch (value) {
    case BiddingRule::NONE: return "NONE";
    case BiddingRule::ALL: return "ALL";
    case BiddingRule::PRICE: return "PRICE";
    case BiddingRule::TIME: return "TIME";
    case BiddingRule::PRO_RATA: return "PRO_RATA";
    case BiddingRule::SEED: return "SEED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BiddingPricing : std::uint32_t {
  DEFAULT = 0,
  UNIFORM = 1,
  PAY_AS_BID = 2,
};

inline std::string to_string(BiddingPricing value) {
  switch (value) {
    case BiddingPricing::DEFAULT: return "DEFAULT";
    case BiddingPricing::UNIFORM: return "UNIFORM";
    case BiddingPricing::PAY_AS_BID: return "PAY_AS_BID";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class FeedSource : std::uint32_t {
  MEMORY = 1,
  JOURNAL = 2,
  SNAPSHOT = 3,
};

inline std::string to_string(FeedSource value) {
  switch (value) {
    case FeedSource::MEMORY: return "MEMORY";
    case FeedSource::JOURNAL: return "JOURNAL";
    case FeedSource::SNAPSHOT: return "SNAPSHOT";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class ProposedState : std::uint32_t {
  WAITING = 1,
  CONFIRMED = 2,
  REFUSED = 3,
  REJECTED = 4,
  EXPIRED = 5,
};

inline std::string to_string(ProposedState value) {
  switch (value) {
    case ProposedState::WAITING: return "WAITING";
    case ProposedState::CONFIRMED: return "CONFIRMED";
    case ProposedState::REFUSED: return "REFUSED";
    case ProposedState::REJECTED: return "REJECTED";
    case ProposedState::EXPIRED: return "EXPIRED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class TableKind : std::uint32_t {
  INSTRUMENT = 1,
  PARTICIPANT = 2,
  SESSION = 3,
  KEY = 4,
};

inline std::string to_string(TableKind value) {
  switch (value) {
    case TableKind::INSTRUMENT: return "INSTRUMENT";
    case TableKind::PARTICIPANT: return "PARTICIPANT";
    case TableKind::SESSION: return "SESSION";
    case TableKind::KEY: return "KEY";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class SettlementOutcome : std::uint32_t {
  UNANSWERED = 0,
  CONFIRMED = 1,
  OBJECTED = 2,
};

inline std::string to_string(SettlementOutcome value) {
  switch (value) {
    case SettlementOutcome::UNANSWERED: return "UNANSWERED";
    case SettlementOutcome::CONFIRMED: return "CONFIRMED";
    case SettlementOutcome::OBJECTED: return "OBJECTED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class TableAction : std::uint32_t {
  REMOVE = 1,
  DISABLE = 2,
  ENABLE = 3,
  RESTORE = 4,
};

inline std::string to_string(TableAction value) {
  switch (value) {
    case TableAction::REMOVE: return "REMOVE";
    case TableAction::DISABLE: return "DISABLE";
    case TableAction::ENABLE: return "ENABLE";
    case TableAction::RESTORE: return "RESTORE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class KillScope : std::uint32_t {
  VENUE = 1,
  PARTICIPANT = 2,
  ACCOUNT = 3,
  INSTRUMENT = 4,
};

inline std::string to_string(KillScope value) {
  switch (value) {
    case KillScope::VENUE: return "VENUE";
    case KillScope::PARTICIPANT: return "PARTICIPANT";
    case KillScope::ACCOUNT: return "ACCOUNT";
    case KillScope::INSTRUMENT: return "INSTRUMENT";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class SelfTradeKey : std::uint32_t {
  PARTICIPANT = 1,
  ACCOUNT = 2,
  GROUP = 3,
};

inline std::string to_string(SelfTradeKey value) {
  switch (value) {
    case SelfTradeKey::PARTICIPANT: return "PARTICIPANT";
    case SelfTradeKey::ACCOUNT: return "ACCOUNT";
    case SelfTradeKey::GROUP: return "GROUP";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BidRevision : std::uint32_t {
  DEFAULT = 0,
  FREE = 1,
  NONE = 2,
};

inline std::string to_string(BidRevision value) {
  switch (value) {
    case BidRevision::DEFAULT: return "DEFAULT";
    case BidRevision::FREE: return "FREE";
    case BidRevision::NONE: return "NONE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BiddingTie : std::uint32_t {
  DEFAULT = 0,
  TIME = 1,
  PRO_RATA = 2,
  SEED = 3,
};

inline std::string to_string(BiddingTie value) {
  switch (value) {
    case BiddingTie::DEFAULT: return "DEFAULT";
    case BiddingTie::TIME: return "TIME";
    case BiddingTie::PRO_RATA: return "PRO_RATA";
    case BiddingTie::SEED: return "SEED";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Undersubscription : std::uint32_t {
  DEFAULT = 0,
  PARTIAL = 1,
  CANCEL = 2,
};

inline std::string to_string(Undersubscription value) {
  switch (value) {
    case Undersubscription::DEFAULT: return "DEFAULT";
    case Undersubscription::PARTIAL: return "PARTIAL";
    case Undersubscription::CANCEL: return "CANCEL";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class ScreenMechanism : std::uint32_t {
  CONTINUOUS = 1,
  LISTING = 2,
  MIDDLE_PRICE = 3,
};

inline std::string to_string(ScreenMechanism value) {
  switch (value) {
    case ScreenMechanism::CONTINUOUS: return "CONTINUOUS";
    case ScreenMechanism::LISTING: return "LISTING";
    case ScreenMechanism::MIDDLE_PRICE: return "MIDDLE_PRICE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class OrderChoice : std::uint32_t {
  ANY = 1,
  FIRST = 2,
};

inline std::string to_string(OrderChoice value) {
  switch (value) {
    case OrderChoice::ANY: return "ANY";
    case OrderChoice::FIRST: return "FIRST";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class Oversize : std::uint32_t {
  REJECT = 1,
  FILL_AVAILABLE = 2,
};

inline std::string to_string(Oversize value) {
  switch (value) {
    case Oversize::REJECT: return "REJECT";
    case Oversize::FILL_AVAILABLE: return "FILL_AVAILABLE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BlockBand : std::uint32_t {
  NONE = 0,
  INSTRUMENT = 1,
  REFERENCE = 2,
  DAY_CLOSE = 3,
};

inline std::string to_string(BlockBand value) {
  switch (value) {
    case BlockBand::NONE: return "NONE";
    case BlockBand::INSTRUMENT: return "INSTRUMENT";
    case BlockBand::REFERENCE: return "REFERENCE";
    case BlockBand::DAY_CLOSE: return "DAY_CLOSE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BandRounding : std::uint32_t {
  HALF_UP = 1,
  INWARD = 2,
};

inline std::string to_string(BandRounding value) {
  switch (value) {
    case BandRounding::HALF_UP: return "HALF_UP";
    case BandRounding::INWARD: return "INWARD";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class BlockTape : std::uint32_t {
  AT_ONCE = 1,
  AT_CLOSE = 2,
  VALUE_AT_CLOSE = 3,
};

inline std::string to_string(BlockTape value) {
  switch (value) {
    case BlockTape::AT_ONCE: return "AT_ONCE";
    case BlockTape::AT_CLOSE: return "AT_CLOSE";
    case BlockTape::VALUE_AT_CLOSE: return "VALUE_AT_CLOSE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class OpenRule : std::uint32_t {
  FIRST_TRADE_OR_REFERENCE = 1,
  REFERENCE = 2,
  FIRST_TRADE = 3,
  OPENING_AUCTION = 4,
};

inline std::string to_string(OpenRule value) {
  switch (value) {
    case OpenRule::FIRST_TRADE_OR_REFERENCE: return "FIRST_TRADE_OR_REFERENCE";
    case OpenRule::REFERENCE: return "REFERENCE";
    case OpenRule::FIRST_TRADE: return "FIRST_TRADE";
    case OpenRule::OPENING_AUCTION: return "OPENING_AUCTION";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class CloseRule : std::uint32_t {
  VWAP_DAY = 1,
  VWAP_LAST_N = 2,
  LAST = 3,
  CLOSING_AUCTION = 4,
  REFERENCE = 5,
};

inline std::string to_string(CloseRule value) {
  switch (value) {
    case CloseRule::VWAP_DAY: return "VWAP_DAY";
    case CloseRule::VWAP_LAST_N: return "VWAP_LAST_N";
    case CloseRule::LAST: return "LAST";
    case CloseRule::CLOSING_AUCTION: return "CLOSING_AUCTION";
    case CloseRule::REFERENCE: return "REFERENCE";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

enum class PriceRounding : std::uint32_t {
  HALF_UP = 1,
  DOWN = 2,
  UP = 3,
};

inline std::string to_string(PriceRounding value) {
  switch (value) {
    case PriceRounding::HALF_UP: return "HALF_UP";
    case PriceRounding::DOWN: return "DOWN";
    case PriceRounding::UP: return "UP";
  }
  return "UNKNOWN_" + std::to_string(static_cast<std::uint32_t>(value));
}

}  // namespace carbonmatch

MSGPACK_ADD_ENUM(carbonmatch::Role)
MSGPACK_ADD_ENUM(carbonmatch::RejectReason)
MSGPACK_ADD_ENUM(carbonmatch::LogoutReason)
MSGPACK_ADD_ENUM(carbonmatch::Side)
MSGPACK_ADD_ENUM(carbonmatch::OrderType)
MSGPACK_ADD_ENUM(carbonmatch::TimeInForce)
MSGPACK_ADD_ENUM(carbonmatch::SelfTradePrevention)
MSGPACK_ADD_ENUM(carbonmatch::MassCancelScope)
MSGPACK_ADD_ENUM(carbonmatch::Liquidity)
MSGPACK_ADD_ENUM(carbonmatch::CancelReason)
MSGPACK_ADD_ENUM(carbonmatch::Restriction)
MSGPACK_ADD_ENUM(carbonmatch::BlockState)
MSGPACK_ADD_ENUM(carbonmatch::BidState)
MSGPACK_ADD_ENUM(carbonmatch::TradeKind)
MSGPACK_ADD_ENUM(carbonmatch::Phase)
MSGPACK_ADD_ENUM(carbonmatch::AuctionRule)
MSGPACK_ADD_ENUM(carbonmatch::BlockPhase)
MSGPACK_ADD_ENUM(carbonmatch::BiddingState)
MSGPACK_ADD_ENUM(carbonmatch::BiddingOutcome)
MSGPACK_ADD_ENUM(carbonmatch::BiddingRule)
MSGPACK_ADD_ENUM(carbonmatch::BiddingPricing)
MSGPACK_ADD_ENUM(carbonmatch::FeedSource)
MSGPACK_ADD_ENUM(carbonmatch::ProposedState)
MSGPACK_ADD_ENUM(carbonmatch::TableKind)
MSGPACK_ADD_ENUM(carbonmatch::SettlementOutcome)
MSGPACK_ADD_ENUM(carbonmatch::TableAction)
MSGPACK_ADD_ENUM(carbonmatch::KillScope)
MSGPACK_ADD_ENUM(carbonmatch::SelfTradeKey)
MSGPACK_ADD_ENUM(carbonmatch::BidRevision)
MSGPACK_ADD_ENUM(carbonmatch::BiddingTie)
MSGPACK_ADD_ENUM(carbonmatch::Undersubscription)
MSGPACK_ADD_ENUM(carbonmatch::ScreenMechanism)
MSGPACK_ADD_ENUM(carbonmatch::OrderChoice)
MSGPACK_ADD_ENUM(carbonmatch::Oversize)
MSGPACK_ADD_ENUM(carbonmatch::BlockBand)
MSGPACK_ADD_ENUM(carbonmatch::BandRounding)
MSGPACK_ADD_ENUM(carbonmatch::BlockTape)
MSGPACK_ADD_ENUM(carbonmatch::OpenRule)
MSGPACK_ADD_ENUM(carbonmatch::CloseRule)
MSGPACK_ADD_ENUM(carbonmatch::PriceRounding)

namespace carbonmatch {

namespace OrderFlag {
constexpr std::uint64_t POST_ONLY = 1;
constexpr std::uint64_t KEEP_ON_DISCONNECT = 2;
}  // namespace OrderFlag

namespace ReportFlag {
constexpr std::uint64_t NOT_DURABLE = 1;
constexpr std::uint64_t POSSIBLE_DUPLICATE = 2;
}  // namespace ReportFlag

namespace FeedKind {
constexpr std::uint64_t LEVELS = 1;
constexpr std::uint64_t TRADES = 2;
constexpr std::uint64_t STATISTICS = 4;
constexpr std::uint64_t ORDERS = 8;
}  // namespace FeedKind

namespace Permission {
constexpr std::uint64_t PLACE = 1;
constexpr std::uint64_t CANCEL = 2;
constexpr std::uint64_t READ = 4;
constexpr std::uint64_t PHASES = 256;
constexpr std::uint64_t PRICES = 512;
constexpr std::uint64_t TRADES = 1024;
constexpr std::uint64_t ACCOUNTS = 2048;
constexpr std::uint64_t BIDDINGS = 4096;
constexpr std::uint64_t SETTLEMENT = 8192;
constexpr std::uint64_t INSPECT = 16384;
constexpr std::uint64_t DECIDE = 65536;
constexpr std::uint64_t KILL = 32768;
constexpr std::uint64_t SESSIONS = 262144;
constexpr std::uint64_t CONFIGURATION = 524288;
constexpr std::uint64_t NOTHING = 1073741824;
}  // namespace Permission

namespace AllowedFlag {
constexpr std::uint64_t LIMIT = 1;
constexpr std::uint64_t MARKET = 2;
constexpr std::uint64_t STOP = 4;
constexpr std::uint64_t STOP_LIMIT = 8;
constexpr std::uint64_t ICEBERG = 16;
constexpr std::uint64_t MINIMUM_QUANTITY = 32;
constexpr std::uint64_t POST_ONLY = 64;
constexpr std::uint64_t DAY = 65536;
constexpr std::uint64_t GTC = 131072;
constexpr std::uint64_t IOC = 262144;
constexpr std::uint64_t FOK = 524288;
constexpr std::uint64_t GTD = 1048576;
constexpr std::uint64_t AT_OPEN = 2097152;
constexpr std::uint64_t AT_CLOSE = 4194304;
constexpr std::uint64_t GOOD_FOR_AUCTION = 8388608;
}  // namespace AllowedFlag

namespace SelfTradeFlag {
constexpr std::uint64_t NONE = 2;
constexpr std::uint64_t CANCEL_NEWEST = 4;
constexpr std::uint64_t CANCEL_OLDEST = 8;
constexpr std::uint64_t CANCEL_BOTH = 16;
constexpr std::uint64_t DECREMENT = 32;
}  // namespace SelfTradeFlag

struct TradeSide {
  static constexpr const char* NAME = "TradeSide";
  std::uint64_t session_id{};
  std::uint64_t order_id{};
  std::uint64_t account_id{};
  MSGPACK_DEFINE_ARRAY(session_id, order_id, account_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("session_id", session_id);
    visit("order_id", order_id);
    visit("account_id", account_id);
  }
};

struct FoundTrade {
  static constexpr const char* NAME = "FoundTrade";
  std::uint64_t instrument_id{};
  std::uint64_t time_ns{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  TradeSide buyer{};
  TradeSide seller{};
  TradeKind kind = TradeKind::CONTINUOUS;
  MSGPACK_DEFINE_ARRAY(instrument_id, time_ns, price_ticks, quantity_lots, buyer, seller, kind)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("time_ns", time_ns);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("buyer", buyer);
    visit("seller", seller);
    visit("kind", kind);
  }
};

struct SelfTradeRules {
  static constexpr const char* NAME = "SelfTradeRules";
  SelfTradeKey key = SelfTradeKey::PARTICIPANT;
  std::uint64_t allowed = 62;
  MSGPACK_DEFINE_ARRAY(key, allowed)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("key", key);
    visit("allowed", allowed);
  }
};

struct Width {
  static constexpr const char* NAME = "Width";
  std::uint64_t ticks{};
  std::uint64_t basis_points{};
  MSGPACK_DEFINE_ARRAY(ticks, basis_points)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ticks", ticks);
    visit("basis_points", basis_points);
  }
};

struct VolatilityRules {
  static constexpr const char* NAME = "VolatilityRules";
  Width collar{};
  Width static_{};
  Width short_{};
  std::uint64_t short_window_ns{};
  Width long_{};
  std::uint64_t long_window_ns{};
  std::uint64_t auction_ns{};
  std::uint64_t auction_random_ns{};
  Width extension{};
  std::uint64_t extensions_max{};
  bool waits_for_operator = false;
  Width interval{};
  std::uint64_t interval_recalculation_ns{};
  std::uint64_t interval_hold_ns{};
  MSGPACK_DEFINE_ARRAY(collar, static_, short_, short_window_ns, long_, long_window_ns, auction_ns, auction_random_ns, extension, extensions_max, waits_for_operator, interval, interval_recalculation_ns, interval_hold_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("collar", collar);
    visit("static", static_);
    visit("short", short_);
    visit("short_window_ns", short_window_ns);
    visit("long", long_);
    visit("long_window_ns", long_window_ns);
    visit("auction_ns", auction_ns);
    visit("auction_random_ns", auction_random_ns);
    visit("extension", extension);
    visit("extensions_max", extensions_max);
    visit("waits_for_operator", waits_for_operator);
    visit("interval", interval);
    visit("interval_recalculation_ns", interval_recalculation_ns);
    visit("interval_hold_ns", interval_hold_ns);
  }
};

struct BiddingRules {
  static constexpr const char* NAME = "BiddingRules";
  std::uint64_t bid_min_lots{};
  std::uint64_t bid_increment_lots{};
  std::uint64_t price_increment_ticks{};
  std::uint64_t share_max_basis_points{};
  std::uint64_t bids_max{};
  BidRevision revision = BidRevision::DEFAULT;
  BiddingPricing pricing = BiddingPricing::DEFAULT;
  BiddingTie tie = BiddingTie::DEFAULT;
  Undersubscription undersubscription = Undersubscription::DEFAULT;
  std::uint64_t secondary_basis_points{};
  MSGPACK_DEFINE_ARRAY(bid_min_lots, bid_increment_lots, price_increment_ticks, share_max_basis_points, bids_max, revision, pricing, tie, undersubscription, secondary_basis_points)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("bid_min_lots", bid_min_lots);
    visit("bid_increment_lots", bid_increment_lots);
    visit("price_increment_ticks", price_increment_ticks);
    visit("share_max_basis_points", share_max_basis_points);
    visit("bids_max", bids_max);
    visit("revision", revision);
    visit("pricing", pricing);
    visit("tie", tie);
    visit("undersubscription", undersubscription);
    visit("secondary_basis_points", secondary_basis_points);
  }
};

struct ScreenRules {
  static constexpr const char* NAME = "ScreenRules";
  ScreenMechanism mechanism = ScreenMechanism::CONTINUOUS;
  std::uint64_t levels_max = 5;
  OrderChoice order_choice = OrderChoice::ANY;
  bool strict_level_order = true;
  Oversize oversize = Oversize::REJECT;
  bool order_list = false;
  MSGPACK_DEFINE_ARRAY(mechanism, levels_max, order_choice, strict_level_order, oversize, order_list)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("mechanism", mechanism);
    visit("levels_max", levels_max);
    visit("order_choice", order_choice);
    visit("strict_level_order", strict_level_order);
    visit("oversize", oversize);
    visit("order_list", order_list);
  }
};

struct BlockRules {
  static constexpr const char* NAME = "BlockRules";
  std::uint64_t quantity_min_lots = 1;
  std::uint64_t quantity_max_lots{};
  BlockBand band = BlockBand::INSTRUMENT;
  std::uint64_t band_up_basis_points{};
  std::uint64_t band_down_basis_points{};
  BandRounding band_rounding = BandRounding::HALF_UP;
  std::uint64_t free_above_lots{};
  bool public_posts = true;
  bool directed = true;
  bool confirm_both = true;
  bool anonymous = false;
  std::uint64_t ttl_ns{};
  BlockTape tape = BlockTape::AT_ONCE;
  BlockPhase opening_phase = BlockPhase::OPEN;
  MSGPACK_DEFINE_ARRAY(quantity_min_lots, quantity_max_lots, band, band_up_basis_points, band_down_basis_points, band_rounding, free_above_lots, public_posts, directed, confirm_both, anonymous, ttl_ns, tape, opening_phase)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("quantity_min_lots", quantity_min_lots);
    visit("quantity_max_lots", quantity_max_lots);
    visit("band", band);
    visit("band_up_basis_points", band_up_basis_points);
    visit("band_down_basis_points", band_down_basis_points);
    visit("band_rounding", band_rounding);
    visit("free_above_lots", free_above_lots);
    visit("public_posts", public_posts);
    visit("directed", directed);
    visit("confirm_both", confirm_both);
    visit("anonymous", anonymous);
    visit("ttl_ns", ttl_ns);
    visit("tape", tape);
    visit("opening_phase", opening_phase);
  }
};

struct PriceRules {
  static constexpr const char* NAME = "PriceRules";
  OpenRule open = OpenRule::FIRST_TRADE_OR_REFERENCE;
  CloseRule close = CloseRule::VWAP_DAY;
  std::uint64_t n_trades{};
  std::uint64_t close_quantity_min_lots{};
  PriceRounding close_rounding = PriceRounding::HALF_UP;
  std::uint64_t band_up_basis_points{};
  std::uint64_t band_down_basis_points{};
  BandRounding band_rounding = BandRounding::HALF_UP;
  std::uint64_t stale_alert_days{};
  MSGPACK_DEFINE_ARRAY(open, close, n_trades, close_quantity_min_lots, close_rounding, band_up_basis_points, band_down_basis_points, band_rounding, stale_alert_days)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("open", open);
    visit("close", close);
    visit("n_trades", n_trades);
    visit("close_quantity_min_lots", close_quantity_min_lots);
    visit("close_rounding", close_rounding);
    visit("band_up_basis_points", band_up_basis_points);
    visit("band_down_basis_points", band_down_basis_points);
    visit("band_rounding", band_rounding);
    visit("stale_alert_days", stale_alert_days);
  }
};

struct Fees {
  static constexpr const char* NAME = "Fees";
  TradeKind kind{};
  std::uint64_t buyer_basis_points{};
  std::uint64_t seller_basis_points{};
  std::uint64_t buyer_minor_per_lot{};
  std::uint64_t seller_minor_per_lot{};
  MSGPACK_DEFINE_ARRAY(kind, buyer_basis_points, seller_basis_points, buyer_minor_per_lot, seller_minor_per_lot)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("kind", kind);
    visit("buyer_basis_points", buyer_basis_points);
    visit("seller_basis_points", seller_basis_points);
    visit("buyer_minor_per_lot", buyer_minor_per_lot);
    visit("seller_minor_per_lot", seller_minor_per_lot);
  }
};

struct HolderRules {
  static constexpr const char* NAME = "HolderRules";
  std::string holder_class{};
  std::uint64_t position_max_lots{};
  std::uint64_t report_from_lots{};
  bool adds_allocation = true;
  MSGPACK_DEFINE_ARRAY(holder_class, position_max_lots, report_from_lots, adds_allocation)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("holder_class", holder_class);
    visit("position_max_lots", position_max_lots);
    visit("report_from_lots", report_from_lots);
    visit("adds_allocation", adds_allocation);
  }
};

struct CarryOverRules {
  static constexpr const char* NAME = "CarryOverRules";
  std::string group{};
  std::uint64_t from_day{};
  std::uint64_t until_day{};
  std::uint64_t base_lots{};
  std::uint64_t net_sales_basis_points{};
  MSGPACK_DEFINE_ARRAY(group, from_day, until_day, base_lots, net_sales_basis_points)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("group", group);
    visit("from_day", from_day);
    visit("until_day", until_day);
    visit("base_lots", base_lots);
    visit("net_sales_basis_points", net_sales_basis_points);
  }
};

struct ClearingRules {
  static constexpr const char* NAME = "ClearingRules";
  std::uint64_t lag_days = 1;
  bool cash = true;
  std::vector<Fees> fees{};
  std::uint64_t position_max_lots{};
  std::uint64_t report_from_lots{};
  std::vector<HolderRules> holders{};
  std::uint64_t reversal_days{};
  std::uint64_t late_lag_days{};
  std::uint64_t cut_off_seconds{};
  std::optional<CarryOverRules> carry_over{};
  MSGPACK_DEFINE_ARRAY(lag_days, cash, fees, position_max_lots, report_from_lots, holders, reversal_days, late_lag_days, cut_off_seconds, carry_over)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("lag_days", lag_days);
    visit("cash", cash);
    visit("fees", fees);
    visit("position_max_lots", position_max_lots);
    visit("report_from_lots", report_from_lots);
    visit("holders", holders);
    visit("reversal_days", reversal_days);
    visit("late_lag_days", late_lag_days);
    visit("cut_off_seconds", cut_off_seconds);
    visit("carry_over", carry_over);
  }
};

struct InstrumentDefinition {
  static constexpr const char* NAME = "InstrumentDefinition";
  std::uint64_t instrument_id{};
  std::string symbol{};
  std::string currency{};
  std::uint64_t tick_value_minor{};
  std::uint64_t price_decimals{};
  std::uint64_t lot_tonnes{};
  std::uint64_t price_increment_ticks = 1;
  std::uint64_t quantity_increment_lots = 1;
  std::uint64_t quantity_min_lots = 1;
  std::uint64_t quantity_max_lots = 1000000000;
  std::uint64_t reference_price_ticks{};
  std::uint64_t band_low_ticks{};
  std::uint64_t band_high_ticks{};
  std::uint64_t market_protection_ticks{};
  SelfTradePrevention self_trade_prevention = SelfTradePrevention::CANCEL_NEWEST;
  Phase opening_phase = Phase::CONTINUOUS;
  std::uint64_t allowed = 983107;
  SelfTradeRules self_trade{};
  std::optional<VolatilityRules> volatility{};
  std::optional<BiddingRules> bidding{};
  ScreenRules screen{};
  std::optional<BlockRules> blocks{};
  std::optional<PriceRules> prices{};
  std::optional<ClearingRules> clearing{};
  bool delisted = false;
  MSGPACK_DEFINE_ARRAY(instrument_id, symbol, currency, tick_value_minor, price_decimals, lot_tonnes, price_increment_ticks, quantity_increment_lots, quantity_min_lots, quantity_max_lots, reference_price_ticks, band_low_ticks, band_high_ticks, market_protection_ticks, self_trade_prevention, opening_phase, allowed, self_trade, volatility, bidding, screen, blocks, prices, clearing, delisted)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("symbol", symbol);
    visit("currency", currency);
    visit("tick_value_minor", tick_value_minor);
    visit("price_decimals", price_decimals);
    visit("lot_tonnes", lot_tonnes);
    visit("price_increment_ticks", price_increment_ticks);
    visit("quantity_increment_lots", quantity_increment_lots);
    visit("quantity_min_lots", quantity_min_lots);
    visit("quantity_max_lots", quantity_max_lots);
    visit("reference_price_ticks", reference_price_ticks);
    visit("band_low_ticks", band_low_ticks);
    visit("band_high_ticks", band_high_ticks);
    visit("market_protection_ticks", market_protection_ticks);
    visit("self_trade_prevention", self_trade_prevention);
    visit("opening_phase", opening_phase);
    visit("allowed", allowed);
    visit("self_trade", self_trade);
    visit("volatility", volatility);
    visit("bidding", bidding);
    visit("screen", screen);
    visit("blocks", blocks);
    visit("prices", prices);
    visit("clearing", clearing);
    visit("delisted", delisted);
  }
};

struct CompositeMember {
  static constexpr const char* NAME = "CompositeMember";
  std::uint64_t instrument_id{};
  std::uint64_t weight = 1;
  MSGPACK_DEFINE_ARRAY(instrument_id, weight)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("weight", weight);
  }
};

struct CompositeDefinition {
  static constexpr const char* NAME = "CompositeDefinition";
  std::uint64_t composite_id{};
  std::string symbol{};
  std::string currency{};
  std::uint64_t price_decimals{};
  std::vector<CompositeMember> members{};
  MSGPACK_DEFINE_ARRAY(composite_id, symbol, currency, price_decimals, members)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("composite_id", composite_id);
    visit("symbol", symbol);
    visit("currency", currency);
    visit("price_decimals", price_decimals);
    visit("members", members);
  }
};

struct KeySession {
  static constexpr const char* NAME = "KeySession";
  std::uint64_t session_id{};
  std::vector<std::uint64_t> roles{};
  MSGPACK_DEFINE_ARRAY(session_id, roles)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("session_id", session_id);
    visit("roles", roles);
  }
};

struct FoundSession {
  static constexpr const char* NAME = "FoundSession";
  std::uint64_t session_id{};
  std::uint64_t role{};
  std::uint64_t connections{};
  std::string address{};
  std::uint64_t since_ns{};
  std::uint64_t waiting_bytes{};
  std::uint64_t commands_per_second{};
  std::uint64_t commands_burst{};
  std::uint64_t cancels_per_second{};
  std::uint64_t cancels_burst{};
  std::uint64_t throttled{};
  MSGPACK_DEFINE_ARRAY(session_id, role, connections, address, since_ns, waiting_bytes, commands_per_second, commands_burst, cancels_per_second, cancels_burst, throttled)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("session_id", session_id);
    visit("role", role);
    visit("connections", connections);
    visit("address", address);
    visit("since_ns", since_ns);
    visit("waiting_bytes", waiting_bytes);
    visit("commands_per_second", commands_per_second);
    visit("commands_burst", commands_burst);
    visit("cancels_per_second", cancels_per_second);
    visit("cancels_burst", cancels_burst);
    visit("throttled", throttled);
  }
};

struct AmendedTable {
  static constexpr const char* NAME = "AmendedTable";
  TableKind kind{};
  std::string name{};
  bool is_amended{};
  std::string table{};
  std::vector<unsigned char> of_file{};
  MSGPACK_DEFINE_ARRAY(kind, name, is_amended, table, of_file)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("kind", kind);
    visit("name", name);
    visit("is_amended", is_amended);
    visit("table", table);
    visit("of_file", of_file);
  }
};

struct Logon {
  static constexpr const char* NAME = "Logon";
  static constexpr std::uint32_t TAG = 1;
  std::uint32_t tag = TAG;
  std::uint64_t version_min{};
  std::uint64_t version_max{};
  std::string key_id{};
  std::string session{};
  Role role{};
  std::uint64_t next_seq{};
  std::uint64_t heartbeat_ms{};
  bool cancel_on_disconnect{};
  std::uint64_t grace_ms{};
  std::vector<unsigned char> signature{};
  MSGPACK_DEFINE_ARRAY(tag, version_min, version_max, key_id, session, role, next_seq, heartbeat_ms, cancel_on_disconnect, grace_ms, signature)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("version_min", version_min);
    visit("version_max", version_max);
    visit("key_id", key_id);
    visit("session", session);
    visit("role", role);
    visit("next_seq", next_seq);
    visit("heartbeat_ms", heartbeat_ms);
    visit("cancel_on_disconnect", cancel_on_disconnect);
    visit("grace_ms", grace_ms);
    visit("signature", signature);
  }
};

struct Logout {
  static constexpr const char* NAME = "Logout";
  static constexpr std::uint32_t TAG = 2;
  std::uint32_t tag = TAG;
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("text", text);
  }
};

struct Heartbeat {
  static constexpr const char* NAME = "Heartbeat";
  static constexpr std::uint32_t TAG = 3;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  MSGPACK_DEFINE_ARRAY(tag, token)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
  }
};

struct Challenge {
  static constexpr const char* NAME = "Challenge";
  static constexpr std::uint32_t TAG = 4;
  std::uint32_t tag = TAG;
  std::string server_id{};
  std::vector<unsigned char> nonce{};
  std::uint64_t version_min{};
  std::uint64_t version_max{};
  MSGPACK_DEFINE_ARRAY(tag, server_id, nonce, version_min, version_max)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("server_id", server_id);
    visit("nonce", nonce);
    visit("version_min", version_min);
    visit("version_max", version_max);
  }
};

struct LogonAccepted {
  static constexpr const char* NAME = "LogonAccepted";
  static constexpr std::uint32_t TAG = 5;
  std::uint32_t tag = TAG;
  std::uint64_t version{};
  std::string session{};
  std::uint64_t epoch{};
  std::uint64_t next_seq{};
  std::uint64_t last_ref{};
  std::uint64_t heartbeat_ms{};
  std::uint64_t grace_ms{};
  std::uint64_t commands_per_second{};
  std::uint64_t commands_burst{};
  std::uint64_t cancels_per_second{};
  std::uint64_t cancels_burst{};
  std::uint64_t time_ns{};
  bool durable{};
  MSGPACK_DEFINE_ARRAY(tag, version, session, epoch, next_seq, last_ref, heartbeat_ms, grace_ms, commands_per_second, commands_burst, cancels_per_second, cancels_burst, time_ns, durable)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("version", version);
    visit("session", session);
    visit("epoch", epoch);
    visit("next_seq", next_seq);
    visit("last_ref", last_ref);
    visit("heartbeat_ms", heartbeat_ms);
    visit("grace_ms", grace_ms);
    visit("commands_per_second", commands_per_second);
    visit("commands_burst", commands_burst);
    visit("cancels_per_second", cancels_per_second);
    visit("cancels_burst", cancels_burst);
    visit("time_ns", time_ns);
    visit("durable", durable);
  }
};

struct LogonRejected {
  static constexpr const char* NAME = "LogonRejected";
  static constexpr std::uint32_t TAG = 6;
  std::uint32_t tag = TAG;
  RejectReason reason{};
  std::string text{};
  std::uint64_t first_available{};
  MSGPACK_DEFINE_ARRAY(tag, reason, text, first_available)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("reason", reason);
    visit("text", text);
    visit("first_available", first_available);
  }
};

struct LoggedOut {
  static constexpr const char* NAME = "LoggedOut";
  static constexpr std::uint32_t TAG = 7;
  std::uint32_t tag = TAG;
  LogoutReason reason{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, reason, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("reason", reason);
    visit("text", text);
  }
};

struct HeartbeatAnswer {
  static constexpr const char* NAME = "HeartbeatAnswer";
  static constexpr std::uint32_t TAG = 8;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, token, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("time_ns", time_ns);
  }
};

struct SessionRejected {
  static constexpr const char* NAME = "SessionRejected";
  static constexpr std::uint32_t TAG = 9;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  RejectReason reason{};
  std::uint64_t retry_after_us{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, reason, retry_after_us, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("reason", reason);
    visit("retry_after_us", retry_after_us);
    visit("text", text);
  }
};

struct AuditRequest {
  static constexpr const char* NAME = "AuditRequest";
  static constexpr std::uint32_t TAG = 10;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  std::uint64_t from_ns{};
  std::uint64_t until_ns{};
  std::uint64_t session_id{};
  std::uint64_t kind{};
  std::uint64_t position{};
  std::uint64_t after_sequence{};
  bool waiting = false;
  MSGPACK_DEFINE_ARRAY(tag, token, from_ns, until_ns, session_id, kind, position, after_sequence, waiting)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("from_ns", from_ns);
    visit("until_ns", until_ns);
    visit("session_id", session_id);
    visit("kind", kind);
    visit("position", position);
    visit("after_sequence", after_sequence);
    visit("waiting", waiting);
  }
};

struct Audited {
  static constexpr const char* NAME = "Audited";
  static constexpr std::uint32_t TAG = 11;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  std::uint64_t sequence{};
  std::uint64_t time_ns{};
  std::uint64_t session_id{};
  std::string session{};
  std::vector<unsigned char> sent{};
  std::uint64_t reason{};
  std::uint64_t expires_ns{};
  MSGPACK_DEFINE_ARRAY(tag, token, sequence, time_ns, session_id, session, sent, reason, expires_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("sequence", sequence);
    visit("time_ns", time_ns);
    visit("session_id", session_id);
    visit("session", session);
    visit("sent", sent);
    visit("reason", reason);
    visit("expires_ns", expires_ns);
  }
};

struct AuditEnd {
  static constexpr const char* NAME = "AuditEnd";
  static constexpr std::uint32_t TAG = 12;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  std::uint64_t reason{};
  bool more{};
  std::uint64_t position{};
  std::uint64_t after_sequence{};
  MSGPACK_DEFINE_ARRAY(tag, token, reason, more, position, after_sequence)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("reason", reason);
    visit("more", more);
    visit("position", position);
    visit("after_sequence", after_sequence);
  }
};

struct DryRun {
  static constexpr const char* NAME = "DryRun";
  static constexpr std::uint32_t TAG = 13;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  msgpack::object command{};
  MSGPACK_DEFINE_ARRAY(tag, token, command)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("command", command);
  }
};

struct Foreseen {
  static constexpr const char* NAME = "Foreseen";
  static constexpr std::uint32_t TAG = 14;
  std::uint32_t tag = TAG;
  std::uint64_t token{};
  std::uint64_t reason{};
  std::uint64_t order_count{};
  std::uint64_t order_lots{};
  std::uint64_t proposal_count{};
  std::uint64_t bid_count{};
  std::uint64_t bidding_count{};
  bool more = false;
  std::uint64_t instrument_count{};
  MSGPACK_DEFINE_ARRAY(tag, token, reason, order_count, order_lots, proposal_count, bid_count, bidding_count, more, instrument_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("token", token);
    visit("reason", reason);
    visit("order_count", order_count);
    visit("order_lots", order_lots);
    visit("proposal_count", proposal_count);
    visit("bid_count", bid_count);
    visit("bidding_count", bidding_count);
    visit("more", more);
    visit("instrument_count", instrument_count);
  }
};

struct NewOrder {
  static constexpr const char* NAME = "NewOrder";
  static constexpr std::uint32_t TAG = 16;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  OrderType order_type = OrderType::LIMIT;
  TimeInForce time_in_force = TimeInForce::DAY;
  SelfTradePrevention self_trade_prevention = SelfTradePrevention::INSTRUMENT_DEFAULT;
  std::uint64_t flags{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, side, quantity_lots, price_ticks, account_id, order_type, time_in_force, self_trade_prevention, flags)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
    visit("order_type", order_type);
    visit("time_in_force", time_in_force);
    visit("self_trade_prevention", self_trade_prevention);
    visit("flags", flags);
  }
};

struct Cancel {
  static constexpr const char* NAME = "Cancel";
  static constexpr std::uint32_t TAG = 17;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t order_ref{};
  std::uint64_t order_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, order_ref, order_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("order_ref", order_ref);
    visit("order_id", order_id);
  }
};

struct Reduce {
  static constexpr const char* NAME = "Reduce";
  static constexpr std::uint32_t TAG = 18;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t order_ref{};
  std::uint64_t order_id{};
  std::uint64_t quantity_lots{};
  MSGPACK_DEFINE_ARRAY(tag, ref, order_ref, order_id, quantity_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("order_ref", order_ref);
    visit("order_id", order_id);
    visit("quantity_lots", quantity_lots);
  }
};

struct Replace {
  static constexpr const char* NAME = "Replace";
  static constexpr std::uint32_t TAG = 19;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t order_ref{};
  std::uint64_t order_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t stop_price_ticks{};
  std::uint64_t display_lots{};
  MSGPACK_DEFINE_ARRAY(tag, ref, order_ref, order_id, quantity_lots, price_ticks, stop_price_ticks, display_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("order_ref", order_ref);
    visit("order_id", order_id);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("stop_price_ticks", stop_price_ticks);
    visit("display_lots", display_lots);
  }
};

struct MassCancel {
  static constexpr const char* NAME = "MassCancel";
  static constexpr std::uint32_t TAG = 20;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  MassCancelScope scope{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t side{};
  MSGPACK_DEFINE_ARRAY(tag, ref, scope, account_id, instrument_id, side)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("scope", scope);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("side", side);
  }
};

struct OrderStatusRequest {
  static constexpr const char* NAME = "OrderStatusRequest";
  static constexpr std::uint32_t TAG = 21;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t order_ref{};
  std::uint64_t order_id{};
  std::uint64_t after_order_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, order_ref, order_id, after_order_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("order_ref", order_ref);
    visit("order_id", order_id);
    visit("after_order_id", after_order_id);
  }
};

struct NewOrderLong {
  static constexpr const char* NAME = "NewOrderLong";
  static constexpr std::uint32_t TAG = 22;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  OrderType order_type = OrderType::LIMIT;
  TimeInForce time_in_force = TimeInForce::DAY;
  SelfTradePrevention self_trade_prevention = SelfTradePrevention::INSTRUMENT_DEFAULT;
  std::uint64_t flags{};
  std::uint64_t stop_price_ticks{};
  std::uint64_t display_lots{};
  std::uint64_t minimum_lots{};
  std::uint64_t expires_ns{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, side, quantity_lots, price_ticks, account_id, order_type, time_in_force, self_trade_prevention, flags, stop_price_ticks, display_lots, minimum_lots, expires_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
    visit("order_type", order_type);
    visit("time_in_force", time_in_force);
    visit("self_trade_prevention", self_trade_prevention);
    visit("flags", flags);
    visit("stop_price_ticks", stop_price_ticks);
    visit("display_lots", display_lots);
    visit("minimum_lots", minimum_lots);
    visit("expires_ns", expires_ns);
  }
};

struct HoldingsRequest {
  static constexpr const char* NAME = "HoldingsRequest";
  static constexpr std::uint32_t TAG = 23;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t after_account_id{};
  std::uint64_t after_instrument_id{};
  std::string after_currency{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, instrument_id, after_account_id, after_instrument_id, after_currency)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("after_account_id", after_account_id);
    visit("after_instrument_id", after_instrument_id);
    visit("after_currency", after_currency);
  }
};

struct Select {
  static constexpr const char* NAME = "Select";
  static constexpr std::uint32_t TAG = 25;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t order_id{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, side, quantity_lots, order_id, price_ticks, account_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("order_id", order_id);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
  }
};

struct BlockPropose {
  static constexpr const char* NAME = "BlockPropose";
  static constexpr std::uint32_t TAG = 26;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  std::uint64_t counterparty_account_id{};
  std::uint64_t counterparty_participant_id{};
  std::uint64_t expires_ns{};
  std::uint64_t flags{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, side, quantity_lots, price_ticks, account_id, counterparty_account_id, counterparty_participant_id, expires_ns, flags)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
    visit("counterparty_account_id", counterparty_account_id);
    visit("counterparty_participant_id", counterparty_participant_id);
    visit("expires_ns", expires_ns);
    visit("flags", flags);
  }
};

struct BlockAccept {
  static constexpr const char* NAME = "BlockAccept";
  static constexpr std::uint32_t TAG = 27;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t proposal_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  std::uint64_t expires_ns{};
  std::uint64_t flags{};
  MSGPACK_DEFINE_ARRAY(tag, ref, proposal_id, quantity_lots, price_ticks, account_id, expires_ns, flags)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("proposal_id", proposal_id);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
    visit("expires_ns", expires_ns);
    visit("flags", flags);
  }
};

struct BlockDecline {
  static constexpr const char* NAME = "BlockDecline";
  static constexpr std::uint32_t TAG = 28;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t proposal_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, proposal_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("proposal_id", proposal_id);
  }
};

struct BlockCounter {
  static constexpr const char* NAME = "BlockCounter";
  static constexpr std::uint32_t TAG = 29;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t proposal_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  std::uint64_t expires_ns{};
  std::uint64_t flags{};
  MSGPACK_DEFINE_ARRAY(tag, ref, proposal_id, quantity_lots, price_ticks, account_id, expires_ns, flags)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("proposal_id", proposal_id);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
    visit("expires_ns", expires_ns);
    visit("flags", flags);
  }
};

struct BlockWithdraw {
  static constexpr const char* NAME = "BlockWithdraw";
  static constexpr std::uint32_t TAG = 30;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t proposal_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, proposal_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("proposal_id", proposal_id);
  }
};

struct Bid {
  static constexpr const char* NAME = "Bid";
  static constexpr std::uint32_t TAG = 31;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t bidding_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  std::uint64_t account_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, bidding_id, quantity_lots, price_ticks, account_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("bidding_id", bidding_id);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("account_id", account_id);
  }
};

struct ModifyBid {
  static constexpr const char* NAME = "ModifyBid";
  static constexpr std::uint32_t TAG = 32;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t bid_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  MSGPACK_DEFINE_ARRAY(tag, ref, bid_id, quantity_lots, price_ticks)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("bid_id", bid_id);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
  }
};

struct WithdrawBid {
  static constexpr const char* NAME = "WithdrawBid";
  static constexpr std::uint32_t TAG = 33;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t bid_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, bid_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("bid_id", bid_id);
  }
};

struct BlockStatusRequest {
  static constexpr const char* NAME = "BlockStatusRequest";
  static constexpr std::uint32_t TAG = 34;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t proposal_id{};
  std::uint64_t after_proposal_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, proposal_id, after_proposal_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("proposal_id", proposal_id);
    visit("after_proposal_id", after_proposal_id);
  }
};

struct Accepted {
  static constexpr const char* NAME = "Accepted";
  static constexpr std::uint32_t TAG = 48;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, instrument_id, account_id, side, price_ticks, quantity_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
  }
};

struct Rejected {
  static constexpr const char* NAME = "Rejected";
  static constexpr std::uint32_t TAG = 49;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  RejectReason reason{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, reason)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("reason", reason);
  }
};

struct Executed {
  static constexpr const char* NAME = "Executed";
  static constexpr std::uint32_t TAG = 50;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t trade_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t leaves_lots{};
  Liquidity liquidity{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, trade_id, instrument_id, account_id, side, price_ticks, quantity_lots, leaves_lots, liquidity)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("trade_id", trade_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("leaves_lots", leaves_lots);
    visit("liquidity", liquidity);
  }
};

struct Canceled {
  static constexpr const char* NAME = "Canceled";
  static constexpr std::uint32_t TAG = 51;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t canceled_lots{};
  CancelReason reason{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, canceled_lots, reason)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("canceled_lots", canceled_lots);
    visit("reason", reason);
  }
};

struct Reduced {
  static constexpr const char* NAME = "Reduced";
  static constexpr std::uint32_t TAG = 52;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t quantity_lots{};
  std::uint64_t leaves_lots{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, quantity_lots, leaves_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("quantity_lots", quantity_lots);
    visit("leaves_lots", leaves_lots);
  }
};

struct Replaced {
  static constexpr const char* NAME = "Replaced";
  static constexpr std::uint32_t TAG = 53;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t leaves_lots{};
  std::uint64_t stop_price_ticks{};
  std::uint64_t display_lots{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, price_ticks, quantity_lots, leaves_lots, stop_price_ticks, display_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("leaves_lots", leaves_lots);
    visit("stop_price_ticks", stop_price_ticks);
    visit("display_lots", display_lots);
  }
};

struct SelfTradePrevented {
  static constexpr const char* NAME = "SelfTradePrevented";
  static constexpr std::uint32_t TAG = 54;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t other_order_id{};
  std::uint64_t prevented_lots{};
  std::uint64_t leaves_lots{};
  SelfTradePrevention mode{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, other_order_id, prevented_lots, leaves_lots, mode)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("other_order_id", other_order_id);
    visit("prevented_lots", prevented_lots);
    visit("leaves_lots", leaves_lots);
    visit("mode", mode);
  }
};

struct Triggered {
  static constexpr const char* NAME = "Triggered";
  static constexpr std::uint32_t TAG = 55;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t stop_price_ticks{};
  std::uint64_t price_ticks{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, stop_price_ticks, price_ticks)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("stop_price_ticks", stop_price_ticks);
    visit("price_ticks", price_ticks);
  }
};

struct MassCanceled {
  static constexpr const char* NAME = "MassCanceled";
  static constexpr std::uint32_t TAG = 56;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t count{};
  std::uint64_t sequence{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, count, sequence)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("count", count);
    visit("sequence", sequence);
  }
};

struct OrderStatus {
  static constexpr const char* NAME = "OrderStatus";
  static constexpr std::uint32_t TAG = 57;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t order_ref{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t leaves_lots{};
  TimeInForce time_in_force{};
  std::uint64_t order_flags{};
  OrderType order_type = OrderType::LIMIT;
  std::uint64_t stop_price_ticks{};
  std::uint64_t display_lots{};
  std::uint64_t minimum_lots{};
  std::uint64_t expires_ns{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, order_ref, instrument_id, account_id, side, price_ticks, quantity_lots, leaves_lots, time_in_force, order_flags, order_type, stop_price_ticks, display_lots, minimum_lots, expires_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("order_ref", order_ref);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("leaves_lots", leaves_lots);
    visit("time_in_force", time_in_force);
    visit("order_flags", order_flags);
    visit("order_type", order_type);
    visit("stop_price_ticks", stop_price_ticks);
    visit("display_lots", display_lots);
    visit("minimum_lots", minimum_lots);
    visit("expires_ns", expires_ns);
  }
};

struct StatusEnd {
  static constexpr const char* NAME = "StatusEnd";
  static constexpr std::uint32_t TAG = 58;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t count{};
  bool more{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, count, more)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("count", count);
    visit("more", more);
  }
};

struct Busted {
  static constexpr const char* NAME = "Busted";
  static constexpr std::uint32_t TAG = 59;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t trade_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t traded_ns{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, trade_id, instrument_id, account_id, side, price_ticks, quantity_lots, traded_ns, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("trade_id", trade_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("traded_ns", traded_ns);
    visit("text", text);
  }
};

struct Corrected {
  static constexpr const char* NAME = "Corrected";
  static constexpr std::uint32_t TAG = 60;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t trade_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_before_ticks{};
  std::uint64_t quantity_before_lots{};
  std::uint64_t traded_ns{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, trade_id, instrument_id, account_id, side, price_ticks, quantity_lots, price_before_ticks, quantity_before_lots, traded_ns, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("trade_id", trade_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("price_before_ticks", price_before_ticks);
    visit("quantity_before_lots", quantity_before_lots);
    visit("traded_ns", traded_ns);
    visit("text", text);
  }
};

struct TradeStatus {
  static constexpr const char* NAME = "TradeStatus";
  static constexpr std::uint32_t TAG = 61;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t trade_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  FoundTrade trade{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, trade_id, price_ticks, quantity_lots, trade)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("trade_id", trade_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("trade", trade);
  }
};

struct Holding {
  static constexpr const char* NAME = "Holding";
  static constexpr std::uint32_t TAG = 62;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t total_lots{};
  std::uint64_t available_lots{};
  std::uint64_t reserved_lots{};
  std::uint64_t unsettled_lots{};
  std::uint64_t bought_today_lots{};
  std::uint64_t buying_lots{};
  std::uint64_t position_max_lots{};
  std::uint64_t report_from_lots{};
  Restriction restriction = Restriction::NONE;
  std::uint64_t allocated_lots{};
  std::uint64_t net_sold_lots{};
  std::uint64_t carry_over_max_lots{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, account_id, instrument_id, total_lots, available_lots, reserved_lots, unsettled_lots, bought_today_lots, buying_lots, position_max_lots, report_from_lots, restriction, allocated_lots, net_sold_lots, carry_over_max_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("total_lots", total_lots);
    visit("available_lots", available_lots);
    visit("reserved_lots", reserved_lots);
    visit("unsettled_lots", unsettled_lots);
    visit("bought_today_lots", bought_today_lots);
    visit("buying_lots", buying_lots);
    visit("position_max_lots", position_max_lots);
    visit("report_from_lots", report_from_lots);
    visit("restriction", restriction);
    visit("allocated_lots", allocated_lots);
    visit("net_sold_lots", net_sold_lots);
    visit("carry_over_max_lots", carry_over_max_lots);
  }
};

struct Cash {
  static constexpr const char* NAME = "Cash";
  static constexpr std::uint32_t TAG = 63;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t account_id{};
  std::string currency{};
  std::uint64_t total_minor{};
  std::uint64_t available_minor{};
  std::uint64_t reserved_minor{};
  std::uint64_t withdrawable_minor{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, account_id, currency, total_minor, available_minor, reserved_minor, withdrawable_minor)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("account_id", account_id);
    visit("currency", currency);
    visit("total_minor", total_minor);
    visit("available_minor", available_minor);
    visit("reserved_minor", reserved_minor);
    visit("withdrawable_minor", withdrawable_minor);
  }
};

struct BlockUpdate {
  static constexpr const char* NAME = "BlockUpdate";
  static constexpr std::uint32_t TAG = 64;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t proposal_id{};
  BlockState state{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_ticks{};
  bool is_own{};
  std::uint64_t post_id{};
  std::uint64_t counterparty_account_id{};
  std::uint64_t counterparty_participant_id{};
  std::uint64_t expires_ns{};
  std::uint64_t reason{};
  std::uint64_t trade_id{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, proposal_id, state, instrument_id, account_id, side, quantity_lots, price_ticks, is_own, post_id, counterparty_account_id, counterparty_participant_id, expires_ns, reason, trade_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("proposal_id", proposal_id);
    visit("state", state);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("price_ticks", price_ticks);
    visit("is_own", is_own);
    visit("post_id", post_id);
    visit("counterparty_account_id", counterparty_account_id);
    visit("counterparty_participant_id", counterparty_participant_id);
    visit("expires_ns", expires_ns);
    visit("reason", reason);
    visit("trade_id", trade_id);
  }
};

struct BidUpdate {
  static constexpr const char* NAME = "BidUpdate";
  static constexpr std::uint32_t TAG = 65;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t bidding_id{};
  std::uint64_t bid_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  BidState state{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t allotted_lots{};
  std::uint64_t allotted_price_ticks{};
  std::uint64_t priority{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, bidding_id, bid_id, instrument_id, account_id, side, state, price_ticks, quantity_lots, allotted_lots, allotted_price_ticks, priority)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("bidding_id", bidding_id);
    visit("bid_id", bid_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("state", state);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("allotted_lots", allotted_lots);
    visit("allotted_price_ticks", allotted_price_ticks);
    visit("priority", priority);
  }
};

struct Done {
  static constexpr const char* NAME = "Done";
  static constexpr std::uint32_t TAG = 66;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t sequence{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, sequence)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("sequence", sequence);
  }
};

struct Copied {
  static constexpr const char* NAME = "Copied";
  static constexpr std::uint32_t TAG = 67;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t session_id{};
  msgpack::object report{};
  MSGPACK_DEFINE_ARRAY(tag, seq, session_id, report)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("session_id", session_id);
    visit("report", report);
  }
};

struct AcceptedLong {
  static constexpr const char* NAME = "AcceptedLong";
  static constexpr std::uint32_t TAG = 68;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_id{};
  std::uint64_t instrument_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  OrderType order_type{};
  TimeInForce time_in_force{};
  std::uint64_t order_flags{};
  std::uint64_t stop_price_ticks{};
  std::uint64_t display_lots{};
  std::uint64_t minimum_lots{};
  std::uint64_t expires_ns{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_id, instrument_id, account_id, side, price_ticks, quantity_lots, order_type, time_in_force, order_flags, stop_price_ticks, display_lots, minimum_lots, expires_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_id", order_id);
    visit("instrument_id", instrument_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("order_type", order_type);
    visit("time_in_force", time_in_force);
    visit("order_flags", order_flags);
    visit("stop_price_ticks", stop_price_ticks);
    visit("display_lots", display_lots);
    visit("minimum_lots", minimum_lots);
    visit("expires_ns", expires_ns);
  }
};

struct Subscribe {
  static constexpr const char* NAME = "Subscribe";
  static constexpr std::uint32_t TAG = 80;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::vector<std::uint64_t> instrument_ids{};
  std::uint64_t kinds = 7;
  std::uint64_t levels_max{};
  std::uint64_t conflate_ms{};
  std::uint64_t after_feed_sequence{};
  bool from_journal = false;
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_ids, kinds, levels_max, conflate_ms, after_feed_sequence, from_journal)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_ids", instrument_ids);
    visit("kinds", kinds);
    visit("levels_max", levels_max);
    visit("conflate_ms", conflate_ms);
    visit("after_feed_sequence", after_feed_sequence);
    visit("from_journal", from_journal);
  }
};

struct GapRequest {
  static constexpr const char* NAME = "GapRequest";
  static constexpr std::uint32_t TAG = 81;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  std::uint64_t after_feed_sequence{};
  bool from_journal = false;
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, after_feed_sequence, from_journal)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("after_feed_sequence", after_feed_sequence);
    visit("from_journal", from_journal);
  }
};

struct Subscribed {
  static constexpr const char* NAME = "Subscribed";
  static constexpr std::uint32_t TAG = 82;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_count{};
  std::uint64_t feed_sequence{};
  bool is_resumed = false;
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_count, feed_sequence, is_resumed)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_count", instrument_count);
    visit("feed_sequence", feed_sequence);
    visit("is_resumed", is_resumed);
  }
};

struct BatchBegin {
  static constexpr const char* NAME = "BatchBegin";
  static constexpr std::uint32_t TAG = 83;
  std::uint32_t tag = TAG;
  std::uint64_t feed_sequence{};
  std::uint64_t time_ns{};
  std::uint64_t previous_feed_sequence{};
  std::uint64_t batches = 1;
  MSGPACK_DEFINE_ARRAY(tag, feed_sequence, time_ns, previous_feed_sequence, batches)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("feed_sequence", feed_sequence);
    visit("time_ns", time_ns);
    visit("previous_feed_sequence", previous_feed_sequence);
    visit("batches", batches);
  }
};

struct Instrument {
  static constexpr const char* NAME = "Instrument";
  static constexpr std::uint32_t TAG = 84;
  std::uint32_t tag = TAG;
  InstrumentDefinition definition{};
  MSGPACK_DEFINE_ARRAY(tag, definition)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("definition", definition);
  }
};

struct SnapshotBegin {
  static constexpr const char* NAME = "SnapshotBegin";
  static constexpr std::uint32_t TAG = 85;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t feed_sequence{};
  std::uint64_t instrument_seq{};
  Phase phase{};
  std::uint64_t reference_price_ticks{};
  std::uint64_t band_low_ticks{};
  std::uint64_t band_high_ticks{};
  std::uint64_t level_count{};
  std::uint64_t until_ns{};
  std::uint64_t order_count{};
  std::uint64_t list_seq{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, feed_sequence, instrument_seq, phase, reference_price_ticks, band_low_ticks, band_high_ticks, level_count, until_ns, order_count, list_seq)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("feed_sequence", feed_sequence);
    visit("instrument_seq", instrument_seq);
    visit("phase", phase);
    visit("reference_price_ticks", reference_price_ticks);
    visit("band_low_ticks", band_low_ticks);
    visit("band_high_ticks", band_high_ticks);
    visit("level_count", level_count);
    visit("until_ns", until_ns);
    visit("order_count", order_count);
    visit("list_seq", list_seq);
  }
};

struct SnapshotLevel {
  static constexpr const char* NAME = "SnapshotLevel";
  static constexpr std::uint32_t TAG = 86;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t order_count{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, side, price_ticks, quantity_lots, order_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("order_count", order_count);
  }
};

struct SnapshotEnd {
  static constexpr const char* NAME = "SnapshotEnd";
  static constexpr std::uint32_t TAG = 87;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t checksum{};
  std::uint64_t order_checksum{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, checksum, order_checksum)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("checksum", checksum);
    visit("order_checksum", order_checksum);
  }
};

struct LevelUpdate {
  static constexpr const char* NAME = "LevelUpdate";
  static constexpr std::uint32_t TAG = 88;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t order_count{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, side, price_ticks, quantity_lots, order_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("order_count", order_count);
  }
};

struct Trade {
  static constexpr const char* NAME = "Trade";
  static constexpr std::uint32_t TAG = 89;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t trade_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  Side aggressor{};
  std::uint64_t time_ns{};
  TradeKind kind = TradeKind::CONTINUOUS;
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, trade_id, price_ticks, quantity_lots, aggressor, time_ns, kind)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("trade_id", trade_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("aggressor", aggressor);
    visit("time_ns", time_ns);
    visit("kind", kind);
  }
};

struct PhaseUpdate {
  static constexpr const char* NAME = "PhaseUpdate";
  static constexpr std::uint32_t TAG = 90;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  Phase phase{};
  std::string text{};
  std::uint64_t time_ns{};
  std::uint64_t until_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, phase, text, time_ns, until_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("phase", phase);
    visit("text", text);
    visit("time_ns", time_ns);
    visit("until_ns", until_ns);
  }
};

struct BandUpdate {
  static constexpr const char* NAME = "BandUpdate";
  static constexpr std::uint32_t TAG = 91;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t reference_price_ticks{};
  std::uint64_t band_low_ticks{};
  std::uint64_t band_high_ticks{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, reference_price_ticks, band_low_ticks, band_high_ticks, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("reference_price_ticks", reference_price_ticks);
    visit("band_low_ticks", band_low_ticks);
    visit("band_high_ticks", band_high_ticks);
    visit("time_ns", time_ns);
  }
};

struct Statistics {
  static constexpr const char* NAME = "Statistics";
  static constexpr std::uint32_t TAG = 92;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t open_price_ticks{};
  std::uint64_t high_price_ticks{};
  std::uint64_t low_price_ticks{};
  std::uint64_t last_price_ticks{};
  std::uint64_t volume_lots{};
  std::uint64_t turnover_ticks_lots{};
  std::uint64_t trade_count{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, open_price_ticks, high_price_ticks, low_price_ticks, last_price_ticks, volume_lots, turnover_ticks_lots, trade_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("open_price_ticks", open_price_ticks);
    visit("high_price_ticks", high_price_ticks);
    visit("low_price_ticks", low_price_ticks);
    visit("last_price_ticks", last_price_ticks);
    visit("volume_lots", volume_lots);
    visit("turnover_ticks_lots", turnover_ticks_lots);
    visit("trade_count", trade_count);
  }
};

struct Conflated {
  static constexpr const char* NAME = "Conflated";
  static constexpr std::uint32_t TAG = 93;
  std::uint32_t tag = TAG;
  std::uint64_t batches{};
  std::uint64_t feed_sequence{};
  std::vector<std::uint64_t> instrument_ids{};
  std::uint64_t previous_feed_sequence{};
  MSGPACK_DEFINE_ARRAY(tag, batches, feed_sequence, instrument_ids, previous_feed_sequence)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("batches", batches);
    visit("feed_sequence", feed_sequence);
    visit("instrument_ids", instrument_ids);
    visit("previous_feed_sequence", previous_feed_sequence);
  }
};

struct SubscribeRejected {
  static constexpr const char* NAME = "SubscribeRejected";
  static constexpr std::uint32_t TAG = 94;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  RejectReason reason{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, reason, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("reason", reason);
    visit("text", text);
  }
};

struct AuctionUpdate {
  static constexpr const char* NAME = "AuctionUpdate";
  static constexpr std::uint32_t TAG = 95;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t price_ticks{};
  std::uint64_t volume_lots{};
  std::uint64_t surplus_lots{};
  std::uint64_t surplus_side{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, price_ticks, volume_lots, surplus_lots, surplus_side, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("price_ticks", price_ticks);
    visit("volume_lots", volume_lots);
    visit("surplus_lots", surplus_lots);
    visit("surplus_side", surplus_side);
    visit("time_ns", time_ns);
  }
};

struct AuctionResult {
  static constexpr const char* NAME = "AuctionResult";
  static constexpr std::uint32_t TAG = 96;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  Phase phase{};
  std::uint64_t price_ticks{};
  std::uint64_t volume_lots{};
  std::uint64_t surplus_lots{};
  std::uint64_t surplus_side{};
  AuctionRule rule{};
  std::uint64_t reference_price_ticks{};
  std::uint64_t prevented_lots{};
  std::uint64_t ends_ns{};
  std::uint64_t random_ns{};
  std::uint64_t ended_ns{};
  std::vector<unsigned char> seed{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, phase, price_ticks, volume_lots, surplus_lots, surplus_side, rule, reference_price_ticks, prevented_lots, ends_ns, random_ns, ended_ns, seed, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("phase", phase);
    visit("price_ticks", price_ticks);
    visit("volume_lots", volume_lots);
    visit("surplus_lots", surplus_lots);
    visit("surplus_side", surplus_side);
    visit("rule", rule);
    visit("reference_price_ticks", reference_price_ticks);
    visit("prevented_lots", prevented_lots);
    visit("ends_ns", ends_ns);
    visit("random_ns", random_ns);
    visit("ended_ns", ended_ns);
    visit("seed", seed);
    visit("time_ns", time_ns);
  }
};

struct TradeBust {
  static constexpr const char* NAME = "TradeBust";
  static constexpr std::uint32_t TAG = 97;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t trade_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, trade_id, price_ticks, quantity_lots, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("trade_id", trade_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("time_ns", time_ns);
  }
};

struct TradeCorrection {
  static constexpr const char* NAME = "TradeCorrection";
  static constexpr std::uint32_t TAG = 98;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t trade_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t price_before_ticks{};
  std::uint64_t quantity_before_lots{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, trade_id, price_ticks, quantity_lots, price_before_ticks, quantity_before_lots, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("trade_id", trade_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("price_before_ticks", price_before_ticks);
    visit("quantity_before_lots", quantity_before_lots);
    visit("time_ns", time_ns);
  }
};

struct LimitsUpdate {
  static constexpr const char* NAME = "LimitsUpdate";
  static constexpr std::uint32_t TAG = 99;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t anchor_ticks{};
  std::uint64_t low_ticks{};
  std::uint64_t high_ticks{};
  std::uint64_t hold_ends_ns{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, anchor_ticks, low_ticks, high_ticks, hold_ends_ns, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("anchor_ticks", anchor_ticks);
    visit("low_ticks", low_ticks);
    visit("high_ticks", high_ticks);
    visit("hold_ends_ns", hold_ends_ns);
    visit("time_ns", time_ns);
  }
};

struct OrderUpdate {
  static constexpr const char* NAME = "OrderUpdate";
  static constexpr std::uint32_t TAG = 100;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t list_seq{};
  std::uint64_t order_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, list_seq, order_id, side, price_ticks, quantity_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("list_seq", list_seq);
    visit("order_id", order_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
  }
};

struct SnapshotOrder {
  static constexpr const char* NAME = "SnapshotOrder";
  static constexpr std::uint32_t TAG = 101;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t order_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, order_id, side, price_ticks, quantity_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("order_id", order_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
  }
};

struct BlockPost {
  static constexpr const char* NAME = "BlockPost";
  static constexpr std::uint32_t TAG = 103;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t proposal_id{};
  Side side{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::uint64_t participant_id{};
  std::uint64_t expires_ns{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, proposal_id, side, price_ticks, quantity_lots, participant_id, expires_ns, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("proposal_id", proposal_id);
    visit("side", side);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("participant_id", participant_id);
    visit("expires_ns", expires_ns);
    visit("time_ns", time_ns);
  }
};

struct BlockPhaseUpdate {
  static constexpr const char* NAME = "BlockPhaseUpdate";
  static constexpr std::uint32_t TAG = 104;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  BlockPhase phase{};
  std::string text{};
  std::uint64_t until_ns{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, phase, text, until_ns, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("phase", phase);
    visit("text", text);
    visit("until_ns", until_ns);
    visit("time_ns", time_ns);
  }
};

struct BiddingAnnouncement {
  static constexpr const char* NAME = "BiddingAnnouncement";
  static constexpr std::uint32_t TAG = 105;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t bidding_id{};
  BiddingState state{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t reserve_price_ticks{};
  std::uint64_t opens_ns{};
  std::uint64_t closes_ns{};
  BiddingRules rules{};
  std::uint64_t unit_lots{};
  std::uint64_t secondary_price_ticks{};
  std::vector<unsigned char> commitment{};
  std::string text{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, bidding_id, state, side, quantity_lots, reserve_price_ticks, opens_ns, closes_ns, rules, unit_lots, secondary_price_ticks, commitment, text, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("bidding_id", bidding_id);
    visit("state", state);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("reserve_price_ticks", reserve_price_ticks);
    visit("opens_ns", opens_ns);
    visit("closes_ns", closes_ns);
    visit("rules", rules);
    visit("unit_lots", unit_lots);
    visit("secondary_price_ticks", secondary_price_ticks);
    visit("commitment", commitment);
    visit("text", text);
    visit("time_ns", time_ns);
  }
};

struct BiddingUpdate {
  static constexpr const char* NAME = "BiddingUpdate";
  static constexpr std::uint32_t TAG = 106;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t bidding_id{};
  BiddingState state{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, bidding_id, state, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("bidding_id", bidding_id);
    visit("state", state);
    visit("time_ns", time_ns);
  }
};

struct BiddingResult {
  static constexpr const char* NAME = "BiddingResult";
  static constexpr std::uint32_t TAG = 107;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t bidding_id{};
  BiddingOutcome outcome{};
  std::uint64_t price_ticks{};
  std::uint64_t offered_lots{};
  std::uint64_t allotted_lots{};
  std::uint64_t bid_lots{};
  std::uint64_t bid_count{};
  std::uint64_t winner_count{};
  BiddingRule rule{};
  std::uint64_t secondary_price_ticks{};
  std::vector<unsigned char> seed{};
  std::vector<unsigned char> inputs_digest{};
  std::string text{};
  std::uint64_t time_ns{};
  BiddingPricing pricing = BiddingPricing::DEFAULT;
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, bidding_id, outcome, price_ticks, offered_lots, allotted_lots, bid_lots, bid_count, winner_count, rule, secondary_price_ticks, seed, inputs_digest, text, time_ns, pricing)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("bidding_id", bidding_id);
    visit("outcome", outcome);
    visit("price_ticks", price_ticks);
    visit("offered_lots", offered_lots);
    visit("allotted_lots", allotted_lots);
    visit("bid_lots", bid_lots);
    visit("bid_count", bid_count);
    visit("winner_count", winner_count);
    visit("rule", rule);
    visit("secondary_price_ticks", secondary_price_ticks);
    visit("seed", seed);
    visit("inputs_digest", inputs_digest);
    visit("text", text);
    visit("time_ns", time_ns);
    visit("pricing", pricing);
  }
};

struct DaySummary {
  static constexpr const char* NAME = "DaySummary";
  static constexpr std::uint32_t TAG = 108;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t trading_day{};
  std::uint64_t open_price_ticks{};
  std::uint64_t high_price_ticks{};
  std::uint64_t low_price_ticks{};
  std::uint64_t close_price_ticks{};
  std::uint64_t volume_lots{};
  std::uint64_t turnover_ticks_lots{};
  std::uint64_t trade_count{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, trading_day, open_price_ticks, high_price_ticks, low_price_ticks, close_price_ticks, volume_lots, turnover_ticks_lots, trade_count, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("trading_day", trading_day);
    visit("open_price_ticks", open_price_ticks);
    visit("high_price_ticks", high_price_ticks);
    visit("low_price_ticks", low_price_ticks);
    visit("close_price_ticks", close_price_ticks);
    visit("volume_lots", volume_lots);
    visit("turnover_ticks_lots", turnover_ticks_lots);
    visit("trade_count", trade_count);
    visit("time_ns", time_ns);
  }
};

struct Composite {
  static constexpr const char* NAME = "Composite";
  static constexpr std::uint32_t TAG = 109;
  std::uint32_t tag = TAG;
  std::uint64_t composite_id{};
  std::uint64_t seq{};
  std::uint64_t price_ticks{};
  std::uint64_t time_ns{};
  CompositeDefinition composite{};
  MSGPACK_DEFINE_ARRAY(tag, composite_id, seq, price_ticks, time_ns, composite)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("composite_id", composite_id);
    visit("seq", seq);
    visit("price_ticks", price_ticks);
    visit("time_ns", time_ns);
    visit("composite", composite);
  }
};

struct KindStatistics {
  static constexpr const char* NAME = "KindStatistics";
  static constexpr std::uint32_t TAG = 110;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  TradeKind kind{};
  std::uint64_t volume_lots{};
  std::uint64_t turnover_ticks_lots{};
  std::uint64_t trade_count{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, kind, volume_lots, turnover_ticks_lots, trade_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("kind", kind);
    visit("volume_lots", volume_lots);
    visit("turnover_ticks_lots", turnover_ticks_lots);
    visit("trade_count", trade_count);
  }
};

struct GapFilled {
  static constexpr const char* NAME = "GapFilled";
  static constexpr std::uint32_t TAG = 111;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t after_feed_sequence{};
  std::uint64_t feed_sequence{};
  FeedSource source{};
  std::uint64_t count{};
  MSGPACK_DEFINE_ARRAY(tag, ref, after_feed_sequence, feed_sequence, source, count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("after_feed_sequence", after_feed_sequence);
    visit("feed_sequence", feed_sequence);
    visit("source", source);
    visit("count", count);
  }
};

struct Pulled {
  static constexpr const char* NAME = "Pulled";
  static constexpr std::uint32_t TAG = 112;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t order_count{};
  std::uint64_t order_lots{};
  std::uint64_t proposal_count{};
  std::uint64_t bid_count{};
  std::uint64_t bidding_count{};
  bool more{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, order_count, order_lots, proposal_count, bid_count, bidding_count, more)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("order_count", order_count);
    visit("order_lots", order_lots);
    visit("proposal_count", proposal_count);
    visit("bid_count", bid_count);
    visit("bidding_count", bidding_count);
    visit("more", more);
  }
};

struct Killed {
  static constexpr const char* NAME = "Killed";
  static constexpr std::uint32_t TAG = 113;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t scope{};
  std::uint64_t scope_id{};
  std::uint64_t sequence{};
  std::uint64_t since_ns{};
  std::uint64_t session_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, scope, scope_id, sequence, since_ns, session_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("scope", scope);
    visit("scope_id", scope_id);
    visit("sequence", sequence);
    visit("since_ns", since_ns);
    visit("session_id", session_id);
    visit("text", text);
  }
};

struct Proposed {
  static constexpr const char* NAME = "Proposed";
  static constexpr std::uint32_t TAG = 114;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t number{};
  ProposedState state{};
  std::uint64_t expires_ns{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, number, state, expires_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("number", number);
    visit("state", state);
    visit("expires_ns", expires_ns);
  }
};

struct SessionStatus {
  static constexpr const char* NAME = "SessionStatus";
  static constexpr std::uint32_t TAG = 116;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t session_id{};
  std::string session{};
  std::uint64_t role{};
  std::uint64_t connections{};
  std::string address{};
  std::uint64_t since_ns{};
  std::uint64_t waiting_bytes{};
  std::uint64_t participant_id{};
  std::uint64_t last_seq{};
  std::uint64_t open_orders{};
  std::uint64_t banned_until_ns{};
  std::uint64_t commands_per_second{};
  std::uint64_t commands_burst{};
  std::uint64_t cancels_per_second{};
  std::uint64_t cancels_burst{};
  std::uint64_t throttled{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, session_id, session, role, connections, address, since_ns, waiting_bytes, participant_id, last_seq, open_orders, banned_until_ns, commands_per_second, commands_burst, cancels_per_second, cancels_burst, throttled)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("session_id", session_id);
    visit("session", session);
    visit("role", role);
    visit("connections", connections);
    visit("address", address);
    visit("since_ns", since_ns);
    visit("waiting_bytes", waiting_bytes);
    visit("participant_id", participant_id);
    visit("last_seq", last_seq);
    visit("open_orders", open_orders);
    visit("banned_until_ns", banned_until_ns);
    visit("commands_per_second", commands_per_second);
    visit("commands_burst", commands_burst);
    visit("cancels_per_second", cancels_per_second);
    visit("cancels_burst", cancels_burst);
    visit("throttled", throttled);
  }
};

struct Outcome {
  static constexpr const char* NAME = "Outcome";
  static constexpr std::uint32_t TAG = 117;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  bool applied{};
  std::uint64_t at_sequence{};
  std::vector<std::string> lines{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, applied, at_sequence, lines)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("applied", applied);
    visit("at_sequence", at_sequence);
    visit("lines", lines);
  }
};

struct Amendment {
  static constexpr const char* NAME = "Amendment";
  static constexpr std::uint32_t TAG = 118;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  TableKind kind{};
  std::string name{};
  std::string table{};
  bool is_in_file{};
  std::uint64_t amended_sequence{};
  std::uint64_t amended_ns{};
  std::uint64_t session_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, kind, name, table, is_in_file, amended_sequence, amended_ns, session_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("kind", kind);
    visit("name", name);
    visit("table", table);
    visit("is_in_file", is_in_file);
    visit("amended_sequence", amended_sequence);
    visit("amended_ns", amended_ns);
    visit("session_id", session_id);
    visit("text", text);
  }
};

struct ThrottleChanged {
  static constexpr const char* NAME = "ThrottleChanged";
  static constexpr std::uint32_t TAG = 119;
  std::uint32_t tag = TAG;
  std::uint64_t commands_per_second{};
  std::uint64_t commands_burst{};
  std::uint64_t cancels_per_second{};
  std::uint64_t cancels_burst{};
  MSGPACK_DEFINE_ARRAY(tag, commands_per_second, commands_burst, cancels_per_second, cancels_burst)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("commands_per_second", commands_per_second);
    visit("commands_burst", commands_burst);
    visit("cancels_per_second", cancels_per_second);
    visit("cancels_burst", cancels_burst);
  }
};

struct BlockVolume {
  static constexpr const char* NAME = "BlockVolume";
  static constexpr std::uint32_t TAG = 120;
  std::uint32_t tag = TAG;
  std::uint64_t instrument_id{};
  std::uint64_t instrument_seq{};
  std::uint64_t volume_lots{};
  std::uint64_t trade_count{};
  std::uint64_t time_ns{};
  MSGPACK_DEFINE_ARRAY(tag, instrument_id, instrument_seq, volume_lots, trade_count, time_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("instrument_id", instrument_id);
    visit("instrument_seq", instrument_seq);
    visit("volume_lots", volume_lots);
    visit("trade_count", trade_count);
    visit("time_ns", time_ns);
  }
};

struct SetPhase {
  static constexpr const char* NAME = "SetPhase";
  static constexpr std::uint32_t TAG = 128;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  Phase phase{};
  std::string text{};
  std::uint64_t until_ns{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, phase, text, until_ns)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("phase", phase);
    visit("text", text);
    visit("until_ns", until_ns);
  }
};

struct PutTables {
  static constexpr const char* NAME = "PutTables";
  static constexpr std::uint32_t TAG = 129;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string tables{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, tables, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("tables", tables);
    visit("text", text);
  }
};

struct SetBand {
  static constexpr const char* NAME = "SetBand";
  static constexpr std::uint32_t TAG = 130;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  std::uint64_t reference_price_ticks{};
  std::uint64_t band_low_ticks{};
  std::uint64_t band_high_ticks{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, reference_price_ticks, band_low_ticks, band_high_ticks, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("reference_price_ticks", reference_price_ticks);
    visit("band_low_ticks", band_low_ticks);
    visit("band_high_ticks", band_high_ticks);
    visit("text", text);
  }
};

struct Resume {
  static constexpr const char* NAME = "Resume";
  static constexpr std::uint32_t TAG = 131;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("text", text);
  }
};

struct BustTrade {
  static constexpr const char* NAME = "BustTrade";
  static constexpr std::uint32_t TAG = 132;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t trade_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, trade_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("trade_id", trade_id);
    visit("text", text);
  }
};

struct CorrectTrade {
  static constexpr const char* NAME = "CorrectTrade";
  static constexpr std::uint32_t TAG = 133;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t trade_id{};
  std::uint64_t price_ticks{};
  std::uint64_t quantity_lots{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, trade_id, price_ticks, quantity_lots, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("trade_id", trade_id);
    visit("price_ticks", price_ticks);
    visit("quantity_lots", quantity_lots);
    visit("text", text);
  }
};

struct TradeStatusRequest {
  static constexpr const char* NAME = "TradeStatusRequest";
  static constexpr std::uint32_t TAG = 134;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t trade_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, trade_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("trade_id", trade_id);
  }
};

struct Deposit {
  static constexpr const char* NAME = "Deposit";
  static constexpr std::uint32_t TAG = 135;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t quantity_lots{};
  std::string currency{};
  std::uint64_t amount_minor{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, instrument_id, quantity_lots, currency, amount_minor, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("quantity_lots", quantity_lots);
    visit("currency", currency);
    visit("amount_minor", amount_minor);
    visit("text", text);
  }
};

struct Withdraw {
  static constexpr const char* NAME = "Withdraw";
  static constexpr std::uint32_t TAG = 136;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t quantity_lots{};
  std::string currency{};
  std::uint64_t amount_minor{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, instrument_id, quantity_lots, currency, amount_minor, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("quantity_lots", quantity_lots);
    visit("currency", currency);
    visit("amount_minor", amount_minor);
    visit("text", text);
  }
};

struct SetAccountLimits {
  static constexpr const char* NAME = "SetAccountLimits";
  static constexpr std::uint32_t TAG = 137;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t position_max_lots{};
  std::uint64_t report_from_lots{};
  std::string text{};
  std::uint64_t allocated_lots{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, instrument_id, position_max_lots, report_from_lots, text, allocated_lots)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("position_max_lots", position_max_lots);
    visit("report_from_lots", report_from_lots);
    visit("text", text);
    visit("allocated_lots", allocated_lots);
  }
};

struct RestrictAccount {
  static constexpr const char* NAME = "RestrictAccount";
  static constexpr std::uint32_t TAG = 138;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  Restriction restriction{};
  std::uint64_t instrument_id{};
  bool cancels = false;
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, restriction, instrument_id, cancels, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("restriction", restriction);
    visit("instrument_id", instrument_id);
    visit("cancels", cancels);
    visit("text", text);
  }
};

struct SetBlockPhase {
  static constexpr const char* NAME = "SetBlockPhase";
  static constexpr std::uint32_t TAG = 139;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  BlockPhase phase{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, phase, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("phase", phase);
    visit("text", text);
  }
};

struct AnnounceBidding {
  static constexpr const char* NAME = "AnnounceBidding";
  static constexpr std::uint32_t TAG = 140;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  std::uint64_t session_id{};
  std::uint64_t account_id{};
  Side side{};
  std::uint64_t quantity_lots{};
  std::uint64_t reserve_price_ticks{};
  std::uint64_t opens_ns{};
  std::uint64_t closes_ns{};
  BiddingRules rules{};
  std::uint64_t secondary_price_ticks{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, session_id, account_id, side, quantity_lots, reserve_price_ticks, opens_ns, closes_ns, rules, secondary_price_ticks, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("session_id", session_id);
    visit("account_id", account_id);
    visit("side", side);
    visit("quantity_lots", quantity_lots);
    visit("reserve_price_ticks", reserve_price_ticks);
    visit("opens_ns", opens_ns);
    visit("closes_ns", closes_ns);
    visit("rules", rules);
    visit("secondary_price_ticks", secondary_price_ticks);
    visit("text", text);
  }
};

struct CancelBidding {
  static constexpr const char* NAME = "CancelBidding";
  static constexpr std::uint32_t TAG = 141;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t bidding_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, bidding_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("bidding_id", bidding_id);
    visit("text", text);
  }
};

struct EndDay {
  static constexpr const char* NAME = "EndDay";
  static constexpr std::uint32_t TAG = 142;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t trading_day{};
  std::vector<std::uint64_t> instrument_ids{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, trading_day, instrument_ids, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("trading_day", trading_day);
    visit("instrument_ids", instrument_ids);
    visit("text", text);
  }
};

struct ConfirmSettlement {
  static constexpr const char* NAME = "ConfirmSettlement";
  static constexpr std::uint32_t TAG = 143;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t trading_day{};
  std::uint64_t run{};
  std::vector<unsigned char> file_digest{};
  SettlementOutcome outcome{};
  std::vector<std::uint64_t> objections{};
  std::uint64_t objection_count{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, trading_day, run, file_digest, outcome, objections, objection_count, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("trading_day", trading_day);
    visit("run", run);
    visit("file_digest", file_digest);
    visit("outcome", outcome);
    visit("objections", objections);
    visit("objection_count", objection_count);
    visit("text", text);
  }
};

struct SetReference {
  static constexpr const char* NAME = "SetReference";
  static constexpr std::uint32_t TAG = 144;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t instrument_id{};
  std::uint64_t reference_price_ticks{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, instrument_id, reference_price_ticks, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("instrument_id", instrument_id);
    visit("reference_price_ticks", reference_price_ticks);
    visit("text", text);
  }
};

struct SettlementStatusRequest {
  static constexpr const char* NAME = "SettlementStatusRequest";
  static constexpr std::uint32_t TAG = 145;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t after_sequence{};
  bool confirmed = false;
  MSGPACK_DEFINE_ARRAY(tag, ref, after_sequence, confirmed)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("after_sequence", after_sequence);
    visit("confirmed", confirmed);
  }
};

struct InspectHoldings {
  static constexpr const char* NAME = "InspectHoldings";
  static constexpr std::uint32_t TAG = 146;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t account_id{};
  std::uint64_t instrument_id{};
  std::uint64_t after_account_id{};
  std::uint64_t after_instrument_id{};
  std::string after_currency{};
  MSGPACK_DEFINE_ARRAY(tag, ref, account_id, instrument_id, after_account_id, after_instrument_id, after_currency)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("account_id", account_id);
    visit("instrument_id", instrument_id);
    visit("after_account_id", after_account_id);
    visit("after_instrument_id", after_instrument_id);
    visit("after_currency", after_currency);
  }
};

struct ChangeTable {
  static constexpr const char* NAME = "ChangeTable";
  static constexpr std::uint32_t TAG = 147;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  TableKind kind{};
  std::string name{};
  TableAction action{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, kind, name, action, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("kind", kind);
    visit("name", name);
    visit("action", action);
    visit("text", text);
  }
};

struct AmendmentsRequest {
  static constexpr const char* NAME = "AmendmentsRequest";
  static constexpr std::uint32_t TAG = 148;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t after_kind{};
  std::string after_name{};
  MSGPACK_DEFINE_ARRAY(tag, ref, after_kind, after_name)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("after_kind", after_kind);
    visit("after_name", after_name);
  }
};

struct InstrumentStatusRequest {
  static constexpr const char* NAME = "InstrumentStatusRequest";
  static constexpr std::uint32_t TAG = 149;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string symbol{};
  std::uint64_t after_instrument_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, symbol, after_instrument_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("symbol", symbol);
    visit("after_instrument_id", after_instrument_id);
  }
};

struct Kill {
  static constexpr const char* NAME = "Kill";
  static constexpr std::uint32_t TAG = 150;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  KillScope scope{};
  std::uint64_t scope_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, scope, scope_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("scope", scope);
    visit("scope_id", scope_id);
    visit("text", text);
  }
};

struct Release {
  static constexpr const char* NAME = "Release";
  static constexpr std::uint32_t TAG = 151;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  KillScope scope{};
  std::uint64_t scope_id{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, scope, scope_id, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("scope", scope);
    visit("scope_id", scope_id);
    visit("text", text);
  }
};

struct KilledRequest {
  static constexpr const char* NAME = "KilledRequest";
  static constexpr std::uint32_t TAG = 152;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t after_scope{};
  std::uint64_t after_scope_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, after_scope, after_scope_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("after_scope", after_scope);
    visit("after_scope_id", after_scope_id);
  }
};

struct Decide {
  static constexpr const char* NAME = "Decide";
  static constexpr std::uint32_t TAG = 153;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::uint64_t number{};
  bool confirms{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, number, confirms, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("number", number);
    visit("confirms", confirms);
    visit("text", text);
  }
};

struct SessionsRequest {
  static constexpr const char* NAME = "SessionsRequest";
  static constexpr std::uint32_t TAG = 155;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string session{};
  std::uint64_t after_session_id{};
  MSGPACK_DEFINE_ARRAY(tag, ref, session, after_session_id)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("session", session);
    visit("after_session_id", after_session_id);
  }
};

struct Disconnect {
  static constexpr const char* NAME = "Disconnect";
  static constexpr std::uint32_t TAG = 156;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string session{};
  std::uint64_t ban_seconds{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, session, ban_seconds, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("session", session);
    visit("ban_seconds", ban_seconds);
    visit("text", text);
  }
};

struct TakeSnapshot {
  static constexpr const char* NAME = "TakeSnapshot";
  static constexpr std::uint32_t TAG = 157;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("text", text);
  }
};

struct ReloadConfiguration {
  static constexpr const char* NAME = "ReloadConfiguration";
  static constexpr std::uint32_t TAG = 158;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("text", text);
  }
};

struct SetThrottle {
  static constexpr const char* NAME = "SetThrottle";
  static constexpr std::uint32_t TAG = 159;
  std::uint32_t tag = TAG;
  std::uint64_t ref{};
  std::string session{};
  std::uint64_t commands_per_second{};
  std::uint64_t commands_burst{};
  std::uint64_t cancels_per_second{};
  std::uint64_t cancels_burst{};
  std::string text{};
  MSGPACK_DEFINE_ARRAY(tag, ref, session, commands_per_second, commands_burst, cancels_per_second, cancels_burst, text)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("ref", ref);
    visit("session", session);
    visit("commands_per_second", commands_per_second);
    visit("commands_burst", commands_burst);
    visit("cancels_per_second", cancels_per_second);
    visit("cancels_burst", cancels_burst);
    visit("text", text);
  }
};

struct SettlementStatus {
  static constexpr const char* NAME = "SettlementStatus";
  static constexpr std::uint32_t TAG = 240;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t trading_day{};
  std::uint64_t run{};
  std::uint64_t sequence{};
  std::uint64_t ended_ns{};
  std::uint64_t instrument_count{};
  SettlementOutcome outcome{};
  std::vector<unsigned char> file_digest{};
  std::uint64_t objection_count{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, trading_day, run, sequence, ended_ns, instrument_count, outcome, file_digest, objection_count)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("trading_day", trading_day);
    visit("run", run);
    visit("sequence", sequence);
    visit("ended_ns", ended_ns);
    visit("instrument_count", instrument_count);
    visit("outcome", outcome);
    visit("file_digest", file_digest);
    visit("objection_count", objection_count);
  }
};

struct InstrumentStatus {
  static constexpr const char* NAME = "InstrumentStatus";
  static constexpr std::uint32_t TAG = 241;
  std::uint32_t tag = TAG;
  std::uint64_t seq{};
  std::uint64_t ref{};
  std::uint64_t time_ns{};
  std::uint64_t flags{};
  std::uint64_t instrument_id{};
  std::string symbol{};
  Phase phase{};
  bool is_uncrossing{};
  std::uint64_t block_phase{};
  std::uint64_t trading_day{};
  std::uint64_t ended_day{};
  std::uint64_t reference_price_ticks{};
  std::uint64_t band_low_ticks{};
  std::uint64_t band_high_ticks{};
  std::uint64_t price_increment_ticks{};
  MSGPACK_DEFINE_ARRAY(tag, seq, ref, time_ns, flags, instrument_id, symbol, phase, is_uncrossing, block_phase, trading_day, ended_day, reference_price_ticks, band_low_ticks, band_high_ticks, price_increment_ticks)
  template <class Visitor>
  void each_field(Visitor&& visit) const {
    visit("seq", seq);
    visit("ref", ref);
    visit("time_ns", time_ns);
    visit("flags", flags);
    visit("instrument_id", instrument_id);
    visit("symbol", symbol);
    visit("phase", phase);
    visit("is_uncrossing", is_uncrossing);
    visit("block_phase", block_phase);
    visit("trading_day", trading_day);
    visit("ended_day", ended_day);
    visit("reference_price_ticks", reference_price_ticks);
    visit("band_low_ticks", band_low_ticks);
    visit("band_high_ticks", band_high_ticks);
    visit("price_increment_ticks", price_increment_ticks);
  }
};

// Whether a message of the feed begins with `instrument_id` and `instrument_seq`.
inline bool is_counted(std::uint32_t tag) {
  switch (tag) {
    case LevelUpdate::TAG:
    case Trade::TAG:
    case PhaseUpdate::TAG:
    case BandUpdate::TAG:
    case Statistics::TAG:
    case AuctionUpdate::TAG:
    case AuctionResult::TAG:
    case TradeBust::TAG:
    case TradeCorrection::TAG:
    case LimitsUpdate::TAG:
    case BlockPost::TAG:
    case BlockPhaseUpdate::TAG:
    case BiddingAnnouncement::TAG:
    case BiddingUpdate::TAG:
    case BiddingResult::TAG:
    case DaySummary::TAG:
    case KindStatistics::TAG:
    case BlockVolume::TAG:
      return true;
  }
  return false;
}

// Calls `visit` with the message that `object` is; false where it is none that is known.
template <class Visitor>
bool visit_message(const msgpack::object& object, Visitor&& visit) {
  const auto& array = object.via.array;
  if (object.type != msgpack::type::ARRAY || array.size == 0) throw msgpack::type_error();
  switch (array.ptr[0].as<std::uint32_t>()) {
    case Logon::TAG: visit(object.as<Logon>()); return true;
    case Logout::TAG: visit(object.as<Logout>()); return true;
    case Heartbeat::TAG: visit(object.as<Heartbeat>()); return true;
    case Challenge::TAG: visit(object.as<Challenge>()); return true;
    case LogonAccepted::TAG: visit(object.as<LogonAccepted>()); return true;
    case LogonRejected::TAG: visit(object.as<LogonRejected>()); return true;
    case LoggedOut::TAG: visit(object.as<LoggedOut>()); return true;
    case HeartbeatAnswer::TAG: visit(object.as<HeartbeatAnswer>()); return true;
    case SessionRejected::TAG: visit(object.as<SessionRejected>()); return true;
    case AuditRequest::TAG: visit(object.as<AuditRequest>()); return true;
    case Audited::TAG: visit(object.as<Audited>()); return true;
    case AuditEnd::TAG: visit(object.as<AuditEnd>()); return true;
    case DryRun::TAG: visit(object.as<DryRun>()); return true;
    case Foreseen::TAG: visit(object.as<Foreseen>()); return true;
    case NewOrder::TAG: visit(object.as<NewOrder>()); return true;
    case Cancel::TAG: visit(object.as<Cancel>()); return true;
    case Reduce::TAG: visit(object.as<Reduce>()); return true;
    case Replace::TAG: visit(object.as<Replace>()); return true;
    case MassCancel::TAG: visit(object.as<MassCancel>()); return true;
    case OrderStatusRequest::TAG: visit(object.as<OrderStatusRequest>()); return true;
    case NewOrderLong::TAG: visit(object.as<NewOrderLong>()); return true;
    case HoldingsRequest::TAG: visit(object.as<HoldingsRequest>()); return true;
    case Select::TAG: visit(object.as<Select>()); return true;
    case BlockPropose::TAG: visit(object.as<BlockPropose>()); return true;
    case BlockAccept::TAG: visit(object.as<BlockAccept>()); return true;
    case BlockDecline::TAG: visit(object.as<BlockDecline>()); return true;
    case BlockCounter::TAG: visit(object.as<BlockCounter>()); return true;
    case BlockWithdraw::TAG: visit(object.as<BlockWithdraw>()); return true;
    case Bid::TAG: visit(object.as<Bid>()); return true;
    case ModifyBid::TAG: visit(object.as<ModifyBid>()); return true;
    case WithdrawBid::TAG: visit(object.as<WithdrawBid>()); return true;
    case BlockStatusRequest::TAG: visit(object.as<BlockStatusRequest>()); return true;
    case Accepted::TAG: visit(object.as<Accepted>()); return true;
    case Rejected::TAG: visit(object.as<Rejected>()); return true;
    case Executed::TAG: visit(object.as<Executed>()); return true;
    case Canceled::TAG: visit(object.as<Canceled>()); return true;
    case Reduced::TAG: visit(object.as<Reduced>()); return true;
    case Replaced::TAG: visit(object.as<Replaced>()); return true;
    case SelfTradePrevented::TAG: visit(object.as<SelfTradePrevented>()); return true;
    case Triggered::TAG: visit(object.as<Triggered>()); return true;
    case MassCanceled::TAG: visit(object.as<MassCanceled>()); return true;
    case OrderStatus::TAG: visit(object.as<OrderStatus>()); return true;
    case StatusEnd::TAG: visit(object.as<StatusEnd>()); return true;
    case Busted::TAG: visit(object.as<Busted>()); return true;
    case Corrected::TAG: visit(object.as<Corrected>()); return true;
    case TradeStatus::TAG: visit(object.as<TradeStatus>()); return true;
    case Holding::TAG: visit(object.as<Holding>()); return true;
    case Cash::TAG: visit(object.as<Cash>()); return true;
    case BlockUpdate::TAG: visit(object.as<BlockUpdate>()); return true;
    case BidUpdate::TAG: visit(object.as<BidUpdate>()); return true;
    case Done::TAG: visit(object.as<Done>()); return true;
    case Copied::TAG: visit(object.as<Copied>()); return true;
    case AcceptedLong::TAG: visit(object.as<AcceptedLong>()); return true;
    case Subscribe::TAG: visit(object.as<Subscribe>()); return true;
    case GapRequest::TAG: visit(object.as<GapRequest>()); return true;
    case Subscribed::TAG: visit(object.as<Subscribed>()); return true;
    case BatchBegin::TAG: visit(object.as<BatchBegin>()); return true;
    case Instrument::TAG: visit(object.as<Instrument>()); return true;
    case SnapshotBegin::TAG: visit(object.as<SnapshotBegin>()); return true;
    case SnapshotLevel::TAG: visit(object.as<SnapshotLevel>()); return true;
    case SnapshotEnd::TAG: visit(object.as<SnapshotEnd>()); return true;
    case LevelUpdate::TAG: visit(object.as<LevelUpdate>()); return true;
    case Trade::TAG: visit(object.as<Trade>()); return true;
    case PhaseUpdate::TAG: visit(object.as<PhaseUpdate>()); return true;
    case BandUpdate::TAG: visit(object.as<BandUpdate>()); return true;
    case Statistics::TAG: visit(object.as<Statistics>()); return true;
    case Conflated::TAG: visit(object.as<Conflated>()); return true;
    case SubscribeRejected::TAG: visit(object.as<SubscribeRejected>()); return true;
    case AuctionUpdate::TAG: visit(object.as<AuctionUpdate>()); return true;
    case AuctionResult::TAG: visit(object.as<AuctionResult>()); return true;
    case TradeBust::TAG: visit(object.as<TradeBust>()); return true;
    case TradeCorrection::TAG: visit(object.as<TradeCorrection>()); return true;
    case LimitsUpdate::TAG: visit(object.as<LimitsUpdate>()); return true;
    case OrderUpdate::TAG: visit(object.as<OrderUpdate>()); return true;
    case SnapshotOrder::TAG: visit(object.as<SnapshotOrder>()); return true;
    case BlockPost::TAG: visit(object.as<BlockPost>()); return true;
    case BlockPhaseUpdate::TAG: visit(object.as<BlockPhaseUpdate>()); return true;
    case BiddingAnnouncement::TAG: visit(object.as<BiddingAnnouncement>()); return true;
    case BiddingUpdate::TAG: visit(object.as<BiddingUpdate>()); return true;
    case BiddingResult::TAG: visit(object.as<BiddingResult>()); return true;
    case DaySummary::TAG: visit(object.as<DaySummary>()); return true;
    case Composite::TAG: visit(object.as<Composite>()); return true;
    case KindStatistics::TAG: visit(object.as<KindStatistics>()); return true;
    case GapFilled::TAG: visit(object.as<GapFilled>()); return true;
    case Pulled::TAG: visit(object.as<Pulled>()); return true;
    case Killed::TAG: visit(object.as<Killed>()); return true;
    case Proposed::TAG: visit(object.as<Proposed>()); return true;
    case SessionStatus::TAG: visit(object.as<SessionStatus>()); return true;
    case Outcome::TAG: visit(object.as<Outcome>()); return true;
    case Amendment::TAG: visit(object.as<Amendment>()); return true;
    case ThrottleChanged::TAG: visit(object.as<ThrottleChanged>()); return true;
    case BlockVolume::TAG: visit(object.as<BlockVolume>()); return true;
    case SetPhase::TAG: visit(object.as<SetPhase>()); return true;
    case PutTables::TAG: visit(object.as<PutTables>()); return true;
    case SetBand::TAG: visit(object.as<SetBand>()); return true;
    case Resume::TAG: visit(object.as<Resume>()); return true;
    case BustTrade::TAG: visit(object.as<BustTrade>()); return true;
    case CorrectTrade::TAG: visit(object.as<CorrectTrade>()); return true;
    case TradeStatusRequest::TAG: visit(object.as<TradeStatusRequest>()); return true;
    case Deposit::TAG: visit(object.as<Deposit>()); return true;
    case Withdraw::TAG: visit(object.as<Withdraw>()); return true;
    case SetAccountLimits::TAG: visit(object.as<SetAccountLimits>()); return true;
    case RestrictAccount::TAG: visit(object.as<RestrictAccount>()); return true;
    case SetBlockPhase::TAG: visit(object.as<SetBlockPhase>()); return true;
    case AnnounceBidding::TAG: visit(object.as<AnnounceBidding>()); return true;
    case CancelBidding::TAG: visit(object.as<CancelBidding>()); return true;
    case EndDay::TAG: visit(object.as<EndDay>()); return true;
    case ConfirmSettlement::TAG: visit(object.as<ConfirmSettlement>()); return true;
    case SetReference::TAG: visit(object.as<SetReference>()); return true;
    case SettlementStatusRequest::TAG: visit(object.as<SettlementStatusRequest>()); return true;
    case InspectHoldings::TAG: visit(object.as<InspectHoldings>()); return true;
    case ChangeTable::TAG: visit(object.as<ChangeTable>()); return true;
    case AmendmentsRequest::TAG: visit(object.as<AmendmentsRequest>()); return true;
    case InstrumentStatusRequest::TAG: visit(object.as<InstrumentStatusRequest>()); return true;
    case Kill::TAG: visit(object.as<Kill>()); return true;
    case Release::TAG: visit(object.as<Release>()); return true;
    case KilledRequest::TAG: visit(object.as<KilledRequest>()); return true;
    case Decide::TAG: visit(object.as<Decide>()); return true;
    case SessionsRequest::TAG: visit(object.as<SessionsRequest>()); return true;
    case Disconnect::TAG: visit(object.as<Disconnect>()); return true;
    case TakeSnapshot::TAG: visit(object.as<TakeSnapshot>()); return true;
    case ReloadConfiguration::TAG: visit(object.as<ReloadConfiguration>()); return true;
    case SetThrottle::TAG: visit(object.as<SetThrottle>()); return true;
    case SettlementStatus::TAG: visit(object.as<SettlementStatus>()); return true;
    case InstrumentStatus::TAG: visit(object.as<InstrumentStatus>()); return true;
  }
  return false;
}

}  // namespace carbonmatch
