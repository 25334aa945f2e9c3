"""The one page people see: where the links of check runs lead."""

from __future__ import annotations

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse

from reviewer import __version__
from reviewer.resources import built_in_rulebook

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>reviewer</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>reviewer {version}</h1>
<p>This service reads pull requests of Next.js and Express repositories as the architecture they change. What it found
stands in the check run <code>reviewer</code> of each pull request, and in comments on the changed lines.</p>
<h2>Rules</h2>
<ul>
{rules}
</ul>
"""


async def index(_: Request) -> HTMLResponse:
    """What this service is, and the rules it knows."""
    heads = [rule.head for rule in built_in_rulebook().rules.values()]
    rows = [f"<li>{escape(head.title)} (<code>{escape(head.id)}</code>, {head.level})</li>" for head in heads]
    return HTMLResponse(_PAGE.format(version=escape(__version__), rules="\n".join(rows)))
