"""Every way in which GitHub may fail to answer, and what the caller is told to do about it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import pytest
from github import Auth, Github

from reviewer.github.errors import (
    MAX_WAIT,
    SECONDARY_WAIT,
    GitHubError,
    Gone,
    Moved,
    RateLimited,
    Refused,
    Unauthorised,
    Unprocessable,
    Unsure,
    translated,
)
from reviewer.github.repository import RepositoryApi
from reviewer.render.check import superseded
from tests.github.answers import Answer, Answers, answering

TOKEN = "ghs_424242_" + "x" * 60 + "." + "y" * 60
FULL_PULL = {
    "number": 7,
    "head": {"sha": "a" * 40},
    "base": {"ref": "main", "repo": {"html_url": "u", "full_name": "n"}},
    "state": "open",
}


@pytest.fixture(scope="module")
def running() -> Iterator[Answers]:
    with answering() as server:
        yield server


@pytest.fixture
def server(running: Answers) -> Answers:
    running.answers.clear()
    running.asked.clear()
    return running


def api(url: str) -> RepositoryApi:
    auth = Auth.Token(TOKEN)
    client = Github(
        auth=auth, base_url=url, timeout=1, retry=None, lazy=True,
        seconds_between_requests=None, seconds_between_writes=None,
    )  # fmt: skip
    return RepositoryApi(client, "acme/shop")


def error_of(server: Answers, answer: Answer) -> GitHubError:
    """What comes of asking for a pull request."""
    server.answers["/repos/"] = answer
    with pytest.raises(GitHubError) as caught:
        api(server.url).pull(7)
    assert TOKEN[-20:] not in str(caught.value)
    return caught.value


def said(message: str, status: int, headers: dict[str, str] | None = None, **more: object) -> Answer:
    return Answer(status, json.dumps({"message": message, **more}), headers or {})


def in_seconds(seconds: float) -> str:
    return str(int(time.time() + seconds))


LIMIT = "API rate limit exceeded for installation ID 1."
SECOND = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
NO_MORE = {"X-RateLimit-Remaining": "0"}


@pytest.mark.parametrize("status", [403, 429])
@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "7", **NO_MORE, "X-RateLimit-Reset": "9999999999"}, 7, 7),
        ({"Retry-After": "999999"}, MAX_WAIT, MAX_WAIT),
        ({**NO_MORE, "X-RateLimit-Reset": in_seconds(900)}, 700, 901),
        ({**NO_MORE, "X-RateLimit-Reset": in_seconds(-900)}, 1, 1),
        ({**NO_MORE, "X-RateLimit-Reset": "99999999999"}, MAX_WAIT, MAX_WAIT),
        ({}, SECONDARY_WAIT, SECONDARY_WAIT),
        ({"X-RateLimit-Remaining": "12", "X-RateLimit-Reset": in_seconds(900)}, SECONDARY_WAIT, SECONDARY_WAIT),
        (NO_MORE, SECONDARY_WAIT, SECONDARY_WAIT),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, SECONDARY_WAIT, SECONDARY_WAIT),
        ({"Retry-After": "0"}, SECONDARY_WAIT, SECONDARY_WAIT),
        ({"Retry-After": "-5"}, SECONDARY_WAIT, SECONDARY_WAIT),
        ({"Retry-After": "nan"}, SECONDARY_WAIT, SECONDARY_WAIT),
    ],
)
def test_a_limit_says_how_long_to_wait(
    server: Answers, status: int, headers: dict[str, str], least: float, most: float
) -> None:
    error = error_of(server, said(SECOND, status, headers))
    assert isinstance(error, RateLimited)
    assert least <= error.after <= most


def test_too_many_requests_are_a_limit_whatever_the_words(server: Answers) -> None:
    error = error_of(server, said("slow down", 429))
    assert isinstance(error, RateLimited)
    assert error.after == SECONDARY_WAIT


def test_the_primary_limit_lasts_until_it_is_reset(server: Answers) -> None:
    error = error_of(server, said(LIMIT, 403, {**NO_MORE, "X-RateLimit-Reset": in_seconds(600)}))
    assert isinstance(error, RateLimited)
    assert 500 < error.after <= 601


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (said("Bad credentials", 401), Unauthorised, "Bad credentials"),
        (said("Resource not accessible by integration", 403), Refused, "not accessible"),
        (
            said("Resource not accessible by integration", 403, {"X-Accepted-GitHub-Permissions": "checks=write"}),
            Refused,
            "(needed: checks=write)",
        ),
        (said("This installation has been suspended", 403), Gone, "suspended"),
        (said("Not Found", 404), Gone, "404"),
        (said("Gone", 410), Gone, "410"),
        (said("Unavailable for legal reasons", 451), Gone, "451"),
        (said("Validation Failed", 422, errors=["Path could not be resolved"]), Unprocessable, "Path could not be"),
        (
            said("Validation Failed", 422, errors=[{"message": "Line is gone"}, {"code": "custom"}]),
            Unprocessable,
            "Validation Failed; Line is gone; custom",
        ),
        (said("Validation Failed", 422, errors="odd"), Unprocessable, "Validation Failed"),
        (said("Server Error", 500), Unsure, "500"),
        (said("Bad gateway", 502), Unsure, "show the pull request"),
        (Answer(503, "<html>Unicorn!</html>", {"Content-Type": "text/html"}), Unsure, "503"),
        (Answer(502, ""), Unsure, "502"),
        (said("What?", 400), Unsure, "400"),
        (Answer(200, "<html>Log in</html>", {"Content-Type": "text/html"}), Unsure, "no sense"),
        (Answer(200, '{"number": 7, "head'), Unsure, "no sense"),
        (Answer(200, "null"), Unsure, "no sense"),
        (Answer(200, "[]"), Unsure, "no sense"),
        (Answer(200, json.dumps({**FULL_PULL, "number": "x"})), Unsure, "no sense"),
        (Answer(200, json.dumps({**FULL_PULL, "base": None})), Unsure, "no sense"),
        (Answer(200, '{"number": 7}', missing=100), Unsure, "did not answer"),
        (Answer(200, hang=1.5), Unsure, "did not answer"),
    ],
)
def test_an_answer_is_told_by_what_to_do_next(
    server: Answers, answer: Answer, kind: type[GitHubError], words: str
) -> None:
    error = error_of(server, answer)
    assert type(error) is kind
    assert words in str(error)


def test_nobody_at_home_leaves_open_what_was_done() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(Unsure, match="did not answer when asked to show the pull request"):
        api(url).pull(7)


@pytest.mark.parametrize("status", [307, 308])
def test_a_renamed_repository_takes_no_writes_by_its_old_name(server: Answers, status: int) -> None:
    to = f"{server.url}/repositories/1/check-runs"
    moved = said("Temporary Redirect", status, {"Location": to}, url=to, documentation_url="https://docs.example")
    server.answers["/repos/"] = moved
    with pytest.raises(Moved):
        api(server.url).start_check("a" * 40, "pr:7:1", None)
    with pytest.raises(Moved):
        api(server.url).conclude_check(1, superseded(), ())
    assert [line.split()[0] for line in server.asked] == ["POST", "PATCH"]


@pytest.mark.parametrize("body", ["<html>Log in</html>", "{}", "null", "[]", '{"id": "1"}'])
def test_a_write_without_a_sensible_answer_may_have_been_done(server: Answers, body: str) -> None:
    server.answers["/repos/"] = Answer(200, body)
    with pytest.raises(Unsure):
        api(server.url).start_check("a" * 40, "pr:7:1", None)
    with pytest.raises(Unsure):
        api(server.url).conclude_check(1, superseded(), ())
    with pytest.raises(Unsure):
        api(server.url).annotate_check(1, superseded(), ())


def test_a_long_message_is_shortened(server: Answers) -> None:
    assert len(str(error_of(server, said("m" * 5000, 422)))) < 700


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("divide"):
        _ = 1 / 0
