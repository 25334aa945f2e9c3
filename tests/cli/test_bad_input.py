"""Hostile and broken repositories: every file costs itself at most, is named, and the rest is reviewed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.helpers import MANIFEST, ROUTE, ROUTE_LINE, Run, commit, diff, repository, reviewer, scan, write

FILLED = "// more than one line\n" * 3
DEEP = 100_000

SEEN: dict[str, str | bytes] = {
    "bom": b"\xef\xbb\xbf" + ROUTE.encode(),
    "utf-16-le": b"\xff\xfe" + ROUTE.encode("utf-16-le"),
    "utf-16-be": b"\xfe\xff" + ROUTE.encode("utf-16-be"),
    "latin-1": ROUTE.replace("'ws';", "'ws'; // caf\xe9").encode("latin-1"),
    "crlf": ROUTE.replace("\n", "\r\n"),
    "no-last-newline": ROUTE.rstrip("\n"),
    "long-line": ROUTE + f"const long = '{'a' * 900_000}';\n",
    "deep-arrays": ROUTE + "const deep = " + "[" * DEEP + "]" * DEEP + ";\n",
    "deep-objects": ROUTE + "const deep = " + "{a:" * 50_000 + "1" + "}" * 50_000 + ";\n",
    "deep-parentheses": ROUTE + "const deep = " + "(" * 50_000 + "1" + ")" * 50_000 + ";\n",
    "deep-templates": ROUTE + "const deep = " + "`${" * 20_000 + "1" + "}`" * 20_000 + ";\n",
    "long-members": ROUTE + "const long = a" + ".b" * 50_000 + ";\n",
    "long-sum": ROUTE + "const long = 1" + " + 1" * 50_000 + ";\n",
    "names-of-each-other": ROUTE + "".join(f"const a{n} = a{n + 1};\n" for n in range(5_000)),
    "names-in-a-circle": ROUTE + "const a = b.c; const b = c.d; const c = a.e; a.x(); b(); new c();\n",
}
SKIPPED: dict[str, tuple[str | bytes, str]] = {
    "nul": (ROUTE + "\0", "it is a binary file"),
    "nul-far-behind": (ROUTE + "// " + "x" * 9_000 + "\n\0\n", "the parser could not read the part near line"),
    "utf-16-odd": (b"\xff\xfe" + ROUTE.encode("utf-16-le") + b"\0", "it starts like UTF-16-LE text but is not valid"),
    "bad-after-bom": (b"\xef\xbb\xbf\xff", "it starts like UTF-8 text but is not valid"),
    "one-liner": (ROUTE.replace("\n", " ") + "a" * 10_000_000, "it is larger than 1 MiB"),
    "large": (ROUTE * 10_000, "it is larger than 1 MiB"),
    "minified": (ROUTE.replace("\n", " ") * 30, "it is minified"),
    "generated": ("// @generated\n" + ROUTE, "it is generated"),
    "unterminated-string": (ROUTE + "const open = 'a\n", "the parser could not read the part near line 7"),
    "unterminated-template": (ROUTE + "const open = `a ${b\n", "the parser could not read the part near line"),
    "unterminated-comment": (ROUTE + "/* open\n", "the parser could not read the part near line"),
    "unterminated-calls": (FILLED + "a(" * 50_000 + "\n" + ROUTE, "the parser could not read the part near line"),
    "merge-conflict": (ROUTE + "<<<<<<< a\n=======\n>>>>>>> b\n", "the parser could not read the part near line 7"),
}
SILENT: dict[str, str] = {"empty": "", "newlines": "\n" * 5_000, "comment": "// nothing\n", "hashbang": "#!/bin/node\n"}


def route(name: str) -> str:
    return f"pages/api/{name}.js"


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One repository with every kind of content, scanned once."""
    folder = tmp_path_factory.mktemp("contents")
    routes = {**SEEN, **{name: content for name, (content, _) in SKIPPED.items()}, **SILENT}
    write(folder, {"package.json": MANIFEST, **{route(name): content for name, content in routes.items()}})
    return scan(folder)


@pytest.mark.parametrize("name", SEEN)
def test_text_in_any_encoding_and_of_any_depth_is_analysed(contents: Run, name: str) -> None:
    assert (route(name), ROUTE_LINE) in contents.places
    assert route(name) not in contents.problems("skipped")


@pytest.mark.parametrize("name", SKIPPED)
def test_what_cannot_be_analysed_in_full_is_skipped_by_name(contents: Run, name: str) -> None:
    assert SKIPPED[name][1] in contents.problems("skipped")[route(name)]


@pytest.mark.parametrize("name", SILENT)
def test_what_says_nothing_is_no_trouble(contents: Run, name: str) -> None:
    named = {**contents.problems("skipped"), **contents.problems("failed")}
    assert route(name) not in named
    assert route(name) not in [path for path, _ in contents.places]


def test_strange_contents_are_no_failure(contents: Run) -> None:
    assert (contents.status, contents.stderr, contents.problems("failed")) == (0, "", {})


def test_columns_are_counted_in_code_points_in_every_encoding(contents: Run) -> None:
    columns = {f["path"]: f["column"] for f in contents.document["findings"] if f["line"] == ROUTE_LINE}
    assert {columns[route(name)] for name in SEEN} == {columns[route("bom")]}


def test_lines_end_at_line_feeds_only(tmp_path: Path) -> None:
    write(tmp_path, {"package.json": MANIFEST, route("cr"): ROUTE.replace("\n", "\r")})
    assert scan(tmp_path).places == [(route("cr"), 1)]


LONG: dict[str, str] = {
    "calls": ROUTE + "const deep = " + "a(" * 10_000 + ")" * 10_000 + ";\n",
    "chain": ROUTE + "const long = a" + ".b()" * 10_000 + ";\n",
}


@pytest.mark.parametrize("name", LONG)
def test_a_file_made_to_last_is_seen_or_named_and_its_neighbour_is_seen(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"package.json": MANIFEST, route("good"): ROUTE, route("long"): LONG[name]})
    run = scan(tmp_path)
    assert (route("good"), ROUTE_LINE) in run.places
    named = {**run.problems("skipped"), **run.problems("failed")}
    assert route("long") in named or route("long") in [path for path, _ in run.places]
    assert run.status == (3 if run.problems("failed") else 0)


MANIFESTS: dict[str, tuple[str | bytes, str, str]] = {
    "list": ("[]", "skipped", "it is not a JSON object"),
    "number": ("3", "skipped", "it is not a JSON object"),
    "null": ("null", "skipped", "it is not a JSON object"),
    "empty": ("", "skipped", "it is not valid JSON on line 1"),
    "cut-off": ('{\n  "name":\n', "skipped", "it is not valid JSON on line 3"),
    "comment": ('{\n  // no\n  "name": "x"\n}', "skipped", "it is not valid JSON on line 2"),
    "surrogate": ('{\n  "name": "\\ud800"\n}', "skipped", "it is not valid JSON on line 2"),
    "binary": (b'{"a": "\0"}', "skipped", "it is a binary file"),
    "deep-lists": ("[" * DEEP, "failed", "it is nested too deeply"),
    "deep-objects": ('{"a":' * DEEP + "1" + "}" * DEEP, "failed", "it is nested too deeply"),
    "long-number": ('{"a": ' + "9" * 5_000 + "}", "failed", "too many digits"),
    "giant": (json.dumps({"dependencies": {f"p{n}": "1" for n in range(60_000)}}), "failed", "nodes (limit 400,000)"),
}
ODD_MANIFESTS: dict[str, str | bytes] = {
    "numbers": '{"scripts": {"start": 1, "dev": [1], "x": null}, "dependencies": {"next": "15.5.0", "ws": 8}}',
    "name": '{"name": 5, "private": "no", "type": [], "dependencies": {"next": "15.5.0"}}',
    "workspaces": '{"workspaces": 7, "exports": 3, "main": [], "dependencies": {"next": "15.5.0"}, "scripts": 4}',
    "globs": '{"workspaces": {"packages": 3, "catalogs": {"a": 1}}, "dependencies": {"next": "15.5.0"}, "engines": 1}',
    "sections": '{"devDependencies": ["next"], "peerDependencies": 5, "dependencies": {"next": "15.5.0"}}',
    "versions": '{"dependencies": {"next": "npm:@", "ws": "^^^|| 1 ||", "a": "workspace:catalog:"}}',
    "twice": '{"dependencies": {"next": "1"}, "dependencies": {"next": "15.5.0"}}',
    "utf-16": b"\xff\xfe" + MANIFEST.encode("utf-16-le"),
    "circle": '{"dependencies": {"next": "15.5.0"}, "scripts": {"start": "npm run a", "a": "npm start && npm run a"}}',
    "long-script": json.dumps({"dependencies": {"next": "15.5.0"}, "scripts": {"start": "a && " * 20_000 + "b"}}),
    "deep-script": json.dumps(
        {"dependencies": {"next": "15.5.0"}, "scripts": {"start": "(" * 20_000, "x": "$(" * 20_000}}
    ),
}


@pytest.fixture(scope="module")
def manifests(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One repository with a package for every kind of manifest, scanned once."""
    folder = tmp_path_factory.mktemp("manifests")
    texts = {**{name: text for name, (text, _, _) in MANIFESTS.items()}, **ODD_MANIFESTS, "good": MANIFEST}
    for name, text in texts.items():
        write(folder / name, {"package.json": text, "next.config.js": "module.exports = {};\n", route("live"): ROUTE})
    return scan(folder)


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_that_cannot_be_read_is_named(manifests: Run, name: str) -> None:
    _, kind, message = MANIFESTS[name]
    assert message in manifests.problems(kind)[f"{name}/package.json"]


@pytest.mark.parametrize("name", ODD_MANIFESTS)
def test_a_manifest_with_odd_members_is_read_without_them(manifests: Run, name: str) -> None:
    assert (f"{name}/{route('live')}", ROUTE_LINE) in manifests.places
    assert f"{name}/package.json" not in {**manifests.problems("skipped"), **manifests.problems("failed")}


def test_a_broken_manifest_leaves_the_packages_beside_it_alone(manifests: Run) -> None:
    assert (f"good/{route('live')}", ROUTE_LINE) in manifests.places
    assert (manifests.status, manifests.stderr) == (3, "")


IMPORTING = "import { make } from '@/make';\n\n" + ROUTE.split("\n\n", 1)[1].replace("new WebSocketServer", "make")
MAKER = """import { WebSocketServer } from 'ws';

export function make(options) {
  return new WebSocketServer(options);
}
"""
CONFIGS: dict[str, dict[str, str | bytes]] = {
    "itself": {"tsconfig.json": '{"extends": "./tsconfig.json"}'},
    "each-other": {"tsconfig.json": '{"extends": "./b.json"}', "b.json": '{"extends": "./tsconfig.json"}'},
    "fan": {"tsconfig.json": json.dumps({"extends": ["./tsconfig.json"] * 4})},
    "kinds": {"tsconfig.json": '{"extends": 4, "compilerOptions": {"baseUrl": 3, "paths": {"@/*": 5, "a": ["x", 3]}}}'},
    "list": {"tsconfig.json": "[]"},
    "deep": {"tsconfig.json": "[" * DEEP},
    "open-string": {"tsconfig.json": '"\\' * DEEP},
    "open-comments": {"tsconfig.json": "/* " * DEEP},
    "commas": {"tsconfig.json": "{," + " " * DEEP + "x"},
    "climbing": {"tsconfig.json": '{"compilerOptions": {"baseUrl": "../../../..", "paths": {"@/*": ["../../../*"]}}}'},
}


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One repository with a package for every kind of tsconfig.json, scanned once."""
    folder = tmp_path_factory.mktemp("configs")
    good: dict[str, str | bytes] = {"tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./lib/*"]}}}'}
    for name, files in {**CONFIGS, "good": good}.items():
        package = {"package.json": MANIFEST, "next.config.js": "module.exports = {};\n", "lib/make.js": MAKER}
        write(folder / name, {**package, **files, route("far"): IMPORTING, route("near"): ROUTE})
    return scan(folder)


@pytest.mark.parametrize("name", CONFIGS)
def test_a_tsconfig_that_makes_no_sense_maps_nothing(configs: Run, name: str) -> None:
    found = [place for place in configs.places if place[0].startswith(f"{name}/")]
    assert found == [(f"{name}/{route('near')}", ROUTE_LINE)]


def test_a_tsconfig_that_makes_sense_is_followed_beside_them(configs: Run) -> None:
    assert f"good/{route('far')}" in [path for path, _ in configs.places]
    assert (configs.status, configs.stderr) == (0, "")


def test_imports_and_re_exports_in_a_circle_end(tmp_path: Path) -> None:
    files = {
        "lib/a.js": "export * from './b';\nexport * from './a';\nexport { y as x } from './b';\n",
        "lib/b.js": "export * from './a';\nexport { x as y } from './a';\nimport '../pages/api/circle';\n",
        **{f"lib/f{n}.js": "".join(f"export * from './f{m}';\n" for m in range(30)) for n in range(30)},
        route("circle"): "import { x, nothing } from '../../lib/a';\nimport { far } from '../../lib/f0';\n"
        "import { WebSocketServer } from 'ws';\nexport default function handler(req, res) {\n"
        "  new x(); nothing(); far();\n  new WebSocketServer({ noServer: true });\n  res.end();\n}\n",
    }
    run = scan(write(tmp_path, {"package.json": MANIFEST, **files}))
    assert (run.status, run.places, run.document["problems"]) == (0, [(route("circle"), 6)], [])


HOSTILE_GLOBS = [
    "{" * 5_000,
    "{a,b}" * 5_000,
    "**/" * 60 + "x",
    "**/a*/" * 9 + "x",
    "*a" * 60 + "x",
    "[a-",
    "\\",
    "(?<x>",
]


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        (f"packages: {json.dumps(HOSTILE_GLOBS)}\ncatalog: [3]\n", False),
        ("packages: " + "[" * 60_000, True),
        ("packages: &a [*a]\n", True),
        ("packages: ['\x07']\n", True),
    ],
    ids=["globs", "deep", "itself", "control"],
)
def test_a_workspace_file_costs_itself_at_most(tmp_path: Path, text: str, skipped: bool) -> None:
    deep = "/".join(["a" * 60] * 30)
    files = {f"{deep}/package.json": "{}", f"apps/{'a' * 60}/package.json": "{}"}
    write(tmp_path, {"package.json": MANIFEST, "pnpm-workspace.yaml": text, route("live"): ROUTE, **files})
    run = scan(tmp_path)
    assert (run.status, run.places, run.stderr) == (0, [(route("live"), ROUTE_LINE)], "")
    assert ("pnpm-workspace.yaml" in run.problems("skipped")) == skipped


def test_globs_of_the_configuration_cannot_make_a_review_explode(tmp_path: Path) -> None:
    deep = route("/".join(["a" * 60] * 10))
    config = f"paths:\n  ignore: {json.dumps(HOSTILE_GLOBS)}\n"
    run = scan(write(tmp_path, {"package.json": MANIFEST, deep: ROUTE, ".github/reviewer.yml": config}))
    assert (run.status, run.places, run.stderr) == (0, [(deep, ROUTE_LINE)], "")


NAMES = {
    "a b": b"a b",
    "q'\"`x": b"q'\"`x",
    "[id]": b"[id]",
    "(group)": b"(group)",
    "é✓😀": "é✓😀".encode(),
    "new\nline": b"new\nline",
    "tab\tbed": b"tab\tbed",
    "\\xff\\xfe": b"\xff\xfe",
    "back\\slash": b"back\\slash",
    "\u202edrow": "\u202edrow".encode(),
    "\x1b[31mred": b"\x1b[31mred",
    "$(x);&|*?": b"$(x);&|*?",
    "-dash": b"-dash",
    "@everyone #1": b"@everyone #1",
    "%s{0}": b"%s{0}",
}


def named_repository(folder: Path) -> Path:
    """A repository with a plain first commit and a second one that brings a route of every name."""
    repository(folder, {"package.json": MANIFEST, "pages/api/plain.js": "export default (req, res) => res.end();\n"})
    for raw in NAMES.values():
        (folder / "pages/api" / os.fsdecode(raw + b".js")).write_text(ROUTE, encoding="utf-8")
    commit(folder, {})
    return folder


def test_names_of_every_kind_are_reported_as_they_are_from_disk_and_from_git(tmp_path: Path) -> None:
    folder = named_repository(tmp_path)
    rule = ("--rule", "websocket-in-api-route")
    runs = [scan(folder, *rule), scan(folder, "--rev", "HEAD", *rule), diff("HEAD~1", "--repo", folder, *rule)]
    for run in runs:
        assert (run.status, run.stderr, run.document["problems"]) == (0, "", [])
        assert sorted(run.places) == sorted((route(name), ROUTE_LINE) for name in NAMES)
    fingerprints = [{f["fingerprint"] for f in run.document["findings"]} for run in runs]
    assert len(fingerprints[0]) == len(NAMES)
    assert fingerprints[0] == fingerprints[1] == fingerprints[2]


def test_names_of_every_kind_are_printed_without_control_characters(tmp_path: Path) -> None:
    run = reviewer("scan", named_repository(tmp_path))
    assert (run.status, run.stderr) == (0, "")
    assert [char for char in run.stdout if not char.isprintable() and char != "\n"] == []
    assert "pages/api/new\\u{a}line.js" in run.stdout.splitlines()
