"""Git's smart HTTP protocol: fetching from the repositories on disk, never pushing."""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.standin import auth, gitrepo
from tests.standin.api import Refusal
from tests.standin.model import Repository
from tests.standin.world import World

SERVICES = ("info/refs", "git-upload-pack", "git-receive-pack")
_SETTINGS = (
    *("-c", "uploadpack.allowFilter=true", "-c", "uploadpack.allowAnySHA1InWant=true"),
    *("-c", "safe.directory=*", "-c", "uploadpack.hideRefs=refs/internal"),
)
_PIECE = 1 << 16
_NO_STORE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}


async def respond(world: World, request: Request, name: str, service: str) -> Response:
    """The answer to one request of git's protocol."""
    repository = world.repository(name)
    if repository is None:
        moved = world.renamed_from(name)
        return _moved(world, request, moved, service) if moved else _refused(404, "Repository not found.")
    try:
        auth.may_read_code(world, request.headers.get("authorization", ""), repository)
    except Refusal as refusal:
        return _refused(refusal.answer.status, str(refusal))
    asked = request.query_params.get("service") if service == "info/refs" else service
    if asked != "git-upload-pack":
        world.violation(f"git {service} of {name}: only fetching is known, not {asked}")
        return _refused(403, "Write access to repository not granted.")
    if service == "info/refs":
        return _advertised(request, repository)
    return await _packed(request, repository)


def _refused(status: int, message: str) -> Response:
    challenge = {"WWW-Authenticate": 'Basic realm="GitHub"'} if status == 401 else {}
    return PlainTextResponse(message + "\n", status, challenge)


def _moved(world: World, request: Request, moved: Repository, service: str) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    status = 301 if request.method == "GET" else 307
    return RedirectResponse(f"{world.url}/{moved.full_name}.git/{service}{query}", status)


def _environment(request: Request) -> dict[str, str]:
    protocol = request.headers.get("git-protocol")
    return {**gitrepo.environment(), **({"GIT_PROTOCOL": protocol} if protocol else {})}


def _upload_pack(path: Path, *args: str) -> list[str]:
    return ["git", *_SETTINGS, "upload-pack", "--stateless-rpc", "--strict", *args, str(_git_directory(path))]


def _git_directory(path: Path) -> Path:
    return path / ".git" if (path / ".git").exists() else path


def _advertised(request: Request, repository: Repository) -> Response:
    head = b"" if "version=2" in request.headers.get("git-protocol", "") else b"001e# service=git-upload-pack\n0000"
    command = _upload_pack(repository.path, "--advertise-refs")
    return StreamingResponse(
        _output(command, _environment(request), None, head),
        media_type="application/x-git-upload-pack-advertisement",
        headers=_NO_STORE,
    )


async def _packed(request: Request, repository: Repository) -> Response:
    body = TemporaryFile()  # noqa: SIM115 (closed with the answer)
    async for piece in _unpacked(request):
        body.write(piece)
    body.seek(0)
    output = _output(_upload_pack(repository.path), _environment(request), body, b"")
    answer = _Closing(output, media_type="application/x-git-upload-pack-result", headers=_NO_STORE)
    answer.source = body
    return answer


class _Closing(StreamingResponse):
    """Closes what the output is made from, also where the client hangs up before the end."""

    source: IO[bytes]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.source.close()


async def _unpacked(request: Request) -> AsyncIterator[bytes]:
    zipped = request.headers.get("content-encoding") == "gzip"
    opened = zlib.decompressobj(wbits=31)
    async for piece in request.stream():
        yield opened.decompress(piece) if zipped else piece
    if zipped:
        yield opened.flush()


def _output(command: list[str], environment: dict[str, str], source: IO[bytes] | None, head: bytes) -> Iterator[bytes]:
    """What git writes, piece by piece, so that a pack is never held as a whole."""
    given = source if source is not None else subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    try:
        if head:
            yield head
        while piece := process.stdout.read1(_PIECE):  # type: ignore[attr-defined]
            yield piece
    finally:
        process.stdout.close()
        process.kill()
        process.wait()
        if source is not None:
            source.close()
