"""Where the functions of a file mention given names, and whether a request can be answered without getting there."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from reviewer.core.nodes import FUNCTIONS
from reviewer.core.syntax import Node, Tree, captures, parse
from reviewer.core.text import Source
from reviewer.core.usage import declares, is_in_type

_NAMES = "(identifier) @name (shorthand_property_identifier) @name"
_MAX_REFUSAL = 3  # statements; what is longer answers in a way of its own
_REFUSES = re.compile(
    r"(?i)\b[45]\d\d\b|\bthrow\b|\b204\b|redirect|notfound|error|forbidden|unauthori|invalid|denied|missing|required|fail"
    r"|\b(?:success|ok)\s*:\s*false|\bmessage\b|^return\s*(?:null|undefined|false|\[\]|''|\"\"|\{\})?\s*;?$"
)
_VALIDATES = re.compile(
    r"^\(\s*!|typeof|===?\s*(?:0|null|undefined|false)\b|(?i:\boptions\b|\bhead\b|error)|\bmethod\s*!==?"
)
_NAME = re.compile(r"(?<![.\w$'\"])[A-Za-z_$][\w$]*")
_SET_UP_ONCE = re.compile(r"(?i)apps(?:\(\))?\??\.length|initiali[sz]ed\b|readystate|\bglobal(?:this)?\b")
_METHOD = re.compile(r"\bmethod\b")
_CLAUSES = frozenset({"switch_case", "switch_default"})
_SHORT_CIRCUITS = frozenset({"&&", "||", "??"})


Turn = tuple[int, int]  # a branching place and the side of it that is taken, by their first bytes


@dataclass(frozen=True, slots=True)
class Mention:
    """A place that names something.

    ``owner`` is the declaration of the module it stands in, '' for other statements. ``functions`` are the functions
    around it, innermost first: the id of each, and the turns in it that lead to the place where another side comes to a
    good end.
    """

    name: str
    line: int
    owner: str
    functions: tuple[tuple[int, tuple[Turn, ...]], ...] = ()

    def turns_in(self, function: int) -> tuple[Turn, ...] | None:
        """The turns that lead to the place in a function; None where it is not in it."""
        return next((turns for id, turns in self.functions if id == function), None)

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The turns that lead to the place from where its owner starts."""
        return self.functions[-1][1] if self.functions else ()


@dataclass(frozen=True, slots=True)
class Mentions:
    """The mentions of a file; ``elsewhere`` are the names that types of the file mention as well."""

    places: tuple[Mention, ...] = ()
    elsewhere: frozenset[str] = frozenset()


def mentions_of(source: Source, language: str, names: Collection[str]) -> Mentions:
    """Where a script the parser has read before mentions names as values. Raises TooComplex as that does."""
    tree = parse(source, language)
    places, elsewhere = [], set()
    early: _Early = {}
    for node, _ in captures(tree, _NAMES):
        name = tree.text(node)
        if name in names and not declares(node):
            if is_in_type(node):
                elsewhere.add(name)
            else:
                places.append(_mention(tree, node, name, early))
    return Mentions(tuple(places), frozenset(elsewhere))


_Early = dict[int, list[int]]  # by block, the statements in it that answer early: first bytes of all


def _mention(tree: Tree, node: Node, name: str, early: _Early) -> Mention:
    functions: list[tuple[int, tuple[Turn, ...]]] = []
    turns: tuple[Turn, ...] = ()
    child, owner = node, ""
    while child.parent is not None:
        above = child.parent
        if above.type in FUNCTIONS:
            functions.append((above.start_byte, turns))
        else:
            turns += tuple(_turns(tree, above, child, early))
        owner = _declared(tree, above) or owner
        child = above
    return Mention(name, tree.line(node), owner, tuple(functions))


def _declared(tree: Tree, node: Node) -> str:
    """The name a declaration gives; along the way up, the outermost one stays."""
    if node.type not in ("variable_declarator", "function_declaration", "class_declaration"):
        return ""
    name = node.child_by_field_name("name")
    return tree.text(name) if name is not None and name.type in ("identifier", "type_identifier") else ""


def _turns(tree: Tree, above: Node, child: Node, early: _Early) -> Iterator[Turn]:
    """The turns at what encloses a place, where another side of it comes to a good end."""
    side = child.start_byte
    if above.type == "if_statement":
        if _other_side_answers(tree, above, child):
            yield above.start_byte, side
    elif above.type in _CLAUSES:
        if child != above.child_by_field_name("value") and _another_clause_answers(tree, above):
            yield (above.parent or above).start_byte, above.start_byte
    elif above.type == "ternary_expression":
        if child != above.child_by_field_name("condition"):
            yield above.start_byte, side
    elif above.type == "binary_expression":
        operator = above.child_by_field_name("operator")
        if operator is not None and operator.type in _SHORT_CIRCUITS and child == above.child_by_field_name("right"):
            yield above.start_byte, side
    elif above.type == "catch_clause":
        yield above.start_byte, side
    elif above.type == "statement_block":
        if above.start_byte not in early:
            early[above.start_byte] = [node.start_byte for node in above.named_children if _answers_early(tree, node)]
        yield from ((start, -1) for start in early[above.start_byte] if start < side)


def _answers_early(tree: Tree, node: Node) -> bool:
    """Whether a statement ends some requests well, such as those a cache can answer; refusals are none."""
    if node.type != "if_statement":
        return False
    condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
    if condition is None or then is None or _VALIDATES.search(tree.text(condition)) or _is_kept(tree, condition):
        return False
    statements = _statements(then)
    return bool(statements) and statements[-1].type == "return_statement" and not _refuses(tree, statements)


def _other_side_answers(tree: Tree, branch: Node, child: Node) -> bool:
    condition = branch.child_by_field_name("condition")
    if condition is None or child == condition or _is_kept(tree, condition):
        return False
    then, other = branch.child_by_field_name("consequence"), branch.child_by_field_name("alternative")
    if child == other:
        return then is not None and not _refuses(tree, _statements(then))
    if other is not None:
        return _answers(tree, other)
    rest = _after(branch)
    return not _refuses(tree, rest) if rest else _METHOD.search(tree.text(condition)) is None


def _is_kept(tree: Tree, condition: Node) -> bool:
    """Whether a condition asks for what the process made before and keeps: then the first request still needs it."""
    text = tree.text(condition)
    if _SET_UP_ONCE.search(text):
        return True
    names = "|".join(re.escape(name) for name in sorted(set(_NAME.findall(text))))
    kept = rf"^(?:export\s+)?(?:let|var)\s+(?:{names})\b" if names else ""
    return bool(kept) and re.search(kept.encode(), tree.source.data, re.MULTILINE) is not None


def _answers(tree: Tree, other: Node) -> bool:
    """Whether an ``else``, or one of the branches it goes on to, comes to a good end."""
    inner = other.named_children[0] if other.type == "else_clause" and other.named_children else other
    if inner.type != "if_statement":
        return not _refuses(tree, _statements(inner))
    then, further = inner.child_by_field_name("consequence"), inner.child_by_field_name("alternative")
    if then is not None and not _refuses(tree, _statements(then)):
        return True
    return further is not None and _answers(tree, further)


def _after(statement: Node) -> list[Node]:
    """The statements that follow one in its block, or in the blocks around it, up to its function."""
    node = statement
    while node.parent is not None and node.parent.type not in FUNCTIONS:
        above = node.parent
        if above.type == "statement_block":
            rest = [other for other in above.named_children if other.start_byte >= node.end_byte]
            rest = [other for other in rest if other.type != "comment"]
            if rest:
                return rest
        node = above
    return []


def _another_clause_answers(tree: Tree, clause: Node) -> bool:
    switch = clause.parent
    others = [other for other in switch.named_children if other != clause] if switch is not None else []
    for other in others:
        value = other.child_by_field_name("value")
        body = [node for node in other.named_children if node != value and node.type != "comment"]
        statements = _statements(body[0]) if len(body) == 1 else body
        if statements and not _refuses(tree, statements):
            return True
    return False


def _statements(node: Node) -> list[Node]:
    """The statements of a block, those of a ``try`` for the ``try`` itself."""
    if node.type != "statement_block":
        return [node]
    statements = [child for child in node.named_children if child.type != "comment"]
    if len(statements) == 1 and statements[0].type == "try_statement":
        body = statements[0].child_by_field_name("body")
        return _statements(body) if body is not None else statements
    return statements


def _refuses(tree: Tree, statements: Sequence[Node]) -> bool:
    """Whether statements turn a request down, or do nothing for it."""
    kept = [node for node in statements if node.type not in ("break_statement", "empty_statement")]
    if len(kept) > _MAX_REFUSAL:
        return False
    return not kept or any(_REFUSES.search(tree.text(node)) for node in kept)
