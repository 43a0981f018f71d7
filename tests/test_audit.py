"""What `make audit` makes of the answers of an index."""

from typing import Any

import pytest

from tests.audit import NOT_AUDITED, VULNERABLE, audit, known

FAULT = {"id": "PYSEC-1", "withdrawn": None}
INDEX: dict[str, dict[str, Any]] = {
    "good/1.0/json": {"info": {"version": "1.0"}, "vulnerabilities": []},
    "bad/1.0/json": {"info": {"version": "1.0"}, "vulnerabilities": [FAULT]},
    "taken-back/1.0/json": {
        "info": {"version": "1.0"},
        "vulnerabilities": [{**FAULT, "withdrawn": "2026-01-01T00:00:00Z"}],
    },
    # Of these the index has the project's page only.
    "newest/json": {"info": {"version": "2.0"}, "vulnerabilities": []},
    "newest-bad/json": {"info": {"version": "2.0"}, "vulnerabilities": [FAULT]},
    "silent/json": {"info": {"version": "2.0"}},
}


@pytest.mark.parametrize(
    ("name", "version", "found"),
    [
        ("good", "1.0", []),
        ("bad", "1.0", ["PYSEC-1"]),
        ("taken-back", "1.0", []),
        ("newest", "2.0", []),
        ("newest-bad", "2.0", ["PYSEC-1"]),
        # Nothing is known of an older version by what is known of the newest, good or bad.
        ("newest", "1.9", None),
        ("newest-bad", "1.9", None),
        ("silent", "2.0", None),
        ("nobody", "1.0", None),
    ],
)
def test_what_is_known_of_a_version(name: str, version: str, found: list[str] | None) -> None:
    assert known(name, version, INDEX.get) == found


@pytest.mark.parametrize(
    ("lock", "status"),
    [
        ("good==1.0 \\\n    --hash=sha256:00\nnewest==2.0 ; python_version < '4'\n", 0),
        ("good==1.0\nnobody==1.0\n", NOT_AUDITED),
        ("good==1.0\nnobody==1.0\nbad==1.0\n", VULNERABLE),
    ],
)
def test_no_answer_is_told_apart_from_a_bad_and_from_a_good_one(lock: str, status: int) -> None:
    assert audit([("lock", lock)], INDEX.get) == status
