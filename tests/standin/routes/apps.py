"""Operations on the App, its installations and its deliveries."""

from __future__ import annotations

import threading

from tests.standin import auth, deliver, registration, render
from tests.standin.api import Answer, Call, Refusal, listed, page, route
from tests.standin.model import Delivery, Installation, Json
from tests.standin.world import stamp

_RESOURCES = ("core", "graphql", "search")


@route("GET /app", jwt=True)
def show_app(call: Call) -> Answer:
    count = sum(not installation.deleted for installation in call.world.installations)
    return Answer({**render.app(call.world), "installations_count": count})


@route("POST /app-manifests/{code}/conversions", anonymous=True)
def convert(call: Call) -> Answer:
    """The credentials of an App registered by a manifest, once and within an hour: those of the App that is here."""
    world = call.world
    found = world.registrations.get(call.path["code"])
    if found is None or found.is_fetched or found.at + registration.LIFE < world.clock():
        raise Refusal(404, "Not Found")
    found.is_fetched = True
    manifest, app = found.manifest, world.app
    told = {
        "permissions": {"metadata": "read", **manifest.get("default_permissions", {})},
        "events": list(manifest.get("default_events", [])),
        "name": manifest.get("name") or app.slug,
        "description": manifest.get("description"),
        "external_url": manifest["url"],
        "client_secret": world.client_secret,
        "webhook_secret": app.webhook_secret if world.gives_secrets else None,
        "pem": app.private_key,
    }
    return Answer({**render.app(world), **told}, 201)


@route("GET /app/installations", jwt=True)
def list_installations(call: Call) -> Answer:
    present = [installation for installation in call.world.installations if not installation.deleted]
    return listed(call, present, lambda entry: render.installation(call.world, entry))


@route("GET /repos/{owner}/{repo}/installation", jwt=True)
def show_installation(call: Call) -> Answer:
    installation = call.world.installation_of(call.repository)
    if installation is None:
        raise Refusal(404, "Not Found")
    return Answer(render.installation(call.world, installation))


@route("POST /app/installations/{installation_id}/access_tokens", jwt=True)
def create_token(call: Call) -> Answer:
    installation = call.world.installation(call.path["installation_id"])
    if installation is None:
        raise Refusal(404, "Not Found")
    token = auth.mint(call.world, installation, call.body)
    shown: Json = {
        "token": token.text,
        "expires_at": stamp(token.expires),
        "permissions": token.permissions,
        "repository_selection": "selected",
    }
    if token.repositories is not None:
        shown["repositories"] = [render.repository(call.world, entry) for entry in token.repositories]
    return Answer(shown, 201)


@route("DELETE /installation/token")
def revoke_token(call: Call) -> Answer:
    if call.token is not None:
        call.world.tokens.pop(call.token.text, None)
    return Answer(None, 204)


@route("GET /installation/repositories", "metadata=read")
def list_repositories(call: Call) -> Answer:
    token = call.token
    if token is None:
        raise Refusal(401, "Requires authentication")
    held = token.installation.repositories
    chosen = held if token.repositories is None else token.repositories
    present = [entry for entry in chosen if not entry.deleted and token.installation.holds(entry)]
    entries, headers = page(call, present)
    shown = [render.repository(call.world, entry) for entry in entries]
    return Answer({"total_count": len(present), "repositories": shown}, 200, headers)


@route("GET /rate_limit")
def show_limits(call: Call) -> Answer:
    installation = call.token.installation if call.token else None
    rate = _rate(installation)
    return Answer({"resources": dict.fromkeys(_RESOURCES, rate), "rate": rate})


def _rate(installation: Installation | None) -> Json:
    limit, used, reset = (installation.limit, installation.used, installation.reset) if installation else (5000, 0, 0)
    return {"limit": limit, "remaining": max(limit - used, 0), "reset": reset, "used": used}


@route("GET /app/hook/deliveries", jwt=True)
def list_deliveries(call: Call) -> Answer:
    size = min(call.query.get("per_page", 30), 100)
    newest = [entry for entry in reversed(call.world.deliveries) if _status_fits(call, entry)]
    start = int(call.query.get("cursor", 0))
    shown = [_item(entry) for entry in newest[start : start + size]]
    more = start + size < len(newest)
    link = {"Link": f'<{call.url}?per_page={size}&cursor={start + size}>; rel="next"'} if more else {}
    return Answer(shown, 200, link)


def _status_fits(call: Call, entry: Delivery) -> bool:
    wanted = call.query.get("status")
    status = entry.status or 0
    return wanted is None or (400 <= status < 600 if wanted == "failure" else 200 <= status < 400)


def _item(entry: Delivery) -> Json:
    payload = entry.payload if isinstance(entry.payload, dict) else {}
    good = entry.status is not None and 200 <= entry.status < 300
    return {
        "id": entry.id,
        "guid": entry.guid,
        "delivered_at": entry.at,
        "redelivery": entry.redelivery,
        "duration": entry.duration,
        "status": "OK" if good else (f"Invalid HTTP Response: {entry.status}" if entry.status else "failed to connect"),
        "status_code": entry.status or 0,
        "event": entry.event,
        "action": payload.get("action"),
        "installation_id": (payload.get("installation") or {}).get("id"),
        "repository_id": (payload.get("repository") or {}).get("id"),
        "throttled_at": None,
    }


def _delivery(call: Call) -> Delivery:
    found = next((entry for entry in call.world.deliveries if entry.id == call.path["delivery_id"]), None)
    if found is None:
        raise Refusal(404, "Not Found")
    return found


@route("GET /app/hook/deliveries/{delivery_id}", jwt=True)
def show_delivery(call: Call) -> Answer:
    found = _delivery(call)
    payload = found.payload if isinstance(found.payload, dict) else {}
    sent = {"headers": found.headers, "payload": payload}
    return Answer({**_item(found), "request": sent, "response": {"headers": {}, "payload": found.body}})


@route("POST /app/hook/deliveries/{delivery_id}/attempts", jwt=True)
def redeliver(call: Call) -> Answer:
    found = _delivery(call)
    threading.Thread(target=deliver.again, args=(call.world, found), daemon=True).start()
    return Answer({}, 202)
