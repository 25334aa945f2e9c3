"""One git fetch over HTTP: what the child process is told, how long it may last, what its failure means."""

from __future__ import annotations

import base64
import os
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import HTTPException
from pathlib import Path
from typing import IO, Literal
from urllib.error import HTTPError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from reviewer.core.snapshot import MAX_SCRIPT_BYTES
from reviewer.sources.base import SourceError

Reason = Literal["denied", "not found", "gone", "moved", "network", "time-out", "locked", "too large", "unclear"]

FILTER = f"blob:limit={MAX_SCRIPT_BYTES + 1}"  # git leaves out blobs of this size and above
_REMOTE = "source"
_DISCOVERY = "/info/refs?service=git-upload-pack"
_ERROR_BYTES = 8_192
_RETRY: frozenset[Reason] = frozenset({"network", "time-out", "locked", "unclear"})
_TEXTS: Mapping[Reason, str] = {
    "denied": "authentication failed: may the app still read this repository?",
    "not found": "the repository was not found: was it deleted, or access to it withdrawn?",
    "gone": "a commit is not there any more: was it replaced by a newer push?",
    "moved": "the server points to another place for the repository",
    "network": "the repository could not be reached",
    "time-out": "the repository took too long to answer",
    "locked": "the repository is being fetched by another job",
    "too large": "the repository is larger than the limit for one fetch",
    "unclear": "git could not fetch",
}
# What git says, by its own source; the first match counts, so answers of the server come before broken connections.
_SIGNS: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    ("gone", re.compile(r"not our ref|[Cc]ouldn't find remote ref|unadvertised object|no such remote ref")),
    ("denied", re.compile(r"Authentication failed|could not read (?:Username|Password)|error: 40[137]\b")),
    ("not found", re.compile(r"repository '.*' not found|error: 4(?:04|10|51)\b")),
    ("moved", re.compile(r"error: 30[12378]\b|[Rr]edirect")),
    ("too large", re.compile(r"File too large|died of signal 25")),
    ("network", re.compile(r"unable to access|RPC failed|early EOF|hung up|unexpected disconnect|remote error:")),
    ("network", re.compile(r"expected (?:flush|'packfile')")),
)


class FetchFailed(SourceError):
    """Content that could not be fetched. ``retry`` says whether the same fetch may work later."""

    def __init__(self, reason: Reason, where: str, detail: str = "") -> None:
        super().__init__(f"{where}: {_TEXTS[reason]}" + (f" ({detail})" if detail else ""))
        self.reason: Reason = reason
        self.retry = reason in _RETRY


@dataclass(frozen=True, slots=True)
class Remote:
    """Where a repository's content comes from: an http(s) URL, and the password of the user x-access-token.

    Raises ValueError for a URL of another scheme, or one with a user or a password in it.
    """

    url: str
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname or not re.fullmatch(r"[!-~]+", self.url):
            raise ValueError("a remote is an http(s) URL")
        if "@" in parts.netloc:
            raise ValueError("the URL of a remote holds no user: give the token on its own")

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/"

    @property
    def basic(self) -> str | None:
        """The value of basic authentication."""
        return None if self.token is None else base64.b64encode(f"x-access-token:{self.token}".encode()).decode()

    def cleaned(self, text: str) -> str:
        """Text without the token, in either of its forms."""
        for secret in (self.token, self.basic):
            text = text.replace(secret, "***") if secret else text
        return text


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one fetch: seconds in all, bytes of the largest file it writes."""

    seconds: float
    bytes: int


def fetch_commits(
    repository: Path,
    remote: Remote,
    wants: Iterable[str],
    limits: Limits,
    locks: Sequence[int],
    known: Iterable[str] = (),
) -> None:
    """Fetches commits (ids or remote refs) without their history and without large blobs. Raises FetchFailed.

    *locks* are descriptors that stay open until git ends, even when this process is killed before. *known* are commits
    that are here and may be told to the server; all are, when there are none.
    """
    tips = [f"--negotiation-tip={id}" for id in known]
    _Fetch(repository, remote, limits, locks).run(["--depth=1", f"--filter={FILTER}", *tips], wants)


def fetch_blobs(repository: Path, remote: Remote, ids: Iterable[str], limits: Limits, locks: Sequence[int]) -> None:
    """Fetches blobs by their ids in one go. Raises FetchFailed."""
    _Fetch(repository, remote, limits, locks).run(["--filter=blob:none"], ids, {"fetch.negotiationAlgorithm": "noop"})


@dataclass(frozen=True, slots=True)
class _Fetch:
    repository: Path
    remote: Remote
    limits: Limits
    locks: Sequence[int]

    def run(self, options: Sequence[str], wants: Iterable[str], settings: Mapping[str, str] = {}) -> None:
        asked = list(wants)
        try:
            self._run(options, asked, settings)
        except FetchFailed as error:
            target = moved_to(self.remote, self.limits.seconds) if error.reason == "moved" else None
            if target is None:
                raise
            replace(self, remote=target)._run(options, asked, settings)

    def _run(self, options: Sequence[str], wants: Sequence[str], settings: Mapping[str, str]) -> None:
        fixed = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-gc", "--no-recurse-submodules", "--stdin")
        with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stderr:
            stdin.write("".join(f"{want}\n" for want in wants).encode())
            stdin.seek(0)
            process = self._start(["fetch", *fixed, *options, _REMOTE], settings, stdin, stderr)
            if not self._ends(process):
                raise FetchFailed("time-out", self.remote.url, f"{self.limits.seconds:.0f} seconds")
            if process.returncode != 0:
                stderr.seek(0)
                raise self._failure(stderr.read(_ERROR_BYTES).decode("utf-8", "replace"))

    def _start(
        self, words: Sequence[str], settings: Mapping[str, str], stdin: IO[bytes], stderr: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                ["git", "-C", str(self.repository), *words],
                stdin=stdin,
                stdout=subprocess.PIPE,  # nothing comes; its end is told at once, which that of a process is not
                stderr=stderr,
                env=_environment(self.remote, settings),
                start_new_session=True,
                restore_signals=False,  # SIGXFSZ stays ignored: git says "File too large" instead of dying mute
                pass_fds=self.locks,
            )
        except FileNotFoundError:
            raise SourceError("git is not installed: install git and run this again") from None
        if hasattr(resource, "prlimit"):
            with suppress(OSError):  # it may have ended already
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (self.limits.bytes, self.limits.bytes))
        return process

    def _ends(self, process: subprocess.Popen[bytes]) -> bool:
        """Waits for a process. Whatever happens, nothing of its group is left running."""
        try:
            process.communicate(timeout=self.limits.seconds)
        except subprocess.TimeoutExpired:
            return False
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return True

    def _failure(self, stderr: str) -> FetchFailed:
        reason: Reason = next((reason for reason, sign in _SIGNS if sign.search(stderr)), "unclear")
        lines = [line for line in stderr.strip().split("\n") if line.startswith(("fatal: ", "error: "))]
        said = lines[0].partition(": ")[2] if lines else "no reason given"
        return FetchFailed(reason, self.remote.url, self.remote.cleaned(said))


def moved_to(remote: Remote, seconds: float) -> Remote | None:
    """Where a server says a renamed repository is now, on the same server only.

    git would follow by itself, but give the token to whatever host it was sent to.
    """
    headers = {} if remote.basic is None else {"Authorization": f"Basic {remote.basic}"}
    request = Request(remote.url + _DISCOVERY, headers=headers)  # noqa: S310 - http(s) only, by Remote
    try:
        build_opener(_Stay).open(request, timeout=seconds).close()
    except HTTPError as error:
        with error:
            url = urljoin(request.full_url, error.headers.get("Location", ""))
    except (OSError, HTTPException):
        return None
    else:
        return None
    if not url.startswith(remote.origin) or not url.endswith(_DISCOVERY) or url == request.full_url:
        return None
    return replace(remote, url=url.removesuffix(_DISCOVERY))


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _environment(remote: Remote, settings: Mapping[str, str]) -> dict[str, str]:
    """The whole configuration of a fetch. Nothing of it is ever written to the repository, the token least of all.

    The repository itself knows no promisor remote, so reading it can never start a fetch, whatever git's version.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    scheme = urlsplit(remote.url).scheme
    allowed = "https" if scheme == "https" else "http:https"
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GIT_ALLOW_PROTOCOL": allowed, "LC_ALL": "C"}
    pairs = [*_CONFIGURATION.items(), (f"remote.{_REMOTE}.url", remote.url), *settings.items()]
    if remote.basic is not None:
        pairs.append((f"http.{remote.origin}.extraHeader", f"Authorization: Basic {remote.basic}"))
    numbered = {f"GIT_CONFIG_KEY_{n}": key for n, (key, _) in enumerate(pairs)}
    numbered |= {f"GIT_CONFIG_VALUE_{n}": value for n, (_, value) in enumerate(pairs)}
    return {**kept, **quiet, **numbered, "GIT_CONFIG_COUNT": str(len(pairs))}


_CONFIGURATION: Mapping[str, str] = {
    f"remote.{_REMOTE}.promisor": "true",
    f"remote.{_REMOTE}.partialCloneFilter": FILTER,
    "core.askPass": "",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "credential.helper": "",
    "fetch.fsckObjects": "false",
    "fetch.unpackLimit": "1",
    "fetch.writeCommitGraph": "false",
    "gc.auto": "0",
    "http.followRedirects": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "20",
    "maintenance.auto": "false",
    "protocol.version": "2",
    "submodule.recurse": "false",
    "transfer.bundleURI": "false",
}
