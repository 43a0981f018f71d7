"""Lines about the journal and what is made of it: snapshots, settlement files, feeds replayed."""

from typing import Final

from carbonmatch.ops.log_events.event import NOTHING, LogEvent
from carbonmatch.ops.logs import ERROR, INFO, WARNING

STORAGE: Final = (
    LogEvent(
        "journal_failed",
        ERROR,
        ("text", "exit_status", "trace"),
        "A write or sync of the journal has failed, or a bug was found beside it. The engine ends with"
        " `exit_status`; nothing that was waiting for the disk was answered.",
        "Look at the disk: the kernel's log, free room, its health. The next start is recovery, and says what"
        " is there. With exit status 134: report it.",
    ),
    LogEvent(
        "journal_dead",
        ERROR,
        ("text",),
        "A batch has been on its way to the disk for 10 s; the engine ends with 70, as it can neither answer"
        " nor take it back.",
        "Look at the disk, and at whatever is between it and this machine. What it has taken after all, the"
        " next start finds.",
    ),
    LogEvent(
        "sync_process_refused",
        WARNING,
        ("text",),
        "The process that syncs the journal beside the engine could not be started. The engine syncs by a"
        " thread of its own: answers take up to a millisecond longer under load.",
        "Look why no process could be started (`text`): memory, the unit's limit of processes. The next start"
        " tries again.",
    ),
    LogEvent(
        "sync_process_ended",
        WARNING,
        ("process",),
        "The process that syncs the journal beside the engine has ended while it had nothing to do. The"
        " engine syncs by a thread of its own from now on: answers take up to a millisecond longer under"
        " load.",
        "Look who has ended it (the kernel's log: memory). The next start has one again.",
    ),
    LogEvent(
        "journal_tail_cut",
        WARNING,
        ("segment", "byte", "sequence", "torn_bytes", "kept_as"),
        "The journal ended in a write that was cut short by a crash or a loss of power. It was cut off: it"
        " was never answered.",
        "Nothing. The bytes are kept under `kept_as` for whoever wants to see them, and may be removed.",
    ),
    LogEvent(
        "journal_rewritten",
        WARNING,
        ("segment",),
        "A start found no room for a copy of the newest segment, and wrote it over itself instead.",
        "Free room on the disk: the engine needs it for new segments too.",
    ),
    LogEvent(
        "snapshot_passed_over",
        WARNING,
        ("text",),
        "A snapshot could not be used at the start, and an older one, or none, was. The journal has"
        " everything: the start took longer, and that is all.",
        "Keep the file for whoever looks into it, outside of the journal's directory. Where it repeats, look"
        " at the disk.",
    ),
    LogEvent(
        "snapshot_written",
        INFO,
        ("sequence", "bytes"),
        "The follower has kept the state after this sequence; the next start begins there.",
        NOTHING,
    ),
    LogEvent(
        "snapshot_failed",
        WARNING,
        ("text", "sequence"),
        "A snapshot could not be written. The journal has everything; a start takes longer without it."
        " The follower tries again by itself, an engine that stops does not.",
        "Free room on the disk, or look why it does not take the file.",
    ),
    LogEvent(
        "digest_compared",
        INFO,
        ("sequence", "digest"),
        "The follower has come to the same state as the engine at this sequence.",
        NOTHING,
    ),
    LogEvent(
        "diverged",
        ERROR,
        ("text", "sequence"),
        "The follower, executing the journal again, came to something else than the journal or a snapshot"
        " holds. It ends with 66 and makes no snapshots any more. The engine goes on.",
        "Keep the directory as it is, and do not restart the engine. Report it with this line. See"
        " docs/follower.md.",
    ),
    LogEvent(
        "archived",
        INFO,
        ("first_segment", "last_segment"),
        "The follower has moved these segments to the archive, proven there byte for byte.",
        NOTHING,
    ),
    LogEvent(
        "archive_failed",
        ERROR,
        ("text",),
        "The follower could not move a segment to the archive. It stays where it is, and the journal's disk"
        " fills up.",
        "Damage: keep both directories and look with `carbonmatch journal verify`. Otherwise: free room in"
        " the archive, or mount it again.",
    ),
    LogEvent(
        "past_unreadable",
        ERROR,
        ("address", "text"),
        "What a connection has missed could not be read back from the journal, and it was cut: without its"
        " past it would wait for ever.",
        "Look at the disk, and whether segments were moved by hand. Run `carbonmatch journal verify`.",
    ),
    LogEvent(
        "settlement_made",
        INFO,
        ("trading_day", "run", "sequence", "trades", "adjustments", "file", "sha256", "is_new"),
        "The settlement file of a day is there, or has been there before (`is_new`).",
        "Send it to the registry, by the SHA-256 that stands here.",
    ),
    LogEvent(
        "settlement_failed",
        WARNING,
        ("text",),
        "The settlement file of a day could not be made. It is tried again ten seconds later; trading is"
        " affected.",
        "Do what `text` says; or make it by hand with `carbonmatch settlement`.",
    ),
    LogEvent(
        "replay_ready",
        INFO,
        ("market_data", "feed_sequence"),
        "A replay of the feed waits for its readers at this address.",
        NOTHING,
    ),
    LogEvent(
        "replay_ended",
        INFO,
        ("batches", "feed_sequence"),
        "A replay of the feed has sent all that it was asked for.",
        NOTHING,
    ),
)
