"""A real Prometheus in a process of its own, configured as shipped but for where and how often it looks."""

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

import pytest
import yaml

SHIPPED: Final = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"
SCRAPE_INTERVAL: Final = "250ms"

# What a busy machine takes for a start, or a scrape and an evaluation. A test that is well waits far less.
SECONDS_MAX: Final = 30.0
_LOOK_SECONDS: Final = 0.05
_ANSWER_SECONDS_MAX: Final = 10.0

_Result = TypeVar("_Result")


def until(condition: Callable[[], _Result | None], what: str, seconds: float = SECONDS_MAX) -> _Result:
    """The first result of `condition` that is true; AssertionError where there is none in time."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}; found {found!r}"
        time.sleep(_LOOK_SECONDS)
    return found


def program(name: str) -> str:
    """The path of a program of Debian's package `prometheus`; skips the test where it is not there."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"no {name}: what is tried against a real Prometheus is not (Debian package prometheus)")
    return found


class Series(NamedTuple):
    """One element of an instant vector."""

    labels: Mapping[str, str]
    value: float


class Alert(NamedTuple):
    """An alert that waits for its duration (pending), or has waited (firing)."""

    name: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]


class PrometheusError(Exception):
    """It did not take a query; the text is its own."""


class Prometheus:
    """Invariant: between `start` and `stop` the process runs, listening on a free port of loopback."""

    def __init__(
        self,
        directory: Path,
        targets: Mapping[str, Sequence[str]],
        rewritten: Callable[[str], str] = lambda rules: rules,
    ) -> None:
        """`targets`: for each name of a file in targets/, such as "engine", the addresses to scrape.

        `rewritten`: what is made of the text of each file of rules.
        """
        self.directory: Final = directory
        self._program = program("prometheus")
        # Arguments beside the ones that it needs, such as those of consoles; to be given before the start.
        self.arguments: list[str] = []
        self._log = directory / "prometheus.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._write_configuration(targets)
        self._write_rules(rewritten)

    def _write_rules(self, rewritten: Callable[[str], str]) -> None:
        (self.directory / "rules").mkdir()
        for path in (SHIPPED / "rules").glob("*.yml"):
            (self.directory / "rules" / path.name).write_text(rewritten(path.read_text()))

    def _write_configuration(self, targets: Mapping[str, Sequence[str]]) -> None:
        self.directory.mkdir()
        shutil.copytree(SHIPPED / "targets", self.directory / "targets")
        configuration = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
        configuration["global"] = {
            "scrape_interval": SCRAPE_INTERVAL,
            "scrape_timeout": SCRAPE_INTERVAL,
            "evaluation_interval": SCRAPE_INTERVAL,
        }
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        for name, addresses in targets.items():
            self.target(name, addresses)

    def target(self, name: str, addresses: Sequence[str]) -> None:
        """Have it scrape these addresses from now on, as an operator would: by a file."""
        file = self.directory / "targets" / f"{name}.yml"
        assert file.exists(), f"prometheus.yml reads no {file.name}"
        new = file.with_suffix(".new")
        new.write_text(yaml.safe_dump([{"targets": list(addresses)}]))
        new.rename(file)

    # --- life ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Return when it answers queries."""
        arguments = [
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'data'}",
            "--web.listen-address=127.0.0.1:0",
            f"--web.console.templates={SHIPPED / 'consoles'}",
            f"--web.console.libraries={SHIPPED / 'console_libraries'}",
            # Where the runbooks of alerts are read.
            f"--web.user-assets={SHIPPED.parents[1] / 'docs'}",
            *self.arguments,
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._program, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.url = f"http://{until(self._address, 'Prometheus listens')}"
        until(self._is_ready, "Prometheus is ready")

    def _address(self) -> str:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        found = re.search(r'msg="Listening on" address=(\S+)', self._log.read_text())
        return found[1] if found else ""

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=_ANSWER_SECONDS_MAX) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError:
            return False

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    # --- questions -------------------------------------------------------------------------------

    def ask(self, path: str, **parameters: str) -> Any:
        """What its HTTP API answers to `path`, such as "query" or "rules"; raises PrometheusError."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS_MAX) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise PrometheusError(f"{parameters}: {error.read().decode()}") from None

    def query(self, expression: str) -> list[Series]:
        """The instant vector (a scalar as a vector of one) that `expression` gives now."""
        answer = self.ask("query", query=expression)
        if answer["resultType"] == "scalar":
            return [Series({}, float(answer["result"][1]))]
        assert answer["resultType"] == "vector", (
            f"{expression} is a {answer['resultType']}, expected a vector"
        )
        return [Series(found["metric"], float(found["value"][1])) for found in answer["result"]]

    def value(self, expression: str) -> float | None:
        """The only value that `expression` gives now; None where it gives none."""
        found = self.query(expression)
        assert len(found) <= 1, f"{expression} gives {len(found)} series, expected one"
        return found[0].value if found else None

    def alerts(self, name: str = "") -> list[Alert]:
        """Those that are pending or fire now, of all names or of one."""
        found = (
            Alert(one["labels"]["alertname"], one["state"], one["labels"], one["annotations"])
            for one in self.ask("alerts")["alerts"]
        )
        return [alert for alert in found if name in ("", alert.name)]

    def firing(self) -> set[str]:
        """The names of the alerts that fire now."""
        return {alert.name for alert in self.alerts() if alert.state == "firing"}

    def healthy_jobs(self) -> set[str]:
        """Jobs of which there is a target, and each was scraped when last tried."""
        targets = self.ask("targets", state="active")["activeTargets"]
        jobs = {target["labels"]["job"] for target in targets}
        return jobs - {target["labels"]["job"] for target in targets if target["health"] != "up"}

    # --- waiting ---------------------------------------------------------------------------------

    def until_some(self, expression: str, seconds: float = SECONDS_MAX) -> list[Series]:
        """What `expression` gives, once it gives anything."""
        return until(lambda: self.query(expression), expression, seconds)

    def until_fires(self, name: str, seconds: float = SECONDS_MAX) -> Alert:
        return until(
            lambda: next((alert for alert in self.alerts(name) if alert.state == "firing"), None),
            f"{name} fires",
            seconds,
        )

    def until_clear(self, name: str, seconds: float = SECONDS_MAX) -> None:
        until(lambda: name not in self.firing(), f"{name} is clear", seconds)
