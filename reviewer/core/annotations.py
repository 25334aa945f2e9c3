"""What the parameters of functions are annotated with in TypeScript, and names imported for types."""

from __future__ import annotations

import re
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.manifest import ancestors, load_jsonc, parent
from reviewer.core.nodes import FUNCTIONS, parameters
from reviewer.core.syntax import Node, Tree, captures, language_of, parse
from reviewer.core.text import Source

TYPED = (".ts", ".tsx", ".mts", ".cts")
_FUNCTIONS = " ".join(f"({kind}) @function" for kind in FUNCTIONS)
_IMPORTED = re.compile(r"\bimport\s+(?:type\s+)?(?:[\w$]+\s*,\s*)?\{([^}]*)\}\s*from\s*(['\"])([^'\"]+)\2")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: its name, '' for a pattern, its annotation, '' for none, and its line."""

    name: str
    annotation: str
    line: int


class Annotations:
    """The annotations of one tree of files, each parsed once."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._known: dict[str, dict[int, tuple[Parameter, ...]]] = {}

    def of(self, path: str, function: int) -> tuple[Parameter, ...]:
        """The parameters of a function of a TypeScript file; none where it is not found."""
        if path not in self._known:
            self._known[path] = self._read(path)
        return self._known[path].get(function, ())

    def _read(self, path: str) -> dict[int, tuple[Parameter, ...]]:
        tree = self.code.read(path, parse) if language_of(path) in ("typescript", "tsx") else None
        if tree is None:
            return {}
        return {node.start_byte: _parameters(tree, node) for node, _ in captures(tree, _FUNCTIONS)}


def _parameters(tree: Tree, function: Node) -> tuple[Parameter, ...]:
    found = []
    for pattern in parameters(function):
        holder = pattern.parent
        typed = holder.child_by_field_name("type") if holder is not None and holder != function else None
        name = tree.text(pattern) if pattern.type == "identifier" else ""
        annotation = tree.text(typed).lstrip(": ").strip() if typed is not None else ""
        found.append(Parameter(name, annotation, tree.line(pattern)))
    return tuple(found)


def imported_types(source: Source, module: str) -> frozenset[str]:
    """The names a file imports from a module under their own name, be it for types only."""
    names: set[str] = set()
    for listed, _, name in _IMPORTED.findall(source.data.decode()):
        items = (item.strip().removeprefix("type ").strip() for item in listed.split(","))
        names |= {item for item in items if item.isidentifier()} if name == module else set()
    return frozenset(names)


def allows_implicit_any(code: Code, path: str) -> bool:
    """Whether the nearest ``tsconfig.json`` says in so many words that parameters may be without a type."""
    for directory in ancestors(parent(path)):
        for config in code.tsconfigs.get(directory, ()):
            if config.rpartition("/")[2] == "tsconfig.json":
                options = load_jsonc(code.files, config).get("compilerOptions")
                return isinstance(options, dict) and options.get("noImplicitAny") is False
    return False
