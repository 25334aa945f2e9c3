"""``reviewer profile``: each application with its facts; ``reviewer diff``: only what a change does to them."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from fixtures.materialise import git
from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.finding import Analysis
from reviewer.core.snapshot import snapshot_of
from reviewer.render.profile_schema import profile_schema
from reviewer.resources import built_in_rulebook
from tests.helpers import MANIFEST, ONE_FINDING, PAGE, ROUTE, SPOTLESS, Run, command, commit, diff, repository, write
from tests.render.samples import review_of

SOCKET = {"pages/api/live.js": ROUTE}
VALIDATOR = Draft202012Validator(profile_schema())


def profile(*args: str | Path) -> Run:
    return command("profile", *args, "--format", "json")


def test_an_application_is_told_with_places(tmp_path: Path) -> None:
    run = command("profile", write(tmp_path, {**SPOTLESS, **SOCKET}))
    words = " ".join(run.stdout.split())
    assert (run.status, run.stderr) == (0, "")
    assert "The code needs: Next.js for pages, and a process that owns sockets, timers or consumers" in words
    assert "+3 process need: a WebSocket server (`ws`) in a route (pages/api/live.js:4)" in words
    assert "If nothing changes:" in words


def test_a_document_is_what_its_schema_says(tmp_path: Path) -> None:
    run = profile(write(tmp_path, {**SPOTLESS, **SOCKET}))
    VALIDATOR.validate(run.document)
    (made,) = run.document["profiles"]
    assert (made["root"], made["label"], made["has"], made["host"]) == ("", "R5", "next", "unknown")
    assert made["scores"] == {"U": 0, "B": 1, "P": 3, "M": 0, "C": 0}
    assert made["mismatch"] == "process-on-unknown-host"


def test_a_revision_is_profiled_instead_of_the_work_tree(tmp_path: Path) -> None:
    repository(tmp_path, SPOTLESS)
    write(tmp_path, SOCKET)
    assert [made["label"] for made in profile(tmp_path).document["profiles"]] == ["R5"]
    run = profile(tmp_path, "--rev", "HEAD")
    assert [made["label"] for made in run.document["profiles"]] == ["R1"]
    assert run.document["head"] == git(tmp_path, "rev-parse", "HEAD").strip()


def test_without_an_application_it_says_what_was_looked_for(tmp_path: Path) -> None:
    run = command("profile", write(tmp_path, {"a.js": "const a = 1;\n"}))
    assert (run.status, run.stdout.split(":")[0]) == (0, "No application to profile")
    assert "a package that depends on next" in " ".join(run.stdout.split())


def test_a_collection_of_examples_is_called_one(tmp_path: Path) -> None:
    tree = {f"part{index}/{path}": text for index in range(6) for path, text in SPOTLESS.items()}
    run = command("profile", write(tmp_path, tree))
    assert "the 6 Next.js applications here are a collection of examples" in " ".join(run.stdout.split())


def test_a_broken_configuration_of_the_repository_does_not_matter(tmp_path: Path) -> None:
    run = profile(write(tmp_path, {**SPOTLESS, ".github/reviewer.yml": "rules: 1\n"}))
    assert (run.status, len(run.document["profiles"])) == (0, 1)


def test_what_failed_ends_it_with_three_and_keeps_the_application_silent(tmp_path: Path) -> None:
    deep = "const deep = " + "{a:" * 50_000 + "1" + "}" * 50_000 + ";\n"
    nested = "{\n" * 30_000 + "}\n" * 30_000
    run = profile(write(tmp_path, {**SPOTLESS, "pages/api/live.js": ROUTE + deep + nested}))
    assert (run.status, list(run.problems("failed"))) == (3, ["pages/api/live.js"])
    assert [made["confidence"] for made in run.document["profiles"]] == ["low"]


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert profile(tmp_path / "nowhere").status == 2


# -- in a review --------------------------------------------------


def test_a_change_of_the_profile_is_told_once_and_gates_nothing(tmp_path: Path) -> None:
    repository(tmp_path, SPOTLESS)
    config = "mode: advise\n"
    write(tmp_path, {".github/reviewer.yml": config})
    commit(tmp_path, {".github/reviewer.yml": config})
    commit(tmp_path, SOCKET)
    run = diff("HEAD~1", "HEAD", "--repo", tmp_path)
    assert run.status == 0
    (change,) = run.document["profile_delta"]
    assert (change["root"], change["what"]) == ("", ["label", "mismatch", "P"])
    text = command("diff", "HEAD~1", "HEAD", "--repo", tmp_path).stdout
    assert text.count("The architecture of") == 1


def test_a_change_that_touches_no_scored_file_says_nothing(tmp_path: Path) -> None:
    repository(tmp_path, {**SPOTLESS, **SOCKET})
    commit(tmp_path, {"README.md": "hello\n", "lib/names.js": "export const a = 1;\n"})
    run = diff("HEAD~1", "HEAD", "--repo", tmp_path)
    assert run.document["profile_delta"] == []
    assert "architecture" not in command("diff", "HEAD~1", "HEAD", "--repo", tmp_path).stdout


def test_a_scan_and_a_run_of_one_rule_have_no_change(tmp_path: Path) -> None:
    assert command("scan", write(tmp_path, ONE_FINDING), "--format", "json").document["profile_delta"] == []
    repository(tmp_path / "a", SPOTLESS)
    commit(tmp_path / "a", SOCKET)
    run = diff("HEAD~1", "HEAD", "--repo", tmp_path / "a", "--rule", "per-route-middleware")
    assert run.document["profile_delta"] == []


def test_a_new_application_is_no_change_of_one(tmp_path: Path) -> None:
    repository(tmp_path, {f"web/{path}": text for path, text in SPOTLESS.items()})
    commit(tmp_path, {"admin/package.json": MANIFEST, "admin/pages/index.js": PAGE})
    assert diff("HEAD~1", "HEAD", "--repo", tmp_path).document["profile_delta"] == []


def test_a_review_of_a_tree_carries_no_state() -> None:
    assert review_of(ONE_FINDING).profile_delta == ()


def test_an_analysis_with_profiles_is_the_same_after_it_was_stored() -> None:
    analysis = analyse(snapshot_of({**SPOTLESS, **SOCKET}), Engine(built_in_rulebook(), CHECKS))
    adapter = TypeAdapter(Analysis)
    stored = adapter.dump_json(analysis)
    assert adapter.validate_json(stored) == analysis
    assert json.loads(stored)["profiles"][0]["label"] == "R5"
