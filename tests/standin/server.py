"""The stand-in's HTTP side: requests are recorded, faults take effect, and the rest is answered elsewhere."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
import traceback
from dataclasses import dataclass, field
from html import escape
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.standin import auth, githttp, graphql, page, registration
from tests.standin.api import Answer
from tests.standin.limits import Fault, Faults, Limits, Writes
from tests.standin.model import PullRequest, Request
from tests.standin.rest import Arrived, Rest
from tests.standin.world import World

_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]
_SECRET = ("authorization", "cookie")


class _Protocol(H11Protocol):
    """Knows its connections by the client's port, so that one can be cut."""

    open: dict[int, asyncio.Transport] = {}  # noqa: RUF012 (one table for all connections of the process)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.open[transport.get_extra_info("peername")[1]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.open.pop(self.transport.get_extra_info("peername")[1], None)
        super().connection_lost(exc)


class _Cut(Response):
    """No answer: the connection is closed under the client."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 (ASGI gives them)
        transport = _Protocol.open.get(scope["client"][1])
        if transport is not None:
            transport.abort()
        await asyncio.sleep(0.01)


@dataclass
class Web:
    """The ASGI side of one stand-in."""

    world: World
    limits: Limits = field(default_factory=Limits)
    faults: Faults = field(default_factory=Faults)
    requests: list[Request] = field(default_factory=list)
    git_requests: list[Request] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.rest = Rest(self.world, self.limits)
        self.writes = Writes(self.world)

    def app(self) -> Starlette:
        git = "/{owner}/{repo}.git/{service:path}"
        return Starlette(
            routes=[
                Route("/api/v3/{path:path}", self._rest, methods=_METHODS),
                Route("/api/graphql", self._graphql, methods=_METHODS),
                Route(git, self._git, methods=["GET", "POST"]),
                Route("/{owner}/{repo}/pull/{number:int}", self._page),
                Route("/settings/apps/new", self._register, methods=["POST"]),
                Route("/organizations/{owner}/settings/apps/new", self._register, methods=["POST"]),
                Route("/", self._index),
            ]
        )

    async def _rest(self, request: HttpRequest) -> Response:
        arrived = await _arrived(request, request.scope["raw_path"].decode().removeprefix("/api/v3"))
        return await self._recorded(arrived, self.requests)

    async def _graphql(self, request: HttpRequest) -> Response:
        return await self._recorded(await _arrived(request, "/graphql"), self.requests)

    async def _recorded(self, arrived: Arrived, log: list[Request]) -> Response:
        record = _record(self.world, arrived)
        log.append(record)
        with self.writes.under_way(arrived.method, arrived.path):
            fault = self.faults.take(arrived.method, arrived.path)
            if fault is None or fault.after:
                answer = await run_in_threadpool(self._answer, arrived)
            else:
                answer = Answer()
            response = _response(answer) if fault is None else await self._failed(fault)
        record.status = 0 if isinstance(response, _Cut) else response.status_code
        return response

    def _answer(self, arrived: Arrived) -> Answer:
        try:
            if arrived.path == "/graphql":
                return graphql.answer(self.world, self.limits, arrived)
            return self.rest.answer(arrived)
        except Exception as error:  # noqa: BLE001 (a fault of the stand-in itself must not pass as GitHub's)
            place = traceback.extract_tb(error.__traceback__)[-1]
            self.world.violation(f"{arrived.line}: the stand-in failed: {error!r} in {place.filename}:{place.lineno}")
            return Answer({"message": "Server Error"}, 500)

    async def _failed(self, fault: Fault) -> Response:
        started = time.monotonic()
        while time.monotonic() < started + fault.hang and not self.stopping.is_set():
            await asyncio.sleep(0.02)
        if fault.reset:
            return _Cut()
        if isinstance(fault.body, str):
            return HTMLResponse(fault.body, fault.status, fault.headers)
        return _response(Answer(fault.body, fault.status, fault.headers))

    async def _git(self, request: HttpRequest) -> Response:
        name = f"{request.path_params['owner']}/{request.path_params['repo']}"
        service = request.path_params["service"]
        record = _record(self.world, Arrived(request.method, request.url.path, *_heads(request), b""))
        self.git_requests.append(record)
        fault = self.faults.take(request.method, request.url.path)
        if fault is not None:
            response = await self._failed(fault)
        elif service in githttp.SERVICES:
            response = await githttp.respond(self.world, request, name, service)
        else:
            response = Response(status_code=404)
        record.status = 0 if isinstance(response, _Cut) else response.status_code
        return response

    async def _page(self, request: HttpRequest) -> Response:
        values = request.path_params
        repository = self.world.repository(f"{values['owner']}/{values['repo']}")
        pull = self.world.pull(repository, values["number"]) if repository else None
        if pull is None:
            return HTMLResponse("Not Found", 404)
        return HTMLResponse(await run_in_threadpool(self._rendered, pull))

    async def _register(self, request: HttpRequest) -> Response:
        fields = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        owner = request.path_params.get("owner", "octocat")
        found, target = registration.posted(self.world, owner, fields, request.query_params.get("state"))
        if found:
            return HTMLResponse("<br>".join(escape(problem, quote=False) for problem in found), 422)
        return RedirectResponse(target, 302)

    async def _index(self, request: HttpRequest) -> Response:  # noqa: ARG002 (the framework gives it)
        return HTMLResponse(await run_in_threadpool(self._listed))

    def _listed(self) -> str:
        with self.world.lock:
            return page.index(self.world)

    def _rendered(self, pull: PullRequest) -> str:
        with self.world.lock:
            return page.render(self.world, pull)


def _heads(request: HttpRequest) -> tuple[dict[str, str], dict[str, str]]:
    return dict(request.query_params), dict(request.headers)


async def _arrived(request: HttpRequest, path: str) -> Arrived:
    return Arrived(request.method, path.partition("?")[0] or "/", *_heads(request), await request.body())


def _record(world: World, arrived: Arrived) -> Request:
    try:
        body = json.loads(arrived.body) if arrived.body else None
    except ValueError:
        body = arrived.body
    kind = auth.kind_of(arrived.headers.get("authorization", ""))
    headers = {name: value for name, value in arrived.headers.items() if name not in _SECRET}
    return Request(arrived.method, arrived.path, arrived.query, body, kind, world.clock(), headers)


def _response(answer: Answer) -> Response:
    headers = {**answer.headers, "X-GitHub-Media-Type": "github.v3; format=json"}
    if answer.body is None:
        return Response(status_code=answer.status, headers=headers)
    content = json.dumps(answer.body).encode()
    return Response(content, answer.status, headers, "application/json; charset=utf-8")


class _Server(uvicorn.Server):
    """Looks more often whether it shall end, because tests start many."""

    async def main_loop(self) -> None:
        while not await self.on_tick(0):
            await asyncio.sleep(0.01)


class Running:
    """A server on a port of this machine, in a thread of its own."""

    def __init__(self, web: Web, listener: socket.socket) -> None:
        self._web, self._listener = web, listener
        config = uvicorn.Config(
            web.app(), log_config=None, access_log=False, lifespan="off", http=_Protocol,
            ws="none", timeout_graceful_shutdown=1, timeout_keep_alive=60,
        )  # fmt: skip
        self._server = _Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listener],), daemon=True)

    def start(self) -> None:
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.002)

    def stop(self) -> None:
        self._web.stopping.set()
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(10)
        self._listener.close()


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0: any that is free."""
    # The protocol is named because asyncio turns delays off only where it is, and a delay costs 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener
