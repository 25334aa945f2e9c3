"""How long route files ask to run: ``maxDuration`` as it is written, and what that amounts to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.facts import Expr, Ref
from reviewer.core.finding import Site
from reviewer.core.graph import ImportGraph
from reviewer.core.roles import Route, is_ignored_route
from reviewer.core.scopes import strip
from reviewer.core.syntax import Node, Tree, captures, parse

NAME = "maxDuration"
SEGMENTS = frozenset({"page", "layout", "route"})
_OPTIONS = frozenset({"runtime", "dynamic", "revalidate", "dynamicParams", "fetchCache", "preferredRegion"})
_NUMBERS = re.compile(rb"\bmaxDuration['\"]?\s*[:=]\s*(?:([0-9]{1,9})(?=\s*(?:[;,\n\r}]|//))|)")
_UNSEEN = re.compile(rb"\bexport\s*(?:(?:let|var)\s+maxDuration\b|\{[^}]*\bmaxDuration\b)")
_PLAIN = re.compile(r"0[xX][0-9a-fA-F]{1,12}|[0-9][0-9_]{0,15}(?:\.[0-9]{0,9})?(?:[eE][0-9]{1,2})?")
_NOTE = re.compile(r"(?://|\*).*(?:\bextended\b|\bbeta\b|\b1800\b|\b30[ -]?min)", re.IGNORECASE)
MAX_FOLDED = 20  # operators of one expression

Place = Literal["segment", "pages", "nested"]
Nature = Literal["literal", "computed", "unseen", "unread"]


@dataclass(frozen=True, slots=True)
class Duration:
    """A duration a file declares. ``seconds`` is what it amounts to, None where that cannot be told.

    ``nature`` says how it is written: ``literal`` is a plain number; ``computed`` is what Next does not take for one,
    as measured on 15 and 16; ``unseen`` is exported in a form that is passed over, as measured there too; of anything
    else it is not known what Next makes. ``noted`` says that a comment beside it
    speaks of a limit beyond the usual one.
    """

    place: Place
    nature: Nature
    text: str
    seconds: int | None
    path: str
    line: int
    column: int
    end_line: int
    noted: bool = False

    def site(self, message: str) -> Site:
        return Site(self.path, self.line, self.column, self.end_line, message)


def declared(code: Code, route: Route, harmless: int) -> Duration | None:
    """What a route file asks for; None where its text holds nothing but plain numbers up to *harmless*."""
    if route.role != "pages-api-route" and route.path.rpartition("/")[2].partition(".")[0] not in SEGMENTS:
        return None
    raw = code.files.raw(route.path) or b""
    may_be_nested = route.role == "pages-api-route" and b"api:" in raw
    plain = all(number and int(number) <= harmless for number in _NUMBERS.findall(raw))
    if plain and not may_be_nested and b"edge" not in raw and not _UNSEEN.search(raw):
        return None
    tree = code.read(route.path, parse)
    if tree is None:
        return None
    return (
        _in_config(code, tree, route.path) if route.role == "pages-api-route" else _in_segment(code, tree, route.path)
    )


def stray(app: App, graph: ImportGraph, path: str) -> Duration | None:
    """``export const maxDuration`` in a file of the App Router's directory that Next takes no options from.

    None where the name is used, in the file or by another one, or where nothing says that Next is meant to read it.
    """
    facts = app.code.surface(path)
    if facts is None or facts.export(NAME) is None or is_ignored_route(path[len(app.app_dir) + 1 :]):
        return None
    tree = app.code.read(path, parse)
    found = _in_segment(app.code, tree, path) if tree is not None else None
    if tree is None or found is None or found.nature != "literal":
        return None
    names = [node for node, _ in captures(tree, "(identifier) @name (shorthand_property_identifier) @name")]
    used = sum(tree.text(node) == NAME for node in names) > 1
    is_config = path.rpartition("/")[2].rpartition(".")[0] in ("config", "route.config")
    says_so = any(facts.export(name) is not None for name in _OPTIONS) or "use server" in facts.directives
    return found if (is_config or says_so) and not used and not _is_wanted(app.code, graph, path) else None


def _is_wanted(code: Code, graph: ImportGraph, path: str) -> bool:
    """Whether another file takes the name, or everything, from this one."""
    for importer in graph.importers(path):
        facts = code.facts(importer)
        if facts is None:
            return True
        here = [item for item in facts.imports if code.resolver.resolve(importer, item.module) == path]
        names = {imported for item in here for imported, _ in item.names}
        names |= {e.imported for e in facts.exports if e.module and code.resolver.resolve(importer, e.module) == path}
        if names & {NAME, "*"} or any(item.kind in ("require", "dynamic") for item in here):
            return True
    return False


# -- where it stands ---------------------------------------------------------------------------------------------------


def _exported(tree: Tree, name: str) -> Node | None:
    """The value of ``export const name = …``."""
    for statement in tree.root.named_children:
        declaration = statement.child_by_field_name("declaration") if statement.type == "export_statement" else None
        if declaration is None or declaration.type != "lexical_declaration" or declaration.children[0].type != "const":
            continue
        for declarator in declaration.named_children:
            named = declarator.child_by_field_name("name")
            if named is not None and tree.text(named) == name:
                return declarator.child_by_field_name("value")
    return None


def _in_segment(code: Code, tree: Tree, path: str) -> Duration | None:
    value = _exported(tree, NAME)
    return _duration(code, tree, path, value, "segment") if value is not None else _unseen(code, path)


def _unseen(code: Code, path: str) -> Duration | None:
    """``let``, and names that an export clause passes on."""
    facts = code.surface(path)
    export = facts.export(NAME) if facts is not None else None
    if export is None:
        return None
    return Duration("segment", "unseen", NAME, None, path, export.line, export.column, export.end_line)


def _in_config(code: Code, tree: Tree, path: str) -> Duration | None:
    """``config.maxDuration`` of a Pages API route, or what stands one level too deep."""
    config = _exported(tree, "config")
    value = _member(tree, config, NAME)
    if value is not None:
        return _duration(code, tree, path, value, "pages")
    nested = _member(tree, _member(tree, config, "api"), NAME)
    return _duration(code, tree, path, nested, "nested") if nested is not None else None


def _member(tree: Tree, node: Node | None, name: str) -> Node | None:
    object_ = strip(node) if node is not None else None
    for pair in object_.named_children if object_ is not None and object_.type == "object" else ():
        key = pair.child_by_field_name("key")
        if pair.type == "pair" and key is not None and tree.text(key).strip("'\"") == name:
            return pair.child_by_field_name("value")
    return None


# -- what it amounts to ------------------------------------------------------------------------------------------------

_COMPUTED = frozenset(
    {"binary_expression", "call_expression", "member_expression", "ternary_expression", "unary_expression"}
    | {"parenthesized_expression"}
)


def _duration(code: Code, tree: Tree, path: str, node: Node, place: Place) -> Duration:
    nature: Nature = "unread"
    seconds = None
    if node.type == "number":
        nature, seconds = "literal", _number(tree.text(node))
    elif node.type in _COMPUTED or _is_name(tree, node) or _is_template(node):
        nature, seconds = "computed", _folded(code, tree, path, node, [])
    line, source = tree.line(node), tree.source
    noted = any(_NOTE.search(source.line_text(near)) for near in (line, max(line - 1, 1)))
    return Duration(place, nature, tree.text(node), seconds, path, line, tree.column(node), tree.end_line(node), noted)


def _is_name(tree: Tree, node: Node) -> bool:
    return node.type == "identifier" and tree.text(node) != "undefined"


def _is_template(node: Node) -> bool:
    return node.type == "template_string" and any(child.type == "template_substitution" for child in node.children)


def _number(text: str) -> int | None:
    if not _PLAIN.fullmatch(text):
        return None
    value = int(text, 16) if text[:2].lower() == "0x" else float(text.replace("_", ""))
    return int(value) if value == int(value) else None


def _folded(code: Code, tree: Tree, path: str, node: Node, met: list[Node]) -> int | None:
    """The number an expression of plain numbers amounts to, or the constant that a name stands for."""
    node = strip(node)
    met.append(node)
    if len(met) > MAX_FOLDED:
        return None
    if node.type == "number":
        return _number(tree.text(node))
    if node.type == "identifier":
        return _constant(code, path, tree.text(node))
    if node.type == "call_expression":
        return _converted(code, tree, path, node, met)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    operator = node.child_by_field_name("operator")
    if node.type != "binary_expression" or left is None or right is None or operator is None:
        return None
    values = _folded(code, tree, path, left, met), _folded(code, tree, path, right, met)
    if values[0] is None or values[1] is None:
        return None
    return {"*": values[0] * values[1], "+": values[0] + values[1]}.get(tree.text(operator))


def _converted(code: Code, tree: Tree, path: str, call: Node, met: list[Node]) -> int | None:
    """``Number(300)``."""
    callee, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    given = arguments.named_children if arguments is not None else []
    is_number = callee is not None and tree.text(callee) == "Number"
    return _folded(code, tree, path, given[0], met) if is_number and len(given) == 1 else None


def _constant(code: Code, path: str, name: str) -> int | None:
    """The plain number a name of the module stands for, in this file or in one it is imported from."""
    facts = code.surface(path)
    if facts is None:
        return None
    value = facts.values.get(name)
    for item in facts.imports if value is None else ():
        for imported, local in item.names:
            if local == name:
                value = Expr("ref", item.line, 1, item.line, name, Ref("import", imported, item.module))
    _, found = code.follow(path, value) if value is not None else (path, None)
    return _number(found.name) if found is not None and found.kind == "number" else None
