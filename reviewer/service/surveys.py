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
        """Queues reviews: of all repositories (one survey each), of what is not reviewed in one, or with one head."""
        if repository is None:
            self.desk.survey(installation, self.app.repositories(installation))
            return
        full_name = self.store.full_name(repository)
        if full_name is None:
            return
        with self.app.repository(installation, repository, full_name) as github:
            if head is not None:
                keys = [PullKey(installation, repository, number) for number in github.pulls_of(head)]
            else:
                pulls = [(PullKey(installation, repository, number), sha) for number, sha, _ in github.open_pulls()]
                keys = [key for key, sha in pulls if not self._is_reviewed(key, sha)]
        self.desk.ask(keys)

    def _is_reviewed(self, key: PullKey, head: str) -> bool:
        reviewed = self.store.reviewed(key)
        known = reviewed is not None and reviewed.head == head and reviewed.conclusion != "neutral"
        return known and self.store.standing(key.repository, head) is not None
