"""What one file says, independent of where it lies and of any configuration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

RootKind = Literal["import", "param", "local", "global", "this"]
ExprKind = Literal[
    "ref",
    "call",
    "new",
    "function",
    "string",
    "number",
    "bool",
    "null",
    "regex",
    "object",
    "array",
    "choice",
    "not",
    "member",
    "other",
]


@dataclass(frozen=True, slots=True)
class Ref:
    """A value reached from a binding: ``require('express')()`` is module ``express``, steps ``('()',)``.

    Steps are ``.name`` for members, ``()`` for the result of a call and ``new`` for an instance. Type assertions,
    parentheses, optional chaining and ``await`` leave no trace. For imports, ``name`` is the exported name
    (``*`` for a namespace or a required module); for parameters ``function`` and ``index`` say which.

    ``origin`` tells objects apart that are made alike: the first byte of the call that made the object a value is, or
    a method is called on, after its file's path and a colon where that is another file. '' where nothing made it.
    """

    kind: RootKind
    name: str
    module: str = ""
    steps: tuple[str, ...] = ()
    function: int = -1
    index: int = -1
    origin: str = field(default="", compare=False)

    def path(self) -> tuple[str, ...]:
        """Steps from the module: default export, namespace and required module count as the module itself."""
        steps = self.steps if self.name in ("*", "default") else (f".{self.name}", *self.steps)
        while steps and steps[0] == ".default":
            steps = steps[1:]
        return steps

    def then(self, *steps: str) -> Ref:
        return Ref(self.kind, self.name, self.module, self.steps + steps, self.function, self.index, self.origin)

    def last_member(self) -> str:
        """The member the reference ends in, without its dot, or an empty string."""
        return self.steps[-1][1:] if self.steps and self.steps[-1].startswith(".") else ""


@dataclass(frozen=True, slots=True)
class Expr:
    """An expression reduced to what rules ask about. ``items`` are arguments, elements or alternatives.

    ``choice`` is a binary operation or, named ``?``, a conditional expression; ``not`` has what it negates as its item.
    A constant of a plain value stands for that value, placed where it is written; a string where it is used.
    """

    kind: ExprKind
    line: int
    column: int
    end_line: int
    name: str = ""
    ref: Ref | None = None
    items: tuple[Expr, ...] = ()
    props: tuple[tuple[str, Expr], ...] = ()
    callee: Expr | None = None
    function: int = -1

    def prop(self, name: str) -> Expr | None:
        return next((value for key, value in self.props if key == name), None)

    def walk(self) -> Iterator[Expr]:
        """The expression and everything in it, outermost first; references are whole, function bodies left out."""
        stack = [self]
        while stack:
            expr = stack.pop()
            yield expr
            inner = [value for _, value in expr.props]
            if expr.callee is not None and not (expr.kind == "member" and expr.ref is not None):
                inner.insert(0, expr.callee)
            stack.extend(reversed([*inner, *expr.items]))


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module. ``names`` pairs imported with local names, value bindings only."""

    module: str
    kind: Literal["static", "require", "dynamic", "reexport"]
    names: tuple[tuple[str, str], ...]
    type_only: bool
    line: int


@dataclass(frozen=True, slots=True)
class Export:
    """One exported value: an expression, or a name of another module. ``*`` re-exports everything."""

    name: str
    line: int
    column: int
    end_line: int
    expr: Expr | None = None
    module: str = ""
    imported: str = ""


@dataclass(frozen=True, slots=True)
class Prologue:
    """How a function body begins: the calls of its first statement, and whether it answers 401 by its second."""

    calls: tuple[Ref, ...]
    rejects: bool
    digest: str
    line: int
    end_line: int


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the file.

    ``id`` is the offset of its first byte, ``parent`` the enclosing function's id or -1; unnamed patterns have the
    name ''. ``returned`` is what the function returns, where it returns in one place only.
    """

    id: int
    name: str
    params: tuple[str, ...]
    line: int
    end_line: int
    parent: int
    prologue: Prologue | None = None
    returned: Ref | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call or construction. ``function`` is the enclosing function's id or -1 at module level.

    ``conditional`` says that it stands in a block of that function which may not run. ``start`` is its first byte;
    along a chain of calls, which all start alike, ``place`` tells them apart: offset and line of the name called.
    """

    callee: Ref | None
    method: str
    is_new: bool
    args: tuple[Expr, ...]
    line: int
    column: int
    end_line: int
    function: int
    in_catch: bool
    conditional: bool = False
    start: int = -1
    place: tuple[int, int] = (-1, 0)


@dataclass(frozen=True, slots=True)
class Assignment:
    """``target = value`` where the target is a name or member; ``conditional`` says that it may not run."""

    target: Ref
    value: Expr
    line: int
    column: int
    end_line: int
    function: int
    conditional: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """What a function may return, one value for each place, and the values of its own names those are made of."""

    values: tuple[Expr, ...]
    names: dict[str, Expr] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A ``reviewer-disable-*`` comment: the line it covers, or None for the whole file."""

    rule: str
    reason: str
    line: int
    covers: int | None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Everything extracted from one file; ``unread`` are the lines (first, last) the grammar could not read.

    ``returns`` holds, by id, the functions that the default export is or calls.
    """

    imports: tuple[Import, ...] = ()
    exports: tuple[Export, ...] = ()
    values: dict[str, Expr] = field(default_factory=dict)
    functions: tuple[Function, ...] = ()
    calls: tuple[Call, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    directives: tuple[str, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    unread: tuple[tuple[int, int], ...] = ()
    lines: int = 0
    returns: dict[int, Returned] = field(default_factory=dict)

    def export(self, name: str) -> Export | None:
        """The last export of that name, as at run time."""
        return next((export for export in reversed(self.exports) if export.name == name), None)

    def function(self, id: int) -> Function | None:
        """The function of that id."""
        return next((function for function in self.functions if function.id == id), None)

    def within(self, function: int) -> frozenset[int]:
        """Ids of a function and of the functions written inside it."""
        inside = {function}
        for candidate in self.functions:
            if candidate.parent in inside:
                inside.add(candidate.id)
        return frozenset(inside)
