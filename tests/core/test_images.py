"""Dockerfiles: what the last stage holds, and what it starts of an application."""

from __future__ import annotations

import json

import pytest

from reviewer.core.files import Files, NoCache
from reviewer.core.images import Image, images_of, read_image, started
from reviewer.core.project import Project
from reviewer.core.snapshot import snapshot_of
from reviewer.resources import built_in_rulebook


def _image(text: str) -> Image:
    image = read_image(Files(snapshot_of({"Dockerfile": text}), NoCache()), "Dockerfile")
    assert image is not None
    return image


def _project(files: dict[str, str], directory: str = "") -> Project:
    manifest = {"dependencies": {"next": "15.5.29"}, "scripts": {"start": "node server.js", "serve": "next start"}}
    base = {
        f"{directory}package.json": json.dumps(manifest),
        f"{directory}next.config.js": "module.exports = {};",
        f"{directory}pages/index.js": "export default function Home() { return null; }",
    }
    return Project(snapshot_of({**base, **files}), built_in_rulebook().names, {}, NoCache())


def _started(dockerfile: str, entry: str = "server.js") -> str:
    project = _project({"Dockerfile": dockerfile, "server.js": "", "custom.js": ""})
    return started(project.code, project.next_apps[0], _image(dockerfile), entry)


@pytest.mark.parametrize(
    ("text", "command", "line"),
    [
        ('FROM a\nCMD ["node", "server.js"]', "node server.js", 2),
        ("FROM a\n# CMD no\nCMD node \\\n  # not this\n  server.js", "node server.js", 3),
        ('FROM a\nENTRYPOINT ["tini", "--"]\nCMD ["node", "server.js"]', "tini -- node server.js", 3),
        ('FROM a\nENTRYPOINT ["./entry.sh"]\nCMD ["npm", "start"]', "npm start", 3),
        ('FROM a\nCMD x\nENTRYPOINT ["node", "server.js"]', "node server.js", 3),
        ("FROM a AS one\nCMD first\nFROM one\nRUN x", "first", 2),
        ("FROM a AS one\nCMD first\nFROM b", "", 0),
        ("FROM a\nRUN <<EOF\nCMD no\nEOF\nCMD yes", "yes", 5),
        ("FROM a\nCMD [broken", "[broken", 2),
        ("FROM a\nENTRYPOINT []", "", 2),
    ],
)
def test_the_command_is_that_of_the_last_stage(text: str, command: str, line: int) -> None:
    image = _image(text)
    assert image.command == command
    assert not command or image.line == line


def test_a_file_without_stages_is_no_image() -> None:
    assert read_image(Files(snapshot_of({"Dockerfile": "RUN x\n"}), NoCache()), "Dockerfile") is None


@pytest.mark.parametrize(
    ("copy", "path", "found"),
    [
        ("COPY . .", "app/server.js", True),
        ("COPY server.js ./", "app/server.js", True),
        ("COPY server.js /srv/", "app/server.js", False),
        ("COPY --chown=node:node --from=b /app/dist/server.js server.js", "app/server.js", True),
        ("COPY package*.json ./", "app/server.js", False),
        ('COPY ["server.js", "other.js", "./"]', "app/server.js", True),
        ("COPY public ./public", "app/server.js", False),
        ("ADD dist ./", "app/server.js", True),
        ("COPY server.js", "app/server.js", False),
        ("RUN mv x/server.js .", "app/server.js", True),
    ],
)
def test_what_a_copy_can_bring(copy: str, path: str, found: bool) -> None:
    assert _image(f"FROM a\nWORKDIR /app\n{copy}").brings(path) is found


_STANDALONE = "FROM a\nWORKDIR /app\nCOPY --from=b /app/.next/standalone ./\n"


@pytest.mark.parametrize(
    ("dockerfile", "entry", "what"),
    [
        (_STANDALONE + "CMD node server.js", "server.js", "generated"),
        (_STANDALONE + "CMD node /app/server.js", "server.js", "generated"),
        (_STANDALONE + "CMD npm start", "server.js", "generated"),
        (_STANDALONE + "COPY server.js ./\nCMD node server.js", "server.js", "unknown"),
        (_STANDALONE + "COPY server.js ./\nRUN npm ci\nCMD node server.js", "server.js", "own"),
        (_STANDALONE + "COPY node_modules ./node_modules\nCMD node custom.js", "custom.js", "own"),
        (_STANDALONE + "CMD node custom.js", "custom.js", "missing"),
        (_STANDALONE + "CMD npm run serve", "server.js", "next-start"),
        (_STANDALONE + "CMD nginx", "server.js", "unknown"),
        (_STANDALONE, "server.js", "unknown"),
        ("FROM a\nCOPY . .\nCMD node server.js", "server.js", "own"),
        ("FROM a\nCOPY web_build/standalone/ ./\nCMD node server.js", "server.js", "generated"),
        ("FROM a\nCOPY .next/standalone ./out\nCMD node out/server.js", "server.js", "generated"),
    ],
)
def test_what_an_image_starts(dockerfile: str, entry: str, what: str) -> None:
    assert _started(dockerfile, entry) == what


def test_in_a_monorepo_the_generated_server_lies_below_the_path_of_the_application() -> None:
    dockerfile = "FROM a\nWORKDIR /app\nCOPY apps/web/.next/standalone ./\nCMD node apps/web/server.js"
    project = _project({"apps/web/Dockerfile": dockerfile}, "apps/web/")
    assert started(project.code, project.next_apps[0], _image(dockerfile)) == "generated"


def test_images_for_other_purposes_and_other_applications_do_not_count() -> None:
    files = dict.fromkeys(("Dockerfile.dev", "web.Dockerfile", "ops/Dockerfile", "tests/Dockerfile"), "FROM a")
    project = _project(files)
    app = project.next_apps[0]
    assert sorted(image.path for image in images_of(project.files, app)) == ["ops/Dockerfile", "web.Dockerfile"]
    app.is_only = False
    assert [image.path for image in images_of(project.files, app)] == ["web.Dockerfile"]
