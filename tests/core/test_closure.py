"""What loading a file loads, types and dead ways left out."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.core.closure import Closure
from tests.core.trees import code_of


def ways(files: Mapping[str, str], *, depth: int = 3, late: bool = True) -> list[tuple[str, ...]]:
    code = code_of(files)
    closure = Closure(code, lambda path, _modules: path.startswith("wanted"), depth, late=late)
    visits = closure.visits("entry.ts")
    return [tuple(step.target for step in visit.chain) for path, visit in visits.items() if path.startswith("wanted")]


def test_a_file_several_imports_away() -> None:
    files = {
        "entry.ts": "import { a } from './a';\na();",
        "a.ts": "import { b } from './wanted';\nexport const a = () => b();",
        "wanted.ts": "export const b = 1;",
    }
    assert ways(files) == [("a.ts", "wanted.ts")]
    assert ways(files, depth=1) == []


def test_imports_of_types_lead_nowhere() -> None:
    wanted = "export const b = 1;\nexport type B = 1;"
    for code in ("import type { B } from './wanted';", "import { B } from './wanted';\nlet x: B;"):
        assert ways({"entry.ts": code, "wanted.ts": wanted}) == []


def test_loads_inside_functions_count_only_late() -> None:
    files = {
        "entry.ts": "export const f = async () => (await import('./wanted')).b;",
        "wanted.ts": "export const b = 1;",
    }
    assert ways(files) == [("wanted.ts",)]
    assert ways(files, late=False) == []


def test_files_that_lead_nowhere_are_not_read() -> None:
    code = code_of({"entry.ts": "import './a';", "a.ts": "export const a = 1;"})
    assert Closure(code, lambda _path, _modules: False, 3).visits("entry.ts") == {}
    assert code.files.parsed == 0


def test_files_that_import_scripts_of_each_group() -> None:
    files = {"entry.ts": "import './a';\nimport './b';", "a.ts": "", "b.ts": "import './a';"}
    closure = Closure(code_of(files), lambda path, _modules: path == "a.ts", 2)
    closure.visits("entry.ts")
    assert closure.naming_all({"a.ts"}, {"b.ts"}) == ["b.ts", "entry.ts"]
