"""Which states requests change: from handlers through files, methods and instances."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.core.statereach import Reach, module_states
from tests.core.trees import NAMES

MANIFEST = '{ "dependencies": { "next": "15.5.0" }, "scripts": { "start": "next start" } }'


def changed(files: Mapping[str, str]) -> list[tuple[str, str]]:
    """Path and label of the states that requests change."""
    project = Project(snapshot_of({"package.json": MANIFEST, **files}), NAMES, {}, NoCache())
    states = module_states(project, lambda _: True)
    kept = [kept for app in project.next_apps for kept in Reach(app, states).kept() if kept.places]
    return sorted((each.path, each.state.label) for each in kept)


STORE = "const x = new Map();\nexport function put(v) { x.set(v, v) }\nexport function ask(v) { return x.get(v) }"


@pytest.mark.parametrize(
    ("route", "is_changed"),
    [
        ("import { put } from '../../lib/store';\nexport default (req, res) => put(req.body)", True),
        (
            "import { put as p } from '../../lib/store';\nfunction f(v) { p(v) }\nexport default (req, res) => f(1)",
            True,
        ),
        ("import * as store from '../../lib/store';\nexport default (req, res) => store.put(1)", True),
        ("const { put } = require('../../lib/store');\nmodule.exports = (req, res) => put(1)", True),
        ("import { ask } from '../../lib/store';\nexport default (req, res) => ask(1)", False),
        ("import { put } from '../../lib/store';\nput(1);\nexport default (req, res) => res.end()", False),
        ("import type { put } from '../../lib/store';\nexport default (req, res) => res.end()", False),
    ],
)
def test_only_functions_that_handlers_call_count(route: str, is_changed: bool) -> None:
    found = changed({"pages/api/a.js": route, "lib/store.js": STORE})
    assert found == ([("lib/store.js", "x")] if is_changed else [])


CLASS = """export class A {
  m = new Map();
  set(k) { this.m.set(k, 1); return this.m.get(k) }
  get(k) { return this.m.get(k) }
}"""


@pytest.mark.parametrize(
    ("route", "is_changed"),
    [
        ("import { A } from '../../lib/a';\nconst a = new A();\nexport default (req, res) => a.set(1)", True),
        ("import { A } from '../../lib/a';\nconst a = new A();\nexport default (req, res) => a.get(1)", False),
        ("import { A } from '../../lib/a';\nexport default (req, res) => new A().set(1)", False),
        ("import { A } from '../../lib/a';\nlet a;\nexport default (req, res) => { a ??= new A(); a.set(1) }", True),
    ],
)
def test_fields_last_where_a_module_keeps_the_object(route: str, is_changed: bool) -> None:
    found = changed({"pages/api/a.js": route, "lib/a.js": CLASS})
    assert (("lib/a.js", "A.m") in found) is is_changed


def test_an_exported_container_may_be_filled_by_the_route() -> None:
    route = "import { all } from '../../lib/all';\nexport default (req, res) => { all.push(1); res.json(all) }"
    assert changed({"pages/api/a.js": route, "lib/all.js": "export const all = [{ id: 0 }];"}) == [
        ("lib/all.js", "all")
    ]


def test_handlers_of_other_files_and_server_actions_are_followed() -> None:
    own = "let x = [];\nexport default function handler(req, res) { x.push(1); res.json(x) }"
    action = "'use server';\nconst y = [];\nexport async function add(v) { y.push(v); return y }"
    files = {"pages/api/a.js": "export { default } from '../../lib/own';", "lib/own.js": own, "app/actions.js": action}
    assert changed(files) == [("app/actions.js", "y"), ("lib/own.js", "x")]
