"""Signatures of webhook deliveries."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence

_FORM = re.compile(rb"sha256=([0-9a-f]{64})")


def signature_of(header: bytes) -> bytes | None:
    """The hexadecimal digits of an ``X-Hub-Signature-256`` header; None when it is none."""
    match = _FORM.fullmatch(header)
    return match[1] if match is not None else None


def is_signed(body: bytes | bytearray, signature: bytes, secrets: Sequence[bytes]) -> bool:
    """Whether one of the secrets made the signature. Every secret is tried, so that time tells nothing."""
    found = False
    for secret in secrets:
        made = hmac.digest(secret, body, "sha256").hex().encode("ascii")
        found |= hmac.compare_digest(made, signature)
    return found
