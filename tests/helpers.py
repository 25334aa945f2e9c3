"""Small repositories for tests, and the command line as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fixtures.materialise import commit_all, git
from reviewer.cli.commands import app

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534

MANIFEST = """{
  "private": true,
  "scripts": {
    "start": "next start"
  },
  "dependencies": { "express": "4.21.2", "next": "15.5.0", "ws": "8.18.0" }
}
"""
ROUTE = """import { WebSocketServer } from 'ws';

export default function handler(req, res) {
  new WebSocketServer({ noServer: true });
  res.end();
}
"""
ROUTE_LINE = 4
HARMLESS = "export default function handler(req, res) {\n  res.end();\n}\n"
SERVER = """const express = require('express');
const next = require('next');

const app = next({ dev: process.env.NODE_ENV !== 'production' });
app.prepare().then(() => {
  const server = express();
  server.post('/hooks/payment', (req, res) => res.end());
  server.all('*', (req, res) => app.getRequestHandler()(req, res));
  server.listen(3000);
});
"""
START_LINE = 4
PAGE = "export default function Page() {\n  return null;\n}\n"

Files = Mapping[str, str | bytes]

ONE_FINDING: Files = {"package.json": MANIFEST, "pages/api/live.js": ROUTE}
GATING: Files = {"package.json": MANIFEST, "server.js": SERVER, "pages/index.js": PAGE}
SPOTLESS: Files = {"package.json": MANIFEST, "pages/index.js": PAGE}


def write(folder: Path, files: Files) -> Path:
    """Writes files below a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def repository(folder: Path, files: Files) -> Path:
    """A repository whose branch ``main`` has one commit with these files."""
    write(folder, files)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    commit_all(folder, "first")
    return folder


def commit(folder: Path, files: Files) -> str:
    """One more commit with these files written."""
    return commit_all(write(folder, files), "next")


def partial_clone(origin: Path, target: Path, *present: str) -> Path:
    """A clone without blobs, but for those of the paths in *present*."""
    git(origin, "config", "uploadpack.allowFilter", "true")
    git(origin, "clone", "--quiet", "--no-checkout", "--filter=blob:none", origin.as_uri(), str(target))
    for path in present:
        git(target, "cat-file", "-p", f"HEAD:{path}")
    return target


def trap(clone: Path) -> Path:
    """Makes every fetch of a clone leave a mark; returns where the mark would be."""
    mark, script = clone.parent / "fetched", clone.parent / "upload-pack"
    script.write_text(f'#!/bin/sh\ntouch "{mark}"\nexec git-upload-pack "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    git(clone, "config", "remote.origin.uploadpack", str(script))
    git(clone, "config", "protocol.file.allow", "always")
    return mark


@dataclass(frozen=True)
class Run:
    """How a command ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """Standard output as JSON: all of it."""
        value: dict[str, Any] = json.loads(self.stdout)
        return value

    @property
    def places(self) -> list[tuple[str, int | None]]:
        """Path and line of every finding."""
        return [(finding["path"], finding["line"]) for finding in self.document["findings"]]

    def problems(self, kind: str) -> dict[str, str]:
        """Messages of the problems of one kind by path."""
        return {p["path"]: p["message"] for p in self.document["problems"] if p["kind"] == kind}


def reviewer(*args: str | Path, cwd: Path = ROOT, environment: Mapping[str, str] | None = None) -> Run:
    """Runs the command line as a process of its own."""
    words = [sys.executable, "-m", "reviewer", *map(str, args)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(environment or {})}
    done = subprocess.run(words, cwd=cwd, env=variables, capture_output=True, check=False)
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace"))


def command(*args: str | Path) -> Run:
    """Runs a command inside this process, which shares one analysis process between all of them."""
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Run(result.exit_code, result.stdout, result.stderr)


def scan(*args: str | Path) -> Run:
    """``reviewer scan`` with JSON."""
    return command("scan", *args, "--format", "json")


def diff(*args: str | Path) -> Run:
    """``reviewer diff`` with JSON."""
    return command("diff", *args, "--format", "json")


@contextmanager
def without_privileges(folder: Path) -> Iterator[None]:
    """Stands in *folder*, as somebody for whom file permissions count."""
    before = Path.cwd()
    privileged = os.geteuid() == 0
    os.chdir(folder)
    if privileged:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)
        os.chdir(before)
