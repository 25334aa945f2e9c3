"""What can go wrong with a request to GitHub, by what the caller has to do next."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from github import BadAttributeException, GithubException
from github.Requester import Requester

SECONDARY_WAIT = 60.0
MAX_WAIT = 3_900.0


class GitHubError(Exception):
    """A request that did not come out as wanted. The text is for people and holds no secret."""


class RateLimited(GitHubError):
    """Nothing was done; ask again after ``after`` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(f"GitHub's rate limit is reached for {after:.0f} seconds")
        self.after = after


class Gone(GitHubError):
    """The repository, pull request or installation is not there any more, or the App is suspended."""


class NotInstalled(Gone):
    """The App has no part in the repository: its installation is gone, or does not cover it."""


class Refused(GitHubError):
    """The App lacks a permission."""


class Unprocessable(GitHubError):
    """GitHub understood the request and refuses its content; nothing was done."""


class Unsure(GitHubError):
    """No usable answer came: what was asked may have been done or not."""


class Moved(Unsure):
    """The repository has another name now; nothing was done."""


class Unauthorised(Unsure):
    """The token was not accepted; nothing was done. A new one may be."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turns every way in which PyGithub reports trouble into one of the errors above. *what* is what was asked for."""
    try:
        yield
    except GithubException as error:
        raise _translated(error, what) from None
    except requests.RequestException as error:
        raise Unsure(f"GitHub did not answer when asked to {what} ({type(error).__name__})") from None
    except (BadAttributeException, AssertionError, ValueError, KeyError, TypeError) as error:
        raise Unsure(f"GitHub's answer made no sense when asked to {what} ({type(error).__name__})") from None


def _translated(error: GithubException, what: str) -> GitHubError:
    status, message = error.status, _message(error.data)
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if status in (403, 429) and (wait := _wait(status, message, headers)) is not None:
        return RateLimited(wait)
    said = f"GitHub answered {status} when asked to {what}" + (f": {message}" if message else "")
    if status == 401:
        return Unauthorised(said)
    if status in (404, 410, 451) or (status == 403 and "suspended" in message):
        return Gone(said)
    if status == 403:
        needed = headers.get("x-accepted-github-permissions")
        return Refused(said + (f" (needed: {needed})" if needed else ""))
    if status == 422:
        return Unprocessable(said)
    return Moved(said) if 300 <= status < 400 else Unsure(said)


def _wait(status: int, message: str, headers: Mapping[str, str]) -> float | None:
    """Seconds to wait in GitHub's own order of precedence; None where this is no rate limit."""
    if after := _number(headers.get("retry-after")):
        return min(after, MAX_WAIT)
    reset = _number(headers.get("x-ratelimit-reset"))
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return min(max(reset - time.time(), 0) + 1, MAX_WAIT)
    return SECONDARY_WAIT if status == 429 or Requester.isRateLimitError(message) else None


def _number(text: str | None) -> float | None:
    """A number of seconds; None for what is none."""
    return float(text) if text is not None and re.fullmatch(r"[0-9]{1,15}(\.[0-9]+)?", text) else None


def _message(data: Any) -> str:
    """GitHub's own words: its message, and those of the single errors."""
    if not isinstance(data, Mapping):
        return ""
    errors = data.get("errors")
    details = [_detail(item) for item in errors] if isinstance(errors, list) else []
    return "; ".join(str(part) for part in (data.get("message"), *details) if part)[:500]


def _detail(item: Any) -> str:
    return str(item.get("message") or item.get("code") or "") if isinstance(item, Mapping) else str(item)
