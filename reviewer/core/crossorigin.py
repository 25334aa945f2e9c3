"""Headers of a configuration that let pages of any origin read answers (CORS), and the routes they are for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reviewer.core.files import Files
from reviewer.core.syntax import Node, TooComplex, Tree, captures, language_of, parse

_HEADER = "access-control-allow-origin"
_NAMES = "(variable_declarator name: (identifier) @name value: (_) @value)"
_NESTING = ("array", "spread_element", "ternary_expression", "binary_expression", "parenthesized_expression")
_TYPED = ("as_expression", "satisfies_expression")
_PLAIN = re.compile(r"(?::\w+)?\(([\w|.-]+)\)")
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class OpenHeaders:
    """The URL pattern of headers that allow every origin, and the line that says so."""

    source: str
    line: int


def open_headers(files: Files, path: str) -> Iterator[OpenHeaders]:
    """The headers of a next.config or a vercel.json that allow every origin, in the order of their patterns."""
    source, language = files.source(path), "json" if path.endswith(".json") else language_of(path)
    if source is None or language is None or _HEADER.encode() not in source.data.lower():
        return
    try:
        tree = parse(source, language)
    except TooComplex:
        return
    reader = _Reader(tree)
    for node, _ in captures(tree, "(object) @object"):
        pattern, headers = reader.member(node, "source"), reader.member(node, "headers")
        text = reader.text(pattern) if pattern is not None else None
        line = reader.allowing(headers) if headers is not None else 0
        if text is not None and line:
            yield OpenHeaders(text, line)


class _Reader:
    """Objects of one file, with the constants they are made of."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.lines: dict[int, int] = {}
        found = captures(tree, _NAMES) if tree.language != "json" else []
        names = [node for node, kind in found if kind == "name"]
        self.values = {tree.text(node): value for node in names if (value := _child(node.parent, "value")) is not None}

    def member(self, node: Node, name: str) -> Node | None:
        for pair in node.named_children:
            key = _child(pair, "key") if pair.type == "pair" else None
            if key is not None and self.tree.text(key).strip("'\"") == name:
                return _child(pair, "value")
        return None

    def text(self, node: Node) -> str | None:
        """A string, be it a constant's."""
        node = self._followed(node)
        return self.tree.text(node)[1:-1] if node.type in ("string", "template_string") else None

    def allowing(self, headers: Node) -> int:
        """The line of the first header that allows every origin, 0 where none does."""
        headers = self._followed(headers)
        if headers.id not in self.lines:
            self.lines[headers.id] = next(self._allowing(headers), 0)
        return self.lines[headers.id]

    def _allowing(self, headers: Node) -> Iterator[int]:
        for entry in self._parts(headers, "object", set()):
            key, value = self.member(entry, "key"), self.member(entry, "value")
            if key is None or value is None or (self.text(key) or "").lower() != _HEADER:
                continue
            if any(self.text(part) == "*" for part in self._parts(value, "string", set())):
                yield self.tree.line(key)

    def _parts(self, node: Node, kind: str, seen: set[int], depth: int = 0) -> Iterator[Node]:
        """The nodes of a kind that a value may be, or be made of, each once."""
        node = self._followed(node)
        if node.id in seen:
            return
        seen.add(node.id)
        if node.type == kind:
            yield node
        elif node.type in _NESTING and depth < MAX_DEPTH:
            for child in node.named_children:
                yield from self._parts(child, kind, seen, depth + 1)

    def _followed(self, node: Node) -> Node:
        """What a name of the file stands for, without type assertions."""
        for _ in range(MAX_DEPTH):
            if node.type in _TYPED:
                node = node.named_children[0]
            elif node.type != "identifier" or self.tree.text(node) not in self.values:
                break
            else:
                node = self.values[self.tree.text(node)]
        return node


def _child(node: Node | None, name: str) -> Node | None:
    return node.child_by_field_name(name) if node is not None else None


# -- which routes a pattern is for --------------------------------------------------


def covers(source: str, patterns: Iterable[str]) -> bool:
    """Whether headers for a *source* of the configuration are sent for a route of one of the patterns."""
    parts = list(_segments(source))
    return any(_covers(parts, [part for part in pattern.split("/") if part]) for pattern in patterns)


def _segments(source: str) -> Iterator[str]:
    """The parts between slashes, those in parentheses whole."""
    depth, part = 0, ""
    for char in source:
        depth += (char == "(") - (char == ")")
        if char == "/" and depth == 0:
            if part:
                yield part
            part = ""
        else:
            part += char
    if part:
        yield part


def _covers(parts: list[str], url: list[str]) -> bool:
    for index, part in enumerate(parts):
        if ".*" in part or part.endswith(("*", "+")):
            left_out = re.findall(r"\(\?!([^)]*)\)", part)
            return not any(url[index : index + 1] and url[index] in re.findall(r"[\w-]+", text) for text in left_out)
        if index >= len(url):
            return False
        if url[index].startswith(("[...", "[[...")):
            return True
        if not _covers_one(part, url[index]):
            return False
    return len(parts) == len(url)


def _covers_one(part: str, segment: str) -> bool:
    plain = _PLAIN.fullmatch(part)
    if plain is not None:
        return segment.startswith("[") or segment in plain[1].split("|")
    return segment.startswith("[") or part.startswith((":", "(")) or part == segment
