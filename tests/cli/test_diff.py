"""``reviewer diff``: between which trees, under whose configuration, and how it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from fixtures.materialise import commit_all, git
from reviewer.render.json import schema
from tests.helpers import (
    GATING,
    HARMLESS,
    ONE_FINDING,
    ROUTE,
    ROUTE_LINE,
    SERVER,
    SPOTLESS,
    START_LINE,
    Run,
    commit,
    diff,
    partial_clone,
    repository,
    reviewer,
    trap,
)

ROUTE_PLACE = ("pages/api/live.js", ROUTE_LINE)
START_PLACE = ("package.json", START_LINE)
BASE_CONFIG = ".github/reviewer.yml"


def branched(folder: Path) -> tuple[str, str, str]:
    """A repository whose ``main`` and ``change`` have parted; the ids of their tips and of the merge base."""
    parted = git(repository(folder, SPOTLESS), "rev-parse", "HEAD").strip()
    git(folder, "checkout", "--quiet", "-b", "change")
    change = commit(folder, {"server.js": SERVER})
    git(folder, "checkout", "--quiet", "main")
    main = commit(folder, {"pages/api/live.js": ROUTE})
    return main, change, parted


def test_a_change_is_judged_from_its_merge_base(tmp_path: Path) -> None:
    main, change, parted = branched(tmp_path)
    run = diff("main", "change", "--repo", tmp_path)
    revisions = [run.document[name] for name in ("base", "head", "merge_base")]
    assert revisions == [main, change, parted]
    assert (run.status, run.places, run.document["fixed"]) == (1, [START_PLACE], [])


def test_a_finding_on_a_file_nobody_touched_is_anchored_at_its_cause(tmp_path: Path) -> None:
    branched(tmp_path)
    (finding,) = diff("main", "change", "--repo", tmp_path).document["findings"]
    assert (finding["status"], finding["gates"]) == ("introduced", True)
    assert finding["anchor"]["path"] == "server.js"


def test_the_document_is_what_the_schema_says(tmp_path: Path) -> None:
    branched(tmp_path)
    Draft202012Validator(schema()).validate(diff("main", "change", "--repo", tmp_path).document)


def test_what_was_there_before_is_not_reported(tmp_path: Path) -> None:
    repository(tmp_path, GATING)
    commit(tmp_path, {"pages/about.js": HARMLESS})
    run = diff("HEAD~1", "--repo", tmp_path)
    assert (run.status, run.places, run.document["stats"]["existing"]) == (0, [], 1)


def test_the_head_is_what_is_checked_out_by_default(tmp_path: Path) -> None:
    repository(tmp_path, SPOTLESS)
    head = commit(tmp_path, {"pages/api/live.js": ROUTE})
    run = reviewer("diff", "HEAD~1", "--format", "json", cwd=tmp_path)
    assert (run.places, run.document["head"]) == ([ROUTE_PLACE], head)


def test_what_a_change_repairs_is_said(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    commit(tmp_path, {"pages/api/live.js": HARMLESS})
    run = diff("HEAD~1", "--repo", tmp_path)
    assert [(f["rule"], f["path"]) for f in run.document["fixed"]] == [("websocket-in-api-route", "pages/api/live.js")]
    assert (run.status, run.places) == (0, [])


def test_a_file_with_missing_content_in_the_head_repairs_nothing(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    commit(origin, {"pages/api/live.js": HARMLESS})
    clone = partial_clone(origin, tmp_path / "clone", "package.json")
    git(clone, "cat-file", "-p", "HEAD~1:pages/api/live.js")
    run = diff("HEAD~1", "--repo", clone)
    assert (run.status, run.document["fixed"]) == (3, [])
    assert list(run.problems("failed")) == ["pages/api/live.js"]


def test_content_missing_from_the_base_is_said_to_be_the_bases(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    commit(origin, {"pages/api/live.js": HARMLESS})
    clone = partial_clone(origin, tmp_path / "clone", "package.json", "pages/api/live.js")
    mark = trap(clone)
    run = diff("HEAD~1", "--repo", clone)
    assert (run.status, run.document["verdict"]) == (3, "incomplete")
    assert run.problems("failed")["pages/api/live.js"].startswith("in the base: its content is missing")
    assert not mark.exists()


def test_what_gates_wins_over_what_failed(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", SPOTLESS)
    commit(origin, {"server.js": SERVER, "pages/api/live.js": ROUTE})
    clone = partial_clone(origin, tmp_path / "clone", *GATING)
    run = diff("HEAD~1", "--repo", clone)
    assert (run.status, run.document["verdict"], run.places) == (1, "failure", [START_PLACE])
    assert list(run.problems("failed")) == ["pages/api/live.js"]
    assert diff("HEAD~1", "--repo", clone, "--rule", "websocket-in-api-route").status == 3


def configured(folder: Path, base: str | None, head: str | None) -> Run:
    """A change that brings one warning, between a base and a head with these configurations."""
    repository(folder, SPOTLESS if base is None else {**SPOTLESS, BASE_CONFIG: base})
    commit(folder, {"pages/api/live.js": ROUTE} if head is None else {"pages/api/live.js": ROUTE, BASE_CONFIG: head})
    return diff("HEAD~1", "--repo", folder)


def test_a_change_cannot_loosen_its_own_gate(tmp_path: Path) -> None:
    run = configured(tmp_path, "fail_on: warning\n", "fail_on: never\npaths:\n  ignore: ['**']\n")
    assert (run.status, run.places) == (1, [ROUTE_PLACE])


def test_a_change_is_not_judged_by_the_configuration_it_brings(tmp_path: Path) -> None:
    assert configured(tmp_path / "a", None, "fail_on: warning\n").status == 0
    assert configured(tmp_path / "b", None, "no: configuration\n").status == 0


def test_the_configuration_is_that_of_the_base_and_not_of_the_merge_base(tmp_path: Path) -> None:
    repository(tmp_path, SPOTLESS)
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    commit(tmp_path, {"pages/api/live.js": ROUTE})
    git(tmp_path, "checkout", "--quiet", "main")
    commit(tmp_path, {BASE_CONFIG: "\ufefffail_on: warning\n"})
    assert diff("main", "change", "--repo", tmp_path).status == 1


def test_an_invalid_configuration_of_the_base_is_named_with_its_line(tmp_path: Path) -> None:
    run = configured(tmp_path, "mode: gate\nfail_on: erorr\n", None)
    assert (run.status, run.stdout) == (2, "")
    assert run.stderr.startswith(f"{BASE_CONFIG}:2: fail_on must be")


def test_a_configuration_of_the_base_that_cannot_be_had_is_not_taken_for_none(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", {**SPOTLESS, BASE_CONFIG: "fail_on: warning\n"})
    commit(origin, {"pages/api/live.js": ROUTE})
    clone = partial_clone(origin, tmp_path / "clone", *SPOTLESS, "pages/api/live.js")
    run = diff("HEAD~1", "--repo", clone)
    assert (run.status, run.stdout) == (2, "")
    assert f"{BASE_CONFIG} of " in run.stderr


def test_a_given_configuration_wins_over_that_of_the_base(tmp_path: Path) -> None:
    repository(tmp_path / "tree", {**SPOTLESS, BASE_CONFIG: "fail_on: warning\n"})
    commit(tmp_path / "tree", {"pages/api/live.js": ROUTE})
    given = tmp_path / "given.yml"
    given.write_text("fail_on: never\n", encoding="utf-8")
    assert diff("HEAD~1", "--repo", tmp_path / "tree").status == 1
    assert diff("HEAD~1", "--repo", tmp_path / "tree", "--config", given).status == 0


def test_bare_repositories_worktrees_and_subdirectories_show_the_whole_change(tmp_path: Path) -> None:
    origin = tmp_path / "origin"
    branched(origin)
    git(origin, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    git(origin, "worktree", "add", "--quiet", str(tmp_path / "linked"), "change")
    for place in (tmp_path / "bare.git", tmp_path / "linked", origin / "pages"):
        assert diff("main", "change", "--repo", place).places == [START_PLACE]


def test_a_repository_may_lie_at_a_path_that_is_no_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9 \n")
    branched(folder)
    assert diff("main", "change", "--repo", folder).places == [START_PLACE]


def test_moving_a_file_reports_nothing_again(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    git(tmp_path, "mv", "pages/api/live.js", "pages/api/moved.js")
    commit_all(tmp_path, "moved")
    run = diff("HEAD~1", "--repo", tmp_path)
    assert (run.status, run.places, run.document["fixed"]) == (0, [], [])


def test_a_file_that_becomes_a_link_is_no_longer_looked_at(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    (tmp_path / "pages/api/live.js").unlink()
    (tmp_path / "pages/api/live.js").symlink_to("../../package.json")
    commit_all(tmp_path, "link")
    run = diff("HEAD~1", "--repo", tmp_path)
    assert (run.places, run.document["fixed"]) == ([], [])
    assert "symlink" in run.problems("skipped")["pages/api/live.js"]


@pytest.mark.parametrize("revisions", [("nope", "HEAD"), ("HEAD", "HEAD:pages")])
def test_an_unknown_revision_is_wrong_usage(tmp_path: Path, revisions: tuple[str, str]) -> None:
    run = diff(*revisions, "--repo", repository(tmp_path, SPOTLESS))
    wrong = next(revision for revision in revisions if revision != "HEAD")
    assert (run.status, run.stdout) == (2, "")
    assert f"no commit is called {wrong!r}" in run.stderr


def test_unrelated_histories_are_wrong_usage(tmp_path: Path) -> None:
    repository(tmp_path, SPOTLESS)
    git(tmp_path, "checkout", "--quiet", "--orphan", "other")
    commit_all(tmp_path, "other")
    run = diff("main", "other", "--repo", tmp_path)
    assert (run.status, run.stdout) == (2, "")
    assert "have no common history here" in run.stderr


def test_a_shallow_clone_says_how_to_get_more_history(tmp_path: Path) -> None:
    origin, clone = tmp_path / "origin", tmp_path / "clone"
    branched(origin)
    git(origin, "clone", "--quiet", "--depth=1", "--no-single-branch", origin.as_uri(), str(clone))
    run = diff("origin/main", "origin/change", "--repo", clone)
    assert (run.status, run.stdout) == (2, "")
    assert "git fetch --unshallow" in run.stderr
    assert "no commit is called 'HEAD~1'" in diff("HEAD~1", "--repo", clone).stderr


@pytest.mark.parametrize(
    ("place", "message"),
    [("plain", "not a git repository"), ("plain/package.json", ""), ("nowhere", "there is no such file or folder")],
)
def test_what_is_no_repository_is_wrong_usage(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/package.json").write_text("{}", encoding="utf-8")
    run = diff("HEAD", "--repo", tmp_path / place)
    assert (run.status, run.stdout) == (2, "")
    assert message in run.stderr
