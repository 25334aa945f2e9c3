"""The rule pages that come with the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from reviewer.core.rulebook import Rulebook, load_rulebook


def rules_dir() -> Path:
    """Where the pages lie: inside an installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / "_rules"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "rules"


@cache
def built_in_rulebook() -> Rulebook:
    return rulebook_at(rules_dir())


def rulebook_at(directory: Path) -> Rulebook:
    """The rulebook of a folder of pages; shared names come from it, or from the built-in ones."""
    names = directory / "symbols.yml"
    text = (names if names.is_file() else rules_dir() / "symbols.yml").read_text(encoding="utf-8")
    pages = {str(page): page.read_text(encoding="utf-8") for page in sorted(directory.glob("*.md"))}
    return load_rulebook(pages, text)
