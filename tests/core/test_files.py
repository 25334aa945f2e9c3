"""Files by directory, and what is read from them under limits."""

from __future__ import annotations

import pytest

from reviewer.core.files import Files, NoCache
from reviewer.core.snapshot import snapshot_of
from tests.core.trees import code_of


@pytest.mark.parametrize(
    ("directory", "found"),
    [
        ("app", ["app/a.ts", "app/b/c.ts"]),
        ("app/b", ["app/b/c.ts"]),
        ("ap", []),
        ("app/a.ts", []),
        ("", ["app-x/a.ts", "app/a.ts", "app/b/c.ts", "app0.ts", "appx/a.ts"]),
    ],
)
def test_what_lies_below_a_directory(directory: str, found: list[str]) -> None:
    paths = ["appx/a.ts", "app/b/c.ts", "app0.ts", "app-x/a.ts", "app/a.ts"]
    assert code_of(dict.fromkeys(paths, "")).files.below(directory) == found


def test_a_reading_of_a_tree_is_limited_as_the_analysis_of_its_file_is() -> None:
    class Limits(NoCache):
        def __init__(self) -> None:
            super().__init__()
            self.begun: list[str] = []

        def begin(self, path: str, id: str) -> str | None:  # noqa: ARG002 - the signature of the protocol
            self.begun.append(path)
            return "it was too slow before" if path == "slow.js" else None

    limits = Limits()
    files = Files(snapshot_of({"a.js": "export const a = 1;\n", "slow.js": "export const b = 1;\n"}), limits)
    assert files.read("a.js", lambda _, language: language) == "javascript"
    assert files.read("slow.js", lambda _, language: language) is None
    assert files.read("gone.js", lambda _, language: language) is None
    assert limits.begun == ["a.js", "a.js", "slow.js"]
    assert files.problems["slow.js"].message == "it was too slow before"


def test_a_reading_that_crashes_costs_its_file_only() -> None:
    files = Files(snapshot_of({"a.js": "export const a = 1;\n"}), NoCache())
    assert files.read("a.js", lambda source, _: 1 // source.data.count(b"\0")) is None
    assert files.problems["a.js"].kind == "failed"
    assert "ZeroDivisionError" in files.problems["a.js"].message
