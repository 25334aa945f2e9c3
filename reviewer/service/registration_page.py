"""The pages of ``reviewer register``: the form that is posted to GitHub, and what became of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from reviewer.github.registration import Manifest, Permission, Place

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}"
    "td{padding:0 1.5rem .2rem 0;vertical-align:top}"
    "button{font:inherit;padding:.5rem 1rem;margin-top:1rem;cursor:pointer}"
    "code{overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True)
class Step:
    """Something its reader does next, and the page where it is done."""

    text: str
    link: str = ""


def headers(place: Place) -> dict[str, str]:
    """What browsers may do with the pages: show them, keep nothing, and post to that GitHub alone."""
    style = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{style}'; form-action {place.pages}; "
        "base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "strict-origin",  # the code is in an address; GitHub learns where the form came from
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def form(manifest: Manifest, place: Place, state: str, redirect_url: str) -> str:
    """The page with the one button."""
    owner = f"the organisation {place.organisation}" if place.organisation else "your account"
    document = escape(json.dumps(manifest.document(redirect_url)))
    return _document(
        f"Register {manifest.name}",
        [
            f"<p>{escape(manifest.description)}</p>",
            f"<p>GitHub shows what the App is named, lets you change it, and registers it for {escape(owner)}. "
            f"It delivers webhooks to <code>{escape(manifest.webhook)}</code>. Only where you install the App "
            "afterwards it may:</p>",
            f"<table>{''.join(map(_row, manifest.permissions))}</table>",
            f"<p>It is told of these events there: {escape(', '.join(manifest.events))}.</p>",
            f'<form method="post" action="{escape(place.form_target(state))}">'
            f'<input type="hidden" name="manifest" value="{document}">'
            f"<button>Register on {escape(place.pages.partition('://')[2])}</button></form>",
        ],
    )


def _row(permission: Permission) -> str:
    name = permission.name.replace("_", " ")
    return f"<tr><td>{escape(permission.level)} {escape(name)}</td><td>{escape(permission.reason)}</td></tr>"


def done(title: str, steps: Iterable[Step]) -> str:
    """The page after the registration."""
    rows = "".join(f"<li>{escape(step.text)}{_link(step.link)}</li>" for step in steps)
    return _document(title, [f"<ol>{rows}</ol>", "<p>You can close this page.</p>"])


def _link(target: str) -> str:
    return f': <a href="{escape(target)}" rel="noreferrer">{escape(target)}</a>' if target else ""


def trouble(text: str) -> str:
    """The page that says what went wrong."""
    return _document("The App is not registered here", [f"<p>{escape(text)}</p>"])


def _document(title: str, parts: Iterable[str]) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )
