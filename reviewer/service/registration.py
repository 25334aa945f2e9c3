"""``reviewer register``: a page on this machine that has GitHub register the App, and takes the credentials in.

The page listens on 127.0.0.1 and answers to that name alone, so that no other site's page can read it by a name of its
own. What GitHub hands out is written into two files that nobody else can read, and shown nowhere.
"""

from __future__ import annotations

import errno
import hmac
import os
import re
import secrets
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewer.github import registration as github
from reviewer.github.errors import GitHubError, Gone, Unprocessable, Unsure
from reviewer.github.registration import InvalidManifest, Manifest, Place, Registered
from reviewer.resources import app_manifest
from reviewer.service import log, registration_page, values
from reviewer.service.registration_page import Step
from reviewer.service.server import uvicorn_config
from reviewer.service.settings import SETTINGS, variable
from reviewer.service.values import Wrong

HOST = "127.0.0.1"
ENV_FILE, KEY_FILE = ".env", "private-key.pem"
_ORGANISATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}")
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9+/=._~-]+")


class CannotRegister(Exception):
    """The App was not registered, or its credentials were not taken in; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to register, where, and the folder and port of this machine that are used for it."""

    manifest: Manifest
    place: Place
    folder: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}"


def wanted(url: str, github_url: str, organisation: str | None, name: str | None, folder: Path, port: int) -> Wanted:
    """What the options ask for, found good. Raises CannotRegister."""
    option = "--github"
    try:
        pages = values.pages_url(github_url)
        api = values.api_url_of(pages)
        option = "--url"
        public = values.public_url(url, internet=api.startswith("https://api."))
        manifest = github.read_manifest(app_manifest()).of(public, name)
    except Wrong as error:
        raise CannotRegister(f"{option} {error}") from None
    except InvalidManifest as error:
        raise CannotRegister(str(error)) from None
    if organisation is not None and not _ORGANISATION.fullmatch(organisation):
        raise CannotRegister(f"--org {organisation!r} is not the name of an organisation")
    _require_room(folder)
    return Wanted(manifest, Place(pages, api, organisation), folder.absolute(), port)


def _require_room(folder: Path) -> None:
    """Finds out before anything is registered whether both files can be written."""
    if not folder.is_dir():
        raise CannotRegister(f"--folder {folder} is not a folder")
    for name in (ENV_FILE, KEY_FILE):
        if os.path.lexists(folder / name):
            raise CannotRegister(
                f"{folder / name} is there already and is not overwritten; move it, or name a --folder"
            )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotRegister(f"--folder {folder} cannot be written to")


def register(wanted: Wanted) -> None:
    """Serves the page until the App is registered and its credentials are written. Raises CannotRegister."""
    log.configure("text")
    with _listener(wanted.port) as listener:
        visit = _Visit(wanted)
        server = uvicorn.Server(uvicorn_config(_app(visit), HOST, wanted.port))
        visit.server = server
        _say(f"Open {wanted.address}/ in a browser on this machine, where you are signed in to {wanted.place.pages}.")
        try:
            server.run([listener])
        except KeyboardInterrupt:
            if not visit.is_over:
                raise CannotRegister("ended before the App was registered; nothing was written") from None
    if visit.failure:
        raise CannotRegister(visit.failure)
    for line in visit.told():
        _say(line)


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise CannotRegister(f"port {port} is in use on this machine; choose another with --port") from None
        raise CannotRegister(f"port {port} cannot be listened on: {error.strerror}") from None
    return listener


def _say(text: str) -> None:
    print(text, flush=True)  # at once: somebody waits for the address


class _Visit:
    """One registration, from the page with the form to the files."""

    server: uvicorn.Server

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.failure = ""
        self._state = secrets.token_urlsafe(32)
        self._lock = threading.Lock()
        self._registered: Registered | None = None
        self._steps: Sequence[Step] = ()

    @property
    def is_over(self) -> bool:
        return bool(self._steps or self.failure)

    def form(self, _: Request) -> Response:
        """The first page."""
        redirect_url = f"{self.wanted.address}/registered"
        page = registration_page.form(self.wanted.manifest, self.wanted.place, self._state, redirect_url)
        return HTMLResponse(page)

    def registered(self, request: Request) -> Response:
        """Where GitHub sends the browser with a code. Runs in a thread, because it waits for GitHub."""
        states, codes = request.query_params.getlist("state"), request.query_params.getlist("code")
        if len(states) != 1 or not hmac.compare_digest(states[0].encode(), self._state.encode()):
            return _trouble(403, f"This did not start here. Open {self.wanted.address}/ and begin there.")
        if len(codes) != 1 or not github.is_code(codes[0]):
            return _trouble(400, f"GitHub sent no code. Open {self.wanted.address}/ and try again.")
        with self._lock:  # a browser may load a page twice, and the code is good once
            return self._take_in(codes[0])

    def _take_in(self, code: str) -> Response:
        if self._steps:
            return self._done()
        try:
            if self._registered is None:
                self._registered = _checked(github.exchange(code, self.wanted.place))
            self._steps = _steps(self.wanted, self._registered, write(self.wanted, self._registered))
        except (Gone, Unprocessable) as error:
            self.failure = self._start_again(error)
            return _trouble(400, self.failure, BackgroundTask(self._end))
        except GitHubError as error:
            return self._try_again(502, str(error))
        except OSError as error:
            return self._try_again(500, f"{error.filename} cannot be written: {error.strerror}")
        return self._done()

    def _done(self) -> Response:
        page = registration_page.done(f"{self.wanted.manifest.name} is registered", self._steps)
        return HTMLResponse(page, background=BackgroundTask(self._end))

    def _end(self) -> None:
        self.server.should_exit = True

    def _start_again(self, error: GitHubError) -> str:
        return (
            f"{error}. The code is good once, and for an hour. If the App is listed on {self.wanted.place.settings}, "
            "delete it there; then start again with this command."
        )

    def _try_again(self, status: int, reason: str) -> Response:
        text = f"{reason}. Reload the page in the browser to try again."
        print(f"reviewer: {text}", file=sys.stderr, flush=True)
        return _trouble(status, text)

    def told(self) -> list[str]:
        """What the terminal says at the end."""
        files = f"{ENV_FILE} and {KEY_FILE} are in {self.wanted.folder}; only you can read them."
        head = f"The App is registered. {files} Next:"
        steps = [f"{step.text}: {step.link}" if step.link else step.text for step in self._steps]
        return [head, *(f"{number}. {step}" for number, step in enumerate(steps, 1))]


def _checked(registered: Registered) -> Registered:
    try:
        values.private_key(registered.private_key.get_secret_value())
    except Wrong as error:
        raise Unsure(f"GitHub's answer {error}") from None
    return registered


def write(wanted: Wanted, registered: Registered) -> bool:
    """Writes both files, or none; whether the webhook's secret is among it. Raises OSError."""
    secret = _usable(registered)
    settings = {"app_id": str(registered.id), "private_key_file": KEY_FILE, "public_url": wanted.manifest.url}
    settings |= {"webhook_secret": secret} if secret else {}
    if wanted.place.api != SETTINGS["github_api_url"].default:
        settings["github_api_url"] = wanted.place.api
    remarks = [f"The App {registered.page}. Settings: docs/settings.md. The key file's name starts at this folder."]
    remarks += [] if secret else [f"{variable('webhook_secret')} is missing: GitHub gave none that can be used."]
    text = github.env_file({variable(name): value for name, value in settings.items()}, remarks)
    key, env = wanted.folder / KEY_FILE, wanted.folder / ENV_FILE
    _create(key, values.private_key(registered.private_key.get_secret_value()))
    try:
        _create(env, text)
    except OSError:
        key.unlink()
        raise
    return bool(secret)


def _usable(registered: Registered) -> str:
    """The webhook's secret where it can be used as it is, else nothing."""
    text = registered.webhook_secret.get_secret_value() if registered.webhook_secret else ""
    try:
        return text if _NEEDS_NO_QUOTES.fullmatch(text) and values.webhook_secrets(text) == (text,) else ""
    except Wrong:
        return ""


def _create(path: Path, text: str) -> None:
    """Writes a file that was not there, for its owner's eyes."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="\n") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError as error:
            path.unlink()
            raise OSError(error.errno, error.strerror, str(path)) from None


def _steps(wanted: Wanted, registered: Registered, has_secret: bool) -> tuple[Step, ...]:
    page = f"{wanted.place.settings}/{registered.slug}"
    secret = Step(
        "GitHub gave no webhook secret that can be used: make one with 'openssl rand -hex 32', add it as "
        f"{variable('webhook_secret')} to {wanted.folder / ENV_FILE}, and enter it as 'Webhook secret' here",
        page,
    )
    steps = (
        Step(
            f"Start the service in {wanted.folder} with 'reviewer serve'; GitHub delivers to {wanted.manifest.webhook}"
        ),
        Step("Install the App on repositories", registered.install_page),
        Step(
            "Open a pull request. Once it has been checked, require the check 'reviewer' in a ruleset of the "
            "repository and choose this App as its source (docs/github.md)"
        ),
    )
    return steps if has_secret else (secret, *steps)


def _trouble(status: int, text: str, background: BackgroundTask | None = None) -> Response:
    return HTMLResponse(registration_page.trouble(text), status, background=background)


def _app(visit: _Visit) -> ASGIApp:
    routes = [Route("/", visit.form, methods=["GET"]), Route("/registered", visit.registered, methods=["GET"])]
    app = Starlette(routes=routes)
    app.router.redirect_slashes = False
    return _Guard(app, visit.wanted)


class _Guard:
    """Answers to this machine's names alone, and gives every answer the headers of the pages."""

    def __init__(self, app: ASGIApp, wanted: Wanted) -> None:
        self._app = app
        self._hosts = {f"{name}:{wanted.port}".encode() for name in (HOST, "localhost")}
        self._headers = registration_page.headers(wanted.place)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        hosts = [value.lower() for name, value in scope["headers"] if name == b"host"]
        known = len(hosts) == 1 and hosts[0] in self._hosts
        app: ASGIApp = self._app if known else PlainTextResponse("This page has another address.\n", 421)
        await app(scope, receive, guarded)
