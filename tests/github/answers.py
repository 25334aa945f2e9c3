"""A server that answers every request as it is told, however little sense that makes, and knows its connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Answer:
    """What is sent back; *missing* bytes are promised and not sent, *hang* seconds pass before."""

    status: int = 200
    body: str = "{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    missing: int = 0
    hang: float = 0


class Answers(ThreadingHTTPServer):
    """Answers by the first part of a path that fits; knows the clients' ports by request, and which are connected."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.ports: list[int] = []
        self.open: set[int] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, path: str) -> Answer:
        return next((answer for part, answer in self.answers.items() if part in path), Answer())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Answers

    def setup(self) -> None:
        super().setup()
        self.server.open.add(self.client_address[1])

    def finish(self) -> None:
        super().finish()
        self.server.open.discard(self.client_address[1])

    def _reply(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.ports.append(self.client_address[1])
        answer = self.server.answer(self.path)
        time.sleep(answer.hang)
        content = answer.body.encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) + answer.missing))
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = bool(answer.missing)

    do_GET = do_POST = do_PATCH = do_DELETE = _reply  # noqa: N815 (the base class looks for these names)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def answering() -> Iterator[Answers]:
    server = Answers()
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
