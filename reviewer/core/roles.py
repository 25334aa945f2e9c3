"""File roles that follow from a path alone: what is ignored everywhere, and what a route file means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Role = Literal["pages-api-route", "app-route-handler", "page"]

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
UPGRADE_METHODS = ("SOCKET", "UPGRADE")
DEFAULT_EXTENSIONS = ("tsx", "ts", "jsx", "js")

_IGNORED_DIRECTORY = re.compile(
    r"(?:^|/)(?:\.[^/]+|node_modules|dist|build|out|vendor|third_party|backups?|"
    r"__tests__|__mocks__|test|tests|e2e|cypress|playwright|fixtures|stories|examples?|docs|templates)/"
)
_IGNORED_NAME = re.compile(r"\.d\.[cm]?ts$|\.(?:test|spec|stories|mock|cy|e2e|min)\.[cm]?[jt]sx?$")
_TEST_DIRECTORY = re.compile(r"(?:^|/)(?:__tests__|__mocks__|node_modules)/")
_APP_PAGES = frozenset(
    [
        "page",
        "layout",
        "template",
        "default",
        "loading",
        "error",
        "global-error",
        "not-found",
        "forbidden",
        "unauthorized",
        "sitemap",
        "robots",
        "manifest",
        "icon",
        "apple-icon",
        "opengraph-image",
        "twitter-image",
    ]
)
_NOT_ADDRESSABLE = _APP_PAGES - {"page"}
_PAGES_SPECIAL = frozenset({"_app", "_document", "_error", "404", "500"})


@dataclass(frozen=True, slots=True)
class Route:
    """A file Next serves: its role and the URL pattern it answers, ``[x]`` for one segment, ``[...x]`` for many."""

    path: str
    role: Role
    pattern: str

    @property
    def is_api(self) -> bool:
        return self.role != "page"

    @property
    def is_addressable(self) -> bool:
        """Whether the file itself answers the pattern: layouts, error pages and images beside a page do not."""
        return self.path.rpartition("/")[2].partition(".")[0] not in _NOT_ADDRESSABLE


def is_ignored(path: str) -> bool:
    """Whether a script outside Next's route directories is tests, build output, examples or the like."""
    return _IGNORED_NAME.search(path) is not None or _IGNORED_DIRECTORY.search(path) is not None


def is_ignored_route(relative: str) -> bool:
    """The same inside a route directory, where any other directory name is part of a URL."""
    return _IGNORED_NAME.search(relative) is not None or _TEST_DIRECTORY.search(relative) is not None


def pages_route(path: str, pages_dir: str, extensions: tuple[str, ...]) -> Route | None:
    """The route a file below the ``pages`` directory is, or None."""
    relative = path[len(pages_dir) + 1 :]
    stem = _stem(relative, extensions)
    if stem is None or is_ignored_route(relative):
        return None
    name = stem.rpartition("/")[2]
    if name == "_middleware":
        return None
    url = re.sub(r"(?:^|/)index$", "", stem)
    if stem == "api" or stem.startswith("api/"):
        return Route(path, "pages-api-route", f"/{url}".rstrip("/") or "/")
    if stem in _PAGES_SPECIAL:
        return None
    return Route(path, "page", f"/{url}".rstrip("/") or "/")


def app_route(path: str, app_dir: str, extensions: tuple[str, ...]) -> Route | None:
    """The route a file below the ``app`` directory is, or None."""
    relative = path[len(app_dir) + 1 :]
    stem = _stem(relative, extensions)
    if stem is None or is_ignored_route(relative):
        return None
    *segments, name = stem.split("/")
    if any(segment.startswith("_") for segment in segments):
        return None
    if name != "route" and name not in _APP_PAGES:
        return None
    url = "/" + "/".join(s.replace("%5F", "_") for s in segments if not _is_invisible(s))
    return Route(path, "app-route-handler" if name == "route" else "page", url)


def _is_invisible(segment: str) -> bool:
    """Whether a directory is a group or a slot; an intercepting ``(.)x`` stays, so that no URL matches it."""
    return segment.startswith("@") or (segment.startswith("(") and segment.endswith(")"))


def _stem(relative: str, extensions: tuple[str, ...]) -> str | None:
    matching = [extension for extension in extensions if relative.endswith("." + extension)]
    stem = relative[: -len(max(matching, key=len)) - 1] if matching else ""
    return stem if stem.rpartition("/")[2] else None


def pattern_matches(pattern: str, url: str) -> bool:
    """Whether a URL path (leading slash, no trailing one) is answered by a route pattern."""
    return _match([s for s in pattern.split("/") if s], [s for s in url.split("/") if s])


def _match(pattern: list[str], segments: list[str]) -> bool:
    for index, part in enumerate(pattern):
        if part.startswith("[[..."):
            return True
        if part.startswith("[..."):
            return len(segments) > index
        if index >= len(segments) or (part != segments[index] and not part.startswith("[")):
            return False
    return len(segments) == len(pattern)


def answering(routes: Iterable[Route], path: str) -> Route | None:
    """The route that answers a path: of those whose pattern fits, the one Next prefers. Holes fit open segments."""
    fitting = [route for route in routes if pattern_matches(route.pattern, path)]
    return min(fitting, key=lambda route: tuple(_precedence(route.pattern)), default=None)


def _precedence(pattern: str) -> Iterator[int]:
    for part in pattern.split("/"):
        yield 3 if part.startswith("[[...") else 2 if part.startswith("[...") else 1 if part.startswith("[") else 0


def route_files(paths: Iterator[str], directory: str) -> Iterator[str]:
    prefix = directory + "/"
    return (path for path in paths if path.startswith(prefix))
