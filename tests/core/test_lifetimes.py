"""Timers, endless loops and waits of one file."""

from __future__ import annotations

import pytest

from reviewer.core.lifetimes import Lifetimes, lifetimes_of, may_go_on
from reviewer.core.text import Source

SLEEP = "const sleep = (ms: number) => new Promise((done) => setTimeout(done, ms));\n"


def _lifetimes(code: str) -> Lifetimes:
    return lifetimes_of(Source(code.encode()), "typescript")


@pytest.mark.parametrize(
    ("code", "cleared", "escapes"),
    [
        ("function f() { setInterval(g, 1); }", 0, False),
        ("function f() { const t = setInterval(g, 1); return () => clearInterval(t); }", 1, False),
        ("function f() { const t = setInterval(g, 1); return t; }", 0, True),
        ("function f() { const t = setInterval(g, 1); return { t }; }", 0, True),
        ("function f() { const t = setInterval(g, 1); timers.add(t); }", 0, True),
        ("class A { start() { this.t = setInterval(g, 1); } stop() { clearInterval(this.t!); } }", 1, False),
        ("const f = () => setInterval(g, 1);", 0, True),
    ],
)
def test_a_timer_is_cleared_where_its_handle_is(code: str, cleared: int, escapes: bool) -> None:
    (timer,) = _lifetimes(code).intervals
    assert (len(timer.cleared), timer.escapes) == (cleared, escapes)


@pytest.mark.parametrize(
    ("code", "labels"),
    [
        ("async function f() { await g(); setTimeout(f, 1); }", ["setTimeout"]),
        ("const f = async () => { await g(); setTimeout(() => f(), 1); };", ["setTimeout"]),
        ("class A { async f() { try { await g(); } finally { setTimeout(() => this.f(), 1); } } }", ["setTimeout"]),
        ("async function f() { if (await g()) setTimeout(f, 1); }", []),
        ("async function f() { if (await g()) return; setTimeout(f, 1); }", []),
        ("async function f() { setTimeout(g, 1); } function g() { f; }", []),
    ],
)
def test_a_timeout_that_runs_its_own_function_again_is_a_timer(code: str, labels: list[str]) -> None:
    assert may_go_on(code.encode())
    assert [timer.label for timer in _lifetimes(code).intervals] == labels


@pytest.mark.parametrize(
    ("callback", "tidies"),
    [
        ("() => seen.clear()", True),
        ("() => { for (const [k, v] of seen) if (v < Date.now()) seen.delete(k); }", True),
        ("() => console.log('tick')", False),
        ("async () => { seen.clear(); }", False),
        ("() => { seen.clear(); save(); }", False),
    ],
)
def test_a_timer_that_only_forgets_tidies(callback: str, tidies: bool) -> None:
    (timer,) = _lifetimes(f"setInterval({callback}, 1);").intervals
    assert timer.tidies is tidies


@pytest.mark.parametrize(
    ("loop", "leaves"),
    [
        ("while (true) { await a(); }", False),
        ("for (;;) { await a(); if (b) break; }", True),
        ("while (true) { await a(); switch (b) { case 1: break; } }", False),
        ("while (true) { await Promise.all(x.map((y) => { return y; })); }", False),
        ("do { await a(); if (b) return; } while (true);", True),
    ],
)
def test_an_endless_loop_leaves_by_what_belongs_to_it(loop: str, leaves: bool) -> None:
    (found,) = _lifetimes(f"async function f() {{ {loop} }}").loops
    assert (found.awaits, found.leaves) == (True, leaves)


@pytest.mark.parametrize(
    ("code", "total"),
    [
        ("async () => { await new Promise((r) => setTimeout(r, 5_000)); }", 5_000),
        ("async () => { await sleep(2 * 60 * 1000); }", 120_000),
        ("async () => { for (let i = 0; i < 30; i++) await sleep(1000); }", 30_000),
        ("async () => { let n = 0; while (n < MAX) { n++; await sleep(1000); } }", 7_000),
    ],
)
def test_waits_are_multiplied_by_loops_that_count(code: str, total: int) -> None:
    (wait,) = _lifetimes(f"{SLEEP}const MAX = 7;\nexport const f = {code};").waits
    assert wait.total == total


def test_workflows_and_functions_called_in_place_are_told() -> None:
    found = _lifetimes("async function w() { 'use workflow'; await a(); }\n(async () => { await b(); })();")
    assert (len(found.durable), len(found.called_in_place)) == (1, 1)


def test_lines_under_a_condition_on_development_are_told() -> None:
    found = _lifetimes("if (process.env.NODE_ENV !== 'production') {\n  start();\n}\nstart();")
    assert [found.is_development(line) for line in (2, 4)] == [True, False]


def test_bytes_tell_whether_something_may_go_on() -> None:
    assert may_go_on(b"while (true) { await a(); }")
    assert not may_go_on(b"while (true) { if (await a()) break; }")
