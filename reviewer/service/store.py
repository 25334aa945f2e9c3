"""What the service remembers: deliveries, pull requests, what was said on them, writes under way, analyses."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from reviewer.render.check import Ending, Other
from reviewer.render.markers import FindingsMark
from reviewer.service import tables as t


@dataclass(frozen=True, slots=True)
class PullKey:
    """A pull request by ids, which never change."""

    installation: int
    repository: int
    number: int

    def __str__(self) -> str:
        return f"{self.installation}/{self.repository}/{self.number}"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The last review of a pull request that came to a verdict: of which head, against which branch."""

    head: str
    base_ref: str
    conclusion: Ending
    title: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """A write to GitHub: ``fresh`` where it was never tried, else its result, None where that is unknown."""

    fresh: bool
    result: int | None = None


@dataclass(frozen=True, slots=True)
class OpenCheck:
    """A check run that is not concluded; ``id`` is None where it is unknown whether it was created."""

    generation: int
    head: str
    id: int | None


class Store:
    """Every method is one transaction, but for those that take a connection, which belong to the caller's."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    # -- receiving --------------------------------------------------

    def is_new(self, c: sa.Connection, guid: str) -> bool:
        """Notes a delivery; whether it was not known before."""
        row = self._insert(t.deliveries).values(guid=guid, received_at=time.time())
        return c.execute(row.on_conflict_do_nothing().returning(t.deliveries.c.guid)).first() is not None

    def name(self, c: sa.Connection, installation: int, repository: int, full_name: str) -> None:
        """Notes what a repository is called now, and to which installation it belongs."""
        values = {"installation": installation, "full_name": full_name}
        row = self._insert(t.repositories).values(id=repository, **values)
        c.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))

    def next_generation(self, c: sa.Connection, key: PullKey) -> int:
        """Counts one more request to review a pull request, which makes every earlier one out of date."""
        values = {"installation": key.installation, "is_open": True}
        # From the clock on, so that a pull request that was forgotten never has a generation a second time.
        first = {"repository": key.repository, "number": key.number, "generation": int(time.time())}
        row = self._insert(t.pulls).values(**first, **values)
        counted = {"generation": t.pulls.c.generation + 1, **values}
        bumped = row.on_conflict_do_update(index_elements=["repository", "number"], set_=counted)
        return int(c.execute(bumped.returning(t.pulls.c.generation)).scalar_one())

    def open_with_head(self, c: sa.Connection, repository: int, head: str) -> list[int]:
        """Numbers of the open pull requests whose last reviewed head this is."""
        rows = sa.select(t.pulls.c.number).where(
            t.pulls.c.repository == repository, t.pulls.c.head == head, t.pulls.c.is_open
        )
        return [int(number) for number in c.execute(rows.order_by(t.pulls.c.number)).scalars()]

    def drop_repositories(self, c: sa.Connection, installation: int, ids: Iterable[int] | None = None) -> list[int]:
        """Forgets repositories of an installation, all of them where no ids are given; the ids forgotten."""
        rows = sa.select(t.repositories.c.id).where(t.repositories.c.installation == installation)
        found = list(c.execute(rows if ids is None else rows.where(t.repositories.c.id.in_(list(ids)))).scalars())
        for table in (t.pulls, t.standing, t.said, t.writes):
            c.execute(sa.delete(table).where(table.c.repository.in_(found)))
        c.execute(sa.delete(t.repositories).where(t.repositories.c.id.in_(found)))
        if ids is None:
            c.execute(sa.delete(t.analyses).where(t.analyses.c.installation == installation))
        return found

    # -- pull requests --------------------------------------------------

    def full_name(self, repository: int) -> str | None:
        with self.engine.begin() as c:
            return c.execute(sa.select(t.repositories.c.full_name).where(t.repositories.c.id == repository)).scalar()

    def generation(self, key: PullKey) -> int | None:
        """The newest request to review a pull request; None for one that is not known (any more)."""
        with self.engine.begin() as c:
            return c.execute(sa.select(t.pulls.c.generation).where(*_is(t.pulls, key))).scalar()

    def reviewed(self, key: PullKey) -> Reviewed | None:
        columns = [t.pulls.c[name] for name in Reviewed.__dataclass_fields__]
        with self.engine.begin() as c:
            row = c.execute(sa.select(*columns).where(*_is(t.pulls, key), t.pulls.c.head.is_not(None))).first()
        return Reviewed(*row) if row is not None else None

    def others(self, key: PullKey, head: str) -> list[Other]:
        """How other open pull requests with the same head came out."""
        p = t.pulls.c
        rows = sa.select(p.number, p.conclusion, p.title).where(
            p.repository == key.repository, p.number != key.number, p.head == head, p.is_open
        )
        with self.engine.begin() as c:
            return [Other(*row) for row in c.execute(rows.order_by(p.number))]

    def note(self, key: PullKey, review: Reviewed) -> None:
        """Keeps the verdict of a review, and which head it leaves."""
        values = {name: getattr(review, name) for name in Reviewed.__dataclass_fields__}
        p = t.pulls.c
        left = sa.case((p.head != review.head, p.head), else_=p.left_head)
        with self.engine.begin() as c:
            c.execute(sa.update(t.pulls).where(*_is(t.pulls, key)).values(left_head=left, **values))

    def left(self, key: PullKey) -> str | None:
        """The head that was reviewed before the last one."""
        with self.engine.begin() as c:
            return c.execute(sa.select(t.pulls.c.left_head).where(*_is(t.pulls, key))).scalar()

    def close(self, key: PullKey) -> None:
        with self.engine.begin() as c:
            c.execute(sa.update(t.pulls).where(*_is(t.pulls, key)).values(is_open=False))

    # -- what stands on a head --------------------------------------------------

    def standing(self, repository: int, head: str) -> str | None:
        """A digest of the newest check run of a head; None where it is not known, or is not concluded."""
        s = t.standing.c
        with self.engine.begin() as c:
            return c.execute(sa.select(s.digest).where(s.repository == repository, s.head == head)).scalar()

    def stands(self, repository: int, head: str, digest: str) -> None:
        row = self._insert(t.standing).values(repository=repository, head=head, digest=digest)
        with self.engine.begin() as c:
            c.execute(row.on_conflict_do_update(index_elements=["repository", "head"], set_={"digest": digest}))

    def unsettle(self, c: sa.Connection, repository: int, head: str) -> None:
        """Notes that the newest check run of a head is being written, or is to be written anew."""
        c.execute(sa.delete(t.standing).where(t.standing.c.repository == repository, t.standing.c.head == head))

    # -- what was said --------------------------------------------------

    def said(self, key: PullKey) -> list[FindingsMark]:
        """What the comments on a pull request speak about."""
        rows = sa.select(t.said).where(*_is(t.said, key)).order_by(t.said.c.comment, t.said.c.fingerprint)
        with self.engine.begin() as c:
            found = list(c.execute(rows).mappings())
        groups = [list(group) for _, group in groupby(found, lambda row: row["comment"])]
        return [FindingsMark(g[0]["rule"], tuple(row["fingerprint"] for row in g), g[0]["gates"]) for g in groups]

    def say(self, key: PullKey, marks: Sequence[FindingsMark]) -> None:
        """Notes comments that were posted."""
        with self.engine.begin() as c:
            last = c.execute(sa.select(sa.func.max(t.said.c.comment)).where(*_is(t.said, key))).scalar() or 0
            for number, mark in enumerate(marks, last + 1):
                values = {"rule": mark.rule, "gates": mark.gates, "comment": number}
                for fingerprint in mark.fingerprints:
                    identity = {"repository": key.repository, "number": key.number, "fingerprint": fingerprint}
                    c.execute(self._insert(t.said).values(**identity, **values).on_conflict_do_nothing())

    def unsay(self, key: PullKey, kept: Iterable[str]) -> None:
        """Forgets what was said of findings that are gone, so that it is said again when they come back."""
        with self.engine.begin() as c:
            known = set(c.execute(sa.select(t.said.c.fingerprint).where(*_is(t.said, key))).scalars())
            c.execute(sa.delete(t.said).where(*_is(t.said, key), t.said.c.fingerprint.in_(known.difference(kept))))

    # -- writes under way --------------------------------------------------

    def attempt(self, key: PullKey, generation: int, what: str) -> Attempt:
        """Notes that a write is about to be tried, and how earlier tries came out."""
        identity = {"repository": key.repository, "number": key.number, "generation": generation, "what": what}
        row = self._insert(t.writes).values(**identity).on_conflict_do_nothing().returning(t.writes.c.what)
        with self.engine.begin() as c:
            if c.execute(row).first() is not None:
                return Attempt(fresh=True)
            return Attempt(
                False, c.execute(sa.select(t.writes.c.result).where(*_write(key, generation, what))).scalar()
            )

    def done(self, key: PullKey, generation: int, what: str, result: int) -> None:
        with self.engine.begin() as c:
            c.execute(sa.update(t.writes).where(*_write(key, generation, what)).values(result=result))

    def not_done(self, key: PullKey, generation: int, what: str) -> None:
        """Takes a try back: GitHub said for certain that it did nothing."""
        with self.engine.begin() as c:
            c.execute(sa.delete(t.writes).where(*_write(key, generation, what)))

    def was_tried(self, key: PullKey, generation: int, what: str) -> bool:
        with self.engine.begin() as c:
            return c.execute(sa.select(t.writes.c.what).where(*_write(key, generation, what))).first() is not None

    def was_done(self, key: PullKey, generation: int, what: str) -> bool:
        """Whether a write has a result."""
        where = (*_write(key, generation, what), t.writes.c.result.is_not(None))
        with self.engine.begin() as c:
            return c.execute(sa.select(t.writes.c.what).where(*where)).first() is not None

    def is_unsure(self, key: PullKey) -> bool:
        """Whether any write to a pull request may have been done without the service knowing its result."""
        with self.engine.begin() as c:
            row = c.execute(sa.select(t.writes.c.what).where(*_is(t.writes, key), t.writes.c.result.is_(None)))
            return row.first() is not None

    def settle(self, key: PullKey, generation: int, knows_comments: bool) -> None:
        """Forgets the writes of reviews up to a generation. A comment without an answer is only forgotten where every
        comment there is is known."""
        w = t.writes.c
        where = [*_is(t.writes, key), w.generation <= generation]
        if not knows_comments:
            where.append(w.result.is_not(None) | ~(w.what.startswith("review ") | w.what.startswith("file ")))
        with self.engine.begin() as c:
            c.execute(sa.delete(t.writes).where(*where))

    def open_checks(self, key: PullKey, generation: int) -> list[OpenCheck]:
        """Check runs that reviews up to a generation created, or may have created, and did not conclude."""
        w = t.writes.c
        rows = sa.select(w.generation, w.what, w.result).where(*_is(t.writes, key), w.generation <= generation)
        with self.engine.begin() as c:
            found = {(row.generation, row.what): row.result for row in c.execute(rows)}
        return [
            OpenCheck(at, head, result)
            for (at, what), result in sorted(found.items(), key=lambda item: item[0])
            if (head := what.removeprefix("check ")) != what and found.get((at, f"conclusion {head}")) is None
        ]


class StoredAnalyses:
    """The analyses of one installation, made by one version of the engine."""

    def __init__(self, store: Store, installation: int, engine: str) -> None:
        self._store = store
        self._installation = installation
        self._engine = engine

    def get(self, tree: str, config: str) -> str | None:
        table = t.analyses
        where = (
            table.c.installation == self._installation,
            table.c.tree == tree,
            table.c.config == config,
            table.c.engine == self._engine,
        )
        with self._store.engine.begin() as c:
            document = c.execute(sa.select(table.c.document).where(*where)).scalar()
            if document is None:
                return None
            c.execute(sa.update(table).where(*where).values(used_at=time.time()))
        return zlib.decompress(document).decode()

    def put(self, tree: str, config: str, analysis: str) -> None:
        identity = {"installation": self._installation, "tree": tree, "config": config, "engine": self._engine}
        values: dict[str, Any] = {"document": zlib.compress(analysis.encode()), "used_at": time.time()}
        row = self._store._insert(t.analyses).values(**identity, **values).on_conflict_do_nothing()
        with self._store.engine.begin() as c:
            c.execute(row)


def _is(table: sa.Table, key: PullKey) -> tuple[sa.ColumnElement[bool], ...]:
    return table.c.repository == key.repository, table.c.number == key.number


def _write(key: PullKey, generation: int, what: str) -> tuple[sa.ColumnElement[bool], ...]:
    return *_is(t.writes, key), t.writes.c.generation == generation, t.writes.c.what == what
