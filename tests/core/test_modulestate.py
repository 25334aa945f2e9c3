"""What files keep between calls: the bindings, what is done to them, and what that is for."""

from __future__ import annotations

import pytest

from reviewer.core.modulestate import FileState, State
from reviewer.core.statetext import may_hold
from reviewer.core.stateuse import StateUse
from reviewer.core.text import Source


def read(code: str) -> FileState:
    return FileState(Source(code.encode()), "tsx")


def state(code: str, label: str) -> State:
    return next(
        state for state in read(code).states(lambda _module: True) if state.label == label and state.holder != "import"
    )


def hows(code: str, label: str) -> list[tuple[str, int]]:
    """How and in which lines functions write a state, in order."""
    file = read(code)
    found = next(state for state in file.states(lambda _module: True) if state.label == label)
    return sorted(((write.how, file.tree.line(write.node)) for write in found.writes), key=lambda row: (row[1], row[0]))


def traits(code: str, label: str) -> frozenset[str]:
    file = read(code)
    return StateUse(file, next(state for state in file.states(lambda _module: True) if state.label == label)).traits


@pytest.mark.parametrize(
    ("change", "how"),
    [
        ("x = 1", "="),
        ("x += 1", "+="),
        ("x++", "++"),
        ("--x", "++"),
        ("x ??= 1", "??="),
        ("x.push(1)", "push"),
        ("x.set(1, 2)", "set"),
        ("(x as any).add(1)", "add"),
        ("x!.delete(1)", "delete"),
        ("x?.clear()", "clear"),
        ("x[key] = 1", "="),
        ("x.a.b = 1", "="),
        ("delete x[key]", "delete"),
        ("x = [...x, 1]", "="),
        ("Object.assign(x, {})", "assign"),
        ("x.length = 0", "length"),
        ("x.get(1).count++", "++"),
        ("const y = x; y.push(1)", "push"),
        ("const y = x.get(1) ?? []; y.push(1)", "push"),
        ("for (const y of x) y.count = 1", "="),
        ("x.forEach((y) => { y.count = 1 })", "="),
    ],
)
def test_changes_in_functions_are_writes(change: str, how: str) -> None:
    assert hows(f"let x = new Map();\nfunction f(key) {{ {change} }}", "x") == [(how, 2)]


@pytest.mark.parametrize(
    "code",
    [
        "let x = 1;\nx = 2;",
        "let x = 1;\nfunction f(x) { x = 2 }",
        "let x = 1;\nfunction f() { const x = new Map(); x.set(1, 2) }",
        "let x = 1;\nfunction f() { let y = x; y = 2 }",
        "let x;\nfunction f() { if (process.env.NODE_ENV !== 'production') { x = 1 } }",
        "const x = 1;\nfunction f() { return x }",
    ],
)
def test_what_happens_at_load_to_other_names_or_in_development_is_no_write(code: str) -> None:
    assert [found.label for found in read(code).states(lambda _module: True) if found.writes] == []


def test_members_of_the_global_object_are_states_under_every_alias() -> None:
    code = (
        "const g = globalThis as any;\nconst list = (g.list ??= []);\nfunction f() { list.push(1); global.list.pop() }"
    )
    assert hows(code, "globalThis.list") == [("pop", 3), ("push", 3)]


def test_fields_of_a_class_are_states_but_for_what_the_constructor_does() -> None:
    code = "class A {\n  m = new Map();\n  constructor() { this.m.set(0, 0) }\n  f() { this.m.set(1, 1) }\n}"
    assert hows(code, "A.m") == [("set", 4)]


def test_calls_of_a_function_that_returns_a_state_stand_for_it() -> None:
    code = "const all = {};\nfunction of(k) { return all[k] }\nfunction f(k) {\n  of(k).set(1, 2);\n}"
    assert hows(code, "all") == [("set", 4)]


LIMIT = """const hits = new Map();
function f(ip) {
  const now = Date.now();
  const hit = hits.get(ip);
  if (!hit || hit.until < now) hits.set(ip, { count: 1, until: now + 1000 });
  else hit.count++;
  return hit.count > 5;
}"""
SLIDING = """const hits = new Map();
function f(ip) {
  const now = Date.now();
  const kept = (hits.get(ip) || []).filter((time) => now - time < 1000);
  kept.push(now);
  hits.set(ip, kept);
  return kept.length > 5;
}"""
COPIED = """const hits = new LRUCache({ ttl: 1000 });
function f(key) {
  let count = hits.get(key) ?? 0;
  count++;
  hits.set(key, count);
  return count > 5;
}"""


@pytest.mark.parametrize("code", [LIMIT, SLIDING, COPIED])
def test_a_counter_per_key_that_is_compared_and_ends_with_time_is_told(code: str) -> None:
    assert {"counts", "timed", "compares", "fills"} <= traits(code, "hits")


@pytest.mark.parametrize(
    "code",
    [
        "let x;\nasync function f() { if (!x) x = await load(); return x }",
        "let x;\nasync function f() { x ??= await load(); return x }",
        "let x;\nasync function f() { if (x) return x; x = await load(); return x }",
        "const x = new Map();\nasync function f(k) { if (!x.has(k)) x.set(k, await load(k)); return x.get(k) }",
        "const x = new Map();\nfunction f(k) { let c = x.get(k); if (!c) { c = new Client(k); x.set(k, c) } c.run() }",
    ],
)
def test_memos_fill_nothing(code: str) -> None:
    assert "fills" not in traits(code, "x")


def test_what_requests_bring_is_told_from_what_is_loaded() -> None:
    code = "const x = [];\nexport async function POST(request) { x.push(await request.json()) }"
    assert "stores-request" in traits(code, "x")
    assert "stores-request" not in traits(code.replace("request.json()", "load(request)"), "x")


def test_keys_are_followed_to_what_calls_pass() -> None:
    code = "const x = new Map();\nfunction f(key) { x.set(key, 1) }\nfunction g(req) { f(req.headers['x-real-ip']) }"
    file = read(code)
    assert (
        StateUse(file, next(found for found in file.states(lambda _module: True) if found.label == "x")).by
        == "client address"
    )


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("const x = new Map();\nfunction f() { x.set(1, 2) }", True),
        ("let x = 0;\nfunction f() { x += 1 }", True),
        ("const x = [1];\nfunction f() { return x[0] }", False),
        ("const x = { a: 1 };\nfunction f(xs) { xs.push(1) }", False),
        ("export const x = [];", True),
        ("'use client';\nlet x = 0;\nfunction f() { x += 1 }", False),
        ("class A { f() { this.m.set(1, 2) } }", True),
    ],
)
def test_a_first_look_by_text_keeps_what_could_hold_state(code: str, answer: bool) -> None:
    assert may_hold(code.encode(), False) is answer


def test_lists_of_other_files_count_for_routes() -> None:
    code = b"import { list } from './list';\nexport function POST() { list.push(1) }"
    assert may_hold(code, True)
    assert not may_hold(code, False)


@pytest.mark.parametrize(
    "declared", ["const event = verify(body);", "let event; try { event = verify(body); } catch {}"]
)
def test_a_key_is_known_by_what_its_name_is_given_when_declared_or_later(declared: str) -> None:
    code = (
        "const seen = new Set();\n"
        f"export async function POST(request) {{ const body = await request.text(); {declared}\n"
        "if (seen.has(event.id)) return new Response(); seen.add(event.id); await handle(event); }\n"
    )
    assert "skips" in traits(code, "seen")
    assert "skips" not in traits(code.replace("verify(body)", "'fixed'"), "seen")
