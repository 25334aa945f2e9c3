"""Where trees come from: git repositories and plain folders."""

from reviewer.sources.base import SourceError, Tree
from reviewer.sources.configuration import configuration
from reviewer.sources.folder import Folder
from reviewer.sources.git import GitRepository
from reviewer.sources.mirror import FetchFailed, Mirrors, Remote
from reviewer.sources.patched import Patched

__all__ = [
    "FetchFailed",
    "Folder",
    "GitRepository",
    "Mirrors",
    "Patched",
    "Remote",
    "SourceError",
    "Tree",
    "configuration",
]
