"""What the service remembers, on every database it may remember it in."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from reviewer.render.check import Other
from reviewer.render.markers import FindingsMark
from reviewer.service.database import connect, migrate
from reviewer.service.store import Attempt, OpenCheck, PullKey, Reviewed, Store, StoredAnalyses
from reviewer.service.tables import metadata
from tests.service.databases import database_on, migrated, sqlite_url

KEY = PullKey(1, 10, 7)
OTHER = PullKey(1, 10, 8)
REVIEWED = Reviewed("a" * 40, "main", "failure", "1 finding")
HEAD = "e" * 40


def mark(*letters: str, rule: str = "a-rule", gates: bool = False) -> FindingsMark:
    return FindingsMark(rule, tuple(letter * 16 for letter in letters), gates)


@pytest.fixture(scope="session")
def server_url(postgresql: str) -> Iterator[str]:
    with database_on(postgresql) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("server_url")
    with migrated(url) as engine:
        with engine.begin() as c:
            for table in metadata.sorted_tables:
                c.execute(sa.delete(table))
        yield engine


@pytest.fixture
def store(engine: sa.Engine) -> Store:
    return Store(engine)


def ask(store: Store, key: PullKey = KEY) -> int:
    """Asks for a review."""
    with store.engine.begin() as c:
        store.name(c, key.installation, key.repository, f"acme/shop{key.repository}")
        return store.next_generation(c, key)


# -- the database itself --------------------------------------------------


def test_migrations_make_the_tables_that_are_used(engine: sa.Engine) -> None:
    with engine.connect() as c:
        context = MigrationContext.configure(c, opts={"version_table": "reviewer_version", "compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(engine: sa.Engine, store: Store) -> None:
    asked = ask(store)
    migrate(engine)
    assert store.generation(KEY) == asked


def test_sqlite_survives_a_loss_of_power_and_waits_for_others(tmp_path: Path) -> None:
    with migrated(f"sqlite:///{tmp_path / 'new' / 'folder' / 'r.db'}") as engine:
        for _ in range(2):  # of two connections
            with engine.connect() as c, engine.connect() as d:
                for connection in (c, d):
                    found = [connection.execute(sa.text(f"PRAGMA {name}")).scalar() for name in
                             ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")]  # fmt: skip
                    assert found == ["wal", 2, 30000, 1]


@pytest.mark.parametrize("url", ["postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"])
def test_postgresql_is_spoken_to_by_its_driver(url: str) -> None:
    assert connect(url, 1).url.drivername == "postgresql+psycopg"


def test_what_is_not_committed_is_not_kept(store: Store) -> None:
    with store.engine.connect() as c:
        assert store.is_new(c, "guid")
        store.next_generation(c, KEY)
        c.rollback()
    with store.engine.begin() as c:
        assert store.is_new(c, "guid")
    assert store.generation(KEY) is None


# -- receiving --------------------------------------------------


def test_a_delivery_is_new_once(store: Store) -> None:
    with store.engine.begin() as c:
        assert [store.is_new(c, "one"), store.is_new(c, "one"), store.is_new(c, "two")] == [True, False, True]
    with store.engine.begin() as c:
        assert not store.is_new(c, "one")


def test_a_delivery_that_comes_on_eight_lines_at_once_is_new_once(store: Store) -> None:
    start = threading.Barrier(8)

    def receive(_: int) -> bool:
        start.wait()
        with store.engine.begin() as c:
            return store.is_new(c, "guid")

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(receive, range(8))) == [False] * 7 + [True]


def test_every_request_counts_once_however_many_race(store: Store) -> None:
    start, before = threading.Barrier(8), ask(store)

    def race(_: int) -> list[int]:
        start.wait()
        return [ask(store) for _ in range(5)]

    with ThreadPoolExecutor(8) as pool:
        counted = [generation for generations in pool.map(race, range(8)) for generation in generations]
    assert sorted(counted) == list(range(before + 1, before + 41))
    assert store.generation(KEY) == before + 40


def test_pull_requests_count_for_themselves(store: Store) -> None:
    first = ask(store)
    for other in (OTHER, replace(KEY, repository=11)):
        ask(store, other)
        ask(store, other)
    assert ask(store) == first + 1


def test_a_pull_request_that_was_forgotten_starts_later_than_it_was(store: Store) -> None:
    before = ask(store)
    with store.engine.begin() as c:
        store.name(c, 1, 10, "acme/shop")
        store.drop_repositories(c, 1)
    time.sleep(1.01)  # it counts from the clock
    assert ask(store) > before


def test_a_repository_has_its_newest_name_and_installation(store: Store) -> None:
    with store.engine.begin() as c:
        store.name(c, 1, 10, "acme/old")
        store.name(c, 2, 10, "corp/new")
        assert store.drop_repositories(c, 1) == []
    assert store.full_name(10) == "corp/new"
    assert store.full_name(11) is None


# -- pull requests --------------------------------------------------


def test_a_review_is_known_once_it_came_to_an_end(store: Store) -> None:
    ask(store)
    assert store.reviewed(KEY) is None
    store.note(KEY, REVIEWED)
    assert store.reviewed(KEY) == REVIEWED
    ask(store)
    assert store.reviewed(KEY) == REVIEWED
    assert store.reviewed(OTHER) is None


def test_others_are_the_open_pull_requests_with_the_same_head(store: Store) -> None:
    keys = [replace(KEY, number=number) for number in (7, 8, 9, 10)]
    for key in (*keys, replace(KEY, repository=11)):
        ask(store, key)
        store.note(key, replace(REVIEWED, title=f"title {key.number}"))
    store.note(keys[2], replace(REVIEWED, head=HEAD))
    store.close(keys[3])
    assert store.others(KEY, REVIEWED.head) == [Other(8, "failure", "title 8")]
    with store.engine.begin() as c:
        assert store.open_with_head(c, 10, REVIEWED.head) == [7, 8]


def test_a_closed_pull_request_is_open_again_when_a_review_is_asked_for(store: Store) -> None:
    ask(store)
    store.note(KEY, REVIEWED)
    store.close(KEY)
    assert store.others(OTHER, REVIEWED.head) == []
    ask(store)
    assert [other.number for other in store.others(OTHER, REVIEWED.head)] == [7]


# -- what was said --------------------------------------------------


def test_what_was_said_is_remembered_by_comment(store: Store) -> None:
    store.say(KEY, [mark("b", "a"), mark("c", rule="other", gates=True)])
    store.say(KEY, [mark("d")])
    assert store.said(KEY) == [mark("a", "b"), mark("c", rule="other", gates=True), mark("d")]
    assert store.said(OTHER) == []


def test_what_was_said_twice_is_remembered_once(store: Store) -> None:
    store.say(KEY, [mark("a")])
    store.say(KEY, [mark("a", gates=True), mark("a", "b")])
    assert store.said(KEY) == [mark("a"), mark("b")]


def test_what_is_gone_can_be_said_again(store: Store) -> None:
    for key in (KEY, OTHER):
        store.say(key, [mark("a", "b"), mark("c")])
    store.unsay(KEY, ["a" * 16, "f" * 16])
    assert store.said(KEY) == [mark("a")]
    store.unsay(KEY, [])
    assert store.said(KEY) == []
    assert store.said(OTHER) == [mark("a", "b"), mark("c")]


def test_a_review_may_keep_very_many_findings(store: Store) -> None:
    store.say(KEY, [mark("a"), mark("b")])
    store.unsay(KEY, [f"{number:016x}" for number in range(70_000)] + ["a" * 16])
    assert store.said(KEY) == [mark("a")]


# -- writes under way --------------------------------------------------


def test_a_write_is_fresh_once_then_unknown_until_it_is_done(store: Store) -> None:
    assert store.attempt(KEY, 1, "review") == Attempt(fresh=True)
    assert store.attempt(KEY, 1, "review") == Attempt(fresh=False, result=None)
    store.done(KEY, 1, "review", 2**40)
    assert store.attempt(KEY, 1, "review") == Attempt(fresh=False, result=2**40)
    assert store.attempt(KEY, 2, "review") == Attempt(fresh=True)
    assert store.attempt(OTHER, 1, "review") == Attempt(fresh=True)


def test_a_write_that_did_nothing_was_never_tried(store: Store) -> None:
    store.attempt(KEY, 1, "review")
    assert store.was_tried(KEY, 1, "review")
    store.not_done(KEY, 1, "review")
    assert not store.was_tried(KEY, 1, "review")
    assert store.attempt(KEY, 1, "review").fresh


def test_nothing_is_unsure_once_everything_has_its_answer(store: Store) -> None:
    store.attempt(KEY, 1, "review")
    assert (store.is_unsure(KEY), store.is_unsure(OTHER)) == (True, False)
    store.done(KEY, 1, "review", 5)
    assert not store.is_unsure(KEY)


def test_checks_without_a_conclusion_are_open(store: Store) -> None:
    for generation, what, result in (
        (1, f"check {HEAD}", 5),
        (1, f"conclusion {HEAD}", 5),
        (2, f"check {HEAD}", 6),
        (2, f"conclusion {HEAD}", None),
        (3, "check 9f", None),
        (3, "review 0 9f", None),
        (4, "check late", 8),
    ):
        store.attempt(KEY, generation, what)
        if result is not None:
            store.done(KEY, generation, what, result)
    assert store.open_checks(KEY, 3) == [OpenCheck(2, HEAD, 6), OpenCheck(3, "9f", None)]
    assert store.open_checks(OTHER, 9) == []


def test_settled_writes_are_forgotten_up_to_their_generation(store: Store) -> None:
    for generation in (1, 2, 3):
        store.attempt(KEY, generation, "check x")
    store.settle(KEY, 2, knows_comments=False)
    assert [store.was_tried(KEY, generation, "check x") for generation in (1, 2, 3)] == [False, False, True]


def test_a_comment_without_an_answer_is_forgotten_only_when_all_comments_are_known(store: Store) -> None:
    for what in ("review 0 x", "file f x", "review 1 x"):
        store.attempt(KEY, 1, what)
    store.done(KEY, 1, "review 1 x", 5)
    store.settle(KEY, 1, knows_comments=False)
    assert [store.was_tried(KEY, 1, what) for what in ("review 0 x", "file f x", "review 1 x")] == [True, True, False]
    store.settle(KEY, 1, knows_comments=True)
    assert not store.is_unsure(KEY)


def test_what_stands_on_a_head_is_known_until_it_is_written_anew(store: Store) -> None:
    store.stands(10, HEAD, "a" * 64)
    store.stands(10, HEAD, "b" * 64)
    store.stands(11, HEAD, "c" * 64)
    assert store.standing(10, HEAD) == "b" * 64
    with store.engine.begin() as c:
        store.unsettle(c, 10, HEAD)
    assert (store.standing(10, HEAD), store.standing(11, HEAD)) == (None, "c" * 64)


def test_the_head_that_was_left_is_remembered_however_often_a_verdict_is_noted(store: Store) -> None:
    ask(store)
    store.note(KEY, REVIEWED)
    assert store.left(KEY) is None
    for _ in range(2):
        store.note(KEY, replace(REVIEWED, head="b" * 40))
        assert store.left(KEY) == "a" * 40


# -- forgetting --------------------------------------------------


def filled(store: Store, key: PullKey) -> PullKey:
    ask(store, key)
    store.say(key, [mark("a")])
    store.attempt(key, 1, "review")
    return key


def known(store: Store, key: PullKey) -> list[bool]:
    name, generation = store.full_name(key.repository), store.generation(key)
    return [name is not None, generation is not None, bool(store.said(key)), store.is_unsure(key)]


def test_repositories_are_forgotten_with_all_that_is_known_of_them(store: Store) -> None:
    gone, kept = filled(store, KEY), filled(store, replace(KEY, repository=11))
    foreign = filled(store, PullKey(2, 12, 1))
    with store.engine.begin() as c:
        assert store.drop_repositories(c, 1, [10, 12, 99]) == [10]
    assert [known(store, key) for key in (gone, kept, foreign)] == [[False] * 4, [True] * 4, [True] * 4]


def test_an_installation_is_forgotten_with_its_analyses(store: Store) -> None:
    own, foreign = filled(store, KEY), filled(store, PullKey(2, 12, 1))
    for installation in (1, 2):
        StoredAnalyses(store, installation, "engine").put("tree", "config", "{}")
    with store.engine.begin() as c:
        assert store.drop_repositories(c, 1) == [10]
    assert (known(store, own), known(store, foreign)) == ([False] * 4, [True] * 4)
    assert [StoredAnalyses(store, id, "engine").get("tree", "config") for id in (1, 2)] == [None, "{}"]


def test_removing_nothing_forgets_nothing(store: Store) -> None:
    key = filled(store, KEY)
    with store.engine.begin() as c:
        assert store.drop_repositories(c, 1, []) == []
    assert known(store, key) == [True] * 4


# -- analyses --------------------------------------------------


def test_an_analysis_belongs_to_an_installation_an_engine_a_tree_and_a_configuration(store: Store) -> None:
    text = '{"é": "\u2028😀"}' * 1000
    StoredAnalyses(store, 1, "engine").put("tree", "config", text)
    assert StoredAnalyses(store, 1, "engine").get("tree", "config") == text
    assert StoredAnalyses(store, 2, "engine").get("tree", "config") is None
    assert StoredAnalyses(store, 1, "newer").get("tree", "config") is None
    assert StoredAnalyses(store, 1, "engine").get("tree2", "config") is None
    assert StoredAnalyses(store, 1, "engine").get("tree", "config2") is None


def test_an_analysis_is_kept_as_it_was_first(store: Store) -> None:
    analyses = StoredAnalyses(store, 1, "engine")
    analyses.put("tree", "config", "first")
    analyses.put("tree", "config", "second")
    assert analyses.get("tree", "config") == "first"
