"""Published ways around the middleware of Next: the versions that have them, and what an application needs for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reviewer.core.app import App
from reviewer.core.roles import Route

Host = Literal["vercel", "self", "unknown"]

_SELF_HOSTED = ("long-lived", "scale-to-zero")


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory: half-open ranges of versions, each ending with the first fixed one, and where it was published."""

    id: str
    ranges: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exposure:
    """An advisory that holds for a route: the version that fixes it; ``sure`` unless it hangs on an unknown host."""

    advisory: Advisory
    fixed: str
    sure: bool = True


SUBREQUEST = Advisory(
    "CVE-2025-29927",
    (("12.0.0", "12.3.5"), ("13.0.0", "13.5.9"), ("14.0.0", "14.2.25"), ("15.0.0", "15.2.3")),
)
LOCALE_DATA = Advisory("CVE-2026-44573", (("12.2.0", "15.5.16"), ("16.0.0", "16.2.5")))
DYNAMIC = Advisory("CVE-2026-44574", (("15.4.0", "15.5.16"), ("16.0.0", "16.2.5")))
PREFETCH = Advisory("CVE-2026-44575", (("15.2.0", "15.5.16"), ("16.0.0", "16.2.5")))
PREFETCH_TURBOPACK = Advisory("CVE-2026-45109", (("15.2.0", "15.5.18"), ("16.0.0", "16.2.6")))
SINGLE_LOCALE = Advisory("GHSA-6gpp-xcg3-4w24", (("16.0.0", "16.2.11"),))


def host_of(app: App) -> Host:
    """Who runs the application, as far as files of the repository say so."""
    if app.deployment.is_vercel():
        return "vercel"
    return "self" if app.deployment.model in _SELF_HOSTED else "unknown"


def exposure_of(app: App, route: Route | None, stem: str, host: Host) -> Exposure | None:
    """The first advisory that lets requests pass the ``middleware`` or ``proxy`` file of that stem: those to a route,
    or those to any Server Action."""
    for advisory, holds in _conditions(app, route, stem, host):
        fixed = _fixed(app, advisory) if holds else ""
        if fixed:
            return Exposure(advisory, fixed, advisory is not SUBREQUEST or host == "self")
    return None


def _conditions(app: App, route: Route | None, stem: str, host: Host) -> list[tuple[Advisory, bool]]:
    if route is None:
        return [(SUBREQUEST, host != "vercel")]
    in_pages = bool(app.pages_dir) and route.path.startswith(f"{app.pages_dir}/")
    is_app_page = not route.is_api and not in_pages
    turbopack = app.bundler.name == "turbopack"
    return [
        (SUBREQUEST, host != "vercel"),
        (DYNAMIC, "[" in route.pattern),
        (PREFETCH, is_app_page),
        (PREFETCH_TURBOPACK, is_app_page and turbopack and stem == "middleware"),
        (SINGLE_LOCALE, is_app_page and turbopack and _locales(app) == 1),
        (LOCALE_DATA, not route.is_api and in_pages and _locales(app) > 0),
    ]


def _fixed(app: App, advisory: Advisory) -> str:
    """The version that ends the range the installed one lies in; '' where it lies in none, or is not known."""
    version = app.version("next")
    return next((high for low, high in advisory.ranges if version.within((low, high))), "")


def _locales(app: App) -> int:
    """How many locales ``i18n`` of the configuration lists; 0 where that cannot be told."""
    locales = app.config.texts("i18n.locales")
    return len(locales) if locales else 0
