"""Alerts about days, clocks, certificates and companions of the engine, as alerts_live has them."""

import asyncio
import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from carbonmatch.client.admin_days import Answer, confirm, end
from carbonmatch.journal.storage import DiskStorage
from carbonmatch.matching.messages import Phase, Ref, Resume, SetPhase
from tests import certificates
from tests.certificates import Authority
from tests.deploy.causes import caused, operate
from tests.deploy.fanout import FanoutProcess
from tests.deploy.observed import Observed, observed
from tests.deploy.odd_clock import set_clock
from tests.deploy.prometheus import Prometheus
from tests.deploy.short import shortened
from tests.end_to_end.following import FollowerProcess
from tests.end_to_end.market import CEA, EUA
from tests.end_to_end.running import Process, eventually
from tests.end_to_end.test_schedules import now, scheduled
from tests.server.journaled import Journaled, batches, world

YESTERDAY: Final = int(f"{datetime.now(UTC) - timedelta(days=1):%Y%m%d}")


class Office:
    """The files of a venue that settles its days, shows a certificate, and has a clock of its own."""

    def __init__(self, directory: Path) -> None:
        self.settlement = directory / "settlement"
        self.clock = directory / "clock"
        self.certificate = directory / "shown.pem"
        self.key = directory / "shown.key"
        self._authority = Authority(directory)
        set_clock(self.clock)
        self.certify(datetime(2069, 1, 1, tzinfo=UTC))

    def certify(self, expires: datetime) -> None:
        """A new certificate where the old one was."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(certificates, "EXPIRES", expires)
            certificate, key = self._authority.certify("venue")
        shutil.move(certificate, self.certificate)
        shutil.move(key, self.key)

    def process(self, at: Path) -> Process:
        one = Process(at / "journal", at / "engine")
        one.program = ["-m", "tests.deploy.odd_clock", str(self.clock)]
        one.text += f"""
[settlement]
directory = "{self.settlement}"

[tls.drop_copy]
certificate = "{self.certificate}"
key = "{self.key}"
"""
        one.text = one.text.replace('symbol = "CEA"\n', 'symbol = "CEA"\nprices = { stale_alert_days = 1 }\n')
        return one


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Office:
    return Office(tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory, office: Office) -> Iterator[Observed]:
    with observed(tmp_path_factory.mktemp("venue"), rules=shortened, process=office.process) as one:
        one.load.disturbed = True
        yield one


def test_a_day_that_is_not_settled(venue: Observed, office: Office) -> None:
    prometheus = venue.prometheus
    access = venue.engine.session("operator")._access
    settlement = ("CarbonmatchSettlementFileMissing", "CarbonmatchSettlementUnconfirmed")
    with caused(venue, "CarbonmatchStaleReference", *settlement):
        office.settlement.write_text("in the way")
        for instrument in (EUA, CEA):
            operate(venue, SetPhase(Ref(0), instrument, Phase.CLOSED))
        asyncio.run(end(access, YESTERDAY, (), "over", dry_run=False))
        prometheus.until_fires("CarbonmatchSettlementFileMissing")
        assert prometheus.until_fires("CarbonmatchStaleReference").labels["instrument"] == "CEA"
        office.settlement.unlink()
        prometheus.until_clear("CarbonmatchSettlementFileMissing", 60)
        prometheus.until_fires("CarbonmatchSettlementUnconfirmed", 60)
        sent = (office.settlement / f"settlement-{YESTERDAY}-1.csv").read_bytes()
        answer = Answer(YESTERDAY, 1, hashlib.sha256(sent).hexdigest())
        asyncio.run(confirm(access, answer, sent))
        for instrument in (EUA, CEA):
            operate(venue, Resume(Ref(0), instrument))


def test_a_certificate_that_expires(venue: Observed, office: Office) -> None:
    with caused(venue, "CarbonmatchCertificateExpires"):
        office.certify(datetime.now(UTC) + timedelta(days=7))
        asyncio.run(venue.engine.reload(venue.engine.text, "reloaded"))
        venue.prometheus.until_fires("CarbonmatchCertificateExpires")
        office.certify(datetime(2069, 1, 1, tzinfo=UTC))
        asyncio.run(venue.engine.reload(venue.engine.text, "reloaded"))


def test_a_clock_that_nobody_keeps_right(venue: Observed, office: Office) -> None:
    with caused(venue, "CarbonmatchClockNotSynced"):
        set_clock(office.clock, synchronized=False)
        venue.prometheus.until_fires("CarbonmatchClockNotSynced")
        set_clock(office.clock)


def test_a_clock_that_is_set_back(venue: Observed, office: Office) -> None:
    with caused(venue, "CarbonmatchClockSetBack"):
        set_clock(office.clock, behind_seconds=3600)
        venue.prometheus.until_fires("CarbonmatchClockSetBack")
        set_clock(office.clock)


def test_a_schedule_that_does_not_go_on(tmp_path: Path) -> None:
    """By a clock that is an hour behind everybody else's."""
    clock = tmp_path / "clock"
    set_clock(clock, behind_seconds=3600)

    def process(at: Path) -> Process:
        one = Process(at / "journal", at / "engine")
        one.program = ["-m", "tests.deploy.odd_clock", str(clock)]
        one.text = scheduled(now() - 4000, continuous=0, closed=2000)
        return one

    with observed(tmp_path, rules=shortened, process=process) as one:
        one.load.disturbed = True
        alert = one.prometheus.until_fires("CarbonmatchPhaseOverdue")
        assert alert.labels["instrument"] == "EUA"
        set_clock(clock)
        one.prometheus.until_clear("CarbonmatchPhaseOverdue")


def test_a_fan_out_without_an_engine_and_a_fan_out_that_is_gone(venue: Observed, tmp_path: Path) -> None:
    fanout = FanoutProcess(venue.engine, tmp_path)
    try:
        with caused(venue, "CarbonmatchFanoutNotFollowing", "CarbonmatchFanoutDown"):
            venue.prometheus.target("fanout", [fanout.start()])
            venue.prometheus.until_some("carbonmatch_fanout_following == 1")
            asyncio.run(venue.engine.kill())
            venue.prometheus.until_fires("CarbonmatchFanoutNotFollowing")
            venue.start_engine_again()
            venue.prometheus.until_clear("CarbonmatchFanoutNotFollowing")
            fanout.kill()
            venue.prometheus.until_fires("CarbonmatchFanoutDown")
            venue.prometheus.target("fanout", [fanout.start()])
        venue.prometheus.target("fanout", [])
    finally:
        fanout.kill()


def test_a_follower_that_diverges(tmp_path: Path) -> None:
    """On a journal that somebody has changed, checksums and all."""
    prometheus = Prometheus(tmp_path / "prometheus", {}, shortened)
    follower = FollowerProcess(tmp_path / "journal", tmp_path / "follower.log")
    follower.directory.mkdir()
    forged(follower.directory)
    try:
        follower.spawn()
        asyncio.run(diverged(follower))
        prometheus.target("follower", [follower.events("ready")[0]["ops"]])
        prometheus.start()
        prometheus.until_fires("CarbonmatchFollowerDiverged")
        assert asyncio.run(follower.wait()) == 66
        prometheus.until_fires("CarbonmatchFollowerDown")
        # What it said is remembered for as long as the window of the alert is.
        prometheus.until_clear("CarbonmatchFollowerDiverged", 60)
    finally:
        follower.clean_up()
        prometheus.stop()


def forged(directory: Path) -> None:
    venue = Journaled(DiskStorage(directory), 1 << 20)
    entries = world(3, 600)
    wrong = next(entry for entry in entries[60:] if entry.session_id)
    for batch in batches(entries, 3):
        venue.batch(batch, forge=wrong.first_sequence if wrong in batch else 0)
    venue.writer.seal()


async def diverged(follower: FollowerProcess) -> None:
    await eventually(lambda: bool(follower.events("diverged")))
