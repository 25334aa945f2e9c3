"""Files, comparisons, lists and names as GitHub tells them."""

from __future__ import annotations

from typing import Any

from fixtures.materialise import git
from tests.helpers import Files, commit
from tests.standin import GitHub
from tests.standin.client import Shop, send


def push(shop: Shop, files: Files, *removed: str) -> None:
    """One more commit on the head."""
    folder = shop.repository.path
    git(folder, "checkout", "--quiet", "feature")
    for path in removed:
        (folder / path).unlink()
    commit(folder, files)
    shop.github.push(shop.pull, deliver=False)


def test_the_files_of_a_pull_request_tell_what_changed(shop: Shop) -> None:
    lines = "".join(f"row {number}\n" for number in range(1501))
    later = lines.replace("row", "line")
    git(shop.repository.path, "checkout", "--quiet", "main")
    commit(shop.repository.path, {"large.txt": lines, "old name.js": "same\n" * 5})
    git(shop.repository.path, "checkout", "--quiet", "feature")
    git(shop.repository.path, "-c", "user.name=x", "-c", "user.email=x@y", "merge", "--quiet", "main", "-m", "merge")
    moved: Files = {"new name.js": "same\n" * 5, "large.txt": later, "logo.png": b"\x89PNG\x00\x01"}
    push(shop, moved, "old name.js", "unchanged.js")
    files = {entry["filename"]: entry for entry in shop.get(f"{shop.pull_path}/files").json()}
    told = {name: (entry["status"], entry["additions"], entry["deletions"]) for name, entry in files.items()}
    assert told == {
        "a.js": ("modified", 1, 2),
        "b.js": ("added", 2, 0),
        "large.txt": ("modified", 1501, 1501),
        "logo.png": ("added", 0, 0),
        "new name.js": ("renamed", 0, 0),
        "unchanged.js": ("removed", 0, 1),
    }
    assert [name for name, entry in files.items() if "patch" not in entry] == ["large.txt", "logo.png", "new name.js"]
    assert files["new name.js"]["previous_filename"] == "old name.js"
    assert files["b.js"]["patch"] == "@@ -0,0 +1,2 @@\n+first\n+second"
    assert files["b.js"]["sha"] == git(shop.repository.path, "rev-parse", "feature:b.js").strip()


def test_links_and_modes_are_changes_too(shop: Shop) -> None:
    folder = shop.repository.path
    git(folder, "checkout", "--quiet", "feature")
    (folder / "unchanged.js").unlink()
    (folder / "unchanged.js").symlink_to("a.js")
    (folder / "b.js").chmod(0o755)
    push(shop, {"space and é.js": "x\n", "no end.js": "x"})
    files = {entry["filename"]: entry for entry in shop.get(f"{shop.pull_path}/files").json()}
    assert files["unchanged.js"]["status"] == "changed"
    assert files["no end.js"]["patch"] == "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file"
    assert sorted(files) == ["a.js", "b.js", "no end.js", "space and é.js", "unchanged.js"]


def test_lists_of_files_end(shop: Shop) -> None:
    push(shop, {f"many/{number:04}.js": "" for number in range(3010)})
    assert shop.get(shop.pull_path).json()["changed_files"] == 3012
    assert len(shop.get(f"{shop.pull_path}/files", per_page=100, page=30).json()) == 100
    assert shop.get(f"{shop.pull_path}/files", per_page=100, page=31).json() == []
    assert len(shop.get(f"{shop.path}/compare/main...feature", per_page=1).json()["files"]) == 300


def test_files_come_in_pages(shop: Shop) -> None:
    push(shop, {f"many/{number:03}.js": "x\n" for number in range(130)})
    first = shop.get(f"{shop.pull_path}/files", per_page=500)
    assert len(first.json()) == 100
    assert first.links["next"]["url"].endswith("page=2")
    assert first.links["last"]["url"].endswith("page=2")
    second = shop.get(f"{shop.pull_path}/files", per_page=100, page=2)
    assert (len(second.json()), second.links["prev"]["rel"]) == (32, "prev")
    assert len(shop.get(f"{shop.pull_path}/files").json()) == 30


def test_a_comparison_names_the_merge_base(shop: Shop) -> None:
    folder = shop.repository.path
    ancestor = git(folder, "rev-parse", "main").strip()
    commit(folder, {"main.js": "x\n"})
    found = shop.get(f"{shop.path}/compare/main...{shop.pull.head_sha}", per_page=1).json()
    assert (found["merge_base_commit"]["sha"], found["status"]) == (ancestor, "diverged")
    assert (found["ahead_by"], found["behind_by"]) == (1, 1)
    assert [file["filename"] for file in found["files"]] == ["a.js", "b.js"]
    assert shop.get(f"{shop.path}/compare/main...feature", page=2).json()["files"] == []
    assert shop.get(f"{shop.path}/compare/main...nowhere").status_code == 404


def test_pull_requests_are_listed_by_state_and_in_pages(shop: Shop) -> None:
    for _ in range(3):
        shop.github.close(shop.github.open_pull(shop.repository, "feature"))

    def listed(**query: Any) -> list[int]:
        return [pull["number"] for pull in shop.get(f"{shop.path}/pulls", **query).json()]

    assert listed() == [1]
    assert listed(state="closed") == [4, 3, 2]
    assert listed(state="all", per_page=2, page=2) == [2, 1]
    assert listed(base="other") == []


def test_a_pull_request_counts_its_changes(shop: Shop) -> None:
    found = shop.get(shop.pull_path).json()
    assert [found[name] for name in ("commits", "changed_files", "additions", "deletions")] == [1, 2, 3, 2]
    assert (found["head"]["sha"], found["base"]["ref"]) == (shop.pull.head_sha, "main")


def test_contents_and_refs_are_read(shop: Shop) -> None:
    assert shop.get(f"{shop.path}/contents/b.js", ref="feature").json()["content"] == "Zmlyc3QKc2Vjb25kCg==\n"
    assert shop.get(f"{shop.path}/contents/b.js").status_code == 404
    head = shop.get(f"{shop.path}/git/ref/pull/{shop.pull.number}/head").json()
    assert head["object"]["sha"] == shop.pull.head_sha


def test_rules_and_rights_are_read(shop: Shop) -> None:
    rule = {
        "type": "required_signatures",
        "ruleset_id": 1,
        "ruleset_source": "acme",
        "ruleset_source_type": "Repository",
    }
    shop.github.protect(shop.repository, [rule])
    assert shop.get(f"{shop.path}/rules/branches/main").json() == [rule]
    shop.github.permit(shop.repository, "maintainer", "write")
    path = f"{shop.path}/collaborators/maintainer/permission"
    assert shop.get(path).json()["permission"] == "write"
    assert shop.get(f"{shop.path}/collaborators/nobody/permission").status_code == 404


def test_an_old_name_leads_to_the_repository(shop: Shop) -> None:
    old, token = shop.path, shop.token
    shop.github.rename(shop.repository, f"{shop.repository.full_name}-renamed")
    read = shop.get(f"{old}/pulls", state="all")
    assert (read.status_code, read.json()["message"]) == (301, "Moved Permanently")
    target = read.headers["Location"].removeprefix(shop.github.api_url)
    assert [pull["number"] for pull in send(shop.github, "GET", target, token).json()] == [1]
    written = shop.send("POST", f"{old}/pulls/1/reviews", {"event": "COMMENT", "body": "Hello"})
    assert (written.status_code, "id" in written.json()) == (307, False)
    assert shop.github.reviews(shop.pull) == []


def test_a_deleted_repository_is_gone(shop: Shop) -> None:
    shop.github.delete(shop.repository)
    assert shop.get(shop.path).status_code == 404


def test_what_is_not_described_is_a_violation(shop: Shop) -> None:
    assert shop.get(f"{shop.path}/forks").status_code == 404
    assert shop.get(f"{shop.path}/pulls", state="merged").status_code == 422
    assert shop.get(f"{shop.path}/pulls", color="red").status_code == 422
    assert shop.get(f"{shop.path}/pulls/one").status_code == 422
    endpoint, value, name, number = shop.github.violations
    assert "unknown endpoint" in endpoint
    assert "parameter state" in value
    assert "unknown parameter color" in name
    assert "not a number" in number
    shop.github.violations.clear()


def test_requests_are_recorded_in_order(shop: Shop) -> None:
    shop.github.clear_requests()
    shop.get(f"{shop.path}/pulls", state="all")
    shop.check()
    told = [(r.method, r.path, r.query, r.status, r.token_kind) for r in shop.github.requests]
    assert told == [
        ("POST", f"/app/installations/{shop.installation.id}/access_tokens", {}, 201, "jwt"),
        ("GET", f"{shop.path}/pulls", {"state": "all"}, 200, "installation"),
        ("POST", f"{shop.path}/check-runs", {}, 201, "installation"),
    ]
    assert shop.github.requests[2].body["head_sha"] == shop.pull.head_sha


def test_a_stand_in_starts_and_ends_often() -> None:
    for _ in range(2):
        with GitHub() as github:
            assert github.api_url.startswith(github.git_url)
