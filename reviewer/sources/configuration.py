"""The configuration a change is held to: the one on the branch it will be merged into."""

from __future__ import annotations

from contextlib import closing

from reviewer.core.config import CONFIG_PATH
from reviewer.core.text import NotText, decode
from reviewer.sources.base import SourceError
from reviewer.sources.git import GitRepository


def configuration(repository: GitRepository, commit: str) -> tuple[str, str]:
    """Path and text of a commit's configuration; empty, which means the defaults, where it has none.

    Raises SourceError where it has one that cannot be read.
    """
    with closing(repository.tree(commit)) as tree:
        entry = tree.listing().get(CONFIG_PATH)
        if entry is None or entry.kind != "file":
            return CONFIG_PATH, ""
        try:
            for _, blob in tree.read([entry.id]):
                if isinstance(blob, bytes):
                    return CONFIG_PATH, decode(blob).data.decode()
        except NotText as error:
            raise SourceError(f"{CONFIG_PATH} of {commit[:12]} cannot be read: {error}") from None
    raise SourceError(f"{CONFIG_PATH} of {commit[:12]} cannot be read: fetch its content and run this again")
