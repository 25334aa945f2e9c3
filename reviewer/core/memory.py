"""Memory of a module that requests rely on: limits, sessions, locks and registries kept in a map or a set."""

from __future__ import annotations

import re

from reviewer.core.code import Code
from reviewer.core.loaders import Loaders
from reviewer.core.matrix import Fact
from reviewer.core.surface import Surface

MAX_CANDIDATES = 5
_KEPT = re.compile(
    rb"^(?:export\s+)?(?:const|let|var)\s+(\w*(?:rate|limit|otp|session|token|lock|nonce|seen|clients|rooms|online)\w*)"
    rb"\s*(?::[^=\n]+)?=\s*new (?:Map|Set)\b",
    re.IGNORECASE | re.MULTILINE,
)
_LIKELY = re.compile(r"(?i)rate|limit|otp|session|token|lock|nonce|cache|store|clients|rooms|online|sse|socket")
_CHANGES = frozenset({"set", "add", "delete", "clear"})


def process_memory(surface: Surface, loaders: Loaders) -> Fact | None:
    """Where a route keeps, from one request to the next, what should hold for all of them."""
    words = {"memory": ((b"new Map",), (b"new Set",))}
    routes = {route.path for route in surface.app.api_routes}
    likely = [path for path in surface.server_scripts if path in routes or _LIKELY.search(path)]
    marked = sorted(surface.code.files.containing(likely, words)["memory"])
    tried = 0
    for path in sorted(marked, key=lambda path: (path not in routes, path)):
        for match in _KEPT.finditer(surface.code.files.raw(path) or b""):
            tried += 1
            if tried > MAX_CANDIDATES:
                return None
            name = match[1].decode()
            line = _changed(surface.code, path, name)
            if line and (path in routes or loaders.reach([path])[path] & routes):
                return Fact("{} holds for one process and is changed by requests", path, line, "medium", (name,))
    return None


def _changed(code: Code, path: str, name: str) -> int:
    """The line where a function changes what a name of the module holds; 0 where none does."""
    facts, source = code.facts(path), code.files.source(path)
    for call in facts.calls if facts is not None else ():
        line = source.line_text(call.line) if source is not None and call.function != -1 else ""
        if call.method in _CHANGES and re.search(rf"\b{name}\.{call.method}\(", line):
            return call.line
    return 0
