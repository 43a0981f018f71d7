"""The bench of auctions: it carries out what it says, with and without owners that meet themselves."""

import json

import pytest

from bench.auction import KINDS, main, measure


@pytest.mark.parametrize("kind", KINDS)
def test_an_auction_is_carried_out_whole(kind: str) -> None:
    found = measure(7, 640, KINDS[kind], runs=1)
    assert found["orders"] == 640
    assert found["trades"] > 50
    assert 0 < found["open_orders"] < 640
    assert found["uncross_ms"] >= found["longest_entry_ms"] > 0


def test_the_result_is_told_in_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--orders", "128", "--runs", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["apart"]["orders"] == 128
