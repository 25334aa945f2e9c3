"""Trees out of git repositories: what is listed, what is read, and that nothing is ever fetched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from fixtures.materialise import commit_all, git
from reviewer.core.snapshot import MAX_BLOB_BYTES, Blob, Missing
from reviewer.sources import GitRepository, SourceError
from reviewer.sources.git import GitTree
from tests.helpers import HARMLESS, MANIFEST, ONE_FINDING, ROUTE, commit, partial_clone, repository, trap, write


def contents(tree: GitTree) -> dict[str, Blob]:
    """Every regular file of a tree with its bytes, read in one go."""
    listing = {path: entry for path, entry in tree.listing().items() if entry.kind == "file"}
    try:
        read = dict(tree.read(sorted({entry.id for entry in listing.values()})))
    finally:
        tree.close()
    return {path: read[entry.id] for path, entry in listing.items()}


def text_of(tree: GitTree, path: str) -> Blob:
    return contents(tree)[path]


def test_a_commit_is_read_and_not_what_lies_in_the_work_tree(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    write(tmp_path, {"pages/api/live.js": HARMLESS, "untracked.js": ROUTE})
    assert contents(GitRepository(tmp_path).tree("HEAD")) == {p: str(t).encode() for p, t in ONE_FINDING.items()}


def test_a_subdirectory_of_a_work_tree_shows_its_part_of_the_tree(tmp_path: Path) -> None:
    repository(tmp_path, {"apps/web/package.json": MANIFEST, "apps/web/a.js": ROUTE, "b.js": HARMLESS})
    assert sorted(GitRepository(tmp_path / "apps/web").tree("HEAD").listing()) == ["a.js", "package.json"]


def test_bare_repositories_and_linked_worktrees_hold_the_same_tree(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    git(origin, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    git(origin, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"))
    expected = GitRepository(origin).tree("HEAD").listing()
    bare, linked = GitRepository(tmp_path / "bare.git"), GitRepository(tmp_path / "linked")
    assert (bare.is_bare, linked.is_bare) == (True, False)
    assert bare.tree("main").listing() == linked.tree("HEAD").listing() == expected


def test_a_submodule_and_a_symlink_are_listed_as_what_they_are(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"x.js": ROUTE})
    outer = repository(tmp_path / "outer", {"a.js": HARMLESS})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.as_uri(), "vendor")
    (outer / "link.js").symlink_to("a.js")
    commit_all(outer, "links")
    kinds = {path: entry.kind for path, entry in GitRepository(outer).tree("HEAD").listing().items()}
    assert kinds == {".gitmodules": "file", "a.js": "file", "link.js": "symlink", "vendor": "submodule"}


@pytest.mark.parametrize(
    "name",
    [
        b"a b",
        b"q'\"`",
        b"[id]",
        b"(group)",
        "é✓😀".encode(),
        b"new\nline",
        b"tab\tbed",
        b"-dash",
        b"back\\slash",
        b" x ",
    ],
)
def test_a_name_is_listed_as_it_is(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text(ROUTE, encoding="utf-8")
    repository(tmp_path, {})
    assert contents(GitRepository(tmp_path).tree("HEAD")) == {name.decode(): ROUTE.encode()}


def test_bytes_of_a_name_that_are_no_utf8_are_shown_as_escapes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe.js")).write_text(ROUTE, encoding="utf-8")
    repository(tmp_path, {})
    assert contents(GitRepository(tmp_path).tree("HEAD")) == {"\\xff\\xfe.js": ROUTE.encode()}


def test_a_large_blob_is_named_too_large_and_the_next_one_is_still_right(tmp_path: Path) -> None:
    repository(tmp_path, {"big.js": b"a" * (MAX_BLOB_BYTES + 1), "full.js": b"b" * MAX_BLOB_BYTES, "small.js": ROUTE})
    found = contents(GitRepository(tmp_path).tree("HEAD"))
    assert found["big.js"] is Missing.TOO_LARGE
    assert (found["full.js"], found["small.js"]) == (b"b" * MAX_BLOB_BYTES, ROUTE.encode())


def test_more_blobs_than_fit_into_one_batch_are_all_read(tmp_path: Path) -> None:
    files = {f"f{n}.js": f"export const n = {n};\n" for n in range(2_300)}
    repository(tmp_path, files)
    assert contents(GitRepository(tmp_path).tree("HEAD")) == {path: text.encode() for path, text in files.items()}


def test_blobs_missing_from_a_partial_clone_leave_the_others_in_their_places(tmp_path: Path) -> None:
    files = {f"f{n}.js": f"export const n = {n};\n" for n in range(20)}
    here = [f"f{n}.js" for n in range(0, 20, 3)]
    clone = partial_clone(repository(tmp_path / "origin", files), tmp_path / "clone", *here)
    found = contents(GitRepository(clone).tree("HEAD"))
    assert found == {path: text.encode() if path in here else Missing.ABSENT for path, text in files.items()}


def test_reading_a_partial_clone_fetches_nothing(tmp_path: Path) -> None:
    clone = partial_clone(repository(tmp_path / "origin", ONE_FINDING), tmp_path / "clone", "package.json")
    mark = trap(clone)
    assert text_of(GitRepository(clone).tree("HEAD"), "pages/api/live.js") is Missing.ABSENT
    assert not mark.exists()


def test_a_clone_without_trees_is_refused_in_gits_words_and_nothing_is_fetched(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", ONE_FINDING)
    git(origin, "config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    git(origin, "clone", "--quiet", "--no-checkout", "--filter=tree:0", origin.as_uri(), str(clone))
    mark = trap(clone)
    with pytest.raises(SourceError, match=r"clone: (?!warning)"):
        GitRepository(clone).tree("HEAD").listing()
    assert not mark.exists()


def test_an_unknown_revision_says_what_to_name(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    with pytest.raises(SourceError, match="no commit is called 'nope': name a branch, a tag or a commit id"):
        GitRepository(tmp_path).tree("nope")


@pytest.mark.parametrize("revision", ["", "-x", "--all", "HEAD:pages", "HEAD^{tree}", "HEAD HEAD", "HEAD..HEAD"])
def test_what_names_no_commit_is_refused(tmp_path: Path, revision: str) -> None:
    repository(tmp_path, ONE_FINDING)
    with pytest.raises(SourceError, match="no commit is called"):
        GitRepository(tmp_path).tree(revision)


def test_a_tag_a_branch_and_a_short_id_name_their_commit(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    git(tmp_path, "tag", "--annotate", "v1", "--message", "one")
    id = git(tmp_path, "rev-parse", "HEAD").strip()
    found = GitRepository(tmp_path)
    assert [found.commit(revision) for revision in ("v1", "main", id[:8])] == [id] * 3


def test_the_merge_base_is_where_two_branches_parted(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    parted = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "checkout", "--quiet", "-b", "change")
    change = commit(tmp_path, {"a.js": HARMLESS})
    git(tmp_path, "checkout", "--quiet", "main")
    main = commit(tmp_path, {"b.js": HARMLESS})
    assert GitRepository(tmp_path).merge_base(main, change) == parted


def test_unrelated_histories_are_refused_with_what_to_do(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    git(tmp_path, "checkout", "--quiet", "--orphan", "other")
    other = commit_all(tmp_path, "other")
    with pytest.raises(SourceError, match="no common history here: fetch more of it"):
        GitRepository(tmp_path).merge_base("main", other)


def test_a_hook_a_monitor_and_the_environment_of_git_have_no_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin, mark = repository(tmp_path / "origin", ONE_FINDING), tmp_path / "ran"
    program = write(tmp_path, {"program": f'#!/bin/sh\ntouch "{mark}"\n'}) / "program"
    program.chmod(0o755)
    git(origin, "config", "core.fsmonitor", str(program))
    shutil.copy(program, origin / ".git/hooks/post-index-change")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    found = GitRepository(origin)
    assert found.run("ls-files").split() == [b"package.json", b"pages/api/live.js"]
    assert not mark.exists()


def test_a_folder_without_git_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="not a git repository"):
        GitRepository(write(tmp_path / "plain", ONE_FINDING))


def test_a_damaged_object_store_is_said_to_be_one(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    tree = GitRepository(tmp_path).tree("HEAD")
    id = tree.listing()["package.json"].id
    stored = tmp_path / ".git/objects" / id[:2] / id[2:]
    stored.chmod(0o644)
    stored.write_bytes(b"no zlib stream")
    assert [blob for _, blob in tree.read([id])] == [Missing.ABSENT]
    tree.close()
