"""What may follow an answer of a Pages API handler on the same path."""

from __future__ import annotations

import pytest

from reviewer.core.flow import answers_of
from reviewer.core.text import Source


def steps(body: str) -> list[tuple[str, bool, list[str]]]:
    """Each answer that something follows: how it is spelled, whether another answer follows too, and what does."""
    code = f"export default async function handler(req, res) {{\n{body}\n}}\n"
    found = answers_of(Source(code.encode()), "typescript", code.index("async"))
    return [(each.name, each.goes_on, [f"{s.kind} {s.name}" for s in each.steps]) for each in found]


def followed(body: str) -> bool:
    return bool(steps(body))


def test_what_follows_an_answer_in_the_same_row() -> None:
    assert steps("res.status(200).json({});\nawait work();\nother();") == [
        ("res.status(…).json(…)", False, ["await work", "call other"])
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "res.json(1)",
        "res.send('')",
        "res.end()",
        "res.redirect('/')",
        "res.setHeader('a', 'b').status(204).end()",
        "(res as any).json(1)",
        "await res.json(1)",
        "ok ? res.json(1) : res.end()",
    ],
)
def test_calls_that_answer(answer: str) -> None:
    assert followed(f"{answer};\nawait work();")


@pytest.mark.parametrize(
    "call",
    ["res.write('')", "res.revalidate('/')", "res.socket.end()", "other.json(1)", "res.on('close', () => res.end())"],
)
def test_calls_that_do_not(call: str) -> None:
    assert not followed(f"{call};\nawait work();")


def test_another_name_for_the_response() -> None:
    assert followed("const reply = res;\nreply.json(1);\nawait work();")


@pytest.mark.parametrize(
    "body",
    [
        "return res.json(await work());",
        "if (!a) { res.status(405).end(); return }\nawait work();",
        "if (!a) { res.end(); throw new Error(); }\nawait work();",
        "if (a) { res.json(1); } else { await work(); res.json(2); }",
        "if (a) { res.json(1); }\nif (b) { await work(); res.json(2); }",
        "try { res.json(await work()); } catch (e) { await log(e); res.end(); }",
        "switch (a) { case 1: res.json(1); break; case 2: await work(); res.end(); }",
        "let sent = false;\nif (a) { res.json(1); sent = true }\nif (sent) return;\nawait work();",
        "if (a) res.json(1);\nif (res.headersSent) return;\nawait work();",
        "for (;;) { const c = await read(); if (c.done) { res.end(); break; } res.write(c); }",
        "res.json(1);\nwaitUntil(work());\nafter(() => work());",
        "res.json(1);\nconst later = async () => { await work(); };",
    ],
)
def test_paths_that_end_or_exclude_each_other(body: str) -> None:
    assert not followed(body)


@pytest.mark.parametrize(
    "body",
    [
        "if (a) { res.json(1); }\nawait work();",
        "if (a) res.json(1); else res.end();\nawait work();",
        "try { res.json(1); } finally { await work(); }",
        "try { return res.json(1); } finally { await work(); }",
        "switch (a) { case 1: res.json(1); break; default: res.end(); }\nawait work();",
        "for (const a of b) { if (a) { res.json(a); break; } }\nawait work();",
        "do { res.json(1); } while (a);\nawait work();",
        "res.json(1);\nfor await (const a of b) { use(a); }",
        "res.json(1);\nif (a) { await work(); }",
        "out: { res.json(1); }\nawait work();",
        "a && res.json(1);\nawait work();",
    ],
)
def test_paths_that_go_on(body: str) -> None:
    assert followed(body)


def test_a_second_answer_says_that_a_return_was_missed() -> None:
    assert steps("if (!a) { res.status(404).end(); }\nawait work();\nres.json(1);") == [
        ("res.status(…).end(…)", True, ["await work"])
    ]
    assert steps("if (!wait) { res.end(); }\nawait work();\nif (wait) { res.json(1); }") == [
        ("res.end(…)", False, ["await work"])
    ]


@pytest.mark.parametrize("parameters", ["req", "req, { json }", ""])
def test_a_handler_without_a_response_of_its_own(parameters: str) -> None:
    code = f"async ({parameters}) => {{\nres.json(1);\nawait work();\n}}"
    assert answers_of(Source(code.encode()), "typescript", 0) == ()
