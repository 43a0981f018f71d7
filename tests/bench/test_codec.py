"""The bench of the codec: it decodes and encodes what the engine does, and its yardsticks carry the same."""

import json
from pathlib import Path

import pytest
from msgspec import Struct

from bench import codec
from carbonmatch.protocol.codec import decode_client_frame, decode_feed, decode_reports, encode
from carbonmatch.protocol.messages import LevelUpdate, Trade


@pytest.mark.parametrize("message", codec.INBOUND, ids=lambda one: type(one).__name__)
def test_what_is_decoded_is_what_the_engine_takes(message: Struct) -> None:
    assert decode_client_frame(encode([message])) == [message]


@pytest.mark.parametrize("message", codec.OUTBOUND, ids=lambda one: type(one).__name__)
def test_what_is_encoded_is_what_clients_know(message: Struct) -> None:
    payload = encode([message])
    decode = decode_feed if type(message) in (LevelUpdate, Trade) else decode_reports
    assert decode(payload) == [message]


def test_costs_are_those_of_a_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "result.json"
    assert codec.main(["--messages", "64", "--rounds", "1", "--json", str(kept)]) == 0
    found = json.loads(kept.read_text())
    assert [(one["what"], one["message"]) for one in found] == [
        *(("decode", name) for name in ("NewOrder", "Cancel", "Replace")),
        *(("encode", name) for name in ("Accepted", "Executed", "Canceled", "LevelUpdate", "Trade")),
    ]
    assert all(one["single_ns"] > 0 and one["list_ns"] > 0 for one in found)
    # Sixty-four of them share one head.
    assert all(one["frame_bytes"][1] < 64 * one["frame_bytes"][0] for one in found)
    assert "decode NewOrder" in capsys.readouterr().out


def test_a_call_of_many_messages_is_made_as_often_as_they_need() -> None:
    calls: list[int] = []
    codec._cost(codec.INBOUND[0], "decode", [(lambda: calls.append(1), 64)] * 4, (1, 2), 640, 1)
    assert len(calls) == 4 * 10
