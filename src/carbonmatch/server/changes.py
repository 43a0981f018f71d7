"""What a configuration that was read again has changed, in words for operators."""

from collections.abc import Iterator

from carbonmatch.config import Config
from carbonmatch.matching.engine import Engine
from carbonmatch.matching.messages import (
    DefineAccount,
    DefineDropCopy,
    DefineKey,
    DefineSession,
    RemoveKey,
    RemoveSession,
    SessionId,
    VenueCommand,
)
from carbonmatch.server.configured import session_settings


def changes(
    before: Config, after: Config, commands: list[VenueCommand], engine: Engine, *, at_once: bool = False
) -> list[str]:
    """A line each: what was journaled, and what is not part of the market.

    `at_once`: throttles hold for connections that are there.
    """
    throttles = _throttles(before, after, "" if at_once else ", from its next logon on")
    return [*_definitions(commands, engine), *throttles, *_plans(before, after)]


def _definitions(commands: list[VenueCommand], engine: Engine) -> Iterator[str]:
    for command in commands:
        match command:
            case DefineAccount():
                yield f"account {command.account_id}, {command.name}"
            case DefineSession():
                yield f"session {command.name}"
            case RemoveSession():
                yield f"session {_name_of(engine, command.session_id)}: removed"
            case DefineDropCopy():
                yield f"drop copy {command.name}{'' if command.account_ids else ': removed'}"
            case DefineKey():
                yield f"key {command.key_id}"
            case RemoveKey():
                yield f"key {command.key_id}: removed"


def _throttles(before: Config, after: Config, since: str) -> Iterator[str]:
    were = session_settings(before)
    for name, settings in session_settings(after).items():
        if name in were and were[name].throttle != settings.throttle:
            yield f"throttle of session {name}{since}"


def _plans(before: Config, after: Config) -> Iterator[str]:
    for kind in ("calendars", "schedules"):
        if getattr(before, kind) != getattr(after, kind):
            yield kind
    followed = {instrument.id: instrument.schedule for instrument in before.instruments}
    for instrument in after.instruments:
        if followed.get(instrument.id, instrument.schedule) != instrument.schedule:
            yield f"schedule of instrument {instrument.symbol}"


def _name_of(engine: Engine, session_id: SessionId) -> str:
    return engine.sessions[session_id].name
