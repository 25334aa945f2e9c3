"""Path strings that Express 5 rejects, and what replaces them."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:[^\W\d]|\$)[\w$]*|\"[^\"]+\"")
_PLAIN = r"(?:/[\w.~-]+)"
_BELOW = re.compile(rf"^({_PLAIN}+)/\*$")
_OPTIONAL = re.compile(rf"^({_PLAIN}*)/:(\w+)\?$")


def rejected(path: str) -> str:
    """The first character Express 5 does not accept where it stands, '' in a path it accepts.

    Wildcards need a name; ``?``, ``+`` and groups mean nothing any more, unless they are escaped.
    """
    at = 0
    while at < len(path):
        char = path[at]
        if char in "?+()":
            return char
        name = _NAME.match(path, at + 1) if char in ":*" else None
        if char == "*" and name is None:
            return char
        at = name.end() if name is not None else at + (2 if char == "\\" else 1)
    return ""


def equivalent(path: str) -> str:
    """What matches the same URLs on Express 5, '' where that was not measured."""
    if path in ("*", "/*"):
        return "/{*splat}"
    if (below := _BELOW.match(path)) is not None:
        return f"{below.group(1)}/{{*splat}}"
    if (optional := _OPTIONAL.match(path)) is not None:
        return f"{optional.group(1)}{{/:{optional.group(2)}}}"
    return ""
