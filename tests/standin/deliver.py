"""Webhook deliveries: signed, sent and recorded as GitHub does."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from tests.standin import contract, render
from tests.standin.model import Delivery, Installation, Json, Repository, User
from tests.standin.world import World, node_id

HOOK_ID = 4711


def envelope(world: World, repository: Repository, sender: User) -> Json:
    """What every event of a repository carries."""
    shown: Json = {"repository": render.repository(world, repository), "sender": render.user(world, sender)}
    if repository.owner.type == "Organization":
        shown["organization"] = render.organization(world, repository.owner)
    installation = world.installation_of(repository)
    return {**shown, **({"installation": reference(installation)} if installation else {})}


def reference(installation: Installation) -> Json:
    return {"id": installation.id, "node_id": node_id("IN", installation.id)}


def sign(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    """The signature header of a body."""
    return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"


def send(
    world: World,
    event: str,
    payload: Any,
    *,
    guid: str | None = None,
    secret: str | None = None,
    headers: dict[str, str] | None = None,
) -> Delivery:
    """Sends an event, signed with the App's secret or another one; bytes are sent as they are."""
    if not isinstance(payload, bytes):
        for problem in contract.payload_problems(event, payload):
            world.violation(f"payload of {event}: {problem}")
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    guid = guid or str(uuid.uuid4())
    sent = {**_headers(world, event, guid, body, secret or world.app.webhook_secret), **(headers or {})}
    delivery = Delivery(world.next_id(), guid, event, payload, sent, world.now())
    world.deliveries.append(delivery)
    _post(world, delivery, body)
    return delivery


def again(world: World, earlier: Delivery) -> Delivery:
    """Redelivers: the same GUID, headers and body."""
    delivery = Delivery(
        world.next_id(), earlier.guid, earlier.event, earlier.payload, earlier.headers, world.now(), redelivery=True
    )
    world.deliveries.append(delivery)
    payload = earlier.payload
    _post(world, delivery, payload if isinstance(payload, bytes) else json.dumps(payload).encode())
    return delivery


def _headers(world: World, event: str, guid: str, body: bytes, secret: str) -> dict[str, str]:
    return {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "User-Agent": "GitHub-Hookshot/0123456",
        "X-GitHub-Delivery": guid,
        "X-GitHub-Event": event,
        "X-GitHub-Hook-ID": str(HOOK_ID),
        "X-GitHub-Hook-Installation-Target-ID": str(world.app.id),
        "X-GitHub-Hook-Installation-Target-Type": "integration",
        "X-Hub-Signature": sign(secret, body, "sha1"),
        "X-Hub-Signature-256": sign(secret, body),
    }


def _post(world: World, delivery: Delivery, body: bytes) -> None:
    if world.webhook_url is None:
        return
    target = urlsplit(world.webhook_url)
    started = time.monotonic()
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=world.patience)
    try:
        connection.request("POST", target.path or "/", body, delivery.headers)
        response = connection.getresponse()
        delivery.body = response.read().decode("utf-8", "replace")
        delivery.status = response.status
    except (OSError, http.client.HTTPException) as error:
        delivery.body = str(error)
    finally:
        connection.close()
    delivery.duration = round(time.monotonic() - started, 3)
