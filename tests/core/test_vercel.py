"""Vercel's configuration files: which preset builds a root."""

from __future__ import annotations

import pytest

from reviewer.core.files import Files, NoCache
from reviewer.core.snapshot import snapshot_of
from reviewer.core.vercel import builds_as_function, function_limits, preset_of, shifted


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


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("vercel.json", '{"functions": {\n"a/*.js": {\n"maxDuration": 60 } } }', [("a/*.js", 60, 3)]),
        ("vercel.json", '{"functions": {"a": {"memory": 1}, "b": {"maxDuration": "60"}, "c": 1}}', []),
        ("vercel.json", '{"functions": []}', []),
        ("vercel.json", "{", []),
        ("vercel.toml", '[functions."a/*.js"]\nmemory = 1\nmaxDuration = 60', [("a/*.js", 60, 3)]),
        ("vercel.ts", "export const config = {\nfunctions: { 'a': { maxDuration: 60 } } };", [("a", 60, 2)]),
        ("vercel.ts", "const all = { a: { maxDuration: 60 } };\nexport default { functions: all };", [("a", 60, 1)]),
        ("vercel.ts", "export const config = { functions: { a: { maxDuration: 60 * 5 }, b: make() } };", []),
        ("vercel.ts", "export const config = make();", []),
        ("vercel.ts", "export {};", []),
    ],
)
def test_the_durations_of_functions(path: str, text: str, found: list[tuple[str, int, int]]) -> None:
    limits = function_limits(_files(path, text), path)
    assert [(limit.glob, limit.seconds, limit.line) for limit in limits] == found


@pytest.mark.parametrize(
    ("glob", "reached"),
    [
        ("app/api/**/*.ts", "web/src/app/api/a/route.ts"),
        ("app/**/*.js", ""),
        ("src/app/api/**/*.ts", ""),
        ("lib/*.ts", ""),
    ],
)
def test_a_glob_that_only_lacks_src(glob: str, reached: str) -> None:
    tree = {"web/src/app/api/a/route.ts": "", "web/src/app/x.js": "", "web/app/x.js": "", "web/lib/a.ts": ""}
    files = Files(snapshot_of(tree), NoCache())
    assert shifted(files, "web", glob, ["web/src/app/api/a/route.ts", "web/src/app/x.js"]) == reached
