"""The bench of the kill switch, small: all orders go and come again."""

import pytest

from bench import kill


def test_every_round_pulls_all_orders(capsys: pytest.CaptureFixture[str]) -> None:
    assert kill.main(["--orders", "80", "--rounds", "2"]) == 0
    assert capsys.readouterr().out.startswith("80 orders pulled by one command: median ")
