"""The limited process: what it is refused, what its death costs, and what goes on without it."""

from __future__ import annotations

import io
import resource
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reviewer.core.finding import Problem, Review
from reviewer.core.snapshot import Blob, Missing
from reviewer.sandbox import Analyst, ConfigurationInvalid, Job, wire
from reviewer.sandbox.child import MEMORY_BYTES
from reviewer.sources import Folder, GitRepository
from tests.helpers import HARMLESS, MANIFEST, ONE_FINDING, ROOT, ROUTE, Files, commit, partial_clone, repository, write

SLOW = ROUTE + "const rows = " + "[" * 300_000 + "\n" + ROUTE

_SCRIPT = """
import json, os, signal, struct, sys
sys.path.insert(0, sys.argv[1])
from reviewer.sandbox import wire
out, request = sys.stdout.buffer, json.loads(wire.receive(sys.stdin.buffer, 1 << 26)[1])
def say(kind, payload):
    wire.send(out, kind, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    out.flush()
ids = {path: id for path, id, _ in request["trees"]["head"]}
"""


def scripted(body: str) -> Analyst:
    """An analyst whose first child is a program of the test's own that speaks the wire's language."""
    command = [sys.executable, "-c", _SCRIPT + body, str(ROOT)]
    return Analyst(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL))


def review_by(analyst: Analyst, folder: Path) -> Review:
    with analyst:
        return analyst.review(Job(Folder(folder)))


def only_problem(review: Review) -> Problem:
    assert (review.verdict, review.findings, len(review.problems)) == ("incomplete", (), 1)
    return review.problems[0]


def places(review: Review) -> list[tuple[str, int | None]]:
    return [(reported.finding.site.path, reported.finding.site.line) for reported in review.findings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "tree", ONE_FINDING)


def test_one_child_serves_one_job_after_another(folder: Path) -> None:
    with Analyst() as analyst:
        first = analyst.review(Job(Folder(folder)))
        process = analyst._process
        again = analyst.review(Job(Folder(folder)))
        assert (again.findings, again.problems) == (first.findings, first.problems)
        assert analyst._process is process
    assert places(first) == [("pages/api/live.js", 4)]


def test_the_child_has_limits_and_knows_nothing_of_its_parents_environment(folder: Path) -> None:
    with Analyst() as analyst:
        analyst.review(Job(Folder(folder)))
        process = analyst._process
        assert process is not None
        limits = {name: resource.prlimit(process.pid, name)[1] for name in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE)}
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert limits == {resource.RLIMIT_AS: MEMORY_BYTES, resource.RLIMIT_FSIZE: 0}
    assert environment.strip(b"\0") == b"LC_ALL=C.UTF-8"


def test_a_file_beyond_the_limit_of_cpu_time_costs_that_file_only(folder: Path) -> None:
    write(folder, {"pages/api/slow.js": SLOW})
    with Analyst() as analyst:
        review = analyst.review(Job(Folder(folder)))
        again = analyst.review(Job(Folder(folder)))
    message = "it needed more CPU time than the limit for one file"
    assert review.problems == (Problem("failed", "pages/api/slow.js", message),)
    assert (review.verdict, places(review)) == ("incomplete", [("pages/api/live.js", 4)])
    assert (again.problems, places(again)) == (review.problems, places(review))


def test_a_child_killed_while_it_works_on_a_file_costs_that_file_only(folder: Path) -> None:
    write(folder, {"pages/api/other.js": ROUTE + "// other\n"})
    body = """
say(wire.WORKING, {"path": "pages/api/other.js", "id": ids["pages/api/other.js"]})
os.kill(os.getpid(), signal.SIGKILL)
"""
    review = review_by(scripted(body), folder)
    assert [(p.kind, p.path) for p in review.problems] == [("failed", "pages/api/other.js")]
    assert "killed by the system" in review.problems[0].message
    assert places(review) == [("pages/api/live.js", 4)]


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "its analysis was killed by the system (out of memory?)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "it crashed the parser"),
        ("os.kill(os.getpid(), signal.SIGUSR1)", "its analysis ended with signal 10"),
        ("os._exit(7)", "its analysis ended with exit status 7"),
    ],
)
def test_a_death_outside_any_file_blames_no_file(folder: Path, ending: str, reason: str) -> None:
    body = f"""
say(wire.WORKING, {{"path": "pages/api/live.js", "id": ids["pages/api/live.js"]}})
say(wire.WORKING, None)
{ending}
"""
    assert only_problem(review_by(scripted(body), folder)) == Problem("failed", "", f"nothing was analysed: {reason}")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('say(wire.READ, {"tree": "head", "ids": ["0" * 40]})', "a question for objects outside the tree"),
        ('say(wire.READ, {"tree": "base", "ids": []})', "a question for objects outside the tree"),
        ('say(wire.READ, {"tree": "head"})', "something that is no message"),
        ('say(wire.READ, b"{")', "something that is no message"),
        ("say(wire.WORKING, 3)", "something that is no message"),
        ('say(wire.INVALID, {"path": 1})', "something that is no message"),
        ('say(wire.DONE, {"findings": 1})', "the analysis sent something that is no review (1 errors)"),
        ('say(wire.CRASHED, b"ValueError: \\xff")', "the analysis crashed (ValueError: \ufffd)"),
        ('out.write(struct.pack("!cI", b"D", 0xFFFFFFFF)); out.flush()', "a message of 4,294,967,295 bytes"),
    ],
)
def test_what_a_child_must_not_send_ends_it_with_a_reason(folder: Path, body: str, reason: str) -> None:
    analyst = scripted(body + "\nsys.stdin.buffer.read()\n")
    problem = only_problem(review_by(analyst, folder))
    assert problem.kind == "failed"
    assert reason in problem.message


def test_after_a_broken_child_the_next_job_has_a_new_one(folder: Path) -> None:
    with scripted("os._exit(7)") as analyst:
        assert analyst.review(Job(Folder(folder))).verdict == "incomplete"
        assert places(analyst.review(Job(Folder(folder)))) == [("pages/api/live.js", 4)]


class Untouchable(Folder):
    """A tree nobody may read from."""

    def read(self, ids: Iterable[str]) -> Iterator[tuple[str, Blob]]:
        raise AssertionError(f"read {list(ids)}")


def test_nothing_is_read_for_a_question_that_is_partly_outside_the_tree(folder: Path) -> None:
    body = 'say(wire.READ, {"tree": "head", "ids": [*ids.values(), "0" * 40]})\nsys.stdin.buffer.read()\n'
    with scripted(body) as analyst:
        assert "outside the tree" in only_problem(analyst.review(Job(Untouchable(folder)))).message


def test_an_invalid_configuration_is_named_with_its_lines(folder: Path) -> None:
    write(folder, {".github/reviewer.yml": "mode: gate\nfail_on: erorr\nnope: 1\n"})
    with Analyst() as analyst, pytest.raises(ConfigurationInvalid) as caught:
        analyst.review(Job(Folder(folder)))
    assert [(path, line) for path, line, _ in caught.value.errors] == [
        (".github/reviewer.yml", 2),
        (".github/reviewer.yml", 3),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"mode: gate\0", "it is a binary file"), (b"\xff\xfea", "it starts like UTF-16-LE text but is not valid")],
)
def test_a_configuration_that_is_no_text_is_not_taken_for_none(folder: Path, content: bytes, message: str) -> None:
    write(folder, {".github/reviewer.yml": content})
    with Analyst() as analyst, pytest.raises(ConfigurationInvalid) as caught:
        analyst.review(Job(Folder(folder)))
    assert caught.value.errors == ((".github/reviewer.yml", 1, message),)


def test_a_configuration_missing_from_a_partial_clone_is_not_taken_for_none(tmp_path: Path) -> None:
    files: Files = {"package.json": MANIFEST, "pages/api/a.js": HARMLESS, ".github/reviewer.yml": "mode: advise\n"}
    clone = partial_clone(repository(tmp_path / "origin", files), tmp_path / "clone", "package.json")
    tree = GitRepository(clone).tree("HEAD")
    with Analyst() as analyst, pytest.raises(ConfigurationInvalid) as caught:
        analyst.review(Job(tree))
    tree.close()
    assert caught.value.errors == ((".github/reviewer.yml", 1, Missing.ABSENT.value),)


def test_a_frame_comes_out_as_it_went_in() -> None:
    stream = io.BytesIO()
    wire.send(stream, wire.BLOB, b"\0\xff")
    stream.seek(0)
    assert wire.receive(stream, 2) == (wire.BLOB, b"\0\xff")


@pytest.mark.parametrize(
    ("sent", "error"),
    [(b"", wire.WireError), (b"D\0", wire.WireError), (b"D\0\0\0\2a", wire.WireError), (b"D\0\0\0\3a", wire.Violation)],
)
def test_a_frame_that_is_cut_off_or_too_large_is_refused(sent: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        wire.receive(io.BytesIO(sent), 2)
    assert type(caught.value) is error


def test_the_cpu_time_of_a_whole_job_is_not_blamed_on_the_file_at_hand(folder: Path) -> None:
    body = """
say(wire.WORKING, {"path": "pages/api/live.js", "id": ids["pages/api/live.js"]})
os.kill(os.getpid(), signal.SIGXCPU)
"""
    problem = only_problem(review_by(scripted(body), folder))
    assert (problem.kind, problem.path) == ("failed", "")
    assert problem.message == "nothing was analysed: the analysis needed more CPU time than the limit"


def test_a_child_that_only_waits_is_ended_by_the_clock(folder: Path) -> None:
    analyst = scripted("import time; time.sleep(600)")
    analyst.max_seconds = 0.5
    assert (
        only_problem(review_by(analyst, folder)).message
        == "nothing was analysed: the analysis took longer than the limit"
    )


class Kept:
    """Analyses kept in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], str] = {}
        self.found = 0

    def get(self, tree: str, config: str) -> str | None:
        self.found += (tree, config) in self.rows
        return self.rows.get((tree, config))

    def put(self, tree: str, config: str, analysis: str) -> None:
        self.rows[tree, config] = analysis


def review_last_commit(analyst: Analyst, folder: Path, kept: Kept, config: str = "") -> Review:
    repository = GitRepository(folder)
    with closing(repository.tree("HEAD")) as head, closing(repository.tree("HEAD^")) as base:
        return analyst.review(Job(head, base, (), ("reviewer.yml", config), kept))


def test_an_analysis_that_was_kept_gives_the_same_review_and_reads_nothing(tmp_path: Path) -> None:
    folder = repository(tmp_path / "tree", {"package.json": MANIFEST})
    commit(folder, ONE_FINDING)
    kept = Kept()
    with Analyst() as analyst:
        fresh = review_last_commit(analyst, folder, kept)
        again = review_last_commit(analyst, folder, kept)
        assert (kept.found, len(kept.rows)) == (2, 2)
        assert (again.findings, again.problems, again.verdict) == (fresh.findings, fresh.problems, fresh.verdict)
        other = review_last_commit(analyst, folder, kept, "rules: { websocket-in-api-route: { level: off } }")
        assert (other.findings, len(kept.rows)) == ((), 4)


def test_an_analysis_with_trouble_is_not_kept(tmp_path: Path) -> None:
    folder = repository(tmp_path / "tree", {"package.json": MANIFEST})
    commit(folder, {"pages/api/slow.js": SLOW})
    kept = Kept()
    with Analyst() as analyst:
        review = review_last_commit(analyst, folder, kept)
    assert [p.caused_by_change for p in review.problems] == [True]
    assert (review.verdict, review.conclusion, len(kept.rows)) == ("incomplete", "failure", 1)


def test_a_child_works_for_one_owner_only(folder: Path) -> None:
    with Analyst() as analyst:
        analyst.review(Job(Folder(folder), owner="one"))
        first = analyst._process
        analyst.review(Job(Folder(folder), owner="one"))
        assert analyst._process is first
        analyst.review(Job(Folder(folder), owner="other"))
        assert analyst._process is not first
