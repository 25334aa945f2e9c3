"""Where a file compares a secret with what a request brought, or turns a request away for want of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.nodes import FUNCTIONS, functions_around
from reviewer.core.scopes import pattern_names
from reviewer.core.syntax import Node, Tree, captures, parse
from reviewer.core.text import Source

GuardKind = Literal["session", "token", "signature", "secret", "wrapper"]

MAX_TEXT = 600  # of a condition with its names explained; longer ones are read as far as this
ROUNDS = 2  # names explained by names

_INTEREST = "(binary_expression) @binary (if_statement) @if (ternary_expression) @if (variable_declarator) @declarator"
_EQUALITY = frozenset({"==", "===", "!=", "!=="})
_LITERALS = frozenset({"null", "undefined", "true", "false", "number", "string"})

_AUTH = r"auth(?!or(?!i[sz]))"
_CREDENTIAL = re.compile(rf"{_AUTH}|secret|token|signature|api[-_]?key|passw|bearer|hmac|digest", re.IGNORECASE)
_REQUEST = re.compile(r"header|authorization|cookie|query|searchParams|nextUrl|\bparams\b|\bbody\b", re.IGNORECASE)
_CONSTANT = re.compile(
    r"(?<![A-Za-z0-9_$])[A-Z0-9_]*(?:SECRET|TOKEN|KEY|PASSWORD|SIGNATURE)[A-Z0-9_]*(?![A-Za-z0-9_$])"
)
_SUBJECT = re.compile(
    rf"session|user|{_AUTH}|token|cookie|header|secret|key|signature|role|admin|permission|owner|member|access|allowed|"
    r"logged|login|account|viewer|identity",
    re.IGNORECASE,
)
_REFUSES = re.compile(
    r"\b40[13]\b|un-?authori[sz]ed|un-?authenticated|forbidden|not[ _-]?(?:authenticated|authori[sz]ed)|access.?denied",
    re.IGNORECASE,
)
_ASKS_TO_SIGN_IN = re.compile(r"\b401\b|un-?authori[sz]ed|un-?authenticated|not[ _-]?authenticated", re.IGNORECASE)
_REDIRECTS = re.compile(r"\bredirect\w*\s*\(", re.IGNORECASE)
_VISITOR = re.compile(rf"session|user|{_AUTH}|token|cookie", re.IGNORECASE)
_OF_AN_ERROR = re.compile(
    r"\b(?:e|ex|err|error|exception)\??\.|\binstanceof\b|\.status(?:Code)?\b|\bis\w{0,80}Error\w{0,80}\(|"
    r"\w\(\s*(?:e|ex|err|error|exception)\s*[,)]"
)
_TAKES_AN_ERROR = re.compile(r"[({\s]*(?:e|ex|err|error|exception)\b")
_NAME = re.compile(r"(?<![\w$.'\"`-])[A-Za-z_$][\w$]*")
_KINDS: tuple[tuple[GuardKind, re.Pattern[str]], ...] = (
    ("signature", re.compile(r"signature|hmac|digest", re.IGNORECASE)),
    ("secret", re.compile(r"secret|api[-_]?key|passw|[A-Z]_KEY|authorization", re.IGNORECASE)),
    ("token", re.compile(r"token|bearer|jwt", re.IGNORECASE)),
)
MAY_REFUSE = re.compile(
    rb"40[13]|nauthori|nauthentic|orbidden|ecret|SECRET|[tT]oken|TOKEN|[sS]ignature|[aA]pi-?_?[kK]ey|_KEY|assword|"
    rb"PASSWORD|[aA]uthor|uthenticated|AUTHENTICATED|FORBIDDEN|UNAUTH|edirect|[dD]enied"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A comparison with a secret, or a branch that turns a request away; ``functions`` are those it stands in."""

    name: str
    kind: GuardKind
    line: int
    functions: frozenset[int]


def refusals_of(source: Source, language: str) -> tuple[Refusal, ...]:
    """The refusals of a script the parser has read before, in source order. Raises TooComplex as that does."""
    if MAY_REFUSE.search(source.data) is None:
        return ()
    return tuple(_Reading(parse(source, language)).refusals())


class _Reading:
    """One tree with what its constants are made of."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.nodes = captures(tree, _INTEREST)
        self.values: dict[str, str] = {}
        for node, kind in self.nodes:
            name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
            if kind == "declarator" and name is not None and value is not None and value.type not in FUNCTIONS:
                text = tree.text(value)[:MAX_TEXT]
                for bound, steps in pattern_names(tree, name):
                    self.values[bound] = text + "".join(steps)

    def refusals(self) -> Iterator[Refusal]:
        for node, kind in self.nodes:
            if kind == "binary":
                found = self._comparison(node)
            elif kind == "if":
                found = self._branch(node)
            else:
                continue
            if found is not None:
                yield Refusal(
                    *found, self.tree.line(node), frozenset(function.start_byte for function in functions_around(node))
                )

    def _explained(self, node: Node) -> str:
        """The text of an expression, followed by what the names in it were declared as."""
        text, seen = self.tree.text(node)[:MAX_TEXT], set[str]()
        for _ in range(ROUNDS):
            names = [name for name in _NAME.findall(text) if name in self.values and name not in seen]
            seen.update(names)
            text = " ".join([text, *(self.values[name] for name in dict.fromkeys(names))])[:MAX_TEXT]
        return text

    def _comparison(self, node: Node) -> tuple[str, GuardKind] | None:
        operator = node.child_by_field_name("operator")
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if operator is None or left is None or right is None or self.tree.text(operator) not in _EQUALITY:
            return None
        texts = [self._explained(side) for side in (left, right)]
        for side, text, other in ((left, texts[0], right), (right, texts[1], left)):
            if self._is_nothing(other):
                continue
            known = _CONSTANT.search(text) and other.type not in _LITERALS and not _is_typeof(side)
            if known or (_REQUEST.search(text) and _CREDENTIAL.search(text)):
                return "comparison", _kind(" ".join(texts), "secret")
        return None

    def _is_about_an_error(self, node: Node) -> bool:
        """Whether a branch stands in a catch clause, or in a function that makes an answer of an error."""
        above = node.parent
        while above is not None and above.type not in FUNCTIONS:
            if above.type == "catch_clause":
                return True
            above = above.parent
        given = (above.child_by_field_name("parameters") or above.child_by_field_name("parameter")) if above else None
        return given is not None and _TAKES_AN_ERROR.match(self.tree.text(given)[:MAX_TEXT]) is not None

    def _is_nothing(self, node: Node) -> bool:
        return node.type in ("null", "undefined", "true", "false", "number") or self.tree.text(node) in ('""', "''")

    def _branch(self, node: Node) -> tuple[str, GuardKind] | None:
        condition = node.child_by_field_name("condition")
        if (
            condition is None
            or self._is_about_an_error(node)
            or _OF_AN_ERROR.search(self.tree.text(condition)[:MAX_TEXT])
        ):
            return None
        asked = self._explained(condition)
        sides = [node.child_by_field_name(field) for field in ("consequence", "alternative")]
        answers = [self.tree.text(side)[:MAX_TEXT] for side in sides if side is not None]
        refuses = _SUBJECT.search(asked) and any(map(_REFUSES.search, answers))
        refuses = refuses or any(map(_ASKS_TO_SIGN_IN.search, answers))
        if refuses or (_VISITOR.search(asked) and any(map(_REDIRECTS.search, answers))):
            return "refusal", _kind(asked, "session")
        return None


def _kind(text: str, otherwise: GuardKind) -> GuardKind:
    return next((kind for kind, pattern in _KINDS if pattern.search(text)), otherwise)


def _is_typeof(node: Node) -> bool:
    return node.type == "unary_expression"
