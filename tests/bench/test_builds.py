"""Which engine is measured: an interpreted one that is taken for a compiled one would be found out."""

import zipfile
from pathlib import Path

import pytest

from bench.builds import INTERPRETED, SOURCE, BuildError, builds


def test_without_a_compiled_one_there_is_this_checkout() -> None:
    with builds(None) as found:
        assert found == {INTERPRETED: SOURCE}


def test_what_is_not_compiled_is_no_compiled_build() -> None:
    with pytest.raises(BuildError, match=r"expected core compiled, found .*core interpreted"), builds(SOURCE):
        pass


def test_a_wheel_is_unpacked(tmp_path: Path) -> None:
    wheel = tmp_path / "carbonmatch-0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("carbonmatch/__init__.py", "")
        archive.writestr("carbonmatch/__main__.py", "print('core nobody knows')")
    with pytest.raises(BuildError, match="found 'core nobody knows'"), builds(wheel):
        pass


def test_a_directory_without_the_package_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="neither a wheel nor a directory"), builds(tmp_path):
        pass
