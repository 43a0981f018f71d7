"""Lines of the dashboard: what it follows, who acts from its page, and who may not."""

from typing import Final

from carbonmatch.ops.log_events.event import NOTHING, LogEvent
from carbonmatch.ops.logs import INFO, WARNING

DASHBOARD: Final = (
    LogEvent(
        "dashboard_feed_lost",
        WARNING,
        ("text",),
        "The dashboard has lost the engine's market data. It comes back by itself; its page says meanwhile"
        " that what it shows is old, and since when.",
        "Look at the engine.",
    ),
    LogEvent(
        "dashboard_feed_refused",
        WARNING,
        ("text",),
        "The engine does not give the dashboard its market data; it asks again every half a minute.",
        "Look at the key and session that the dashboard was started with, and for another process that uses"
        " the same session.",
    ),
    LogEvent(
        "dashboard_login",
        INFO,
        (),
        "Somebody has shown the secret and may halt and resume from the page for eight hours.",
        NOTHING,
    ),
    LogEvent(
        "dashboard_login_failed",
        WARNING,
        (),
        "Somebody has shown a wrong secret.",
        "Nothing, for one. For many: ask who has access to this machine.",
    ),
    LogEvent(
        "dashboard_acted",
        INFO,
        ("act", "instrument", "sequence"),
        "Somebody has halted or resumed an instrument from the page; the journal has it at this sequence.",
        NOTHING,
    ),
    LogEvent(
        "dashboard_act_refused",
        WARNING,
        ("act", "instrument", "text"),
        "Somebody wanted to halt or resume an instrument from the page, and was refused.",
        "`text` says why; the page has told it as well. Where nothing was answered in time it may have been"
        " done: look at the phase.",
    ),
    LogEvent(
        "dashboard_request_refused",
        WARNING,
        ("path", "text"),
        "A browser has asked in a way that the dashboard's own page does not: from another web page, or under"
        " another name than localhost.",
        "Behind a proxy: give its name with `--name`. Else find out which page in somebody's browser it was:"
        " one that tries this on purpose means no good.",
    ),
    LogEvent(
        "dashboard_browser_cut",
        WARNING,
        (),
        "A browser has taken nothing for ten seconds and was cut. It comes back by itself when it can.",
        NOTHING,
    ),
)
