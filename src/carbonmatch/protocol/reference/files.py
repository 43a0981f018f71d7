"""The files of proto/ that are made, or in which a part is made."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from carbonmatch.protocol.reference import cpp, definitions, dissector, page, schema

# Below proto/; what a file is to hold, given what it holds now.
_MAKERS: Final[Mapping[str, Callable[[str], str]]] = {
    "MESSAGES.md": lambda _: page.page(),
    "messages.json": lambda _: definitions.text(),
    "schema/messages.schema.json": lambda _: schema.text(),
    "wireshark/carbonmatch.lua": dissector.with_tables,
    "examples/cpp/messages.hpp": lambda _: cpp.text(),
}
PATHS: Final = tuple(_MAKERS)


def made(proto: Path, path: str) -> str:
    """What the file at `path` below `proto` is to hold."""
    file = proto / path
    return _MAKERS[path](file.read_text() if file.exists() else "")


def write(proto: Path) -> list[Path]:
    """Write every file anew; return those that were not as they should be."""
    changed = []
    for path in PATHS:
        file, text = proto / path, made(proto, path)
        if not file.exists() or file.read_text() != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            changed.append(file)
    return changed
