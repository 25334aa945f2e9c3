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

    def _take(self, *job: object) -> None:
        if self.full:
            raise RuntimeError("the queue takes no job")
        self.jobs.append(job)

    def review(self, c: sa.Connection, request: Request) -> None:
        assert c.in_transaction()
        self._take("review", str(request.key), request.generation, request.mode)

    def close(self, c: sa.Connection, request: Request) -> None:
        assert c.in_transaction()
        self._take("close", str(request.key), request.generation)

    def survey(self, c: sa.Connection, installation: int, repository: int | None, head: str | None) -> None:
        assert c.in_transaction()
        self._take("survey", installation, repository, head)

    def remove(self, c: sa.Connection, installation: int, repositories: list[int] | None) -> None:
        assert c.in_transaction()
        self._take("remove", installation, repositories)
