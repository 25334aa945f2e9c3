"""Findings made by hand from real ones: where they stand, how grave and how sure they are, what caused them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from reviewer.core.finding import Anchor, Evidence, Finding, Level, Reported, Review, Site, Status, Verdict
from tests.helpers import GATING, ONE_FINDING
from tests.render.samples import review_of

START = "start-script-bypasses-custom-server"
SOCKET = "websocket-in-api-route"


@cache
def _example(rule: str) -> Finding:
    files = {START: GATING, SOCKET: ONE_FINDING}[rule]
    return replace(review_of(files).findings[0].finding, suggestion=None)


def found(
    path: str = "a.js",
    line: int | None = 1,
    *,
    key: str = "",
    rule: str = START,
    level: Level = "warning",
    evidence: Evidence = "high",
    gates: bool = False,
    cause: str | None = None,
    anchor: bool = True,
    status: Status = "introduced",
    also: Sequence[Site] = (),
) -> Reported:
    """A finding on one line, which is its anchor too unless there shall be none; a cause of its own by itself."""
    sites = (Site(path, line), *also)
    finding = replace(_example(rule), level=level, evidence=evidence, sites=sites, key=key or f"{path}:{line}")
    mark = finding.fingerprint()
    at = Anchor(path, line) if anchor and line is not None else None
    return Reported(mark[:7], finding, mark, status, gates, cause or f"{rule} {mark}", at, "made by hand")


def review(*findings: Reported, verdict: Verdict | None = None) -> Review:
    """A review of these findings and nothing else."""
    by_itself: Verdict = "failure" if any(reported.gates for reported in findings) else "success"
    return Review(findings, (), (), verdict or by_itself)
