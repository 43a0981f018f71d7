"""proto/ says what the code says: pages and files for programs are those that the code makes."""

import json
from typing import Any

import pytest
from msgspec import Struct

from carbonmatch.protocol.messages import PROTOCOL_VERSION
from carbonmatch.protocol.reference import files, kinds
from carbonmatch.protocol.reference.definitions import definitions
from carbonmatch.protocol.reference.fields import fields_of
from carbonmatch.protocol.reference.glossary import GLOSSARY
from carbonmatch.protocol.reference.page import page
from tests.protocol.vectors import PROTO

KINDS = [*kinds.messages(), *kinds.structures()]
NAMED = {kind.__name__: kind for kind in KINDS}


@pytest.mark.parametrize("path", files.PATHS)
def test_what_is_made_is_what_the_code_makes(path: str) -> None:
    assert (PROTO / path).read_text() == files.made(PROTO, path), (
        "run: python -m carbonmatch.protocol.reference proto"
    )


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_field_has_a_meaning(kind: type[Struct]) -> None:
    for name in kind.__struct_fields__:
        assert kinds.meaning(kind, name), f"{kind.__name__}.{name} needs a comment at it"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_quantity_price_and_time_has_a_unit(kind: type[Struct]) -> None:
    for field in fields_of(kind):
        is_measured = field.name.rpartition("_")[2] in ("ticks", "lots", "ns", "ms", "us", "minor", "points")
        assert bool(field.unit) or not is_measured, f"{kind.__name__}.{field.name}"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_integer_has_bounds(kind: type[Struct]) -> None:
    for field in fields_of(kind):
        inner = field.type.item or field.type
        assert inner.kind != "integer" or (inner.low is not None and inner.high is not None)


def test_every_reason_has_a_meaning() -> None:
    for enum in kinds.enums():
        if enum.__name__.endswith("Reason"):
            for name in enum.__members__:
                assert kinds.meaning(enum, name), f"{enum.__name__}.{name} needs a comment at it"


def test_no_meaning_is_kept_for_a_field_that_is_gone() -> None:
    assert set(GLOSSARY) <= {name for kind in KINDS for name in kind.__struct_fields__}


def test_what_came_later_exists_and_may_be_left_out() -> None:
    enums = {kind.__name__: kind for kind in kinds.enums()}
    for what, version in kinds.SINCE.items():
        assert 1 < version <= PROTOCOL_VERSION
        name, _, part = what.partition(".")
        if name in enums:
            assert not part or part in enums[name].__members__
        elif part:
            assert not {field.name: field for field in fields_of(NAMED[name])}[part].required
        else:
            assert name in NAMED


def test_every_link_leads_somewhere() -> None:
    headings = {
        line.lstrip("#").strip().lower().replace(" ", "-") for line in page().split("\n") if "# " in line
    }
    links = {part.split(")")[0] for part in page().split("](#")[1:]}
    assert links <= headings


def test_what_programs_read_has_every_name_that_it_uses() -> None:
    read = json.loads((PROTO / "messages.json").read_text())
    assert read == json.loads(json.dumps(definitions()))
    tags = [message["tag"] for message in read["messages"].values()]
    assert len(set(tags)) == len(tags) == len(kinds.messages())
    for kind in (*read["messages"].values(), *read["structures"].values()):
        for field in kind["fields"]:
            assert field.get("bits", "OrderFlag") in read["bits"]
            assert set(names_of(field)) <= {*read["messages"], *read["structures"], *read["enums"]}


def names_of(field: dict[str, Any]) -> list[str]:
    of = field.get("of", [])
    return (of if isinstance(of, list) else [of]) + (names_of(field["item"]) if "item" in field else [])
