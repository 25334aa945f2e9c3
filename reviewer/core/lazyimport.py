"""An import at the top of a file, written into the one function that needs it instead."""

from __future__ import annotations

import re

from reviewer.core.facts import FileFacts, Import
from reviewer.core.finding import Suggestion
from reviewer.core.text import Source
from reviewer.core.toplevelloads import Need, TopLevelLoad

MAX_LINES = 30
_WRITTEN = re.compile(r"import\s+[^'\"]+\s+from\s+(?P<module>'[^']+'|\"[^\"]+\");?\s*")
_OPENS = re.compile(r"\basync\b.*\{$")


def moved_into_its_user(load: TopLevelLoad) -> Suggestion | None:
    """The import as ``await import()`` on the first line of the one handler that needs it.

    None where anything else of the file names what it brings, types included, or where it is not written on one line.
    """
    users = [need for need in load.needs if need.demand != "none"]
    source, facts = load.demands.code.files.source(load.path), load.demands.code.surface(load.path)
    if load.chain or load.is_action or len(users) != 1 or source is None or facts is None:
        return None
    names = [local for _, local in load.item.names]
    is_typed = any(load.demands.is_typed(load.path, name) for name in names)
    if is_typed or any(mention.turns_in(users[0].function) is None for mention in load.mentions):
        return None
    return _moved(load, users[0], source, facts)


def _moved(load: TopLevelLoad, user: Need, source: Source, facts: FileFacts) -> Suggestion | None:
    function = facts.function(user.function)
    if function is None or user.file != load.path or load.item.kind != "static":
        return None
    first, last = load.item.line, function.line
    written, opening = _WRITTEN.fullmatch(source.line_text(first)), source.line_text(last).rstrip()
    if written is None or not 0 < last - first <= MAX_LINES or not _OPENS.search(opening):
        return None
    lines = [source.line_text(line) for line in range(first + 1, last + 1)]
    indent = " " * (len(opening) - len(opening.lstrip()) + 2)
    lines.append(f"{indent}const {_bound(load.item)} = await import({written['module']});")
    return Suggestion(load.path, first, last, "\n".join(lines))


def _bound(item: Import) -> str:
    """What stands left of ``= await import()``: a name for the namespace, else a pattern."""
    if item.names[0][0] == "*":
        return item.names[0][1]
    return "{ " + ", ".join(name if name == local else f"{name}: {local}" for name, local in item.names) + " }"
