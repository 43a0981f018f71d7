"""Where what the page shows comes from, and whether it still does. Pure."""

from msgspec import Struct


class Addresses(Struct, frozen=True):
    """Where to ask; empty: not there."""

    metrics_url: str
    follower_url: str = ""
    prometheus_url: str = ""


class Source(Struct, frozen=True, gc=False):
    """Whether what comes from one place is as it is now, and since when it is so or not."""

    is_good: bool
    since_ns: int
    text: str = ""


def source_of(known: Source | None, problem: str, now_ns: int) -> Source:
    """How it is now: `since_ns` stays while nothing has changed for the better or the worse."""
    is_good = not problem
    since_ns = known.since_ns if known is not None and known.is_good == is_good else now_ns
    return Source(is_good, since_ns, problem)


def in_words(error: Exception) -> str:
    """What went wrong, without the number that the system has for it."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
