"""The web application: GitHub's deliveries come in, and others ask whether the service lives and is ready.

A delivery is read, its signature checked, and only then its content looked at; what follows from it is handed to the
inbox, which has stored it durably when it returns. GitHub waits ten seconds for the answer and does not try again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, Protocol, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from reviewer import __version__
from reviewer.github.events import Event, Identity, Ignored, InvalidPayload, Ping, parse
from reviewer.service.body import BodyReader, Limits, TooLarge, TooMany, TooSlow, Truncated
from reviewer.service.log import bound, logger
from reviewer.service.pages import index
from reviewer.service.signature import is_signed, signature_of

_log = logger(__name__)
_P = ParamSpec("_P")
_T = TypeVar("_T")
_WORD = re.compile(r"[!-~]{1,100}")
_CLOSE = {"Connection": "close"}  # the rest of the body is not read
_FAULT = "this is a fault of the service"
_RETRY = {"Retry-After": "30"}
# Below this many bytes, checking and decoding take less time than a way to another thread and back.
_QUICK_BYTES = 128 * 1024


class Unavailable(Exception):
    """The store cannot take a delivery now; the message says why, for the log."""


class Inbox(Protocol):
    """Where deliveries go."""

    def receive(self, guid: str, event: Event) -> str:
        """Stores an event durably and returns ``accepted``, ``duplicate`` or ``ignored``.

        May block: it is called in a thread, several at a time. Raises Unavailable when the store cannot take it.
        """


class _Refused(Exception):
    """A delivery is refused: status and text of the answer, and the reason for the log alone."""

    def __init__(self, status: int, text: str, reason: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(reason or text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})


def create_app(
    inbox: Inbox,
    secrets: Sequence[bytes],
    ready: Callable[[], Sequence[str]],
    limits: Limits | None = None,
    identity: Identity | None = None,
) -> Starlette:
    """The application. *secrets* are the webhook's: one, or two while it is being changed.

    *ready* names what keeps the service from working, nothing when it works; it may block. *identity* says whose
    deliveries these are, so that what the App did itself is ignored.
    """
    if not secrets or not all(secrets):
        raise ValueError("a webhook without a secret would believe anybody")
    receiver = _Receiver(inbox, tuple(secrets), BodyReader(limits or Limits()), identity)

    async def readyz(_: Request) -> Response:
        reasons = list(await run_in_threadpool(ready))
        status = {"status": "not ready", "reasons": reasons} if reasons else {"status": "ready"}
        return JSONResponse(status, 503 if reasons else 200)

    routes = [
        Route("/", index, methods=["GET"]),
        Route("/webhook", receiver.webhook, methods=["POST"]),
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
    ]
    app = Starlette(routes=routes, exception_handlers={HTTPException: _no_such, Exception: _fault})
    app.router.redirect_slashes = False
    return app


async def _healthz(_: Request) -> Response:
    return JSONResponse({"status": "ok", "version": __version__})


async def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for no other
    return JSONResponse({"error": error.detail.lower()}, error.status_code, error.headers)


async def _fault(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": _FAULT}, 500)


class _Receiver:
    """Takes deliveries."""

    def __init__(self, inbox: Inbox, secrets: tuple[bytes, ...], reader: BodyReader, identity: Identity | None) -> None:
        self._inbox = inbox
        self._secrets = secrets
        self._reader = reader
        self._identity = identity

    async def webhook(self, request: Request) -> Response:
        """Answers one delivery."""
        try:
            guid, name, event = await self._delivered(request)
            with bound(delivery=guid, **event.context):
                return await self._taken(guid, name, event)
        except _Refused as refusal:
            _log.warning("delivery refused", status=refusal.status, reason=str(refusal), **_sent_by(request))
            return JSONResponse({"error": refusal.text}, refusal.status, refusal.headers)

    async def _taken(self, guid: str, name: str, event: Event) -> Response:
        if isinstance(event, Ping):
            _log.info("ping")
            return JSONResponse({"status": "ok", "delivery": guid})
        if isinstance(event, Ignored):
            _log.info("delivery ignored", kind=name, reason=event.reason)
            return JSONResponse({"status": "ignored", "delivery": guid, "reason": event.reason}, 202)
        try:
            status = await run_in_threadpool(self._inbox.receive, guid, event)
        except Unavailable as error:
            raise _Refused(503, "the store is unavailable", f"the store is unavailable: {error}", _RETRY) from None
        except Exception:  # noqa: BLE001  # the boundary: the line names the delivery, the answer says nothing
            _log.exception("delivery failed", kind=name)
            return JSONResponse({"error": _FAULT}, 500)
        _log.info(f"delivery {status}", kind=name)
        return JSONResponse({"status": status, "delivery": guid}, 202)

    async def _delivered(self, request: Request) -> tuple[str, str, Event]:
        """Id, name and content of a delivery that is signed."""
        try:
            self._reader.refuse_declared(request)
            signature = _signature(request)
            async with self._reader.read(request) as body:
                if not await _run(body, is_signed, body, signature, self._secrets):
                    raise _Refused(401, "unauthorized", "no secret of ours made the signature")
                guid, name = _word(request, "X-GitHub-Delivery"), _word(request, "X-GitHub-Event")
                _require_json(request)
                return guid, name, await _run(body, parse, name, body, self._identity)
        except InvalidPayload as error:
            raise _Refused(400, f"invalid payload: {error}") from None
        except TooLarge:
            raise _Refused(413, "the body is too large", headers=_CLOSE) from None
        except TooSlow:
            raise _Refused(408, "the body did not arrive in time", headers=_CLOSE) from None
        except Truncated:
            raise _Refused(400, "the body is incomplete", headers=_CLOSE) from None
        except TooMany:
            raise _Refused(503, "too many deliveries at a time", headers=_CLOSE | _RETRY) from None


def _sent_by(request: Request) -> dict[str, str]:
    """Who sent a request, and which delivery it says it is."""
    guid = request.headers.get("X-GitHub-Delivery", "")
    told = {"delivery": guid} if _WORD.fullmatch(guid) else {}
    return told if request.client is None else {"client": request.client.host, **told}


def _signature(request: Request) -> bytes:
    found = [value for name, value in request.headers.raw if name == b"x-hub-signature-256"]
    signature = signature_of(found[0]) if len(found) == 1 else None
    if signature is None:
        reason = "the signature is malformed" if found else "there is no signature"
        raise _Refused(401, "unauthorized", reason, _CLOSE)
    return signature


def _word(request: Request, name: str) -> str:
    found = request.headers.getlist(name)
    if len(found) != 1:
        raise _Refused(400, f"{name} is needed, once")
    if not _WORD.fullmatch(found[0]):
        raise _Refused(400, f"{name} has to be 1 to 100 visible ASCII characters")
    return found[0]


def _require_json(request: Request) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "set the content type of the webhook to application/json in the App's settings")


async def _run(body: bytearray, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Runs what goes through a body: at once for a small one, else in a thread, so that others are not kept waiting."""
    if len(body) <= _QUICK_BYTES:
        return function(*args, **kwargs)
    return await run_in_threadpool(function, *args, **kwargs)
