"""Durable jobs: they run, come back, are taken over from the dead, and none ends without its check."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from reviewer.github.errors import Gone, NotInstalled, RateLimited, Refused, Unprocessable, Unsure
from reviewer.service import jobs
from reviewer.service.analysis import ChangeTooLarge
from reviewer.service.database import connect, migrate
from reviewer.service.inbox import Desk
from reviewer.service.jobs import (
    APPLICATION_VERSION,
    LANES,
    QUEUE,
    RECOVERIES,
    TRIES,
    DurableQueue,
    _refuse_foreign_services,
)
from reviewer.service.publish import Request
from reviewer.service.review import Outcome
from reviewer.service.store import PullKey, Store
from reviewer.sources import FetchFailed, SourceError
from tests.helpers import ROOT
from tests.service.databases import sqlite_url
from tests.service.process import until
from tests.service.working import Script, Workshop, working

KEY = PullKey(1, 10, 7)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """The one worker of this process: there can be no other before it stops."""
    folder = tmp_path_factory.mktemp("workshop")
    with working(sqlite_url(folder), folder, Script(), patience=0.3) as made:
        yield made


def rows(url: str) -> list[dict[str, Any]]:
    """The jobs in the database, as the engine keeps them, oldest first."""
    engine = connect(url, 1)
    with engine.connect() as c:
        found = [dict(row) for row in c.execute(sa.text("SELECT * FROM workflow_status")).mappings()]
    engine.dispose()
    return sorted(found, key=lambda row: str(row["workflow_uuid"]))


def all_done(workshop: Workshop) -> bool:
    return all(row["status"] not in ("ENQUEUED", "PENDING", "DELAYED") for row in rows(workshop.url))


def at(number: int) -> PullKey:
    return replace(KEY, number=number)


# -- running --------------------------------------------------


def test_a_review_that_is_asked_for_runs_soon(workshop: Workshop) -> None:
    asked = time.monotonic()
    workshop.ask(at(1))
    assert len(until(lambda: workshop.script.of(1), 5)) == 1
    assert time.monotonic() - asked < 4


def test_jobs_of_every_kind_reach_those_who_do_them(workshop: Workshop) -> None:
    with workshop.store.engine.begin() as c:
        workshop.queue.survey(c, 1, 10, "a" * 40)
        workshop.queue.remove(c, 1, [55])
        workshop.queue.review(c, Request(at(2), 6))
    assert until(lambda: workshop.surveyor.asked, 5) == [(1, 10, "a" * 40)]
    assert until(lambda: workshop.script.of(2), 5) == [Request(at(2), 6)]


def test_a_job_is_queued_with_its_commit_or_not_at_all(workshop: Workshop) -> None:
    before = len(rows(workshop.url))
    with workshop.store.engine.connect() as c:
        workshop.queue.review(c, Request(at(3), 1))
        c.rollback()
    assert len(rows(workshop.url)) == before


def test_jobs_are_of_one_version_and_of_their_pull_request_s_lane(workshop: Workshop) -> None:
    for number in range(20, 32):
        workshop.ask(at(number), at(number))
    until(lambda: all_done(workshop), 15)
    mine = [row for row in rows(workshop.url) if row["name"] == "review"]
    assert {row["application_version"] for row in mine} == {APPLICATION_VERSION}
    assert {row["queue_name"] for row in mine} == {QUEUE}
    lanes = {row["queue_partition_key"] for row in mine}
    assert len(lanes) <= LANES
    assert {lane.split(":")[0] for lane in lanes} == {"1"}


def test_reviews_of_a_pull_request_never_overlap_and_the_newest_is_the_last(workshop: Workshop) -> None:
    under_way: list[int] = []

    def act(request: Request) -> Outcome:
        assert under_way == []
        under_way.append(request.generation)
        time.sleep(0.05)
        under_way.clear()
        newest = workshop.store.generation(request.key) == request.generation
        return Outcome("concluded" if newest else "superseded")

    workshop.script.acts[4] = act
    workshop.ask(*[at(4)] * 4)
    until(lambda: len(workshop.script.of(4)) == 4, 10)
    assert workshop.script.reasons(4) == []


def test_others_with_the_same_head_are_asked_again(workshop: Workshop) -> None:
    workshop.script.acts[5] = lambda _: Outcome("concluded", (50,))
    workshop.ask(at(5))
    assert len(until(lambda: workshop.script.of(50), 10)) == 1


# -- trouble --------------------------------------------------


def test_a_limited_review_lets_go_of_its_lane_and_comes_back(workshop: Workshop) -> None:
    limited = [RateLimited(1.0)]

    def act(_: Request) -> Outcome:
        if limited:
            raise limited.pop()
        return Outcome("concluded")

    workshop.script.acts[6] = act
    workshop.ask(at(6))
    until(lambda: len(workshop.script.of(6)) == 1, 5)
    until(lambda: len(workshop.script.of(6)) == 2, 8)
    assert len(set(workshop.script.of(6))) == 1
    assert workshop.script.reasons(6) == []


def test_a_review_is_put_off_as_often_as_it_is_limited(workshop: Workshop) -> None:
    limits = [RateLimited(0.01)] * 6

    def act(_: Request) -> Outcome:
        if limits:
            raise limits.pop()
        return Outcome("concluded")

    workshop.script.acts[7] = act
    workshop.ask(at(7))
    until(lambda: len(workshop.script.of(7)) == 7, 30)
    assert workshop.script.reasons(7) == []


@pytest.mark.parametrize(
    ("number", "error"),
    [(8, Unsure("GitHub was away")), (9, sa.exc.OperationalError("SELECT 1", {}, Exception("locked")))],
)
def test_what_may_work_a_moment_later_is_tried_again(workshop: Workshop, number: int, error: Exception) -> None:
    errors = [error]

    def act(_: Request) -> Outcome:
        if errors:
            raise errors.pop()
        return Outcome("concluded")

    workshop.script.acts[number] = act
    workshop.ask(at(number))
    until(lambda: len(workshop.script.of(number)) == 2, 8)
    assert workshop.script.reasons(number) == []


def failing(workshop: Workshop, errors: dict[int, Exception]) -> None:
    """Asks for reviews that always fail, on installations beside each other."""

    def act(request: Request) -> Outcome:
        raise errors[request.key.number]

    for number in errors:
        workshop.script.acts[number] = act
        workshop.ask(replace(KEY, installation=number, number=number))
    until(lambda: all(workshop.script.reasons(number) for number in errors), 20)


GIVEN_UP_AT_ONCE: tuple[tuple[Exception, str], ...] = (
    (Refused("GitHub answered 403"), "GitHub answered 403"),
    (NotInstalled("GitHub answered 404"), "GitHub answered 404"),
    (ChangeTooLarge("acme/shop: too large"), "the change: acme/shop: too large"),
    (RecursionError("deep"), "a fault of the reviewer itself (RecursionError)"),
)
TRIED_AGAIN: tuple[tuple[Exception, str], ...] = (
    (Unsure("GitHub answered 502"), "GitHub answered 502"),
    (Gone("GitHub answered 404"), "GitHub answered 404"),
    (Unprocessable("GitHub answered 422"), "GitHub answered 422"),
    (FetchFailed("network", "acme/shop"), "acme/shop: the repository could not be reached"),
    (FetchFailed("too large", "acme/shop"), "acme/shop: the repository is larger than the limit for one fetch"),
    (SourceError("/var/lib/copies/1/2 is broken"), "the service's copy of the repository could not be read"),
    (
        sa.exc.OperationalError("SELECT secret FROM pulls", {}, Exception("database is locked")),
        "the service's database did not answer",
    ),
)


def test_what_cannot_work_is_said_on_the_check_at_once(workshop: Workshop) -> None:
    expected = dict(enumerate(GIVEN_UP_AT_ONCE, 100))
    failing(workshop, {number: error for number, (error, _) in expected.items()})
    for number, (_, reason) in expected.items():
        assert workshop.script.reasons(number) == [reason]
        assert len(workshop.script.of(number)) == 1


def test_what_may_pass_is_tried_with_patience_before_it_is_said_on_the_check(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "ATTEMPTS", 1)  # of each try, so that none waits for seconds
    expected = dict(enumerate(TRIED_AGAIN, 120))
    failing(workshop, {number: error for number, (error, _) in expected.items()})
    for number, (_, reason) in expected.items():
        assert workshop.script.reasons(number) == [reason]
        assert len(workshop.script.of(number)) == 1 + len(TRIES)
        assert len(set(workshop.script.of(number))) == 1


def test_nothing_that_is_stored_names_a_token(workshop: Workshop) -> None:
    until(lambda: all_done(workshop), 15)
    assert "ghs_" not in repr(rows(workshop.url))


@pytest.mark.parametrize("name", ["DBOS__CLOUD", "DBOS__CONDUCTOR_KEY", "DBOS_CONDUCTOR_URL"])
def test_reporting_to_others_is_refused(name: str) -> None:
    with pytest.raises(RuntimeError, match=f"{name} must not be set"):
        _refuse_foreign_services({"HOME": "/", name: ""})
    _refuse_foreign_services({"HOME": "/", "DBOS_LOG_LEVEL": "INFO"})


def test_a_worker_that_would_report_to_others_does_not_start(tmp_path: Path) -> None:
    name = "DBOS__CONDUCTOR_KEY"
    code = (
        f"from reviewer.service.jobs import Worker\nWorker('sqlite:///{tmp_path}/r.db', 1, None, None, None).start()\n"
    )
    command = ["env", f"{name}=x", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"{name} must not be set" in done.stderr.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


# -- workers that die --------------------------------------------------


@dataclass
class Process:
    """A worker as a process of its own."""

    popen: subprocess.Popen[str]
    said: Path

    def lines(self, word: str) -> list[str]:
        return [line for line in self.said.read_text().splitlines() if line.startswith(word)]

    def kill(self) -> None:
        self.popen.kill()
        self.popen.wait()


@contextmanager
def process(url: str, folder: Path, name: str, seconds: float) -> Iterator[Process]:
    said = folder / name
    command = [sys.executable, "-m", "tests.service.working", url, str(folder), str(seconds)]
    with said.open("w") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, text=True) as popen:
        made = Process(popen, said)
        try:
            until(lambda: made.lines("ready") or popen.poll() is not None, 20, said.read_text)
            yield made
        finally:
            made.kill()


@contextmanager
def counter(url: str) -> Iterator[Desk]:
    """Where reviews are asked for, without a worker."""
    engine = connect(url, 2)
    migrate(engine)
    queue = DurableQueue(engine)
    yield Desk(Store(engine), queue)
    queue.close_connections()
    engine.dispose()


def ended(*workers: Process) -> set[str]:
    return {line.split()[1] for worker in workers for line in worker.lines("end")}


def test_the_jobs_of_a_killed_worker_are_finished_by_the_one_that_lives(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with ExitStack() as stack:
        one = stack.enter_context(process(url, tmp_path, "one", 1.0))
        two = stack.enter_context(process(url, tmp_path, "two", 1.0))
        desk = stack.enter_context(counter(url))
        desk.ask(PullKey(installation, 10, installation) for installation in range(1, 9))
        until(lambda: one.lines("begin") and two.lines("begin"), 10, one.said.read_text)
        one.kill()
        wanted = {str(number) for number in range(1, 9)}
        until(lambda: ended(one, two) == wanted, 20, lambda: f"{one.said.read_text()}\n{two.said.read_text()}")
        until(lambda: {row["status"] for row in rows(url)} == {"SUCCESS"}, 5, two.said.read_text)
        assert two.popen.poll() is None


def is_spared(worker: Process) -> bool:
    """Whether a worker lives to say that a review is given up."""
    until(lambda: worker.popen.poll() is not None or worker.lines("given up"), 30, worker.said.read_text)
    return worker.popen.poll() is None


def test_a_review_that_ends_its_worker_again_and_again_is_said_on_its_check(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path)
    with ExitStack() as stack:
        first = stack.enter_context(process(url, tmp_path, "0", 0))
        desk = stack.enter_context(counter(url))
        desk.ask([PullKey(1, 10, 666)])
        until(lambda: first.popen.poll() is not None, 10, first.said.read_text)
        runs = (stack.enter_context(process(url, tmp_path, str(run), 0)) for run in range(1, RECOVERIES + 4))
        last = next(worker for worker in runs if is_spared(worker))
        [line] = last.lines("given up")
        assert line == f"given up 666 the review ended its worker process {RECOVERIES} times"
        desk.ask([PullKey(1, 10, 1)])
        until(lambda: ended(last) == {"1"}, 10, last.said.read_text)
