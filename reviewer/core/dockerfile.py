"""What the image that a Dockerfile builds runs: its last stage, and the stages that one is made of."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LENGTH = 64 * 1024

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+[Aa][Ss]\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class Written:
    """A value and the 1-based line it is written on."""

    text: str
    line: int


@dataclass(slots=True)
class Stage:
    """A stage: its base image, working directory, variables, and what it runs."""

    base: str
    name: str = ""
    workdir: str = "/"
    env: dict[str, Written] = field(default_factory=dict)
    command: Written | None = None
    entrypoint: Written | None = None
    copies: list[str] = field(default_factory=list)

    def start(self) -> Written | None:
        """The command line of the container. A script as entrypoint is taken to run what it is given."""
        if self.entrypoint is None or self.entrypoint.text.split(" ")[0].endswith(".sh"):
            return self.command or self.entrypoint
        given = f" {self.command.text}" if self.command is not None else ""
        return Written(self.entrypoint.text + given, self.entrypoint.line)


def last_stage(text: str) -> Stage | None:
    """The last stage of a Dockerfile, with what it inherits from the stages it is made of."""
    stages: dict[str, Stage] = {}
    stage: Stage | None = None
    if len(text) > MAX_LENGTH:
        return None
    for keyword, value, line in _instructions(text):
        if keyword == "FROM":
            stage = _stage(value, stages)
            stages[stage.name or str(len(stages))] = stage
        elif stage is not None:
            _apply(stage, keyword, value, line)
    return stage


def _stage(value: str, stages: dict[str, Stage]) -> Stage:
    match = _FROM.match(value)
    base, name = (match.group(1), (match.group(2) or "").lower()) if match is not None else (value, "")
    above = stages.get(base.lower())
    if above is None:
        return Stage(base, name)
    return Stage(above.base, name, above.workdir, dict(above.env), above.command, above.entrypoint, list(above.copies))


def _apply(stage: Stage, keyword: str, value: str, line: int) -> None:
    if keyword == "WORKDIR":
        stage.workdir = value if value.startswith("/") else f"{stage.workdir.rstrip('/')}/{value}"
    elif keyword == "ENV":
        stage.env.update({name: Written(text, line) for name, text in _variables(value)})
    elif keyword == "CMD":
        stage.command = Written(_command(value), line)
    elif keyword == "ENTRYPOINT":
        stage.entrypoint, stage.command = Written(_command(value), line), None
    elif keyword in ("COPY", "ADD"):
        stage.copies.append(value)


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Keyword, value and line of each instruction; comments are left out and continued lines joined."""
    held, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        line = line.rstrip()
        if line.lstrip().startswith("#") or (held and not line):
            continue
        start = start if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        match = _INSTRUCTION.match(held + line)
        held = ""
        if match is not None:
            yield match.group(1).upper(), match.group(2).strip(), start


def _variables(value: str) -> Iterator[tuple[str, str]]:
    """``A=1 B=2``, or ``A 1`` as it was once written."""
    if re.match(r"[^\s=]+\s", value):
        name, _, text = value.partition(" ")
        yield name, text.strip()
        return
    try:
        words = shlex.split(value)
    except ValueError:
        return
    for word in words:
        name, equals, text = word.partition("=")
        if equals:
            yield name, text


def _command(value: str) -> str:
    try:
        words = json.loads(value) if value.startswith("[") else None
    except (ValueError, RecursionError):
        words = None
    if isinstance(words, list) and all(isinstance(word, str) for word in words):
        return shlex.join(words)
    return value
