"""Who asks: the App's JSON web tokens, installation tokens, and what either may do."""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from functools import cache

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.standin.api import Refusal, Route, allowed
from tests.standin.model import Installation, Json, Repository, Token
from tests.standin.world import World

_SKEW = 60
_LONGEST = 600
_LIFE = 3600
_UNDECODABLE = "A JSON web token could not be decoded"
MOST_REPOSITORIES = 500


@cache
def key_pair() -> tuple[str, str]:
    """A private key (PKCS#1, as GitHub gives it) and its public key, made once per process."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@dataclass(frozen=True)
class Identity:
    """Credentials that were found good; *kind* is ``none``, ``jwt`` or ``installation``."""

    kind: str
    token: Token | None = None


def kind_of(header: str) -> str:
    """What kind of credentials a header holds, good or bad."""
    text = _credentials(header)
    if not text:
        return "none"
    if text.startswith("ghs_"):
        return "installation"
    return "jwt" if text.count(".") == 2 else "unknown"


def _credentials(header: str) -> str:
    scheme, _, text = header.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return text.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(text, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return "undecodable"
    return ""


def identify(world: World, header: str) -> Identity:
    """The identity behind an ``Authorization`` header; credentials that are not good are refused."""
    kind, text = kind_of(header), _credentials(header)
    if kind == "none":
        return Identity("none")
    if kind == "installation":
        return Identity(kind, _token(world, text))
    if kind == "jwt":
        _verify(world, text)
        return Identity(kind)
    raise Refusal(401, "Bad credentials")


def _token(world: World, text: str) -> Token:
    token = world.tokens.get(text)
    if token is None or token.expires <= world.clock() or token.installation.deleted:
        raise Refusal(401, "Bad credentials")
    if token.installation.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    return token


def _verify(world: World, text: str) -> None:
    # The App signs by its own clock, so the moved clock of the stand-in does not count here.
    now = time.time()
    try:
        options: Json = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
        claims = jwt.decode(text, world.app.public_key, algorithms=["RS256"], options=options)  # type: ignore[arg-type]
    except jwt.PyJWTError as error:
        raise Refusal(401, _UNDECODABLE) from error
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or issued > now + _SKEW:
        raise Refusal(401, "'Issued at' claim ('iat') must be an Integer representing the time of the assertion")
    if not isinstance(expires, int) or expires <= now - _SKEW:
        raise Refusal(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing a future time",
        )
    if expires > now + _LONGEST + _SKEW or expires - issued > _LONGEST + _SKEW:
        raise Refusal(401, "'Expiration time' claim ('exp') is too far in the future")
    if str(claims.get("iss")) not in (str(world.app.id), world.app.client_id):
        raise Refusal(401, "'Issuer' claim ('iss') must be the App's id or client id")


def authorise(identity: Identity, route: Route, repository: Repository | None) -> None:
    """Refuses what these credentials may not do."""
    if route.anonymous:
        return
    if route.jwt:
        if identity.kind != "jwt":
            raise Refusal(401, _UNDECODABLE)
        return
    if identity.kind == "none":
        raise Refusal(401, "Requires authentication")
    if identity.token is None:
        raise Refusal(403, "Resource not accessible by integration")
    if repository is not None and not _reaches(identity.token, repository):
        raise Refusal(404, "Not Found")
    if not allowed(effective(identity.token), route.needs):
        accepted = {"X-Accepted-GitHub-Permissions": "; ".join(route.needs)}
        raise Refusal(403, "Resource not accessible by integration", headers=accepted)


def effective(token: Token) -> dict[str, str]:
    """What a token may do now: withdrawn permissions count at once."""
    granted = token.installation.permissions
    return {name: level for name, level in token.permissions.items() if name in granted}


def _reaches(token: Token, repository: Repository) -> bool:
    chosen = token.repositories
    inside = chosen is None or any(entry is repository for entry in chosen)
    return inside and token.installation.holds(repository)


def may_read_code(world: World, header: str, repository: Repository) -> None:
    """Refuses git access: bad credentials always, missing ones on a private repository."""
    token = identify(world, header).token
    if not repository.private:
        return
    if token is None:
        raise Refusal(401, "Bad credentials")
    if not _reaches(token, repository):
        raise Refusal(404, "Repository not found.")
    if not allowed(effective(token), ("contents=read",)):
        raise Refusal(403, "Write access to repository not granted.")


def mint(world: World, installation: Installation, body: Json) -> Token:
    """A new installation token, for the repositories and permissions asked."""
    if installation.suspended_at:
        raise Refusal(403, "This installation has been suspended")
    permissions = _asked_permissions(installation, body.get("permissions"))
    repositories = _asked_repositories(installation, body)
    text = f"ghs_{world.app.id}_{'.'.join(secrets.token_urlsafe(n) for n in (60, 270, 64))}"
    token = Token(text, installation, repositories, permissions, world.clock() + _LIFE)
    world.tokens[text] = token
    world.minted.append(text)
    return token


def _asked_permissions(installation: Installation, asked: dict[str, str] | None) -> dict[str, str]:
    if not asked:
        return dict(installation.permissions)
    for name, level in asked.items():
        if not allowed(installation.permissions, (f"{name}={level}",)):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read", **asked}


def _asked_repositories(installation: Installation, body: Json) -> list[Repository] | None:
    ids, names = body.get("repository_ids"), body.get("repositories")
    if ids is None and names is None:
        return None
    wanted = [*(ids or ()), *(names or ())]
    held = [r for r in installation.repositories if not r.deleted]
    found = [next((r for r in held if r.id == key or r.name == key), None) for key in wanted]
    if len(wanted) > MOST_REPOSITORIES or not wanted or None in found:
        raise Refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the parent installation.",
        )
    return [repository for repository in found if repository is not None]
