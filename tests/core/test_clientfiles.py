"""Files that say they run in browsers, by a look at their text."""

from __future__ import annotations

import pytest

from reviewer.core.clientfiles import is_client_file


@pytest.mark.parametrize(
    "text",
    [
        "'use client'\n",
        '"use client";',
        "\ufeff'use client'",
        "// a widget\n/* of the shop */\n'use strict';\n'use client'\n",
    ],
)
def test_a_directive_at_the_top_makes_a_client_file(text: str) -> None:
    assert is_client_file(text.encode())


@pytest.mark.parametrize("text", ["const a = 1\n'use client'\n", "// 'use client'\nlet a", "/* 'use client' */", ""])
def test_the_words_elsewhere_make_none(text: str) -> None:
    assert not is_client_file(text.encode())


def test_many_comments_cost_little() -> None:
    assert not is_client_file(b"/**/" * 400 + b"x 'use client'")
