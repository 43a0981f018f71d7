"""Where a result comes from: without this, a figure cannot be compared with another one."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench.processes import REPOSITORY
from carbonmatch import accel

_PACKAGES: Final = ("uvloop", "msgspec", "sortedcontainers", "cryptography", "numpy", "hdrhistogram")


class Environment(Struct, frozen=True):
    cpu: str
    cores: int
    affinity: list[int]
    placement: str  # of server and generator
    kernel: str
    hypervisor: bool
    governor: str  # of the frequency; empty in most virtual machines
    memory_mib: int
    clock_source: str
    python: str
    core: str  # compiled or interpreted
    packages: dict[str, str]
    load_average: tuple[float, float, float]
    git_revision: str
    git_dirty: bool
    journal_filesystem: str
    yardstick: str  # digest of the source that the limits are measured with

    def differences(self, other: "Environment") -> list[str]:
        """In what the two are not the same machine in the same state: figures of both do not compare."""
        return [
            f"{name}: {getattr(self, name)!r}, there {getattr(other, name)!r}"
            for name in _COMPARED
            if getattr(self, name) != getattr(other, name)
        ]


# All but what may change while the machine and what runs on it stay the same.
_COMPARED: Final = tuple(
    name
    for name in Environment.__struct_fields__
    if name not in ("load_average", "git_revision", "git_dirty")
)
# What the bare server and the echo are made of, and the generator that drives them.
_YARDSTICK: Final = (
    *(f"bench/{name}.py" for name in ("bare", "clock", "generator", "probes", "schedule", "sessions")),
    "bench/workload.py",
    "src/carbonmatch/protocol/batch.py",
    "src/carbonmatch/protocol/codec.py",
    "src/carbonmatch/protocol/frames.py",
)


def capture(journal_directory: Path, placement: str) -> Environment:
    head = _git(REPOSITORY, "rev-parse", "HEAD")
    return Environment(
        cpu=_cpu_line("model name"),
        cores=os.cpu_count() or 0,
        affinity=sorted(os.sched_getaffinity(0)),
        placement=placement,
        kernel=platform.release(),
        hypervisor="hypervisor" in _cpu_line("flags").split(),
        governor=_text(Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")),
        memory_mib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        clock_source=_text(Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")),
        python=f"{platform.python_implementation()} {sys.version.split()[0]}",
        core=accel.core(),
        packages={name: _version(name) for name in _PACKAGES},
        load_average=os.getloadavg(),
        git_revision=head,
        git_dirty=bool(head and _git(REPOSITORY, "status", "--porcelain")),
        journal_filesystem=filesystem(journal_directory),
        yardstick=_digest(REPOSITORY / name for name in _YARDSTICK),
    )


def _digest(paths: Iterable[Path]) -> str:
    whole = blake2b(digest_size=8)
    for path in paths:
        whole.update(path.read_bytes())
    return whole.hexdigest()


def revision(checkout: Path) -> str:
    """What was checked out there, for people: shortened, and with a word about changes."""
    found = _git(checkout, "rev-parse", "--short=12", "HEAD")
    if not found:
        return "unknown"
    return f"{found} with changes" if _git(checkout, "status", "--porcelain") else found


def filesystem(directory: Path) -> str:
    """Type of the file system that holds the directory: a sync on tmpfs measures nothing."""
    found, found_length = "unknown", -1
    path = str(directory.resolve())
    for line in _text(Path("/proc/mounts")).splitlines():
        mount, kind = line.split()[1:3]
        inside = path == mount or path.startswith(mount.rstrip("/") + "/")
        if inside and len(mount) >= found_length:
            found, found_length = kind, len(mount)
    return found


def _cpu_line(name: str) -> str:
    for line in _text(Path("/proc/cpuinfo")).splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return platform.machine()


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _git(checkout: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=checkout, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
