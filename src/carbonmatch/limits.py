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

# Identifiers are small integers which configuration gives; names are for people.
INSTRUMENT_ID_MAX: Final = 2**16 - 1
ACCOUNT_ID_MAX: Final = 2**31 - 1
SESSION_ID_MAX: Final = 2**16 - 1
NAME_CHARS_MAX: Final = 32

# --- wire ----------------------------------------------------------------------------------------

# Frames are length-prefixed, so a wrong length must not reserve memory. A full frame of 128
# orders of at most 60 bytes is 7.5 KiB.
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

CONNECTIONS_MAX: Final = 1_024

# --- fairness ------------------------------------------------------------------------------------

# Commands one session may have applied in one turn of the loop before the next one gets its turn.
# A frame is applied whole, so a turn takes at least one frame.
TURN_COMMANDS_MAX: Final = 64

# A session with more complete frames waiting than this is not read from until it is served.
QUEUED_FRAME_BYTES_MAX: Final = 64 * 1024

# Refused commands cost a throttled session this many seconds' worth of patience: three times its
# rate for so long, and it is cut; twice its rate is refused for ever, but served.
THROTTLE_PATIENCE_SECONDS: Final = 5

# Mass cancels and status requests in one frame. Each looks through all orders of its session, 10 ms for
# 100,000, and a frame is applied whole: 128 of them kept everybody else waiting for 1.5 s.
FRAME_SEARCHES_MAX: Final = 4

# --- commit batches ------------------------------------------------------------------------------

# One batch is one journal record: one write and one sync. More would only make the first command
# in the batch wait longer; the count has to fit the record header's 16 bits. A batch also ends
# when its commands have caused this many reports (a mass cancel causes one an order).
BATCH_COMMANDS_MAX: Final = 8_192
BATCH_REPORTS_MAX: Final = 32_768
assert BATCH_COMMANDS_MAX + FRAME_MESSAGES_MAX < 2**16

# Refs of one session that were repeated and wait for the commit of their original: as many as can be on
# their way, in the batch that is written and in the one that gathers. A session that comes back may
# repeat all of them; one that repeats more names refs which it never sent.
REPEATS_WAITING_MAX: Final = 2 * (BATCH_COMMANDS_MAX + FRAME_MESSAGES_MAX)

# Repeated refs of one connection that wait for the journal to be read, one after the other. A look-up
# reads half a segment on average, so more would take minutes: whoever needs that resumes instead.
LOOK_UPS_WAITING_MAX: Final = 1_024

# --- outbound ------------------------------------------------------------------------------------

# Reports kept in memory for a session, for resume and repeats; older ones come from the journal.
OUTBOX_BYTES_MAX: Final = 1024 * 1024

# A reader that has not taken this much is cut (order entry: it resumes later, nothing is lost).
SEND_BUFFER_BYTES_MAX: Final = 4 * 1024 * 1024
SEND_STALL_SECONDS_MAX: Final = 10.0

# A market-data subscriber above this is conflated: it gets no increments until it has drained.
CONFLATE_BUFFER_BYTES: Final = 256 * 1024
SUBSCRIBERS_MAX: Final = 1_024

# --- client library ------------------------------------------------------------------------------

# Commands a client session has sent and not yet seen answered: what it may have to send again. At
# 500,000 commands a second it is a commit of 0.13 s, well above COMMIT_SLOW_SECONDS.
UNANSWERED_COMMANDS_MAX: Final = 65_536
assert UNANSWERED_COMMANDS_MAX * 60 < SEND_BUFFER_BYTES_MAX, "they go out again in one write"

# Reports a client session keeps for a reader of its events that has fallen behind; above it the reader
# is told what it lost (about 200 bytes each in Python, so 13 MB).
EVENTS_UNREAD_MAX: Final = 65_536

# The same for a reader of the feed, in frames: a minute of a busy market.
BATCHES_UNREAD_MAX: Final = 16_384

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
FEED_BATCH_MESSAGES_MAX: Final = 65_536
assert FEED_BATCH_MESSAGES_MAX * 64 <= SEND_BUFFER_BYTES_MAX

# --- engine --------------------------------------------------------------------------------------

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

# GTD orders that one entry takes out when their time is up, at about 3 us each; the others follow.
ENTRY_EXPIRIES_MAX: Final = 10_000

# Orders that one status request answers with; the client asks on from the last order id.
STATUS_ORDERS_MAX: Final = 256

# --- journal -------------------------------------------------------------------------------------

SEGMENT_BYTES: Final = 64 * 1024 * 1024
# One record must fit a segment together with its headers. A cancel report takes up to 48 bytes.
RECORD_PAYLOAD_BYTES_MAX: Final = 60 * 1024 * 1024
REPORT_BYTES_MAX: Final = 56
# A maker that is met causes two fills and a public trade, or two reports each of prevention and cancel.
MEETING_BYTES_MAX: Final = 4 * REPORT_BYTES_MAX
TRADED_BYTES_MAX: Final = 36
assert RECORD_PAYLOAD_BYTES_MAX < SEGMENT_BYTES - 1024 * 1024
# The fullest batch: gathered to its bound, then one frame that meets all the makers it may and takes
# every other order out of the venue.
assert (
    BATCH_REPORTS_MAX * (REPORT_BYTES_MAX + TRADED_BYTES_MAX // 2)
    + BATCH_COMMANDS_MAX * 64
    + FRAME_BYTES_MAX
    + ENTRY_MAKERS_MAX * MEETING_BYTES_MAX
    + ENTRY_STOPS_MAX * REPORT_BYTES_MAX
    + VENUE_OPEN_ORDERS_MAX * REPORT_BYTES_MAX
    < RECORD_PAYLOAD_BYTES_MAX
)

# Places in the journal that are remembered of one session, to find its reports of long ago: one a segment,
# so 64 GiB of journal before they get sparser. With 1,000 sessions they add 20 MB to a snapshot.
SESSION_MARKS_MAX: Final = 1_024

# A commit slower than this is counted; slower than the second, new orders are refused; slower than
# the third, the process stops.
COMMIT_SLOW_SECONDS: Final = 0.05
COMMIT_STALL_SECONDS: Final = 1.0
COMMIT_DEAD_SECONDS: Final = 10.0

# An idle journal is sealed after this time, so that damage to the last record is provable.
SEAL_IDLE_SECONDS: Final = 0.01
