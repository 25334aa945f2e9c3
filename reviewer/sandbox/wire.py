"""Frames between the two processes: a kind, a length, a payload."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from reviewer.core.finding import Analysis, Review
from reviewer.core.snapshot import Missing

REQUEST = b"Q"  # parent to child: JSON, what to do
BLOB = b"B"  # parent to child: one byte for presence, then the content
READ = b"R"  # child to parent: JSON, a tree and ids of blobs
WORKING = b"W"  # child to parent: JSON, the file whose analysis begins; null when it has ended
DONE = b"D"  # child to parent: JSON, an Answer
INVALID = b"I"  # child to parent: JSON, errors of the configuration
CRASHED = b"X"  # child to parent: text, what went wrong outside any file

PRESENT = b"+"
MISSING = {Missing.ABSENT: b"-", Missing.TOO_LARGE: b">", Missing.UNREADABLE: b"!"}

_HEADER = struct.Struct("!cI")


@dataclass(frozen=True, slots=True)
class Answer:
    """A review, and the analyses made for it by the label of their tree, those that were given not among them."""

    review: Review
    analyses: Mapping[str, Analysis] = field(default_factory=dict)


class WireError(Exception):
    """The other side closed the pipe."""


class Violation(WireError):
    """The other side sent what is not accepted."""


def send(stream: IO[bytes], kind: bytes, payload: bytes) -> None:
    stream.write(_HEADER.pack(kind, len(payload)) + payload)


def receive(stream: IO[bytes], limit: int) -> tuple[bytes, bytes]:
    """The next frame. Raises WireError at the end of the stream, Violation for payloads above *limit* bytes."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        raise WireError("the pipe was closed")
    kind, size = _HEADER.unpack(header)
    if size > limit:
        raise Violation(f"a message of {size:,} bytes (limit {limit:,})")
    payload = stream.read(size)
    if len(payload) < size:
        raise WireError("the pipe was closed")
    return kind, payload
