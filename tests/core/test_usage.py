"""Names used as values, Node's globals, and the lines Edge leaves out."""

from __future__ import annotations

import pytest

from reviewer.core.text import Source
from reviewer.core.usage import Usage, usage_of


def usage(code: str, language: str = "tsx") -> Usage:
    return usage_of(Source(code.encode()), language)


@pytest.mark.parametrize(
    "code",
    [
        "A()",
        "new A()",
        "const x = A",
        "f(A)",
        "const x = { A }",
        "const x = { a: A }",
        "class X extends A {}",
        "export { A }",
        "export default A",
        "const x = <A />",
        "const x = <A.B>1</A.B>",
        "if (x instanceof A) f()",
        "A.b.c",
        "const x = typeof A === 'function'",
        "const { x = A } = y",
        "@A class X {}",
    ],
)
def test_names_that_stand_for_values(code: str) -> None:
    assert "A" in usage(f"import {{ A }} from 'a';\n{code};").values


@pytest.mark.parametrize(
    "code",
    [
        "",
        "let x: A",
        "let x: A.B",
        "let x: A.B.C<D>",
        "let x: typeof A",
        "let x: typeof A.b",
        "type X = A | A[]",
        "class X implements A {}",
        "f<A>()",
        "const x = y as A",
        "interface X extends A {}",
        "x.A",
        "const x = { A: 1 }",
        "'A'",
        "// A",
    ],
)
def test_names_that_stand_for_types_or_nothing(code: str) -> None:
    assert "A" not in usage(f"import {{ A }} from 'a';\n{code}").values


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("process.nextTick(f)", ["process.nextTick"]),
        ("process?.nextTick?.(f)", ["process.nextTick"]),
        ("f(process.version, process.versions.node)", ["process.version", "process.versions"]),
        ("setImmediate(f)", ["setImmediate"]),
        ("f(__dirname, __filename)", ["__dirname", "__filename"]),
        ("eval('1'); new Function('a'); Function('b')", ["eval", "new Function", "new Function"]),
        ("require(name); require(`a${b}`)", ["require"]),
        ("require('fs'); require(`fs`); require()", []),
        ("process.env.A; process.cwd()", []),
        ("x.process.nextTick(f); x.setImmediate(f); x.__dirname", []),
        ("const __dirname = 1; f(__dirname)", []),
        ("import { setImmediate } from 'timers'; setImmediate(f)", []),
        ("import process from 'process'; process.nextTick(f)", []),
        ("function f(process) { process.nextTick(g) }", []),
        ("const { setImmediate } = x; setImmediate(f)", []),
        ("typeof setImmediate === 'function' && setImmediate(f)", []),
        ("if (typeof process !== 'undefined') f(process.version)", []),
        ("let x: Function; x instanceof Function", []),
        ("const s = 'eval(1)'; /eval/.test(s)", []),
    ],
)
def test_what_only_node_has(code: str, names: list[str]) -> None:
    assert [use.name for use in usage(code).globals] == names


def test_the_function_a_global_is_used_in() -> None:
    code = "eval('a');\nfunction f() {\n  eval('b');\n}\nconst o = { m() { eval('c') } };"
    uses = usage(code).globals
    assert [(use.line, use.function) for use in uses] == [(1, -1), (3, code.index("function")), (5, code.index("m()"))]


@pytest.mark.parametrize(
    ("code", "elsewhere"),
    [
        ("if (process.env.NEXT_RUNTIME === 'nodejs') {\n  f();\n}", {1, 2, 3}),
        ("if ('nodejs' == process.env['NEXT_RUNTIME'])\n  f();", {2}),
        ("if (process.env.NEXT_RUNTIME !== 'edge')\n  f();\nelse\n  g();", {2}),
        ("if (process.env.NEXT_RUNTIME === 'edge')\n  f();\nelse\n  g();", {3, 4}),
        ("x(\n  process.env.NEXT_RUNTIME === 'nodejs' ?\n    a\n  : b)", {3}),
        ("x(\n  process.env.NEXT_RUNTIME === 'nodejs' &&\n    a)", {3}),
        ("x(\n  process.env.NEXT_RUNTIME === 'nodejs' ||\n    a)", set()),
        ("function f() {\n  if (process.env.NEXT_RUNTIME !== 'nodejs') return;\n  g();\n}", {3, 4}),
        ("function f() {\n  if (process.env.NEXT_RUNTIME !== 'nodejs') log();\n  g();\n}", set()),
        ("const isNode = process.env.NEXT_RUNTIME === 'nodejs';\nif (isNode)\n  f();", {3}),
        ("const isNode = process.env.NEXT_RUNTIME === 'nodejs';\nif (!isNode)\n  f();\nelse\n  g();", {4, 5}),
        ("switch (process.env.NEXT_RUNTIME) {\n  case 'nodejs':\n    f();\n  case 'edge':\n    g();\n}", {2, 3}),
        ("switch (other) {\n  case 'nodejs':\n    f(NEXT_RUNTIME);\n}", set()),
        ("if (process.env.NODE_ENV === 'nodejs')\n  NEXT_RUNTIME;", set()),
        ("const A = dynamic(\n  () => import('./a'),\n  { ssr: false });", {1, 2, 3}),
        ("const A = dynamic(\n  () => import('./a'),\n  { ssr: true });", set()),
    ],
)
def test_lines_that_run_elsewhere(code: str, elsewhere: set[int]) -> None:
    found = usage(code)
    assert {line for line in range(1, 9) if found.runs_elsewhere(line)} == elsewhere
