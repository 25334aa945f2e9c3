"""The README is true: its commands run, its comment is a real one, its configuration is valid."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.golden import expected
from fixtures.materialise import git, materialise
from reviewer.core.config import load_config
from reviewer.render.json import schema
from reviewer.resources import built_in_rulebook

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _commands() -> list[str]:
    return [line for block in _blocks("console") for line in block.splitlines() if line]


@pytest.mark.parametrize("command", _commands())
def test_every_command_runs(command: str, tmp_path: Path) -> None:
    if command.startswith("make "):
        assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
        return
    base, _ = materialise("fix-only", tmp_path)
    git(tmp_path, "update-ref", "refs/remotes/origin/main", base)
    words = [str(tmp_path) if word == "path/to/repository" else word for word in shlex.split(command)]
    assert words[0] == ".venv/bin/reviewer"
    done = subprocess.run([sys.executable, "-m", "reviewer", *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_the_comment_is_the_one_of_the_sample_pull_request() -> None:
    marker = re.search(r"^<!-- comment: (\S+) (\S+) -->\n((?:>.*\n)+)", README, re.MULTILINE)
    assert marker is not None
    case, rule, quoted = marker.groups()
    comment = next(finding["comment"] for finding in expected(case)["findings"] if finding["rule"] == rule)
    assert [line[2:] for line in quoted.splitlines()] == comment.splitlines()


def test_the_configuration_is_valid() -> None:
    (block,) = _blocks("yaml")
    config = load_config(block, built_in_rulebook())
    assert config.levels == {"per-route-middleware": "off", "websocket-in-api-route": "warning"}


def test_every_rule_is_listed() -> None:
    for id in built_in_rulebook().rules:
        assert f"[`{id}`](rules/{id}.md)" in README


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_published_schema_is_the_one_results_are_held_to() -> None:
    published = json.loads((ROOT / "docs" / "review-1.schema.json").read_text(encoding="utf-8"))
    assert published == schema()
