"""What the ops port shows: metrics and health."""

from collections.abc import Callable

from carbonmatch.ops.exposition import CONTENT_TYPE, Exposition
from carbonmatch.ops.health import Health, healthz, readyz
from carbonmatch.ops.http import JSON, Page, Pages


def ops_pages(exposition: Exposition, health: Callable[[], Health]) -> Pages:
    """`health` is asked at each request."""

    def page(answer: tuple[int, bytes]) -> Page:
        status, body = answer
        return Page(body, JSON, status)

    return {
        "/metrics": lambda: Page(b"", CONTENT_TYPE, pieces=exposition.pieces()),
        "/healthz": lambda: page(healthz(health())),
        "/readyz": lambda: page(readyz(health())),
    }
