import logging

import pytest

from carbonmatch.config import Config, ConfigError, parse
from carbonmatch.demo_market import demo_config
from carbonmatch.ops.host import ALLOW_OLD_PYTHON, ALLOW_OLD_PYTHON_VARIABLE, check_host, python_problem

OLD, NEW = (3, 12, 8), (3, 12, 9)


def exposed(listener: str = "order_entry") -> Config:
    text = f'[listen]\n{listener} = "0.0.0.0:7499"\ninsecure_plaintext = true\n'
    return parse(text, "exposed.toml")


def events(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.msg for record in caplog.records]


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ((3, 11, 4), "3.11.5"),
        ((3, 11, 5), None),
        ((3, 12, 8), "3.12.9"),
        ((3, 12, 9), None),
        ((3, 13, 1), "3.13.2"),
        ((3, 13, 2), None),
        ((3, 14, 0), None),
    ],
)
def test_patches_with_known_holes_are_named(version: tuple[int, int, int], expected: str | None) -> None:
    problem = python_problem(version)
    assert problem is None if expected is None else problem is not None and expected in problem


@pytest.mark.parametrize("listener", ["order_entry", "market_data", "drop_copy", "ops"])
def test_an_old_python_is_not_let_near_a_network(listener: str) -> None:
    with pytest.raises(ConfigError, match=r"Python 3\.12\.8 .* at least 3\.12\.9: .*ALLOW_OLD_PYTHON"):
        check_host(exposed(listener), {}, OLD, 1_000)
    check_host(exposed(), {}, NEW, 1_000)


def test_on_loopback_it_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    check_host(demo_config(), {}, OLD, 1_000)
    assert events(caplog) == ["old_python"]


def test_whoever_accepts_the_risk_says_so_in_words_and_the_log_does_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    with pytest.raises(ConfigError):
        check_host(exposed(), {ALLOW_OLD_PYTHON_VARIABLE: "1"}, OLD, 1_000)
    check_host(exposed(), {ALLOW_OLD_PYTHON_VARIABLE: ALLOW_OLD_PYTHON}, OLD, 1_000)
    assert events(caplog) == ["old_python"]


def test_root_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    check_host(demo_config(), {}, NEW, 0)
    assert events(caplog) == ["running_as_root"]
