"""Takes secrets out of what is logged, and makes text unable to pass for another line."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Set
from urllib.parse import quote

REDACTED = "[redacted]"
_SHORTEST_SECRET = 8
_SHORTEST_LINE = 32
_DEEPEST = 8
_LONGEST = 20_000

# Patterns start where a word starts wherever a run of their own characters could otherwise be tried from every place.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", re.DOTALL), REDACTED),
    (re.compile(r"gh[a-z]_[A-Za-z0-9._-]{16,}"), REDACTED),
    (re.compile(r"github_pat_[A-Za-z0-9_]{16,}"), REDACTED),
    (re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?"), REDACTED),
    (
        re.compile(r"(?i)(authorization(?:\\*[\"']?\s*[:=]|\\*[\"']\s*,)\s*b?\\*[\"']?)[^\r\n\"']+"),
        rf"\1{REDACTED}",
    ),
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{8,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(x-access-token:)[^\s@'\"]+"), rf"\1{REDACTED}"),
    (re.compile(r"eC1hY2Nlc3MtdG9rZW46[A-Za-z0-9+/=_-]*"), REDACTED),  # "x-access-token:" in base64, as git is given it
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{REDACTED}@"),
)
_SECRET_NAMES = {
    *("authorization", "proxy-authorization", "cookie", "set-cookie", "x-hub-signature", "x-hub-signature-256"),
    *("token", "access_token", "refresh_token", "password", "secret", "client_secret", "webhook_secret"),
    *("private_key", "pem"),
}
_UNPRINTABLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Redactor:
    """Replaces secrets in text and in values: those that look like one, and those it was given."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = sorted({form for secret in secrets for form in _forms(secret)}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """Text without secrets."""
        if self._known is not None:
            text = self._known.sub(REDACTED, text)
        for pattern, replacement in _PATTERNS:
            text = pattern.sub(replacement, text)
        return text

    def value(self, value: object, depth: int = 0) -> object:
        """A value as JSON can hold it, without secrets; what is no JSON value becomes text."""
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, str):
            return _shortened(self.text(value))
        if isinstance(value, bytes | bytearray):
            return _shortened(self.text(value.decode("utf-8", "backslashreplace")))
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {self.text(str(name)): self._member(name, item, depth) for name, item in value.items()}
        if depth < _DEEPEST and isinstance(value, list | tuple | Set):
            return [self.value(item, depth + 1) for item in value]
        return _shortened(self.text(_described(value)))

    def _member(self, name: object, value: object, depth: int) -> object:
        text = name.decode("latin-1") if isinstance(name, bytes) else str(name)
        if text.lower() in _SECRET_NAMES and value is not None:
            return REDACTED
        return self.value(value, depth + 1)


def escaped(text: str) -> str:
    """Text on one line: control, format and separator characters as escapes."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if unicodedata.category(char) in _UNPRINTABLE else char for char in text)


def _escape(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode() if ord(char) > 0x7F else repr(char)[1:-1]


def _forms(secret: str) -> set[str]:
    """A secret as it is, as Python, JSON and URLs spell it, and the long lines of one with several."""
    if len(secret) < _SHORTEST_SECRET:
        return set()
    lines = {line for line in secret.splitlines() if len(line) >= _SHORTEST_LINE}
    plain = {secret, repr(secret.encode())[2:-1], quote(secret, safe="")}
    once = {form for text in plain for form in _quoted(text)}
    return lines | plain | once | {form for text in once for form in _quoted(text)}


def _quoted(text: str) -> set[str]:
    """A text as it stands inside a Python or a JSON string."""
    python = repr(text)[1:-1]
    return {python, python.replace("'", "\\'"), json.dumps(text)[1:-1]}


def _described(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # whatever a foreign repr raises, the line is written
        return f"<{type(value).__name__} without a description>"


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    return f"{text[:half]} … {len(text) - _LONGEST} characters left out … {text[-half:]}"
