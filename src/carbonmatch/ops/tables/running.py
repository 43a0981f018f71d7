"""How the process does: its state, its capacity, where the time goes, its clock."""

from typing import Final

from carbonmatch.ops.logs import ERROR, INFO, WARNING
from carbonmatch.ops.metric import Group, Label, Metric, counter, gauge, gauge_of_ns, seconds

STATE: Final = Group(
    "State",
    (
        gauge(
            "state",
            "state",
            "What the venue is doing: 0 recovering, 1 active, 2 degraded, 3 stopping, 4 busy.",
            use="Anything but 1 for long is an alert; /readyz says why.",
        ),
        gauge(
            "durable",
            "durable",
            "Whether answers wait for the disk; 0: relaxed mode, a power cut may lose what was answered.",
            use="0 on a venue that trades in earnest is a mistake.",
        ),
        gauge_of_ns(
            "start_time",
            "start_time_ns",
            "When the venue started, since 1970.",
            use="That it changed says that the venue was restarted.",
        ),
        gauge_of_ns(
            "recovery_duration",
            "recovery_duration_ns",
            "How long the last recovery took.",
            use="What a restart costs now; a newer snapshot makes it shorter.",
            answers="RTS 7 article 15: within two hours",
        ),
        counter(
            "log_lines",
            "log_lines",
            "Lines of the log by level, with those that a flood left out.",
            use="Errors that no other metric has; docs/logs.md says what each event means.",
            labels=(Label("level", {INFO: "info", WARNING: "warning", ERROR: "error"}),),
        ),
        counter(
            "reloads",
            "reloads",
            "Times the configuration was read again.",
            use="Each is in the log, with what changed or was wrong.",
            labels=(Label("result", {"applied": "applied", "refused": "refused"}),),
        ),
        gauge(
            "config_last_reload_successful",
            "config_last_reload_successful",
            "Whether the configuration that was read last is in force; 0: it was refused.",
            use="0: the venue goes on with the one before, and the next start would refuse this one.",
        ),
        gauge_of_ns(
            "config_read_time",
            "config_read_ns",
            "When the configuration in force was read, since 1970.",
            use="Whether a change of the file is in force yet.",
        ),
    ),
)

CAPACITY: Final = Group(
    "Capacity",
    (
        gauge(
            "capacity_used_ratio",
            "capacity_used_ns",
            "Share of the last second in which the loop was at work; at 1 the venue is full.",
            "ratio",
            use="Room that is left; a venue is to have twice what it ever needed.",
            answers="RTS 7 article 13: share of capacity used",
            nanoseconds=True,
        ),
        gauge(
            "capacity_used_peak_ratio",
            "capacity_peak_ns",
            "Largest share of any second of the last minute in which the loop was at work.",
            "ratio",
            use="Peaks that fall between two scrapes.",
            answers="RTS 7 article 13: share of capacity used",
            nanoseconds=True,
        ),
        counter(
            "messages_received",
            "messages_received",
            "Commands received, whatever became of them.",
            use="Messages received a second, by `rate`.",
            answers="RTS 7 article 13: messages received",
        ),
        counter(
            "messages_sent",
            "messages_sent",
            "Reports and refusals sent for the first time.",
            use="Messages sent a second, by `rate`.",
            answers="RTS 7 article 13: messages sent",
        ),
        counter(
            "messages_rejected",
            "messages_rejected",
            "Commands refused, for any reason.",
            use="Messages rejected a second, by `rate`.",
            answers="RTS 7 article 13: messages rejected",
        ),
        gauge(
            "messages_received_peak",
            "messages_received_peak",
            "Most commands received within one second since the start.",
            use="Kept over years it is what capacity is measured against.",
            answers="RTS 7 article 11: twice the highest number of messages a second",
        ),
        gauge_of_ns(
            "oldest_wait",
            "oldest_wait_ns",
            "How long the oldest frame that was read has waited for its turn.",
            use="Above some milliseconds: more comes than the venue can take.",
        ),
        gauge(
            "waiting_bytes",
            "waiting_bytes",
            "Bytes of frames that were read and wait.",
            "bytes",
            use="As oldest_wait_seconds, in bytes.",
        ),
    ),
)

LATENCY: Final = Group(
    "Latency",
    (
        seconds(
            "order_latency",
            "order_latency_ns",
            "From reading a command to releasing its reports.",
            use="The latency that the objective is for: burn rates are taken of its buckets.",
            answers="RTS 7 article 13: time from gateway to gateway; all stages together",
        ),
        seconds(
            "read",
            "read_ns",
            "From reading a frame to its turn.",
            use="Grows first where more comes than the venue can take.",
            answers="stage 1: read",
        ),
        seconds(
            "decode",
            "decode_ns",
            "Decoding a frame, and looking at whether its commands may pass.",
            use="Grows with the size of frames only.",
            answers="stage 2: decode",
        ),
        seconds(
            "match",
            "match_ns",
            "Applying the commands of a frame to the books.",
            use="Grows with what an order meets: deep sweeps, mass cancels, auctions.",
            answers="stage 3: match; RTS 7 article 13: performance of the matching engine",
        ),
        seconds(
            "gather",
            "gather_ns",
            "From applying a frame until its batch goes to the disk.",
            use="About as long as a commit: the batch before is on its way.",
            answers="stage 4: gather",
        ),
        seconds(
            "journal",
            "journal_ns",
            "Writing and syncing one batch, as the disk takes it.",
            use="The disk alone. Where only commit_duration_seconds grows, the loop was late, not the disk.",
            answers="stage 5: journal",
        ),
        seconds(
            "commit_duration",
            "commit_duration_ns",
            "From sending one batch to the disk until the loop knows that it is there.",
            use="journal_seconds, and the hand-overs between loop and journal thread.",
            answers="stage 5: journal",
        ),
        seconds(
            "release",
            "release_ns",
            "From knowing a batch durable until its reports and market data are out.",
            use="Grows with the number of those who are to be told.",
            answers="stage 6: release",
        ),
        Metric(
            "carbonmatch_commit_batch_commands",
            "histogram",
            "commands",
            "Commands in one batch.",
            "commit_batch_commands",
            "The slower the disk, the larger the batches.",
        ),
        gauge_of_ns(
            "commit_pending",
            "commit_pending_ns",
            "How long the batch on its way to the disk has been; 0: none is.",
            use="A disk that hangs shows here before any histogram has it.",
        ),
        seconds(
            "event_loop_lag",
            "event_loop_lag_ns",
            "How late a timer of the event loop fired.",
            use="Everything waits so long: a long batch, a stolen processor, a pause of the collector.",
        ),
        seconds(
            "gc_pause",
            "gc_pause_ns",
            "Pauses of the garbage collector.",
            use="Whether it was the collector that made the loop late.",
        ),
    ),
)

CLOCK: Final = Group(
    "Clock",
    (
        gauge(
            "clock_synchronized",
            "clock_synchronized",
            "Whether the kernel says that its clock is synchronized; absent where it cannot be asked.",
            use="0: stamps may be wrong, and nobody corrects them.",
            answers="RTS 25: divergence from UTC",
            optional=True,
        ),
        gauge_of_ns(
            "clock_error_max",
            "clock_error_max_ns",
            "Most that the clock may be off, by the kernel's estimate; absent where it cannot be asked.",
            use="Against 100 us where latency is below a millisecond.",
            answers="RTS 25: divergence from UTC",
            optional=True,
        ),
        gauge_of_ns(
            "clock_offset",
            "clock_offset_ns",
            "What the kernel is about to correct of the clock; absent where it cannot be asked.",
            use="How far the clock is off, as far as is known.",
            answers="RTS 25: divergence from UTC",
            optional=True,
        ),
        gauge_of_ns(
            "clock_held",
            "clock_held_ns",
            "How far stamps are ahead of the clock, which was set back: they never go back.",
            use="Above 0: the clock was set back, and stamps stand until it has caught up.",
        ),
    ),
)
