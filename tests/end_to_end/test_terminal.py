"""`carbonmatch watch` and `carbonmatch order` as people use them: in a terminal, against a running engine."""

import asyncio
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode
from tests.end_to_end import market
from tests.end_to_end.running import REPOSITORY, Process, eventually

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command with a terminal of its own, which somebody reads and types into."""

    def __init__(self, *arguments: str, columns: int = 100) -> None:
        self._text = b""
        self._descriptor, inner = pty.openpty()
        environment = {
            **os.environ,
            "PYTHONPATH": str(REPOSITORY / "src"),
            "TERM": "xterm-256color",
            "COLUMNS": str(columns),
            "LINES": "40",
        }
        command = [sys.executable, "-m", "carbonmatch", *arguments]
        self._process = subprocess.Popen(
            command, stdin=inner, stdout=inner, stderr=inner, env=environment, start_new_session=True
        )
        os.close(inner)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, 65_536)
        except OSError:  # whoever had the other end is gone
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._descriptor)
        self._text += data

    @property
    def text(self) -> str:
        return " ".join(_ESCAPES.sub("", self._text.decode(errors="replace")).split())

    async def shows(self, words: str) -> None:
        await eventually(lambda: words in self.text or self._process.poll() is not None)
        await eventually(lambda: words in self.text)

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    async def ended(self) -> int:
        return await asyncio.to_thread(self._process.wait, 20)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
async def engine(process: Process, tmp_path: Path) -> Process:
    """Alice may follow the feed as well; and so may Bob; keys are in files."""
    for name in ("alice", "bob", "feed"):
        trade = f'name = "{name}"\nroles = ["trade"]'
        process.text = process.text.replace(trade, f'name = "{name}"\nroles = ["trade", "market_data"]')
        file = tmp_path / name
        file.write_text(market.private_key(name).hex())
        file.chmod(0o600)
    await process.start()
    return process


def who(engine: Process, tmp_path: Path, name: str) -> list[str]:
    return [
        *("--port", str(engine.order_entry[1]), "--market-data-port", str(engine.market_data[1])),
        *("--key-id", name, "--key-file", str(tmp_path / name), "--session", name),
    ]


def feed(engine: Process, tmp_path: Path) -> list[str]:
    return [
        *("--port", str(engine.market_data[1]), "--key-id", "feed"),
        *("--key-file", str(tmp_path / "feed"), "--session", "feed"),
    ]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Without a terminal, as a script does."""
    return subprocess.run(
        [sys.executable, "-m", "carbonmatch", *arguments],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src"), "COLUMNS": "120"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


async def ordered(*arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(run, "order", *arguments)


async def test_an_order_is_shown_confirmed_and_sent_and_the_ladder_has_it(
    engine: Process, tmp_path: Path
) -> None:
    alice, bob = who(engine, tmp_path, "alice"), who(engine, tmp_path, "bob")
    ladder = Terminal("watch", "EUA", *feed(engine, tmp_path))
    ticket = Terminal("order", "buy", "EUA", "100", "70.00", *alice)
    try:
        await ladder.shows("no trade yet")
        await ticket.shows("send it? [y/N]")
        assert "BUY EUA" in ticket.text
        assert "at most 7,000.00 EUR" in ticket.text
        ticket.type("y\n")
        assert await ticket.ended() == 0
        await ticket.shows("100 rest at 70.00, until the instrument closes")
        sold = await ordered("sell", "EUA", "40", "69.50", "--yes", *bob)
        assert sold.returncode == 0, sold.stderr
        assert "would trade 40 of 40, at 70.00 on average" in sold.stdout
        assert "sold 40 at 70.00, trade 1, 0 left" in sold.stdout
        await ladder.shows("volume 40")
        listed = await ordered("list", *alice)
        assert "1 open orders of alice" in listed.stdout
        (order_id,) = re.findall(r"^\s*(\d+)\s+EUA", listed.stdout, re.MULTILINE)
        gone = await ordered("cancel", order_id, *alice)
        assert gone.stdout == f"order {order_id}: 60 lots canceled\n"
    finally:
        ladder.close()
        ticket.close()


async def test_what_is_not_confirmed_is_not_sent(engine: Process, tmp_path: Path) -> None:
    alice = who(engine, tmp_path, "alice")
    for answer in ("yeah\n", "\x04"):
        ticket = Terminal("order", "buy", "EUA", "100", "70.00", *alice)
        try:
            await ticket.shows("send it? [y/N]")
            ticket.type(answer)
            assert await ticket.ended() == ExitCode.REFUSED
            await ticket.shows("not sent")
        finally:
            ticket.close()
    script = await ordered("buy", "EUA", "100", "70.00", *alice)
    assert script.returncode == ExitCode.REFUSED
    assert "nobody is there to confirm it; --yes sends without asking" in script.stderr
    assert "0 open orders" in (await ordered("list", *alice)).stdout


async def test_all_orders_of_a_session_are_canceled_at_once(engine: Process, tmp_path: Path) -> None:
    alice = who(engine, tmp_path, "alice")
    for price in ("70.00", "69.00"):
        assert (
            await ordered("buy", "EUA", "1", price, "--time-in-force", "gtc", "--yes", *alice)
        ).returncode == 0
    assert (await ordered("cancel-all", *alice)).returncode == ExitCode.REFUSED
    assert (await ordered("cancel-all", "--yes", *alice)).stdout == "2 orders canceled\n"


def errors(engine: Process, tmp_path: Path) -> Iterator[tuple[list[str], str]]:
    """What is asked for, and the words that it ends with."""
    alice, bob = who(engine, tmp_path, "alice"), who(engine, tmp_path, "bob")
    wrong_key = [*alice[:4], "--key-id", "alice", "--key-file", str(tmp_path / "bob"), "--session", "alice"]
    yield (
        ["buy", "CEA", "20", "8.95", "--yes", *alice],
        "refused: OUTSIDE_BAND, a price below or above",
    )
    yield ["sell", "EUA", "20", "--yes", *alice], "refused: NO_PROTECTION_PRICE, a market order that nothing"
    yield ["buy", "ABC", "20", "8.95", "--yes", *alice], "no instrument 'ABC' at 127.0.0.1:"
    yield ["buy", "EUA", "20", "8.957", "--yes", *alice], "'8.957' is no price of EUA, expected one like"
    yield (
        ["buy", "EUA", "20", "8.95", "--yes", *wrong_key],
        "logon refused: the engine does not say",
    )
    yield ["cancel", "77", *bob], "refused: UNKNOWN_ORDER, also an order of somebody else"


async def test_what_goes_wrong_is_said_in_a_line(engine: Process, tmp_path: Path) -> None:
    for arguments, words in errors(engine, tmp_path):
        done = await ordered(*arguments)
        assert done.returncode == ExitCode.REFUSED, arguments
        assert done.stderr.startswith(f"carbonmatch: {words}"), done.stderr
        assert done.stderr.count("\n") == 1


async def test_without_an_engine_it_says_where_there_is_none(engine: Process, tmp_path: Path) -> None:
    alice = who(engine, tmp_path, "alice")
    await engine.stop()
    done = await ordered("buy", "EUA", "20", "8.95", "--yes", *alice)
    address = f"127.0.0.1:{engine.market_data[1]}"
    assert (done.returncode, done.stderr) == (
        ExitCode.REFUSED,
        f"carbonmatch: no engine at {address}: connection refused\n",
    )


async def test_a_ladder_says_when_the_engine_is_gone_and_goes_on_when_it_is_back(
    engine: Process, tmp_path: Path
) -> None:
    ladder = Terminal("watch", "all", *feed(engine, tmp_path))
    try:
        await ladder.shows("continuous")
        await engine.kill()
        await ladder.shows("not current")
        engine.listen_again(engine.addresses)
        await engine.start()
        alice = who(engine, tmp_path, "alice")
        assert (await ordered("buy", "EUA", "123", "70.00", "--yes", *alice)).returncode == 0
        await ladder.shows("123 70.00")
    finally:
        ladder.close()
