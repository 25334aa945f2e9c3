"""Mutants of a check's module: each has one condition removed or fixed."""

from __future__ import annotations

import ast
import copy
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """A module with one condition changed; ``where`` says which, for people."""

    where: str
    module: types.ModuleType


def mutants(path: Path) -> Iterator[Mutant]:
    """Every module that differs from the one at *path* in one condition."""
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    for index, (kind, value) in enumerate(_choices(tree)):
        changed = copy.deepcopy(tree)
        node = _Choice(index, value).apply(changed)
        where = f"{path.name}:{node.lineno}: {kind} {ast.unparse(node)} -> {value}"
        module = types.ModuleType(f"mutant_{index}")
        module.__file__ = str(path)
        code = compile(ast.fix_missing_locations(changed), str(path), "exec")
        import sys

        sys.modules[module.__name__] = module
        try:
            exec(code, module.__dict__)  # noqa: S102 - our own module, changed
        finally:
            del sys.modules[module.__name__]
        yield Mutant(where, module)


def _is_type_guard(node: ast.expr) -> bool:
    """Whether a condition only asks for None, which the type checker demands rather than a rule."""
    if isinstance(node, ast.BoolOp):
        return all(_is_type_guard(value) for value in node.values)
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Is | ast.IsNot)
        and isinstance(node.comparators[0], ast.Constant)
        and node.comparators[0].value is None
    )


def _places(tree: ast.AST) -> Iterator[tuple[str, ast.AST, str, int | None, bool]]:
    """Every condition: its kind, the node that holds it, in which field, at which index, and the value to fix it to."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp) and not _is_type_guard(node.test):
            yield "if", node, "test", None, True
            yield "if", node, "test", None, False
        elif isinstance(node, ast.BoolOp):
            for index, value in enumerate(node.values):
                if not _is_type_guard(value):
                    yield "operand", node, "values", index, isinstance(node.op, ast.And)
        elif isinstance(node, ast.comprehension):
            for index in range(len(node.ifs)):
                yield "filter", node, "ifs", index, True


def _choices(tree: ast.AST) -> list[tuple[str, bool]]:
    return [(kind, value) for kind, _, _, _, value in _places(tree)]


class _Choice:
    def __init__(self, index: int, value: bool) -> None:
        self.index, self.value = index, value

    def apply(self, tree: ast.AST) -> ast.expr:
        """Fixes the chosen condition and returns it as it was."""
        _, holder, field, at, _ = list(_places(tree))[self.index]
        if at is None:
            old: ast.expr = getattr(holder, field)
            setattr(holder, field, ast.copy_location(ast.Constant(self.value), old))
        else:
            values: list[ast.expr] = getattr(holder, field)
            old = values[at]
            values[at] = ast.copy_location(ast.Constant(self.value), old)
        return old
