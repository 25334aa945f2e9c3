"""What the Serverless Framework's file says about how long functions may run, and what calls them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reviewer.core.files import Files
from reviewer.core.manifest import join, load_yaml_file

NAMES = ("serverless.yml", "serverless.yaml")
_HTTP = frozenset({"http", "httpApi"})


@dataclass(frozen=True, slots=True)
class Timeout:
    """A timeout in seconds: of one function, or '' for all of them. ``is_http`` says that API Gateway calls it."""

    function: str
    seconds: int
    is_http: bool
    path: str
    line: int


def timeouts(files: Files, root: str) -> Iterator[Timeout]:
    """The timeouts of the Serverless Framework's file of a directory, the one for all functions first."""
    for path in (join(root, name) for name in NAMES):
        document, lines = load_yaml_file(files, path, quiet=True)
        provider, functions = _dict(document.get("provider")), _dict(document.get("functions"))
        general = provider.get("timeout")
        if type(general) is int:
            inheriting = [f for f in functions.values() if "timeout" not in _dict(f)]
            called = any(_is_http(_dict(function)) for function in inheriting)
            yield Timeout("", general, called, path, lines.get(("provider", "timeout"), 1))
        for name, function in functions.items():
            seconds = _dict(function).get("timeout")
            if type(seconds) is int:
                line = lines.get(("functions", name, "timeout"), 1)
                yield Timeout(name, seconds, _is_http(function), path, line)


def _is_http(function: Mapping[str, Any]) -> bool:
    events = function.get("events")
    return any(_HTTP & _dict(event).keys() for event in (events if isinstance(events, list) else ()))


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
