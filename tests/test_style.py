"""The numbers of the project's style: short functions, small files, one-way imports, no cycles, full annotations."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "reviewer"
ROOMS = ("core", "checks", "render", "sources", "sandbox", "github", "service", "cli")
# What each room may import, beside itself; `reviewer`, `reviewer.resources` and `reviewer.examples` are read by all.
MAY_IMPORT = {
    "core": set(),
    "checks": {"core"},
    "render": {"core"},
    "sources": {"core"},
    "sandbox": {"core", "checks", "sources"},
    "github": {"core", "render", "sources", "sandbox"},
    "service": {"core", "render", "sources", "sandbox", "github"},
    "cli": {"core", "checks", "render", "sources", "sandbox", "service"},
}
PURE = {"tree_sitter", "tree_sitter_javascript", "tree_sitter_json", "tree_sitter_typescript", "yaml", "pydantic"}
PURE |= {"nodesemver", "ahocorasick_rs"}
IMPURE = {"os", "pathlib", "subprocess", "sys", "time", "datetime", "logging", "socket", "random", "io", "threading"}


def _sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def _functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _percentile(values: list[int], share: float) -> int:
    return sorted(values)[int(share * (len(values) - 1))]


def test_functions_are_short() -> None:
    lengths = [(_length(f), f"{path.name}:{f.lineno} {f.name}") for path in _sources() for f in _functions(path)]
    assert _percentile([length for length, _ in lengths], 0.9) <= 25
    assert [where for length, where in lengths if length > 60] == []


def test_tests_are_short() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    lengths = [_length(function) for path in tests for function in _functions(path)]
    assert _percentile(lengths, 0.9) <= 40


def test_files_have_at_most_500_lines() -> None:
    long = {str(p.relative_to(ROOT)): n for p in _sources() if (n := p.read_text(encoding="utf-8").count("\n")) > 500}
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    for path in _sources():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = [alias.name for alias in node.names if _is_module(f"{node.module}.{alias.name}")]
            yield from (f"{node.module}.{name}" for name in submodules)
            if len(submodules) < len(node.names):
                yield node.module


def _is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.is_dir() or path.with_suffix(".py").is_file()


def _room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "reviewer" and len(parts) > 1 and parts[1] in ROOMS else None


def test_imports_go_one_way() -> None:
    for path in _sources():
        room = path.relative_to(PACKAGE).parts[0]
        if room not in MAY_IMPORT:
            continue
        foreign = {target for module in _imports(path) if (target := _room(module)) not in (None, room)}
        assert foreign <= MAY_IMPORT[room], f"{path.relative_to(ROOT)} imports {foreign - MAY_IMPORT[room]}"


def test_the_engine_imports_nothing_that_reaches_out() -> None:
    import sys

    for path in sorted((PACKAGE / "core").rglob("*.py")):
        for module in _imports(path):
            top = module.split(".")[0]
            assert top not in IMPURE, f"{path.name} imports {module}"
            assert top in PURE | {"reviewer", "__future__"} or top in sys.stdlib_module_names, f"{path.name}: {module}"


def test_only_one_module_imports_the_parser() -> None:
    importers = {path.name for path in _sources() if any(m.split(".")[0] == "tree_sitter" for m in _imports(path))}
    assert importers == {"syntax.py"}


def test_no_import_cycle() -> None:
    graph: dict[str, set[str]] = {}
    for path in _sources():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = {module for module in _imports(path) if module.startswith("reviewer")} - {name}
    done: set[str] = set()

    def visit(module: str, above: tuple[str, ...]) -> None:
        assert module not in above, " -> ".join((*above, module))
        if module not in done:
            for imported in sorted(graph.get(module, ())):
                visit(imported, (*above, module))
            done.add(module)

    for module in sorted(graph):
        visit(module, ())


def test_nothing_is_mocked_and_nothing_is_left_undone() -> None:
    marks = ("unittest." + "mock", "Magic" + "Mock", "TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    for path in (*_sources(), *sorted((ROOT / "tests").rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        assert [mark for mark in marks if mark in text] == [], path


def test_what_is_outside_is_known_to_one_room() -> None:
    migrations = {"service/database.py", "service/migrations"}
    places = {"dbos": {"service/jobs.py"}, "github": {"github"}, "alembic": migrations}
    for path in _sources():
        where = str(path.relative_to(PACKAGE))
        for module in _imports(path):
            top = module.split(".")[0]
            assert top not in places or any(where.startswith(place) for place in places[top]), (where, top)
