"""Writing results: the review on standard output, talk on standard error, and the exit status."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import typer

from reviewer.cli.fix import Fixes
from reviewer.core.finding import Problem, Review
from reviewer.core.matrix import Profile
from reviewer.core.text import NotText, Source, decode
from reviewer.render.json import Revisions, render_json
from reviewer.render.profile import render_profiles
from reviewer.resources import built_in_rulebook
from reviewer.sources import Tree

GATED, USAGE, INCOMPLETE = 1, 2, 3


@dataclass(frozen=True)
class Output:
    """A review, the tree its lines are in, what was compared, and the format asked for."""

    review: Review
    tree: Tree
    revisions: Revisions
    format: str


def fail(message: str) -> NoReturn:
    """Ends the command for wrong usage or configuration."""
    print(f"reviewer: {message}", file=sys.stderr)
    raise typer.Exit(USAGE)


def print_result(output: Output, exit_zero: bool) -> NoReturn:
    """Writes the review and ends the command with its status."""
    write_result(output)
    raise typer.Exit(exit_status(output.review, exit_zero))


def write_result(output: Output) -> None:
    """Writes the review."""
    if output.format == "json":
        sys.stdout.write(render_json(output.review, output.revisions, built_in_rulebook()))
    else:
        _print_text(output)
    sys.stdout.flush()


def print_fixes(fixes: Fixes, exit_zero: bool) -> NoReturn:
    """Says what was done to the files and ends the command with the status of what is left."""
    for line in fixes.lines():
        print(f"reviewer: {line}", file=sys.stderr)
    raise typer.Exit(exit_status(fixes.left, exit_zero))


def print_profiles(
    profiles: Sequence[Profile], problems: Sequence[Problem], head: str | None, format: str, applications: int
) -> NoReturn:
    """Writes the profiles and ends the command: 3 when something failed, else 0.

    *applications* is the number of Next applications of the tree, profiled or not.
    """
    failed = [problem for problem in problems if problem.kind == "failed"]
    if format == "json":
        sys.stdout.write(render_profiles(profiles, problems, head))
    else:
        from rich.console import Console

        from reviewer.render.terminal import print_profiles as print_text

        print_text(profiles, failed, Console(highlight=False, markup=False, emoji=False), applications)
    sys.stdout.flush()
    raise typer.Exit(INCOMPLETE if failed else 0)


def exit_status(review: Review, exit_zero: bool = False) -> int:
    """1 when something gates (unless *exit_zero*), else 3 when something failed, else 0."""
    if any(finding.gates for finding in review.findings) and not exit_zero:
        return GATED
    return INCOMPLETE if any(problem.kind == "failed" for problem in review.problems) else 0


def _print_text(output: Output) -> None:
    from rich.console import Console

    from reviewer.render.terminal import print_review

    lines = _Lines(output.tree)
    print_review(output.review, built_in_rulebook(), lines.line, Console(highlight=False, markup=False, emoji=False))


class _Lines:
    """Lines of a tree's files, read when they are shown."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.listing = tree.listing()
        self.sources: dict[str, Source | None] = {}

    def line(self, path: str, number: int) -> str | None:
        if path not in self.sources:
            self.sources[path] = self._source(path)
        source = self.sources[path]
        count = source.data.count(b"\n") + 1 if source is not None else 0
        return source.line_text(number) if source is not None and number <= count else None

    def _source(self, path: str) -> Source | None:
        entry = self.listing.get(path)
        for _, blob in self.tree.read([entry.id]) if entry is not None else ():
            if isinstance(blob, bytes):
                try:
                    return decode(blob)
                except NotText:
                    return None
        return None
