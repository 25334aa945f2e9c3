"""Which lines a comment can be put on: exactly those git shows, whatever characters the lines hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer.github.patch import commentable_lines


@pytest.mark.parametrize(
    ("patch", "lines"),
    [
        ("", set()),
        ("@@ -0,0 +1 @@\n+only\n\\ No newline at end of file", {1}),
        ("@@ -0,0 +1,2 @@\n+one\n+two", {1, 2}),
        ("@@ -1 +0,0 @@\n-gone", set()),
        ("@@ -18,4 +18,4 @@ function f() {\n context\n-old\n+new\n context\n ", {18, 19, 20, 21}),
        ("@@ -1,2 +1,2 @@\n one\n-two\n+deux\n@@ -40,2 +40,3 @@\n forty\n+more\n end", {1, 2, 40, 41, 42}),
        ("@@ -1,2 +1,2 @@\n-@@ -9 +9 @@\n+@@ -90 +90 @@\n end", {1, 2}),
        ("@@ -1,2 +1,3 @@\n a\u2028b\n+c\x0cd\x0be\x85f\n g\rh", {1, 2, 3}),
        ("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file", {1}),
        ("@@ -1,3 +1,3 @@\n--- a\n+++ b\n same\n same", {1, 2, 3}),
        ("Binary files a/x and b/x differ", set()),
    ],
)
def test_added_and_context_lines_can_be_commented(patch: str, lines: set[int]) -> None:
    assert commentable_lines(patch) == lines


ODD = ["", "a", "b", "}", "+x", "-y", " z", "@@ -1 +1 @@", "\\ No", "u\u2028v", "f\x0cg", "c\rd", "e\r", "\x85", "é"]
TEXTS = st.tuples(st.lists(st.sampled_from(ODD), max_size=25), st.booleans()).map(
    lambda made: "\n".join(made[0]) + ("\n" if made[1] and made[0] else "")
)


def rows(text: str) -> list[str]:
    """The lines of a text with their ends, as git sees them."""
    parts = text.split("\n")
    return [f"{part}\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def git_diff(folder: Path, old: str, new: str) -> str:
    """The hunks of git's own patch."""
    for name, text in (("old", old), ("new", new)):
        (folder / name).write_bytes(text.encode())
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    command = ["git", "diff", "--no-index", "--text", "-U3", "--no-color", "--inter-hunk-context=0", "old", "new"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
    _, found, hunks = done.stdout.decode().partition("\n@@ ")
    return ("@@ " if found else "") + hunks.removesuffix("\n")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, TEXTS)
def test_they_are_those_of_git_s_own_patches(tmp_path: Path, old: str, new: str) -> None:
    patch = git_diff(tmp_path, old, new)
    before, after = rows(old), rows(new)
    lines = commentable_lines(patch)
    assert lines <= set(range(1, len(after) + 1))
    kept = {n for row, n in _shown(patch) if row.startswith((" ", "+"))}
    assert lines == kept
    for row, number in _shown(patch):
        if row.startswith((" ", "+")):
            assert after[number - 1].removesuffix("\n") == row[1:]
    outside = [text for number, text in enumerate(after, 1) if number not in lines]
    assert set(outside) <= set(before)


def _shown(patch: str) -> list[tuple[str, int]]:
    """The rows of a patch with their line in the new file, by the counts in the hunks' heads."""
    found: list[tuple[str, int]] = []
    rest = patch.split("\n") if patch else []
    while rest:
        head = rest.pop(0)
        old, new = (part[1:].partition(",") for part in head.split(" ")[1:3])
        left, right, number = int(old[2] or 1), int(new[2] or 1), int(new[0])
        while left or right:
            row = rest.pop(0)
            if row.startswith("\\"):
                continue
            left -= row[0] in " -"
            right -= row[0] in " +"
            if row[0] in " +":
                found.append((row, number))
                number += 1
        while rest and rest[0].startswith("\\"):
            rest.pop(0)
    return found
