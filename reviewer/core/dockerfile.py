"""What the image that a Dockerfile builds runs: its last stage, and the stages that one is made of."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field

MAX_LENGTH = 64 * 1024

_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)\s+(.*)", re.DOTALL)
_HEREDOC = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")
_FROM = re.compile(r"(?:--\S+\s+)*(\S+)(?:\s+[Aa][Ss]\s+(\S+))?")


@dataclass(frozen=True, slots=True)
class Written:
    """A value and the 1-based line it is written on."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Copied:
    """A ``COPY`` or ``ADD``: its sources and its target, the working directory it is relative to, and its line."""

    words: tuple[str, ...]
    workdir: str
    line: int


@dataclass(slots=True)
class Stage:
    """A stage: its base image, working directory, variables, what it is made of and what it runs.

    ``commands`` are the ``RUN`` command lines of the stage, ``all_commands`` those of the stages before it as well.
    """

    base: str
    name: str = ""
    workdir: str = "/"
    env: dict[str, Written] = field(default_factory=dict)
    command: Written | None = None
    entrypoint: Written | None = None
    copies: list[Copied] = field(default_factory=list)
    commands: list[Written] = field(default_factory=list)
    all_commands: list[Written] = field(default_factory=list)

    def start(self) -> Written | None:
        """The command line of the container. A script as entrypoint is taken to run what it is given."""
        if self.entrypoint is None or self.entrypoint.text.rstrip("'\"").endswith(".sh"):
            return self.command or self.entrypoint
        given = f" {self.command.text}" if self.command is not None else ""
        return Written(self.entrypoint.text + given, (self.command or self.entrypoint).line)


@dataclass(slots=True)
class _Part:
    """A stage as it is written: its base image, its name, the stage it builds on, and its instructions."""

    base: str
    name: str
    above: _Part | None
    instructions: list[tuple[str, str, int]] = field(default_factory=list)


def last_stage(text: str) -> Stage | None:
    """The last stage of a Dockerfile, with what it inherits from the stages it is made of."""
    written: dict[str, _Part] = {}
    part: _Part | None = None
    commands: list[Written] = []
    if len(text) > MAX_LENGTH:
        return None
    for keyword, value, line in _instructions(text):
        if keyword == "FROM":
            part = _part(value, written)
            written[part.name or str(len(written))] = part
        elif part is not None:
            part.instructions.append((keyword, value, line))
            commands += [Written(value, line)] if keyword == "RUN" else []
    return _made_of(part, commands) if part is not None else None


def _part(value: str, written: dict[str, _Part]) -> _Part:
    match = _FROM.match(value)
    base, name = (match.group(1), (match.group(2) or "").lower()) if match is not None else (value, "")
    return _Part(base, name, written.get(base.lower()))


def _made_of(last: _Part, commands: list[Written]) -> Stage:
    """The stage that a part is, with the parts it builds on applied in turn."""
    parts = [last]
    while (above := parts[-1].above) is not None:
        parts.append(above)
    stage = Stage(parts[-1].base, last.name, all_commands=commands)
    for part in reversed(parts):
        for keyword, value, line in part.instructions:
            _apply(stage, keyword, value, line)
    return stage


def _apply(stage: Stage, keyword: str, value: str, line: int) -> None:
    if keyword == "WORKDIR":
        stage.workdir = value if value.startswith("/") else f"{stage.workdir.rstrip('/')}/{value}"
    elif keyword == "ENV":
        stage.env.update({name: Written(text, line) for name, text in _variables(value)})
    elif keyword == "CMD":
        stage.command = Written(_command(value), line)
    elif keyword == "ENTRYPOINT":
        stage.entrypoint, stage.command = Written(_command(value), line), None
    elif keyword == "RUN":
        stage.commands.append(Written(value, line))
    elif keyword in ("COPY", "ADD"):
        words = value.split()
        while words and words[0].startswith("--"):
            words.pop(0)
        listed = _exec_form(" ".join(words))
        stage.copies.append(Copied(tuple(words if listed is None else listed), stage.workdir, line))


def _instructions(text: str) -> Iterator[tuple[str, str, int]]:
    """Keyword, value and line of each instruction; continued lines are joined, comments and here-documents left out."""
    lines = iter(enumerate(text.split("\n"), 1))
    for number, line in lines:
        held = line.rstrip()
        if not held or held.lstrip().startswith("#"):
            continue
        while held.endswith("\\"):
            more = next(lines, (0, ""))[1].strip()
            held = held if more.startswith("#") else f"{held[:-1].rstrip()} {more}"
        match = _INSTRUCTION.match(held)
        if match is None:
            continue
        keyword, value = match.group(1).upper(), match.group(2).strip()
        for end in _HEREDOC.findall(value) if keyword in ("RUN", "COPY", "ADD") else ():
            while next(lines, (0, end))[1].strip() != end:
                pass
        yield keyword, value, number


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
    words = _exec_form(value)
    return value if words is None else shlex.join(words)


def _exec_form(value: str) -> list[str] | None:
    """The words of ``["a", "b"]``; None for any other text."""
    try:
        words = json.loads(value) if value.startswith("[") else None
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None
