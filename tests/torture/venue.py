"""A small venue for the torture: its configuration, its keys, and the engine's process."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import deque
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from carbonmatch.client import Access
from carbonmatch.matching.messages import InstrumentId, SessionId
from carbonmatch.protocol.auth import public_key_of
from carbonmatch.protocol.messages import Role

REPOSITORY: Final = Path(__file__).resolve().parents[2]

INSTRUMENTS: Final = (InstrumentId(1), InstrumentId(2))
MIDDLE_TICKS: Final = 5_000
# The first two sessions act for the same account, so that they cancel each other's orders.
ACCOUNT_OF: Final = {SessionId(1): 1, SessionId(2): 1, SessionId(3): 2, SessionId(4): 3}
TRADERS: Final = tuple(ACCOUNT_OF)
# Whose orders go when they lose their connection, and after how long: here a race with coming back.
_GRACE_MS: Final = {SessionId(3): 0, SessionId(4): 100}
_SPECTATOR: Final = SessionId(9)

_KEY_ID: Final = "torture"
_PRIVATE_KEY: Final = bytes(range(32))

_READY_SECONDS_MAX: Final = 60.0
_STOP_SECONDS_MAX: Final = 30.0
_PR_SET_PDEATHSIG: Final = 1


class Ports(Struct, frozen=True):
    """Where the venue listens, over all its lives: clients come back to the same address."""

    order_entry: int
    market_data: int
    ops: int


def free_ports(random: Random) -> Ports:
    """Three that nobody has now, below those which the kernel gives to connections that go out.

    From among those, a client that comes back while the engine is away could be given the engine's port
    itself, and be connected with nobody but itself.
    """
    found: list[int] = []
    while len(found) < 3:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
    return Ports(*found)


def configuration() -> str:
    """The TOML: two instruments, four traders, one who watches, no throttle."""
    # A machine that is busy killing engines makes orders wait, and a refusal is none of what is tested.
    parts = ["[venue]\norder_wait_ms = 0"]
    parts += [_instrument(number) for number in INSTRUMENTS]
    parts += [_participant(number) for number in sorted(set(ACCOUNT_OF.values()))]
    parts += [_session(number, "trade", f"accounts = [{account}]") for number, account in ACCOUNT_OF.items()]
    parts.append(_session(_SPECTATOR, "market_data", ""))
    parts.append(f'[[keys]]\nid = "{_KEY_ID}"\npublic_key = "{public_key_of(_PRIVATE_KEY).hex()}"')
    return "\n\n".join(parts) + "\n"


def _instrument(number: int) -> str:
    return f"""\
[[instruments]]
id = {number}
symbol = "T-{number}"
currency = "CNY"
tick_value_minor = 1
price_decimals = 2
lot_tonnes = 1
quantity_max_lots = 1000
reference_price_ticks = {MIDDLE_TICKS}
band_low_ticks = {MIDDLE_TICKS * 9 // 10}
band_high_ticks = {MIDDLE_TICKS * 11 // 10}"""


def _participant(number: int) -> str:
    return f"""\
[[participants]]
id = {number}
name = "P-{number}"
accounts = [{{ id = {number}, name = "A-{number}" }}]"""


def _session(number: int, role: str, rest: str) -> str:
    return f"""\
[[sessions]]
id = {number}
name = "S-{number}"
roles = ["{role}"]
key = "{_KEY_ID}"
{rest}""".rstrip()


def trader_access(ports: Ports, session_id: SessionId) -> Access:
    return Access(
        host="127.0.0.1",
        port=ports.order_entry,
        key_id=_KEY_ID,
        private_key=_PRIVATE_KEY,
        session=f"S-{session_id}",
        cancel_on_disconnect=session_id in _GRACE_MS,
        grace_ms=_GRACE_MS.get(session_id, 0),
    )


def spectator_access(ports: Ports) -> Access:
    return Access(
        host="127.0.0.1",
        port=ports.market_data,
        key_id=_KEY_ID,
        private_key=_PRIVATE_KEY,
        session=f"S-{_SPECTATOR}",
        role=Role.MARKET_DATA,
    )


class EngineFailed(Exception):
    """The engine did not start, or ended by itself."""


class EngineProcess:
    """`python -m carbonmatch serve` on one directory, started and killed again and again."""

    def __init__(self, directory: Path, ports: Ports) -> None:
        self.directory = directory
        self.journal = directory / "journal"
        self.ports = ports
        # What the present life has said; its ready line wakes `ready`.
        self.events: dict[str, dict[str, Any]] = {}
        # Whether any life so far has refused new orders because of its disk.
        self.was_degraded = False
        self._config = directory / "venue.toml"
        self._config.write_text(configuration())
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._log = (directory / "engine.log").open("ab")
        self._said: deque[str] = deque(maxlen=40)

    async def start(self, *command: str) -> None:
        """Start a process, which is not ready yet. `command` stands for `-m carbonmatch`."""
        assert self._process is None, "one life at a time"
        ports = self.ports
        self._ready.clear()
        self.events.clear()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(command or ("-m", "carbonmatch")),
            "serve",
            *("--config", str(self._config)),
            *("--data-dir", str(self.journal)),
            *("--order-entry", f"127.0.0.1:{ports.order_entry}"),
            *("--market-data", f"127.0.0.1:{ports.market_data}"),
            *("--ops", f"127.0.0.1:{ports.ops}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(REPOSITORY / "src"), str(REPOSITORY)])},
            preexec_fn=_die_with_parent,
        )
        self._listening = asyncio.create_task(self._listen(self._process))

    async def ready(self) -> None:
        """Return once it listens; raise EngineFailed where it ends before."""
        async with asyncio.timeout(_READY_SECONDS_MAX):
            await self._ready.wait()
        if "ready" not in self.events:
            raise EngineFailed(f"the engine did not start:\n{self.last_words()}")

    async def kill(self) -> None:
        """As the kernel kills: nothing is closed, nothing is said."""
        self.signal(signal.SIGKILL)
        await self.wait()

    async def stop(self) -> None:
        """In order; raise EngineFailed where that does not end with 0."""
        self.signal(signal.SIGTERM)
        status = await self.wait()
        if status != 0:
            raise EngineFailed(f"a stop ended with {status}:\n{self.last_words()}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.returncode is None:
            # Not `send_signal`: it collects a process that has just ended, whose status is then lost to us.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    async def ended(self) -> None:
        """Return when it has ended by itself or by a signal; `wait` tells how."""
        assert self._process is not None
        await self._process.wait()

    async def wait(self) -> int:
        """The exit status, once it has ended."""
        assert self._process is not None
        assert self._listening is not None
        async with asyncio.timeout(_STOP_SECONDS_MAX):
            status = await self._process.wait()
            await self._listening
        self._process = None
        return status

    async def __aenter__(self) -> "EngineProcess":
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None:
            await self.kill()
        self._log.close()

    def last_words(self) -> str:
        return "\n".join(self._said)

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            self._log.write(line)
            text = line.decode(errors="replace").rstrip()
            self._said.append(text)
            if text.startswith("{"):
                event: dict[str, Any] = json.loads(text)
                self.events[event["event"]] = event
                if event["event"] == "ready":
                    self._ready.set()
                elif event["event"] == "state_changed":
                    self.was_degraded = True
        self._log.flush()
        # Whoever waits for a life that has ended finds no ready line.
        self._ready.set()


def _die_with_parent() -> None:
    """In the child: no engine outlives a torture that is killed itself."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
