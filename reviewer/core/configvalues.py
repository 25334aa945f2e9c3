"""What an exported configuration object may hold, over every path that code can take to build it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from reviewer.core.facts import Assignment, Expr, FileFacts

MAX_DEPTH = 12
MAX_STEPS = 20_000
MAX_ASSIGNMENTS = 500
MAX_VALUES = 100

Rest = Literal["unset", "wrapped", "unknown"]

_RESTS: tuple[Rest, ...] = ("unset", "wrapped", "unknown")
_UNKNOWN = object()
_READABLE = ("string", "number", "bool", "object", "array", "function")


@dataclass(frozen=True, slots=True)
class Slot:
    """One key: the values it may have, whether it may be without one, and whether it may have others."""

    values: tuple[Expr, ...] = ()
    unset: bool = False
    unknown: bool = False
    line: int = 1

    def either(self, other: Slot) -> Slot:
        more = tuple(value for value in other.values if not any(_same(value, known) for known in self.values))
        values = (self.values + more)[:MAX_VALUES]
        unknown = self.unknown or other.unknown or len(values) < len(self.values) + len(more)
        return Slot(values, self.unset or other.unset, unknown, self.line)


@dataclass(frozen=True, slots=True)
class State:
    """The keys of an object, and what is true of every other key; ``wrapped`` ones passed through a plugin."""

    slots: Mapping[str, Slot] = field(default_factory=dict)
    rest: Rest = "unset"

    def with_slot(self, name: str, slot: Slot) -> State:
        """The object once a key is set; what was set below the key is gone."""
        kept = {key: value for key, value in self.slots.items() if not key.startswith(f"{name}.")}
        return State({**kept, name: slot}, self.rest)

    def then(self, over: State) -> State:
        """What spreading *over* into this object makes of it."""
        slots = dict(self.slots)
        for name, slot in slots.items():
            if name not in over.slots and over.rest == "unknown":
                slots[name] = replace(slot, unknown=True)
        for name, slot in over.slots.items():
            before = slots.get(name) if slot.unset or slot.unknown else None
            slots[name] = slot.either(before) if before is not None else slot
        return State(slots, _worse(self.rest, over.rest))

    def either(self, other: State) -> State:
        """What it is when one of two paths is taken."""
        slots = {}
        for name in [*self.slots, *(name for name in other.slots if name not in self.slots)]:
            left = self.slots.get(name, _missing(self.rest))
            slots[name] = left.either(other.slots.get(name, _missing(other.rest)))
            slots[name] = replace(slots[name], line=(self.slots.get(name) or other.slots[name]).line)
        return State(slots, _worse(self.rest, other.rest))


@dataclass(frozen=True, slots=True)
class _Where:
    """Where an expression stands: in a function with names of its own, or at module level."""

    function: int = -1
    names: Mapping[str, Expr] = field(default_factory=dict)


_MODULE = _Where()
EMPTY = State()
UNREADABLE = State({}, "unknown")


def _missing(rest: Rest) -> Slot:
    return Slot(unset=rest != "unknown", unknown=rest == "unknown")


def _worse(left: Rest, right: Rest) -> Rest:
    return max(left, right, key=_RESTS.index)


def _same(left: Expr, right: Expr) -> bool:
    """Whether two values are equal wherever they are written."""
    if (left.kind, left.name, len(left.items), len(left.props)) != (
        right.kind,
        right.name,
        len(right.items),
        len(right.props),
    ):
        return False
    if left.kind not in ("string", "number", "bool", "array"):
        return left == right
    return all(_same(one, other) for one, other in zip(left.items, right.items, strict=True))


def _any_of(states: Iterable[State]) -> State:
    result: State | None = None
    for state in states:
        result = state if result is None else result.either(state)
    return result if result is not None else UNREADABLE


class ConfigReader:
    """Reads the objects of one file."""

    def __init__(self, facts: FileFacts) -> None:
        self.facts = facts
        self._steps = 0
        self._made: dict[str, State] = {}
        self._written: dict[str, list[Assignment]] | None = None

    def read(self, exported: Expr) -> State:
        """The object a file exports, or that the function it exports returns."""
        return self._object(exported, _MODULE, 0)

    def inside(self, slot: Slot) -> State:
        """The object that a key holds."""
        states = [self._object(value, _MODULE, 0) for value in slot.values]
        states += [UNREADABLE] if slot.unknown else []
        states += [EMPTY] if slot.unset or not states else []
        return _any_of(states)

    def _object(self, expr: Expr, where: _Where, depth: int) -> State:
        self._steps += 1
        if depth > MAX_DEPTH or self._steps > MAX_STEPS:
            return UNREADABLE
        if expr.kind == "object":
            return self._literal(expr, where, depth)
        if expr.kind == "function":
            return self._returned(expr, depth)
        if expr.kind == "call":
            return self._call(expr, where, depth)
        if expr.kind == "choice":
            return self._choice(expr, where, depth)
        if expr.kind == "null" or (expr.kind == "bool" and expr.name == "false"):
            return EMPTY
        return self._named(expr, where, depth)

    def _literal(self, expr: Expr, where: _Where, depth: int) -> State:
        slots: dict[str, Slot] = {}
        rest: Rest = "unset"
        for key, value in expr.props:
            if key == "..." or key.startswith("["):
                over = self._object(value, where, depth + 1) if key == "..." else UNREADABLE
                state = State(slots, rest).then(over)
                slots, rest = dict(state.slots), state.rest
            else:
                slots[key] = self._slot(value, where, depth)
        return State(slots, rest)

    def _returned(self, function: Expr, depth: int) -> State:
        returned = self.facts.returns.get(function.function)
        if returned is None:
            return UNREADABLE
        where = _Where(function.function, returned.names)
        return _any_of(self._object(value, where, depth + 1) for value in returned.values)

    def _choice(self, expr: Expr, where: _Where, depth: int) -> State:
        """``a ? b : c``, and ``a && b`` as it is spread: b or nothing."""
        states = [self._object(item, where, depth + 1) for item in expr.items]
        if expr.name == "&&":
            return EMPTY.either(states[-1])
        return _any_of(states) if expr.name in ("?", "||", "??") else UNREADABLE

    def _call(self, expr: Expr, where: _Where, depth: int) -> State:
        """The object a plugin is given, to which it may add keys: the first argument that can be read."""
        callee = expr.callee
        method = callee.name if callee is not None and callee.kind == "member" else ""
        items = expr.items[1:] if method == "reduce" else expr.items
        if method == "assign":
            state = EMPTY
            for item in items:
                state = state.then(self._object(item, where, depth + 1))
            return state
        if callee is not None and callee.kind == "ref" and not items:
            made = self._value(callee, where)
            return self._returned(made, depth) if made is not None and made.kind == "function" else UNREADABLE
        for item in items:
            state = self._object(item, where, depth + 1)
            if state != UNREADABLE:
                return state if method in ("freeze", "resolve") else State(state.slots, _worse(state.rest, "wrapped"))
        return UNREADABLE

    def _named(self, expr: Expr, where: _Where, depth: int) -> State:
        if expr.kind == "ref" and expr.ref is not None and expr.ref.kind == "param" and expr.name == "defaultConfig":
            return EMPTY
        if expr.kind == "ref" and expr.name in self._made:
            return self._made[expr.name]
        value = self._value(expr, where)
        if value is None:
            return UNREADABLE
        state = self._object(value, where, depth + 1)
        return self._assigned(expr.name, state, where, depth) if expr.kind == "ref" else state

    def _value(self, expr: Expr, where: _Where) -> Expr | None:
        """What a name, or a member of an object of the file, was given."""
        if expr.kind == "ref":
            return where.names.get(expr.name) or self.facts.values.get(expr.name)
        if expr.kind == "member" and expr.callee is not None and expr.callee.kind == "ref":
            owner = self._value(expr.callee, where)
            return owner.prop(expr.name) if owner is not None and owner.kind == "object" else None
        return None

    def _assigned(self, name: str, state: State, where: _Where, depth: int) -> State:
        """``config.output = 'export'`` and ``config = withX(config)``: what becomes of an object once it is made."""
        assignments = self._assignments(name, where.function)
        if len(assignments) > MAX_ASSIGNMENTS:
            return UNREADABLE
        for assignment in assignments:
            steps, value = assignment.target.steps, assignment.value
            if not steps:
                self._made[name] = state
                new = self._object(value, where, depth + 1)
                del self._made[name]
            else:
                key = ".".join(step[1:] for step in steps)
                new = state.with_slot(key, self._slot(value, where, depth))
            state = state.either(new) if assignment.conditional else new
        return state

    def _assignments(self, name: str, function: int) -> list[Assignment]:
        """What is assigned to a name, or below it, at module level or in a function."""
        if self._written is None:
            self._written = {}
            for assignment in self.facts.assignments:
                target = assignment.target
                if target.kind == "local" and all(step.startswith(".") for step in target.steps):
                    self._written.setdefault(target.name, []).append(assignment)
        return [a for a in self._written.get(name, ()) if a.function in (-1, function)]

    def _slot(self, expr: Expr, where: _Where, depth: int) -> Slot:
        """The values a key may have."""
        self._steps += 1
        if depth > MAX_DEPTH or self._steps > MAX_STEPS:
            return Slot((), False, True, expr.line)
        if expr.kind == "null":
            return Slot((), True, line=expr.line)
        if expr.kind in _READABLE:
            return Slot((expr,), line=expr.line)
        if expr.kind == "choice" and expr.name in ("?", "||", "??", "&&"):
            left, right = (self._slot(item, where, depth + 1) for item in expr.items)
            if expr.name == "&&":
                left = Slot(unset=True)
            elif expr.name != "?":
                left = replace(left, unset=False)
            return replace(left.either(right), line=expr.line)
        value = self._value(expr, where)
        if value is not None and value != expr:
            return replace(self._slot(value, where, depth + 1), line=expr.line)
        return Slot((), False, True, expr.line)


def plain(reader: ConfigReader, expr: Expr, depth: int = 0) -> object:
    """A value as plain data; what cannot be read is a value equal to nothing."""
    if expr.kind == "string":
        return expr.name
    if expr.kind == "number":
        return int(expr.name) if re.fullmatch(r"[0-9]{1,9}", expr.name) else _UNKNOWN
    if expr.kind == "bool":
        return expr.name == "true"
    if expr.kind == "array":
        return [plain(reader, item, depth + 1) for item in expr.items]
    state = reader.read(expr) if expr.kind in ("object", "ref", "call") and depth < 3 else None
    if state is None or not state.slots:
        return _UNKNOWN
    one = {
        name: slot.values[0] if len(slot.values) == 1 and not slot.unknown else None
        for name, slot in state.slots.items()
    }
    return {name: plain(reader, value, depth + 1) if value is not None else _UNKNOWN for name, value in one.items()}
