"""What becomes of the results of calls, and how functions come to run."""

from __future__ import annotations

import pytest

from reviewer.core.callresults import Body, CallResults, Use, call_results_of
from reviewer.core.text import Source


def results(code: str) -> CallResults:
    return call_results_of(Source(code.encode()), "typescript")


def use(body: str, name: str = "work") -> Use:
    """The only call of that name in an async function with that body."""
    found = [each for each in results(f"async function f() {{\n{body}\n}}").uses if each.name == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ("work();", "dropped"),
        ("void work();", "dropped"),
        ("(work() as Promise<void>);", "dropped"),
        ("ok && work();", "dropped"),
        ("ok ? work() : 0;", "dropped"),
        ("a(), work();", "dropped"),
        ("work(), a();", "dropped"),
        ("if (ok) work(); else a();", "dropped"),
        ("work().catch(console.error);", "dropped"),
        ("work().then(a).finally(b);", "dropped"),
        ("ids.forEach((id) => work(id));", "dropped"),
        ("ids.map((id) => work(id));", "dropped"),
        ("const kept = work();", "dropped"),
        ("const kept = work(); kept.catch(console.error);", "dropped"),
        ("await work();", "awaited"),
        ("await (work());", "awaited"),
        ("const found = await work().then(a);", "awaited"),
        ("return work();", "returned"),
        ("return ok ? work() : 0;", "returned"),
        ("const kept = work(); await kept;", "stored"),
        ("const kept = work(); return a(kept);", "stored"),
        ("let kept; kept = work(); await kept;", "stored"),
        ("const kept = [work()]; await Promise.all(kept);", "stored"),
        ("await Promise.all([work(), a()]);", "passed"),
        ("await Promise.all(ids.map((id) => work(id)));", "passed"),
        ("after(() => work());", "returned"),
        ("waitUntil(work());", "passed"),
        ("if (work()) a();", "used"),
        ("work().data;", "used"),
        ("work() && a();", "used"),
        ("const { id } = work();", "stored"),
    ],
)
def test_what_becomes_of_a_result(body: str, outcome: str) -> None:
    assert use(body).outcome == outcome


def test_how_a_called_thing_is_spelled() -> None:
    names = {each.name for each in results("a?.b!.c(); d().e(); import('f').then(g); (h as any)(); [].at(0);").uses}
    assert names == {"a.b.c", "d", "d().e", "import", "import().then", "h", ""}


def test_a_yielded_result() -> None:
    found = results("function* f() { yield work(); }").uses
    assert [(each.name, each.outcome) for each in found] == [("work", "yielded")]


def test_what_is_chained_to_a_call_and_whether_it_is_void() -> None:
    found = use("void work().then(a).catch(b);")
    assert (found.chained, found.is_void, found.line) == (("then", "catch"), True, 2)


def test_what_a_call_is_given_to() -> None:
    assert use("waitUntil(work());").to == "waitUntil"
    assert use("await Promise.all([work()]);").to == "Promise.all"


def test_names_the_statement_of_a_dropped_call_holds() -> None:
    assert use("work(res, a.b).then((c) => d(c));").mentions == {"work", "res", "a", "c", "d"}
    assert use("await work(res);").mentions == frozenset()


@pytest.mark.parametrize(
    ("body", "name", "shape"),
    [
        ("(async () => { await a(); })();", "", "async-call"),
        ("(() => a())();", "", "call"),
        ("setTimeout(async () => { await a(); }, 1);", "setTimeout", "timer"),
        ("process.nextTick(async () => { await a(); });", "process.nextTick", "timer"),
        ("setTimeout(() => a(), 1);", "setTimeout", "call"),
        ("ids.forEach(async (id) => { await a(id); });", "ids.forEach", "each"),
        ("ids.map(async (id) => { await a(id); });", "ids.map", "call"),
    ],
)
def test_shapes_of_calls_that_start_an_async_function(body: str, name: str, shape: str) -> None:
    assert use(body, name).shape == shape


def only_inner(body: str) -> Body:
    """The function written in a function with that body."""
    found = results(f"async function f() {{\n{body}\n}}")
    inner = [each for each in (found.bodies or {}).values() if each.parent != -1]
    assert len(inner) == 1
    return inner[0]


@pytest.mark.parametrize(
    ("body", "runs"),
    [
        ("ids.map((id) => a(id));", "at-once"),
        ("(() => { a(); })();", "at-once"),
        ("await trace('x', async () => { a(); });", "awaited"),
        ("return trace('x', () => a());", "awaited"),
        ("await (async () => { a(); })();", "awaited"),
        ("(async () => { a(); })();", "later"),
        ("after(() => { a(); });", "later"),
        ("await waitUntil((async () => { a(); })());", "later"),
        ("emitter.on('x', () => { a(); });", "later"),
        ("await new Promise((resolve) => { a(resolve); });", "later"),
        ("const g = () => a();", "later"),
    ],
)
def test_how_a_function_comes_to_run(body: str, runs: str) -> None:
    assert only_inner(body).runs == runs


def test_functions_that_make_promises_and_server_actions() -> None:
    found = results(
        "async function a() { await x(); }\n"
        "const b = () => new Promise(() => 0);\n"
        "function c() { return a(); }\n"
        "async function* d() { yield 1; }\n"
        "class E { async f() {} }\n"
        "async function g() { 'use server'; }\n"
    )
    by_name = {body.name: body for body in (found.bodies or {}).values() if body.name}
    assert (by_name["a"].is_async, by_name["a"].awaits) == (True, True)
    assert by_name["b"].makes
    assert not by_name["c"].is_async
    assert len(by_name["c"].returns) == 1
    assert by_name["d"].is_generator
    assert (by_name["f"].holder, by_name["f"].is_async) == ("E", True)
    assert [name for name, body in by_name.items() if body.is_action] == ["g"]


def test_a_name_means_the_nearest_function_around() -> None:
    found = results("const send = () => 1;\nasync function f() {\n  const send = async () => 2;\n  send();\n}\nsend();")
    inner, outer = [found.named("send", each.function) for each in found.uses]
    assert inner is not None
    assert outer is not None
    assert (inner.is_async, outer.is_async) == (True, False)
    assert found.around(inner.id) == "send"
    assert found.named("missing", -1) is None
