"""Markdown of comments as GitHub shows it, as far as a review uses it: hostile HTML stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_KEPT = re.compile(r"<!--.*?-->|</?(?:sub|details|summary)(?: open)?\s*>", re.DOTALL)


def safe_html(text: str) -> str:
    """HTML with the few tags that are shown kept, comments left out, and everything else as text."""
    kept: list[str] = []
    end = 0
    for found in _KEPT.finditer(text):
        kept.append(escape(text[end : found.start()]))
        kept.append("" if found[0].startswith("<!--") else found[0])
        end = found.end()
    return "".join([*kept, escape(text[end:])])


def _html(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:  # noqa: ARG001 (a hook)
    return safe_html(tokens[index].content)


def _fence(self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    if token.info.strip() != "suggestion":
        return self.fence(tokens, index, options, env)
    before = "".join(_line("removed", "-", line) for line in env.get("lines", ()))
    after = "".join(_line("added", "+", line) for line in token.content.split("\n")[:-1])
    return f'<div class="suggestion"><header>Suggested change</header><pre>{before}{after}</pre></div>\n'


def _line(kind: str, sign: str, text: str) -> str:
    return f'<span class="{kind}">{sign} {escape(text)}</span>'


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).disable("image")
    parser.add_render_rule("html_block", _html)
    parser.add_render_rule("html_inline", _html)
    parser.add_render_rule("fence", _fence)
    return parser


_PARSER = _parser()


def to_html(text: str, lines: Sequence[str] = ()) -> str:
    """HTML of a Markdown text; *lines* are those a suggestion in it replaces."""
    return str(_PARSER.render(text, {"lines": list(lines)}))
