"""Decoding of source bytes, and positions in them: lines split at ``\\n`` only, columns in code points."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

_MINIFIED_HEAD = 2048
_GENERATED = re.compile(
    rb"@generated\b|\bgenerated\b[^\n]{0,200}(?:\n[^\n]{0,200})?\bdo not (?:edit|modify)", re.IGNORECASE
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


class NotText(ValueError):
    """The bytes are not source text worth reading; the message says why."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as UTF-8 bytes without byte order mark, its line ends untouched."""

    data: bytes
    decoded_from: str = "utf-8"

    def line_text(self, line: int) -> str:
        """One line (1-based) without its end."""
        return self.data.split(b"\n")[line - 1].decode("utf-8").rstrip("\r")

    def column(self, line_start: int, byte_offset: int) -> int:
        """1-based column in code points of a byte offset on the line that starts at *line_start*."""
        prefix = self.data[line_start:byte_offset]
        return 1 + (len(prefix) if prefix.isascii() else len(prefix.decode("utf-8", "replace")))


def decode(raw: bytes) -> Source:
    """Source text of a blob: UTF-8, UTF-16 with a byte order mark, else Latin-1. Raises NotText for binary content."""
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            try:
                text = raw[len(bom) :].decode(encoding)
                return Source(text.encode("utf-8"), encoding)
            except UnicodeError:
                raise NotText(f"it starts like {encoding.upper()} text but is not valid") from None
    if b"\0" in raw[:8000]:
        raise NotText("it is a binary file")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return Source(raw.decode("latin-1").encode("utf-8"), "latin-1")
    return Source(raw)


def why_skipped(raw: bytes) -> str | None:
    """Why a script is not worth analysing: minified or generated content, else None."""
    head = raw[:_MINIFIED_HEAD]
    if len(raw) > _MINIFIED_HEAD and b"\n" not in head:
        return "it is minified"
    if _GENERATED.search(raw[:1000]):
        return "it is generated"
    return None


def first_line(data: bytes, pattern: re.Pattern[bytes]) -> int:
    """The first line, 1-based, where a pattern matches outside a line that begins as a comment; 0 where none is."""
    for match in pattern.finditer(data):
        start = data.rfind(b"\n", 0, match.start()) + 1
        if not data[start : match.end()].lstrip().startswith((b"//", b"* ", b"#", b"/*")):
            return data.count(b"\n", 0, match.start()) + 1
    return 0
