"""What a snapshot keeps of what operators have done to sessions and to the configuration."""

from msgspec import Struct

from carbonmatch.matching.messages import SessionId
from carbonmatch.matching.steering.amended import Amended, AmendedKey
from carbonmatch.matching.venue import Venue


class SteeringState(Struct, frozen=True, gc=False, array_like=True, forbid_unknown_fields=True):
    """Field order is byte order."""

    banned: list[tuple[SessionId, int]]  # in the order of their numbers
    amendments: list[tuple[AmendedKey, Amended]]  # in the order of kinds and names


def saved_steering(venue: Venue) -> SteeringState:
    return SteeringState(sorted(venue.banned.items()), sorted(venue.amendments.items()))


def restore_steering(venue: Venue, kept: SteeringState) -> None:
    venue.banned.update(kept.banned)
    venue.amendments.update(kept.amendments)
