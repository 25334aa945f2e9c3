"""Grammars and parsing; the only importer of tree_sitter."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import tree_sitter

from reviewer.core.text import Source

Node = tree_sitter.Node

MAX_NODES = 400_000
MAX_DEPTH = 1_000
MAX_REMEMBERED = 3 * 1024 * 1024  # bytes of source; a tree takes some twenty-five times as much

_LANGUAGE_OF_SUFFIX = {
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
}


class TooComplex(ValueError):
    """The syntax tree is larger or deeper than the engine accepts."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed file. Nodes must not outlive it."""

    source: Source
    language: str
    root: Node
    owner: tree_sitter.Tree

    def text(self, node: Node) -> str:
        return self.source.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def line(self, node: Node) -> int:
        return node.start_point[0] + 1

    def column(self, node: Node) -> int:
        row_start = node.start_byte - node.start_point[1]
        return self.source.column(row_start, node.start_byte)

    def end_line(self, node: Node) -> int:
        return node.end_point[0] + 1

    def unread(self) -> tuple[tuple[int, int], ...]:
        """First and last lines of the parts the grammar could not make sense of, in order."""
        ranges: list[tuple[int, int]] = []
        stack = [self.root] if self.root.has_error else []
        while stack:
            node = stack.pop()
            if node.is_error or node.is_missing:
                ranges.append((self.line(node), self.end_line(node)))
            else:
                stack.extend(child for child in reversed(node.children) if child.has_error or child.is_missing)
        return tuple(ranges)


def language_of(path: str) -> str | None:
    """The grammar for a script path, or None."""
    dot = path.rfind(".")
    return _LANGUAGE_OF_SUFFIX.get(path[dot:]) if dot >= 0 else None


@cache
def grammar(language: str) -> tree_sitter.Language:
    if language == "javascript":
        import tree_sitter_javascript

        return tree_sitter.Language(tree_sitter_javascript.language())
    if language == "json":
        import tree_sitter_json

        return tree_sitter.Language(tree_sitter_json.language())
    import tree_sitter_typescript

    load = tree_sitter_typescript.language_tsx if language == "tsx" else tree_sitter_typescript.language_typescript
    return tree_sitter.Language(load())


@cache
def _parser(language: str) -> tree_sitter.Parser:
    return tree_sitter.Parser(grammar(language))


@cache
def _query(language: str, pattern: str) -> tree_sitter.Query:
    return tree_sitter.Query(grammar(language), pattern)


class _Recent:
    """The trees of the sources parsed last, for the several readers of a file. Nodes are made anew for each."""

    def __init__(self) -> None:
        self._trees: OrderedDict[tuple[bytes, str], tree_sitter.Tree] = OrderedDict()
        self._kept = 0

    def tree(self, data: bytes, language: str) -> tree_sitter.Tree:
        known = self._trees.get((data, language))
        if known is not None:
            self._trees.move_to_end((data, language))
            return known
        made = _parser(language).parse(data)
        if len(data) <= MAX_REMEMBERED // 4:
            self._trees[data, language] = made
            self._kept += len(data)
        while self._kept > MAX_REMEMBERED:
            (oldest, _), _ = self._trees.popitem(last=False)
            self._kept -= len(oldest)
        return made


_recent = _Recent()


def parse(source: Source, language: str) -> Tree:
    """The syntax tree of a source. Raises TooComplex for trees beyond the node and depth caps."""
    owner = _recent.tree(source.data, language)
    root = owner.root_node
    if root.descendant_count > MAX_NODES:
        raise TooComplex(f"its syntax tree has {root.descendant_count:,} nodes (limit {MAX_NODES:,})")
    return Tree(source, language, root, owner)


def captures(tree: Tree, pattern: str) -> list[tuple[Node, str]]:
    """Every node the query *pattern* captures with its capture name, in source order, outer before inner."""
    found = tree_sitter.QueryCursor(_query(tree.language, pattern)).captures(tree.root)
    rows = [(node, name) for name, nodes in found.items() for node in nodes]
    rows.sort(key=lambda row: (row[0].start_byte, -row[0].end_byte))
    return rows


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON document: its value, and the 1-based line and column of every member and item by path."""

    value: Any
    positions: dict[tuple[str | int, ...], tuple[int, int]]


class InvalidJson(ValueError):
    """Not a JSON document; ``line`` is where it stops being one."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse_json(source: Source) -> Json:
    """Strict JSON with positions; of duplicate keys the last wins, as for npm. Raises InvalidJson, TooComplex."""
    try:
        value = json.loads(source.data.decode())
        if b"\\u" in source.data:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise InvalidJson(error.msg, error.lineno) from None
    except UnicodeEncodeError:
        line = source.data[: source.data.lower().index(b"\\ud")].count(b"\n") + 1
        raise InvalidJson("it holds half of a surrogate pair", line) from None
    except ValueError:
        raise TooComplex("it holds a number with too many digits") from None
    except RecursionError:
        raise TooComplex("it is nested too deeply") from None
    tree = parse(source, "json")
    positions: dict[tuple[str | int, ...], tuple[int, int]] = {}
    for path, node in _json_members(tree):
        positions[path] = (tree.line(node), tree.column(node))
    return Json(value, positions)


def _json_members(tree: Tree) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    stack: list[tuple[tuple[str | int, ...], Node]] = [((), child) for child in tree.root.named_children]
    while stack:
        path, node = stack.pop()
        if len(path) > MAX_DEPTH:
            raise TooComplex("it is nested too deeply")
        if node.type == "object":
            members: dict[str, tuple[Node, Node]] = {}
            for pair in node.named_children:
                key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
                if key is not None and value is not None:
                    members[_json_key(tree.text(key))] = (pair, value)
            for name, (pair, value) in members.items():
                yield (*path, name), pair
                stack.append(((*path, name), value))
        elif node.type == "array":
            for index, item in enumerate(node.named_children):
                yield (*path, index), item
                stack.append(((*path, index), item))


def _json_key(quoted: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        return quoted.strip('"')
