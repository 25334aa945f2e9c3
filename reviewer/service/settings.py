"""Settings of the service: environment variables, or a ``.env`` file in the working directory.

What is written there is read as text (``Written``) and becomes ``Settings`` only when all of it is right. ``SETTINGS``
describes every setting once: for messages, and for the page that ``settings_page`` writes.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from reviewer.service import values
from reviewer.service.values import Wrong

PREFIX = "REVIEWER_"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: what it is, where one gets it, what is read where it is left out, and how that is told."""

    what: str
    where: str = ""
    default: str = ""
    told: str = ""

    @property
    def when_left_out(self) -> str:
        return self.told or (f"`{self.default}`" if self.default else "it is **needed**")


SETTINGS: dict[str, Setting] = {
    "app_id": Setting(
        "The App's numeric id or its client id.", "the App's settings page on GitHub shows it as 'App ID'"
    ),
    "private_key": Setting(
        "The App's private key in PEM form; line ends may be written as `\\n`.",
        "generate one under 'Private keys' on the App's settings page",
        told="it is read from the file that the next one names",
    ),
    "private_key_file": Setting(
        "The file with the App's private key. Give the key or its file, not both.",
        "GitHub hands it out when a key is generated",
        told="the key itself is **needed**",
    ),
    "webhook_secret": Setting(
        f"The webhook's secret: at least {values.SHORTEST_SECRET} characters, without commas. While it is being "
        "changed: the new and the old one, with a comma between them.",
        "make one with `openssl rand -hex 32` and enter it as 'Webhook secret' on the App's settings page",
    ),
    "github_api_url": Setting(
        "GitHub's REST API; for GitHub Enterprise Server `https://HOST/api/v3`.", default="https://api.github.com"
    ),
    "git_url": Setting(
        "Where repositories are fetched from.",
        "the address of GitHub's pages, such as `https://github.com`",
        told="it follows from the API's: `https://github.com`, or `https://HOST` for `https://HOST/api/v3`",
    ),
    "database_url": Setting(
        "SQLite, or PostgreSQL (`postgresql://USER:PASSWORD@HOST/NAME`).", default="sqlite:///data/reviewer.db"
    ),
    "cache_dir": Setting("Where fetched repositories are kept.", default="data/repositories"),
    "cache_bytes": Setting(
        f"How many bytes of fetched repositories are kept, at least {values.SMALLEST_CACHE}.", default="10000000000"
    ),
    "public_url": Setting("Where people reach this service, for links in check runs.", told="there are no such links"),
    "log_format": Setting("`json` or `text`.", told="`text` on a terminal, else `json`"),
    "workers": Setting(f"How many reviews run at the same time, 1 to {values.MOST_WORKERS}.", default="3"),
    "patience": Setting(
        "How many seconds a review that fails is tried again, its check in progress, before the check says that it "
        f"could not be finished, 0 to {values.MOST_PATIENCE}.",
        default="300",
    ),
}


class SettingsError(Exception):
    """Settings are missing or wrong; the message has one line for each, and never a secret."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """Valid settings. URLs have no slash at their end, paths are absolute."""

    app_id: str
    private_key: SecretStr
    webhook_secrets: tuple[SecretStr, ...]
    github_api_url: str
    git_url: str
    database_url: SecretStr
    cache_dir: Path
    cache_bytes: int
    public_url: str | None
    log_format: Literal["json", "text"]
    workers: int
    patience: int

    def secret_texts(self) -> tuple[str, ...]:
        """What must not be logged."""
        return tuple(secret.get_secret_value() for secret in (self.private_key, *self.webhook_secrets))

    def webhook_keys(self) -> tuple[bytes, ...]:
        """The webhook's secrets as signatures are made with them."""
        return tuple(secret.get_secret_value().encode() for secret in self.webhook_secrets)


class Written(BaseSettings):
    """What is written in the environment and in ``.env``, not yet looked at."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore"
    )

    app_id: str = ""
    private_key: SecretStr = SecretStr("")
    private_key_file: str = ""
    webhook_secret: SecretStr = SecretStr("")
    github_api_url: str = ""
    git_url: str = ""
    database_url: SecretStr = SecretStr("")
    cache_dir: str = ""
    cache_bytes: str = ""
    public_url: str = ""
    log_format: str = ""
    workers: str = ""
    patience: str = ""


def load() -> Settings:
    """The settings. Raises SettingsError with everything that is missing or wrong."""
    try:
        written = Written()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SettingsError((f".env cannot be read: {reason}",)) from None
    reading = _Reading(written)
    settings = reading.settings()
    if settings is None:
        raise SettingsError(tuple(reading.problems))
    return settings


def settings_page() -> str:
    """The page that describes every setting, in Markdown."""
    rows = [
        f"| `{variable(name)}` | {setting.what} | {setting.where} | {setting.when_left_out} |"
        for name, setting in SETTINGS.items()
    ]
    return _PAGE.replace("ROWS", "\n".join(rows)).replace("SHORTEST", str(values.SHORTEST_SECRET))


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + name.upper()


_PAGE = """# Settings

The service reads these environment variables, or a file `.env` in its working directory; the environment comes first.
An empty value counts as left out, and relative paths start at the working directory. Whatever is missing or wrong is
reported at the start, all at once.

| Variable | What it is | Where to get it | When left out |
|---|---|---|---|
ROWS

GitHub accepts any webhook secret, even one that can be guessed. Who sees one signed delivery can try secrets against it
without asking anybody; therefore fewer than SHORTEST characters are refused. The 64 digits of `openssl rand -hex 32`
are out of reach.

To change the secret without losing a delivery, set `NEW,OLD` and restart; enter the new one on GitHub; then set the new
one alone.

Addresses of the API and of git start with `https://`, because tokens are sent there; `http://` is accepted for this
machine only (`localhost`, `127.0.0.1`, `::1`). In a `.env` file `${NAME}` stands for another variable's value.
"""


class _Reading:
    """Reads every setting, and gathers what is wrong instead of stopping at the first."""

    def __init__(self, written: Written) -> None:
        self.problems: list[str] = []
        self._written = written

    def settings(self) -> Settings | None:
        """The settings; None when there are problems."""
        app_id = self._needed("app_id", values.app_id)
        key = self._private_key()
        secrets = self._needed("webhook_secret", values.webhook_secrets)
        api = self._needed("github_api_url", values.service_url)
        git = self._git_url(api)
        database = self._needed("database_url", values.database_url)
        cache_dir = self._needed("cache_dir", values.folder)
        cache_bytes = self._needed("cache_bytes", values.cache_bytes)
        public_url = self._given("public_url", values.page_url)
        log_format = self._given("log_format", values.log_format)
        workers = self._needed("workers", values.workers)
        patience = self._needed("patience", values.patience)
        if self.problems or not (app_id and key and secrets and api and git and database):
            return None
        if cache_dir is None or cache_bytes is None or workers is None or patience is None:
            return None
        return Settings(
            app_id=app_id,
            private_key=SecretStr(key),
            webhook_secrets=tuple(SecretStr(secret) for secret in secrets),
            github_api_url=api,
            git_url=git,
            database_url=SecretStr(database),
            cache_dir=cache_dir,
            cache_bytes=cache_bytes,
            public_url=public_url,
            log_format=log_format or ("text" if sys.stderr.isatty() else "json"),
            workers=workers,
            patience=patience,
        )

    def _text(self, name: str) -> str:
        text = getattr(self._written, name)
        return (text.get_secret_value() if isinstance(text, SecretStr) else str(text)).strip()

    def _given(self, name: str, read: Callable[[str], _T]) -> _T | None:
        text = self._text(name) or SETTINGS[name].default
        if not text:
            return None
        try:
            return read(text)
        except Wrong as error:
            self.problems.append(f"{variable(name)} {error}")
            return None

    def _needed(self, name: str, read: Callable[[str], _T]) -> _T | None:
        if not self._text(name) and not SETTINGS[name].default:
            self._missing(name)
            return None
        return self._given(name, read)

    def _missing(self, name: str, more: str = "") -> None:
        self.problems.append(f"{variable(name)} is missing: {SETTINGS[name].where}{more}")

    def _private_key(self) -> str | None:
        if self._text("private_key") and self._text("private_key_file"):
            self.problems.append(f"{variable('private_key')} and {variable('private_key_file')} are both set: keep one")
            return None
        if self._text("private_key_file"):
            return self._given("private_key_file", values.private_key_file)
        if not self._text("private_key"):
            self._missing("private_key", f", or name its file in {variable('private_key_file')}")
        return self._given("private_key", values.private_key)

    def _git_url(self, api: str | None) -> str | None:
        if self._text("git_url"):
            return self._given("git_url", values.service_url)
        derived = values.git_url_of(api) if api is not None else None
        if api is not None and derived is None:
            self._missing("git_url", f", and does not follow from {variable('github_api_url')}")
        return derived
