"""What the functions behind a default export return."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reviewer.core.exprs import Expressions
from reviewer.core.facts import Export, Expr, Returned
from reviewer.core.scopes import Binding, Scope, strip
from reviewer.core.syntax import Node

MAX_NAMES = 50
_WORTH_READING = ("object", "identifier", "call_expression", "ternary_expression")

Places = Mapping[int, list[tuple[Node, Scope]]]


def default_returns(
    exprs: Expressions, exports: Iterable[Export], values: Mapping[str, Expr], places: Places
) -> dict[int, Returned]:
    """The results of the functions that the default export is, calls or is given, by their ids."""
    starts = [export.expr for export in exports if export.name == "default" and export.expr is not None]
    found: dict[int, Returned] = {}
    for function in _functions(starts, values):
        if function in places and function not in found:
            found[function] = _returned(exprs, places[function], function)
    return found


def _functions(starts: list[Expr], values: Mapping[str, Expr]) -> Iterator[int]:
    queue, seen = list(starts), set[str]()
    while queue:
        expr = queue.pop()
        if expr.kind == "function":
            yield expr.function
        elif expr.kind == "call":
            queue += [*expr.items, *([expr.callee] if expr.callee is not None else [])]
        elif expr.kind == "ref" and expr.name in values and expr.name not in seen:
            seen.add(expr.name)
            queue.append(values[expr.name])


def _returned(exprs: Expressions, places: list[tuple[Node, Scope]], function: int) -> Returned:
    values: list[Expr] = []
    names: dict[str, Expr] = {}
    for node, scope in places:
        if node.type == "return_statement":
            node = next((child for child in node.named_children if child.type != "comment"), node)
        if strip(node).type not in _WORTH_READING:
            values.append(exprs.nothing(node))
            continue
        value = exprs.convert(node, scope)
        values.append(value)
        _note_names(exprs, value, scope, function, names)
    return Returned(tuple(values), names)


def _note_names(exprs: Expressions, value: Expr, scope: Scope, function: int, names: dict[str, Expr]) -> None:
    queue = [value]
    while queue and len(names) < MAX_NAMES:
        for expr in queue.pop().walk():
            binding = _own(scope, expr.name, function) if expr.kind == "ref" and expr.name not in names else None
            if binding is not None and binding.init is not None and not binding.steps:
                names[expr.name] = exprs.convert(binding.init, binding.scope or scope)
                queue.append(names[expr.name])


def _own(scope: Scope, name: str, function: int) -> Binding | None:
    """What a name means where it is declared inside the function."""
    above: Scope | None = scope
    while above is not None and above.function == function:
        if name in above.names:
            return above.names[name]
        above = above.parent
    return None
