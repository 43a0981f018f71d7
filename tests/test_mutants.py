"""The verdict of `make mutants`: what was noticed, of what was tried."""

import pytest

from tests import mutants


def results(killed: int, survived: int, *further: str) -> list[str]:
    """Lines as mutmut prints them."""
    name = "    carbonmatch.matching.stops.x_fire_reached__mutmut_"
    ends = ["killed"] * killed + ["survived"] * survived + list(further)
    return ["header\n", *(f"{name}{number}: {end}\n" for number, end in enumerate(ends, 1))]


def test_nine_of_ten_are_enough_and_fewer_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(results(9, 1)) == 0
    assert "stops: 9 of 10 mutants killed, 90.0%" in capsys.readouterr().out
    assert mutants.main(results(8, 1)) == 1


def test_what_hangs_or_crashes_the_tests_was_noticed() -> None:
    assert mutants.main(results(0, 0, "timeout", "segfault")) == 0
    assert mutants.main(results(0, 0, "timeout", "no tests")) == 1


def test_what_was_not_tried_does_not_count_and_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(results(9, 1, "not checked", "not checked")) == 0
    assert "not tried: 2 mutants of stops" in capsys.readouterr().out
    assert mutants.main(results(0, 0, "not checked")) == 1


def test_a_method_counts_for_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert mutants.main(["carbonmatch.matching.book.xǁLadderǁrest__mutmut_3: killed"]) == 0
    assert "book: 1 of 1" in capsys.readouterr().out
