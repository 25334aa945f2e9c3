"""Where the types of Express are missing in a TypeScript package."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.annotations import TYPED, Annotations, Parameter, allows_implicit_any
from reviewer.core.code import Code
from reviewer.core.express import Dependency, dependency
from reviewer.core.facts import Import
from reviewer.core.manifest import Package, ancestors, join
from reviewer.core.registrations import registrations_in

TYPES = "@types/express"
_LOCKS = ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "npm-shrinkwrap.json")
_OWN_TYPES = re.compile(rb"declare\s+module\s+['\"]express['\"]")
_TYPED_REQUIRE = re.compile(r"^\s*(?:export\s+)?import\b|\bas\b|:\s*typeof\b")

Nature = Literal["annotated", "implicit"]


@dataclass(frozen=True, slots=True)
class Untyped:
    """A handler whose request or response has no type: its file, first line, label, and those parameters."""

    path: str
    line: int
    label: str
    nature: Nature
    parameters: tuple[Parameter, ...]


def untyped_handlers(code: Code, annotations: Annotations, path: str) -> Iterator[Untyped]:
    """The handlers a file registers on Express whose parameters are ``any``, written there or in another file."""
    for registration in registrations_in(code, path):
        for target in registration.targets if registration.framework == "express" else ():
            where, value = code.follow(registration.path, target)
            if value.kind != "function" or not where.endswith(TYPED):
                continue
            given = annotations.of(where, value.function)
            relevant = given[1:3] if len(given) == 4 else given[:2]  # an error may be anything
            any_ = tuple(p for p in relevant if p.annotation == "any")
            if not any_ and target.kind != "function" and allows_implicit_any(code, where):
                any_ = tuple(p for p in relevant if p.name and not p.annotation)
            if any_:
                nature: Nature = "annotated" if any_[0].annotation else "implicit"
                yield Untyped(where, any_[0].line, registration.label, nature, any_)


def untyped_requires(code: Code, path: str) -> Iterator[Import]:
    """``const express = require('express')`` in TypeScript, which has no type whatever is installed."""
    facts, source = code.facts(path), code.files.source(path)
    for item in facts.imports if facts is not None else ():
        is_required = item.module == "express" and item.kind == "require" and bool(item.names)
        if is_required and source is not None and not _TYPED_REQUIRE.search(source.line_text(item.line)):
            yield item


def is_untyped_package(code: Code, package: Package, scripts: Iterable[str]) -> Dependency | None:
    """The Express of a package that imports it in TypeScript and has its types from nowhere."""
    express = dependency(code, package, "express")
    users = [path for path in scripts if path.endswith(TYPED) and _imports_express(code, path)]
    if (
        express.site is None
        or not users
        or any(code.asked(package, name) for name in (TYPES, f"{TYPES}-serve-static-core"))
    ):
        return None
    locks = [join(above, name) for above in ancestors(package.dir) for name in _LOCKS]
    texts = [code.files.raw(path) or b"" for path in locks if code.files.is_file(path)]
    declared = [code.files.raw(path) or b"" for path in code.files.below(package.dir) if path.endswith(".d.ts")]
    is_typed = any(TYPES.encode() in text for text in texts) or any(_OWN_TYPES.search(text) for text in declared)
    return None if is_typed else express


def _imports_express(code: Code, path: str) -> bool:
    facts = code.surface(path)
    return any(item.module == "express" and item.names for item in (facts.imports if facts is not None else ()))


def mismatched(code: Code, package: Package) -> tuple[Dependency, Dependency] | None:
    """Express and its types, where they are of different major versions."""
    express, types = dependency(code, package, "express"), dependency(code, package, TYPES)
    majors = express.version.major(), types.version.major()
    return (express, types) if None not in majors and majors[0] != majors[1] else None
