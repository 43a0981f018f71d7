"""The measurements of hostile clients: that they measure, and what their figures mean."""

import numpy as np

from bench.hostile.command import ATTACKS, main
from bench.hostile.open_load import _due
from bench.hostile.overload import _recovered_seconds, measure


def test_every_attack_is_named(capsys: object) -> None:
    assert main(["--help"]) == 0
    assert main(["nonsense"]) == 2
    assert set(ATTACKS) == {"flood", "overload", "subscribers", "pull"}


def test_a_light_load_is_answered_and_none_of_it_refused() -> None:
    figures = measure(rated=800, times=1, seconds=0.25)
    assert (figures.unanswered, figures.offered_per_second) == (0, 800)
    assert figures.orders_p50 > 0


def test_each_session_gets_as_many_commands_and_rates_follow_each_other() -> None:
    due_ns = _due([(1_000, 0.1), (100, 1.0)], sessions=2)
    assert len(due_ns) == 200
    assert (due_ns[0], due_ns[99], due_ns[100], due_ns[101]) == (0, 99_000_000, 100_000_000, 110_000_000)


def test_it_has_recovered_after_the_last_window_in_which_much_went_wrong() -> None:
    since_ns = np.arange(1_000) * 1_000_000
    bad = np.zeros(1_000, bool)
    assert _recovered_seconds(since_ns, bad) == 0.0
    bad[150:160] = True
    bad[900] = True  # one of a hundred is no more than that
    assert _recovered_seconds(since_ns, bad) == 0.2
