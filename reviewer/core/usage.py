"""How one file uses names and Node's globals, and which of its lines the Edge runtime leaves out."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter

from reviewer.core.nodes import function_id
from reviewer.core.syntax import Node, Tree, captures, parse
from reviewer.core.text import Source

_INTEREST = "(identifier) @name (shorthand_property_identifier) @name (shorthand_property_identifier_pattern) @declared"
_BRANCHES = (
    "(if_statement) @if (ternary_expression) @if (binary_expression) @and (switch_case) @case (call_expression) @call"
)
_PARAMETERS = frozenset(
    {"formal_parameters", "import_clause", "namespace_import", "rest_pattern", "array_pattern", "object_pattern"}
)
_DECLARING_FIELDS = ("name", "alias", "pattern", "parameter")
_PLAIN_GLOBALS = frozenset({"__dirname", "__filename"})
_CALLED_GLOBALS = frozenset({"setImmediate", "eval", "require", "Function"})
_PROCESS_MEMBERS = frozenset({"nextTick", "version", "versions"})

_VARIABLE = r"process\.env(?:\.NEXT_RUNTIME|\[['\"]NEXT_RUNTIME['\"]\])"
_NODE = re.compile(
    rf"{_VARIABLE}===?['\"`]nodejs|['\"`]nodejs['\"`]===?{_VARIABLE}|{_VARIABLE}!==?['\"`]edge|['\"`]edge['\"`]!==?{_VARIABLE}"
)
_EDGE = re.compile(
    rf"{_VARIABLE}!==?['\"`]nodejs|['\"`]nodejs['\"`]!==?{_VARIABLE}|{_VARIABLE}===?['\"`]edge|['\"`]edge['\"`]===?{_VARIABLE}"
)
_NAME = re.compile(r"(?<![\w$.])[\w$]+")
_BROWSER_ONLY = re.compile(r"\bssr\s*:\s*false\b")


@dataclass(frozen=True, slots=True)
class GlobalUse:
    """A use of something only Node has, and the function it stands in: its id, or -1 at module level."""

    name: str
    line: int
    function: int


@dataclass(frozen=True, slots=True)
class Usage:
    """``values`` are names that stand where a value does, imports aside; ``elsewhere`` the ranges of lines that run
    on Node or in a browser only, in order and apart from each other."""

    values: frozenset[str] = frozenset()
    globals: tuple[GlobalUse, ...] = ()
    elsewhere: tuple[tuple[int, int], ...] = ()

    def runs_elsewhere(self, line: int) -> bool:
        index = bisect_right(self.elsewhere, line, key=itemgetter(0))
        return index > 0 and line <= self.elsewhere[index - 1][1]


def usage_of(source: Source, language: str) -> Usage:
    """The usage of a script the parser has read before. Raises TooComplex as that does."""
    tree = parse(source, language)
    values, uses, dropped = set(), [], set()
    for node, kind in captures(tree, _INTEREST):
        name = tree.text(node)
        if kind == "declared" or declares(node):
            dropped.add(name)
        elif not is_in_type(node):
            values.add(name)
            if _is_asked_for(node):
                dropped.add(name)
            elif label := _global(tree, node, name):
                uses.append((name, GlobalUse(label, tree.line(node), function_id(node))))
    kept = (use for name, use in uses if name not in dropped)
    return Usage(frozenset(values), tuple(kept), tuple(_merged(_elsewhere(tree))))


def declares(node: Node) -> bool:
    """Whether an identifier gives something its name."""
    above = node.parent
    if above is None or above.type in _PARAMETERS:
        return True
    if above.type in ("export_specifier", "jsx_opening_element", "jsx_self_closing_element", "jsx_closing_element"):
        return False
    return any(above.child_by_field_name(field) == node for field in _DECLARING_FIELDS)


def is_in_type(node: Node) -> bool:
    """Whether a name stands in a type: ``typeof x`` of a type, or ``Namespace.Type``."""
    above = node.parent
    while above is not None and above.type in ("member_expression", "nested_identifier"):
        above = above.parent
    return above is not None and above.type in ("type_query", "nested_type_identifier", "generic_type")


def _global(tree: Tree, node: Node, name: str) -> str:
    """How Node's global is called that is used here; '' for anything else."""
    above = node.parent
    if name in _PLAIN_GLOBALS:
        return name
    if above is None or node.type != "identifier":
        return ""
    if name == "process" and above.type == "member_expression" and above.child_by_field_name("object") == node:
        member = above.child_by_field_name("property")
        text = tree.text(member) if member is not None else ""
        return f"process.{text}" if text in _PROCESS_MEMBERS else ""
    called = above.child_by_field_name("function") or above.child_by_field_name("constructor")
    if name not in _CALLED_GLOBALS or called != node:
        return ""
    if name == "require":
        arguments = above.child_by_field_name("arguments")
        first = arguments.named_children[:1] if arguments is not None else []
        return "" if not first or first[0].type in ("string", "template_string") else "require"
    return "new Function" if name == "Function" else name


def _is_asked_for(node: Node) -> bool:
    """Whether ``typeof`` asks first whether a global, or a member of it, is there."""
    above = node.parent
    while above is not None and above.type == "member_expression":
        above = above.parent
    return above is not None and above.type == "unary_expression" and above.children[0].type == "typeof"


# -- what the Edge runtime leaves out ---------------------------------------------------------------------------------


def _elsewhere(tree: Tree) -> Iterator[tuple[int, int]]:
    data = tree.source.data
    if b"NEXT_RUNTIME" not in data and b"ssr" not in data:
        return
    names = _flags(tree)
    for node, kind in captures(tree, _BRANCHES):
        if kind == "call":
            arguments = node.child_by_field_name("arguments")
            if arguments is not None and _BROWSER_ONLY.search(tree.text(arguments)):
                yield _lines(tree, node)
        elif kind == "case":
            yield from _case(tree, node)
        else:
            yield from _branch(tree, node, names)


def _merged(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ranges in order, those that overlap as one."""
    held: tuple[int, int] | None = None
    for first, last in sorted(ranges):
        if held is not None and first <= held[1]:
            held = held[0], max(held[1], last)
        else:
            if held is not None:
                yield held
            held = first, last
    if held is not None:
        yield held


def _flags(tree: Tree) -> dict[str, str]:
    """Constants that hold the answer, such as ``const isNode = process.env.NEXT_RUNTIME === 'nodejs'``."""
    flags = {}
    for node, _ in captures(tree, "(variable_declarator) @declarator"):
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is not None and value is not None and (answer := _asks(tree.text(value), {})):
            flags[tree.text(name)] = answer
    return flags


def _asks(text: str, flags: dict[str, str]) -> str:
    """What a true condition says about the runtime: ``node``, ``edge`` or ''."""
    text = re.sub(r"\s", "", text)
    for match in _NAME.finditer(text) if flags else ():
        name = match.group()
        if answer := flags.get(name):
            opposite = "edge" if answer == "node" else "node"
            return opposite if f"!{name}" in text else answer
    return "node" if _NODE.search(text) else "edge" if _EDGE.search(text) else ""


def _branch(tree: Tree, node: Node, flags: dict[str, str]) -> Iterator[tuple[int, int]]:
    condition = node.child_by_field_name("condition") or node.child_by_field_name("left")
    operator = node.child_by_field_name("operator")
    if condition is None or (operator is not None and tree.text(operator) != "&&"):
        return
    answer = _asks(tree.text(condition), flags)
    then, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
    node_side = (then or node.child_by_field_name("right")) if answer == "node" else other if answer else None
    if node_side is not None:
        yield _lines(tree, node_side)
    if answer == "edge" and then is not None and re.search(r"\b(?:return|throw)\b", tree.text(then)):
        around = node.parent
        if around is not None and node.type == "if_statement":
            yield tree.end_line(node) + 1, tree.end_line(around)


def _case(tree: Tree, node: Node) -> Iterator[tuple[int, int]]:
    value, switch = node.child_by_field_name("value"), node.parent.parent if node.parent is not None else None
    tested = switch.child_by_field_name("value") if switch is not None else None
    if value is None or tested is None or "NEXT_RUNTIME" not in tree.text(tested):
        return
    if tree.text(value)[1:-1] == "nodejs":
        yield _lines(tree, node)


def _lines(tree: Tree, node: Node) -> tuple[int, int]:
    return tree.line(node), tree.end_line(node)
