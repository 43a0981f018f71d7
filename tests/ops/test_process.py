"""What is said of a process is what prometheus-client says of it, and costs no list of its connections."""

import os
import resource
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from carbonmatch.ops.counters import Counters
from carbonmatch.ops.exposition import Exposition
from carbonmatch.ops.process import PROCESS, ProcessStatus, _descriptor_count


def samples(text: str) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc")
def test_it_is_what_prometheus_client_says() -> None:
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    ours = samples(Exposition(Counters(), ()).render().decode())
    theirs = samples(generate_latest(registry).decode())
    assert ours.keys() - {"carbonmatch_build_info"} == theirs.keys() == {one.name for one in PROCESS.metrics}
    assert ours["process_start_time_seconds"] == pytest.approx(theirs["process_start_time_seconds"], abs=1)
    assert ours["process_max_fds"] == theirs["process_max_fds"]
    assert ours["process_open_fds"] == pytest.approx(theirs["process_open_fds"], abs=3)
    for memory in ("process_resident_memory_bytes", "process_virtual_memory_bytes"):
        assert ours[memory] == pytest.approx(theirs[memory], rel=0.05)
    assert ours["process_cpu_seconds_total"] == pytest.approx(theirs["process_cpu_seconds_total"], abs=1)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no /proc")
def test_descriptors_are_counted_as_they_come_and_go() -> None:
    status = ProcessStatus()
    before = status.open_fds
    assert before is not None
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(open(os.devnull))
        status.look()
        assert status.open_fds == before + 20
    status.look()
    assert status.open_fds == before


def test_where_their_number_is_no_size_they_are_listed(tmp_path: Path) -> None:
    class Sizeless(type(tmp_path)):  # type: ignore[misc]
        def stat(self, **_options: bool) -> os.stat_result:
            return os.stat_result((0,) * 10)

    for name in ("0", "1", "2"):
        (tmp_path / name).touch()
    assert _descriptor_count(Sizeless(tmp_path)) == 3


def test_a_system_without_proc_leaves_out_what_it_cannot_tell(tmp_path: Path) -> None:
    status = ProcessStatus(tmp_path / "nothing")
    assert status.resident_bytes is status.open_fds is status.start_time_seconds is None
    assert status.cpu_seconds > 0
    assert status.max_fds == resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def test_a_limit_that_was_changed_while_the_process_runs_is_told() -> None:
    status = ProcessStatus()
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before[0] - 1, before[1]))
        status.look()
        assert status.max_fds == before[0] - 1
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
