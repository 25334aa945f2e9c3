"""The rule pages and the App's manifest, which come with the package."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from reviewer.core.rulebook import Rulebook, load_rulebook


def rules_dir() -> Path:
    """Where the pages lie: inside an installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / "_rules"
    return installed if installed.is_dir() else Path(__file__).parent.parent / "rules"


def app_manifest() -> str:
    """The App's manifest: inside an installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / "_app.yml"
    found = installed if installed.is_file() else Path(__file__).parent.parent / "app.yml"
    return found.read_text(encoding="utf-8")


@cache
def built_in_rulebook() -> Rulebook:
    return rulebook_at(rules_dir())


def rulebook_at(directory: Path) -> Rulebook:
    """The rulebook of a folder of pages; shared names come from it, or from the built-in ones."""
    names = directory / "symbols.yml"
    text = (names if names.is_file() else rules_dir() / "symbols.yml").read_text(encoding="utf-8")
    pages = {str(page): page.read_text(encoding="utf-8") for page in sorted(directory.glob("*.md"))}
    return load_rulebook(pages, text)


@cache
def engine_id() -> str:
    """Names this version of the engine, which only trusts analyses of its own: its sources, rules and grammars."""
    package = Path(__file__).parent
    sources = [path for room in ("core", "checks") for path in sorted((package / room).rglob("*.py"))]
    digest = hashlib.sha256()
    for path in (*sources, *sorted(rules_dir().iterdir())):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    for name in ("tree-sitter", "tree-sitter-javascript", "tree-sitter-json", "tree-sitter-typescript", "PyYAML"):
        digest.update(f"{name} {version(name)}\0".encode())
    return digest.hexdigest()[:32]
