"""Exit codes are in one place, and what is said of them is true."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from carbonmatch.exit_codes import ExitCode

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "carbonmatch"
_EXITS = {"exit", "_exit", "die"}


def test_every_code_is_documented_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \|", (ROOT / "docs" / "exit-codes.md").read_text(), re.MULTILINE)
    assert {int(number): name for number, name in rows} == {int(code): code.name for code in ExitCode}


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: path.relative_to(SOURCE).as_posix()
)
def test_no_number_ends_a_process_but_those(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
            if name in _EXITS:
                assert not any(isinstance(one, ast.Constant) for one in node.args), f"line {node.lineno}"


@pytest.mark.parametrize("how", [["-O"], ["-OO"]])
def test_nothing_runs_without_assertions(how: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, *how, "-m", "carbonmatch", "serve"],
        env={"PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == ExitCode.REFUSED
    assert done.stderr.startswith("carbonmatch: this Python leaves out assertions")
    assert len(done.stderr.splitlines()) == 1
