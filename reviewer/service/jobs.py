"""Durable jobs: the only place that knows the job engine.

A job belongs to the worker that runs it. The engine recovers the jobs of a worker that starts again; those of one that
does not are found by ``_Reaper``. Every step may run more than once and is written so that this does no harm.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from dbos import (
    DBOS,
    DBOSClient,
    DBOSConfig,
    DBOSPortableJSONSerializer,
    EnqueueOptions,
    SetEnqueueOptions,
    SetWorkflowID,
)

from reviewer.github.errors import GitHubError, Gone, NotInstalled, RateLimited, Refused, Unsure
from reviewer.service.analysis import ChangeTooLarge
from reviewer.service.database import connect, is_sqlite
from reviewer.service.inbox import Desk
from reviewer.service.log import bound_job, logger
from reviewer.service.publish import Request
from reviewer.service.review import Outcome, Reviewer
from reviewer.service.slots import DatabaseSlots, FileSlots, Slots, first_free
from reviewer.service.store import PullKey
from reviewer.service.surveys import Surveyor
from reviewer.sources import FetchFailed, SourceError

APPLICATION_VERSION = "1"  # a running job is only recovered by the version that it was begun under
QUEUE = "reviews"
LANES = 2  # how many pull requests of one installation are reviewed at the same time; fewer than workers
ATTEMPTS = 4  # of a step, 1, 3 and 9 seconds apart
TRIES = (1 / 15, 4 / 15, 10 / 15)  # when a review that fails is tried again, in shares of the patience
LONGEST_WAIT = 3600.0  # seconds
SURVEYS = 30  # how often listing pull requests is tried: for about a day
RECOVERIES = 10  # of a job whose worker dies; content cannot kill a worker, only the child it is analysed in
REAP_SECONDS = 5.0
POLL_SECONDS = 0.25
LOST_SLOT = 75  # exit status

_log = logger(__name__)
Answer = dict[str, Any]
Key = tuple[int, int, int]


# -- queueing --------------------------------------------------


class DurableQueue:
    """Queues jobs in a transaction of the caller's."""

    def __init__(self, engine: sa.Engine) -> None:
        self._client = DBOSClient(system_database_engine=engine, serializer=DBOSPortableJSONSerializer(), lazy=True)

    def review(self, c: sa.Connection, request: Request) -> None:
        self._add(c, "review", request.key, request.generation, 0, None, True)

    def survey(self, c: sa.Connection, installation: int, repository: int | None, head: str | None) -> None:
        options = _options("survey", f"{installation}:survey")
        self._client.enqueue_in_transaction(c, options, installation, repository, head, 0)

    def remove(self, c: sa.Connection, installation: int, repositories: list[int] | None) -> None:
        options = _options("remove", f"{installation}:survey")
        self._client.enqueue_in_transaction(c, options, installation, repositories)

    def _add(self, c: sa.Connection, workflow: str, key: PullKey, *args: int | str | bool | None) -> None:
        identity = (key.installation, key.repository, key.number)
        self._client.enqueue_in_transaction(c, _options(workflow, _lane(key)), *identity, *args)

    def close_connections(self) -> None:
        self._client.destroy()


def _options(workflow: str, lane: str) -> EnqueueOptions:
    # Ids sort by time: where the database counts in seconds, ties are broken by id.
    id = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}"
    _log.info("job queued", job=id, what=workflow)  # which delivery it is for stands in the same line
    return {"workflow_name": workflow, "queue_name": QUEUE, "queue_partition_key": lane, "workflow_id": id}


def _lane(key: PullKey) -> str:
    """Jobs of one lane run one after another; a pull request stays in its lane."""
    return f"{key.installation}:{zlib.crc32(f'{key.repository}/{key.number}'.encode()) % LANES}"


# -- what jobs do --------------------------------------------------


class _Bench:
    """What the jobs of this process work with, as long as it runs."""

    reviewer: Reviewer | None = None
    surveyor: Surveyor | None = None
    desk: Desk | None = None
    patience: float = 0.0


def _reviewer() -> Reviewer:
    if _Bench.reviewer is None:
        raise RuntimeError("the worker is not running")
    return _Bench.reviewer


def _guarded(act: Callable[[], Outcome]) -> Answer:
    """How an attempt came out, as a value that can be stored. Raises only what is worth another attempt at once.

    *failed* has ``again``, whether the same may work later, and ``is_ours``, whether the change is not to blame.
    """
    try:
        outcome = act()
    except RateLimited as error:
        return {"state": "deferred", "after": error.after, "reason": str(error)}
    except (GitHubError, SourceError, sa.exc.SQLAlchemyError) as error:
        if _is_worth_another(error) and not _is_last_attempt():
            _log.warning("attempt failed", reason=_told(error))
            raise
        again = not isinstance(error, Refused | NotInstalled | ChangeTooLarge)
        is_ours = not isinstance(error, ChangeTooLarge)
        kind = "gone" if isinstance(error, Gone) else "failed"
        return {"state": "failed", "kind": kind, "reason": _told(error), "again": again, "is_ours": is_ours}
    except Exception as error:  # noqa: BLE001 - the boundary: the check says what happened, the log where
        _log.exception("a fault of the reviewer")
        reason = f"a fault of the reviewer itself ({type(error).__name__})"
        return {"state": "failed", "reason": reason, "again": False, "is_ours": True}
    return {"state": outcome.state, "concerns": list(outcome.concerns)}


def _is_worth_another(error: BaseException) -> bool:
    return isinstance(error, Unsure | sa.exc.SQLAlchemyError) or (isinstance(error, FetchFailed) and error.retry)


def _told(error: Exception) -> str:
    """What people are told of an error; paths and statements of the service are not for them."""
    if isinstance(error, sa.exc.SQLAlchemyError):
        _log.warning("the database failed", reason=str(error))
        return "the service's database did not answer"
    if isinstance(error, SourceError) and not isinstance(error, FetchFailed | ChangeTooLarge):
        _log.warning("a copy of the repository failed", reason=str(error))
        return "the service's copy of the repository could not be read"
    return str(error)


def _is_last_attempt() -> bool:
    status = DBOS.step_status
    attempt = status.current_attempt if status is not None else None
    return attempt is None or attempt >= ATTEMPTS - 1


_step = DBOS.step(
    retries_allowed=True,
    max_attempts=ATTEMPTS,
    interval_seconds=1,
    backoff_rate=3,
    should_retry=lambda error: _is_worth_another(error),
)


@_step
def _review(key: Key, generation: int, attempt: int) -> Answer:
    answer = _guarded(lambda: _reviewer().review(Request(PullKey(*key), generation), _is_last_attempt()))
    if answer["state"] == "failed" and answer["again"] and attempt < len(TRIES) and _Bench.patience:
        return {**answer, "state": "deferred", "after": _Bench.patience * TRIES[attempt]}
    return answer


@_step
def _give_up(key: Key, generation: int, reason: str, is_ours: bool) -> Answer:
    return _guarded(lambda: _reviewer().give_up(Request(PullKey(*key), generation), reason, is_ours))


@_step
def _survey(installation: int, repository: int | None, head: str | None) -> Answer:
    def act() -> Outcome:
        if _Bench.surveyor is None:
            raise RuntimeError("the worker is not running")
        _Bench.surveyor.survey(installation, repository, head)
        return Outcome("concluded")

    return _guarded(act)


@DBOS.step()
def _ask_again(key: Key, numbers: list[int]) -> None:
    """Queues the reviews of pull requests whose verdict another one's concerns."""
    if _Bench.desk is not None:
        _Bench.desk.ask(PullKey(key[0], key[1], number) for number in numbers)


@DBOS.step()
def _remove(installation: int, repositories: list[int] | None) -> None:
    mirrors = _reviewer().content.mirrors
    if repositories is None:
        mirrors.remove_installation(str(installation))
    for repository in repositories or ():
        mirrors.remove(f"{installation}/{repository}")


def _bound(installation: int, repository: int | None, number: int | None = None) -> AbstractContextManager[None]:
    """What every line of the log carries during a job."""
    name = None
    with suppress(sa.exc.SQLAlchemyError):
        name = _reviewer().store.full_name(repository) if repository is not None else None
    return bound_job(job=DBOS.workflow_id, installation=installation, repository=name, pull=number)


@DBOS.workflow(name="review", max_recovery_attempts=RECOVERIES)
def review_job(
    installation: int, repository: int, number: int, generation: int, attempt: int, trouble: str | None, is_ours: bool
) -> str:
    """Reviews a pull request; with ``trouble``, only says on its check why that cannot be done."""
    key = (installation, repository, number)
    with _bound(installation, repository, number):
        answer: Answer = {"state": "failed", "reason": trouble, "is_ours": is_ours}
        if trouble is None:
            answer = _review(key, generation, attempt)
        if answer["state"] == "failed":
            trouble, is_ours = str(answer["reason"]), bool(answer["is_ours"])
            answer = _give_up(key, generation, trouble, is_ours)
            if answer.get("kind") == "gone":  # there is no check to write any more
                answer = {"state": "gone", "reason": trouble}
            elif answer["state"] == "failed" and answer["again"]:  # GitHub is away: not even that could be written
                answer, trouble = {**answer, "state": "deferred", "after": _later(attempt)}, None
        reason = answer.get("reason", trouble)
        say = _log.error if answer["state"] == "failed" else _log.info  # its check could not even be concluded
        say(f"review {answer['state']}", generation=generation, **({"reason": reason} if reason else {}))
        if answer["state"] == "deferred":
            with SetEnqueueOptions(queue_partition_key=_lane(PullKey(*key)), delay_seconds=answer["after"]):
                DBOS.enqueue_workflow(QUEUE, review_job, *key, generation, attempt + 1, trouble, is_ours)
        if answer.get("concerns"):
            _ask_again(key, answer["concerns"])
        return str(answer["state"])


def _later(attempt: int) -> float:
    return min(60.0 * (1 << min(attempt, 10)), LONGEST_WAIT)


@DBOS.workflow(name="survey", max_recovery_attempts=RECOVERIES)
def survey_job(installation: int, repository: int | None, head: str | None, attempt: int) -> str:
    """Queues reviews of the open pull requests of an installation, a repository, or with one head."""
    with _bound(installation, repository):
        answer = _survey(installation, repository, head)
        if answer["state"] == "failed" and answer["again"]:
            answer = {**answer, "state": "deferred", "after": _later(attempt)}
        if answer["state"] == "deferred" and attempt < SURVEYS:
            with SetEnqueueOptions(queue_partition_key=f"{installation}:survey", delay_seconds=answer["after"]):
                DBOS.enqueue_workflow(QUEUE, survey_job, installation, repository, head, attempt + 1)
        _log.info(f"survey {answer['state']}", **({"reason": answer["reason"]} if "reason" in answer else {}))
        return str(answer["state"])


@DBOS.workflow(name="remove", max_recovery_attempts=RECOVERIES)
def remove_job(installation: int, repositories: list[int] | None) -> str:
    """Deletes the content of repositories the App has no part in any more."""
    _remove(installation, repositories)
    return "removed"


# -- the worker --------------------------------------------------


class Worker:
    """Runs jobs in threads of this process, from ``start`` to ``stop``. There can be one in a process."""

    def __init__(
        self, url: str, size: int, reviewer: Reviewer, surveyor: Surveyor, desk: Desk, patience: float = 0.0
    ) -> None:
        self._url = url
        self._size = size
        _Bench.reviewer, _Bench.surveyor, _Bench.desk = reviewer, surveyor, desk
        _Bench.patience = patience
        self._slots: Slots | None = None
        self._reaper: _Reaper | None = None

    def start(self) -> None:
        _refuse_foreign_services(os.environ)
        self._slots = _slots(self._url)
        slot = first_free(self._slots)
        config: DBOSConfig = {
            "name": "reviewer",
            "executor_id": f"w{slot}",
            "application_version": APPLICATION_VERSION,
            "system_database_engine": connect(self._url, 10),
            "serializer": DBOSPortableJSONSerializer(),
            "enable_otlp": False,
        }
        DBOS(config=config)
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._size,
            partition_concurrency=1,
            polling_interval_sec=POLL_SECONDS,
            on_conflict="always_update",
        )
        self._reaper = _Reaper(self._slots, slot)
        self._reaper.start()
        _log.info("worker started", slot=slot, reviews_at_a_time=self._size)

    def is_running(self) -> bool:
        return self._reaper is not None and self._reaper.is_alive()

    def stop(self, seconds: int, is_ending: bool = False) -> None:
        """Finishes what runs within some seconds; what is left is taken up by the next worker.

        A process that *is ending* keeps its slot to its last moment: what did not finish may still be writing.
        """
        if self._reaper is not None:
            self._reaper.stop()
        DBOS.destroy(workflow_completion_timeout_sec=seconds)
        if self._slots is not None and not is_ending:
            self._slots.close()
        _Bench.reviewer = _Bench.surveyor = _Bench.desk = None


def _slots(url: str) -> Slots:
    if is_sqlite(url):
        return FileSlots(Path(f"{sa.make_url(url).database}.slots"))
    return DatabaseSlots(connect(url, 1))


def _refuse_foreign_services(environment: Mapping[str, str]) -> None:
    """The job engine can report to a service of its makers; this service never does."""
    named = sorted(
        name for name in environment if name.startswith(("DBOS_CONDUCTOR", "DBOS__CONDUCTOR", "DBOS__CLOUD"))
    )
    if named:
        raise RuntimeError(f"{', '.join(named)} must not be set: it would have jobs reported to a third party")


class _Reaper(threading.Thread):
    """Finds jobs nobody works on: those of dead workers, and those that were recovered too often."""

    def __init__(self, slots: Slots, own: int) -> None:
        super().__init__(name="reaper", daemon=True)
        self._slots = slots
        self._own = own
        self._ended = threading.Event()

    def stop(self) -> None:
        self._ended.set()
        self.join(timeout=REAP_SECONDS)

    def run(self) -> None:
        while not self._ended.wait(REAP_SECONDS):
            if not self._slots.is_held():
                _log.critical("the database let go of this worker's slot: another may take it, so this one ends")
                os._exit(LOST_SLOT)
            try:
                self._recover()
                _bury()
            except Exception:  # noqa: BLE001 - the database may be away; the next round finds the same jobs
                _log.warning("jobs of dead workers could not be looked for", exc_info=True)

    def _recover(self) -> None:
        pending = DBOS.list_workflows(status="PENDING", load_input=False, load_output=False)
        for executor in {job.executor_id for job in pending} - {f"w{self._own}", None}:
            number = int(str(executor)[1:])
            if self._slots.take(number):
                try:
                    DBOS._recover_pending_workflows([str(executor)])
                    _log.warning("jobs of a dead worker recovered", slot=number)
                finally:
                    self._slots.drop(number)


def _bury() -> None:
    """Has the checks concluded of reviews that took their worker with them again and again."""
    dead = "MAX_RECOVERY_ATTEMPTS_EXCEEDED"
    for job in DBOS.list_workflows(status=dead, name="review", load_output=False, sort_desc=True, limit=100):
        arguments = job.input["args"] if job.input is not None else ()
        id = f"{job.workflow_id}-given-up"
        if len(arguments) == 7 and DBOS.get_workflow_status(id) is None:
            reason = f"the review ended its worker process {RECOVERIES} times"
            lane = _lane(PullKey(*arguments[:3]))
            with SetEnqueueOptions(queue_partition_key=lane), SetWorkflowID(id):
                DBOS.enqueue_workflow(QUEUE, review_job, *arguments[:5], reason, True)
