"""Trees out of folders: what is listed, what is never followed, and what git would ignore."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fixtures.materialise import commit_all, git
from reviewer.core.snapshot import MAX_BLOB_BYTES, Blob, Missing
from reviewer.sources import Folder, GitRepository, SourceError
from tests.helpers import HARMLESS, MANIFEST, ONE_FINDING, ROUTE, repository, without_privileges, write


def work_tree(path: Path) -> Folder:
    return Folder(path, GitRepository(path))


def read(folder: Folder, path: str) -> Blob:
    entry = folder.listing()[path]
    return next(blob for _, blob in folder.read([entry.id]))


def test_a_plain_folder_lists_its_files_and_reads_them(tmp_path: Path) -> None:
    folder = Folder(write(tmp_path, ONE_FINDING))
    assert sorted(folder.listing()) == ["package.json", "pages/api/live.js"]
    assert read(folder, "pages/api/live.js") == ROUTE.encode()


def test_a_plain_folder_leaves_out_what_is_never_its_own(tmp_path: Path) -> None:
    files = {".git/a.js": ROUTE, "node_modules/a/a.js": ROUTE, "x/.next/a.js": ROUTE, ".github/reviewer.yml": ""}
    assert sorted(Folder(write(tmp_path, files)).listing()) == [".github/reviewer.yml"]


def test_a_work_tree_is_read_as_it_lies_on_disk_with_the_ids_of_git(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    committed = GitRepository(tmp_path).tree("HEAD").listing()
    assert work_tree(tmp_path).listing() == committed
    write(tmp_path, {"pages/api/live.js": HARMLESS, "new.js": ROUTE})
    assert read(work_tree(tmp_path), "pages/api/live.js") == HARMLESS.encode()
    assert read(work_tree(tmp_path), "new.js") == ROUTE.encode()


def test_a_subdirectory_of_a_work_tree_is_seen_from_itself(tmp_path: Path) -> None:
    repository(tmp_path, {"apps/web/package.json": MANIFEST, "apps/web/a.js": ROUTE, "b.js": HARMLESS})
    write(tmp_path, {"apps/web/untracked.js": HARMLESS})
    assert sorted(work_tree(tmp_path / "apps/web").listing()) == ["a.js", "package.json", "untracked.js"]


def test_what_git_ignores_is_left_out_unless_it_is_tracked(tmp_path: Path) -> None:
    repository(tmp_path, {**ONE_FINDING, "dist/tracked.js": ROUTE})
    write(tmp_path, {".gitignore": "dist\n*.local.js\n", "dist/built.js": ROUTE, "a.local.js": ROUTE})
    assert sorted(work_tree(tmp_path).listing()) == [
        ".gitignore",
        "dist/tracked.js",
        "package.json",
        "pages/api/live.js",
    ]


def test_a_tracked_file_that_was_deleted_is_not_listed(tmp_path: Path) -> None:
    repository(tmp_path, ONE_FINDING)
    (tmp_path / "pages/api/live.js").unlink()
    assert sorted(work_tree(tmp_path).listing()) == ["package.json"]


@pytest.mark.parametrize("tracked", [True, False])
def test_links_are_listed_as_links_wherever_they_point(tmp_path: Path, tracked: bool) -> None:
    write(tmp_path / "outside", {"secret.js": ROUTE})
    root = repository(tmp_path / "root", {"a.js": HARMLESS})
    targets = {"loop.js": "loop.js", "up": "..", "out.js": "../outside/secret.js", "gone.js": "nowhere", "dir": "."}
    for name, target in targets.items():
        (root / name).symlink_to(target)
    if tracked:
        commit_all(root, "links")
    for folder in (Folder(root), work_tree(root)):
        kinds = {path: entry.kind for path, entry in folder.listing().items()}
        assert kinds == {"a.js": "file", **dict.fromkeys(targets, "symlink")}


def test_a_tracked_directory_replaced_by_a_link_is_not_looked_behind(tmp_path: Path) -> None:
    write(tmp_path / "outside", {"deep/a.js": ROUTE})
    root = repository(tmp_path / "root", {"lib/deep/a.js": HARMLESS, "b.js": HARMLESS})
    (root / "lib/deep/a.js").unlink()
    (root / "lib/deep").rmdir()
    (root / "lib").rmdir()
    (root / "lib").symlink_to("../outside")
    kinds = {path: entry.kind for path, entry in work_tree(root).listing().items()}
    assert kinds == {"b.js": "file", "lib": "symlink"}


def test_a_submodule_and_a_nested_repository_are_not_entered(tmp_path: Path) -> None:
    inner = repository(tmp_path / "inner", {"x.js": ROUTE})
    outer = repository(tmp_path / "outer", {"a.js": HARMLESS})
    git(outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.as_uri(), "vendor")
    repository(outer / "nested", {"y.js": ROUTE})
    kinds = {path: entry.kind for path, entry in work_tree(outer).listing().items()}
    assert kinds == {".gitmodules": "file", "a.js": "file", "nested": "submodule", "vendor": "submodule"}


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(write(tmp_path, ONE_FINDING) / "pages/api/pipe.js")
    assert sorted(Folder(tmp_path).listing()) == ["package.json", "pages/api/live.js"]


def test_a_file_that_may_not_be_read_is_listed_and_named_unreadable(tmp_path: Path) -> None:
    write(tmp_path, {"locked.js": ROUTE, "open.js": ROUTE})
    tmp_path.chmod(0o755)
    (tmp_path / "locked.js").chmod(0)
    with without_privileges(tmp_path):
        folder = Folder(Path())
        assert (read(folder, "locked.js"), read(folder, "open.js")) == (Missing.UNREADABLE, ROUTE.encode())


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    locked = write(tmp_path / "locked", ONE_FINDING)
    tmp_path.chmod(0o755)
    locked.chmod(0)
    with without_privileges(tmp_path), pytest.raises(SourceError, match="locked: this folder cannot be read"):
        Folder(Path("locked"))
    locked.chmod(0o755)


def test_a_file_that_vanishes_after_the_listing_is_named_unreadable(tmp_path: Path) -> None:
    folder = Folder(write(tmp_path, ONE_FINDING))
    entry = folder.listing()["pages/api/live.js"]
    (tmp_path / "pages/api/live.js").unlink()
    assert [blob for _, blob in folder.read([entry.id])] == [Missing.UNREADABLE]


def test_a_file_above_the_limit_is_not_read(tmp_path: Path) -> None:
    folder = Folder(write(tmp_path, {"big.js": b"a" * (MAX_BLOB_BYTES + 1)}))
    assert read(folder, "big.js") is Missing.TOO_LARGE


@pytest.mark.parametrize("name", [b"a b", b"q'\"`", b"[id]", "é✓😀".encode(), b"new\nline", b"tab\tbed", b"\xff\xfe"])
def test_a_name_is_the_same_with_and_without_git(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_text(ROUTE, encoding="utf-8")
    plain = Folder(tmp_path).listing()
    repository(tmp_path, {})
    assert list(plain) == [name.decode("utf-8", "backslashreplace")]
    assert {p: e.kind for p, e in work_tree(tmp_path).listing().items()} == {p: e.kind for p, e in plain.items()}


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ONE_FINDING)
    with pytest.raises(SourceError, match=r"package\.json: there is no such folder"):
        Folder(tmp_path / "package.json")
