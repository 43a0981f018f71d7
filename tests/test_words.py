from carbonmatch.words import price_text, utc_text


def test_a_price_is_written_in_its_currency() -> None:
    assert price_text(4805, 2) == "48.05"
    assert price_text(5, 2) == "0.05"
    assert price_text(48, 0) == "48"
    assert price_text(10**9, 2) == "10000000.00"


def test_a_time_keeps_its_nanoseconds() -> None:
    assert utc_text(0) == "1970-01-01T00:00:00.000000000Z"
    assert utc_text(1_795_397_400_000_000_007) == "2026-11-23T01:30:00.000000007Z"
