"""The check that most handlers of an application perform, as their files import it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.facts import Ref
from reviewer.core.guards import Guards
from reviewer.core.handlers import Handler

MAX_HANDLERS = 80


@dataclass(frozen=True, slots=True)
class OwnGuard:
    """A guard by its exported name and the module it comes from; ``wraps`` handlers, or is called by them."""

    name: str
    module: str
    wraps: bool


def own_guard(app: App, guards: Guards) -> OwnGuard | None:
    """The guard most handlers of an application use."""
    counts: Counter[OwnGuard] = Counter()
    handlers = [handler for route in app.api_routes for handler in app.handlers(route)]
    for handler in handlers[:MAX_HANDLERS]:
        found = next(_guards_of(app.code, guards, handler), None)
        if found is not None:
            counts[found] += 1
    return max(counts, key=lambda guard: (counts[guard], guard.name, guard.module), default=None)


def _guards_of(code: Code, guards: Guards, handler: Handler) -> Iterator[OwnGuard]:
    for wrapper in handler.chain:
        if wrapper.ref is not None and wrapper.ref.kind == "import" and guards.of_wrapper(wrapper) is not None:
            yield _named(code, wrapper.path, wrapper.ref, wraps=True)
    body = guards.body_of(handler)
    for call in code.calls_within(body.path, body.function) if body is not None else ():
        if body is not None and call.callee is not None and _is_guard(code, guards, body.path, call.callee):
            yield _named(code, body.path, call.callee, wraps=False)


def _is_guard(code: Code, guards: Guards, path: str, ref: Ref) -> bool:
    if ref.kind != "import" or ref.name in ("*", "default") or ref.steps:
        return False
    if guards.names.match(ref.name):
        return True
    where, value = code.value_of(path, replace(ref, steps=()))
    return value.kind == "function" and guards.of_function(where, value.function, 1) is not None


def _named(code: Code, path: str, ref: Ref, wraps: bool) -> OwnGuard:
    """The module as other files can import it: a relative one by its path."""
    target = code.resolver.resolve(path, ref.module) if ref.module.startswith(".") else None
    return OwnGuard(ref.name, target or ref.module, wraps)
