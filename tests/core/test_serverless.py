"""Timeouts of the Serverless Framework's file."""

from __future__ import annotations

import pytest

from reviewer.core.files import Files, NoCache
from reviewer.core.serverless import timeouts
from reviewer.core.snapshot import snapshot_of


def _timeouts(text: str, name: str = "api/serverless.yml") -> list[tuple[str, int, bool, int]]:
    files = Files(snapshot_of({name: text}), NoCache())
    return [(found.function, found.seconds, found.is_http, found.line) for found in timeouts(files, "api")]


FUNCTIONS = """functions:
  web:
    events:
      - http: ANY /
  night:
    timeout: 900
    events:
      - schedule: rate(1 day)
"""


def test_the_general_timeout_is_for_functions_without_one_of_their_own() -> None:
    assert _timeouts(f"provider:\n  timeout: 60\n{FUNCTIONS}") == [("", 60, True, 2), ("night", 900, False, 8)]
    assert _timeouts(FUNCTIONS) == [("night", 900, False, 6)]


@pytest.mark.parametrize(
    ("event", "is_http"), [("httpApi: '*'", True), ("http: GET /", True), ("sqs: arn", False), ("plain", False)]
)
def test_what_api_gateway_calls(event: str, is_http: bool) -> None:
    assert _timeouts(f"functions:\n  a:\n    timeout: 40\n    events:\n      - {event}\n") == [("a", 40, is_http, 3)]


@pytest.mark.parametrize(
    "text",
    [
        "provider: aws",
        "provider:\n  timeout: ${env:TIMEOUT}",
        "functions: ${file(functions.yml)}",
        "functions:\n  a: later",
        ": : :",
    ],
)
def test_what_is_no_plain_number_says_nothing(text: str) -> None:
    assert _timeouts(text) == []


def test_the_file_of_another_directory_is_not_read() -> None:
    assert _timeouts("provider:\n  timeout: 60\n", "serverless.yml") == []
