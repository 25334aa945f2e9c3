"""What a request without any credential carries, and the addresses and answers a middleware makes."""

from __future__ import annotations

import re

from reviewer.core.values import UNKNOWN, Response, Value, absent

_EVERY_REQUEST = re.compile(
    r"(?i)csrf|xsrf|locale|lang|i18n|theme|country|currency|consent|geo|utm|variant|bucket|flag"
)
_SESSION = re.compile(
    r"(?i)sess|token|auth|jwt|\bsid\b|user|login|access|refresh|admin|identity|passw|secret|credential"
)
_CREDENTIAL_HEADER = re.compile(r"(?i)^(?:authorization|cookie|proxy-authorization|x-api-key|x-auth.*|x-access-token)$")


def respond(init: list[Value]) -> Value:
    """A response of a status, or one with a header that redirects."""
    status = init[0].data.get("status") if init and init[0].kind == "object" else None
    if status is None and init and isinstance(init[0].data, int):
        status = init[0]
    number = status.data if status is not None and isinstance(status.data, int) else 200
    return Value("response", Response("redirect" if 300 <= number < 400 else "status", status=number))


def address(args: list[Value]) -> Value:
    """``new URL(path, base)``: what is known of the path."""
    first = args[0]
    if first.kind == "url":
        return first
    if first.kind == "plain" and isinstance(first.data, str):
        return Value("url", first.data, first.taint)
    return Value("unknown", None, first.taint)


def credential(host: str, name: str, args: list[Value], spelled: str) -> Value:
    """What a request without any credential has in a cookie or header."""
    if name not in ("get", "has", "getAll"):
        return UNKNOWN
    text = args[0].text() if args else None
    if host == "headers":
        return absent() if text is not None and _CREDENTIAL_HEADER.match(text) else UNKNOWN
    named = text if text is not None else spelled
    if _EVERY_REQUEST.search(named):
        return UNKNOWN
    return absent(2 if not args or _SESSION.search(named) else 1)
