"""``reviewer diff --fix``: what is written to the files on disk, and what is left alone with which reason."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.materialise import git, materialise
from reviewer.cli.analyst import analyst
from reviewer.cli.fix import apply
from reviewer.core.finding import Review
from reviewer.sandbox import Job
from reviewer.sources import GitRepository, Tree
from tests.helpers import Run, commit, diff, reviewer, write

CASES = {
    "edge-route-jsonwebtoken": "node-api-in-edge-runtime",
    "get-only-catch-all": "custom-server-route-order",
    "docker-dev-true": "custom-server-hardcoded-dev",
}


def fixed(folder: Path, base: str, *more: str) -> Run:
    return diff(base, "--repo", folder, "--fix", *more)


def places(run: Run, rule: str) -> list[tuple[str, int]]:
    """Where findings of a rule that have a suggestion want a file changed."""
    findings = [finding for finding in run.document["findings"] if finding["rule"] == rule]
    suggestions = [finding["suggestion"] for finding in findings if finding["suggestion"] is not None]
    return [(suggestion["path"], suggestion["line"]) for suggestion in suggestions]


@pytest.mark.parametrize(("case", "rule"), CASES.items())
def test_a_fixed_finding_is_gone_once_the_change_is_committed(case: str, rule: str, tmp_path: Path) -> None:
    base, _ = materialise(case, tmp_path)
    run = fixed(tmp_path, base)
    wanted = places(run, rule)
    assert wanted
    for path, line in wanted:
        assert f"reviewer: fixed {path}:{line} ({rule})" in run.stderr
    changed = git(tmp_path, "diff", "--name-only").split()
    assert changed == sorted({path for path, _ in wanted})
    git(tmp_path, "commit", "--quiet", "-am", "fix")
    again = diff(base, "--repo", tmp_path)
    assert [f for f in again.document["findings"] if f["rule"] == rule and f["suggestion"]] == []
    assert again.status == run.status


def test_the_command_ends_with_the_status_of_what_is_left(tmp_path: Path) -> None:
    base, _ = materialise("edge-route-jsonwebtoken", tmp_path)
    assert diff(base, "--repo", tmp_path).status == 1
    assert fixed(tmp_path, base).status == 0
    assert [finding["gates"] for finding in diff(base, "--repo", tmp_path).document["findings"]] == [True]


def test_line_endings_and_the_mode_of_a_file_stay(tmp_path: Path) -> None:
    base, _ = materialise("edge-route-jsonwebtoken", tmp_path)
    ((path, _),) = places(diff(base, "--repo", tmp_path), "node-api-in-edge-runtime")
    place = tmp_path / path
    place.write_bytes(place.read_bytes().replace(b"\n", b"\r\n"))
    place.chmod(0o755)
    git(tmp_path, "commit", "--quiet", "-am", "line endings")
    before = place.read_bytes()
    assert f"fixed {path}" in fixed(tmp_path, base).stderr
    after = place.read_bytes()
    assert after != before
    assert after.count(b"\n") == after.count(b"\r\n")
    assert place.stat().st_mode & 0o777 == 0o755


def test_a_file_that_was_changed_since_is_left_alone(tmp_path: Path) -> None:
    base, _ = materialise("edge-route-jsonwebtoken", tmp_path)
    ((path, line),) = places(diff(base, "--repo", tmp_path), "node-api-in-edge-runtime")
    edited = (tmp_path / path).read_text(encoding="utf-8") + "// mine\n"
    (tmp_path / path).write_text(edited, encoding="utf-8")
    run = fixed(tmp_path, base)
    assert f"not fixed {path}:{line} (node-api-in-edge-runtime): the file on disk is not the one" in run.stderr
    assert (tmp_path / path).read_text(encoding="utf-8") == edited
    assert run.status == 1


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "repository", tmp_path / "elsewhere"
    inside.mkdir()
    base, _ = materialise("edge-route-jsonwebtoken", inside)
    ((path, _),) = places(diff(base, "--repo", inside), "node-api-in-edge-runtime")
    top = inside / Path(path).parts[0]
    os.rename(top, outside)
    top.symlink_to(outside)
    before = (inside / path).read_bytes()
    assert f"not fixed {path}" in fixed(inside, base).stderr
    assert (inside / path).read_bytes() == before


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    base, head = materialise("edge-route-jsonwebtoken", tmp_path)
    repository = GitRepository(tmp_path)
    with closing(repository.tree(base)) as base_tree, closing(repository.tree(head)) as head_tree:
        job = Job(head_tree, base_tree, config=("defaults", ""))
        review = analyst().review(job)

        def gone_meanwhile(tree: Tree) -> Review:
            shutil.rmtree(tmp_path / "app")
            return analyst().review(replace(job, head=tree))

        fixes = apply(tmp_path, head_tree, review, gone_meanwhile)
    (line,) = fixes.lines()
    assert line.endswith("(node-api-in-edge-runtime): the file cannot be written: No such file or directory")
    assert fixes.left is review


def test_nothing_to_fix_is_said(tmp_path: Path) -> None:
    base, _ = materialise("rename-only", tmp_path)
    run = fixed(tmp_path, base)
    assert (run.status, run.stderr) == (
        0,
        "reviewer: nothing to fix: no finding has a suggestion that can be applied\n",
    )


def test_what_is_not_checked_out_is_not_fixed(tmp_path: Path) -> None:
    base, head = materialise("edge-route-jsonwebtoken", tmp_path)
    later = commit(tmp_path, {"notes.txt": "later\n"})
    run = reviewer("diff", base, head, "--repo", tmp_path, "--fix")
    assert run.status == 2
    assert run.stderr == (
        f"reviewer: {tmp_path}: --fix changes the files on disk, which are those of {later[:12]}, "
        f"not of {head[:12]}: check that out, or leave HEAD out of the command\n"
    )
    assert git(tmp_path, "status", "--porcelain") == ""


def test_a_bare_repository_has_nothing_to_fix(tmp_path: Path) -> None:
    whole, bare = tmp_path / "whole", tmp_path / "bare"
    whole.mkdir()
    base, _ = materialise("edge-route-jsonwebtoken", whole)
    git(whole, "clone", "--quiet", "--bare", str(whole), str(bare))
    run = diff(base, "HEAD", "--repo", bare, "--fix")
    assert run.status == 2
    assert f"{bare}: --fix changes files, and a bare repository has none on disk" in run.stderr


def test_suggestions_for_one_line_are_applied_one_run_after_the_other(tmp_path: Path) -> None:
    server = (
        "const express = require('express');\nconst app = express();\n"
        "app.get('*', (q, s) => s.end()); app.all('/a/*', (q, s) => s.end());\napp.listen(3000);\n"
    )
    manifest = '{ "name": "api", "dependencies": { "express": "5.3.0" }, "scripts": { "start": "node server.js" } }\n'
    git(write(tmp_path, {"package.json": manifest, "readme.txt": "a\n"}), "init", "--quiet", "-b", "main")
    base = commit(tmp_path, {"readme.txt": "b\n"})
    commit(tmp_path, {"server.js": server})
    first = fixed(tmp_path, base)
    assert first.stderr.splitlines() == [
        "reviewer: fixed server.js:3 (express5-wildcard-path)",
        "reviewer: not fixed server.js:3 (express5-wildcard-path): "
        "another suggestion changes the same line: run this again",
    ]
    git(tmp_path, "commit", "--quiet", "-am", "once")
    second = fixed(tmp_path, base)
    assert (first.status, second.status) == (1, 0)
    assert second.stderr == "reviewer: fixed server.js:3 (express5-wildcard-path)\n"
