"""``reviewer rules``, ``explain``, ``test`` and ``--version``."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from reviewer import __version__
from reviewer.resources import built_in_rulebook, rules_dir
from tests.helpers import reviewer, write

PAGE = "start-script-bypasses-custom-server.md"


def test_every_rule_has_a_line_with_its_level_and_title() -> None:
    run = reviewer("rules")
    rules = built_in_rulebook().rules
    assert (run.status, run.stderr) == (0, "")
    expected = [[id, rule.head.level, *rule.head.title.split()] for id, rule in rules.items()]
    assert [line.split() for line in run.stdout.splitlines()] == expected


def test_a_rule_is_explained_with_both_sides_its_options_and_its_sources() -> None:
    run = reviewer("explain", "websocket-in-api-route", environment={"COLUMNS": "1000"})
    rule = built_in_rulebook().rules["websocket-in-api-route"]
    assert (run.status, run.stderr) == (0, "")
    for part in ("What it costs", "When it is fine", *rule.head.options, *(cite.url for cite in rule.head.cites)):
        assert part in run.stdout


def test_a_rule_is_explained_where_the_terminal_knows_ascii_only() -> None:
    run = reviewer("explain", "websocket-in-api-route", environment={"PYTHONIOENCODING": "ascii"})
    assert (run.status, run.stderr) == (0, "")


def test_an_unknown_rule_is_answered_with_the_nearest_one() -> None:
    run = reviewer("explain", "per-rout-middleware")
    assert (run.status, run.stdout) == (2, "")
    assert "did you mean 'per-route-middleware'?" in run.stderr


def test_the_examples_of_the_built_in_pages_hold() -> None:
    run = reviewer("test")
    count = sum(len(rule.examples) for rule in built_in_rulebook().rules.values())
    assert (run.status, run.stderr) == (0, "")
    assert run.stdout == f"{count} of {count} examples of {len(built_in_rulebook().rules)} rules hold.\n"


def test_one_page_can_be_tested_alone() -> None:
    run = reviewer("test", rules_dir() / PAGE)
    assert run.status == 0
    assert run.stdout.endswith("examples of 1 rules hold.\n")


def test_an_example_that_does_not_hold_is_named_with_page_and_line(tmp_path: Path) -> None:
    page = Path(shutil.copy(rules_dir() / PAGE, tmp_path))
    text = page.read_text(encoding="utf-8")
    page.write_text(text.replace(" // expect", "", 1).replace(" # expect", "", 1), encoding="utf-8")
    run = reviewer("test", tmp_path)
    assert run.status == 1
    first, last = run.stdout.splitlines()[0], run.stdout.splitlines()[-1]
    path, line, _ = first.split(":", 2)
    assert Path(path) == page
    assert text.splitlines()[int(line) - 1].startswith("### ")
    assert last.endswith("examples of 1 rules hold.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff", "utf-8"),
        (b"no front matter\n", "page.md:1: "),
        (b"---\nid: x\nnope: 1\n---\n", "page.md:"),
        (b"---\n" + b"[" * 60_000 + b"\n---\n", "page.md:"),
    ],
    ids=["no utf-8", "no head", "unknown key", "deep"],
)
def test_a_page_that_cannot_be_used_is_wrong_usage(tmp_path: Path, content: bytes, message: str) -> None:
    run = reviewer("test", write(tmp_path, {"page.md": content}))
    assert (run.status, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr
    assert message in run.stderr


@pytest.mark.parametrize("path", ["nowhere", "."])
def test_a_place_without_pages_is_wrong_usage(tmp_path: Path, path: str) -> None:
    run = reviewer("test", tmp_path / path)
    assert (run.status, run.stdout) == (2, "")
    assert "there are no rule pages here" in run.stderr


def test_the_version_is_printed() -> None:
    run = reviewer("--version")
    assert (run.status, run.stdout.split()[:2]) == (0, ["reviewer", __version__])


@pytest.mark.parametrize("arguments", [("nope",), ("explain",), ("diff",), ("rules", "extra")])
def test_wrong_usage_ends_with_two(arguments: tuple[str, ...]) -> None:
    run = reviewer(*arguments)
    assert (run.status, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr
