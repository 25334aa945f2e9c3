"""Command lines as a shell reads them."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

_PUNCTUATION = ";&|<>()"


class Lines:
    """The simple commands of lines, each of which is read once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[tuple[str, ...], ...] | None] = {}

    def read(self, line: str) -> tuple[tuple[str, ...], ...] | None:
        """The words of each simple command of a line; None for a line that is no shell syntax."""
        if line not in self._known:
            try:
                self._known[line] = tuple(map(tuple, _simple_commands(line)))
            except ValueError:
                self._known[line] = None
        return self._known[line]


def _simple_commands(command: str) -> Iterator[list[str]]:
    """The simple commands of a line without redirections; ``(`` and ``)`` of subshells stand by themselves."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=_PUNCTUATION)
    lexer.whitespace_split, lexer.commenters = True, ""
    tokens: list[str] = []
    redirected = False
    for token in lexer:
        if redirected:
            redirected = False
        elif not token or token.strip(_PUNCTUATION):
            tokens.append(token)
        elif "<" in token or ">" in token:
            redirected = True
            tokens = tokens[:-1] if tokens[-1:] in (["0"], ["1"], ["2"]) else tokens
        else:
            yield tokens
            yield from ([bracket] for bracket in token if bracket in "()")
            tokens = []
    yield tokens
