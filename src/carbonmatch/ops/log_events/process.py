"""Lines about a process as a whole: how it starts and stops, what it was given to run on."""

from typing import Final

from carbonmatch.ops.log_events.event import NOTHING, LogEvent
from carbonmatch.ops.logs import ERROR, INFO, WARNING

PROCESS: Final = (
    LogEvent(
        "recovered",
        INFO,
        ("snapshot_sequence", "sequence", "records", "commands", "clean_stop", "torn_bytes", "seconds"),
        "The engine has read its journal, executed what is newer than its snapshot, and compared it.",
        "Nothing. Where `clean_stop` is false though nobody has killed it, look in the log of the start"
        " before this one for why it ended. Where `seconds` grows from start to start, look whether the"
        " follower still makes snapshots.",
    ),
    LogEvent(
        "ready",
        INFO,
        (
            "ops",
            "order_entry",
            "market_data",
            "drop_copy",
            "engine",
            "dashboard",
            "may_act",
            "version",
            "epoch",
            "sequence",
            "snapshot_sequence",
            "durable",
            "directory",
        ),
        "Engine, follower or fan-out have started and do their work from here on; the addresses are where.",
        NOTHING,
    ),
    LogEvent(
        "stopping",
        INFO,
        ("sequence",),
        "The engine was told to stop: it takes nothing more and answers what it has taken.",
        "Nothing, where somebody has stopped it. `stopped` has to follow within seconds.",
    ),
    LogEvent(
        "stopped",
        INFO,
        ("sequence", "digest", "snapshot_sequence"),
        "The process has ended as it should. An engine has answered everything, closed its journal and kept"
        " its state as a snapshot, whose digest this is.",
        "Nothing. Keep the line where the journal is copied or another version starts: the digest says that"
        " what is started from there is the same.",
    ),
    LogEvent(
        "stopped_while_recovering",
        INFO,
        (),
        "The engine was told to stop while it read its journal, and did so at once: it had answered nobody.",
        "Nothing. The next start begins again.",
    ),
    LogEvent(
        "relaxed_mode",
        WARNING,
        ("text",),
        "The configuration says that answers do not wait for the disk: a loss of power loses what was"
        " answered last. Every report says so too.",
        'On a venue where money changes hands: take `sync = "relaxed"` out of `[journal]` and start again.',
    ),
    LogEvent(
        "running_as_root",
        WARNING,
        ("text",),
        "The process has rights that it has no use for, and that whoever breaks into it would have.",
        "Run it as a user of its own, as deploy/systemd/carbonmatch.service does.",
    ),
    LogEvent(
        "old_python",
        WARNING,
        ("text", "allowed"),
        "This Python has known holes which a network can use. It is served on loopback only, unless"
        " `allowed` says that somebody has accepted the risk.",
        "Install a Python of at least the version that `text` names.",
    ),
    LogEvent(
        "state_changed",
        WARNING,
        ("state", "reasons"),
        "The engine has begun to refuse new orders, or takes them again: `degraded` where its disk is slow or"
        " full. Cancels are taken all the while.",
        "`degraded`: look at what `reasons` says, the disk's latency first, then its free room."
        " `active`: nothing, it has passed.",
    ),
    LogEvent(
        "loop_error",
        WARNING,
        ("text",),
        "Something failed that concerns one connection, or a task that only reads; nothing else is affected.",
        "Nothing, where it is rare. Report it with this line where it repeats.",
    ),
    LogEvent(
        "bug",
        ERROR,
        ("text", "trace"),
        "The engine has found itself wrong and ends with 134 rather than answer. Nothing of the batch in"
        " question was answered or written.",
        "It is started again by its supervisor, a few times. Report it with this line, and keep the journal:"
        " `carbonmatch journal replay` shows whether it happens again.",
    ),
    LogEvent(
        "lines_left_out",
        WARNING,
        ("of", "count"),
        "An event came more often than 20 times a second, and so many of its lines were not written. It has"
        " not come since, so that no line of its own could say so.",
        "Look at the lines of that event before this one.",
    ),
    LogEvent(
        "reloaded",
        INFO,
        ("changed", "keys", "sequence"),
        "The engine has read its configuration again and goes on with it. `changed` definitions are in the"
        " journal from this sequence on.",
        NOTHING,
    ),
    LogEvent(
        "reload_refused",
        ERROR,
        ("text",),
        "The engine was told to read its configuration again and found a mistake in it; one line for each."
        " It goes on with the one that it had.",
        "Mend the file, try it with `carbonmatch check-config FILE`, and send SIGHUP again. A restart with"
        " this file would fail.",
    ),
    LogEvent(
        "reload_ignored",
        WARNING,
        ("text",),
        "SIGHUP came where there is nothing to be read again: at a start or stop, or to a process that reads"
        " its file once.",
        "At a start: send it again after `ready`. To a follower, fan-out or dashboard: restart it instead.",
    ),
    LogEvent(
        "restart_needed",
        WARNING,
        ("text",),
        "The configuration was read again, and holds changes which take a restart: `text` names them. All"
        " others are in force.",
        "Restart the engine when the market is closed.",
    ),
    LogEvent(
        "not_configured",
        WARNING,
        ("kind", "name", "open_orders"),
        "The journal has an instrument that the configuration leaves out. It is kept, with its orders.",
        "Put it back into the configuration, unless it was meant to go.",
    ),
    LogEvent(
        "amendment_overruled",
        WARNING,
        ("kind", "name"),
        "The configuration says otherwise now of what operators had changed: the file is in force again.",
        "Nothing, if that was meant. Otherwise make the change again, and write it into the file.",
    ),
    LogEvent(
        "session_removed",
        WARNING,
        ("session", "orders_cancelled"),
        "The configuration has a session no more. Its orders are cancelled and its keys let nobody in.",
        "Nothing, if that was meant. Otherwise put it back: its orders are gone all the same.",
    ),
    LogEvent(
        "drop_copy_removed",
        WARNING,
        ("name",),
        "The configuration has a drop copy no more; its readers are let in no longer.",
        "Nothing, if that was meant.",
    ),
)
