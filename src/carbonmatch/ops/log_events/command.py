"""`carbonmatch logs`: what lines of the log mean."""

from cyclopts import App

from carbonmatch.ops.log_events.pages import explained, listed

main = App(name="logs", help="Say what a line of the log means.", help_format="plaintext")


@main.command(name="list")
def list_events() -> None:
    """Name every event that the log can have, with its level and what it means."""
    print("\n".join(listed()))


@main.command
def explain(event: str) -> None:
    """Say what an event means, what to do about it, and what its fields are."""
    print("\n".join(explained(event)))
