"""Finding open pull requests nobody sent an event for: on installation, and for a head without a name."""

from __future__ import annotations

from dataclasses import dataclass

from reviewer.github.app import GitHubApp
from reviewer.service.inbox import Desk
from reviewer.service.store import PullKey, Store


@dataclass(frozen=True)
class Surveyor:
    """Lists pull requests and queues their reviews. Safe to share between threads."""

    store: Store
    app: GitHubApp
    desk: Desk

    def survey(self, installation: int, repository: int | None, head: str | None) -> None:
        """Queues what is not reviewed: of all repositories, of one, or the pull requests with one head, asked for."""
        if repository is not None:
            known = self.store.full_name(repository)
            if known is not None:
                self._survey(installation, repository, known, head)
            return
        for id, full_name in self.app.repositories(installation):
            with self.store.engine.begin() as c:
                self.store.name(c, installation, id, full_name)
            self._survey(installation, id, full_name, None)

    def _survey(self, installation: int, repository: int, full_name: str, head: str | None) -> None:
        with self.app.repository(installation, repository, full_name) as github:
            if head is not None:
                keys = [PullKey(installation, repository, number) for number in github.pulls_of(head)]
            else:
                pulls = [(PullKey(installation, repository, number), sha) for number, sha, _ in github.open_pulls()]
                keys = [key for key, sha in pulls if not self._is_reviewed(key, sha)]
        self.desk.ask(keys, "push" if head is None else "asked")

    def _is_reviewed(self, key: PullKey, head: str) -> bool:
        reviewed = self.store.reviewed(key)
        return reviewed is not None and reviewed.head == head and bool(reviewed.digest)
