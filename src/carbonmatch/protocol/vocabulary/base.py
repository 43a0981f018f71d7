"""How messages of the session layer and of the feed are made: strict in, lenient out.

Part of the vocabulary in `protocol.messages`, which others take it from.
"""

from msgspec import Struct


class Inbound(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Client to engine: strict."""


class Outbound(Struct, frozen=True, gc=False, array_like=True):
    """Engine to client: lenient, so that an older client can read a newer engine."""
