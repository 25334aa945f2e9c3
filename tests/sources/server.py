"""A git server on 127.0.0.1 for tests: smart HTTP by git's own backend, with a log and ways to fail."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fixtures.materialise import git

TOKEN = "ghs_secretOfTheTest1234"  # noqa: S105 - the test server's own
_SETTINGS = ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant")


@dataclass
class Server:
    """Serves the bare repositories below ``root``. Fields may be changed while it runs."""

    root: Path
    port: int = 0
    token: str | None = TOKEN
    status: int | None = None  # answered to every request
    moved: Mapping[str, str] = field(default_factory=dict)  # path prefix -> where it is now
    refused: bytes = b""  # a line of a question, "want <id>", that the server refuses once
    pause: float = 0.0  # seconds between two pieces of an answer to a POST
    piece: int = 1 << 16
    requests: list[str] = field(default_factory=list)
    sent: int = 0
    started: threading.Event = field(default_factory=threading.Event)  # a POST is being answered

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}.git"

    def publish(self, work: Path, name: str) -> None:
        """Pushes all branches and pull requests of a repository to the server."""
        bare = self.root / f"{name}.git"
        if not bare.exists():
            git(self.root, "init", "--quiet", "--bare", str(bare))
            for setting in _SETTINGS:
                git(bare, "config", setting, "true")
        git(work, "push", "--quiet", "--force", str(bare), "refs/heads/*:refs/heads/*", "+refs/pull/*:refs/pull/*")

    def taken(self) -> list[str]:
        """The requests since the last call."""
        taken, self.requests[:] = list(self.requests), []
        return taken


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Http

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def log_message(self, format: str, *args: object) -> None:  # noqa: ARG002 - the base's signature
        return None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", "0")))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self, body: bytes) -> None:
        state = self.server.state
        state.requests.append(f"{self.command} {self.path}")
        target = next((new + self.path.removeprefix(old) for old, new in state.moved.items() if old in self.path), None)
        if target is not None:
            self._plain(301, {"Location": target})
        elif state.status is not None:
            self._plain(state.status, {})
        elif state.token is not None and self.headers.get("Authorization") != _basic(state.token):
            self._plain(401, {"WWW-Authenticate": 'Basic realm="GitHub"'})
        else:
            self._backend(state, body)

    def _plain(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _backend(self, state: Server, body: bytes) -> None:
        if state.refused and state.refused in body:
            body = body.replace(state.refused, b"want " + b"f" * 40)
            state.refused = b""
        path, _, query = self.path.partition("?")
        variables = {
            "GIT_PROJECT_ROOT": str(state.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "x-access-token",
        }
        command = ["git", "http-backend"]
        done = subprocess.run(command, input=body, env={**os.environ, **variables}, capture_output=True, check=False)
        self._forward(state, done.stdout)

    def _forward(self, state: Server, answer: bytes) -> None:
        head, _, content = answer.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        state.sent += len(content)
        if self.command == "POST" and state.pause:
            self._dribble(state, content)
        else:
            self.wfile.write(content)

    def _dribble(self, state: Server, content: bytes) -> None:
        try:
            for start in range(0, len(content), state.piece):
                self.wfile.write(content[start : start + state.piece])
                state.started.set()
                time.sleep(state.pause)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, state: Server) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base's signature
        return None  # clients are killed in the middle of an answer


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """A server for the bare repositories below *root*, which is made."""
    root.mkdir(parents=True, exist_ok=True)
    state = Server(root)
    http = _Http(state)
    state.port = http.server_address[1]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
