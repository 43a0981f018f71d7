"""The configuration: one TOML file in, one frozen `Config` out, or every mistake in it at once.

What a file may say is in docs/configuration.md. `schema` is its shape and what follows from it for
the engine, `checks` the rules that hold between its parts, `reading` turns text into it.
"""

from carbonmatch.config.checks import check, host_and_port
from carbonmatch.config.reading import (
    ConfigError,
    load,
    parse,
    with_addresses,
    with_directory,
    with_environment,
    with_follower,
)
from carbonmatch.config.schema import (
    Account,
    Config,
    Follower,
    Instrument,
    Journal,
    Key,
    KeyId,
    Listen,
    Participant,
    Session,
    Throttle,
    Venue,
    configuration_digest,
    key_commands,
    may_log_on,
    venue_commands,
)

__all__ = [
    "Account",
    "Config",
    "ConfigError",
    "Follower",
    "Instrument",
    "Journal",
    "Key",
    "KeyId",
    "Listen",
    "Participant",
    "Session",
    "Throttle",
    "Venue",
    "check",
    "configuration_digest",
    "host_and_port",
    "key_commands",
    "load",
    "may_log_on",
    "parse",
    "venue_commands",
    "with_addresses",
    "with_directory",
    "with_environment",
    "with_follower",
]
