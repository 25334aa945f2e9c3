"""What runs in browsers, by a look at the text of a script."""

from __future__ import annotations

import re

HEAD = 2048  # where the directives of a module stand
_DIRECTIVE = re.compile(
    rb"""(?:\xef\xbb\xbf)?(?>\s+|//[^\n]*\n|/\*(?s:.*?)\*/|['"]use strict['"];?)*+['"]use client['"]"""
)
_HOOKS = re.compile(
    rb"\buse(?:State|Effect|LayoutEffect|Reducer|Ref|Context|Callback|SWR\w*|Query|Mutation|Router|Form|Transition)\b"
    rb"|\bon(?:Click|Change|Submit)=\{"
)


def is_client_file(data: bytes) -> bool:
    """Whether a script says that it runs in browsers."""
    return b"use client" in data[:HEAD] and _DIRECTIVE.match(data, 0, HEAD) is not None


def uses_browser(data: bytes) -> bool:
    """Whether a script uses what only runs in browsers: hooks of React and of data libraries, and event handlers."""
    return _HOOKS.search(data) is not None
