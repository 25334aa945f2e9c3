"""The real service as a process of its own, against the stand-in."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import httpx

from tests.standin import GitHub

ROOT = Path(__file__).resolve().parent.parent.parent
T = TypeVar("T")


class ServiceProcess:
    """``reviewer serve`` with its data in a folder."""

    def __init__(self, github: GitHub, folder: Path, **settings: str) -> None:
        self.port = free_port()
        self.folder = folder
        self.log = folder / "service.log"
        key = folder / "key.pem"
        folder.mkdir(parents=True, exist_ok=True)
        key.write_text(github.app.private_key, encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REVIEWER_", "DBOS"))}
        self.environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "REVIEWER_APP_ID": str(github.app.id),
            "REVIEWER_PRIVATE_KEY_FILE": str(key),
            "REVIEWER_WEBHOOK_SECRET": github.app.webhook_secret,
            "REVIEWER_GITHUB_API_URL": github.api_url,
            "REVIEWER_PATIENCE": "0",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, wait: float = 30.0) -> None:
        command = [sys.executable, "-m", "reviewer", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stderr=log, stdout=log)
        until(lambda: self.status("/readyz") == 200, wait, self.said)

    def status(self, path: str) -> int | None:
        """The status of a page; None where nothing answers."""
        try:
            return httpx.get(self.url + path, timeout=5).status_code
        except httpx.TransportError:
            if self._process is not None and self._process.poll() is not None:
                raise AssertionError(f"the service ended: {self.said()}") from None
            return None

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> int:
        """Ends the service as an operator would; its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends the service as a power cut would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        status = self._process.wait(timeout=40)
        self._process = None
        return status


@contextmanager
def running(github: GitHub, folder: Path, **settings: str) -> Iterator[ServiceProcess]:
    """A service that gets the stand-in's webhooks."""
    service = ServiceProcess(github, folder, **settings)
    try:
        service.start()
        github.webhook_url = f"{service.url}/webhook"
        yield service
    finally:
        github.webhook_url = None
        service.stop()


def until(holds: Callable[[], T], seconds: float = 30.0, explain: Callable[[], str] = str) -> T:
    """Waits for something to become true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"it did not come true within {seconds} s: {explain()}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
