"""A configuration with more in it than one batch holds."""

from pathlib import Path

from msgspec import structs

from carbonmatch.config import Account
from carbonmatch.matching.messages import AccountId
from tests.end_to_end.running import Venue


async def test_a_venue_may_have_more_accounts_than_a_record_counts_commands(tmp_path: Path) -> None:
    venue = Venue(tmp_path / "journal")
    config = venue.service.config
    many = tuple(Account(id=AccountId(number), name=f"A{number}") for number in range(1_000, 70_000))
    participant = structs.replace(config.participants[0], accounts=config.participants[0].accounts + many)
    venue.service.config = structs.replace(config, participants=(participant, *config.participants[1:]))
    await venue.start()
    assert len(venue.engine.accounts) > 2**16
    await venue.stop()
