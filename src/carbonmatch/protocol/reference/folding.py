"""JSON that people can read and compare: spread over lines down to a depth, and then no more."""

import json
from typing import Any


def folded(value: Any, depth: int) -> str:
    """JSON text whose containers deeper than `depth` take one line each."""
    return _lines(value, depth, "") + "\n"


def _lines(value: Any, depth: int, indent: str) -> str:
    if depth == 0 or not value or not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    inner = indent + " "
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {_lines(one, depth - 1, inner)}" for name, one in value.items()]
        opening, closing = "{}"
    else:
        parts = [_lines(one, depth - 1, inner) for one in value]
        opening, closing = "[]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{indent}{closing}"
