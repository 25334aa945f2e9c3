"""Trees of Next applications, and what their profiles say."""

from __future__ import annotations

import json
from collections.abc import Mapping

from reviewer.core.files import NoCache
from reviewer.core.matrix import Profile, ScoreName
from reviewer.core.profile import Profiles
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook

Tree = Mapping[str, str]

PAGE = "export default function Page() { return <main>" + "<p>a</p>" * 15 + "</main>; }\n"
BARE = "export default function Page() { return <main><h1>API</h1></main>; }\n"
ROUTE = "export async function GET() { return Response.json([]); }\n"


def manifest(*depends: str, name: str = "web", **more: object) -> str:
    """A package that depends on these and starts Next."""
    scripts = {"start": "next start"} if "next" in depends else {"start": "node index.js"}
    document = {"name": name, "private": True, "scripts": scripts, "dependencies": dict.fromkeys(depends, "15.5.0")}
    return json.dumps({**document, **more})


NEXT: Tree = {"package.json": manifest("next"), "app/page.tsx": PAGE}


def routes(number: int, code: str = ROUTE) -> Tree:
    return {f"app/api/r{index}/route.ts": code for index in range(number)}


def project_of(files: Tree) -> Project:
    return Project(snapshot_of(files), built_in_rulebook().names, {}, NoCache())


def profiles(files: Tree) -> dict[str, Profile]:
    made = Profiles(project_of(files))
    return {app.root: made.of(app) for app in made.apps}


def profile(files: Tree, root: str = "") -> Profile:
    return profiles(files)[root]


def reasons(files: Tree, score: ScoreName, root: str = "") -> list[tuple[int, str, int]]:
    """Points, path and line of what adds to a score."""
    found = [reason for reason in profile(files, root).measures.reasons if reason.score == score]
    return [(reason.points, reason.fact.path, reason.fact.line) for reason in found]


SOCKET = "import { WebSocketServer } from 'ws';\n"
LIVE = SOCKET + "export default function handler(req, res) { new WebSocketServer({ port: 1 }); res.end(); }\n"
SERVER = """import next from 'next';
import express from 'express';
const app = next({ dev: false });
const handle = app.getRequestHandler();
const server = express();
server.all('*', (req, res) => handle(req, res));
server.listen(3000);
"""

WORKSPACE: Tree = {
    "package.json": json.dumps({"private": True, "workspaces": ["apps/*", "packages/*"]}),
    "apps/web/package.json": manifest("next"),
    "apps/web/app/page.tsx": PAGE,
    "apps/web/app/api/posts/route.ts": ROUTE,
}
PHONE: Tree = {"apps/phone/package.json": manifest("expo", name="phone")}
