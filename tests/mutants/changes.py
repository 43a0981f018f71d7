"""What mutmut would change in a file: each change is one other version of one function."""

import ast
import difflib
import textwrap
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any, Final

import libcst
from libcst.metadata import MetadataWrapper, PositionProvider, WhitespaceInclusivePositionProvider
from mutmut.mutation import file_mutation

from tests.mutants.mutant import Mutant
from tests.mutants.statements import statement_lines

_PACKAGES: Final = Path("src")


def changes_of(path: Path) -> Iterator[Mutant]:
    text = path.read_text()
    module = ".".join(path.relative_to(_PACKAGES).with_suffix("").parts)
    tree, mutations, _, _ = file_mutation.create_mutations(str(path), text)
    wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
    starts = wrapper.resolve(PositionProvider)
    # What a node is written as, with the space that belongs to it: only this is replaced, as writing the
    # whole function anew for each change takes minutes.
    spans = wrapper.resolve(WhitespaceInclusivePositionProvider)
    changes = file_mutation.group_by_top_level_node(mutations)
    statements = statement_lines(text)
    original = text.splitlines()
    offsets = list(accumulate((len(line) + 1 for line in original), initial=0))
    for class_name, function, node in _functions(tree, ast.parse(text)):
        name = ".".join(filter(None, [module, class_name, node.name]))
        whole = list(range(node.lineno, (node.end_lineno or node.lineno) + 1))
        before = original[whole[0] - 1 : whole[-1]]
        for number, change in enumerate(changes.get(function, []), 1):
            span = spans[change.original_node]
            first = offsets[span.start.line - 1] + span.start.column
            last = offsets[span.end.line - 1] + span.end.column
            start = starts[change.original_node].start.line
            lines = statements.get(start, whole)
            indent = _indent_of(original[lines[0] - 1])
            changed = (text[:first] + _written(change, indent) + text[last:]).splitlines()
            after = changed[whole[0] - 1 : whole[-1] + len(changed) - len(original)]
            yield Mutant(
                f"{name}.{number}",
                module,
                class_name,
                node.name,
                textwrap.dedent("\n".join(after)),
                lines,
                f"{path}:{start}\n{_difference(before, after)}",
            )


def _functions(tree: Any, parsed: ast.Module) -> Iterator[tuple[str | None, Any, ast.FunctionDef]]:
    """Every function and method that mutmut changes, as it and as Python sees it; none inside of others."""
    for statement, node in zip(tree.body, parsed.body, strict=True):
        if isinstance(node, ast.FunctionDef):
            yield None, statement, node
        elif isinstance(node, ast.ClassDef):
            for method, inner in zip(statement.body.body, node.body, strict=True):
                if isinstance(inner, ast.FunctionDef):
                    yield node.name, method, inner


def _written(change: Any, indent: str) -> str:
    assert not isinstance(change.original_node, libcst.Match), (
        "whole blocks would be written with a wrong indent"
    )
    written: str = libcst.Module([]).code_for_node(change.mutated_node)
    # As if nothing were around it: the lines of a long expression lack the indent of its statement.
    return written.replace("\n", f"\n{indent}")


def _indent_of(line: str) -> str:
    return line[: len(line) - len(line.lstrip())]


def _difference(before: list[str], after: list[str]) -> str:
    changed = difflib.unified_diff(before, after, n=0, lineterm="")
    return "\n".join(f"  {line}" for line in list(changed)[3:])
