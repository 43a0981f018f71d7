"""Every bound in the system, with its unit in its name and its reason beside it."""

from typing import Final

# --- numbers -------------------------------------------------------------------------------------

# JavaScript readers lose integers above 2**53, so nothing on the wire is larger.
WIRE_INT_MAX: Final = 2**53 - 1

# Price x quantity is money and has to stay below 2**63 for readers with 64-bit integers.
# 10**9 ticks is 10 million CNY a tonne at a tick of 0.01; 10**9 lots is a gigatonne.
PRICE_TICKS_MAX: Final = 10**9
QUANTITY_LOTS_MAX: Final = 10**9
assert PRICE_TICKS_MAX * QUANTITY_LOTS_MAX < 2**63

# Times are nanoseconds since 1970 and beyond what JavaScript counts; this is the year 2262.
TIME_NS_MAX: Final = 2**63 - 1

# Sums over a trading day (volume, turnover) stay at this value once they reach it: ten trades of
# the largest price and quantity do, and a larger integer could not be encoded at all.
DAY_SUM_MAX: Final = 2**63 - 1

# Trades of an instrument's day that are kept, to know its prices without one that is busted: 16 bytes each,
# 64 MiB in a day like none was yet.
DAY_TRADES_KEPT_MAX: Final = 4 * 1024 * 1024

# Identifiers are small integers which configuration gives; names are for people.
INSTRUMENT_ID_MAX: Final = 2**16 - 1
ACCOUNT_ID_MAX: Final = 2**31 - 1
SESSION_ID_MAX: Final = 2**16 - 1
NAME_CHARS_MAX: Final = 32
TEXT_CHARS_MAX: Final = 64

# --- wire ----------------------------------------------------------------------------------------

# Frames are length-prefixed, so a wrong length must not reserve memory. A full frame of 128
# orders of at most 60 bytes is 7.5 KiB, of 128 in the long layout at most 12 KiB.
FRAME_MESSAGES_MAX: Final = 128
FRAME_BYTES_MAX: Final = 16 * 1024

# Before logon a peer may send one logon (about 250 bytes with a signature of 64) and nothing else.
LOGON_FRAME_BYTES_MAX: Final = 512

# From the engine: the reports of one session in one commit batch, or one instrument's snapshot.
OUTBOUND_FRAME_BYTES_MAX: Final = 64 * 1024 * 1024

# A frame must be complete this long after its first byte: slower is a stalled or hostile peer.
FRAME_COMPLETE_SECONDS_MAX: Final = 5.0
LOGON_SECONDS_MAX: Final = 5.0

HEARTBEAT_MS_MIN: Final = 100
HEARTBEAT_MS_MAX: Final = 60_000
HEARTBEAT_MISSED_MAX: Final = 3
CANCEL_ON_DISCONNECT_GRACE_MS_MAX: Final = 60_000

# Of order entry, and as many of market data: neither keeps the other out.
CONNECTIONS_MAX: Final = 1_024
# Above that, those who were told to go and are not gone yet; they have a second for it.
CONNECTIONS_LEAVING_MAX: Final = 64
# Descriptors beside those of connections: segments, snapshots, the ops port, what libraries open.
DESCRIPTORS_SPARE: Final = 256
assert 2 * CONNECTIONS_LEAVING_MAX < DESCRIPTORS_SPARE

# Connections of one address that have not logged on: a gateway host that comes back with its sessions, not
# a source that opens what it can. Configuration may say otherwise.
WAITING_PER_ADDRESS_MAX: Final = 8
# Connections taken from the kernel in one turn of the loop: each takes 50 us.
ACCEPTS_PER_TURN_MAX: Final = 32

# A TLS handshake takes 0.64 ms of the loop, with a client's certificate 1.5 ms, and 50 KiB while it is
# open: at this rate they take a tenth of the loop, and 3 MiB.
TLS_HANDSHAKES_MAX: Final = 64
TLS_HANDSHAKES_PER_SECOND: Final = 100
# Half of that rate, and a quarter of those at once, are for addresses that have logged on before: strangers
# that come from many addresses would keep them out otherwise.
TLS_HANDSHAKES_KEPT: Final = 16
# No address gets more than a quarter of the rate.
TLS_HANDSHAKES_PER_SECOND_PER_ADDRESS: Final = 25
TLS_HANDSHAKES_BURST_PER_ADDRESS: Final = 16
TLS_HANDSHAKE_SECONDS_MAX: Final = 3.0
TLS_SHUTDOWN_SECONDS_MAX: Final = 1.0

# So many failed logons in so many seconds, and the address is closed out for a while. A person mistypes
# twice; whoever guesses at a key of 256 bits gets 7,200 guesses a day.
FAILED_LOGONS_MAX: Final = 5
FAILED_LOGONS_SECONDS: Final = 60
BLOCK_SECONDS: Final = 60
# Every failed logon is answered after this time, whatever it failed for.
LOGON_REFUSED_SECONDS: Final = 0.5
# Addresses whose failures and handshakes are remembered, 1 KiB each; the least recently seen goes first.
ADDRESSES_MAX: Final = 4_096

# Keys are read from the journal in batches of 1,024 definitions: this many sessions to a key, at 12 bytes
# each, keep such a batch far below a record. One gateway's key opens its own sessions, a few dozen.
KEY_SESSIONS_MAX: Final = 1_024
KEY_ADDRESSES_MAX: Final = 64

# Of the ops port: two scrapers, a dashboard and some people. The one there longest makes room for a new one.
OPS_CONNECTIONS_MAX: Final = 8
# From the first byte of a connection to the last one of its answer.
OPS_REQUEST_SECONDS_MAX: Final = 5.0
# Pages made anew; a page takes half a millisecond of the loop, so all of them take 1 % of it.
OPS_PAGES_PER_SECOND: Final = 20
# Instruments with series of their own in the metrics: those that were defined first. Each has about 20,
# which take 4 us of the loop at every scrape.
METRICS_INSTRUMENTS_MAX: Final = 200
# Values that are rendered in one turn of the loop: 50 us, as an order waits no longer for a scrape.
METRICS_PIECE_VALUES_MAX: Final = 200
# Levels of one side of a book that are looked at for the metrics: 50 us of the loop. A band of 10 % around
# 100 CNY has 2,000 prices.
METRICS_LEVELS_MAX: Final = 2_000

# --- fairness ------------------------------------------------------------------------------------

# Work is counted in commands; a frame costs as much as so many more, for decoding and journaling it
# (measured: 2.4 us a command in frames of 64, 12 us in frames of 1).
FRAME_WORK: Final = 4

# Work that one session may have done in a turn of the loop before the next one gets its turn. A frame is
# applied whole, so a turn takes at least one frame.
TURN_SESSION_WORK_MAX: Final = 64

# Work of one turn before sockets and the disk are looked at again: about a millisecond. An order waits for
# the turn that runs, for its own, and for the one in which its commit returns. With twice as much, and
# frames not counted, two flooders kept another session waiting two to four times as long, and full batches
# were 5 % faster; half as much costs another 10 %.
TURN_WORK_MAX: Final = 512

# While somebody who asks for little trades beside others who ask for more than a turn has, a turn takes a
# break after this time to look at sockets and at the disk: nobody knows before who has sent something. And
# how long that is remembered. With turns that are always short, full batches were up to 10 % slower.
SHORT_TURN_NS_MAX: Final = 300_000
SHORT_TURNS_NS: Final = 1_000_000_000

# A new order that has waited longer than this for its turn is refused, BUSY, unless the configuration says
# otherwise: with two commits of 10 ms it could not be answered within 50 ms, and the market has moved on.
# What takes risk out of the market is never too late. 0: nothing is refused.
ORDER_WAIT_MS: Final = 25
ORDER_WAIT_MS_MAX: Final = 60_000

# How long a refusal as BUSY is told to operators as the state of the venue.
BUSY_TOLD_SECONDS: Final = 1.0

# A session with more complete frames waiting than this is not read from until it is served.
QUEUED_FRAME_BYTES_MAX: Final = 64 * 1024

# How many bytes the kernel may hold for us: what is not read yet waits unseen, so it should wait where the
# client sees it, in its own buffers. Also the largest chunk that is read at once (256 KiB of small frames
# took 5 ms to cut). The kernel doubles the value for its own needs.
RECEIVE_KERNEL_BYTES: Final = 64 * 1024

# Of a larger chunk, so much is cut into frames at once, and the rest as they are served: 64 KiB of frames of
# one command are 3,000, and 2.5 ms.
CUT_BYTES_MAX: Final = 12 * 1024

# Refused commands cost a throttled session this many seconds' worth of patience: three times its
# rate for so long, and it is cut; twice its rate is refused for ever, but served.
THROTTLE_PATIENCE_SECONDS: Final = 5

# Mass cancels, status requests and commands on trades in one frame. Each looks through all orders of its
# session, 10 ms for 100,000, and a frame is applied whole: 128 of them kept everybody else waiting for 1.5 s.
# For those on trades the journal is read, beside the loop, and the rest of their session waits.
FRAME_SEARCHES_MAX: Final = 4

# --- commit batches ------------------------------------------------------------------------------

# One batch is one journal record: one write and one sync. More would only make the first command in the
# batch wait longer, and whoever comes after a slow sync: with 8,192, p99 of a session beside two flooders
# was 49 ms, with this it is 13, at the same throughput. A disk that takes 10 ms still makes 100,000
# commands a second durable. The count has to fit the record header's 16 bits. A batch also ends when its
# commands have caused this many reports (a mass cancel causes one an order).
BATCH_COMMANDS_MAX: Final = 1_024
BATCH_REPORTS_MAX: Final = 32_768
assert BATCH_COMMANDS_MAX + FRAME_MESSAGES_MAX < 2**16

# What a batch takes of sessions that ask for more than a turn has, while others ask for little: when the disk
# is slow these find room still, and need not wait for one batch more.
BATCH_COMMANDS_SHARED_MAX: Final = BATCH_COMMANDS_MAX // 2

# Refs of one session that were repeated and wait for the commit of their original: as many as can be on
# their way, in the batch that is written and in the one that gathers. A session that comes back may
# repeat all of them; one that repeats more names refs which it never sent.
REPEATS_WAITING_MAX: Final = 2 * (BATCH_COMMANDS_MAX + FRAME_MESSAGES_MAX)

# Repeated refs of one connection that wait for the journal to be read, one after the other. A look-up
# reads half a segment on average, so more would take minutes: whoever needs that resumes instead.
LOOK_UPS_WAITING_MAX: Final = 1_024

# Drop copies that may show accounts of one session, and in all copies together the sessions whose reports
# they show: the record of a batch says which reports each copy takes, in at most six bytes and one bit a
# report for each copy of a stream.
COPIES_OF_A_SESSION_MAX: Final = 4
COPIED_STREAMS_MAX: Final = 65_536

# One frame of a drop copy: a mass cancel's reports come in several, so that a reader takes them in steps.
COPY_FRAME_MESSAGES: Final = 4_096

# --- outbound ------------------------------------------------------------------------------------

# Reports kept in memory for a session, for resume and repeats; older ones come from the journal.
OUTBOX_BYTES_MAX: Final = 1024 * 1024

# A gateway that has left more than this unread is cut (it resumes later, nothing is lost): at 50 bytes a
# report it is what a client may have in flight, all of it answered at once.
SEND_BUFFER_BYTES_MAX: Final = 4 * 1024 * 1024

# Whoever has unread data and takes none of it for so long is cut. What counts is progress, of which the
# kernel tells: a slow line is served for as long as the bytes above and below suffice. A pause of a
# client's garbage collector or of its machine is shorter, and both of its kernel's buffers are full then.
SEND_STALL_SECONDS_MAX: Final = 1.5

# A market-data subscriber above this is conflated: it gets no increments until it has drained.
CONFLATE_BUFFER_BYTES: Final = 256 * 1024

# Of a subscriber, with the batch or the snapshot that came last. Snapshots are sent one by one, so that
# only the one of a book of more than 60,000 levels comes on top.
FEED_BUFFER_BYTES_MAX: Final = 1024 * 1024

# A conflated subscriber that has not drained for so long is cut although it takes a byte now and then: it
# would hold old snapshots in memory for ever. 256 KiB in this time is a line of 70 kbit/s.
FEED_BEHIND_SECONDS_MAX: Final = 30.0

# A subscriber costs about 5 us a batch, and a place. Those of one key, which is one firm's, may not be more
# than a quarter of all: nobody else's latency is theirs to spend. Whoever has more readers has them behind a
# process of its own (`carbonmatch fanout`).
SUBSCRIBERS_MAX: Final = 1_008
SUBSCRIBERS_PER_KEY_MAX: Final = 256
assert SUBSCRIBERS_MAX < CONNECTIONS_MAX, "who takes another one's place has to connect first"

# --- client library ------------------------------------------------------------------------------

# Commands a client session has sent and not yet seen answered: what it may have to send again. At
# 500,000 commands a second it is a commit of 0.13 s, well above COMMIT_SLOW_SECONDS.
UNANSWERED_COMMANDS_MAX: Final = 65_536
assert UNANSWERED_COMMANDS_MAX * 60 < SEND_BUFFER_BYTES_MAX, "they go out again in one write"

# How long a client waits for an engine that does not take what it sends; as long as a disk may keep it.
SEND_READY_SECONDS_MAX: Final = 10.0

# Reports a client session keeps for a reader of its events that has fallen behind; above it the reader
# is told what it lost (about 200 bytes each in Python, so 13 MB).
EVENTS_UNREAD_MAX: Final = 65_536

# The same for a reader of the feed, in frames: a minute of a busy market.
BATCHES_UNREAD_MAX: Final = 16_384

# And for a reader of a drop copy.
COPIES_UNREAD_MAX: Final = 65_536

# A client that lost its engine waits a random time below these, doubling from the first to the last,
# and gives up when the engine was away for longer than a restart with recovery takes.
RECONNECT_WAIT_SECONDS_MIN: Final = 0.05
RECONNECT_WAIT_SECONDS_MAX: Final = 5.0
RECONNECT_SECONDS_MAX: Final = 120.0

# One awaited call, unless the caller says otherwise; above COMMIT_DEAD_SECONDS, at which an engine that
# does not answer has stopped itself.
CALL_SECONDS_MAX: Final = 15.0

# A batch of more messages (a mass cancel, the close) comes to subscribers as if they were conflated:
# snapshots are shared by all of them and sent piece by piece. A message takes at most 64 bytes.
FEED_BATCH_MESSAGES_MAX: Final = 12_288
assert CONFLATE_BUFFER_BYTES + FEED_BATCH_MESSAGES_MAX * 64 <= FEED_BUFFER_BYTES_MAX

# Messages of the feed that stay in memory, for subscribers who have lost some or come back: about 1 MB, twice
# what one is given at once. Eight times as many cost a tenth of the commands a second: what is freed so much
# later has left the processor's cache.
FEED_KEPT_MESSAGES: Final = 8_192

# What a subscriber who has lost batches is given again, in messages: at once, and in a second. It takes the
# engine 2 ms to make them; whoever has lost more is served with snapshots, which all share.
FEED_GAP_MESSAGES_MAX: Final = 4_096
assert FEED_GAP_MESSAGES_MAX < FEED_BATCH_MESSAGES_MAX, "it fits where a batch fits"

# What is older than that is made again from the journal by a process of its own, for one subscriber at a
# time: it takes a processor and the memory of a second engine. How far back may be asked for, in batches; how
# long it may take until snapshots come instead; and how many may wait for their turn, one of each key.
FEED_JOURNAL_GAP_BATCHES_MAX: Final = 1_000_000
FEED_JOURNAL_GAP_SECONDS_MAX: Final = 60.0
FEED_JOURNAL_GAPS_WAITING_MAX: Final = 16
# Whoever leaves 256 KiB unread for so long while others wait gets snapshots: a line of 420 kbit/s.
FEED_JOURNAL_UNREAD_SECONDS_MAX: Final = 5.0

# Snapshots that are kept as bytes for the next who wants the same. There is one for each instrument, set of
# kinds and number of levels that somebody has asked for: 4,000 of one instrument, if one subscriber likes.
FEED_SNAPSHOT_BYTES_MAX: Final = 64 * 1024 * 1024

# Requests of subscribers are answered for so long at most before the loop does anything else, and then not
# for so many times as long: 64 KiB of them may come at once, each of which sorts all books of the venue.
FEED_REQUESTS_TURN_NS: Final = 1_000_000
FEED_REQUESTS_PAUSE: Final = 3

# Intervals at which a subscription may have batches put together. Those of one interval are made once for
# all who share it, so intervals are rounded up to a multiple of the step, which nobody sees on a screen.
CONFLATE_MS_STEP: Final = 50
CONFLATE_MS_MAX: Final = 60_000

# Of batches that have gathered, so many are looked through in a turn of the loop, some 3 us each, and those
# of one subscription at least; other subscriptions that are due have their turn next. Twenty that differed
# kept a venue of 500 batches a second waiting for 1.3 s, once a minute, and one firm may have 256.
FEED_TURN_BATCHES_MAX: Final = 1_024

# --- engine --------------------------------------------------------------------------------------

# Price levels of a side that a listing can be selected from, or whose orders the feed shows one by one.
# Looking for a level walks past the better ones; screens show five to ten.
SCREEN_LEVELS_MAX: Final = 1_000

# Open orders bound memory (about 500 bytes each), and what one command can cause: the close of the
# venue expires every DAY order in one record.
SESSION_OPEN_ORDERS_MAX: Final = 200_000
VENUE_OPEN_ORDERS_MAX: Final = 1_000_000

# Makers that the commands of one entry may meet, trading with them or looking whether they could. It
# takes 20 ms, and what it causes fits a record. A taker that would go on is cancelled for the rest, and a
# fill-or-kill order that would have to is refused.
ENTRY_MAKERS_MAX: Final = 10_000

# Stops that fire in one entry, at about 10 us each; and how many makers the entry must still have left for
# one to fire, so that it meets at least as many. The others fire in the entries that follow.
ENTRY_STOPS_MAX: Final = 1_000
STOP_MAKERS_MIN: Final = ENTRY_MAKERS_MAX // 2

# Meetings of two orders in the auctions that one entry carries out, each with two fills or with two reports
# of prevention and two cancels. A larger auction goes on in the entries that follow; prevention then looks at
# all orders again, 10 to 20 ms for 50,000, so cutting it smaller would cost more than it takes.
ENTRY_AUCTION_ORDERS_MAX: Final = 10_000

# As many of these meetings may be trades, which go on where they were: 5 ms, in which nobody else is served.
# Their reports are also still near the processor when they are passed on: 10,000 at once took a tenth longer.
ENTRY_AUCTION_TRADES_MAX: Final = 2_500
assert ENTRY_AUCTION_TRADES_MAX <= ENTRY_AUCTION_ORDERS_MAX

# How often the price of an auction is determined again because orders of one participant would have traded
# with each other at it. Nearly always once; each takes 1 us a level that crosses, and as much for each order
# of an owner on both sides.
AUCTION_ROUNDS_MAX: Final = 8

# How an auction would end is told ten times a second at most; and not before hundreds of times the time that
# it took to find out have passed, at 1 us a level.
INDICATION_NS_MIN: Final = 100_000_000
INDICATION_LEVEL_NS: Final = 500_000

# Biddings that are announced or under way. A busy exchange announces a quarter of them in advance, one a week
# an instrument.
BIDDINGS_MAX: Final = 256

# Bids that stand in one bidding: what it comes to is determined in one step, 2 us a bid. A market of 4,000
# accounts, with a dozen each. And in all biddings of the venue, 500 bytes each: 100 MB, four that are full.
BIDDING_BIDS_MAX: Final = 50_000
BIDS_MAX: Final = 200_000
# Of one bidder in one bidding, so that it takes 200 of them to shut the others out. A demand curve of so many
# steps says all there is to say.
BIDDER_BIDS_MAX: Final = 256

# What ENTRY_AUCTION_ORDERS_MAX counts a bid as that is allotted or let go: it may cause two fills, two longer
# reports and a public trade.
BID_MEETINGS: Final = 2
assert ENTRY_AUCTION_ORDERS_MAX >= BID_MEETINGS

# How far the price of a bidding may be from that of the secondary market: ten times it, of one buyer.
SECONDARY_BASIS_POINTS_MAX: Final = 100_000

# GTD orders that one entry takes out when their time is up, at about 3 us each; the others follow.
ENTRY_EXPIRIES_MAX: Final = 10_000

# Steps of a trading day, and by how much later than announced an auction may end at random. The busiest
# market known here has seven steps, and draws from half a minute.
SECONDS_PER_DAY: Final = 86_400
DAY_STEPS_MAX: Final = 32
AUCTION_RANDOM_SECONDS_MAX: Final = 3_600

# Steps of schedules that are made in one go, at about 20 us each: the loop does nothing else meanwhile. A
# record counts 65,535 commands.
STEPS_AT_ONCE_MAX: Final = 8_192
assert STEPS_AT_ONCE_MAX + BATCH_COMMANDS_MAX + FRAME_MESSAGES_MAX < 2**16

# How far ahead of a time a schedule is searched for what comes next: what is later, nobody has planned.
SCHEDULE_DAYS_MAX: Final = 800
# Prices that one look-back window remembers on each side, 100 bytes each: only those that no later trade has
# outdone, so a market that runs one way for so many prices without a step back. Beyond, the two newest count
# as one.
WINDOW_EXTREMES_MAX: Final = 1_024

# A trading day is a date as a number, like 20210716.
TRADING_DAY_MAX: Final = 9999_12_31
# Instruments whose day one command ends: 3 bytes each of a frame, and 200 of its record. A schedule with more
# followers ends their day by several commands.
DAY_INSTRUMENTS_MAX: Final = 4_096
assert DAY_INSTRUMENTS_MAX * 3 < FRAME_BYTES_MAX
# Runs of settlement that are remembered, 100 bytes each in memory and in a snapshot: 16 years of a market
# with one run a day. Then the oldest that is confirmed makes room, or else the oldest.
SETTLEMENT_RUNS_MAX: Final = 4_096
# Runs that one question after them is answered with; the client asks on from the last one's sequence.
SETTLEMENT_STATUS_MAX: Final = 256
# Making a settlement file has failed: so long until it is tried again. A full disk does not empty in seconds.
SETTLEMENT_RETRY_SECONDS: Final = 10
# Instruments that one question after them is answered with; the operator asks on from the last one's number.
INSTRUMENT_STATUS_MAX: Final = 256
# Sessions that one question after them is answered with, each at most once a role that it is connected in.
# A row takes 116 bytes in the entry and 220 as a report, of a session with the longest name.
SESSION_STATUS_MAX: Final = 64
SESSION_STATUS_ROWS_MAX: Final = 3 * SESSION_STATUS_MAX
SESSION_ROW_BYTES_MAX: Final = 336
# For so long an operator may keep a session out with one command: a day. Who is to stay out is taken out.
BAN_SECONDS_MAX: Final = 86_400
# What came of a command of the process itself, in words: as much as a person reads. A file with more mistakes
# says how many more there are.
OUTCOME_LINES_MAX: Final = 16
OUTCOME_LINE_CHARS_MAX: Final = 160
# So many accounts of ten digits each fit into such a line, with what is said of them.
ACCOUNTS_NAMED_MAX: Final = 6
# A change of the configuration by an operator: a file with some tables, what stands in one of them as JSON,
# and how many tables and definitions it may come to: a firm with accounts, sessions and keys, or a contract.
AMENDMENT_CHARS_MAX: Final = 8_192
AMENDMENT_CHANGES_MAX: Final = 64
AMENDMENT_DEFINITIONS_MAX: Final = 1_024
# What all that follows from one may take in the journal; more is changed in the file.
AMENDMENT_BYTES_MAX: Final = 64 * 1024
# Tables that are changed by commands at a time: 2 KiB each in memory and snapshots.
AMENDMENTS_MAX: Final = 4_096
# Those that one question after them is answered with; their tables make them larger than other reports.
AMENDMENTS_STATUS_MAX: Final = 8
# A snapshot that an operator asks for is made between two commands: 75 ms for so many open orders. A larger
# venue has a follower, which keeps them by itself.
SNAPSHOT_ORDERS_MAX: Final = 50_000
# Trades that one answer of the registry names, 5 bytes each of a frame; how many there are it says beside.
OBJECTIONS_MAX: Final = 1_024
assert OBJECTIONS_MAX * 9 < FRAME_BYTES_MAX
# Blocks that are negotiated: of one account those that bind it, and of the venue all. They bound memory, at
# about 1 KiB each, and what the close of the venue ends in one record. Thousands of companies make some
# hundred blocks on the busiest day.
ACCOUNT_PROPOSALS_MAX: Final = 64
VENUE_PROPOSALS_MAX: Final = 4_096

# Sessions that one side of a block is told through: an account has a few people who look after it. The
# others see it in a drop copy, or ask.
SIDE_SESSIONS_MAX: Final = 4

# Orders that one status request answers with; the client asks on from the last order id.
STATUS_ORDERS_MAX: Final = 256

# Trades that were busted or corrected: 250 bytes each in memory and 20 in a snapshot, for ever, so that none
# is busted twice. A venue does so to a few trades a year; a runaway algorithm may have made thousands.
AMENDED_TRADES_MAX: Final = 100_000
# A day's statistics have a trade that stands as long as they keep any.
assert AMENDED_TRADES_MAX < DAY_TRADES_KEPT_MAX

# Trades of a day that an instrument with rules for its prices keeps, to settle them without one that is
# busted: 24 bytes each. Beyond, the oldest half is forgotten. Allowances trade some thousand times a day.
PRICED_TRADES_MAX: Final = 1_048_576
assert AMENDED_TRADES_MAX < PRICED_TRADES_MAX // 2, "one that stands is always kept"
# Trades that a close may be the average of; and days without any, after which somebody is to know.
CLOSE_TRADES_MAX: Final = 10_000
STALE_DAYS_MAX: Final = 1_000

# Units that were bought may be sold after so many trading days at most: a month of them, where the longest
# known are five. And a fee on one lot: 10,000 of a currency with a hundredth, more than any lot has cost.
SETTLEMENT_LAG_DAYS_MAX: Final = 22
FEE_MINOR_PER_LOT_MAX: Final = 1_000_000
# Trading days between buying and selling the same: five in the only rule that is known (Guofa [2011] 38). How
# old a trade is is known for as many days as settlement may take.
REVERSAL_DAYS_MAX: Final = SETTLEMENT_LAG_DAYS_MAX
# Of net sales, what may be carried over: a hundred times as much, where the only rule that is known has 1.5.
CARRY_OVER_BASIS_POINTS_MAX: Final = 1_000_000
# Classes of accounts with limits of their own in one instrument: known are compliance entities and others.
HOLDER_CLASSES_MAX: Final = 16
# Fees and currencies of before, of which it is known what trades by them have moved: a change a month for ten
# years. Trades by older ones are not taken back.
CLEARING_TERMS_MAX: Final = 120

# Units of one instrument, and minor units of one currency, that the venue holds for all accounts together:
# more tonnes than the world emits in ten years, and what is a number on the wire.
HOLDINGS_LOTS_MAX: Final = 10**12
CASH_MINOR_MAX: Final = WIRE_INT_MAX
# What one question after holdings is answered with, at 120 bytes each; the client asks on from the last one.
HOLDINGS_STATUS_MAX: Final = 256
assert VENUE_OPEN_ORDERS_MAX * QUANTITY_LOTS_MAX < WIRE_INT_MAX, (
    "what is ordered to buy is a number on the wire"
)

# Prices that are averages of several instruments, and those: a market has one, of its vintages. All are made
# anew at the end of each batch that tells anything, in 0.8 us a member, and told in 10 bytes a member.
COMPOSITES_MAX: Final = 16
COMPOSITE_MEMBERS_MAX: Final = 32
COMPOSITE_WEIGHT_MAX: Final = 10_000

# Commands of operators that wait for a second one, and kinds that may have to.
PROPOSED_COMMANDS_MAX: Final = 64
CONFIRMED_KINDS_MAX: Final = 64

# Lines of an audit in one answer, and how much of the journal is read for it, beside the loop: about a
# segment, a few tenths of a second. Whoever asks goes on where the answer ended.
AUDIT_LINES: Final = 256
AUDIT_READ_BYTES: Final = 64 * 1024 * 1024

# --- journal -------------------------------------------------------------------------------------

SEGMENT_BYTES: Final = 64 * 1024 * 1024
# One record must fit a segment together with its headers.
RECORD_PAYLOAD_BYTES_MAX: Final = 62 * 1024 * 1024
REPORT_BYTES_MAX: Final = 56
CANCELED_BYTES_MAX: Final = 48
# What one of the two sides of a block is told, and what everyone is.
BLOCK_UPDATE_BYTES_MAX: Final = 104
BLOCK_POSTED_BYTES_MAX: Final = 52
# What an account has of an instrument.
HOLDING_BYTES_MAX: Final = 112
_PROPOSAL_BYTES_MAX: Final = 2 * (SIDE_SESSIONS_MAX + 1) * BLOCK_UPDATE_BYTES_MAX + BLOCK_POSTED_BYTES_MAX
# A maker that is met causes two fills and a public trade, or two reports each of prevention and cancel.
# An order in the long layout, and the report that it is in.
LONG_ORDER_BYTES_MAX: Final = 96
MEETING_BYTES_MAX: Final = 4 * REPORT_BYTES_MAX
# A command on a trade, with the trade that was found, what its reports take beyond others with their text,
# and the public event.
ON_TRADE_BYTES_MAX: Final = 1_024
TRADED_BYTES_MAX: Final = 37
# A batch takes no further frame once those with sessions, and with what came of commands of the process,
# hold so much. A row of a session that is not connected is 13 bytes there and 130 as a report.
FOUND_BYTES_MAX: Final = 64 * 1024
_FOUND_OUT_BYTES_MAX: Final = (
    4 * AMENDMENT_BYTES_MAX
    + FRAME_SEARCHES_MAX * AMENDMENTS_STATUS_MAX * (AMENDMENT_CHARS_MAX + 256)
    + FOUND_BYTES_MAX * 11
    + FRAME_SEARCHES_MAX * SESSION_STATUS_ROWS_MAX * SESSION_ROW_BYTES_MAX
)
assert OUTCOME_LINES_MAX * OUTCOME_LINE_CHARS_MAX < SESSION_STATUS_ROWS_MAX * SESSION_ROW_BYTES_MAX // 2
assert RECORD_PAYLOAD_BYTES_MAX < SEGMENT_BYTES - 1024 * 1024
_MEETINGS_MAX: Final = ENTRY_MAKERS_MAX + ENTRY_AUCTION_ORDERS_MAX
# The fullest batch: gathered to its bound, then one frame that meets all the makers it may, carries out as
# much of an auction as it may, and takes every other order and every block out of the venue.
assert (
    BATCH_REPORTS_MAX * (max(BLOCK_UPDATE_BYTES_MAX, HOLDING_BYTES_MAX) + TRADED_BYTES_MAX // 2)
    + BATCH_COMMANDS_MAX * max(2 * LONG_ORDER_BYTES_MAX - REPORT_BYTES_MAX, ON_TRADE_BYTES_MAX)
    + FRAME_BYTES_MAX
    + _FOUND_OUT_BYTES_MAX
    + _MEETINGS_MAX * MEETING_BYTES_MAX
    + ENTRY_STOPS_MAX * REPORT_BYTES_MAX
    + VENUE_OPEN_ORDERS_MAX * CANCELED_BYTES_MAX
    + VENUE_PROPOSALS_MAX * _PROPOSAL_BYTES_MAX
    + COMPOSITES_MAX * (COMPOSITE_MEMBERS_MAX * 10 + 128)
    + COPIED_STREAMS_MAX * 6
    + COPIES_OF_A_SESSION_MAX * (BATCH_REPORTS_MAX + 4 * _MEETINGS_MAX + VENUE_OPEN_ORDERS_MAX) // 8
    < RECORD_PAYLOAD_BYTES_MAX
)

# Places in the journal that are remembered of one session, to find its reports of long ago: one a segment,
# so 64 GiB of journal before they get sparser. With 1,000 sessions they add 20 MB to a snapshot.
SESSION_MARKS_MAX: Final = 1_024

# A follower keeps a snapshot after so many commands, or after so long: what a start has to replay at most,
# in 4 s at 250,000 commands a second. One that the disk did not take is tried again after the third.
FOLLOWER_SNAPSHOT_COMMANDS: Final = 1_000_000
# What a record takes beside its commands, in commands: 19 us to their 2.5. Where members send one at a time
# and wait, each has a record of its own, and a start would otherwise take not 4 s for a million but 20.
FOLLOWER_RECORD_COMMANDS: Final = 8
FOLLOWER_SNAPSHOT_SECONDS: Final = 600
FOLLOWER_SNAPSHOT_RETRY_SECONDS: Final = 10

# A segment is archived when so many proven snapshots lie behind it: one may turn out to be bad.
ARCHIVE_SNAPSHOTS_MIN: Final = 2

# A follower further behind than this does not call itself ready.
FOLLOWER_LAG_SECONDS_MAX: Final = 10.0
# A follower that has found a difference goes on saying so for three scrapes of 5 s before it ends: its exit
# status is seen by whoever has started it, and by nobody who only looks at metrics.
FOLLOWER_DIVERGED_SECONDS: Final = 15.0
# A follower that has not looked at its journal for so long hangs. A snapshot of a large state, and segments
# that go to a slow archive for the first time, take minutes; what was moved stays moved, should it be ended.
FOLLOWER_HUNG_SECONDS: Final = 600

# Segments made ahead. When the disk is full and one of them is all there is beside the one in use, new
# orders are refused: cancels go on in both, and a restart needs one to go on in.
SPARE_SEGMENTS: Final = 2
# A spare is made in pieces of 1 MiB with so long between them: 0.6 s for 64 MiB, which are full after 3 s
# at 200,000 commands a second.
SPARE_PIECE_SECONDS: Final = 0.008

# A commit slower than this is counted; slower than the second, new orders are refused; slower than
# the third, the process stops.
COMMIT_SLOW_SECONDS: Final = 0.05
COMMIT_STALL_SECONDS: Final = 1.0
COMMIT_DEAD_SECONDS: Final = 10.0

# An idle journal is sealed, so that damage to the last record is provable: so often it is looked whether a
# record has come since the last look, which makes it once or twice this time after the last one.
SEAL_IDLE_SECONDS: Final = 0.01

# A report of surveillance keeps so many findings of each pattern, the worst, and of each so many orders,
# trades and sequences, the first: a page that a person still reads, and 100 MB at most.
SURVEILLANCE_FINDINGS_MAX: Final = 1_000
SURVEILLANCE_EVIDENCE_MAX: Final = 50
# Orders and trades of the last minutes of an instrument that are remembered until it closes.
SURVEILLANCE_CANDIDATES_MAX: Final = 10_000

# --- export --------------------------------------------------------------------------------------

# Values that are made into columns at once: 115 MB whatever the table and however long (measured), and groups
# of 27,000 rows of a book of five levels, as readers of Parquet like them. Counted in rows, fifty levels took
# a gigabyte.
EXPORT_VALUES_AT_ONCE: Final = 1_048_576
# Levels of each side in a row of the book: six columns each, and screens show ten.
EXPORT_LEVELS_MAX: Final = 50

# --- fan-out -------------------------------------------------------------------------------------

# Publications that wait for a NATS server, about 200 bytes each; beyond, snapshots are published instead.
NATS_BATCHES_MAX: Final = 65_536
# How often a fan-out says on NATS that it follows the engine.
NATS_STATUS_SECONDS: Final = 1.0

# --- dashboard -----------------------------------------------------------------------------------

# Pages that are open at once, of a few operators with some screens each; one that has not taken what was
# sent for so long is cut. A page gets what has changed four times a second: people see no more.
DASHBOARD_BROWSERS_MAX: Final = 32
DASHBOARD_SLOW_SECONDS: Final = 10.0
DASHBOARD_TICK_SECONDS: Final = 0.25
# Connections of any kind: six a browser at most, as browsers have it.
DASHBOARD_CONNECTIONS_MAX: Final = 6 * DASHBOARD_BROWSERS_MAX
# One that asks for nothing for so long, or has not sent the whole of a request, is closed: else as many that
# say nothing keep everybody out.
DASHBOARD_IDLE_SECONDS: Final = 5.0
# How often the venue's metrics are asked for, and how many answers its charts remember: a quarter of an hour.
DASHBOARD_SCRAPE_SECONDS: Final = 2.0
DASHBOARD_POINTS_MAX: Final = 450
# The metrics of 1,000 instruments are 2 MB; what Prometheus says of its alerts is less.
DASHBOARD_PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
# What is shown of one instrument.
DASHBOARD_LEVELS: Final = 10
DASHBOARD_TRADES: Final = 30
# Alerts, and sessions, that are shown: a person reads no more.
DASHBOARD_ALERTS_MAX: Final = 100
DASHBOARD_ROWS_MAX: Final = 500
# People who may act at once, and for how long after their secret; a secret nobody guesses.
DASHBOARD_LOGINS_MAX: Final = 16
DASHBOARD_LOGIN_SECONDS: Final = 8 * 3_600
DASHBOARD_SECRET_CHARS_MIN: Final = 32
DASHBOARD_REQUEST_BYTES_MAX: Final = 4_096
