"""Classes that extend those of packages."""

from __future__ import annotations

import re
from dataclasses import replace

from reviewer.core.code import Code
from reviewer.core.facts import Expr, Ref

_CLASS = re.compile(
    rb"^[ \t]*(?:export\s+)?(?:default\s+)?class\s+([\w$]+)[^{}\n]*?\sextends\s+([\w$.]+)", re.MULTILINE
)


def bases_of(code: Code, path: str) -> dict[str, Ref]:
    """The classes of packages that classes of a file extend, by the name of the class that does."""
    surface, data = code.surface(path), code.files.raw(path) or b""
    if surface is None or b"extends" not in data:
        return {}
    names = {local: Ref("import", name, item.module) for item in surface.imports for name, local in item.names}
    found = {}
    for name, base in _CLASS.findall(data):
        first, *steps = base.decode().split(".")
        if first in names:
            found[name.decode()] = replace(names[first], steps=tuple(f".{step}" for step in steps))
    return found


def inherited(code: Code, path: str, ref: Ref) -> Ref | None:
    """The method of a package's class that a reference names, where its object is of a class that extends it."""
    if len(ref.steps) != 1 or ref.kind not in ("import", "local"):
        return None
    where, made = code.follow(path, Expr("ref", 0, 0, 0, ref.name, replace(ref, steps=())))
    named = made.callee.ref if made.kind == "new" and made.callee is not None else None
    base = bases_of(code, where).get(named.name) if named is not None and named.kind == "local" else None
    facts = code.facts(where) if base is not None else None
    if base is None or facts is None or any(function.name == ref.last_member() for function in facts.functions):
        return None
    return base.then("new", *ref.steps)
