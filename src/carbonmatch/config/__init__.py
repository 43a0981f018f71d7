"""The configuration: one TOML file in, one frozen `Config` out, or every mistake in it at once.

What a file may say is in docs/configuration.md. `schema` is its shape and what follows from it for
the engine, `checks` the rules that hold between its parts, `reading` turns text into it.
"""

from carbonmatch.config.certificates import ListenerTls, tls_contexts
from carbonmatch.config.checks import check, host_and_port, is_exposed
from carbonmatch.config.errors import ConfigError
from carbonmatch.config.reading import (
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
    Connections,
    Follower,
    Instrument,
    Journal,
    Key,
    KeyId,
    Listen,
    Participant,
    Session,
    Throttle,
    Tls,
    TlsFiles,
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
    "Connections",
    "Follower",
    "Instrument",
    "Journal",
    "Key",
    "KeyId",
    "Listen",
    "ListenerTls",
    "Participant",
    "Session",
    "Throttle",
    "Tls",
    "TlsFiles",
    "Venue",
    "check",
    "configuration_digest",
    "host_and_port",
    "is_exposed",
    "key_commands",
    "load",
    "may_log_on",
    "parse",
    "tls_contexts",
    "venue_commands",
    "with_addresses",
    "with_directory",
    "with_environment",
    "with_follower",
]
