"""The store of repositories against a real git server: what is fetched, what is kept, what survives."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.materialise import git
from reviewer.core.finding import Review
from reviewer.core.snapshot import MAX_BLOB_BYTES, MAX_SCRIPT_BYTES, Missing
from reviewer.sandbox import Analyst, Job
from reviewer.sources import GitRepository, SourceError
from reviewer.sources.mirror import FetchFailed, Mirrors, Remote
from tests.helpers import HARMLESS, MANIFEST, ONE_FINDING, ROOT, ROUTE, Files, commit, repository
from tests.sources.server import TOKEN, Server, serving
from tests.sources.test_git import contents

KEY = "11/22"
HEAD = "pull/7/head"
OPEN = """
import json, sys
from pathlib import Path
from reviewer.sources.mirror import Mirrors, Remote
root, url, token, commits = sys.argv[1], sys.argv[2], sys.stdin.readline().strip(), json.loads(sys.argv[3])
with Mirrors(Path(root)).opened("11/22", Remote(url, token), commits) as repository:
    print([len(repository.tree(id).listing()) for id in commits.values()])
"""


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that do not compress, without a NUL."""
    return random.Random(seed).randbytes(size).replace(b"\0", b"x")  # noqa: S311 - filling


@dataclass
class Hub:
    """A repository ``acme/shop`` on a server, the work tree it is pushed from, and a store that fetches it."""

    server: Server
    work: Path
    mirrors: Mirrors
    commits: dict[str, str] = field(default_factory=dict)

    @property
    def remote(self) -> Remote:
        return Remote(self.server.url("shop"), TOKEN)

    def push(self, files: Files) -> str:
        id = commit(self.work, files)
        git(self.work, "update-ref", "refs/pull/7/head", id)
        self.server.publish(self.work, "shop")
        return id

    def open(
        self, commits: Mapping[str, str], refs: Mapping[str, str] = {}
    ) -> contextlib.AbstractContextManager[GitRepository]:
        return self.mirrors.opened(KEY, self.remote, commits, refs)

    def fetch(self, id: str, name: str = HEAD) -> None:
        with self.open({name: id}):
            pass

    def requests(self) -> list[str]:
        """Method and last part of the path of the requests since the last call."""
        return [f"{row.split()[0]} {row.rpartition('/')[2].partition('?')[0]}" for row in self.server.taken()]

    def copy(self) -> Path:
        (path,) = (self.mirrors.root / KEY).glob("*.git")
        return path

    def process(self, commits: Mapping[str, str]) -> subprocess.Popen[bytes]:
        words = [sys.executable, "-c", OPEN, str(self.mirrors.root), self.remote.url, json.dumps(commits)]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert process.stdin is not None
        process.stdin.write(f"{TOKEN}\n".encode())
        process.stdin.close()
        process.stdin = None
        return process


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving(tmp_path / "server") as server:
        work = repository(tmp_path / "work", ONE_FINDING)
        server.publish(work, "shop")
        hub = Hub(server, work, Mirrors(tmp_path / "mirrors", timeout=20))
        hub.commits["base"] = git(work, "rev-parse", "HEAD").strip()
        yield hub


FETCH = ["GET refs", "POST git-upload-pack"]


def children(root: Path) -> dict[int, str]:
    """The running git processes whose command line or directory is below *root*."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            if "git" in line and str(root) in line + str((folder / "cwd").readlink()):
                found[int(folder.name)] = line
    return found


# -- what is fetched ------------------------------------------------------------------------------------------------


def test_all_commits_come_in_one_fetch_of_two_requests_and_are_kept(hub: Hub) -> None:
    head = hub.push({"pages/a.js": HARMLESS})
    commits = {"pull/7/base": hub.commits["base"], "pull/7/merge-base": hub.commits["base"], HEAD: head}
    with hub.open(commits) as found:
        assert contents(found.tree(head)) == contents(GitRepository(hub.work).tree(head))
        assert contents(found.tree(hub.commits["base"])) == {p: str(t).encode() for p, t in ONE_FINDING.items()}
        assert found.commit("refs/reviewer/pull/7/merge-base") == hub.commits["base"]
    assert hub.requests() == FETCH
    hub.server.status = 500
    with hub.open(commits) as found:
        assert found.commit(f"refs/reviewer/{HEAD}") == head
    assert hub.requests() == []


def test_a_push_fetches_what_changed_and_keeps_what_a_reader_has_open(hub: Hub) -> None:
    first = hub.push({"data.json": noise(300_000)})
    with hub.open({HEAD: first}) as found:
        before = hub.server.sent
        hub.requests()
        second = hub.push({"pages/a.js": HARMLESS})
        with hub.open({HEAD: second}) as again:
            assert set(contents(again.tree(second))) == {*ONE_FINDING, "data.json", "pages/a.js"}
        assert hub.requests() == FETCH
        assert hub.server.sent - before < 3_000
        assert len(contents(found.tree(first))) == 3


def test_another_pull_request_fetches_its_difference_with_at_most_one_more_question(hub: Hub) -> None:
    hub.fetch(hub.push({"data.json": noise(300_000)}))
    git(hub.work, "checkout", "--quiet", "-b", "other", hub.commits["base"])
    heads = {f"pull/{n}/head": commit(hub.work, {"n.js": f"// {n}"}) for n in range(20)}
    hub.push({"n.js": HARMLESS})
    with hub.open(heads):
        pass
    before = hub.server.sent
    hub.requests()
    git(hub.work, "checkout", "--quiet", "-b", "third", hub.commits["base"])
    hub.fetch(hub.push({"n.js": HARMLESS}), "pull/99/head")
    assert hub.requests() in (FETCH, [*FETCH, "POST git-upload-pack"])
    assert hub.server.sent - before < 3_000


def test_a_commit_without_files_and_one_twice_are_fetched(hub: Hub) -> None:
    git(hub.work, "rm", "-r", "--quiet", ".")
    head = hub.push({})
    with hub.open({HEAD: head, "pull/8/head": head}) as found:
        assert found.tree(head).listing() == {}


def test_a_repository_that_was_renamed_is_followed(hub: Hub) -> None:
    hub.server.moved = {"/old.git": "/shop.git"}
    remote = Remote(hub.server.url("old"), TOKEN)
    with hub.mirrors.opened(KEY, remote, {HEAD: hub.commits["base"]}) as found:
        assert len(found.tree(hub.commits["base"]).listing()) == 2
    assert hub.requests() == ["GET refs", "GET refs", *FETCH]


def test_a_server_that_points_elsewhere_does_not_make_the_token_go_there(hub: Hub, tmp_path: Path) -> None:
    with serving(tmp_path / "server") as other:
        hub.server.moved = {"/shop.git": f"http://localhost:{other.port}/shop.git"}
        with pytest.raises(FetchFailed, match="points to another place") as caught:
            hub.fetch(hub.commits["base"])
        assert not caught.value.retry
        assert other.taken() == []


def test_a_server_that_points_in_a_circle_is_not_followed_for_ever(hub: Hub) -> None:
    hub.server.moved = {"/shop.git": "/old.git", "/old.git": "/shop.git"}
    with pytest.raises(FetchFailed, match="points to another place"):
        hub.fetch(hub.commits["base"])


def test_a_commit_the_server_does_not_give_by_its_id_comes_by_its_ref(hub: Hub) -> None:
    head = hub.push({"pages/a.js": HARMLESS})
    hub.server.refused = f"want {head}".encode()
    with hub.open({HEAD: head, "pull/7/base": hub.commits["base"]}, {HEAD: "refs/pull/7/head"}) as found:
        assert "pages/a.js" in found.tree(head).listing()
        assert len(found.tree(hub.commits["base"]).listing()) == 2


@pytest.mark.parametrize(
    "refs", [{}, {HEAD: "refs/pull/7/head"}, {HEAD: "refs/pull/8/head"}, {"x": "refs/pull/7/head"}]
)
def test_a_commit_that_is_not_there_is_gone(hub: Hub, refs: Mapping[str, str]) -> None:
    hub.push({"pages/a.js": HARMLESS})
    with pytest.raises(FetchFailed, match="a commit is not there any more") as caught:
        hub.open({HEAD: "1" * 40}, refs).__enter__()
    assert (caught.value.reason, caught.value.retry) == ("gone", False)


@pytest.mark.parametrize(
    ("status", "reason", "retry"),
    [
        (403, "denied", False),
        (404, "not found", False),
        (429, "network", True),
        (503, "network", True),
    ],
)
def test_a_refusal_says_what_it_is_and_whether_to_try_again(hub: Hub, status: int, reason: str, retry: bool) -> None:
    hub.server.status = status
    with pytest.raises(FetchFailed) as caught:
        hub.fetch(hub.commits["base"])
    assert (caught.value.reason, caught.value.retry) == (reason, retry)
    hub.server.status = None
    hub.fetch(hub.commits["base"])


def test_a_wrong_token_is_denied_without_a_prompt_and_without_being_told(hub: Hub) -> None:
    remote = Remote(hub.server.url("shop"), "ghs_wrong")
    with pytest.raises(FetchFailed, match="authentication failed") as caught:
        hub.mirrors.opened(KEY, remote, {HEAD: hub.commits["base"]}).__enter__()
    assert not caught.value.retry
    assert "ghs_wrong" not in str(caught.value) + repr(remote)


def test_a_server_that_is_not_there_is_worth_another_try(hub: Hub) -> None:
    with pytest.raises(FetchFailed, match="could not be reached") as caught:
        hub.mirrors.opened(KEY, Remote("http://127.0.0.1:9/shop.git"), {HEAD: "1" * 40}).__enter__()
    assert caught.value.retry


@pytest.mark.parametrize("url", ["file:///a.git", "ssh://h/a", "shop.git", "https://", "https://a:b@h/x", "ext::sh"])
def test_a_remote_is_an_http_url_without_a_user(url: str) -> None:
    with pytest.raises(ValueError, match="remote"):
        Remote(url, TOKEN)


@pytest.mark.parametrize("key", ["", "1", "1/2/3", "../x", "1/..", "/1/2"])
def test_a_key_cannot_lead_out_of_the_root(hub: Hub, key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        hub.mirrors.remove(key)


@pytest.mark.parametrize(
    ("name", "id"), [("a/../b", "1" * 40), ("-a", "1" * 40), ("a.lock", "1" * 40), ("a b", "1" * 40), ("a", "main")]
)
def test_names_and_ids_of_commits_are_what_they_should_be(hub: Hub, name: str, id: str) -> None:
    with pytest.raises(ValueError, match="no name and full id"):
        hub.fetch(id, name)


# -- large files ----------------------------------------------------------------------------------------------------

FILLER = b"// filler\n"
LARGE: Files = {
    "package.json": MANIFEST,
    "package-lock.json": json.dumps(
        {
            "lockfileVersion": 3,
            "packages": {"node_modules/next": {"version": "15.5.0"}, "filler": {"resolved": "x" * 2_000_000}},
        }
    ),
    "pages/api/live.js": ROUTE,
    "pages/api/large.js": ROUTE.encode() + FILLER * (MAX_SCRIPT_BYTES // 10),
    "pages/api/limit.js": ROUTE.encode() + b"/" * (MAX_SCRIPT_BYTES - len(ROUTE)),
    "pages/api/over.js": ROUTE.encode() + b"/" * (MAX_SCRIPT_BYTES - len(ROUTE) + 1),
    "vercel.json": b" " * (MAX_BLOB_BYTES + 1),
    "photo.png": noise(2_000_000),
}


def review(found: GitRepository, base: str, head: str) -> Review:
    trees = found.tree(base), found.tree(head)
    try:
        with Analyst() as analyst:
            return analyst.review(Job(trees[1], trees[0]))
    finally:
        for tree in trees:
            tree.close()


def test_a_review_is_that_of_a_full_clone_whatever_the_size_of_its_files(hub: Hub) -> None:
    head = hub.push(LARGE)
    with hub.open({"pull/7/base": hub.commits["base"], HEAD: head}) as found:
        sent = hub.server.sent
        mirrored = review(found, hub.commits["base"], head)
        assert hub.server.sent == sent
        assert contents(found.tree(head))["photo.png"] is Missing.TOO_LARGE
    assert hub.requests() == [*FETCH, *FETCH]
    assert mirrored == review(GitRepository(hub.work), hub.commits["base"], head)
    skipped = {problem.path: problem.message for problem in mirrored.problems if problem.kind == "skipped"}
    assert skipped["pages/api/large.js"] == skipped["pages/api/over.js"] == "it is larger than 1 MiB"
    assert "pages/api/limit.js" not in {p for p, m in skipped.items() if "larger" in m}


def test_a_file_that_shrinks_below_the_limit_is_fetched_although_its_old_version_is_not_here(hub: Hub) -> None:
    hub.fetch(hub.push({"a.js": noise(MAX_SCRIPT_BYTES + 5_000)}))
    small = noise(MAX_SCRIPT_BYTES + 5_000)[: MAX_SCRIPT_BYTES - 5_000]
    head = hub.push({"a.js": small})
    with hub.open({HEAD: head}) as found:
        assert contents(found.tree(head))["a.js"] == small


def test_a_large_file_whose_new_name_makes_it_relevant_is_fetched(hub: Hub) -> None:
    large = noise(2_000_000)
    hub.fetch(hub.push({"a.bin": large}))
    head = hub.push({"a.json": large})
    with hub.open({HEAD: head}) as found:
        assert contents(found.tree(head))["a.json"] == large


def test_a_repository_beyond_half_of_the_store_is_refused(hub: Hub) -> None:
    hub.mirrors = Mirrors(hub.mirrors.root, max_bytes=1_000_000)
    with pytest.raises(FetchFailed, match="larger than the limit for one fetch") as caught:
        hub.fetch(hub.push({"a.js": noise(600_000)}))
    assert not caught.value.retry


def test_large_files_beyond_half_of_the_store_are_done_without(hub: Hub) -> None:
    hub.mirrors = Mirrors(hub.mirrors.root, max_bytes=3_000_000)
    head = hub.push({"data.json": noise(1_600_000), "a.js": HARMLESS})
    with hub.open({HEAD: head}) as found:
        assert contents(found.tree(head))["data.json"] is Missing.TOO_LARGE
    hub.requests()
    hub.fetch(head)
    assert hub.requests() == []


# -- several at once, and what was killed ---------------------------------------------------------------------------


def test_threads_and_processes_that_want_the_same_fetch_it_once(hub: Hub) -> None:
    head = hub.push({"data.json": noise(300_000)})
    hub.server.pause = 0.02
    with ThreadPoolExecutor(4) as pool:
        processes = [hub.process({HEAD: head}) for _ in range(2)]
        done = [pool.submit(hub.fetch, head) for _ in range(4)]
        assert [process.communicate()[0] for process in processes] == [b"[3]\n"] * 2
        for future in done:
            future.result()
    assert hub.requests() == FETCH


def test_threads_that_want_different_commits_all_get_theirs(hub: Hub) -> None:
    heads = {f"pull/{n}/head": hub.push({f"f{n}.js": HARMLESS}) for n in range(6)}

    def listed(name: str) -> int:
        with hub.open({name: heads[name]}) as found:
            return len(contents(found.tree(heads[name])))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(listed, heads)) == [3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("also_git", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_a_worker_killed_in_the_middle_of_a_fetch_leaves_nothing_that_breaks_the_next(
    hub: Hub, known: bool, also_git: bool
) -> None:
    if known:
        hub.fetch(hub.commits["base"])
    head = hub.push({"data.json": noise(1_000_000)})
    hub.server.pause, hub.server.piece = 0.05, 50_000
    hub.server.started.clear()
    process = hub.process({HEAD: head})
    hub.server.started.wait(10)
    process.kill()
    process.communicate()
    for pid in children(hub.mirrors.root) if also_git else ():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    hub.server.pause = 0.0
    with hub.open({HEAD: head}) as found:
        assert len(contents(found.tree(head))) == 3
    left = {path.name for path in hub.mirrors.root.rglob("*")}
    assert not {name for name in left if name.startswith(("tmp_", "draft-", "deleted-")) or name == "shallow.lock"}


def test_locks_that_a_killed_git_left_behind_do_not_last(hub: Hub) -> None:
    hub.fetch(hub.commits["base"])
    left = [
        hub.copy() / name
        for name in ("shallow.lock", "packed-refs.lock", "config.lock", f"refs/reviewer/{HEAD}.lock", "shallow_x")
    ]
    for path in left:
        path.touch()
    hub.fetch(hub.push({"a.js": HARMLESS}))
    for path in left:
        path.touch()
    hub.mirrors.forget(KEY, "pull/7")
    assert git(hub.copy(), "for-each-ref") == ""
    assert not [path for path in left if path.exists()]


def test_a_fetch_that_lasts_too_long_is_ended_with_all_its_processes(hub: Hub) -> None:
    head = hub.push({"data.json": noise(1_000_000)})
    hub.server.pause, hub.server.piece = 0.5, 1_000
    started = time.monotonic()
    with pytest.raises(FetchFailed, match="took too long") as caught:
        Mirrors(hub.mirrors.root, timeout=1).opened(KEY, hub.remote, {HEAD: head}).__enter__()
    assert caught.value.retry
    assert time.monotonic() - started < 4
    assert children(hub.mirrors.root) == {}
    assert list((hub.mirrors.root / KEY).glob("*.git")) == list((hub.mirrors.root / KEY).glob("draft-*")) == []


def test_one_who_waits_too_long_for_the_fetch_of_another_is_told_so(hub: Hub) -> None:
    head = hub.push({"data.json": noise(1_000_000)})
    hub.server.pause, hub.server.piece = 0.05, 20_000
    hub.server.started.clear()
    first = threading.Thread(target=hub.fetch, args=(head,))
    first.start()
    hub.server.started.wait(10)
    with pytest.raises(FetchFailed, match="being fetched by another job") as caught:
        Mirrors(hub.mirrors.root, timeout=0.2).opened(KEY, hub.remote, {HEAD: head}).__enter__()
    assert caught.value.retry
    hub.server.pause = 0.0
    first.join()


# -- damage ---------------------------------------------------------------------------------------------------------


def pack_of(copy: Path) -> Path:
    pack = max((copy / "objects/pack").glob("*.pack"), key=lambda path: path.stat().st_size)
    pack.chmod(0o644)
    return pack


DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda copy: os.truncate(pack_of(copy), 200_000),
    "lost": lambda copy: pack_of(copy).unlink(),
    "no index": lambda copy: pack_of(copy).with_suffix(".idx").unlink(),
    "no head": lambda copy: (copy / "HEAD").unlink(),
    "no refs": lambda copy: [path.write_bytes(b"") for path in (copy / "refs/reviewer").rglob("*") if path.is_file()],
    "no record": lambda copy: (copy / "packs").unlink(),
    "nonsense in the record": lambda copy: (copy / "packs").write_bytes(b"\xff a\n"),
    "no shallow commits": lambda copy: (copy / "shallow").write_text("nonsense\n", encoding="utf-8"),
}


@pytest.mark.parametrize(
    ("damage", "pushed"), [*((damage, False) for damage in DAMAGE), ("lost", True), ("no head", True)]
)
def test_a_damaged_repository_is_fetched_anew(hub: Hub, damage: str, pushed: bool) -> None:
    head = hub.push({"data.json": noise(300_000)})
    hub.fetch(head)
    DAMAGE[damage](hub.copy())
    head = hub.push({"a.js": HARMLESS}) if pushed else head
    with hub.open({HEAD: head}) as found:
        assert contents(found.tree(head))["data.json"] == noise(300_000)
    hub.requests()
    hub.fetch(head)
    assert hub.requests() == []
    assert hub.copy().is_dir()


def test_damage_that_only_reading_shows_costs_one_job(hub: Hub) -> None:
    head = hub.push({"data.json": noise(300_000)})
    hub.fetch(head)
    pack = pack_of(hub.copy())
    damaged = bytearray(pack.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    pack.write_bytes(damaged)
    with pytest.raises(SourceError, match="git stopped answering"), hub.open({HEAD: head}) as found:
        contents(found.tree(head))
    with hub.open({HEAD: head}) as found:
        assert contents(found.tree(head))["data.json"] == noise(300_000)


def test_a_wrong_question_to_a_sound_repository_costs_nothing(hub: Hub) -> None:
    hub.fetch(hub.commits["base"])
    hub.requests()
    with pytest.raises(SourceError, match="no commit is called"), hub.open({HEAD: hub.commits["base"]}) as found:
        found.tree("nope")
    hub.fetch(hub.commits["base"])
    assert hub.requests() == []


# -- growth ---------------------------------------------------------------------------------------------------------


def fetch_to(hub: Hub, key: str) -> None:
    with hub.mirrors.opened(key, hub.remote, {HEAD: hub.commits["base"]}):
        pass


def test_the_least_recently_used_goes_first_and_an_open_one_never(hub: Hub) -> None:
    keys = [f"11/{n}" for n in range(4)]
    for n, key in enumerate(keys):
        fetch_to(hub, key)
        os.utime(hub.mirrors.root / key / "1.git/use.lock", (n, n))
    fetch_to(hub, keys[1])
    assert hub.mirrors.evict() == 0
    hub.mirrors.max_bytes = 0
    with hub.mirrors.opened(keys[0], hub.remote, {HEAD: hub.commits["base"]}) as found:
        hub.mirrors.max_bytes = 2 * sum(p.stat().st_size for p in (found.path / "objects/pack").iterdir())
        os.utime(found.path / "use.lock", (0, 0))
        assert hub.mirrors.evict() == hub.mirrors.max_bytes
        assert len(contents(found.tree(hub.commits["base"]))) == 2
    assert {f"11/{path.name}" for path in (hub.mirrors.root / "11").iterdir()} == {keys[0], keys[1]}


def test_eviction_clears_what_killed_processes_left(hub: Hub) -> None:
    hub.fetch(hub.commits["base"])
    for name in ("11/22/deleted-x", "11/22/draft-x", "11/33/draft-x"):
        (hub.mirrors.root / name / "objects/pack").mkdir(parents=True)
    assert hub.mirrors.evict() == 0
    assert sorted(path.name for path in hub.mirrors.root.glob("11/**/*-x")) == []
    assert [path.name for path in hub.mirrors.root.glob("11/*")] == ["22"]


def test_eviction_comes_by_itself(hub: Hub) -> None:
    hub.push({"data.json": noise(100_000)})
    hub.commits["base"] = git(hub.work, "rev-parse", "HEAD").strip()
    hub.mirrors = Mirrors(hub.mirrors.root, max_bytes=250_000)
    for n in range(5):
        fetch_to(hub, f"{n}/1")
    assert sorted(path.name for path in hub.mirrors.root.iterdir()) == ["3", "4"]


def test_what_no_name_leads_to_goes_when_there_are_many_packs(hub: Hub) -> None:
    hub.mirrors = Mirrors(hub.mirrors.root, max_packs=3)
    sizes = []
    for n in range(9):
        hub.fetch(hub.push({"data.json": noise(100_000, n)}))
        sizes.append(sum(path.stat().st_size for path in (hub.copy() / "objects/pack").iterdir()))
    assert max(sizes) < 500_000
    assert hub.copy().name == "3.git"


def test_a_reader_of_an_outgrown_repository_reads_on(hub: Hub) -> None:
    hub.mirrors = Mirrors(hub.mirrors.root, max_packs=0)
    with hub.open({HEAD: hub.commits["base"]}) as old:
        hub.fetch(hub.push({"a.js": HARMLESS}))
        assert len(contents(old.tree(hub.commits["base"]))) == 2
    assert not old.path.exists()
    assert hub.copy().name == "2.git"


def test_a_closed_pull_request_is_forgotten_and_the_others_are_not(hub: Hub) -> None:
    for name in (HEAD, "pull/7/base", "pull/70/head"):
        hub.fetch(hub.commits["base"], name)
    hub.mirrors.forget(KEY, "pull/7")
    hub.mirrors.forget("11/33", "pull/7")
    assert git(hub.copy(), "for-each-ref", "--format=%(refname)").split() == ["refs/reviewer/pull/70/head"]


def test_what_is_removed_while_it_is_read_goes_with_its_last_reader(hub: Hub) -> None:
    with hub.open({HEAD: hub.commits["base"]}) as found:
        hub.mirrors.remove(KEY)
        assert len(contents(found.tree(hub.commits["base"]))) == 2
        hub.requests()
        hub.fetch(hub.commits["base"])
        assert hub.requests() == FETCH
    assert not found.path.exists()
    hub.mirrors.remove(KEY)
    assert not (hub.mirrors.root / KEY).exists()


def test_an_installation_is_removed_with_all_its_repositories(hub: Hub) -> None:
    for key in ("11/1", "11/2", "12/1"):
        fetch_to(hub, key)
    hub.mirrors.remove_installation("11")
    assert [path.name for path in hub.mirrors.root.iterdir()] == ["12"]


# -- secrets --------------------------------------------------------------------------------------------------------


def test_the_token_is_in_no_command_line_and_in_no_file(hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    head = hub.push({"data.json": noise(600_000)})
    hub.server.pause, hub.server.piece = 0.03, 50_000
    hub.server.started.clear()
    fetch = threading.Thread(target=hub.fetch, args=(head,))
    fetch.start()
    hub.server.started.wait(10)
    lines = children(hub.mirrors.root)
    during = [path.read_bytes() for path in hub.mirrors.root.rglob("*") if path.is_file()]
    fetch.join()
    after = [path.read_bytes() for path in hub.mirrors.root.rglob("*") if path.is_file()]
    secrets = (TOKEN, hub.remote.basic or "-")
    assert any("remote-http" in line for line in lines.values())
    assert not [line for line in lines.values() for secret in secrets if secret in line]
    assert not [secret for content in (*during, *after) for secret in secrets if secret.encode() in content]
    assert TOKEN not in repr(hub.remote) + caplog.text
    assert not (hub.copy() / "FETCH_HEAD").exists()


def test_the_surrounding_git_configuration_of_a_process_has_no_say(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'protocol.allow'='never'")
    monkeypatch.setenv("GIT_TRACE_CURL", "1")
    hub.fetch(hub.commits["base"])
