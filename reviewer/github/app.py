"""The App's authentication: one token per installation and repository, and clients that are used by one thread each."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from github import Auth, Github
from github.Consts import DEFAULT_BASE_URL
from urllib3 import Retry

from reviewer import __version__
from reviewer.github.errors import Gone, NotInstalled, Refused, Unauthorised, Unprocessable, translated
from reviewer.github.repository import RepositoryApi, call, pages

API_VERSION = "2022-11-28"
TIMEOUT = 30
RENEW_BEFORE = 300.0  # seconds before its end at which a token is not handed out any more
IDLE_CLIENTS = 64
PERMISSIONS = {"metadata": "read", "contents": "read", "pull_requests": "write", "checks": "write"}
# Asked for where not all of them were granted: those that let the check say which is missing come first.
FEWER = (
    PERMISSIONS | {"pull_requests": "read"},
    {name: level for name, level in PERMISSIONS.items() if name != "pull_requests"},
    {name: level for name, level in PERMISSIONS.items() if name != "contents"},
    {name: level for name, level in PERMISSIONS.items() if name != "checks"},
    {"metadata": "read"},
)


@dataclass
class _Token:
    lock: threading.Lock = field(default_factory=threading.Lock)
    text: str = ""
    until: float = 0.0


class _RepositoryAuth(Auth.Auth):
    """The token of one repository, whatever it is at the moment of a request."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    @property
    def token_type(self) -> str:
        return "token"

    @property
    def token(self) -> str:
        return self._token()


class GitHubApp:
    """The App as GitHub knows it. Safe to share between threads; everything it does blocks."""

    def __init__(self, app_id: str, private_key: str, api_url: str = DEFAULT_BASE_URL) -> None:
        self.app_id = app_id
        self.api_url = api_url
        key = load_pem_private_key(private_key.encode(), password=None)
        if not isinstance(key, RSAPrivateKey):
            raise ValueError("GitHub's Apps have RSA keys")
        # Loaded once: PyGithub would read and check the key anew for each token it signs.
        self._app = self._client(Auth.AppAuth(app_id, sign_func=lambda claims: jwt.encode(claims, key, "RS256")))
        self._app_lock = threading.Lock()
        self._tokens: dict[tuple[int, int], _Token] = {}
        self._idle: OrderedDict[tuple[int, int], list[Github]] = OrderedDict()
        self._lock = threading.Lock()
        self._slug: str | None = None

    def _client(self, auth: Auth.Auth) -> Github:
        # Of urllib3, not PyGithub's: that one sleeps through rate limits, in the thread, for up to an hour.
        reads = Retry(
            total=2,
            backoff_factor=0.5,
            allowed_methods={"GET"},
            status_forcelist={500, 502, 503, 504},
            respect_retry_after_header=False,
            raise_on_status=False,
        )
        return Github(
            auth=auth,
            base_url=self.api_url,
            timeout=TIMEOUT,
            user_agent=f"reviewer/{__version__}",
            per_page=100,
            retry=reads,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
            api_version=API_VERSION,
        )

    @property
    def login(self) -> str:
        """The login of the App's bot, asked for once."""
        if self._slug is None:
            with self._app_lock, translated("show the App"):
                _, data = call(self._app, "GET", "/app")
                self._slug = str(data["slug"])
        return f"{self._slug}[bot]"

    # -- tokens --------------------------------------------------

    def token(self, installation: int, repository: int) -> str:
        """A token for one repository that is good for five minutes at least."""
        with self._lock:
            known = self._tokens.setdefault((installation, repository), _Token())
        with known.lock:
            if known.until - RENEW_BEFORE < time.time():
                known.text, known.until = self._mint(installation, repository)
                self._forget_ended()
            return known.text

    def _forget_ended(self) -> None:
        """Drops the tokens of repositories nobody asked about for an hour."""
        with self._lock:
            for key in [k for k, token in self._tokens.items() if 0 < token.until < time.time()]:
                del self._tokens[key]

    def _mint(self, installation: int, repository: int) -> tuple[str, float]:
        wanted = {"repository_ids": [repository]}
        try:
            return self._ask_for_token(installation, {**wanted, "permissions": PERMISSIONS})
        except Unprocessable as error:
            refused = error
        # A permission was not granted, which the request that needs it will name, or the repository is not covered.
        for granted in FEWER:
            with suppress(Unprocessable):
                return self._ask_for_token(installation, {**wanted, "permissions": granted})
        raise NotInstalled(str(refused))

    def _ask_for_token(self, installation: int, body: Mapping[str, Any]) -> tuple[str, float]:
        try:
            with self._app_lock, translated("give the App a token"):
                _, data = call(self._app, "POST", f"/app/installations/{installation}/access_tokens", body)
                return str(data["token"]), datetime.fromisoformat(data["expires_at"]).timestamp()
        except Gone as error:
            if "suspended" in str(error):
                raise
            raise NotInstalled(str(error)) from None

    def repositories(self, installation: int) -> list[tuple[int, str]]:
        """Id and full name of every repository an installation covers."""
        body = {"permissions": {"metadata": "read"}}
        with self._app_lock, translated("give the App a token"):
            _, data = call(self._app, "POST", f"/app/installations/{installation}/access_tokens", body)
            client = self._client(Auth.Token(str(data["token"])))
        try:
            with translated("list the repositories"):
                rows = pages(client, "/installation/repositories?per_page=100", "repositories")
                return [(int(row["id"]), str(row["full_name"])) for row in rows]
        finally:
            client.close()

    def forget(self, installation: int, repository: int | None = None) -> None:
        """Drops tokens: permissions changed, or GitHub accepts one no more."""
        with self._lock:
            for key in [k for k in self._tokens if k[0] == installation and repository in (None, k[1])]:
                del self._tokens[key]

    # -- clients --------------------------------------------------

    @contextmanager
    def repository(self, installation: int, repository: int, full_name: str) -> Iterator[RepositoryApi]:
        """A client for one repository, lent to one thread at a time."""
        key = (installation, repository)
        client = self._lend(key)
        try:
            yield RepositoryApi(client, full_name)
        except (Unauthorised, Refused):  # a new token may be accepted, and have permissions granted since
            self.forget(*key)
            raise
        finally:
            self._give_back(key, client)

    def _lend(self, key: tuple[int, int]) -> Github:
        with self._lock:
            idle = self._idle.get(key)
            if idle:
                return idle.pop()
        return self._client(_RepositoryAuth(lambda: self.token(*key)))

    def _give_back(self, key: tuple[int, int], client: Github) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(client)
            self._idle.move_to_end(key)
            surplus = []
            while sum(map(len, self._idle.values())) > IDLE_CLIENTS:
                surplus += self._idle.popitem(last=False)[1]
        for old in surplus:
            old.close()

    def close(self) -> None:
        """Closes every connection that nobody uses."""
        with self._lock:
            clients = [client for idle in self._idle.values() for client in idle]
            self._idle.clear()
        for client in (*clients, self._app):
            client.close()
