"""proto/README.md and FEED.md: what they list is all there is, since readers in other languages go by it."""

import json
import re
from enum import IntEnum
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from carbonmatch.matching.messages import AnyReport, CancelReason, RejectReason
from carbonmatch.protocol.messages import FeedOutbound, LogoutReason

PROTO = Path(__file__).parents[2] / "proto"


def section(title: str) -> str:
    _, _, rest = (PROTO / "README.md").read_text().partition(f"\n## {title}\n")
    assert rest, f"a section {title}"
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("name", sorted(kind.__name__ for kind in get_args(FeedOutbound)))
def test_every_message_of_the_feed_is_named_where_the_feed_is_explained(name: str) -> None:
    assert name in (PROTO / "FEED.md").read_text()


@pytest.mark.parametrize("name", sorted(kind.__name__ for kind in get_args(AnyReport)))
def test_of_every_report_the_guide_says_whose_copy_it_is_in(name: str) -> None:
    assert name in section("Drop copies").replace(",", " ").replace(")", " ").replace("(", " ").split()


def nils(value: Any) -> int:
    return sum(map(nils, value)) if isinstance(value, list) else value is None


@pytest.mark.parametrize("file", ["session", "commands", "reports", "copies", "feed"])
def test_there_is_no_nil_on_the_wire_but_in_a_definition(file: str) -> None:
    vectors = json.loads((PROTO / "vectors" / f"{file}.json").read_text())["vectors"]
    with_nil = {
        vector["name"] for vector in vectors if nils(msgspec.msgpack.decode(bytes.fromhex(vector["hex"])))
    }
    assert with_nil == ({"Instrument"} if file == "feed" else set())


@pytest.mark.parametrize(
    "enum", [RejectReason, CancelReason, LogoutReason], ids=lambda enum: str(enum.__name__)
)
def test_every_reason_is_told_on_a_page_where_it_is_explained(enum: type[IntEnum]) -> None:
    pages = " ".join(page.read_text() for page in PROTO.glob("*.md") if page.name != "MESSAGES.md")
    words = set(re.findall(r"[A-Z_]+", pages))
    assert set(enum.__members__) - words == set()
