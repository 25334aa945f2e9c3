"""Applying the suggestions of a review to the files on disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reviewer.core.finding import Reported, Review, Suggestion
from reviewer.core.patch import apart, patched
from reviewer.render.message import visible
from reviewer.sources import GitRepository, Patched, SourceError, Tree
from reviewer.sources.git import GitTree

_CHANGED = "the file on disk is not the one that was reviewed: commit or stash what you changed"
_TOGETHER = "does not work together with the others: run this again"
_OVERLAPS = "another suggestion changes the same line: run this again"

ReviewOf = Callable[[Tree], Review]


@dataclass
class Fixes:
    """What was applied and what was not, with the reason; ``left`` is the review of the files as they are now."""

    left: Review
    applied: list[Reported] = field(default_factory=list)
    refused: list[tuple[Reported, str]] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """One line for each suggestion, for people."""
        for reported in self.applied:
            yield f"fixed {_place(reported)} ({reported.finding.rule})"
        for reported, reason in self.refused:
            yield f"not fixed {_place(reported)} ({reported.finding.rule}): {reason}"
        if not self.applied and not self.refused:
            yield "nothing to fix: no finding has a suggestion that can be applied"


def _place(reported: Reported) -> str:
    suggestion = _suggestion(reported)
    return f"{visible(suggestion.path)}:{suggestion.line}"


def _suggestion(reported: Reported) -> Suggestion:
    if reported.finding.suggestion is None:
        raise ValueError(f"{reported.id} has no suggestion")
    return reported.finding.suggestion


def must_be_checked_out(repository: GitRepository, head: GitTree) -> None:
    """Raises SourceError unless the files on disk are those of *head*, as far as git knows."""
    if repository.is_bare:
        raise SourceError(f"{repository.path}: --fix changes files, and a bare repository has none on disk")
    checked_out = repository.commit("HEAD")
    if head.commit != checked_out:
        raise SourceError(
            f"{repository.path}: --fix changes the files on disk, which are those of {checked_out[:12]}, "
            f"not of {head.commit[:12]}: check that out, or leave HEAD out of the command"
        )


def apply(root: Path, head: Tree, review: Review, review_of: ReviewOf) -> Fixes:
    """Applies what a review suggests below *root*, where that removes the findings and brings no other trouble.

    ``review_of`` reviews another tree in place of *head*. A file that differs from *head* is left alone.
    """
    fixes = Fixes(review)
    wanted = [r for r in review.findings if r.status == "introduced" and r.finding.suggestion is not None]
    contents = _on_disk(root, head, {_suggestion(reported).path for reported in wanted})
    chosen = list(_possible(wanted, contents, fixes))
    while chosen:
        written = _written(chosen, contents)
        after = review_of(Patched(head, written))
        failing = _failing(chosen, review, after)
        if not failing:
            _write(root, chosen, written, after, fixes)
            return fixes
        fixes.refused += [(reported, _TOGETHER) for reported in failing]
        chosen = [reported for reported in chosen if reported not in failing]
    return fixes


def _on_disk(root: Path, head: Tree, paths: set[str]) -> Mapping[str, bytes]:
    """The contents of those files that lie on disk as they are in *head*; links are not followed."""
    listing = head.listing()
    found = {}
    for path in sorted(paths & listing.keys()):
        for _, blob in head.read([listing[path].id]):
            if isinstance(blob, bytes) and _bytes(root, path) == blob:
                found[path] = blob
    return found


def _bytes(root: Path, path: str) -> bytes | None:
    place = root / path
    try:
        if place.is_symlink() or place.parent.resolve() != root.resolve() / Path(path).parent:
            return None
        return place.read_bytes()
    except OSError:
        return None


def _possible(wanted: Sequence[Reported], contents: Mapping[str, bytes], fixes: Fixes) -> Iterator[Reported]:
    free = set(apart(dict.fromkeys(_suggestion(reported) for reported in wanted)))
    for reported in wanted:
        suggestion = _suggestion(reported)
        if suggestion.path not in contents:
            fixes.refused.append((reported, _CHANGED))
        elif suggestion not in free:
            fixes.refused.append((reported, _OVERLAPS))
        else:
            yield reported


def _written(chosen: Sequence[Reported], contents: Mapping[str, bytes]) -> dict[str, bytes]:
    by_path: dict[str, set[Suggestion]] = {}
    for reported in chosen:
        by_path.setdefault(_suggestion(reported).path, set()).add(_suggestion(reported))
    made = {path: patched(contents[path], suggestions) for path, suggestions in by_path.items()}
    return {path: content for path, content in made.items() if content is not None}


def _failing(chosen: Sequence[Reported], before: Review, after: Review) -> list[Reported]:
    """Of the chosen findings those that are still there, or whose file cannot be read any more."""
    had, has = (Counter(r.fingerprint for r in review.findings) for review in (before, after))
    gone = Counter(reported.fingerprint for reported in chosen)
    known = {(problem.path, problem.message) for problem in before.problems}
    broken = {problem.path for problem in after.problems if (problem.path, problem.message) not in known}
    return [
        reported
        for reported in chosen
        if has[reported.fingerprint] > had[reported.fingerprint] - gone[reported.fingerprint]
        or _suggestion(reported).path in broken
    ]


def _write(root: Path, chosen: list[Reported], written: Mapping[str, bytes], after: Review, fixes: Fixes) -> None:
    reasons: dict[str, str] = {}
    for path, content in written.items():
        try:
            _replace(root / path, content)
        except OSError as error:
            reasons[path] = f"the file cannot be written: {error.strerror}"
    for reported in chosen:
        reason = reasons.get(_suggestion(reported).path)
        if reason is None:
            fixes.applied.append(reported)
        else:
            fixes.refused.append((reported, reason))
    if not reasons:
        fixes.left = after


def _replace(place: Path, content: bytes) -> None:
    """Writes a file whole or not at all, with the mode it had."""
    descriptor, name = tempfile.mkstemp(dir=place.parent, prefix=".reviewer-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        shutil.copymode(place, name)
        os.replace(name, place)
    except OSError:
        os.unlink(name)
        raise
