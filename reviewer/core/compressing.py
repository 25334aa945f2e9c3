"""Routes of Express that answer behind ``compression()``: what a compressing middleware stands in front of."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from reviewer.core.code import Code
from reviewer.core.finding import Site
from reviewer.core.manifest import Package
from reviewer.core.registrations import Registration, registrations_in

_COMPRESSION = "compression"
_IMPORT = re.compile(rb"""(?:from\s*|require\(\s*)['"]compression['"]""")
_MAX_MOUNTS = 2


@dataclass(frozen=True, slots=True)
class Compressed:
    """A function that answers a route behind ``compression()``: its file, its id, the route and the middleware."""

    path: str
    function: int
    route: Registration
    site: Site


def compressed_routes(code: Code, package: Package, paths: Collection[str]) -> Iterator[Compressed]:
    """The handlers of routes that scripts of a package register behind ``compression()``, on mounted routers too."""
    for path in sorted(paths):
        if _IMPORT.search(code.files.raw(path) or b"") and code.package_of(path) is package:
            yield from _behind(code, list(registrations_in(code, path)))


def _behind(code: Code, found: list[Registration]) -> Iterator[Compressed]:
    for middleware in found:
        if middleware.method == "use" and _compresses(middleware):
            site = middleware.site("`compression()` is registered here")
            for registration in found:
                if registration.app == middleware.app and middleware.runs_before(registration):
                    yield from _handlers(code, registration, site, _MAX_MOUNTS)


def _compresses(registration: Registration) -> bool:
    """Whether a registration is ``compression()`` for every URL, without a filter of its own."""
    target = registration.targets[0] if registration.targets else None
    if target is None or registration.paths or registration.conditional or target.ref is None:
        return False
    is_compression = target.ref.kind == "import" and (target.ref.module, target.ref.path()) == (_COMPRESSION, ("()",))
    return is_compression and all(arg.kind == "object" and arg.prop("filter") is None for arg in target.items)


def _handlers(code: Code, route: Registration, site: Site, mounts: int) -> Iterator[Compressed]:
    for target in route.targets:
        where, value = code.follow(route.path, target)
        if value.kind == "function" and route.method not in ("use", "register"):
            yield Compressed(where, value.function, route, site)
    for mounted in route.mounts if mounts > 0 else ():
        file = mounted.rpartition(":")[0]
        for inner in registrations_in(code, file) if file else ():
            if inner.app == mounted:
                yield from _handlers(code, inner, site, mounts - 1)
