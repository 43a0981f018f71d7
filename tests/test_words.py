import pytest

from carbonmatch.words import price_text, printable, utc_text


def test_a_price_is_written_in_its_currency() -> None:
    assert price_text(4805, 2) == "48.05"
    assert price_text(5, 2) == "0.05"
    assert price_text(48, 0) == "48"
    assert price_text(10**9, 2) == "10000000.00"


def test_a_time_keeps_its_nanoseconds() -> None:
    assert utc_text(0) == "1970-01-01T00:00:00.000000000Z"
    assert utc_text(1_795_397_400_000_000_007) == "2026-11-23T01:30:00.000000007Z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("halted: 停牌, Größe\u3000✓", "halted: 停牌, Größe\u3000✓"),
        ("a\x1b[2Jb\r\n\t\x7f", "a\\x1b[2Jb\\r\\n\\t\\x7f"),
        # CSI in one character, and what turns the direction of writing, or is not seen.
        ("\x9b31m", "\\x9b31m"),
        ("\u202e\u2066\u200b\ufeff\U000e0041", "\\u202e\\u2066\\u200b\\ufeff\\U000e0041"),
        ("one\u2028two\u2029", "one\\u2028two\\u2029"),
        ("\ud800", "\\ud800"),
    ],
)
def test_what_would_steer_a_terminal_is_shown_and_does_nothing(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert printable(shown) == shown
