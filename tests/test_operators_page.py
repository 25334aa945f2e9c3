"""The page for operators is true: its commands, settings, permissions and events are those that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from reviewer.cli.commands import app
from reviewer.github.registration import read_manifest
from reviewer.github.repository import CHECK_NAME
from reviewer.resources import app_manifest
from reviewer.service.settings import SETTINGS, variable

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "github.md").read_text(encoding="utf-8")
SPANS = re.findall(r"`([^`\n]+)`", PAGE)


def commands() -> list[str]:
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    spans = [span for span in SPANS if re.match(r"reviewer ", span)]
    return sorted({line for line in (*"\n".join(blocks).splitlines(), *spans) if line})


@pytest.mark.parametrize("line", commands())
def test_every_command_exists_with_its_options(line: str) -> None:
    program, name, *arguments = shlex.split(line)
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    assert (program, name in group.commands) == ("reviewer", True)
    if arguments or name == "serve":
        group.commands[name].make_context(name, arguments)  # reads the options, and runs nothing


def test_both_commands_of_an_operator_are_there() -> None:
    assert {line.split()[1] for line in commands()} == {"register", "serve"}


def test_every_option_that_is_named_alone_exists() -> None:
    group = get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    known = {option for command in group.commands.values() for parameter in command.params for option in parameter.opts}
    assert {span for span in SPANS if span.startswith("--")} <= known


def test_every_setting_exists() -> None:
    named = set(re.findall(r"REVIEWER_[A-Z_]+", PAGE))
    assert named
    assert named <= {variable(name) for name in SETTINGS}


@pytest.mark.parametrize("name", ["database_url", "cache_dir"])
def test_where_data_is_kept_is_the_default(name: str) -> None:
    assert re.search(rf"`{variable(name)}`, by default\s+`([^`]+)`", PAGE)
    assert SETTINGS[name].default.removeprefix("sqlite:///") in SPANS


def test_the_permissions_to_enter_by_hand_are_the_manifests() -> None:
    table = re.findall(r"^   \| ([A-Z][a-z ]+) \| (read|read and write) \| (.+) \|$", PAGE, re.MULTILINE)
    asked = [(p.name, p.level, p.reason) for p in read_manifest(app_manifest()).permissions]
    entered = [(n.lower().replace(" ", "_"), "write" if "write" in level else "read", why) for n, level, why in table]
    assert entered == asked


def test_the_events_to_choose_by_hand_are_the_manifests() -> None:
    listed = re.search(r"^4\. Events: (.*?)\. The page", PAGE, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r"`(\w+)`", listed[1])) == read_manifest(app_manifest()).events


def test_the_check_is_called_as_the_page_calls_it() -> None:
    assert f"check run `{CHECK_NAME}`" in PAGE


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
