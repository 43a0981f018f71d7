"""Which lines of a source text belong together: they are run together, as far as a recording tells."""

import ast
from collections.abc import Iterator


def statement_lines(text: str) -> dict[int, list[int]]:
    """For each line of a source text, all lines of the statement, or of its head, that it belongs to."""
    found: dict[int, list[int]] = {}
    # From the outside in: the innermost one counts.
    for node in _outside_in(ast.parse(text)):
        if isinstance(node, ast.match_case):
            first, last = node.pattern.lineno, node.body[0].lineno - 1
        elif isinstance(node, ast.stmt) and not isinstance(node, ast.FunctionDef | ast.ClassDef):
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            first, last = node.lineno, node.end_lineno or node.lineno
            if body:
                first_inside = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
                last = max(first_inside.lineno - 1, first)
        else:
            continue
        lines = list(range(first, max(first, last) + 1))
        found |= dict.fromkeys(lines, lines)
    return found


def _outside_in(tree: ast.AST) -> Iterator[ast.AST]:
    yield tree
    for node in ast.iter_child_nodes(tree):
        yield from _outside_in(node)
