"""Reading the configuration again while a venue runs: taken over whole, or refused with nothing changed."""

from collections.abc import Callable

from carbonmatch.config import Config, ConfigError, ListenerTls, tls_contexts
from carbonmatch.matching.messages import VenueCommand
from carbonmatch.ops.counters import Counters
from carbonmatch.ops.logs import ERROR, WARNING, Ours, log
from carbonmatch.server.changes import changes
from carbonmatch.server.configured import needs_restart
from carbonmatch.server.floor import Floor
from carbonmatch.server.scheduler import Scheduler
from carbonmatch.server.steering import Result, Then, result


class Reload:
    """One reading at a time; whoever asks during one has the file read once more after it."""

    def __init__(
        self,
        started_with: Config,
        read: Callable[[], Config],
        floor: Floor,
        exchange_certificates: Callable[[dict[str, ListenerTls]], None],
        scheduler: Scheduler,
        counters: Counters,
        ask_again: Callable[[], None],
    ) -> None:
        self._started_with = started_with
        self._read_file = read
        self._floor = floor
        self._exchange_certificates = exchange_certificates
        self._scheduler = scheduler
        self._counters = counters
        self._ask_again = ask_again
        self._reading = False
        # Who hears what comes of the reading that is under way, and of the one after it.
        self._told: list[Then] = []
        self._told_next: list[Then] = []
        # What is in force, beside what a restart is needed for.
        self._in_force = started_with
        # Asked while the file was read: what was read may be older than the question.
        self._asked_again = False

    def ask(self, then: Then | None = None) -> None:
        """`then` is told what came of it."""
        if then is not None:
            self._told_next.append(then)
        if self._reading:
            self._asked_again = True
        else:
            self._reading = True
            self._told, self._told_next = self._told_next, []
            # Beside the loop: a large file takes longer than an order may wait.
            self._scheduler.read(self._read, self._take_over, self._refuse)

    def _read(self) -> tuple[Config, dict[str, ListenerTls]]:
        config = self._read_file()
        return config, tls_contexts(config)

    def _take_over(self, read: tuple[Config, dict[str, ListenerTls]]) -> None:
        config, tls = read
        # Compared with what this start was given, whatever else is taken over.
        restart = needs_restart(self._started_with, config)
        later = f"changed, and in force at the next start: {', '.join(restart)}" if restart else ""
        if restart:
            log("restart_needed", WARNING, text=Ours(later))
        before = self._in_force

        def applied(commands: list[VenueCommand]) -> None:
            self._in_force = config
            self._exchange_certificates(tls)
            lines = changes(before, config, commands, self._floor.engine)
            self._applied(len(commands), [*lines, *([later] if later else [])])

        self._floor.redefine(config, applied, self._refuse)

    def _applied(self, changed: int, lines: list[str]) -> None:
        counters = self._counters
        counters.reloads["applied"] += 1
        counters.config_last_reload_successful = 1
        counters.config_read_ns = self._floor.pipeline.clocks.time_ns()
        log("reloaded", changed=changed, keys=counters.keys, sequence=self._floor.engine.sequence)
        self._end(result(applied=True, lines=lines or ["nothing has changed"]))

    def _refuse(self, error: Exception) -> None:
        if not isinstance(error, ConfigError | OSError):
            raise error
        self._counters.reloads["refused"] += 1
        self._counters.config_last_reload_successful = 0
        problems = list(error.problems) if isinstance(error, ConfigError) else [str(error)]
        for problem in problems:
            log("reload_refused", ERROR, text=Ours(problem))
        self._end(result(applied=False, lines=problems))

    def _end(self, outcome: Result) -> None:
        self._reading = False
        told, self._told = self._told, []
        for then in told:
            then(outcome)
        if self._asked_again:
            self._asked_again = False
            self._ask_again()
