"""GitHub's page that registers an App from a manifest: what it refuses, and the code it hands out."""

from __future__ import annotations

import ipaddress
import json
import secrets
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.standin.model import Json, Registration
from tests.standin.world import World

LONGEST_NAME = 34
LIFE = 3600
_LEVELS = ("read", "write", "admin")
PERMISSIONS = {
    *("actions", "administration", "checks", "contents", "deployments", "environments", "issues", "members"),
    *("merge_queues", "metadata", "organization_administration", "packages", "pages", "pull_requests"),
    *("repository_hooks", "secrets", "security_events", "statuses", "workflows"),
}
# The permission without which GitHub does not take an event.
EVENTS = {
    "branch_protection_rule": "administration",
    "check_run": "checks",
    "check_suite": "checks",
    "create": "contents",
    "delete": "contents",
    "deployment": "deployments",
    "issue_comment": "issues",
    "issues": "issues",
    "label": "metadata",
    "merge_group": "merge_queues",
    "pull_request": "pull_requests",
    "pull_request_review": "pull_requests",
    "pull_request_review_comment": "pull_requests",
    "pull_request_review_thread": "pull_requests",
    "push": "contents",
    "repository": "metadata",
    "status": "statuses",
    "workflow_run": "actions",
}


def problems(manifest: Any) -> list[str]:
    """Why GitHub refuses a manifest; keys it does not know are no reason."""
    if not isinstance(manifest, dict):
        return ["The manifest is not an object"]
    return [*_addresses(manifest), *_name(manifest), *_rights(manifest)]


def _name(manifest: Json) -> list[str]:
    name = manifest.get("name", "")
    if not isinstance(name, str):
        return ["Name is not a text"]
    return [f"Name is too long (maximum is {LONGEST_NAME} characters)"] if len(name) > LONGEST_NAME else []


def _addresses(manifest: Json) -> list[str]:
    found = []
    if not _is_web(manifest.get("url")):
        found.append("Homepage URL must be a valid URL")
    hook = manifest.get("hook_attributes", {})
    target = hook.get("url") if isinstance(hook, dict) else None
    if not _is_web(target):
        found.append("Hook url must be a valid URL")
    elif not str(target).startswith("https://"):
        found.append("Hook url must be https")
    elif not _is_public(urlsplit(str(target)).hostname or ""):
        found.append("Hook url is not supported because it isn't reachable over the public Internet")
    if not _is_web(manifest.get("redirect_url")):
        found.append("Redirect url must be a valid URL")
    return found


def _is_web(url: Any) -> bool:
    return isinstance(url, str) and urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)


def _is_public(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith((".localhost", ".local"))


def _rights(manifest: Json) -> list[str]:
    permissions, events = manifest.get("default_permissions", {}), manifest.get("default_events", [])
    if not isinstance(permissions, dict) or not isinstance(events, list):
        return ["Default permissions or events have the wrong type"]
    odd = [name for name, level in permissions.items() if name not in PERMISSIONS or level not in _LEVELS]
    found = [f"Default permission records resource is not included in the list: {', '.join(odd)}"] if odd else []
    unknown = [event for event in events if event not in EVENTS]
    found += [f"Default events unsupported: {', '.join(unknown)}"] if unknown else []
    granted = {"metadata", *permissions}
    lacking = [event for event in events if event in EVENTS and EVENTS[event] not in granted]
    return found + ([f"Default events are not supported by permissions: {', '.join(lacking)}"] if lacking else [])


def posted(world: World, owner: str, fields: dict[str, str], state: str | None) -> tuple[list[str], str]:
    """What is wrong with the form, or where the browser is sent with a code."""
    try:
        manifest = json.loads(fields.get("manifest", ""))
    except ValueError:
        return ["The manifest is not JSON"], ""
    if found := problems(manifest):
        return found, ""
    code = secrets.token_hex(20)
    with world.lock:
        world.registrations[code] = Registration(manifest, owner, world.clock())
    query = {"code": code, **({"state": state} if state is not None else {})}
    return [], f"{manifest['redirect_url']}?{urlencode(query)}"
