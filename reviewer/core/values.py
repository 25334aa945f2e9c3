"""What an expression may be when a request without any credential is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

MAX_CHOICES = 40
HOLE = "\0"  # stands in a text for a part nobody knows

Kind = Literal[
    "plain",  # a string, number, truth or null
    "list",
    "object",  # a dict of values, whose open ones have the key "..."
    "function",  # a Closure
    "native",  # a function of ours from values to a value
    "host",  # something the platform or a library provides, by name
    "library",  # an export of a package, as (module, name)
    "url",  # an address, by its path
    "regex",
    "response",  # a Response
    "absent",  # a credential the request does not have, or what is read from it
    "set",  # some value of the environment
    "choice",  # one of several values
    "depends",  # unknown, because a credential decides
    "unknown",
]


@dataclass(frozen=True, slots=True)
class Value:
    """A value. ``taint`` says whether a credential had a part in it: 1 for something like one, 2 for one for sure."""

    kind: Kind
    data: Any = None
    taint: int = 0

    def tainted(self, taint: int) -> Value:
        return Value(self.kind, self.data, taint) if taint > self.taint else self

    def text(self) -> str | None:
        """The value as a string all of which is known, else None."""
        is_text = self.kind == "plain" and isinstance(self.data, str) and HOLE not in self.data
        return self.data if is_text else None

    def truth(self) -> bool | None:
        """Whether the value counts as true; None where that is unknown."""
        if self.kind == "plain":
            return bool(self.data)
        if self.kind == "absent":
            return False
        if self.kind == "choice":
            truths = {value.truth() for value in self.data}
            return truths.pop() if len(truths) == 1 else None
        return None if self.kind in ("unknown", "depends") else True

    def alternatives(self) -> tuple[Value, ...]:
        return tuple(self.data) if self.kind == "choice" else (self,)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer: ``next`` lets the request through, ``redirect`` and ``rewrite`` have a target, ``status`` a number."""

    kind: Literal["next", "redirect", "rewrite", "status"]
    target: str = ""
    status: int = 200


NULL = Value("plain", None)
TRUE, FALSE = Value("plain", True), Value("plain", False)
UNKNOWN = Value("unknown")
PASSES = Value("response", Response("next"))
DENIED = Value("response", Response("status", status=401), 2)


def plain(data: str | float | bool | None, taint: int = 0) -> Value:
    return Value("plain", data, taint)


def absent(taint: int = 2) -> Value:
    return Value("absent", None, taint)


def unsure(*sources: Value) -> Value:
    """What a function nobody can read makes of values: if a credential is among them, it depends on that."""
    taint = max((source.taint for source in sources), default=0)
    return Value("depends" if taint else "unknown", None, taint)


def one_of(values: list[Value]) -> Value:
    """A value that is one of several."""
    found: list[Value] = []
    for value in values:
        found += [other for other in value.alternatives() if other not in found]
    if len(found) == 1:
        return found[0]
    taint = max((value.taint for value in found), default=0)
    if len(found) > MAX_CHOICES:
        return unsure(*found)
    return Value("choice", tuple(found), taint) if found else UNKNOWN


def negated(value: Value) -> Value:
    truth = value.truth()
    if truth is not None:
        return plain(not truth, value.taint)
    if value.kind == "choice":
        decides = all(other.taint for other in value.data)
        return Value("depends" if decides else "unknown", None, value.taint)
    return value


def equal(left: Value, right: Value) -> Value:
    """Whether two values are the same, as far as that can be told."""
    taint = max(left.taint, right.taint)
    for one, other in ((left, right), (right, left)):
        if one.kind == "absent":
            is_nothing = other.kind == "absent" or (other.kind == "plain" and other.data in (None, ""))
            return plain(is_nothing, taint)
    if left.kind == right.kind == "plain":
        if HOLE in str(left.data) or HOLE in str(right.data):
            return unsure(left, right)
        return plain(left.data == right.data, taint)
    if left.kind == "choice" or right.kind == "choice":
        return one_of([equal(a, b) for a in left.alternatives() for b in right.alternatives()])
    known = ("response", "object", "list", "function", "host", "url")
    for one, other in ((left, right), (right, left)):
        if one.kind in known and other.kind == "plain":
            return plain(False, taint)
    return unsure(left, right)
