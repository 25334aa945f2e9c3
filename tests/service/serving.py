"""The real server on a free port, an inbox in memory, and a client that is as rude as it has to be."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn

from reviewer.github.events import Event, Identity
from reviewer.service.body import Limits
from reviewer.service.server import uvicorn_config
from reviewer.service.web import Unavailable, create_app
from tests.service.recording import Recording

# One context for all: reading the system's certificates, which nothing here uses, takes longer than most tests.
CLIENT = httpx.Client(
    trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), limits=httpx.Limits(max_keepalive_connections=0)
)
OLD, NEW = b"the old secret of the hook", b"the new secret of the hook"


@dataclass
class MemoryInbox:
    """Keeps deliveries in memory. Plain fields say how it is to behave."""

    received: list[tuple[str, Event]] = field(default_factory=list)
    threads: set[str] = field(default_factory=set)
    full: bool = False
    broken: bool = False
    not_ours: bool = False

    def receive(self, guid: str, event: Event) -> str:
        self.threads.add(threading.current_thread().name)
        if self.full:
            raise Unavailable("the disk is full")
        if self.broken:
            raise RuntimeError("a fault of the inbox")
        if self.not_ours:
            return "ignored"
        known = any(guid == other for other, _ in self.received)
        self.received.append((guid, event))
        return "duplicate" if known else "accepted"


@dataclass
class Service:
    """A server that runs."""

    inbox: MemoryInbox
    port: int
    reasons: list[str]
    log: Recording

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def deliver(self, body: bytes, event: str | None = "pull_request", **headers: str | None) -> httpx.Response:
        """Sends a signed delivery; a header that is None is left out."""
        sent = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": "guid-1",
            "X-Hub-Signature-256": sign(body),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        present = {name: value for name, value in sent.items() if value is not None}
        return CLIENT.post(f"{self.url}/webhook", content=body, headers=present)

    def get(self, path: str, method: str = "GET") -> httpx.Response:
        return CLIENT.request(method, self.url + path)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)


def sign(body: bytes, secret: bytes = NEW) -> str:
    return "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()


def encoded(payload: Any) -> bytes:
    return json.dumps(payload).encode()


def head(length: int | None, signature: str | None = None, *lines: str) -> bytes:
    """The header of a delivery, chunked where there is no length."""
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    signed = [] if signature is None else [f"X-Hub-Signature-256: {signature}"]
    names = ["Host: x", "Content-Type: application/json", "X-GitHub-Event: pull_request", "X-GitHub-Delivery: guid-1"]
    return "\r\n".join(["POST /webhook HTTP/1.1", *names, size, *signed, *lines, "", ""]).encode()


def answer(client: socket.socket) -> bytes:
    """Everything until the server closes."""
    parts = []
    try:
        while part := client.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def one_answer(client: socket.socket) -> bytes:
    """One answer with a length, or what came of it before the server closed."""
    got = b""
    while (missing := _missing(got)) and (part := client.recv(missing)):
        got += part
    return got


def _missing(got: bytes) -> int:
    top, end, body = got.partition(b"\r\n\r\n")
    if not end:
        return 1
    length = next(int(line[16:]) for line in top.split(b"\r\n") if line.lower().startswith(b"content-length: "))
    return length - len(body)


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


@contextmanager
def serving(
    log: Recording, limits: Limits | None = None, secrets: Sequence[bytes] = (NEW,), identity: Identity | None = None
) -> Iterator[Service]:
    """Runs the service in a thread."""
    inbox, reasons = MemoryInbox(), list[str]()
    app = create_app(inbox, secrets, lambda: reasons, limits or Limits(), identity)
    server = uvicorn.Server(uvicorn_config(app, "127.0.0.1", 0, limits))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Service(inbox, server.servers[0].sockets[0].getsockname()[1], reasons, log)
    finally:
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()
