"""The manifest by which GitHub registers the App, and what GitHub answers. Nothing here reaches out.

A browser posts the manifest to GitHub, which asks its user and then sends the browser back with a code; the code is
exchanged, once and within an hour, for the App's credentials.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from github import Github
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StrictInt, StrictStr, ValidationError

from reviewer import __version__
from reviewer.core.yamlsafe import InvalidYaml, load_yaml
from reviewer.github.app import API_VERSION, TIMEOUT
from reviewer.github.errors import Unsure, translated
from reviewer.github.repository import call

LONGEST_NAME = 34
WHAT = "hand out the credentials of the App"
_COMMENT = re.compile(r"\s#\s+(.*)$")
_CODE = re.compile(r"[A-Za-z0-9_-]{1,200}")


class InvalidManifest(Exception):
    """The manifest cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission the App asks for, and why."""

    name: str
    level: str
    reason: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What ``app.yml`` says. ``url`` is the page about the App, ``webhook`` where deliveries go."""

    name: str
    description: str
    url: str
    webhook: str
    public: bool
    permissions: tuple[Permission, ...]
    events: tuple[str, ...]

    def of(self, url: str, name: str | None = None) -> Manifest:
        """The manifest of one installation of this service, reached at *url*. Raises InvalidManifest."""
        chosen = self.name if name is None else name
        if not 1 <= len(chosen) <= LONGEST_NAME or not chosen.isprintable() or chosen != chosen.strip():
            raise InvalidManifest(f"an App's name has 1 to {LONGEST_NAME} characters; {chosen!r} has {len(chosen)}")
        return replace(self, name=chosen, url=url, webhook=f"{url}/webhook")

    def document(self, redirect_url: str) -> dict[str, Any]:
        """What is posted to GitHub, which sends the browser to *redirect_url* afterwards."""
        return {
            "name": self.name,
            "description": self.description,
            "url": self.url,
            "hook_attributes": {"url": self.webhook, "active": True},
            "redirect_url": redirect_url,
            "public": self.public,
            "default_permissions": {permission.name: permission.level for permission in self.permissions},
            "default_events": list(self.events),
        }


class _Hook(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    url: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    description: str
    url: str
    public: bool
    hook_attributes: _Hook
    default_permissions: dict[str, str]
    default_events: list[str]


def read_manifest(text: str) -> Manifest:
    """What ``app.yml`` says; the reason of a permission is the comment on its line. Raises InvalidManifest."""
    try:
        document = load_yaml(text)
        found = _File.model_validate(document.value)
    except InvalidYaml as error:
        raise InvalidManifest(f"app.yml:{error.line}: {error}") from None
    except ValidationError as error:
        raise InvalidManifest(f"app.yml: {_first(error)}") from None
    lines = text.split("\n")

    def reason(name: str) -> str:
        comment = _COMMENT.search(lines[document.lines["default_permissions", name] - 1])
        return comment[1].strip() if comment else ""

    permissions = tuple(Permission(name, level, reason(name)) for name, level in found.default_permissions.items())
    return Manifest(
        found.name,
        found.description,
        found.url,
        found.hook_attributes.url,
        found.public,
        permissions,
        tuple(found.default_events),
    )


def _first(error: ValidationError) -> str:
    """Where and how a value is wrong, without the value."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the App is registered: a GitHub, by the address of its pages and its API, and an organisation if any."""

    pages: str
    api: str
    organisation: str | None = None

    @property
    def settings(self) -> str:
        """The page with the Apps of a person or an organisation."""
        owner = f"/organizations/{quote(self.organisation, safe='')}" if self.organisation else ""
        return f"{self.pages}{owner}/settings/apps"

    def form_target(self, state: str) -> str:
        """Where the manifest is posted to."""
        return f"{self.settings}/new?{urlencode({'state': state})}"


@dataclass(frozen=True, slots=True)
class Registered:
    """The App's credentials. ``webhook_secret`` is None where GitHub made none."""

    id: int
    slug: str
    page: str
    private_key: SecretStr
    webhook_secret: SecretStr | None

    @property
    def install_page(self) -> str:
        return f"{self.page}/installations/new"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: StrictInt = Field(gt=0)
    slug: StrictStr = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    html_url: StrictStr = Field(pattern=r"^https?://[!-;=?-~]{1,500}$")
    pem: SecretStr
    webhook_secret: SecretStr | None


def read_answer(data: Any, place: Place) -> Registered:
    """What GitHub answered to the code. Raises Unsure where it is not what it should be; the text holds no secret."""
    try:
        answer = _Answer.model_validate(data)
    except ValidationError as error:
        raise Unsure(f"GitHub's answer made no sense when asked to {WHAT}: {_first(error)}") from None
    if not answer.html_url.startswith(f"{place.pages}/"):
        raise Unsure(f"GitHub's answer made no sense when asked to {WHAT}: the App's page is not below {place.pages}")
    secret = answer.webhook_secret if answer.webhook_secret and answer.webhook_secret.get_secret_value() else None
    return Registered(answer.id, answer.slug, answer.html_url.rstrip("/"), answer.pem, secret)


def is_code(text: str) -> bool:
    """Whether a text can be a code of GitHub's."""
    return _CODE.fullmatch(text) is not None


def exchange(code: str, place: Place) -> Registered:
    """Exchanges a code for the App's credentials; blocks. Raises GitHubError: Gone or Unprocessable for a dead code."""
    client = Github(
        base_url=place.api,
        timeout=TIMEOUT,
        user_agent=f"reviewer/{__version__}",
        retry=None,  # the code is good for one answer, so a lost one must not be asked for again unseen
        seconds_between_requests=None,
        seconds_between_writes=None,
        api_version=API_VERSION,
    )
    try:
        with translated(WHAT):
            _, data = call(client, "POST", f"/app-manifests/{quote(code, safe='')}/conversions")
    finally:
        client.close()
    return read_answer(data, place)


def env_file(values: Mapping[str, str], remarks: Iterable[str] = ()) -> str:
    """A ``.env`` file. Values must not need quoting."""
    lines = [*(f"# {remark}" for remark in remarks), *(f"{name}={value}" for name, value in values.items())]
    return "\n".join(lines) + "\n"
