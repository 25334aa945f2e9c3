"""Control flow of one Pages API handler: what may still run on a path that has answered the request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.callresults import KEEPERS, spelled
from reviewer.core.nodes import FUNCTIONS, parameters
from reviewer.core.scopes import is_await_call, strip
from reviewer.core.syntax import Node, Tree, parse
from reviewer.core.text import Source

ANSWERS = frozenset({"json", "send", "end", "redirect", "sendStatus"})
_PREPARES = frozenset({"status", "setHeader", "appendHeader", "writeHead", "setPreviewData", "clearPreviewData"})
_LOOPS = ("for_statement", "for_in_statement", "while_statement", "do_statement")
_SKIPPED = (*FUNCTIONS, "class_declaration", "class", "comment", "type_annotation", "type_arguments")
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")
_ASSIGNED = re.compile(r"([A-Za-z_$][\w$]*)\s*=(?![=>])")
_IS_ANSWERED = re.compile(r"\b(?:headersSent|writableEnded|finished)\b")
_ANSWER = re.compile(rb"\n[ \t]*(?!return\b)[^\n]*\.(?:json|send|end|redirect|sendStatus)\(")
_UNANSWERED = -1

State = frozenset[int]  # what may have answered: indices of answers, _UNANSWERED; empty where nothing gets to


@dataclass(frozen=True, slots=True)
class Step:
    """Something a handler does after an answer: an ``await``, or a call; ``start`` and ``place`` as in its facts."""

    kind: Literal["await", "call"]
    name: str
    start: int
    place: int
    line: int
    column: int
    end_line: int


@dataclass(slots=True)
class Answer:
    """A call that ends the response, and the steps that may follow it.

    ``goes_on`` says that another answer follows as well: the handler seems to have missed a ``return``.
    """

    name: str
    line: int
    column: int
    end_line: int
    branches: tuple[int, ...]
    names: frozenset[str]
    steps: list[Step] = field(default_factory=list)
    goes_on: bool = False


def may_follow_answer(data: bytes) -> bool:
    """Whether a script may hold an answer that something follows, by a cheap look."""
    answer = _ANSWER.search(data)
    return answer is not None and re.compile(rb"\bawait\b|\n[ \t]*[\w$.]+\(").search(data, answer.end()) is not None


def answers_of(source: Source, language: str, function: int) -> tuple[Answer, ...]:
    """The answers of a handler ``(req, res)`` that steps follow. Raises TooComplex for trees beyond the caps."""
    if not may_follow_answer(source.data):
        return ()
    tree = parse(source, language)
    node = tree.root.descendant_for_byte_range(function, function)
    while node is not None and node.type not in FUNCTIONS and node.start_byte == function:
        node = node.parent
    listed = parameters(node) if node is not None and node.type in FUNCTIONS else []
    if node is None or len(listed) < 2 or listed[1].type != "identifier":
        return ()
    walk = _Walk(tree, tree.text(listed[1]))
    body = node.child_by_field_name("body")
    if body is not None and body.type == "statement_block":
        walk.statements(body.named_children, frozenset({_UNANSWERED}))
    return tuple(answer for answer in walk.answers if answer.steps)


class _Walk:
    def __init__(self, tree: Tree, response: str) -> None:
        self.tree = tree
        self.responses = {response}
        self.answers: list[Answer] = []
        self.branches: list[tuple[int, frozenset[str]]] = []
        self.leaving: list[State] = []
        self.breaking: list[State] = []

    # -- statements ---------------------------------------------------------------------------------------------------

    def statements(self, nodes: Iterable[Node], state: State) -> State:
        """The state after statements in a row."""
        for node in nodes:
            if not state:
                break
            state = self._statement(node, state)
        return state

    def _statement(self, node: Node, state: State) -> State:
        kind = node.type
        if kind == "statement_block":
            return self.statements(node.named_children, state)
        if kind == "if_statement":
            return self._if(node, state)
        if kind == "try_statement":
            return self._try(node, state)
        if kind == "switch_statement":
            return self._switch(node, state)
        if kind in _LOOPS:
            return self._loop(node, state)
        if kind == "labeled_statement":
            body = node.child_by_field_name("body")
            return self._statement(body, state) if body is not None else state
        state = self._expression(node, state)
        if kind in ("return_statement", "throw_statement"):
            if kind == "return_statement" and self.leaving:
                self.leaving[-1] |= state
            return frozenset()
        if kind in ("break_statement", "continue_statement"):
            if self.breaking:
                self.breaking[-1] |= state
            return frozenset()
        if kind in ("lexical_declaration", "variable_declaration"):
            self._alias(node)
        return state

    def _alias(self, declaration: Node) -> None:
        for child in declaration.named_children:
            name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
            if name is not None and value is not None and self.tree.text(strip(value)) in self.responses:
                self.responses.add(self.tree.text(name))

    @contextmanager
    def _branch(self, node: Node, condition: Node | None) -> Iterator[None]:
        """Code that may not run. Names its condition reads, or that it sets, may tell later that it ran."""
        text = self.tree.text(condition) if condition is not None else ""
        names = {*_IDENTIFIER.findall(text), *_ASSIGNED.findall(self.tree.text(node))}
        self.branches.append((node.start_byte, frozenset(names)))
        yield
        self.branches.pop()

    def _if(self, node: Node, state: State) -> State:
        condition = node.child_by_field_name("condition")
        then, other = node.child_by_field_name("consequence"), node.child_by_field_name("alternative")
        if condition is None or then is None:
            return state
        state = self._expression(condition, state)
        if _IS_ANSWERED.search(self.tree.text(condition)):
            state &= {_UNANSWERED}
        with self._branch(then, condition):
            after_then = self._statement(then, state)
        after_other = state
        if other is not None:
            with self._branch(other, condition):
                after_other = self.statements(other.named_children, state)
        if not after_then or not after_other:
            return self._told_apart(condition, after_then | after_other)
        return after_then | after_other

    def _told_apart(self, condition: Node, state: State) -> State:
        """What gets past a condition that leaves: not an answer whose own condition reads or sets the same names."""
        names = set(_IDENTIFIER.findall(self.tree.text(condition)))
        return frozenset(index for index in state if index == _UNANSWERED or not self.answers[index].names & names)

    def _try(self, node: Node, state: State) -> State:
        body, handler, last = (node.child_by_field_name(name) for name in ("body", "handler", "finalizer"))
        if last is not None:
            self.leaving.append(frozenset())
        after = self._statement(body, state) if body is not None else state
        if handler is not None:
            with self._branch(handler, None):
                caught = handler.child_by_field_name("body")
                after |= self._statement(caught, state) if caught is not None else state
        if last is not None:
            left = self.leaving.pop()
            block = next((child for child in last.named_children if child.type == "statement_block"), None)
            if block is not None:
                self.statements(block.named_children, after | left)
        return after

    def _switch(self, node: Node, state: State) -> State:
        value, body = node.child_by_field_name("value"), node.child_by_field_name("body")
        state = self._expression(value, state) if value is not None else state
        self.breaking.append(frozenset())
        falling: State = frozenset()
        has_default = False
        for case in body.named_children if body is not None else ():
            has_default = has_default or case.type == "switch_default"
            with self._branch(case, value):
                listed = [child for child in case.named_children if child != case.child_by_field_name("value")]
                falling = self.statements(listed, falling | state)
        return falling | self.breaking.pop() | (frozenset() if has_default else state)

    def _loop(self, node: Node, state: State) -> State:
        """One turn: a second would meet what the first one answered, which loops check in ways nobody can tell."""
        heads = [node.child_by_field_name(name) for name in ("initializer", "condition", "right")]
        for head in heads:
            state = self._expression(head, state) if head is not None else state
        if node.type == "for_in_statement" and any(child.type == "await" for child in node.children):
            self._step("await", node, node, state)
        body = node.child_by_field_name("body")
        self.breaking.append(frozenset())
        with self._branch(node, None):
            after = self._statement(body, state) if body is not None else state
        return after | self.breaking.pop() | (frozenset() if node.type == "do_statement" else state)

    # -- expressions --------------------------------------------------------------------------------------------------

    def _expression(self, node: Node, state: State) -> State:
        """The state after an expression, its parts taken in the order they are evaluated."""
        kind = node.type
        if kind in _SKIPPED:
            return state
        if kind in ("ternary_expression", "binary_expression"):
            return self._conditional(node, state)
        if kind == "await_expression" or is_await_call(node):
            return self._awaited(node, state)
        if kind == "call_expression":
            if spelled(self.tree, node.child_by_field_name("function")).rpartition(".")[2] in KEEPERS:
                return state
            state = self._parts(node, state)
            if self._is_answer(node):
                return self._answered(node, state)
            self._step("call", node, node, state)
            return state
        return self._parts(node, state)

    def _parts(self, node: Node, state: State) -> State:
        for child in node.named_children:
            state = self._expression(child, state)
        return state

    def _conditional(self, node: Node, state: State) -> State:
        first, *others = [child for child in node.named_children if child.type != "comment"]
        state = self._expression(first, state)
        operator = node.child_by_field_name("operator")
        if operator is not None and self.tree.text(operator) not in ("&&", "||", "??"):
            return self._expression(others[0], state) if others else state
        after = state if operator is not None else frozenset()
        for other in others:
            with self._branch(other, first):
                after |= self._expression(other, state)
        return after

    def _awaited(self, node: Node, state: State) -> State:
        operand = strip(node)
        if operand.type == "call_expression" and self._is_answer(operand):
            return self._expression(operand, state)
        self._step("await", node, operand, state)
        return state

    def _is_answer(self, call: Node) -> bool:
        """Whether a call is ``res.json(…)`` of the handler's own response, after any calls that prepare it."""
        wanted = ANSWERS
        while call.type == "call_expression":
            callee = call.child_by_field_name("function")
            callee = strip(callee) if callee is not None else None
            property_ = callee.child_by_field_name("property") if callee is not None else None
            if callee is None or property_ is None or self.tree.text(property_) not in wanted:
                return False
            object_ = callee.child_by_field_name("object")
            if object_ is None:
                return False
            call, wanted = strip(object_), _PREPARES
        return call.type == "identifier" and self.tree.text(call) in self.responses

    def _answered(self, call: Node, state: State) -> State:
        tree = self.tree
        for index in state - {_UNANSWERED}:
            if self._may_follow(self.answers[index]):
                self.answers[index].goes_on = True
        names = frozenset(name for _, read in self.branches for name in read) - self.responses
        branches = tuple(start for start, _ in self.branches)
        name = re.sub(r"\(\)", "(…)", spelled(tree, call))
        self.answers.append(Answer(name, tree.line(call), tree.column(call), tree.end_line(call), branches, names))
        return frozenset({len(self.answers) - 1})

    def _may_follow(self, answer: Answer) -> bool:
        """Whether a place is on the answer's path for sure: of two branches apart, one may exclude the other."""
        here = tuple(start for start, _ in self.branches)
        shared = min(len(here), len(answer.branches))
        return here[:shared] == answer.branches[:shared]

    def _step(self, kind: Literal["await", "call"], node: Node, call: Node, state: State) -> None:
        tree = self.tree
        callee = call.child_by_field_name("function")
        name = spelled(tree, callee)
        if not state - {_UNANSWERED} or (kind == "call" and name.partition(".")[0] in self.responses):
            return
        property_ = strip(callee).child_by_field_name("property") if callee is not None else None
        place = (property_ or callee or call).start_byte
        step = Step(kind, name, call.start_byte, place, tree.line(node), tree.column(node), tree.end_line(node))
        for index in state - {_UNANSWERED}:
            answer = self.answers[index]
            if self._may_follow(answer):
                answer.steps.append(step)
