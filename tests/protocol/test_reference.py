"""proto/MESSAGES.md says what the code says."""

from typing import get_args

import pytest
from msgspec import Struct

from carbonmatch.protocol import reference
from tests.protocol.vectors import PROTO

KINDS = [kind for _, union in reference.SECTIONS for kind in get_args(union)] + list(reference.STRUCTURES)


def test_the_page_is_the_one_that_the_code_makes() -> None:
    page = (PROTO / "MESSAGES.md").read_text()
    assert page == reference.page(), "run: python -m carbonmatch.protocol.reference > proto/MESSAGES.md"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.__name__))
def test_every_field_has_a_meaning(kind: type[Struct]) -> None:
    for name in kind.__struct_fields__:
        assert reference.meaning(kind, name), f"{kind.__name__}.{name} needs a comment at it"


def test_every_reason_has_a_meaning() -> None:
    for enum in reference.ENUMS:
        if enum.__name__.endswith("Reason"):
            for name in enum.__members__:
                assert reference.meaning(enum, name), f"{enum.__name__}.{name} needs a comment at it"


def test_no_meaning_is_kept_for_a_field_that_is_gone() -> None:
    assert set(reference.GLOSSARY) <= {name for kind in KINDS for name in kind.__struct_fields__}


def test_every_link_leads_somewhere() -> None:
    page = reference.page()
    headings = {
        line.lstrip("#").strip().lower().replace(" ", "-") for line in page.split("\n") if "# " in line
    }
    links = {part.split(")")[0] for part in page.split("](#")[1:]}
    assert links <= headings
