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
_REACT = re.compile(rb"""(?:from\s+|require\()['"]react(?:-dom|-native)?['"]""")


def is_client_file(data: bytes) -> bool:
    """Whether a script says that it runs in browsers."""
    return b"use client" in data[:HEAD] and _DIRECTIVE.match(data, 0, HEAD) is not None


def uses_browser(data: bytes) -> bool:
    """Whether a script uses what only runs in browsers: hooks of React and of data libraries, and event handlers."""
    return _HOOKS.search(data) is not None


def is_react(data: bytes) -> bool:
    """Whether a script is a part of an interface: a client file, or one that loads React."""
    return is_client_file(data) or _REACT.search(data) is not None
