-- carbonmatch's protocol for Wireshark and tshark, from 3.6 on.
--
--     wireshark -X lua_script:proto/wireshark/carbonmatch.lua
--
-- or copied into the personal Lua plugin folder (Help, About, Folders). Ports other than 7400, 7410 and 7420 by
-- "Decode As", or `tshark -d tcp.port==7500,carbonmatch`. Filters are the names of fields in proto/MESSAGES.md:
--
--     carbonmatch.message == "Executed" && carbonmatch.order_id == 4711
--     carbonmatch.reason == 5, or by what a number means: carbonmatch.word == "THROTTLED"
--     carbonmatch.malformed || carbonmatch.later_version
--
-- The tables are made by `python -m carbonmatch.protocol.reference proto`; the rest is written by hand.

-- made from the code: begin
local FRAME_BYTES_MAX = 67108864
-- By tag: the name, how many fields it has at least, and the fields: name, type, of which kind.
local MESSAGES = {
  [1] = { "Logon", 10, { { "version_min", "integer" }, { "version_max", "integer" }, { "key_id", "text" }, { "session", "text" }, { "role", "enum", "Role" }, { "next_seq", "integer" }, { "heartbeat_ms", "integer" }, { "cancel_on_disconnect", "boolean" }, { "grace_ms", "integer" }, { "signature", "binary" } } },
  [2] = { "Logout", 0, { { "text", "text" } } },
  [3] = { "Heartbeat", 0, { { "token", "integer" } } },
  [4] = { "Challenge", 4, { { "server_id", "text" }, { "nonce", "binary" }, { "version_min", "integer" }, { "version_max", "integer" } } },
  [5] = { "LogonAccepted", 13, { { "version", "integer" }, { "session", "text" }, { "epoch", "integer" }, { "next_seq", "integer" }, { "last_ref", "integer" }, { "heartbeat_ms", "integer" }, { "grace_ms", "integer" }, { "commands_per_second", "integer" }, { "commands_burst", "integer" }, { "cancels_per_second", "integer" }, { "cancels_burst", "integer" }, { "time_ns", "utc" }, { "durable", "boolean" } } },
  [6] = { "LogonRejected", 1, { { "reason", "enum", "RejectReason" }, { "text", "text" }, { "first_available", "integer" } } },
  [7] = { "LoggedOut", 1, { { "reason", "enum", "LogoutReason" }, { "text", "text" } } },
  [8] = { "HeartbeatAnswer", 2, { { "token", "integer" }, { "time_ns", "utc" } } },
  [9] = { "SessionRejected", 2, { { "ref", "integer" }, { "reason", "enum", "RejectReason" }, { "retry_after_us", "integer" }, { "text", "text" } } },
  [10] = { "AuditRequest", 1, { { "token", "integer" }, { "from_ns", "utc" }, { "until_ns", "utc" }, { "session_id", "integer" }, { "kind", "integer" }, { "position", "integer" }, { "after_sequence", "integer" }, { "waiting", "boolean" } } },
  [11] = { "Audited", 7, { { "token", "integer" }, { "sequence", "integer" }, { "time_ns", "utc" }, { "session_id", "integer" }, { "session", "text" }, { "sent", "binary" }, { "reason", "integer" }, { "expires_ns", "utc" } } },
  [12] = { "AuditEnd", 5, { { "token", "integer" }, { "reason", "integer" }, { "more", "boolean" }, { "position", "integer" }, { "after_sequence", "integer" } } },
  [13] = { "DryRun", 2, { { "token", "integer" }, { "command", "message" } } },
  [14] = { "Foreseen", 2, { { "token", "integer" }, { "reason", "integer" }, { "order_count", "integer" }, { "order_lots", "integer" }, { "proposal_count", "integer" }, { "bid_count", "integer" }, { "bidding_count", "integer" }, { "more", "boolean" }, { "instrument_count", "integer" } } },
  [16] = { "NewOrder", 4, { { "ref", "integer" }, { "instrument_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" }, { "order_type", "enum", "OrderType" }, { "time_in_force", "enum", "TimeInForce" }, { "self_trade_prevention", "enum", "SelfTradePrevention" }, { "flags", "bits", "OrderFlag" } } },
  [17] = { "Cancel", 1, { { "ref", "integer" }, { "order_ref", "integer" }, { "order_id", "integer" } } },
  [18] = { "Reduce", 4, { { "ref", "integer" }, { "order_ref", "integer" }, { "order_id", "integer" }, { "quantity_lots", "integer" } } },
  [19] = { "Replace", 5, { { "ref", "integer" }, { "order_ref", "integer" }, { "order_id", "integer" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "stop_price_ticks", "integer" }, { "display_lots", "integer" } } },
  [20] = { "MassCancel", 2, { { "ref", "integer" }, { "scope", "enum", "MassCancelScope" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "side", "integer" } } },
  [21] = { "OrderStatusRequest", 1, { { "ref", "integer" }, { "order_ref", "integer" }, { "order_id", "integer" }, { "after_order_id", "integer" } } },
  [22] = { "NewOrderLong", 4, { { "ref", "integer" }, { "instrument_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" }, { "order_type", "enum", "OrderType" }, { "time_in_force", "enum", "TimeInForce" }, { "self_trade_prevention", "enum", "SelfTradePrevention" }, { "flags", "bits", "OrderFlag" }, { "stop_price_ticks", "integer" }, { "display_lots", "integer" }, { "minimum_lots", "integer" }, { "expires_ns", "utc" } } },
  [23] = { "HoldingsRequest", 1, { { "ref", "integer" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "after_account_id", "integer" }, { "after_instrument_id", "integer" }, { "after_currency", "text" } } },
  [25] = { "Select", 4, { { "ref", "integer" }, { "instrument_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "order_id", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" } } },
  [26] = { "BlockPropose", 5, { { "ref", "integer" }, { "instrument_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" }, { "counterparty_account_id", "integer" }, { "counterparty_participant_id", "integer" }, { "expires_ns", "utc" }, { "flags", "integer" } } },
  [27] = { "BlockAccept", 4, { { "ref", "integer" }, { "proposal_id", "integer" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" }, { "expires_ns", "utc" }, { "flags", "integer" } } },
  [28] = { "BlockDecline", 2, { { "ref", "integer" }, { "proposal_id", "integer" } } },
  [29] = { "BlockCounter", 4, { { "ref", "integer" }, { "proposal_id", "integer" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" }, { "expires_ns", "utc" }, { "flags", "integer" } } },
  [30] = { "BlockWithdraw", 2, { { "ref", "integer" }, { "proposal_id", "integer" } } },
  [31] = { "Bid", 4, { { "ref", "integer" }, { "bidding_id", "integer" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "account_id", "integer" } } },
  [32] = { "ModifyBid", 4, { { "ref", "integer" }, { "bid_id", "integer" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" } } },
  [33] = { "WithdrawBid", 2, { { "ref", "integer" }, { "bid_id", "integer" } } },
  [34] = { "BlockStatusRequest", 1, { { "ref", "integer" }, { "proposal_id", "integer" }, { "after_proposal_id", "integer" } } },
  [48] = { "Accepted", 10, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" } } },
  [49] = { "Rejected", 5, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "reason", "enum", "RejectReason" } } },
  [50] = { "Executed", 13, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "trade_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "leaves_lots", "integer" }, { "liquidity", "enum", "Liquidity" } } },
  [51] = { "Canceled", 7, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "canceled_lots", "integer" }, { "reason", "enum", "CancelReason" } } },
  [52] = { "Reduced", 7, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "quantity_lots", "integer" }, { "leaves_lots", "integer" } } },
  [53] = { "Replaced", 8, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "leaves_lots", "integer" }, { "stop_price_ticks", "integer" }, { "display_lots", "integer" } } },
  [54] = { "SelfTradePrevented", 9, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "other_order_id", "integer" }, { "prevented_lots", "integer" }, { "leaves_lots", "integer" }, { "mode", "enum", "SelfTradePrevention" } } },
  [55] = { "Triggered", 7, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "stop_price_ticks", "integer" }, { "price_ticks", "integer" } } },
  [56] = { "MassCanceled", 6, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "count", "integer" }, { "sequence", "integer" } } },
  [57] = { "OrderStatus", 14, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "order_ref", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "leaves_lots", "integer" }, { "time_in_force", "enum", "TimeInForce" }, { "order_flags", "bits", "OrderFlag" }, { "order_type", "enum", "OrderType" }, { "stop_price_ticks", "integer" }, { "display_lots", "integer" }, { "minimum_lots", "integer" }, { "expires_ns", "utc" } } },
  [58] = { "StatusEnd", 6, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "count", "integer" }, { "more", "boolean" } } },
  [59] = { "Busted", 13, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "trade_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "traded_ns", "utc" }, { "text", "text" } } },
  [60] = { "Corrected", 15, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "trade_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "price_before_ticks", "integer" }, { "quantity_before_lots", "integer" }, { "traded_ns", "utc" }, { "text", "text" } } },
  [61] = { "TradeStatus", 8, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "trade_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "trade", "structure", "FoundTrade" } } },
  [62] = { "Holding", 12, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "total_lots", "integer" }, { "available_lots", "integer" }, { "reserved_lots", "integer" }, { "unsettled_lots", "integer" }, { "bought_today_lots", "integer" }, { "buying_lots", "integer" }, { "position_max_lots", "integer" }, { "report_from_lots", "integer" }, { "restriction", "enum", "Restriction" }, { "allocated_lots", "integer" }, { "net_sold_lots", "integer" }, { "carry_over_max_lots", "integer" } } },
  [63] = { "Cash", 10, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "account_id", "integer" }, { "currency", "text" }, { "total_minor", "integer" }, { "available_minor", "integer" }, { "reserved_minor", "integer" }, { "withdrawable_minor", "integer" } } },
  [64] = { "BlockUpdate", 16, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "proposal_id", "integer" }, { "state", "enum", "BlockState" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "price_ticks", "integer" }, { "is_own", "boolean" }, { "post_id", "integer" }, { "counterparty_account_id", "integer" }, { "counterparty_participant_id", "integer" }, { "expires_ns", "utc" }, { "reason", "integer" }, { "trade_id", "integer" } } },
  [65] = { "BidUpdate", 15, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "bidding_id", "integer" }, { "bid_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "state", "enum", "BidState" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "allotted_lots", "integer" }, { "allotted_price_ticks", "integer" }, { "priority", "integer" } } },
  [66] = { "Done", 5, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "sequence", "integer" } } },
  [67] = { "Copied", 3, { { "seq", "integer" }, { "session_id", "integer" }, { "report", "message" } } },
  [68] = { "AcceptedLong", 17, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_id", "integer" }, { "instrument_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "order_type", "enum", "OrderType" }, { "time_in_force", "enum", "TimeInForce" }, { "order_flags", "bits", "OrderFlag" }, { "stop_price_ticks", "integer" }, { "display_lots", "integer" }, { "minimum_lots", "integer" }, { "expires_ns", "utc" } } },
  [80] = { "Subscribe", 1, { { "ref", "integer" }, { "instrument_ids", "array", { "integer" } }, { "kinds", "bits", "FeedKind" }, { "levels_max", "integer" }, { "conflate_ms", "integer" }, { "after_feed_sequence", "integer" }, { "from_journal", "boolean" } } },
  [81] = { "GapRequest", 2, { { "ref", "integer" }, { "instrument_id", "integer" }, { "after_feed_sequence", "integer" }, { "from_journal", "boolean" } } },
  [82] = { "Subscribed", 3, { { "ref", "integer" }, { "instrument_count", "integer" }, { "feed_sequence", "integer" }, { "is_resumed", "boolean" } } },
  [83] = { "BatchBegin", 2, { { "feed_sequence", "integer" }, { "time_ns", "utc" }, { "previous_feed_sequence", "integer" }, { "batches", "integer" } } },
  [84] = { "Instrument", 1, { { "definition", "structure", "InstrumentDefinition" } } },
  [85] = { "SnapshotBegin", 8, { { "instrument_id", "integer" }, { "feed_sequence", "integer" }, { "instrument_seq", "integer" }, { "phase", "enum", "Phase" }, { "reference_price_ticks", "integer" }, { "band_low_ticks", "integer" }, { "band_high_ticks", "integer" }, { "level_count", "integer" }, { "until_ns", "utc" }, { "order_count", "integer" }, { "list_seq", "integer" } } },
  [86] = { "SnapshotLevel", 5, { { "instrument_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "order_count", "integer" } } },
  [87] = { "SnapshotEnd", 2, { { "instrument_id", "integer" }, { "checksum", "integer" }, { "order_checksum", "integer" } } },
  [88] = { "LevelUpdate", 6, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "order_count", "integer" } } },
  [89] = { "Trade", 7, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "trade_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "aggressor", "enum", "Side" }, { "time_ns", "utc" }, { "kind", "enum", "TradeKind" } } },
  [90] = { "PhaseUpdate", 5, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "phase", "enum", "Phase" }, { "text", "text" }, { "time_ns", "utc" }, { "until_ns", "utc" } } },
  [91] = { "BandUpdate", 6, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "reference_price_ticks", "integer" }, { "band_low_ticks", "integer" }, { "band_high_ticks", "integer" }, { "time_ns", "utc" } } },
  [92] = { "Statistics", 9, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "open_price_ticks", "integer" }, { "high_price_ticks", "integer" }, { "low_price_ticks", "integer" }, { "last_price_ticks", "integer" }, { "volume_lots", "integer" }, { "turnover_ticks_lots", "integer" }, { "trade_count", "integer" } } },
  [93] = { "Conflated", 2, { { "batches", "integer" }, { "feed_sequence", "integer" }, { "instrument_ids", "array", { "integer" } }, { "previous_feed_sequence", "integer" } } },
  [94] = { "SubscribeRejected", 2, { { "ref", "integer" }, { "reason", "enum", "RejectReason" }, { "text", "text" } } },
  [95] = { "AuctionUpdate", 7, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "price_ticks", "integer" }, { "volume_lots", "integer" }, { "surplus_lots", "integer" }, { "surplus_side", "integer" }, { "time_ns", "utc" } } },
  [96] = { "AuctionResult", 15, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "phase", "enum", "Phase" }, { "price_ticks", "integer" }, { "volume_lots", "integer" }, { "surplus_lots", "integer" }, { "surplus_side", "integer" }, { "rule", "enum", "AuctionRule" }, { "reference_price_ticks", "integer" }, { "prevented_lots", "integer" }, { "ends_ns", "utc" }, { "random_ns", "integer" }, { "ended_ns", "utc" }, { "seed", "binary" }, { "time_ns", "utc" } } },
  [97] = { "TradeBust", 6, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "trade_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "time_ns", "utc" } } },
  [98] = { "TradeCorrection", 8, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "trade_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "price_before_ticks", "integer" }, { "quantity_before_lots", "integer" }, { "time_ns", "utc" } } },
  [99] = { "LimitsUpdate", 7, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "anchor_ticks", "integer" }, { "low_ticks", "integer" }, { "high_ticks", "integer" }, { "hold_ends_ns", "utc" }, { "time_ns", "utc" } } },
  [100] = { "OrderUpdate", 6, { { "instrument_id", "integer" }, { "list_seq", "integer" }, { "order_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" } } },
  [101] = { "SnapshotOrder", 5, { { "instrument_id", "integer" }, { "order_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" } } },
  [103] = { "BlockPost", 9, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "proposal_id", "integer" }, { "side", "enum", "Side" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "participant_id", "integer" }, { "expires_ns", "utc" }, { "time_ns", "utc" } } },
  [104] = { "BlockPhaseUpdate", 6, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "phase", "enum", "BlockPhase" }, { "text", "text" }, { "until_ns", "utc" }, { "time_ns", "utc" } } },
  [105] = { "BiddingAnnouncement", 15, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "bidding_id", "integer" }, { "state", "enum", "BiddingState" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "reserve_price_ticks", "integer" }, { "opens_ns", "utc" }, { "closes_ns", "utc" }, { "rules", "structure", "BiddingRules" }, { "unit_lots", "integer" }, { "secondary_price_ticks", "integer" }, { "commitment", "binary" }, { "text", "text" }, { "time_ns", "utc" } } },
  [106] = { "BiddingUpdate", 5, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "bidding_id", "integer" }, { "state", "enum", "BiddingState" }, { "time_ns", "utc" } } },
  [107] = { "BiddingResult", 16, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "bidding_id", "integer" }, { "outcome", "enum", "BiddingOutcome" }, { "price_ticks", "integer" }, { "offered_lots", "integer" }, { "allotted_lots", "integer" }, { "bid_lots", "integer" }, { "bid_count", "integer" }, { "winner_count", "integer" }, { "rule", "enum", "BiddingRule" }, { "secondary_price_ticks", "integer" }, { "seed", "binary" }, { "inputs_digest", "binary" }, { "text", "text" }, { "time_ns", "utc" }, { "pricing", "enum", "BiddingPricing" } } },
  [108] = { "DaySummary", 11, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "trading_day", "integer" }, { "open_price_ticks", "integer" }, { "high_price_ticks", "integer" }, { "low_price_ticks", "integer" }, { "close_price_ticks", "integer" }, { "volume_lots", "integer" }, { "turnover_ticks_lots", "integer" }, { "trade_count", "integer" }, { "time_ns", "utc" } } },
  [109] = { "Composite", 5, { { "composite_id", "integer" }, { "seq", "integer" }, { "price_ticks", "integer" }, { "time_ns", "utc" }, { "composite", "structure", "CompositeDefinition" } } },
  [110] = { "KindStatistics", 6, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "kind", "enum", "TradeKind" }, { "volume_lots", "integer" }, { "turnover_ticks_lots", "integer" }, { "trade_count", "integer" } } },
  [111] = { "GapFilled", 5, { { "ref", "integer" }, { "after_feed_sequence", "integer" }, { "feed_sequence", "integer" }, { "source", "enum", "FeedSource" }, { "count", "integer" } } },
  [112] = { "Pulled", 10, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "order_count", "integer" }, { "order_lots", "integer" }, { "proposal_count", "integer" }, { "bid_count", "integer" }, { "bidding_count", "integer" }, { "more", "boolean" } } },
  [113] = { "Killed", 10, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "scope", "integer" }, { "scope_id", "integer" }, { "sequence", "integer" }, { "since_ns", "utc" }, { "session_id", "integer" }, { "text", "text" } } },
  [114] = { "Proposed", 7, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "number", "integer" }, { "state", "enum", "ProposedState" }, { "expires_ns", "utc" } } },
  [116] = { "SessionStatus", 20, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "session_id", "integer" }, { "session", "text" }, { "role", "integer" }, { "connections", "integer" }, { "address", "text" }, { "since_ns", "utc" }, { "waiting_bytes", "integer" }, { "participant_id", "integer" }, { "last_seq", "integer" }, { "open_orders", "integer" }, { "banned_until_ns", "utc" }, { "commands_per_second", "integer" }, { "commands_burst", "integer" }, { "cancels_per_second", "integer" }, { "cancels_burst", "integer" }, { "throttled", "integer" } } },
  [117] = { "Outcome", 7, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "applied", "boolean" }, { "at_sequence", "integer" }, { "lines", "array", { "text" } } } },
  [118] = { "Amendment", 12, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "kind", "enum", "TableKind" }, { "name", "text" }, { "table", "text" }, { "is_in_file", "boolean" }, { "amended_sequence", "integer" }, { "amended_ns", "utc" }, { "session_id", "integer" }, { "text", "text" } } },
  [119] = { "ThrottleChanged", 4, { { "commands_per_second", "integer" }, { "commands_burst", "integer" }, { "cancels_per_second", "integer" }, { "cancels_burst", "integer" } } },
  [120] = { "BlockVolume", 5, { { "instrument_id", "integer" }, { "instrument_seq", "integer" }, { "volume_lots", "integer" }, { "trade_count", "integer" }, { "time_ns", "utc" } } },
  [128] = { "SetPhase", 3, { { "ref", "integer" }, { "instrument_id", "integer" }, { "phase", "enum", "Phase" }, { "text", "text" }, { "until_ns", "utc" } } },
  [129] = { "PutTables", 2, { { "ref", "integer" }, { "tables", "text" }, { "text", "text" } } },
  [130] = { "SetBand", 5, { { "ref", "integer" }, { "instrument_id", "integer" }, { "reference_price_ticks", "integer" }, { "band_low_ticks", "integer" }, { "band_high_ticks", "integer" }, { "text", "text" } } },
  [131] = { "Resume", 2, { { "ref", "integer" }, { "instrument_id", "integer" }, { "text", "text" } } },
  [132] = { "BustTrade", 2, { { "ref", "integer" }, { "trade_id", "integer" }, { "text", "text" } } },
  [133] = { "CorrectTrade", 4, { { "ref", "integer" }, { "trade_id", "integer" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "text", "text" } } },
  [134] = { "TradeStatusRequest", 2, { { "ref", "integer" }, { "trade_id", "integer" } } },
  [135] = { "Deposit", 2, { { "ref", "integer" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "quantity_lots", "integer" }, { "currency", "text" }, { "amount_minor", "integer" }, { "text", "text" } } },
  [136] = { "Withdraw", 2, { { "ref", "integer" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "quantity_lots", "integer" }, { "currency", "text" }, { "amount_minor", "integer" }, { "text", "text" } } },
  [137] = { "SetAccountLimits", 3, { { "ref", "integer" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "position_max_lots", "integer" }, { "report_from_lots", "integer" }, { "text", "text" }, { "allocated_lots", "integer" } } },
  [138] = { "RestrictAccount", 3, { { "ref", "integer" }, { "account_id", "integer" }, { "restriction", "enum", "Restriction" }, { "instrument_id", "integer" }, { "cancels", "boolean" }, { "text", "text" } } },
  [139] = { "SetBlockPhase", 3, { { "ref", "integer" }, { "instrument_id", "integer" }, { "phase", "enum", "BlockPhase" }, { "text", "text" } } },
  [140] = { "AnnounceBidding", 9, { { "ref", "integer" }, { "instrument_id", "integer" }, { "session_id", "integer" }, { "account_id", "integer" }, { "side", "enum", "Side" }, { "quantity_lots", "integer" }, { "reserve_price_ticks", "integer" }, { "opens_ns", "utc" }, { "closes_ns", "utc" }, { "rules", "structure", "BiddingRules" }, { "secondary_price_ticks", "integer" }, { "text", "text" } } },
  [141] = { "CancelBidding", 2, { { "ref", "integer" }, { "bidding_id", "integer" }, { "text", "text" } } },
  [142] = { "EndDay", 1, { { "ref", "integer" }, { "trading_day", "integer" }, { "instrument_ids", "array", { "integer" } }, { "text", "text" } } },
  [143] = { "ConfirmSettlement", 5, { { "ref", "integer" }, { "trading_day", "integer" }, { "run", "integer" }, { "file_digest", "binary" }, { "outcome", "enum", "SettlementOutcome" }, { "objections", "array", { "integer" } }, { "objection_count", "integer" }, { "text", "text" } } },
  [144] = { "SetReference", 3, { { "ref", "integer" }, { "instrument_id", "integer" }, { "reference_price_ticks", "integer" }, { "text", "text" } } },
  [145] = { "SettlementStatusRequest", 1, { { "ref", "integer" }, { "after_sequence", "integer" }, { "confirmed", "boolean" } } },
  [146] = { "InspectHoldings", 1, { { "ref", "integer" }, { "account_id", "integer" }, { "instrument_id", "integer" }, { "after_account_id", "integer" }, { "after_instrument_id", "integer" }, { "after_currency", "text" } } },
  [147] = { "ChangeTable", 4, { { "ref", "integer" }, { "kind", "enum", "TableKind" }, { "name", "text" }, { "action", "enum", "TableAction" }, { "text", "text" } } },
  [148] = { "AmendmentsRequest", 1, { { "ref", "integer" }, { "after_kind", "integer" }, { "after_name", "text" } } },
  [149] = { "InstrumentStatusRequest", 1, { { "ref", "integer" }, { "symbol", "text" }, { "after_instrument_id", "integer" } } },
  [150] = { "Kill", 2, { { "ref", "integer" }, { "scope", "enum", "KillScope" }, { "scope_id", "integer" }, { "text", "text" } } },
  [151] = { "Release", 2, { { "ref", "integer" }, { "scope", "enum", "KillScope" }, { "scope_id", "integer" }, { "text", "text" } } },
  [152] = { "KilledRequest", 1, { { "ref", "integer" }, { "after_scope", "integer" }, { "after_scope_id", "integer" } } },
  [153] = { "Decide", 3, { { "ref", "integer" }, { "number", "integer" }, { "confirms", "boolean" }, { "text", "text" } } },
  [155] = { "SessionsRequest", 1, { { "ref", "integer" }, { "session", "text" }, { "after_session_id", "integer" } } },
  [156] = { "Disconnect", 2, { { "ref", "integer" }, { "session", "text" }, { "ban_seconds", "integer" }, { "text", "text" } } },
  [157] = { "TakeSnapshot", 1, { { "ref", "integer" }, { "text", "text" } } },
  [158] = { "ReloadConfiguration", 1, { { "ref", "integer" }, { "text", "text" } } },
  [159] = { "SetThrottle", 4, { { "ref", "integer" }, { "session", "text" }, { "commands_per_second", "integer" }, { "commands_burst", "integer" }, { "cancels_per_second", "integer" }, { "cancels_burst", "integer" }, { "text", "text" } } },
  [240] = { "SettlementStatus", 12, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "trading_day", "integer" }, { "run", "integer" }, { "sequence", "integer" }, { "ended_ns", "utc" }, { "instrument_count", "integer" }, { "outcome", "enum", "SettlementOutcome" }, { "file_digest", "binary" }, { "objection_count", "integer" } } },
  [241] = { "InstrumentStatus", 15, { { "seq", "integer" }, { "ref", "integer" }, { "time_ns", "utc" }, { "flags", "bits", "ReportFlag" }, { "instrument_id", "integer" }, { "symbol", "text" }, { "phase", "enum", "Phase" }, { "is_uncrossing", "boolean" }, { "block_phase", "integer" }, { "trading_day", "integer" }, { "ended_day", "integer" }, { "reference_price_ticks", "integer" }, { "band_low_ticks", "integer" }, { "band_high_ticks", "integer" }, { "price_increment_ticks", "integer" } } },
}
local STRUCTURES = {
  FoundTrade = { "FoundTrade", 6, { { "instrument_id", "integer" }, { "time_ns", "utc" }, { "price_ticks", "integer" }, { "quantity_lots", "integer" }, { "buyer", "structure", "TradeSide" }, { "seller", "structure", "TradeSide" }, { "kind", "enum", "TradeKind" } } },
  TradeSide = { "TradeSide", 3, { { "session_id", "integer" }, { "order_id", "integer" }, { "account_id", "integer" } } },
  InstrumentDefinition = { "InstrumentDefinition", 6, { { "instrument_id", "integer" }, { "symbol", "text" }, { "currency", "text" }, { "tick_value_minor", "integer" }, { "price_decimals", "integer" }, { "lot_tonnes", "integer" }, { "price_increment_ticks", "integer" }, { "quantity_increment_lots", "integer" }, { "quantity_min_lots", "integer" }, { "quantity_max_lots", "integer" }, { "reference_price_ticks", "integer" }, { "band_low_ticks", "integer" }, { "band_high_ticks", "integer" }, { "market_protection_ticks", "integer" }, { "self_trade_prevention", "enum", "SelfTradePrevention" }, { "opening_phase", "enum", "Phase" }, { "allowed", "bits", "AllowedFlag" }, { "self_trade", "structure", "SelfTradeRules" }, { "volatility", "structure", "VolatilityRules" }, { "bidding", "structure", "BiddingRules" }, { "screen", "structure", "ScreenRules" }, { "blocks", "structure", "BlockRules" }, { "prices", "structure", "PriceRules" }, { "clearing", "structure", "ClearingRules" }, { "delisted", "boolean" } } },
  SelfTradeRules = { "SelfTradeRules", 0, { { "key", "enum", "SelfTradeKey" }, { "allowed", "bits", "SelfTradeFlag" } } },
  VolatilityRules = { "VolatilityRules", 0, { { "collar", "structure", "Width" }, { "static", "structure", "Width" }, { "short", "structure", "Width" }, { "short_window_ns", "integer" }, { "long", "structure", "Width" }, { "long_window_ns", "integer" }, { "auction_ns", "integer" }, { "auction_random_ns", "integer" }, { "extension", "structure", "Width" }, { "extensions_max", "integer" }, { "waits_for_operator", "boolean" }, { "interval", "structure", "Width" }, { "interval_recalculation_ns", "integer" }, { "interval_hold_ns", "integer" } } },
  Width = { "Width", 0, { { "ticks", "integer" }, { "basis_points", "integer" } } },
  BiddingRules = { "BiddingRules", 0, { { "bid_min_lots", "integer" }, { "bid_increment_lots", "integer" }, { "price_increment_ticks", "integer" }, { "share_max_basis_points", "integer" }, { "bids_max", "integer" }, { "revision", "enum", "BidRevision" }, { "pricing", "enum", "BiddingPricing" }, { "tie", "enum", "BiddingTie" }, { "undersubscription", "enum", "Undersubscription" }, { "secondary_basis_points", "integer" } } },
  ScreenRules = { "ScreenRules", 0, { { "mechanism", "enum", "ScreenMechanism" }, { "levels_max", "integer" }, { "order_choice", "enum", "OrderChoice" }, { "strict_level_order", "boolean" }, { "oversize", "enum", "Oversize" }, { "order_list", "boolean" } } },
  BlockRules = { "BlockRules", 0, { { "quantity_min_lots", "integer" }, { "quantity_max_lots", "integer" }, { "band", "enum", "BlockBand" }, { "band_up_basis_points", "integer" }, { "band_down_basis_points", "integer" }, { "band_rounding", "enum", "BandRounding" }, { "free_above_lots", "integer" }, { "public_posts", "boolean" }, { "directed", "boolean" }, { "confirm_both", "boolean" }, { "anonymous", "boolean" }, { "ttl_ns", "integer" }, { "tape", "enum", "BlockTape" }, { "opening_phase", "enum", "BlockPhase" } } },
  PriceRules = { "PriceRules", 0, { { "open", "enum", "OpenRule" }, { "close", "enum", "CloseRule" }, { "n_trades", "integer" }, { "close_quantity_min_lots", "integer" }, { "close_rounding", "enum", "PriceRounding" }, { "band_up_basis_points", "integer" }, { "band_down_basis_points", "integer" }, { "band_rounding", "enum", "BandRounding" }, { "stale_alert_days", "integer" } } },
  ClearingRules = { "ClearingRules", 0, { { "lag_days", "integer" }, { "cash", "boolean" }, { "fees", "array", { "structure", "Fees" } }, { "position_max_lots", "integer" }, { "report_from_lots", "integer" }, { "holders", "array", { "structure", "HolderRules" } }, { "reversal_days", "integer" }, { "late_lag_days", "integer" }, { "cut_off_seconds", "integer" }, { "carry_over", "structure", "CarryOverRules" } } },
  Fees = { "Fees", 1, { { "kind", "enum", "TradeKind" }, { "buyer_basis_points", "integer" }, { "seller_basis_points", "integer" }, { "buyer_minor_per_lot", "integer" }, { "seller_minor_per_lot", "integer" } } },
  HolderRules = { "HolderRules", 1, { { "holder_class", "text" }, { "position_max_lots", "integer" }, { "report_from_lots", "integer" }, { "adds_allocation", "boolean" } } },
  CarryOverRules = { "CarryOverRules", 3, { { "group", "text" }, { "from_day", "integer" }, { "until_day", "integer" }, { "base_lots", "integer" }, { "net_sales_basis_points", "integer" } } },
  CompositeDefinition = { "CompositeDefinition", 5, { { "composite_id", "integer" }, { "symbol", "text" }, { "currency", "text" }, { "price_decimals", "integer" }, { "members", "array", { "structure", "CompositeMember" } } } },
  CompositeMember = { "CompositeMember", 1, { { "instrument_id", "integer" }, { "weight", "integer" } } },
  KeySession = { "KeySession", 2, { { "session_id", "integer" }, { "roles", "array", { "integer" } } } },
  FoundSession = { "FoundSession", 11, { { "session_id", "integer" }, { "role", "integer" }, { "connections", "integer" }, { "address", "text" }, { "since_ns", "utc" }, { "waiting_bytes", "integer" }, { "commands_per_second", "integer" }, { "commands_burst", "integer" }, { "cancels_per_second", "integer" }, { "cancels_burst", "integer" }, { "throttled", "integer" } } },
  AmendedTable = { "AmendedTable", 3, { { "kind", "enum", "TableKind" }, { "name", "text" }, { "is_amended", "boolean" }, { "table", "text" }, { "of_file", "binary" } } },
}
local ENUMS = {
  Role = { [1] = "TRADE", [2] = "DROP_COPY", [3] = "MARKET_DATA", [4] = "OPERATOR" },
  RejectReason = { [1] = "MALFORMED", [2] = "UNKNOWN_MESSAGE", [3] = "NOT_LOGGED_ON", [4] = "VERSION", [5] = "THROTTLED", [6] = "FRAME_TOO_LONG", [7] = "REF_NOT_APPLIED", [8] = "HISTORY_LOST", [9] = "NOT_ENTITLED", [10] = "LOGON_REFUSED", [11] = "DEGRADED_STORAGE", [12] = "SHUTTING_DOWN", [13] = "NEXT_SEQ_IN_FUTURE", [14] = "ALREADY_LOGGED_ON", [15] = "SUBSCRIPTION", [16] = "BUSY", [20] = "SESSION_BANNED", [100] = "UNKNOWN_INSTRUMENT", [101] = "UNKNOWN_ORDER", [103] = "INVALID_QUANTITY", [104] = "QUANTITY_INCREMENT", [105] = "PRICE_INCREMENT", [106] = "BELOW_MINIMUM", [107] = "ABOVE_MAXIMUM", [108] = "OUTSIDE_BAND", [110] = "OUTSIDE_COLLAR", [111] = "HALTED", [112] = "CANCEL_ONLY", [113] = "CLOSED", [115] = "POST_ONLY_WOULD_TRADE", [116] = "CANNOT_FILL", [117] = "NO_LIQUIDITY", [118] = "SELF_SELECTION", [119] = "INSUFFICIENT_HOLDINGS", [120] = "INSUFFICIENT_CASH", [121] = "POSITION_LIMIT", [123] = "OPEN_ORDER_LIMIT", [124] = "UNKNOWN_ACCOUNT", [127] = "INVALID_STOP_PRICE", [128] = "INVALID_EXPIRY", [129] = "MINIMUM_NOT_MET", [131] = "BELOW_RESERVE", [132] = "NOT_AMENDABLE", [135] = "INVALID_PRICE", [136] = "NO_PROTECTION_PRICE", [137] = "INCOMPATIBLE_INSTRUCTIONS", [138] = "ORDER_TYPE_NOT_ALLOWED", [139] = "TIME_IN_FORCE_NOT_ALLOWED", [140] = "INVALID_DISPLAY", [141] = "INVALID_MINIMUM", [142] = "FROZEN", [143] = "NOT_IN_THIS_PHASE", [144] = "SELF_TRADE_PREVENTION_NOT_ALLOWED", [146] = "UNKNOWN_TRADE", [147] = "ALREADY_BUSTED", [148] = "AMENDED_TRADE_LIMIT", [149] = "ACCOUNT_RESTRICTED", [150] = "NOT_PERMITTED", [151] = "NOT_SELECTABLE", [152] = "OVERSIZE", [153] = "UNKNOWN_PROPOSAL", [154] = "NOT_COUNTERPARTY", [155] = "TERMS_DIFFER", [156] = "PROPOSAL_LIMIT", [157] = "UNKNOWN_COUNTERPARTY", [158] = "UNKNOWN_BIDDING", [159] = "OVER_SHARE", [160] = "BID_NOT_ALLOWED", [161] = "UNKNOWN_BID", [162] = "BIDDING_LIMIT", [163] = "INVALID_WINDOW", [166] = "MECHANISM_NOT_AVAILABLE", [164] = "DAY_NOT_OVER", [165] = "DAY_ALREADY_ENDED", [167] = "UNKNOWN_TRADING_DAY", [168] = "SETTLEMENT_ALREADY_CONFIRMED", [169] = "NO_BID_POSSIBLE", [180] = "KILLED", [181] = "NOT_KILLED", [183] = "NOT_WAITING", [184] = "OWN_COMMAND", [185] = "WAITING_LIMIT", [186] = "AWAITS_CONFIRMATION", [182] = "UNKNOWN_PARTICIPANT", [190] = "UNKNOWN_SESSION", [191] = "OWN_SESSION", [192] = "INSTRUMENT_DELISTED", [194] = "REVERSAL", [193] = "NOT_APPLIED" },
  LogoutReason = { [1] = "REQUESTED", [2] = "PROTOCOL_ERROR", [3] = "HEARTBEAT_MISSED", [4] = "TAKEN_OVER", [5] = "SHUTTING_DOWN", [6] = "THROTTLED", [7] = "LOGON_TIMEOUT", [8] = "LOGON_REFUSED", [9] = "TOO_MANY_CONNECTIONS", [10] = "FRAME_TIMEOUT", [11] = "HISTORY_LOST", [12] = "NOT_ENTITLED", [13] = "DISCONNECTED" },
  Side = { [1] = "BUY", [2] = "SELL" },
  OrderType = { [1] = "LIMIT", [2] = "MARKET", [3] = "STOP", [4] = "STOP_LIMIT" },
  TimeInForce = { [1] = "DAY", [2] = "GTC", [3] = "IOC", [4] = "FOK", [5] = "GTD", [6] = "AT_OPEN", [7] = "AT_CLOSE", [8] = "GOOD_FOR_AUCTION" },
  SelfTradePrevention = { [0] = "INSTRUMENT_DEFAULT", [1] = "NONE", [2] = "CANCEL_NEWEST", [3] = "CANCEL_OLDEST", [4] = "CANCEL_BOTH", [5] = "DECREMENT" },
  MassCancelScope = { [1] = "SESSION", [2] = "ACCOUNT" },
  Liquidity = { [1] = "MAKER", [2] = "TAKER", [3] = "AUCTION" },
  CancelReason = { [1] = "REQUESTED", [2] = "MASS_CANCEL", [3] = "IOC_REMAINDER", [4] = "MARKET_REMAINDER", [5] = "SELF_TRADE", [6] = "EXPIRED", [7] = "DISCONNECTED", [8] = "REDUCED_TO_FILLED", [9] = "REQUESTED_BY_OTHER_SESSION", [10] = "TOO_MANY_MAKERS", [11] = "MINIMUM_NOT_MET", [12] = "REFUSED_WHEN_FIRED", [13] = "AUCTION_OVER", [14] = "VOLATILITY_INTERRUPTION", [15] = "INTERVAL_LIMIT", [16] = "SESSION_REMOVED", [17] = "SELECT_REMAINDER", [18] = "RESTRICTED", [20] = "KILLED", [21] = "DELISTED" },
  Restriction = { [0] = "NONE", [1] = "NO_BUYING", [2] = "NO_SELLING", [3] = "NO_TRADING" },
  BlockState = { [1] = "POSTED", [2] = "OFFERED", [3] = "COUNTERED", [4] = "ACCEPTED", [5] = "TRADED", [6] = "ANSWERED", [7] = "DECLINED", [8] = "WITHDRAWN", [9] = "EXPIRED", [10] = "CANCELED" },
  BidState = { [1] = "STANDING", [2] = "WITHDRAWN", [3] = "ALLOTTED", [4] = "NOT_ALLOTTED", [5] = "CANCELLED" },
  TradeKind = { [1] = "CONTINUOUS", [2] = "AUCTION", [3] = "LISTED", [4] = "BLOCK", [5] = "BIDDING" },
  Phase = { [1] = "CONTINUOUS", [2] = "HALTED", [3] = "CANCEL_ONLY", [4] = "CLOSED", [5] = "PRE_OPEN", [6] = "OPENING_AUCTION", [7] = "CLOSING_AUCTION", [8] = "VOLATILITY_AUCTION", [9] = "BREAK" },
  AuctionRule = { [0] = "NONE", [1] = "VOLUME", [2] = "SURPLUS", [3] = "PRESSURE", [4] = "REFERENCE", [5] = "MIDDLE" },
  BlockPhase = { [0] = "AS_SCHEDULED", [1] = "OPEN", [2] = "CLOSED", [3] = "BREAK" },
  BiddingState = { [1] = "ANNOUNCED", [2] = "OPEN", [3] = "CLOSED", [4] = "CLEARED", [5] = "CANCELLED" },
  BiddingOutcome = { [1] = "SOLD", [2] = "PARTLY_SOLD", [3] = "NO_BIDS", [4] = "UNDERSUBSCRIBED", [5] = "BELOW_SECONDARY", [6] = "BY_OPERATOR" },
  BiddingRule = { [0] = "NONE", [1] = "ALL", [2] = "PRICE", [3] = "TIME", [4] = "PRO_RATA", [5] = "SEED" },
  BiddingPricing = { [0] = "DEFAULT", [1] = "UNIFORM", [2] = "PAY_AS_BID" },
  FeedSource = { [1] = "MEMORY", [2] = "JOURNAL", [3] = "SNAPSHOT" },
  ProposedState = { [1] = "WAITING", [2] = "CONFIRMED", [3] = "REFUSED", [4] = "REJECTED", [5] = "EXPIRED" },
  TableKind = { [1] = "INSTRUMENT", [2] = "PARTICIPANT", [3] = "SESSION", [4] = "KEY" },
  SettlementOutcome = { [0] = "UNANSWERED", [1] = "CONFIRMED", [2] = "OBJECTED" },
  TableAction = { [1] = "REMOVE", [2] = "DISABLE", [3] = "ENABLE", [4] = "RESTORE" },
  KillScope = { [1] = "VENUE", [2] = "PARTICIPANT", [3] = "ACCOUNT", [4] = "INSTRUMENT" },
  SelfTradeKey = { [1] = "PARTICIPANT", [2] = "ACCOUNT", [3] = "GROUP" },
  BidRevision = { [0] = "DEFAULT", [1] = "FREE", [2] = "NONE" },
  BiddingTie = { [0] = "DEFAULT", [1] = "TIME", [2] = "PRO_RATA", [3] = "SEED" },
  Undersubscription = { [0] = "DEFAULT", [1] = "PARTIAL", [2] = "CANCEL" },
  ScreenMechanism = { [1] = "CONTINUOUS", [2] = "LISTING", [3] = "MIDDLE_PRICE" },
  OrderChoice = { [1] = "ANY", [2] = "FIRST" },
  Oversize = { [1] = "REJECT", [2] = "FILL_AVAILABLE" },
  BlockBand = { [0] = "NONE", [1] = "INSTRUMENT", [2] = "REFERENCE", [3] = "DAY_CLOSE" },
  BandRounding = { [1] = "HALF_UP", [2] = "INWARD" },
  BlockTape = { [1] = "AT_ONCE", [2] = "AT_CLOSE", [3] = "VALUE_AT_CLOSE" },
  OpenRule = { [1] = "FIRST_TRADE_OR_REFERENCE", [2] = "REFERENCE", [3] = "FIRST_TRADE", [4] = "OPENING_AUCTION" },
  CloseRule = { [1] = "VWAP_DAY", [2] = "VWAP_LAST_N", [3] = "LAST", [4] = "CLOSING_AUCTION", [5] = "REFERENCE" },
  PriceRounding = { [1] = "HALF_UP", [2] = "DOWN", [3] = "UP" },
}
local BITS = {
  OrderFlag = { [1] = "POST_ONLY", [2] = "KEEP_ON_DISCONNECT" },
  ReportFlag = { [1] = "NOT_DURABLE", [2] = "POSSIBLE_DUPLICATE" },
  FeedKind = { [1] = "LEVELS", [2] = "TRADES", [4] = "STATISTICS", [8] = "ORDERS" },
  Permission = { [1] = "PLACE", [2] = "CANCEL", [4] = "READ", [256] = "PHASES", [512] = "PRICES", [1024] = "TRADES", [2048] = "ACCOUNTS", [4096] = "BIDDINGS", [8192] = "SETTLEMENT", [16384] = "INSPECT", [65536] = "DECIDE", [32768] = "KILL", [262144] = "SESSIONS", [524288] = "CONFIGURATION", [1073741824] = "NOTHING" },
  AllowedFlag = { [1] = "LIMIT", [2] = "MARKET", [4] = "STOP", [8] = "STOP_LIMIT", [16] = "ICEBERG", [32] = "MINIMUM_QUANTITY", [64] = "POST_ONLY", [65536] = "DAY", [131072] = "GTC", [262144] = "IOC", [524288] = "FOK", [1048576] = "GTD", [2097152] = "AT_OPEN", [4194304] = "AT_CLOSE", [8388608] = "GOOD_FOR_AUCTION" },
  SelfTradeFlag = { [2] = "NONE", [4] = "CANCEL_NEWEST", [8] = "CANCEL_OLDEST", [16] = "CANCEL_BOTH", [32] = "DECREMENT" },
}
-- made from the code: end

local PORTS = "7400,7410,7420"
local DEPTH_MAX = 16 -- no message is a fourth as deep

local carbonmatch = Proto("carbonmatch", "carbonmatch")

-- --- fields and marks ----------------------------------------------------------------------------------------------

local fields = {
  length = ProtoField.uint32("carbonmatch.length", "Length of the payload"),
  message = ProtoField.string("carbonmatch.message", "Message"),
  structure = ProtoField.string("carbonmatch.structure", "Structure"),
  array = ProtoField.string("carbonmatch.array", "Array"),
  tag = ProtoField.uint64("carbonmatch.tag", "Tag"),
  unknown = ProtoField.string("carbonmatch.unknown", "Field of a later version"),
  -- One name of a field may have different words in different messages, which a filter could not tell apart.
  word = ProtoField.string("carbonmatch.word", "Word"),
}

local function field_key(field)
  local name, kind, of = field[1], field[2], field[3]
  if kind == "array" then return field_key({ name, of[1], of[2] }) end
  return kind == "enum" and name .. " " .. of or name .. " " .. kind
end

local function new_field(field)
  local name, kind, of = field[1], field[2], field[3]
  local filter = "carbonmatch." .. name
  if kind == "array" then return new_field({ name, of[1], of[2] }) end
  if kind == "enum" then return ProtoField.uint64(filter, name, base.DEC, ENUMS[of]) end
  if kind == "utc" then return ProtoField.absolute_time(filter, name, base.UTC) end
  if kind == "boolean" then return ProtoField.bool(filter, name) end
  if kind == "text" then return ProtoField.string(filter, name) end
  if kind == "binary" then return ProtoField.bytes(filter, name) end
  return ProtoField.uint64(filter, name)
end

for _, kinds in ipairs({ MESSAGES, STRUCTURES }) do
  for _, kind in pairs(kinds) do
    for _, field in ipairs(kind[3]) do
      local key = field_key(field)
      if not fields[key] then fields[key] = new_field(field) end
    end
  end
end
carbonmatch.fields = fields

local malformed = ProtoExpert.new("carbonmatch.malformed", "Malformed", expert.group.MALFORMED, expert.severity.ERROR)
local later = ProtoExpert.new("carbonmatch.later_version", "Of a later version", expert.group.UNDECODED, expert.severity.NOTE)
carbonmatch.experts = { malformed, later }

-- --- MessagePack ---------------------------------------------------------------------------------------------------
-- A value is { kind, range, what it holds }; whatever is wrong with it is an error with a text, see `dissect`.

local unpack_value

local function wrong(text, ...) error({ text = string.format(text, ...) }) end

local function take(tvb, at, length)
  if at + length > tvb:len() then wrong("%d bytes are missing at the end", at + length - tvb:len()) end
  return tvb(at, length)
end

local function unpack_array(tvb, at, head, count, depth)
  if depth > DEPTH_MAX then wrong("arrays in arrays, more than %d deep", DEPTH_MAX) end
  local start, items = at, {}
  at = at + head
  for place = 1, count do
    items[place], at = unpack_value(tvb, at, depth + 1)
  end
  return { kind = "array", range = tvb(start, at - start), items = items }, at
end

local function unpack_bytes(tvb, at, head, length, kind)
  take(tvb, at + head, length)
  return { kind = kind, range = tvb(at, head + length), from = at + head, length = length }, at + head + length
end

local function integer(range, number) return { kind = "integer", range = range, number = number } end

-- By the first byte, for kinds with a number of bytes of their own: how many, and what the value is.
local UNSIGNED = { [0xcc] = 1, [0xcd] = 2, [0xce] = 4, [0xcf] = 8 }
local SIGNED = { [0xd0] = 1, [0xd1] = 2, [0xd2] = 4, [0xd3] = 8 }
local TEXT = { [0xd9] = 1, [0xda] = 2, [0xdb] = 4 }
local BINARY = { [0xc4] = 1, [0xc5] = 2, [0xc6] = 4 }
local ARRAY = { [0xdc] = 2, [0xdd] = 4 }

function unpack_value(tvb, at, depth)
  local first = take(tvb, at, 1):uint()
  if first < 0x80 then return integer(tvb(at, 1), UInt64.new(first)), at + 1 end
  if first >= 0x90 and first < 0xa0 then return unpack_array(tvb, at, 1, first - 0x90, depth) end
  if first >= 0xa0 and first < 0xc0 then return unpack_bytes(tvb, at, 1, first - 0xa0, "text") end
  if first == 0xc0 then return { kind = "nil", range = tvb(at, 1) }, at + 1 end
  if first == 0xc2 or first == 0xc3 then
    return { kind = "boolean", range = tvb(at, 1), truth = first == 0xc3 }, at + 1
  end
  local size = UNSIGNED[first]
  if size then return integer(take(tvb, at, 1 + size), tvb(at + 1, size):uint64()), at + 1 + size end
  size = SIGNED[first]
  if size then
    local number = take(tvb, at + 1, size):int64()
    if number < Int64.new(0) then wrong("a negative integer") end
    return integer(tvb(at, 1 + size), tvb(at + 1, size):uint64()), at + 1 + size
  end
  size = TEXT[first]
  if size then return unpack_bytes(tvb, at, 1 + size, take(tvb, at + 1, size):uint(), "text") end
  size = BINARY[first]
  if size then return unpack_bytes(tvb, at, 1 + size, take(tvb, at + 1, size):uint(), "binary") end
  size = ARRAY[first]
  if size then return unpack_array(tvb, at, 1 + size, take(tvb, at + 1, size):uint(), depth) end
  wrong("a value that begins with %02x, which the protocol does not have", first)
end

-- --- values in the tree ---------------------------------------------------------------------------------------------

local NS_PER_S = UInt64.new(1000000000)
local EXPECTED = { utc = "integer", enum = "integer", bits = "integer", structure = "array", message = "array" }

local add_fields, add_message

local function add_utc(tree, key, value)
  local seconds = (value.number / NS_PER_S):tonumber()
  local nanoseconds = (value.number % NS_PER_S):tonumber()
  local item = tree:add(fields[key], value.range, NSTime.new(seconds, nanoseconds))
  if value.number == UInt64.new(0) then item:append_text(" (0)") end
end

-- For filters, and not shown: what is shown has the word in it.
local function add_word(tree, range, word) tree:add(fields.word, range, word):set_hidden() end

local function add_bits(tree, key, value, of)
  local item, words = tree:add(fields[key], value.range, value.number), {}
  for bit = 0, 30 do
    local word = BITS[of][2 ^ bit]
    if word and value.number:band(UInt64.new(2 ^ bit)) ~= UInt64.new(0) then words[#words + 1] = word end
  end
  for _, word in ipairs(words) do add_word(tree, value.range, word) end
  if #words > 0 then item:append_text(" (" .. table.concat(words, ", ") .. ")") end
end

local function add_field(tree, field, value)
  local name, kind, of = field[1], field[2], field[3]
  local key = field_key(field)
  if value.kind == "nil" then
    tree:add(fields.array, value.range, "nil"):set_text(name .. ": nil")
    return
  end
  local expected = EXPECTED[kind] or kind
  if value.kind ~= expected then wrong("%s is of type %s, expected %s", name, value.kind, expected) end
  if kind == "integer" then
    tree:add(fields[key], value.range, value.number)
  elseif kind == "enum" then
    local item, word = tree:add(fields[key], value.range, value.number), ENUMS[of][value.number:tonumber()]
    if word then add_word(tree, value.range, word) end
    if not word then item:add_proto_expert_info(later, "a member of a later version") end
  elseif kind == "bits" then
    add_bits(tree, key, value, of)
  elseif kind == "utc" then
    add_utc(tree, key, value)
  elseif kind == "boolean" then
    tree:add(fields[key], value.range, value.truth)
  elseif kind == "text" then
    local text = value.length > 0 and value.range(value.range:len() - value.length):string(ENC_UTF_8)
    tree:add(fields[key], value.range, text or "")
  elseif kind == "binary" then
    -- Its bytes alone, without what MessagePack puts before them; of nothing, there is nothing to show.
    if value.length > 0 then
      tree:add(fields[key], value.range(value.range:len() - value.length))
    else
      tree:add(fields.array, value.range, "empty"):set_text(name .. ": empty")
    end
  elseif kind == "structure" then
    local item = tree:add(fields.structure, value.range, name)
    item:set_text(name .. ": " .. of)
    add_fields(item, STRUCTURES[of], value, 0)
  elseif kind == "message" then
    add_message(tree, value)
  elseif kind == "array" then
    local item = tree:add(fields.array, value.range, name)
    item:set_text(string.format("%s: %d of them", name, #value.items))
    for _, each in ipairs(value.items) do
      add_field(item, { name, of[1], of[2] }, each)
    end
  end
end

-- `first`: how many values stand before the fields.
function add_fields(tree, kind, value, first)
  local name, required, known = kind[1], kind[2], kind[3]
  for place, field in ipairs(known) do
    local each = value.items[first + place]
    if each then
      add_field(tree, field, each)
    elseif place <= required then
      wrong("%s has %d fields, expected %d at least", name, #value.items - first, required)
    end
  end
  for place = first + #known + 1, #value.items do
    local item = tree:add(fields.unknown, value.items[place].range, "")
    item:add_proto_expert_info(later, "a field of a later version")
  end
end

-- Returns the name.
function add_message(tree, value)
  if value.kind ~= "array" then wrong("a message of type %s, expected an array", value.kind) end
  local tag = value.items[1]
  if not tag or tag.kind ~= "integer" then wrong("a message without a tag") end
  local kind = MESSAGES[tag.number:tonumber()]
  local name = kind and kind[1] or "message " .. tostring(tag.number)
  local item = tree:add(fields.message, value.range, name)
  item:set_text(name)
  item:add(fields.tag, tag.range, tag.number)
  if kind then
    add_fields(item, kind, value, 1)
  else
    item:add_proto_expert_info(later, "a message of a later version")
  end
  return name
end

-- --- frames ----------------------------------------------------------------------------------------------------------

-- "NewOrder, Cancel x 3"
local function in_words(names)
  local parts, at = {}, 1
  while at <= #names do
    local last = at
    while names[last + 1] == names[at] do last = last + 1 end
    parts[#parts + 1] = last > at and string.format("%s x %d", names[at], last - at + 1) or names[at]
    at = last + 1
  end
  return table.concat(parts, ", ")
end

local function add_messages(tvb, tree, names)
  local length = tvb(0, 4):uint()
  if length == 0 then wrong("a frame without a payload") end
  if length > FRAME_BYTES_MAX then wrong("a frame of %d bytes, expected %d at most", length, FRAME_BYTES_MAX) end
  local payload, after = unpack_value(tvb, 4, 1)
  if payload.kind ~= "array" then wrong("a payload of type %s, expected an array", payload.kind) end
  for _, message in ipairs(payload.items) do
    names[#names + 1] = add_message(tree, message)
  end
  if after < tvb:len() then wrong("%d bytes after the messages", tvb:len() - after) end
end

local function dissect_frame(tvb, pinfo, root)
  pinfo.cols.protocol = "carbonmatch"
  local tree = root:add(carbonmatch, tvb())
  tree:add(fields.length, tvb(0, 4))
  local names = {}
  local ok, problem = pcall(add_messages, tvb, tree, names)
  if not ok then
    if type(problem) ~= "table" then error(problem) end
    names[#names + 1] = "malformed: " .. problem.text
    tree:add_proto_expert_info(malformed, problem.text)
  end
  tree:append_text(", " .. in_words(names))
  pinfo.cols.info:append((pinfo.private.carbonmatch and " | " or "") .. in_words(names))
  pinfo.private.carbonmatch = "1"
  return tvb:len()
end

-- After a length that cannot be, nobody knows where the next frame begins.
local function frame_length(tvb, _, offset)
  local length = tvb(offset, 4):uint()
  return length <= FRAME_BYTES_MAX and 4 + length or tvb:reported_length_remaining(offset)
end

function carbonmatch.dissector(tvb, pinfo, tree)
  pinfo.cols.info:set("")
  dissect_tcp_pdus(tvb, tree, 4, frame_length, dissect_frame)
  return tvb:len()
end

for _, name in ipairs({ "tcp.port", "tls.port" }) do
  local ports = DissectorTable.get(name)
  ports:add(PORTS, carbonmatch)
  ports:add_for_decode_as(carbonmatch)
end
