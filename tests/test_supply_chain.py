"""What is installed is locked, what runs cannot be talked into running other code, no file names an index."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parent.parent
REQUIREMENTS: Final = ROOT / "requirements"
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS: Final = ["runtime", "dev", "build", "supply"]

_LOCKED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def locked(lock: str) -> dict[str, list[str]]:
    """Names to versions: more than one where Pythons or platforms need different ones."""
    found: dict[str, list[str]] = {}
    for name, version in _LOCKED.findall((REQUIREMENTS / f"{lock}.txt").read_text()):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def wanted(lock: str) -> list[Requirement]:
    """What pyproject.toml asks for, itself aside."""
    if lock in PROJECT["dependency-groups"]:
        lines = PROJECT["dependency-groups"][lock]
    else:
        lines = [*PROJECT["project"]["dependencies"]]
        extras = PROJECT["project"]["optional-dependencies"]
        lines += [
            line
            for name in ("dev", "bench", "export", "nats", "dashboard")
            for line in extras[name]
            if lock == "dev"
        ]
    return [Requirement(line) for line in lines if not line.startswith("carbonmatch[")]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_locked_at_a_version_that_it_admits(lock: str) -> None:
    versions = locked(lock)
    for requirement in wanted(lock):
        found = versions.get(canonicalize_name(requirement.name))
        assert found, f"{requirement} is not in requirements/{lock}.txt: make lock"
        assert all(requirement.specifier.contains(version) for version in found), f"{requirement}: make lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_file_has_its_hash(lock: str) -> None:
    text = (REQUIREMENTS / f"{lock}.txt").read_text().replace("\\\n", " ")
    for line in text.splitlines():
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line


def test_what_two_locks_share_is_the_same_version() -> None:
    dev = locked("dev")
    for lock in ("runtime", "build"):
        for name, versions in locked(lock).items():
            assert versions == dev.get(name, versions), f"{name} in requirements/{lock}.txt: make lock"


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not in a working copy of git")
    return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_a_package_index() -> None:
    index = re.compile(r"--(extra-)?index-url|pypi\.(org|io|python)|pythonhosted|--find-links")
    for path in tracked_files():
        if path.suffix in {".txt", ".toml", ".md", ".cfg", ".yml", ""} and path.name != Path(__file__).name:
            found = index.search(path.read_text(errors="replace"))
            assert found is None, f"{path.relative_to(ROOT)}: {found}"


# --- code that runs other code --------------------------------------------------------------------------

SOURCES: Final = sorted((ROOT / "src").rglob("*.py"))
_MODULES: Final = {
    "pickle",
    "marshal",
    "shelve",
    "dill",
    "code",
    "codeop",
    "imp",
    "runpy",
    "xmlrpc",
    "telnetlib",
}
_CALLS: Final = {"eval", "exec", "compile", "__import__"}
_ATTRIBUTES: Final = {("os", "system"), ("os", "popen"), ("yaml", "load"), ("random", "seed")}


def dangers(source: str) -> list[str]:
    """Whatever in `source` could run bytes that came from outside."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in _MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _MODULES:
            found.append(str(node.module))
        elif isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in _CALLS:
                found.append(called.id)
            if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
                name = (called.value.id, called.attr)
                if name in _ATTRIBUTES:
                    found.append(".".join(name))
            found += ["shell=True" for keyword in node.keywords if keyword.arg == "shell"]
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_module_can_be_made_to_run_what_it_reads(path: Path) -> None:
    assert dangers(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "danger"),
    [
        ("import pickle", "pickle"),
        ("from marshal import loads", "marshal"),
        ("eval('1')", "eval"),
        ("import os\nos.system('ls')", "os.system"),
        ("subprocess.run('ls', shell=True)", "shell=True"),
    ],
)
def test_a_planted_danger_is_seen(source: str, danger: str) -> None:
    assert dangers(source) == [danger]


# --- the container ----------------------------------------------------------------------------------------


def test_the_image_installs_locked_files_only_and_runs_as_nobody_in_particular() -> None:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"pip install[^&\n]*", text)
    assert installs
    assert all("--require-hashes" in one or "--no-deps" in one for one in installs)
    users = re.findall(r"^USER (.*)$", text, re.MULTILINE)
    assert users == ["10001:10001"]
    assert "HEALTHCHECK" in text
