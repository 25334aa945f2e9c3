"""``reviewer scan``: what it looks at, what it prints where, and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from fixtures.materialise import commit_all, git
from reviewer.render.json import schema
from tests.helpers import (
    GATING,
    HARMLESS,
    MANIFEST,
    ONE_FINDING,
    ROUTE,
    ROUTE_LINE,
    SPOTLESS,
    START_LINE,
    partial_clone,
    repository,
    reviewer,
    scan,
    trap,
    write,
)

ROUTE_PLACE = ("pages/api/live.js", ROUTE_LINE)
START_PLACE = ("package.json", START_LINE)


def test_a_work_tree_is_scanned_as_it_lies_on_disk(tmp_path: Path) -> None:
    repository(tmp_path, {**ONE_FINDING, "pages/api/live.js": HARMLESS})
    write(tmp_path, {"pages/api/live.js": ROUTE})
    run = scan(tmp_path)
    assert (run.places, run.document["head"]) == ([ROUTE_PLACE], None)


def test_a_revision_is_scanned_instead_of_the_work_tree(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    write(tmp_path, {"pages/api/live.js": HARMLESS})
    run = scan(tmp_path, "--rev", "HEAD")
    assert (run.places, run.document["head"]) == ([ROUTE_PLACE], git(tmp_path, "rev-parse", "HEAD").strip())


def test_the_folder_one_stands_in_is_the_default(tmp_path: Path) -> None:
    run = reviewer("scan", "--format", "json", cwd=write(tmp_path, ONE_FINDING))
    assert run.places == [ROUTE_PLACE]


@pytest.mark.parametrize("extra", [(), ("--rev", "HEAD")])
def test_paths_are_relative_to_the_subdirectory_that_is_scanned(tmp_path: Path, extra: tuple[str, ...]) -> None:
    repository(tmp_path, {f"apps/web/{path}": text for path, text in ONE_FINDING.items()})
    assert scan(tmp_path / "apps/web", *extra).places == [ROUTE_PLACE]


def test_a_bare_repository_is_scanned_at_a_revision(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    git(origin, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert scan(tmp_path / "bare.git", "--rev", "main").places == [ROUTE_PLACE]


def test_a_bare_repository_without_a_revision_asks_for_one(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare")
    run = scan(tmp_path)
    message = f"reviewer: {tmp_path}: a bare repository has no files on disk: name a revision with --rev\n"
    assert (run.status, run.stdout, run.stderr) == (2, "", message)


@pytest.mark.parametrize("extra", [(), ("--rev", "HEAD")])
def test_a_linked_worktree_is_scanned_like_any_other(tmp_path: Path, extra: tuple[str, ...]) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    git(origin, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    assert scan(tmp_path / "linked", *extra).places == [ROUTE_PLACE]


def test_a_plain_folder_has_no_revisions(tmp_path: Path) -> None:
    write(tmp_path, ONE_FINDING)
    assert scan(tmp_path).places == [ROUTE_PLACE]
    run = scan(tmp_path, "--rev", "HEAD")
    assert (run.status, run.stdout) == (2, "")
    assert "--rev needs a git repository, and this is none" in run.stderr


def test_content_missing_from_a_partial_clone_fails_and_is_not_fetched(tmp_path: Path) -> None:
    clone = partial_clone(repository(tmp_path / "origin", ONE_FINDING), tmp_path / "clone", "package.json")
    mark = trap(clone)
    run = scan(clone, "--rev", "HEAD")
    assert (run.status, run.document["verdict"]) == (3, "incomplete")
    assert list(run.problems("failed")) == ["pages/api/live.js"]
    assert "missing from the repository" in run.problems("failed")["pages/api/live.js"]
    assert not mark.exists()


def test_a_gating_finding_wins_over_missing_content(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {**GATING, "pages/api/live.js": ROUTE})
    clone = partial_clone(origin, tmp_path / "clone", *GATING)
    run = scan(clone, "--rev", "HEAD")
    assert (run.status, run.document["verdict"], run.places) == (1, "failure", [START_PLACE])
    assert list(run.problems("failed")) == ["pages/api/live.js"]


def test_a_missing_script_that_no_route_names_is_a_failure_too(tmp_path: Path) -> None:
    clone = partial_clone(repository(tmp_path / "origin", GATING), tmp_path / "clone", "package.json", "pages/index.js")
    run = scan(clone, "--rev", "HEAD")
    assert (run.status, list(run.problems("failed"))) == (3, ["server.js"])


def test_links_and_submodules_are_named_and_not_followed(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"a.js": ROUTE})
    outer = repository(tmp_path / "outer", ONE_FINDING)
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.as_uri(), "vendor")
    targets = {"loop.js": "loop.js", "out.js": "../../../inner/a.js", "twin.js": "live.js", "up": "../.."}
    for name, target in targets.items():
        (outer / "pages/api" / name).symlink_to(target)
    (outer / "apps").mkdir()
    (outer / "apps/package.json").symlink_to("../package.json")
    commit_all(outer, "links")
    expected = {
        **dict.fromkeys(("apps/package.json", *(f"pages/api/{n}" for n in targets if n != "up")), "symlink"),
        "vendor": "submodule",
    }
    for run in (scan(outer), scan(outer, "--rev", "HEAD")):
        assert (run.status, run.places) == (0, [ROUTE_PLACE])
        named = run.problems("skipped")
        assert named.keys() == expected.keys()
        assert all(kind in named[path] for path, kind in expected.items())


def test_ignored_and_deleted_files_are_no_part_of_a_work_tree(tmp_path: Path) -> None:
    repository(tmp_path, {**ONE_FINDING, ".gitignore": "*.local.js\n", "pages/api/gone.js": ROUTE})
    (tmp_path / "pages/api/gone.js").unlink()
    write(tmp_path, {"pages/api/mine.local.js": ROUTE})
    run = scan(tmp_path)
    assert (run.status, run.places, run.document["problems"]) == (0, [ROUTE_PLACE], [])


@pytest.mark.parametrize(
    ("files", "status", "verdict"),
    [(SPOTLESS, 0, "success"), (ONE_FINDING, 0, "success"), (GATING, 1, "failure")],
    ids=["nothing", "warning", "error"],
)
def test_the_exit_status_says_whether_something_gates(
    tmp_path: Path, files: dict[str, str], status: int, verdict: str
) -> None:
    run = scan(write(tmp_path, files))
    assert (run.status, run.document["verdict"], run.stderr) == (status, verdict, "")


def test_text_ends_like_json_and_says_so_in_its_last_line(tmp_path: Path) -> None:
    run = reviewer("scan", write(tmp_path, GATING))
    assert (run.status, run.stderr) == (1, "")
    assert run.stdout.endswith("\n1 finding (1 error), 1 of them gating. This fails the check.\n")


def test_exit_zero_forgives_what_gates_and_still_reports_it(tmp_path: Path) -> None:
    run = scan(write(tmp_path, GATING), "--exit-zero")
    assert (run.status, run.document["verdict"], run.places) == (0, "failure", [START_PLACE])


def test_exit_zero_does_not_forgive_a_failure_of_the_analysis(tmp_path: Path) -> None:
    clone = partial_clone(repository(tmp_path / "origin", SPOTLESS), tmp_path / "clone")
    assert scan(clone, "--rev", "HEAD", "--exit-zero").status == 3


def test_the_document_is_what_the_schema_says(tmp_path: Path) -> None:
    run = scan(repository(tmp_path, {**GATING, "pages/api/live.js": ROUTE}), "--rev", "HEAD")
    Draft202012Validator(schema()).validate(run.document)
    assert [finding["status"] for finding in run.document["findings"]] == ["existing", "existing"]
    assert [finding["anchor"] for finding in run.document["findings"]] == [None, None]


def test_findings_come_in_order_of_path_line_column_rule_and_key(tmp_path: Path) -> None:
    names = ("b", "a/z", "a", "B", "é", "a-b")
    write(tmp_path, {**GATING, **{f"pages/api/{name}.js": ROUTE for name in names}})
    rules = ("--rule", "websocket-in-api-route", "--rule", "start-script-bypasses-custom-server")
    found = scan(tmp_path, *rules).document["findings"]
    order = [(f["path"], f["line"] or 0, f["column"], f["rule"], f["key"]) for f in found]
    assert order == sorted(order)
    assert len({finding["id"] for finding in found}) == len(found) == 1 + len(names)


def test_only_the_rules_that_are_named_run(tmp_path: Path) -> None:
    write(tmp_path, {**GATING, "pages/api/live.js": ROUTE})
    one = scan(tmp_path, "--rule", "websocket-in-api-route")
    two = scan(tmp_path, "--rule", "websocket-in-api-route", "--rule", "start-script-bypasses-custom-server")
    assert (one.places, one.status) == ([ROUTE_PLACE], 0)
    assert (two.places, two.status) == ([START_PLACE, ROUTE_PLACE], 1)


def test_an_unknown_rule_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    run = scan(write(tmp_path, ONE_FINDING), "--rule", "websocket-in-api-rout")
    message = "reviewer: no rule is called 'websocket-in-api-rout'; did you mean 'websocket-in-api-route'?\n"
    assert (run.status, run.stdout, run.stderr) == (2, "", message)


def test_the_configuration_comes_from_the_tree_that_is_scanned(tmp_path: Path) -> None:
    repository(tmp_path, {**ONE_FINDING, ".github/reviewer.yml": "fail_on: warning\n"})
    write(tmp_path, {".github/reviewer.yml": "paths:\n  ignore: ['pages/**']\n"})
    committed, on_disk = scan(tmp_path, "--rev", "HEAD"), scan(tmp_path)
    assert (committed.status, committed.places) == (1, [ROUTE_PLACE])
    assert (on_disk.status, on_disk.places) == (0, [])


def test_a_configuration_named_on_the_command_line_wins(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {**ONE_FINDING, ".github/reviewer.yml": "fail_on: warning\n"})
    other = write(tmp_path, {"other.yml": "\ufefffail_on: never\n"}) / "other.yml"
    assert [scan(tree).status, scan(tree, "--config", other).status] == [1, 0]


def test_an_invalid_configuration_is_answered_with_every_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, {**ONE_FINDING, ".github/reviewer.yml": "mode: gate\nfail_on: erorr\n\nnope: 1\n"})
    run = scan(tmp_path)
    lines = [
        ".github/reviewer.yml:2: fail_on must be error, warning or never, not 'erorr'",
        ".github/reviewer.yml:4: unknown key 'nope'; known: ruleset, mode, fail_on, min_evidence, paths, rules",
        "reviewer: the configuration cannot be used; nothing was reviewed",
    ]
    assert (run.status, run.stdout, run.stderr.splitlines()) == (2, "", lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode: gate\nrules: &a {}\n", "2: anchors and aliases are not accepted here"),
        ("paths: [\n", "1: "),
        ("rules:\n  websocket-in-api-rout:\n    level: off\n", "2: unknown rule 'websocket-in-api-rout'; did you mean"),
        ("a: " + "[" * 60_000, "1: it is nested too deeply"),
        ("\n" + "# x\n" * 20_000, "1: it is larger than 64 KB"),
    ],
    ids=["anchor", "unclosed", "rule", "deep", "large"],
)
def test_what_is_wrong_in_a_given_configuration_is_found_on_its_line(tmp_path: Path, text: str, message: str) -> None:
    tree = write(tmp_path / "tree", ONE_FINDING)
    given = write(tmp_path, {"given.yml": text}) / "given.yml"
    run = scan(tree, "--config", given)
    assert (run.status, run.stdout) == (2, "")
    assert run.stderr.startswith(f"{given}:{message}")


@pytest.mark.parametrize("content", [None, b"\xff\xfe\0"], ids=["absent", "no text"])
def test_a_configuration_file_that_cannot_be_read_is_wrong_usage(tmp_path: Path, content: bytes | None) -> None:
    given = tmp_path / "given.yml"
    if content is not None:
        given.write_bytes(content)
    run = scan(write(tmp_path / "tree", ONE_FINDING), "--config", given)
    assert (run.status, run.stdout) == (2, "")
    assert f"{given}: the configuration cannot be read" in run.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nowhere",), "nowhere: there is no such file or folder"),
        (("package.json",), "package.json: there is no such folder"),
        ((".", "--rev", "nope"), "no commit is called 'nope': name a branch, a tag or a commit id"),
        ((".", "--format", "xml"), "--format"),
        ((".", "--nope"), "--nope"),
    ],
)
def test_wrong_usage_ends_with_two_and_an_empty_standard_output(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    run = reviewer("scan", *arguments, cwd=repository(tmp_path, ONE_FINDING))
    assert (run.status, run.stdout) == (2, "")
    assert message in run.stderr


def test_text_is_printed_where_the_terminal_knows_ascii_only(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": MANIFEST, "pages/api/é.js": ROUTE})
    run = reviewer("scan", tmp_path, environment={"PYTHONIOENCODING": "ascii"})
    assert (run.status, run.stderr) == (0, "")
    assert "pages/api/\\xe9.js" in run.stdout


def test_an_empty_repository_has_nothing_to_report(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    run = scan(tmp_path)
    assert (run.status, run.places) == (0, [])
    assert scan(tmp_path, "--rev", "HEAD").status == 2
