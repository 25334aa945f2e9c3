"""Facts of one file: imports, exports, references, suppressions."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core.extract import extract
from reviewer.core.facts import FileFacts, Suppression
from reviewer.core.syntax import TooComplex
from reviewer.core.text import Source
from tests.core.trees import facts_of, spelled


def last_callee(code: str, language: str = "typescript") -> str:
    """What the call that stands last in the code calls."""
    calls = facts_of(code, language).calls
    return spelled(max(calls, key=lambda call: (call.line, call.column)).callee)


@pytest.mark.parametrize(
    ("code", "callee"),
    [
        ("import ws from 'ws';\nws()", "ws#"),
        ("import { Server } from 'ws';\nnew Server()", "ws#.Server"),
        ("import { Server as IO } from 'socket.io';\nnew IO()", "socket.io#.Server"),
        ("import { default as IO } from 'socket.io';\nIO()", "socket.io#"),
        ("import * as ws from 'ws';\nnew ws.WebSocketServer()", "ws#.WebSocketServer"),
        ("import ws, * as all from 'ws';\nall.Server()", "ws#.Server"),
        ("import { 'a-b' as c } from 'm';\nc()", "m#.a-b"),
        ("import data from './d.json' with { type: 'json' };\ndata.x()", "./d.json#.x"),
        ("const ws = require('ws');\nnew ws.Server()", "ws#.Server"),
        ("const { Server: S } = require('ws');\nnew S()", "ws#.Server"),
        ("const { a: { b } } = require('m');\nb()", "m#.a.b"),
        ("const { a = 1 } = require('m');\na()", "m#.a"),
        ("const Server = require('ws').Server;\nnew Server()", "ws#.Server"),
        ("const IO = require('socket.io').default;\nIO()", "socket.io#"),
        ("const io = require('socket.io')(server);\nio.on('x')", "socket.io#().on"),
        ("import ws = require('ws');\nnew ws.Server()", "ws#.Server"),
        ("const ws = await import('ws');\nws.Server()", "ws#.Server"),
        ("const { Server } = await import('ws');\nServer()", "ws#.Server"),
        ("const S = (await import('ws')).default;\nS()", "ws#"),
        ("const m = await import(/* webpackChunkName: 'm' */ './m');\nm.x()", "./m#.x"),
        ("const m = require(`ws`);\nm()", "ws#"),
        ("import { createRequire } from 'node:module';\nconst require = createRequire(1);\nrequire('ws').S()", "ws#.S"),
        ("import { createRequire } from 'module';\nconst load = createRequire(1);\nload('ws').S()", "ws#.S"),
        ("import module from 'module';\nconst load = module.createRequire(1);\nload('ws').S()", "ws#.S"),
        ("const { createRequire: c } = require('module');\nconst ws = c(1)('ws');\nws()", "ws#"),
        ("let ws = require('ws');\nconst alias = ws;\nalias.Server()", "ws#.Server"),
    ],
)
def test_every_form_of_import_leads_to_its_module(code: str, callee: str) -> None:
    assert last_callee(code) == callee


@pytest.mark.parametrize(
    ("code", "imports"),
    [
        ("import './side'", [("./side", "static", (), False)]),
        ("import {} from 'm'", [("m", "static", (), False)]),
        ("import a, { b as c } from 'm'", [("m", "static", (("default", "a"), ("b", "c")), False)]),
        ("import { type T, v } from 'm'", [("m", "static", (("v", "v"),), False)]),
        ("import type from 'm'", [("m", "static", (("default", "type"),), False)]),
        ("import type T from 'm'", [("m", "static", (), True)]),
        ("import { type T } from 'm'", [("m", "static", (), True)]),
        ("import type m = require('m')", [("m", "require", (), True)]),
        ("export { type T } from 'm'", [("m", "reexport", (), True)]),
        ("export * from 'm'", [("m", "reexport", (), False)]),
        ("export type { T } from 'm'", []),
        ("const { a, ...rest } = require('m')", [("m", "require", (("a", "a"),), False)]),
        ("const [first] = require('m')", [("m", "require", (), False)]),
        ("const S = require('m').S", [("m", "require", (("S", "S"),), False)]),
        ("const io = require('m')(server)", [("m", "require", (), False)]),
        ("require('m')", [("m", "dynamic", (), False)]),
        ("import('m').then(use)", [("m", "dynamic", (), False)]),
        ("require(name); import(`${x}`)", []),
        ("declare module 'x' { import y from 'm' }", []),
    ],
)
def test_imported_modules_are_listed(code: str, imports: list[tuple[object, ...]]) -> None:
    found = [(i.module, i.kind, i.names, i.type_only) for i in facts_of(code).imports]
    assert found == imports


@pytest.mark.parametrize(
    "code",
    [
        "const x: typeof import('ws') = y",
        "let x: import('ws').Server",
        "function f(a: import('ws').A): import('ws').B {}",
        "type A = import('ws').Server",
        "interface A { b: typeof import('ws') }",
        "const x = y as import('ws').Server",
        "mock<typeof import('ws')>(y)",
        "/** @import { Server } from 'ws' */",
        "/** @type {import('ws').Server} */",
        "// require('ws')",
        "const text = \"require('ws')\"",
        "const text = `import 'ws'; ${1}`",
        "const pattern = /require('ws')/",
        "const element = <p>require('ws') new Server()</p>",
        "declare const ws: typeof require('ws')",
        "declare global { namespace N { const x = require('ws') } }",
    ],
)
def test_types_comments_and_text_import_nothing(code: str) -> None:
    facts = facts_of(code, "tsx" if "<p>" in code else "typescript")
    assert ([i.module for i in facts.imports], [c for c in facts.calls if c.line > 1]) == ([], [])


@pytest.mark.parametrize(
    "code",
    [
        "function f(ws) {\nws() }",
        "function f({ ws }) {\nws() }",
        "function f(...ws) {\nws() }",
        "((ws = 1) =>\nws())",
        "ws =>\nws()",
        "class A { m(ws) {\nws() } }",
        "class A { constructor(private ws: any) {\nws() } }",
        "{ let ws;\nws() }",
        "for (const ws of list)\nws()",
        "for (let ws = 0;;)\nws()",
        "switch (1) { case 1: const ws = 1;\nws() }",
        "try {} catch (ws) {\nws() }",
        "function f() { if (1) { var ws }\nws() }",
        "function f() { function ws() {}\nws() }",
        "function f() {\nnew ws(); class ws {} }",
        "const f = function ws() {\nws() }",
        "class A { static { let ws;\nws() } }",
        "namespace N { const ws = 1;\nws() }",
    ],
)
def test_parameters_and_locals_shadow_an_import(code: str) -> None:
    assert not last_callee(f"import ws from 'ws'; {code}").startswith("ws#")


@pytest.mark.parametrize(
    "code",
    [
        "{ let ws }\nws()",
        "const o = { ws() {\nws() } }",
        "class A { ws() {\nws() } }",
        "function f(a: { ws: 1 }) {\nws() }",
        "for (const ws of list) {}\nws()",
    ],
)
def test_names_of_other_scopes_shadow_nothing(code: str) -> None:
    assert last_callee(f"import ws from 'ws'; {code}") == "ws#"


@pytest.mark.parametrize(
    "change",
    ["x = other", "x ||= other", "[x] = other", "({ x } = other)", "({ a: x } = other)", "x++", "for (x of other) {}"],
)
def test_a_name_assigned_again_is_not_followed(change: str) -> None:
    assert last_callee(f"import ws from 'ws'; let x = ws; {change};\nx()") == "local:x"


@pytest.mark.parametrize(
    "code",
    [
        "function require() {}\nrequire('ws')",
        "function f(require) {\nrequire('ws') }",
        "function createRequire() {}\nconst require = createRequire(1);\nrequire('ws')",
        "import { createRequire } from './own';\nconst load = createRequire(1);\nload('ws')",
        "const f = f().createRequire(1);\nf('ws')",
    ],
)
def test_a_require_of_the_files_own_loads_nothing(code: str) -> None:
    assert "ws" not in [i.module for i in facts_of(code).imports]


@pytest.mark.parametrize(
    "expression",
    [
        "(ws as any).Server()",
        "(<any>ws).Server()",
        "ws!.Server()",
        "(ws satisfies object).Server()",
        "((ws)).Server()",
        "ws?.Server?.()",
        "ws['Server']()",
        "ws.Server<string>()",
        "new (ws.Server as any)()",
        "new ws.Server",
    ],
)
def test_noise_around_a_reference_leaves_no_trace(expression: str) -> None:
    assert last_callee(f"import ws from 'ws';\n{expression}") == "ws#.Server"


@pytest.mark.parametrize("chain", ["a" + ".b()" * 5000, "f(" * 2000 + ")" * 2000])
def test_long_chains_are_read_within_bounds(chain: str) -> None:
    assert len(facts_of(chain).calls) in (5000, 2000)


@pytest.mark.parametrize("code", ["{" * 1001 + "}" * 1001, "x=>" * 1001 + "1"])
def test_code_nested_too_deeply_is_refused(code: str) -> None:
    with pytest.raises(TooComplex, match="1,000 deep"):
        facts_of(code, "javascript")


def test_parameters_are_numbered_without_the_this_of_typescript() -> None:
    facts = facts_of("function f(this: Window, req: Request, { a }, ...rest) {\nreq.x() }")
    assert facts.functions[0].params == ("req", "", "")
    assert facts.calls[0].callee is not None
    assert facts.calls[0].callee.index == 0


@pytest.mark.parametrize(
    ("code", "exports"),
    [
        ("export default function f() {}", ["default=function"]),
        ("export default async () => {}", ["default=function"]),
        ("export default h as Handler", ["default=ref"]),
        ("export default withA(h)", ["default=call"]),
        ("export const GET = a, POST = b()", ["GET=ref", "POST=call"]),
        ("export async function* GET() {}", ["GET=function"]),
        ("export { h as GET, h as 'POST' }", ["GET=ref", "POST=ref"]),
        ("export { default } from './h'", ["default<-./h#default"]),
        ("export { h as default } from './h'", ["default<-./h#h"]),
        ("export * from './h'", ["*<-./h#*"]),
        ("export const { GET, POST: Q } = f()", ["GET=member", "Q=member"]),
        ("export = f", ["default=ref"]),
        ("module.exports = f", ["default=ref"]),
        ("module.exports = { GET() {}, POST: p }", ["GET=function", "POST=ref", "default=object"]),
        ("exports.default = f", ["default=ref"]),
        ("module.exports.GET = f", ["GET=ref"]),
        ("function f() { module.exports = g }", []),
        ("function f(exports) { exports.a = g }", []),
        ("export let GET", []),
        ("export type GET = 1; export interface POST {}", []),
        ("export default interface GET {}", []),
        ("export { type GET }; export type { POST }", []),
        ("export declare function GET(): void", []),
        ("export function GET(): void; export function GET() {}", ["GET=function"]),
        ("namespace N { export const GET = 1 }", []),
        ("export namespace N { export function GET() {} }", []),
        ("declare module 'm' { export const GET: any; export default GET }", []),
    ],
)
def test_every_form_of_export_is_listed(code: str, exports: list[str]) -> None:
    found = [
        f"{e.name}={e.expr.kind}" if e.expr else f"{e.name}<-{e.module}#{e.imported}" for e in facts_of(code).exports
    ]
    assert sorted(found) == sorted(exports)


@pytest.mark.parametrize(
    ("code", "conditional"),
    [
        ("c.a = 1", False),
        ("{ c.a = 1 }", False),
        ("if (x) c.a = 1", True),
        ("x && (c.a = 1)", True),
        ("switch (x) { case 1: c.a = 1 }", True),
        ("for (const y of x) { c.a = 1 }", True),
        ("function f() { c.a = 1 }", False),
        ("function f() { if (x) c.a = 1 }", True),
        ("if (x) { run(() => { c.a = 1 }) }", False),
    ],
)
def test_assignments_say_whether_they_are_conditional_where_they_stand(code: str, conditional: bool) -> None:
    assert [a.conditional for a in facts_of(f"const c = {{}}; {code}").assignments] == [conditional]


@pytest.mark.parametrize(
    ("comment", "suppression"),
    [
        ("// reviewer-disable-next-line a-b -- why not", Suppression("a-b", "why not", 1, 2)),
        ("//reviewer-disable-next-line a", Suppression("a", "", 1, 2)),
        ("// reviewer-disable-next-line a --", Suppression("a", "", 1, 2)),
        ("/* reviewer-disable-file a -- b -- c */", Suppression("a", "b -- c", 1, None)),
        ("/* reviewer-disable-file a --b*/", Suppression("a", "b", 1, None)),
        ("/*\n reviewer-disable-next-line a\n -- b\n*/", Suppression("a", "b", 1, 5)),
        ("/* reviewer-disable-next-line a -- x" + " " * 50_000 + "y */", None),
        ("// reviewer-disable-line a -- b", None),
        ("// reviewer-disable-next-line a, b -- c", None),
        ("// reviewer-disable-next-line A -- c", None),
        ("// reviewer-disable-next-line a - c", None),
        ("// reviewer-disable-next-line", None),
        ("// see reviewer-disable-file a -- b", None),
        ("/** reviewer-disable-file a -- b */", None),
        ("'// reviewer-disable-file a -- b'", None),
        ("`// reviewer-disable-file a -- b`", None),
    ],
)
def test_suppression_comments_follow_their_grammar(comment: str, suppression: Suppression | None) -> None:
    found = facts_of(f"{comment}\nf()").suppressions
    if " " * 100 in comment:
        assert [(s.rule, s.reason[0], s.reason[-1]) for s in found] == [("a", "x", "y")]
    else:
        assert list(found) == ([suppression] if suppression else [])


def test_a_comment_in_jsx_suppresses_and_its_text_does_not() -> None:
    code = "const a = <p>\n{/* reviewer-disable-next-line a -- b */}\n// reviewer-disable-file c -- d\n</p>"
    assert facts_of(code, "tsx").suppressions == (Suppression("a", "b", 2, 3),)


def test_directives_end_at_the_first_statement() -> None:
    assert facts_of("// x\n'use server'\n\"use strict\";\nf()\n'use client'").directives == ("use server", "use strict")


REAL = """import { Server as IO } from 'socket.io'
const { a: { b = 1 }, ...rest } = require('m')
declare global { var io: IO | undefined }
export const config = { api: { bodyParser: false } } satisfies Config
export default withA(async function handler(this: X, req: Request, res) {
  // reviewer-disable-next-line websocket-in-api-route -- é
  if (!res?.socket!.server.io) { res.socket.server.io ??= new IO(res.socket.server, { path: `/${b}` }) }
  try { await import(/* c */ './x') } catch (e) { for (const x of rest) module.exports = e }
})
export const { GET, POST } = NextAuth({}).handlers
export * as ns from './𝒳'
"""


def positions(value: object) -> Iterator[tuple[int, int]]:
    """Every line and column in facts."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, tuple | list):
            stack.extend(item)
        elif isinstance(item, dict):
            stack.extend(item.values())
        elif dataclasses.is_dataclass(item):
            stack.extend(getattr(item, field.name) for field in dataclasses.fields(item))
            if hasattr(item, "line"):
                yield item.line, getattr(item, "column", 1)


def assert_positions_exist(facts: FileFacts, data: bytes) -> None:
    lines = data.split(b"\n")
    assert facts.lines == len(lines)
    assert all(1 <= first <= last <= len(lines) for first, last in facts.unread)
    for line, column in positions(facts):
        assert 1 <= line <= len(lines)
        assert 1 <= column <= len(lines[line - 1].decode()) + 1


@settings(deadline=None, max_examples=150)
@given(st.text(max_size=120), st.sampled_from(["typescript", "tsx", "javascript"]))
def test_any_text_has_facts_with_positions_that_exist(text: str, language: str) -> None:
    data = text.encode()
    assert_positions_exist(extract(Source(data), language), data)


@settings(deadline=None, max_examples=200)
@given(st.data(), st.sampled_from(["typescript", "tsx", "javascript"]))
def test_damaged_code_has_facts_with_positions_that_exist(data: st.DataObject, language: str) -> None:
    text = REAL
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 12))
        insert = data.draw(st.text(alphabet="{}()[]<>'\"`$/*\\;:,.=? \n\r\té𝒳\u2028ax", max_size=4))
        text = text[:at] + insert + text[at + length :]
    assert_positions_exist(extract(Source(text.encode()), language), text.encode())


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("export default () => ({})", ["object"]),
        ("export default async function f() { if (x) return {}; return make(); }", ["object", "call"]),
        ("module.exports = (phase) => { const c = {}; return c }", ["ref"]),
        ("const f = () => x ? 1 : 2; export default f", ["choice"]),
        ("export default wrap(() => ({}))", ["object"]),
        ("const make = () => ({}); export default make()", ["object"]),
        ("export default function Page() { return <p/> }", ["other"]),
        ("export const f = () => ({})", []),
        ("export default function f() {}", []),
        ("export default class {}", []),
    ],
)
def test_what_a_default_export_returns(code: str, kinds: list[str]) -> None:
    returns = facts_of(code, "tsx").returns.values()
    assert [value.kind for returned in returns for value in returned.values] == kinds


def test_a_returned_value_comes_with_the_names_it_is_made_of() -> None:
    code = "const a = 1; export default () => { const b = { a }; const c = wrap(b); const d = 2; { return c } }"
    (returned,) = facts_of(code).returns.values()
    assert {name: value.kind for name, value in returned.names.items()} == {"c": "call", "b": "object"}
