"""What a URL says about the place it asks: origin and path, with parts that only running code knows left open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

PartKind = Literal["text", "env", "request", "browser", "hole"]
Origin = Literal["relative", "local", "env", "request", "host", "browser", "unknown"]

MAX_ALTERNATIVES = 8
MAX_PARTS = 24
HOLE = "\0"
_MARK = "\x01{}\x01"
_MARKED = re.compile("\x01([0-9]+)\x01")
_AUTHORITY = re.compile("(?:(?:https?:|\x01[0-9]+\x01:?)?//)([^/?#]*)")
_LOCAL = re.compile(r"(?:[^@]*@)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(.*))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a URL: its ``text``, or what stands for it at run time.

    ``env`` is a variable of the environment by its name, ``request`` the host or origin of the request being answered,
    ``browser`` that of the page a browser shows, ``hole`` anything else, as the code spells it.
    """

    kind: PartKind
    text: str = ""


Url = tuple[Part, ...]
EMPTY: tuple[Url, ...] = ((),)


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. ``name`` is the variable of an ``env`` origin, or the host; ``port`` that of a local one.

    In ``path`` every part that only running code knows is ``HOLE``; ``is_open`` says that the last one is glued to
    text and so may begin a query. Query and fragment are left out.
    """

    origin: Origin
    path: str
    name: str = ""
    port: str = ""
    is_open: bool = False


def joined(left: Iterable[Url], right: Sequence[Url]) -> tuple[Url, ...]:
    """Every way to write one alternative after another."""
    found: dict[Url, None] = {}
    for one in left:
        for other in right:
            found[(*one, *other)[:MAX_PARTS]] = None
    return tuple(found)[:MAX_ALTERNATIVES]


def either(*alternatives: Iterable[Url]) -> tuple[Url, ...]:
    """Alternatives of several places, each once."""
    found = dict.fromkeys(url for urls in alternatives for url in urls)
    return tuple(found)[:MAX_ALTERNATIVES]


def literal(text: str) -> tuple[Url, ...]:
    """A URL that is written out."""
    return ((Part("text", text),),) if text else EMPTY


def shown(url: Url) -> str:
    """A URL as people read it: variables of the environment by name, other open parts as an ellipsis."""
    return "".join(part.text if part.kind == "text" else f"${part.text}" if part.kind == "env" else "…" for part in url)


def based(base: Iterable[Url], url: Sequence[Url]) -> tuple[Url, ...]:
    """URLs read against a base address, as clients with a base URL do: what is absolute stays as it is."""
    base = tuple(base)
    found = []
    for one in url:
        text = _flat(one)
        is_absolute = _AUTHORITY.match(text) is not None or (bool(one) and one[0].kind in ("env", "request"))
        below = (one,) if text.startswith("/") else joined(literal("/"), (one,))
        found.append((one,) if is_absolute else joined(base, below))
    return either(*found)


def on_origin(base: Iterable[Url], url: Sequence[Url]) -> tuple[Url, ...]:
    """``new URL(url, base)``: a path is put on the origin of the base."""
    origins = tuple(_origin_of(one) for one in base)
    found = []
    for one in url:
        text = _flat(one)
        is_path = text.startswith("/") and not text.startswith("//")
        found.append(joined(origins, (one,)) if is_path else based(origins, (one,)))
    return either(*found)


def _origin_of(url: Url) -> Url:
    """A URL up to its path; an open first part is taken to be an origin."""
    text = _flat(url)
    authority = _AUTHORITY.match(text)
    head = authority.group() if authority is not None else _leading(text)
    return _parts_of(head, url)


def _leading(text: str) -> str:
    match = re.match("(?:\x01[0-9]+\x01)+", text)
    return match.group() if match is not None else ""


def _parts_of(text: str, url: Url) -> Url:
    pieces = _MARKED.split(text)
    parts = [url[int(piece)] if index % 2 else Part("text", piece) for index, piece in enumerate(pieces)]
    return tuple(part for part in parts if part.kind != "text" or part.text)


def _flat(url: Url) -> str:
    """The URL as text in which every open part is its number between two marks."""
    return "".join(part.text if part.kind == "text" else _MARK.format(index) for index, part in enumerate(url))


def address_of(url: Url) -> Address:
    """The origin and the path of a URL."""
    text = _flat(url)
    authority = _AUTHORITY.match(text)
    if authority is not None:
        origin, name, port = _authority(authority.group(1), url)
        return _with_path(Address(origin, "", name, port), text[authority.end() :])
    if text.startswith("/"):
        return _with_path(Address("relative", ""), text)
    leading = _leading(text)
    if not leading:
        return Address("unknown", "")
    rest = text[len(leading) :]
    first = _open_origin(_parts_of(leading, url))
    return _with_path(first, rest if rest.startswith(("/", "?", "#")) or not rest else f"/{rest}")


def _authority(text: str, url: Url) -> tuple[Origin, str, str]:
    """The origin behind ``//``: host and port, or the open part that stands for both."""
    parts = _parts_of(text, url)
    local = _LOCAL.fullmatch(text)
    if local is not None:
        port = _parts_of(local.group(1) or "", url)
        return "local", "localhost", "".join(p.text if p.kind in ("text", "env") else HOLE for p in port)
    opened = [part for part in parts if part.kind != "text"]
    if not opened:
        return "host", text, ""
    plain = "".join(part.text for part in parts if part.kind == "text")
    if plain.strip(":").isdigit() or not plain.strip(":"):
        found = _open_origin(parts)
        return found.origin, found.name, found.port
    return "host", text, ""


def _open_origin(parts: Url) -> Address:
    """What open parts before a path stand for: the first of them that says anything."""
    for part in parts:
        if part.kind in ("env", "request", "browser"):
            origin: Origin = "env" if part.kind == "env" else "request" if part.kind == "request" else "browser"
            return Address(origin, "", part.text)
    return Address("unknown", "")


def _with_path(address: Address, text: str) -> Address:
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    is_open = re.search("[^/\x01]\x01[0-9]+\x01$", path) is not None and path == text
    return Address(address.origin, _MARKED.sub(HOLE, path), address.name, address.port, is_open)
