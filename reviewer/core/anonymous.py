"""A request without any credential on its way through a middleware: every answer it may get."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.authlibraries import library_call
from reviewer.core.evaluation import Closure, Evaluator, Scope, Thrown, TooMuch
from reviewer.core.scopes import strip
from reviewer.core.syntax import Node
from reviewer.core.values import HOLE, NULL, UNKNOWN, Response, Value, equal, one_of, unsure

Outcome = Literal["denied", "stopped", "passed", "open"]

MAX_CALLS = 12
MAX_ROUNDS = 60
_LOGIN = re.compile(
    r"(?i)log-?_?in|sign-?_?(?:in|up)|auth|unauthori[sz]ed|forbidden|denied|register|passw|unlock|40[13]"
)


@dataclass
class Flow:
    """What a piece of code may do: values it returns, whether it comes to its end, and whether it throws."""

    returns: list[Value] = field(default_factory=list)
    falls: bool = True
    throws: bool = False
    leaves: bool = False


@dataclass
class Frame:
    """A call of a function; ``guard`` says that only a request without a credential gets here, 2 for sure.

    ``asked`` holds what any condition of the call asked about credentials, on whatever way.
    """

    scope: Scope
    guard: int = 0
    asked: set[int] = field(default_factory=set)

    def copy(self, guard: int = 0) -> Frame:
        scope = Scope(self.scope.module, self.scope.above, dict(self.scope.names))
        return Frame(scope, max(self.guard, guard), self.asked)

    def join(self, *others: Frame) -> None:
        """Takes over what other ways through the code leave behind."""
        for name in self.scope.names:
            values = [other.scope.names.get(name, UNKNOWN) for other in others]
            self.scope.names[name] = one_of(values)


class Passage(Evaluator):
    """One request on its way."""

    calls = 0

    def library(self, module: str, name: str, args: list[Value], spelled: str) -> Value:
        return library_call(self, module, name, args, spelled)

    def outcome(self, value: Value) -> Outcome:
        """What an answer means for the request."""
        if value.kind == "response":
            return self._answered(value.data, value.taint)
        return "open" if value.kind in ("unknown", "depends", "choice", "function", "host") else "passed"

    def _answered(self, response: Response, guard: int) -> Outcome:
        if response.kind == "next":
            return "passed"
        if response.kind == "status":
            refused = response.status in (401, 403) or (response.status == 404 and guard > 1)
            return "denied" if refused and guard else "open" if response.status == 401 else "stopped"
        path = response.target.partition("?")[0].rstrip(HOLE)
        is_login = _LOGIN.search(path) is not None
        if response.kind == "rewrite":
            return "denied" if guard and is_login else "passed"
        is_same = bool(self.asked.path and len(self.asked.path) > 1 and path.endswith(self.asked.path))
        return "denied" if (is_login and guard) or (guard > 1 and not is_same) else "stopped"

    def outcomes(self, values: Iterable[Value]) -> set[Outcome]:
        return {self.outcome(other) for value in values for other in value.alternatives()}

    # -- functions ----------------------------------------------------------------------------------------------------

    def call(self, closure: Closure, args: list[Value]) -> Value:
        self.calls += 1
        if self.calls > MAX_CALLS:
            self.calls -= 1
            return unsure(*args)
        try:
            return self._called(closure, args)
        finally:
            self.calls -= 1

    def _called(self, closure: Closure, args: list[Value]) -> Value:
        frame = Frame(Scope(closure.scope.module, closure.scope))
        self._bind_parameters(closure.node, args, frame)
        body = closure.node.child_by_field_name("body")
        if body is None:
            return UNKNOWN
        if body.type != "statement_block":
            return self.evaluate(body, frame.scope)
        flow = self.run(body, frame)
        returned = [*flow.returns, *([NULL.tainted(frame.guard)] if flow.falls else [])]
        if not returned:
            raise Thrown
        asked = max(frame.asked, default=0)
        return one_of([value if value.kind == "response" else value.tainted(asked) for value in returned])

    def _bind_parameters(self, function: Node, args: list[Value], frame: Frame) -> None:
        single = function.child_by_field_name("parameter")
        listed = function.child_by_field_name("parameters")
        nodes = [single] if single is not None else listed.named_children if listed is not None else []
        patterns = [node for node in nodes if node.type != "comment"]
        for index, node in enumerate(patterns):
            pattern = node.child_by_field_name("pattern") or node
            self.bind(pattern, args[index] if index < len(args) else NULL, frame)

    def bind(self, pattern: Node, value: Value, frame: Frame) -> None:
        """Gives the names of a pattern their parts of a value."""
        text = frame.scope.module.tree.text
        kind = pattern.type
        if kind in ("identifier", "shorthand_property_identifier_pattern"):
            frame.scope.names[text(pattern)] = value
        elif kind == "object_pattern":
            for child in pattern.named_children:
                self._bind_member(child, value, frame)
        elif kind == "array_pattern":
            for index, child in enumerate(pattern.named_children):
                is_known = value.kind == "list" and index < len(value.data)
                self.bind(child, value.data[index] if is_known else unsure(value), frame)
        elif kind in ("assignment_pattern", "object_assignment_pattern"):
            left, right = pattern.child_by_field_name("left"), pattern.child_by_field_name("right")
            if left is not None and right is not None:
                is_missing = value.kind == "plain" and value.data is None
                self.bind(left, self.evaluate(right, frame.scope) if is_missing else value, frame)
        elif kind == "rest_pattern" and pattern.named_children:
            self.bind(pattern.named_children[0], unsure(value), frame)

    def _bind_member(self, child: Node, value: Value, frame: Frame) -> None:
        text = frame.scope.module.tree.text
        key, part = child.child_by_field_name("key"), child.child_by_field_name("value")
        if key is not None and part is not None:
            self.bind(part, self.member(value, text(key).strip("'\"")), frame)
        elif child.type == "shorthand_property_identifier_pattern":
            self.bind(child, self.member(value, text(child)), frame)
        elif child.type == "object_assignment_pattern" and (left := child.child_by_field_name("left")) is not None:
            member = self.member(value, text(left))
            is_missing = member.kind == "plain" and member.data is None
            self.bind(left, UNKNOWN if is_missing else member, frame)
        else:
            self.bind(child, value, frame)

    # -- statements ---------------------------------------------------------------------------------------------------

    def run(self, block: Node, frame: Frame) -> Flow:
        """What the statements of a block may do."""
        statements = block.named_children if block.type in ("statement_block", "program") else [block]
        return self._sequence(statements, frame)

    def _sequence(self, statements: list[Node], frame: Frame) -> Flow:
        text = frame.scope.module.tree.text
        for statement in statements:
            name = statement.child_by_field_name("name")
            if statement.type == "function_declaration" and name is not None:
                frame.scope.names[text(name)] = Value("function", Closure(statement, frame.scope))
        flow = Flow()
        for statement in statements:
            if not flow.falls:
                break
            part = self._statement(statement, frame)
            flow.returns += part.returns
            flow.falls, flow.throws, flow.leaves = part.falls, flow.throws or part.throws, part.leaves
        return flow

    def _statement(self, node: Node, frame: Frame) -> Flow:
        method = getattr(self, f"_{node.type}", None)
        try:
            return method(node, frame) if method is not None and node.type.endswith(_ENDINGS) else Flow()
        except Thrown as thrown:
            if thrown.answer is not None:
                return Flow([thrown.answer], falls=False)
            return Flow(falls=False, throws=True)

    def _statement_block(self, node: Node, frame: Frame) -> Flow:
        return self.run(node, frame)

    def _expression_statement(self, node: Node, frame: Frame) -> Flow:
        for child in node.named_children:
            if child.type != "comment":
                self.evaluate(child, frame.scope)
        return Flow()

    def _lexical_declaration(self, node: Node, frame: Frame) -> Flow:
        for declarator in node.named_children:
            pattern, value = declarator.child_by_field_name("name"), declarator.child_by_field_name("value")
            if pattern is not None:
                self.bind(pattern, self.evaluate(value, frame.scope) if value is not None else NULL, frame)
        return Flow()

    _variable_declaration = _lexical_declaration

    def _return_statement(self, node: Node, frame: Frame) -> Flow:
        found = next((child for child in node.named_children if child.type != "comment"), None)
        value = self.evaluate(found, frame.scope) if found is not None else NULL
        return Flow([other.tainted(frame.guard) for other in value.alternatives()], falls=False)

    def _throw_statement(self, _node: Node, _frame: Frame) -> Flow:
        return Flow(falls=False, throws=True)

    def _break_statement(self, _node: Node, _frame: Frame) -> Flow:
        return Flow(falls=False, leaves=True)

    _continue_statement = _break_statement

    def _if_statement(self, node: Node, frame: Frame) -> Flow:
        condition, then = node.child_by_field_name("condition"), node.child_by_field_name("consequence")
        clause = node.child_by_field_name("alternative")
        other = clause.named_children[0] if clause is not None and clause.named_children else None
        if condition is None or then is None:
            return Flow()
        value = self.evaluate(condition, frame.scope)
        truth = value.truth()
        frame.asked.add(value.taint)
        if truth is not None:
            return self._known(then if truth else other, other if truth else then, value.taint, frame)
        return self._both(value, then, other, frame, strip(condition))

    def _known(self, taken: Node | None, left: Node | None, taint: int, frame: Frame) -> Flow:
        """The branch that is taken; where a credential decided, what follows may be for those without one."""
        if not taint:
            return self.run(taken, frame) if taken is not None else Flow()
        inner = frame.copy(taint)
        flow = self.run(taken, inner) if taken is not None else Flow()
        frame.scope.names.update(inner.scope.names)
        skipped = self.run(left, frame.copy()) if left is not None else Flow()
        if self.outcomes(skipped.returns) & {"passed", "open"} or (not skipped.falls and skipped.throws):
            frame.guard = max(frame.guard, taint)
        return flow

    def _both(self, value: Value, then: Node, other: Node | None, frame: Frame, condition: Node) -> Flow:
        ways = [frame.copy(value.taint), frame.copy(value.taint)]
        self._refine(condition, ways)
        flows = [self.run(then, ways[0]), self.run(other, ways[1]) if other is not None else Flow()]
        if value.kind == "depends":
            for flow in flows:
                if self._denies(flow):
                    return flow
        going = [way for way, flow in zip(ways, flows, strict=True) if flow.falls]
        if going:
            frame.join(*going)
        frame.guard = min((way.guard for way in going), default=0) if len(going) == 1 else frame.guard
        return _union(flows)

    def _denies(self, flow: Flow) -> bool:
        outcomes = self.outcomes(flow.returns)
        return not flow.falls and "denied" in outcomes and not outcomes & {"passed", "open"}

    def _refine(self, condition: Node, ways: list[Frame]) -> None:
        """A name that is tested by itself is true on one way and false on the other."""
        for_true, for_false = ways
        if condition.type == "unary_expression" and condition.children[0].type == "!":
            argument = condition.child_by_field_name("argument")
            for_true, for_false = for_false, for_true
            condition = strip(argument) if argument is not None else condition
        if condition.type != "identifier":
            return
        name = for_true.scope.module.tree.text(condition)
        for way, wanted in ((for_true, True), (for_false, False)):
            held = way.scope.names.get(name)
            if held is not None and held.kind == "choice":
                kept = [value for value in held.data if value.truth() in (wanted, None)]
                way.scope.names[name] = one_of(kept)

    def _try_statement(self, node: Node, frame: Frame) -> Flow:
        body, clause = node.child_by_field_name("body"), node.child_by_field_name("handler")
        handler = clause.child_by_field_name("body") if clause is not None else None
        if body is None:
            return Flow()
        before, self.risky = self.risky, 0
        flow = self.run(body, frame)
        risky, self.risky = self.risky, max(before, self.risky)
        if handler is None or not (flow.throws or risky):
            return flow
        inner = frame.copy(2 if flow.throws and not flow.falls else risky)
        caught = self.run(handler, inner)
        if not flow.throws:
            return caught if self._denies(caught) else flow
        if not flow.falls and caught.falls:
            frame.scope.names.update(inner.scope.names)
            frame.guard = max(frame.guard, inner.guard)
        return Flow(flow.returns + caught.returns, flow.falls or caught.falls, caught.throws)

    def _switch_statement(self, node: Node, frame: Frame) -> Flow:
        value, body = node.child_by_field_name("value"), node.child_by_field_name("body")
        if value is None or body is None:
            return Flow()
        subject = self.evaluate(value, frame.scope)
        flows = []
        for index, case in enumerate(body.named_children):
            tested = case.child_by_field_name("value")
            truth = equal(subject, self.evaluate(tested, frame.scope)).truth() if tested is not None else None
            if truth is False:
                continue
            rest = [node for later in body.named_children[index:] for node in later.children_by_field_name("body")]
            flow = self._sequence(rest, frame.copy(subject.taint))
            flows.append(Flow(flow.returns, flow.falls or flow.leaves, flow.throws))
            is_left = tested is None and len(flows) == 1 and index == body.named_child_count - 1
            if truth or is_left:
                return flows[-1]
        return _union([*flows, Flow()])

    def _for_in_statement(self, node: Node, frame: Frame) -> Flow:
        left, right, body = (node.child_by_field_name(name) for name in ("left", "right", "body"))
        if left is None or right is None or body is None:
            return Flow()
        values = self.evaluate(right, frame.scope)
        if values.kind != "list":
            self.bind(left, unsure(values), frame)
            flow = self.run(body, frame.copy())
            return Flow(flow.returns, True, flow.throws)
        whole = Flow()
        for value in values.data[:MAX_ROUNDS]:
            self.bind(left, value, frame)
            flow = self.run(body, frame)
            whole.returns += flow.returns
            whole.throws |= flow.throws
            if not flow.falls and not flow.leaves:
                return Flow(whole.returns, False, whole.throws)
        return whole

    def _for_statement(self, node: Node, frame: Frame) -> Flow:
        body = node.child_by_field_name("body")
        flow = self.run(body, frame.copy()) if body is not None else Flow()
        return Flow(flow.returns, True, flow.throws)

    _while_statement = _do_statement = _for_statement


_ENDINGS = ("_statement", "_declaration", "_block")


def _union(flows: list[Flow]) -> Flow:
    returns = [value for flow in flows for value in flow.returns]
    leaves = all(flow.leaves for flow in flows if not flow.falls)
    return Flow(returns, any(flow.falls for flow in flows), any(flow.throws for flow in flows), leaves)


__all__ = ["Flow", "Frame", "Outcome", "Passage", "Thrown", "TooMuch"]
