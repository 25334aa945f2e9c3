"""Which functions of a file run when it is loaded, or when some of them are called: told by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reviewer.core.facts import Call, FileFacts

MODULE = -1


def running(facts: FileFacts, starts: Iterable[int] = ()) -> set[int]:
    """Ids of the functions that run when the module does, and of what those and the given ones may call."""
    seen, more = {MODULE, *starts}, {MODULE}
    while more:
        names = {name for call in facts.calls if call.function in seen for name in _named(call)}
        more = {
            function.id
            for function in facts.functions
            if function.id not in seen and (function.name in names if function.name else function.parent in seen)
        }
        seen |= more
    return seen


def exported(facts: FileFacts, name: str, *, is_new: bool) -> set[int]:
    """Ids of the functions that a call of an export runs: one of its name, or the constructors of the file."""
    export = facts.export(name)
    written = export.expr if export is not None else None
    value = facts.values.get(written.name, written) if written is not None else None
    if value is not None and value.kind == "function":
        return {value.function}
    return {function.id for function in facts.functions if is_new and function.name == "constructor"}


def _named(call: Call) -> Iterator[str]:
    """Names of functions a call may run: what it calls, and the names of the file it is given."""
    yield call.method
    if call.is_new:
        yield "constructor"
    for ref in (call.callee, *(arg.ref for arg in call.args)):
        if ref is not None and ref.kind == "local":
            yield ref.name
