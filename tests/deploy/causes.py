"""What the tests that cause faults have in common: an alert is silent, fires, and is clear again."""

import asyncio
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from tests.deploy.observed import Observed
from tests.deploy.prometheus import Alert

# Windows of up to 20 s have to pass before what they hold is forgotten.
CLEAR_SECONDS_MAX: Final = 60.0


@contextmanager
def caused(venue: Observed, *names: str) -> Iterator[None]:
    """The alerts are silent before the block, which causes and mends; after it they are clear."""
    for name in names:
        clear_again(venue, name)
    yield
    for name in names:
        clear_again(venue, name)


def clear_again(venue: Observed, name: str) -> None:
    venue.prometheus.until_clear(name, CLEAR_SECONDS_MAX)


def operate(venue: Observed, command: Any) -> None:
    async def call() -> None:
        async with venue.engine.session("operator") as operator:
            await operator.call(command)

    asyncio.run(call())


def runbook_of(venue: Observed, alert: Alert) -> str:
    """The page that the alert names, as whoever is woken gets it from this Prometheus."""
    # Its host is that of --web.external-url, which one on a port of chance is not told.
    page = urlsplit(alert.annotations["runbook_url"]).path
    with urllib.request.urlopen(venue.prometheus.url + page, timeout=10) as answer:
        return str(answer.read().decode())
