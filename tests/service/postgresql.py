"""A PostgreSQL server of the tests' own, from the programs this machine has."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.service.process import free_port, until

NEEDED = ("initdb", "postgres", "pg_isready")


def programs() -> Path | None:
    """Where PostgreSQL's programs lie; None where there are none."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found is not None else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if all((folder / name).is_file() for name in NEEDED)), None)


@contextmanager
def running(where: Path) -> Iterator[str]:
    """A server on 127.0.0.1 with nothing in it; its URL."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        owner = _unprivileged(folder)
        run: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **owner}
        options = ["--auth=trust", "--username=reviewer", "--encoding=UTF8", "--locale=C", "--no-sync"]
        subprocess.run([where / "initdb", "--pgdata", folder / "data", *options], check=True, **run)
        settings = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
        server = subprocess.Popen([where / "postgres", "-D", folder / "data", "-p", str(port), *settings], **run)
        try:
            ready = [str(where / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
            until(lambda: subprocess.run(ready, check=False).returncode == 0)
            yield f"postgresql://reviewer@127.0.0.1:{port}/postgres"
        finally:
            server.terminate()
            server.wait(timeout=30)


def _unprivileged(folder: Path) -> dict[str, Any]:
    """PostgreSQL does not run as root: it gets the folder as somebody else."""
    if os.geteuid() != 0:
        return {}
    shutil.chown(folder, "nobody")
    return {"user": "nobody"}
