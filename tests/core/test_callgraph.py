"""What runs because of a route, in other files as well."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.core.callgraph import CallGraph, Part
from reviewer.core.handlers import handlers_of
from reviewer.core.roles import Route
from tests.core.trees import code_of

ROUTE = Route("app/api/a/route.ts", "app-route-handler", "/api/a")


def _parts(files: Mapping[str, str]) -> list[Part]:
    code = code_of(files)
    return CallGraph(code, frozenset(files)).of(ROUTE.path, handlers_of(code, ROUTE))


def _names(files: Mapping[str, str], *, on_load: bool) -> set[str]:
    code = code_of(files)
    found = set()
    for part in _parts(files):
        facts = code.facts(part.path)
        if facts is not None and part.on_load is on_load:
            found |= {f.name for f in facts.functions if f.id in part.functions and f.name}
    return found


def test_a_handler_runs_functions_two_files_away() -> None:
    files = {
        ROUTE.path: "import { one } from '../../../lib/one';\nexport function GET() { one(); }",
        "lib/one.ts": "import { two } from './two';\nexport function one() { two(); }\nexport function other() {}",
        "lib/two.ts": "export const two = () => {};",
    }
    assert _names(files, on_load=False) == {"GET", "one", "two"}


def test_a_method_of_an_exported_object_runs() -> None:
    files = {
        ROUTE.path: "import { jobs } from '../../../lib/jobs';\nexport function GET() { jobs.start(); }",
        "lib/jobs.ts": "class Jobs { start() { this.plan(); } plan() {} stop() {} }\nexport const jobs = new Jobs();",
    }
    assert _names(files, on_load=False) == {"GET", "start", "plan"}


def test_loading_a_route_loads_what_it_imports_and_runs_what_is_called_there() -> None:
    files = {
        ROUTE.path: "import '../../../lib/jobs';\nexport function GET() {}",
        "lib/jobs.ts": "function start() {}\nfunction later() {}\nstart();\nexport const hooks = { later };",
    }
    loaded = [part for part in _parts(files) if part.on_load]
    assert [(part.path, len(part.loaded)) for part in loaded] == [(ROUTE.path, 0), ("lib/jobs.ts", 1)]
    assert _names(files, on_load=True) == {"start"}


def test_what_a_wrapper_returns_does_not_run_when_the_module_is_loaded() -> None:
    wrapper = "const wrap = (f: any) => { return function inner() { f(); }; };"
    files = {ROUTE.path: f"{wrapper}\nexport const GET = wrap(() => {{}});"}
    assert _names(files, on_load=True) == {"wrap"}
