"""Files by directory."""

from __future__ import annotations

import pytest

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
