"""Reviews of trees held in memory, and findings to change by hand."""

from __future__ import annotations

from functools import cache

from reviewer.checks import CHECKS
from reviewer.core.analyse import Engine, analyse
from reviewer.core.compare import scan
from reviewer.core.config import Config
from reviewer.core.finding import Finding, Reported, Review
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook
from tests.helpers import GATING, Files


def review_of(files: Files) -> Review:
    """The review of one tree."""
    config = Config()
    return scan(analyse(snapshot_of(files), Engine(built_in_rulebook(), CHECKS, config)), config)


@cache
def finding() -> Finding:
    """A finding with arguments, several sites and a suggestion."""
    return review_of(GATING).findings[0].finding


def reported(found: Finding, id: str = "abcdef0") -> Reported:
    return Reported(id, found, found.fingerprint(), "introduced", True, "cause", None, "because")


def review(*found: Finding) -> Review:
    """A review that introduces these findings, in this order."""
    return Review(tuple(map(reported, found)), (), (), "failure")
