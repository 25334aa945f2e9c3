"""A queue in memory, beside the interface the inbox asks for."""

from __future__ import annotations

from dataclasses import dataclass, field

import sqlalchemy as sa

from reviewer.service.publish import Request


@dataclass
class MemoryQueue:
    """Keeps jobs in memory as tuples; ``full`` makes it refuse them."""

    jobs: list[tuple[object, ...]] = field(default_factory=list)
    full: bool = False
    first: dict[str, int] = field(default_factory=dict)

    def _take(self, *job: object) -> None:
        if self.full:
            raise RuntimeError("the queue takes no job")
        self.jobs.append(job)

    def _count(self, request: Request) -> int:
        """Which request for a pull request this is, from 1."""
        return request.generation - self.first.setdefault(str(request.key), request.generation) + 1

    def review(self, c: sa.Connection, request: Request) -> None:
        assert c.in_transaction()
        self._take("review", str(request.key), self._count(request))

    def survey(self, c: sa.Connection, installation: int, repository: int | None, head: str | None) -> None:
        assert c.in_transaction()
        self._take("survey", installation, repository, head)

    def remove(self, c: sa.Connection, installation: int, repositories: list[int] | None) -> None:
        assert c.in_transaction()
        self._take("remove", installation, repositories)
