"""Path strings that Express 5 rejects, and what replaces them."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*|\"[^\"]+\"")
_PLAIN = r"(?:/[\w.~-]+)"
_BELOW = re.compile(rf"^({_PLAIN}+)/\*$")
_OPTIONAL = re.compile(rf"^({_PLAIN}*)/:(\w+)\?$")


def rejected(path: str) -> str:
    """The first character Express 5 does not accept where it stands, '' in a path it accepts.

    Wildcards and parameters need a name, and text between them; ``?``, ``+``, ``!``, brackets and groups mean nothing
    any more, unless they are escaped; braces come in pairs.
    """
    at = depth = 0
    while at < len(path):
        char = path[at]
        depth += (char == "{") - (char == "}")
        if char in "?+()[]!" or depth < 0:
            return char
        name = _NAME.match(path, at + 1) if char in ":*" else None
        if char in ":*" and name is None:
            return char
        if name is not None and path[name.end() : name.end() + 1] in (":", "*"):
            return path[name.end()]
        at = name.end() if name is not None else at + (2 if char == "\\" else 1)
    return "{" if depth else ""


def equivalent(path: str) -> str:
    """What matches the same URLs on Express 5, '' where that was not measured."""
    if path in ("*", "/*"):
        return "/{*splat}"
    if (below := _BELOW.match(path)) is not None:
        return f"{below.group(1)}/{{*splat}}"
    if (optional := _OPTIONAL.match(path)) is not None:
        return f"{optional.group(1)}{{/:{optional.group(2)}}}"
    return ""
