"""Which core runs, and what a compiled one is made of."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from carbonmatch import accel
from carbonmatch.limits import ENTRY_MAKERS_MAX
from carbonmatch.matching import engine
from tests.matching.compiled import Patch

ROOT = Path(__file__).parents[1]
CORE = ROOT / "src/carbonmatch/matching"
CLASSES_OF_ANOTHER_KIND = {"Struct", "IntEnum", "IntFlag", "Enum"}


def test_an_extension_is_compiled_and_a_file_of_python_is_not() -> None:
    assert accel.is_compiled(msgspec._core)
    assert not accel.is_compiled(accel)
    assert accel.core() == ("compiled" if accel.is_compiled(engine) else "interpreted")


def defines_other_classes(file: Path) -> bool:
    bases = [
        base
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    ]
    return bool({ast.unparse(base).rpartition(".")[2] for base in bases} & CLASSES_OF_ANOTHER_KIND)


def test_all_of_the_core_is_compiled_but_for_what_defines_structs_and_enums() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    hook = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]
    assert hook["include"] == ["/src/carbonmatch/matching"]
    left = {
        ROOT / name.lstrip("/")
        for name in hook["exclude"]
        if name.startswith("/src") and name.endswith(".py")
    }
    vocabulary = CORE / "vocabulary"
    assert f"/{vocabulary.relative_to(ROOT)}" in hook["exclude"]
    others = {
        file for file in CORE.rglob("*.py") if vocabulary not in file.parents and defines_other_classes(file)
    }
    assert others | {CORE / "messages.py"} == left


@pytest.mark.skipif(accel.is_core_compiled(), reason="it does start with a compiled core")
def test_a_venue_that_is_to_be_compiled_does_not_start_interpreted(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "carbonmatch",
            "serve",
            "--require-accel",
            "--data-dir",
            str(tmp_path / "data"),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "HATCH_BUILD_HOOK_ENABLE_MYPYC=true" in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_bound_of_a_compiled_module_is_not_changed_but_the_test_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    patch = Patch(monkeypatch)
    patch.setattr(engine, "ENTRY_MAKERS_MAX", 1)
    patch.setattr("carbonmatch.matching.engine.ENTRY_MAKERS_MAX", 2)
    monkeypatch.setattr("tests.matching.compiled.is_compiled", lambda _: True)
    with pytest.raises(pytest.skip.Exception):
        patch.setattr(engine, "ENTRY_MAKERS_MAX", ENTRY_MAKERS_MAX)
