"""The pictures in proto/SESSION.md, played to a running engine: what they show is what comes."""

import re
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from carbonmatch.protocol.codec import decode_copies, decode_feed, decode_reports
from carbonmatch.protocol.messages import Logon, Role
from carbonmatch.protocol.reference import kinds
from carbonmatch.protocol.reference.fields import Field, fields_of
from tests.end_to_end import market
from tests.end_to_end.market import EUA
from tests.end_to_end.running import REPOSITORY, Process
from tests.end_to_end.wire import Wire

PAGE = (REPOSITORY / "proto" / "SESSION.md").read_text()
PICTURES = [block.partition("```")[0] for block in PAGE.split("```mermaid\nsequenceDiagram\n")[1:]]
KINDS = {kind.__name__: kind for kind in kinds.on_the_wire()}
NUMBERS = {kind.__name__: kinds.numbers_of(kind) for kind in kinds.enums()}
_ARROW = re.compile(r"(\w+)(->>|--x)(\w+): (\w+) ?(.*)")


def title(picture: str) -> str:
    before = PAGE.partition(picture)[0]
    return before.rpartition("\n## ")[2].partition("\n")[0]


def number(field: Field, word: str) -> Any:
    if field.type.kind == "enum":
        return NUMBERS[field.type.of[0]][word]
    if field.type.kind == "array":
        return [int(word)]
    return int(word) if field.type.kind == "integer" else word


def said(kind: type[Struct], text: str) -> dict[str, Any]:
    """`ref 1, side BUY`: the fields that an arrow names."""
    by_name = {field.name: field for field in fields_of(kind)}
    pairs = [part.split(" ") for part in text.split(", ")] if text else []
    return {name: number(by_name[name], word) for name, word in pairs}


def built(kind: type[Struct], given: dict[str, Any]) -> Any:
    """The message that an arrow to the engine means; all are about one instrument."""
    given = {"instrument_id": int(EUA)} | given
    values: list[Any] = [kinds.tag_of(kind)]
    for field in fields_of(kind):
        if field.name not in given and not field.required:
            given[field.name] = msgspec.to_builtins(field.default)
        values.append(given.get(field.name, 0))
    return msgspec.convert(values, kind)


class Player:
    """Goes through a picture: does what its clients do, and demands what the engine does."""

    def __init__(self, process: Process, connections: AsyncExitStack) -> None:
        self.process = process
        self.connections = connections
        self.wires: dict[str, Wire] = {}
        self.unread: dict[str, list[Any]] = {}

    async def line(self, line: str) -> None:
        if line.startswith("participant"):
            return
        if line == "Note over alice,engine: the connection is lost":
            self.wires["alice"].abort()
            return
        if line == "Note over engine: killed, and started again":
            await self.process.kill()
            self.process.listen_again(self.process.addresses)
            await self.process.start()
            return
        arrow = _ARROW.fullmatch(line)
        assert arrow, line
        source, kind_of_arrow, target, name, text = arrow.groups()
        if source == "engine":
            await self.hears(target, KINDS[name], text)
        elif kind_of_arrow == "->>":
            self.says(source, KINDS[name], text)

    async def hears(self, client: str, kind: type[Struct], text: str) -> None:
        """Also what is lost on the way (`--x`) is sent; the client of the test may look at it."""
        if kind.__name__ == "Challenge":
            role = market.role_of(client.replace("_", "-"))
            listener = {Role.MARKET_DATA: "market_data", Role.DROP_COPY: "drop_copy"}.get(role, "order_entry")
            wire = await self.connections.enter_async_context(Wire.open(getattr(self.process, listener)))
            self.wires[client], self.unread[client] = wire, []
            return
        unread = self.unread[client]
        if not unread:
            unread += await self.wires[client].frame()
        message = unread.pop(0)
        assert type(message) is kind, message
        fields = dict(zip(kind.__struct_fields__, msgspec.to_builtins(message)[1:], strict=True))
        expected = said(kind, text)
        assert {name: fields[name] for name in expected} == expected

    def says(self, client: str, kind: type[Struct], text: str) -> None:
        wire = self.wires[client]
        given = said(kind, text)
        if kind is Logon:
            session = given.get("session", client)
            role = Role(given["role"]) if "role" in given else market.role_of(session)
            decoders = {Role.MARKET_DATA: decode_feed, Role.DROP_COPY: decode_copies}
            wire._decode = decoders.get(role, decode_reports)
            wire.send(wire.logon(session, given["next_seq"], role=role))
        else:
            wire.send(built(kind, given))


@pytest.mark.parametrize("picture", PICTURES, ids=title)
async def test_a_picture_is_what_happens(picture: str, process: Process) -> None:
    await process.start()
    async with AsyncExitStack() as connections:
        player = Player(process, connections)
        for line in picture.strip().splitlines():
            await player.line(line.strip())
        assert not any(player.unread.values()), "and nothing else comes"


def test_the_page_has_pictures_of_what_matters() -> None:
    assert len(PICTURES) >= 9
    names = {
        line.strip().split(": ")[1].split(" ")[0]
        for picture in PICTURES
        for line in picture.splitlines()
        if ">>" in line
    }
    assert {"Logon", "LogonRejected", "Executed", "SessionRejected", "Copied", "LevelUpdate"} <= names
