"""Vercel's configuration files: which preset builds a root."""

from __future__ import annotations

import pytest

from reviewer.core.files import Files, NoCache
from reviewer.core.snapshot import snapshot_of
from reviewer.core.vercel import builds_as_function, preset_of


def _files(path: str, text: str) -> Files:
    return Files(snapshot_of({path: text}), NoCache())


@pytest.mark.parametrize(
    ("path", "text", "preset"),
    [
        ("vercel.json", "{}", "unset"),
        ("vercel.json", '{"framework": "nextjs"}', "next"),
        ("vercel.json", '{"framework": null}', "other"),
        ("vercel.json", '{"framework": "express"}', "other"),
        ("vercel.json", '{"services": {"web": {"root": "."}}}', "other"),
        ("vercel.json", '{"services": {"web": {"root": "api"}}}', "unset"),
        ("vercel.json", '{"services": {"web": 1}}', "other"),
        ("vercel.toml", 'framework = "nextjs"', "next"),
        ("vercel.toml", 'framework = "nestjs"', "other"),
        ("vercel.ts", "export const config = { framework: 'nextjs' };", "next"),
        ("vercel.mjs", "export const config = { framework: null };", "other"),
        ("vercel.ts", "export const config = { services: {} };", "other"),
        ("vercel.ts", "export const config = { crons: [] };", "unset"),
    ],
)
def test_the_preset_a_file_asks_for(path: str, text: str, preset: str) -> None:
    assert preset_of(_files(path, text), path, "") == preset


@pytest.mark.parametrize(
    ("builds", "is_function"),
    [
        ('[{"src": "server.js", "use": "@vercel/node"}]', True),
        ('[{"src": "*.js", "use": "@vercel/node@3"}]', True),
        ('[{"src": "package.json", "use": "@vercel/next"}]', False),
        ('[{"src": "server.js", "use": "@vercel/static"}]', False),
        ('["server.js", {"src": 1, "use": 2}]', False),
        ("{}", False),
    ],
)
def test_a_server_that_builds_make_a_function(builds: str, is_function: bool) -> None:
    files = _files("vercel.json", f'{{"builds": {builds}}}')
    assert builds_as_function(files, "vercel.json", "server.js") is is_function
