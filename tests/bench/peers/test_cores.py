"""The core beside others: the flow is the same for all, and whoever trades otherwise is found out."""

import json
import sys
from pathlib import Path

import pytest

from bench.builds import INTERPRETED, SOURCE
from bench.peers import adapters, command, cores
from bench.peers.adapters import ADAPTERS, Adapter, Call, Named, New
from bench.peers.flow import PeerFlow, peer_flow, trades_of
from bench.peers.plain_book import PlainBook, Trade
from bench.peers.worker import digest, measure, play


@pytest.fixture(scope="module")
def flow() -> PeerFlow:
    return peer_flow("instruments", 7, 4_000)


def _plays(adapter: Adapter, flow: PeerFlow) -> list[Trade] | None:
    adapter.results = [call(*given) for call, given in adapter.calls(flow.before_steps + flow.timed_steps)]
    return adapter.trades()


def test_the_plain_book_trades_as_the_engine_does(flow: PeerFlow) -> None:
    assert len(flow.trades) > 100
    assert _plays(ADAPTERS["plain"](True), flow) == flow.trades


def test_a_build_that_plays_the_same_entries_makes_the_same_trades(flow: PeerFlow) -> None:
    assert trades_of(flow.before, flow.timed) == flow.trades


def test_a_flow_has_whatever_the_engines_are_compared_by(flow: PeerFlow) -> None:
    kinds = [step[0] for step in flow.timed_steps]
    assert len(kinds) == sum(len(entry.commands) for entry in flow.timed)
    assert {"add", "cancel", "replace"} == set(kinds)
    assert any(step[0] == "cancel" and step[3] for step in flow.timed_steps), "none names what is gone"
    assert any(step[0] == "add" and not step[6] for step in flow.timed_steps), "all of them rest"


def test_the_plain_book_trades_by_price_then_time_at_the_price_of_the_maker() -> None:
    traded: list[Trade] = []
    book = PlainBook(traded)
    book.add(1, 2, 102, 5, True)
    book.add(2, 2, 101, 5, True)
    book.add(3, 2, 101, 5, True)
    book.cancel(9)  # what is not there
    book.replace(2, 4, 2, 101, 5)  # goes to the back
    book.add(5, 1, 102, 11, False)
    assert traded == [(3, 5, 101, 5), (4, 5, 101, 5), (1, 5, 102, 1)]
    book.add(6, 1, 103, 9, False)  # takes four, and does not rest
    book.add(7, 2, 90, 1, True)
    assert traded[3:] == [(1, 6, 102, 4)]


class _Backwards(Adapter):
    """Puts every new order at a price of its own liking."""

    package = "nobody's"

    def start(self) -> None:
        self._plain = ADAPTERS["plain"](True)

    def add(self, new: New) -> list[Call]:
        return self._plain.add(new._replace(quantity=new.quantity + 1))

    def cancel(self, named: Named) -> list[Call]:
        return self._plain.cancel(named)

    def trades(self) -> list[Trade] | None:
        return self._plain.trades()


class _Absent(Adapter):
    package = "nobody-s-engine"

    def start(self) -> None:
        raise ImportError("No module named 'nobody'")


def _flow_of(flow: PeerFlow) -> dict[str, object]:
    return {"before": flow.before_steps, "timed": flow.timed_steps}


def test_an_engine_that_trades_otherwise_is_told_from_the_others(
    flow: PeerFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(adapters.ADAPTERS, "backwards", _Backwards)
    expected = digest(flow.trades)
    for name, outcome in (("plain", "same"), ("backwards", "different")):
        told = measure(name, _flow_of(flow), 1)
        core = cores._core(name, [told], [told["ns"][0]], expected)
        assert (core.trades, core.ratio) == (outcome, 1.0)


def test_what_is_not_installed_is_absent(flow: PeerFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(adapters.ADAPTERS, "absent", _Absent)
    assert measure("absent", _flow_of(flow), 1) == {"absent": "nobody-s-engine: No module named 'nobody'"}


@pytest.fixture(params=[name for name in ADAPTERS if name != "plain"])
def installed(request: pytest.FixtureRequest) -> Adapter:
    name: str = request.param
    try:
        adapter = ADAPTERS[name](True)
    except ImportError as error:
        pytest.skip(f"{ADAPTERS[name].package} is not installed: {error}")
    return adapter


def test_other_engines_trade_the_same_where_they_are_installed(installed: Adapter, flow: PeerFlow) -> None:
    assert _plays(installed, flow) in (None, flow.trades)


@pytest.mark.parametrize(("ratio", "outcome"), [(1.58, "reached"), (1.59, "MISSED")])
def test_a_bar_is_a_ratio_to_the_plain_book(ratio: float, outcome: str) -> None:
    core = cores.Core(INTERPRETED, "", [ratio * 500], [ratio], ratio, "same", "")
    [*_, line] = cores.as_text(cores.Compared("touch", 100, 10, [core], []))
    assert line == f"  interpreted / plain: {ratio:.2f}, bar <= 1.58: {outcome}"


def test_the_engine_and_the_plain_book_are_measured_in_processes_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "ADAPTERS", {"plain": ADAPTERS["plain"]})
    kept = tmp_path / "result.json"
    arguments = ["cores", "--flows", "touch", "--commands", "1000", "--repetitions", "1", "--json", str(kept)]
    assert command.main(arguments) == 0
    [found] = json.loads(kept.read_text())["cores"]
    trades = {core["name"]: core["trades"] for core in found["cores"]}
    assert (trades[INTERPRETED], trades["plain"]) == ("same", "same")
    assert all(ns > 0 for core in found["cores"] for ns in core["ns"])
    assert "interpreted / plain: " in capsys.readouterr().out


def test_another_engine_that_fails_is_left_out_and_what_it_said_is_told() -> None:
    told = cores._tried([sys.executable], ["-m", "bench.peers.worker", "plain", "nothing", "1"])()
    assert told["absent"].startswith("failed: ")
    assert "No such file or directory: 'nothing'" in told["absent"]


def test_an_engine_that_fails_says_so() -> None:
    with pytest.raises(cores.WorkerError, match="No such file or directory: 'nothing'"):
        cores._told([sys.executable, "-m", "bench.peers.worker", "plain", "nothing", "1"], SOURCE)


def test_a_flow_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["cores", "--flows", "touhc"]) == 1
    assert "'touhc'" in capsys.readouterr().err


def test_play_makes_the_calls_in_their_order() -> None:
    seen: list[int] = []
    play([(seen.append, (1,)), (seen.append, (2,))])
    assert seen == [1, 2]
