"""What settings may hold: each function reads one from its text, and says in ``Wrong`` why it cannot be used.

Messages never repeat a secret.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

SHORTEST_SECRET = 16
SMALLEST_CACHE = 100_000_000
MOST_WORKERS = 64
MOST_PATIENCE = 3600
_LARGEST_KEY = 64 * 1024


class Wrong(ValueError):
    """A setting cannot be used; the message completes a sentence that starts with its name."""


def app_id(text: str) -> str:
    """A number, or a client id such as ``Iv23liABC``."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", text):
        raise Wrong("is neither the App's numeric id nor its client id (letters, digits and dots)")
    return text


def private_key(text: str) -> str:
    """An RSA private key in PEM form, with its line ends."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    pem = text.replace("\\r", "").replace("\\n", "\n").strip() + "\n"
    if (reason := _not_a_private_key(pem)) is not None:
        raise Wrong(reason)
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise Wrong("holds a private key with a passphrase, and GitHub's have none") from None
    except Exception:  # noqa: BLE001  # the library raises several kinds, some of them only for hostile input
        raise Wrong("holds a private key that is damaged or cut off") from None
    if not isinstance(key, RSAPrivateKey):
        raise Wrong("holds a private key that is not an RSA key, and GitHub's are")
    return pem


def _not_a_private_key(pem: str) -> str | None:
    label = re.search(r"-----BEGIN ([A-Z0-9 ]+)-----", pem)
    if label is None:
        if len(pem) < 300 and "\n" not in pem.strip() and ("/" in pem or ".pem" in pem):
            return "holds a file's name, not a key: set REVIEWER_PRIVATE_KEY_FILE to the name"
        return "holds no private key in PEM form ('-----BEGIN RSA PRIVATE KEY-----')"
    if "PUBLIC KEY" in label[1]:
        return "holds a public key, and the private one is needed: GitHub hands it out as a .pem file"
    if "CERTIFICATE" in label[1]:
        return "holds a certificate, not a private key"
    if "OPENSSH" in label[1]:
        return "holds an SSH key, not the App's private key"
    return None if "PRIVATE KEY" in label[1] else "holds something else than a private key"


def private_key_file(text: str) -> str:
    """The RSA private key in a file."""
    try:
        with Path(text).expanduser().open("rb") as file:
            content = file.read(_LARGEST_KEY + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Wrong(f"names {text!r}, which cannot be read: {reason}") from None
    if len(content) > _LARGEST_KEY:
        raise Wrong(f"names {text!r}, which is too large for a key")
    try:
        return private_key(content.decode("ascii"))
    except UnicodeDecodeError:
        raise Wrong(f"names {text!r}, which holds no private key in PEM form") from None
    except Wrong as error:
        raise Wrong(f"names {text!r}, which {error}") from None


def webhook_secrets(text: str) -> tuple[str, ...]:
    """One secret, or the new and the old one."""
    secrets = tuple(part.strip() for part in text.split(","))
    if len(secrets) > 2:
        raise Wrong(f"holds {len(secrets)} secrets; one, or two separated by a comma, are possible")
    if any(not secret for secret in secrets):
        raise Wrong("holds an empty secret beside its comma")
    if any(len(secret) < SHORTEST_SECRET for secret in secrets):
        raise Wrong(f"holds a secret of fewer than {SHORTEST_SECRET} characters, which can be guessed from a delivery")
    if len(set(secrets)) < len(secrets):
        raise Wrong("holds the same secret twice")
    return secrets


def service_url(text: str) -> str:
    """An https URL without a slash at its end; http for this machine only."""
    url = _url(text)
    if url.scheme != "https" and not _is_loopback(url.hostname or ""):
        raise Wrong("is an http:// address of another machine; tokens are sent there: use https://")
    return text.rstrip("/")


def public_url(text: str, *, internet: bool) -> str:
    """An https URL GitHub can deliver to, without a slash at its end and with nothing a ``.env`` file would change.

    *internet*: GitHub is on the internet, and does not reach addresses of private networks.
    """
    host = _url(text).hostname or ""
    if not text.startswith("https://"):
        raise Wrong("does not start with https://, and what is delivered there is not for others to read")
    if _is_loopback(host) or (internet and _is_private(host)):
        raise Wrong(f"is an address that GitHub does not reach: {host}")
    if not re.fullmatch(r"[A-Za-z0-9:/._~%\[\]-]+", text):
        raise Wrong("holds other characters than letters, digits and -._~%:/")
    if text.rstrip("/").endswith("/webhook"):
        raise Wrong("ends with /webhook; leave that out, it is added where it is needed")
    return text.rstrip("/")


def pages_url(text: str) -> str:
    """Where the pages of a GitHub are, which is a host without a path; http for this machine only."""
    url = urlsplit(service_url(text))
    if url.path not in ("", "/") or not re.fullmatch(r"[a-z]+://[A-Za-z0-9:.\[\]-]+", text.rstrip("/")):
        raise Wrong("is more than an address such as https://github.com: leave out what follows the host")
    if (url.hostname or "") == "api.github.com":
        raise Wrong("is the address of the API; that of the pages is https://github.com")
    return text.rstrip("/")


def page_url(text: str) -> str:
    """An http or https URL without a slash at its end."""
    _url(text)
    return text.rstrip("/")


def _url(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        usable = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        raise Wrong("is not a URL") from None
    if not usable or re.search(r"[\s\\]", text) or not text.isprintable():
        raise Wrong("is not a URL that starts with https://")
    if url.username is not None or url.password is not None:
        raise Wrong("holds a user name or password; leave them out")
    if "?" in text or "#" in text:
        raise Wrong("holds a query or fragment; leave it out")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.endswith((".localhost", ".local", ".internal")) or "." not in host


def api_url_of(pages: str) -> str:
    """Where the API of a GitHub is, by the address of its pages; ``git_url_of`` leads back."""
    host = urlsplit(pages).hostname or ""
    is_hosted = host == "github.com" or host.endswith(".ghe.com")
    return f"https://api.{host}" if is_hosted else f"{pages}/api/v3"


def git_url_of(api: str) -> str | None:
    """Where the repositories of a GitHub are, by the address of its API; None where it does not follow."""
    url = urlsplit(api)
    host = url.hostname or ""
    if url.path == "/api/v3":
        return f"{url.scheme}://{url.netloc}"
    if url.path == "" and url.port is None and (host == "api.github.com" or host.endswith(".ghe.com")):
        return f"https://{host.removeprefix('api.')}"
    return None


def database_url(text: str) -> str:
    """An SQLite file, its path absolute, or a PostgreSQL database."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise Wrong("is not a database URL such as sqlite:////path/to/file or postgresql://user@host/name") from None
    kind = url.drivername.partition("+")[0]
    if kind == "postgres":
        raise Wrong("starts with postgres://; write postgresql://")
    if kind == "postgresql":
        return text
    if kind != "sqlite":
        raise Wrong("is neither SQLite nor PostgreSQL")
    if url.database in (None, "", ":memory:") or "mode=memory" in text:
        raise Wrong("is a database in memory, which would forget deliveries; name a file")
    path = Path(url.database or "")
    return text if text.startswith("sqlite:///file:") else str(url.set(database=str(path.absolute())))


def folder(text: str) -> Path:
    """A folder, which need not be there yet."""
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise Wrong(f"names {text!r}, which is not a folder")
    return path


def cache_bytes(text: str) -> int:
    return _number(text, SMALLEST_CACHE, 2**62)


def workers(text: str) -> int:
    return _number(text, 1, MOST_WORKERS)


def patience(text: str) -> int:
    """Seconds."""
    return _number(text, 0, MOST_PATIENCE)


def _number(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,20}", text) or not least <= int(text) <= most:
        upper = f" to {most}" if most <= 10**6 else " or more"
        raise Wrong(f"is {text[:40]!r}; a whole number is needed, {least}{upper}")
    return int(text)


def log_format(text: str) -> Literal["json", "text"]:
    if text == "json":
        return "json"
    if text == "text":
        return "text"
    raise Wrong(f"is {text[:40]!r}; it is 'json' or 'text'")
