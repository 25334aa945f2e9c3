"""Small trees and files for the tests of the engine."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.core.code import Code
from reviewer.core.extract import extract
from reviewer.core.facts import FileFacts, Ref
from reviewer.core.files import NoCache
from reviewer.core.snapshot import snapshot_of
from reviewer.core.text import Source
from reviewer.resources import built_in_rulebook

NAMES = built_in_rulebook().names


def facts_of(code: str, language: str = "typescript") -> FileFacts:
    return extract(Source(code.encode()), language)


def code_of(files: Mapping[str, bytes | str]) -> Code:
    return Code(snapshot_of(files), NAMES, NoCache())


def spelled(ref: Ref | None) -> str:
    """``ws#Server.on`` for what an import leads to, ``local:x`` and the like for other names."""
    if ref is None:
        return "?"
    if ref.kind == "import":
        return f"{ref.module}#{''.join(ref.path())}"
    return f"{ref.kind}:{ref.name}{''.join(ref.steps)}"
