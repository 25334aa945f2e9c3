"""Small applications whose server code sends requests, for the tests of what is known about those."""

from __future__ import annotations

from collections.abc import Mapping

from reviewer.core.files import NoCache
from reviewer.core.project import Project
from reviewer.core.selfcalls import SelfCall, SelfCalls
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook
from tests.core.trees import NAMES

RULE = "self-fetch-api-route"
OWN = tuple(built_in_rulebook().rules[RULE].defaults()["own_origin_env"])
MANIFEST = '{ "dependencies": { "next": "15.5.29", "axios": "1.7.0" }, "scripts": { "start": "next start" } }'
ROUTE = "export async function GET() { return Response.json([]); }\n"
HANDLER = "export default function handler(req, res) { res.json([]); }\n"


def project_of(files: Mapping[str, str]) -> Project:
    """A tree as a project; the manifest is that of an application on Next 15 unless it is given."""
    words = {RULE: ((b"api/",), (b"/api",))}
    return Project(snapshot_of({"package.json": MANIFEST, **files}), NAMES, words, NoCache())


def self_calls(files: Mapping[str, str]) -> list[SelfCall]:
    """What the first application of a tree asks itself."""
    project = project_of(files)
    return list(SelfCalls(project.next_apps[0], project, project.marked[RULE], OWN).found())


def asked(files: Mapping[str, str]) -> list[str]:
    """The same as ``file:line route outcome``, the first place of each."""
    calls = self_calls(files)
    return [f"{c.places[0].path}:{c.places[0].line} {c.own.route.path} {c.outcome}" for c in calls]
