"""Rewrites of a configuration: URL patterns that Next or Vercel send elsewhere, and when they do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.crossorigin import covers
from reviewer.core.files import Files
from reviewer.core.manifest import join
from reviewer.core.nodes import PLAIN_FUNCTIONS
from reviewer.core.roles import Route
from reviewer.core.syntax import Node, TooComplex, Tree, captures, language_of, parse

Phase = Literal["before", "after", "fallback"]

_PHASES: dict[str, Phase] = {"beforeFiles": "before", "afterFiles": "after", "fallback": "fallback"}
_NAMED = "(pair key: (_) @name) (method_definition name: (_) @name)"


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A pattern that is sent elsewhere: before any file is looked at, after those with fixed paths, or at last."""

    source: str
    phase: Phase


def rewrites_of(app: App) -> tuple[Rewrite, ...]:
    """The rewrites of an application, conditional ones included."""
    found = list(_in_config(app.code.files, app.config.path)) if app.config.path else []
    found += _in_vercel(app.code.files, join(app.root, "vercel.json"))
    return tuple(found)


def is_rewritten(rewrites: tuple[Rewrite, ...], route: Route) -> bool:
    """Whether requests a route would answer may be sent elsewhere before it is asked."""
    is_dynamic = "[" in route.pattern
    return any(
        (rewrite.phase == "before" or (rewrite.phase == "after" and is_dynamic))
        and covers(rewrite.source, [route.pattern])
        for rewrite in rewrites
    )


def _in_config(files: Files, path: str) -> Iterator[Rewrite]:
    source, language = files.source(path), language_of(path)
    if source is None or language is None or b"rewrites" not in source.data:
        return
    try:
        tree = parse(source, language)
    except TooComplex:
        return
    for name, _ in captures(tree, _NAMED):
        owner = name.parent
        if owner is not None and tree.text(name) == "rewrites":
            yield from _rules(tree, owner)


def _rules(tree: Tree, owner: Node) -> Iterator[Rewrite]:
    for node, _ in captures(tree, "(object) @object"):
        if not owner.start_byte <= node.start_byte < owner.end_byte:
            continue
        members = dict(_members(tree, node))
        if "source" in members and "destination" in members:
            yield Rewrite(_pattern(tree, members["source"]), _phase(tree, node))


def _members(tree: Tree, object_: Node) -> Iterator[tuple[str, Node]]:
    for child in object_.named_children:
        key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
        if child.type == "pair" and key is not None and value is not None:
            yield tree.text(key).strip("'\""), value


def _pattern(tree: Tree, node: Node) -> str:
    """The text of a source; one that only running code knows may be anything."""
    if node.type in ("string", "template_string"):
        return re.sub(r"\$\{[^}]*\}", ":open", tree.text(node)[1:-1])
    return "/:path*"


def _phase(tree: Tree, node: Node) -> Phase:
    above = node.parent
    while above is not None and above.type not in PLAIN_FUNCTIONS:
        key = above.child_by_field_name("key") if above.type == "pair" else None
        if key is not None and (phase := _PHASES.get(tree.text(key).strip("'\""))) is not None:
            return phase
        if above.type == "variable_declarator":
            name = above.child_by_field_name("name")
            return _PHASES.get(tree.text(name), "after") if name is not None else "after"
        above = above.parent
    return "after"


def _in_vercel(files: Files, path: str) -> Iterator[Rewrite]:
    source = files.source(path) if files.is_file(path) else None
    try:
        config = json.loads(source.data.decode()) if source is not None else None
    except (ValueError, RecursionError):
        return
    rules = config.get("rewrites") if isinstance(config, dict) else None
    for rule in rules if isinstance(rules, list) else ():
        if isinstance(rule, dict) and isinstance(rule.get("source"), str):
            yield Rewrite(rule["source"], "after")
