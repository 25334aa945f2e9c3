"""Rule pages: documentation, message, options and tests of one rule in one Markdown file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reviewer.core.finding import Level, Novelty
from reviewer.core.symbols import InvalidSymbol, Symbols
from reviewer.core.yamlsafe import InvalidYaml, load_yaml

Role = Literal["pages-api-route", "app-route-handler", "page"]
SLOTS = ("seen", "cost", "fine", "alternative")

_HEADING = re.compile(r"^(#{2,3}) +(.+?) *$")
_PATH_LINE = re.compile(r"^`([^`]+)`(?:,? .*)?:?$")
_EXPECT = re.compile(r"\s*(?://|#) expect(?:: *([a-z]+)(?: ([a-z]+))?((?: \"[^\"]+\")*))?\s*$")
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class RulePageError(ValueError):
    """A rule page that cannot be used; the text names file and line."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(f"{path}:{line}: {message}")
        self.path, self.line, self.problem = path, line, message


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Option(_Strict):
    """One option of a rule; its default fixes its type."""

    default: bool | int | float | str | list[str] | dict[str, str]
    help: str
    choices: list[str] = []
    symbols: bool = False
    minimum: int | None = None


class Sentence(_Strict):
    """A sentence said when every argument in ``when`` has the given value (or one of the given values)."""

    text: str
    when: dict[str, str | bool | int | list[str]] = {}


class OneOf(_Strict):
    """The first of several sentences whose condition holds."""

    first: list[Sentence]


Spoken = Annotated[str | Sentence | OneOf, Field(union_mode="left_to_right")]


class Message(_Strict):
    """The four slots of a comment, and titles for findings the page's own does not fit."""

    title: list[Sentence] = []
    seen: list[Spoken]
    cost: list[Spoken]
    fine: list[Spoken]
    alternative: list[Spoken]


class Cite(_Strict):
    """A source: what it supports and when it was checked."""

    title: str
    url: str
    supports: str
    checked: str
    when: dict[str, str | bool | int | list[str]] = {}


class Where(_Strict):
    """What a rule looks at: packages that use Next, and files of these roles."""

    package: Literal["next", "any"] = "any"
    roles: list[Role] = []


class FrontMatter(_Strict):
    """The YAML head of a rule page.

    A script is looked at when it holds one of the ``symbols``; those ``beside`` them only matter in such a script.
    Where a rule named in ``yields_to`` speaks about the same subject, this one does not.
    """

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$")]
    title: str
    level: Level
    novelty: Novelty
    where: Where = Where()
    check: str
    options: dict[str, Option] = {}
    symbols: dict[str, list[str]] = {}
    beside: dict[str, list[str]] = {}
    message: Message
    cites: list[Cite]
    yields_to: list[str] = []
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """A line an example must report, with the level, the evidence and words of the message it names, if any."""

    path: str
    line: int
    level: str | None
    evidence: str | None
    says: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A small repository and what the rule must say about it."""

    name: str
    bad: bool
    line: int
    files: Mapping[str, str]
    expected: tuple[Expectation, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One rule page, decoded."""

    head: FrontMatter
    path: str
    costs: str
    fine: str
    examples: tuple[Example, ...] = ()

    @property
    def id(self) -> str:
        return self.head.id

    def defaults(self) -> dict[str, Any]:
        return {name: option.default for name, option in self.head.options.items()}


@dataclass(frozen=True)
class Rulebook:
    """Every rule by id, and the symbol lists they share."""

    rules: Mapping[str, Rule]
    names: Mapping[str, tuple[str, ...]]
    hash: str


def load_rulebook(pages: Mapping[str, str], names: str) -> Rulebook:
    """The rulebook of pages (path to text) and the shared symbol lists. Raises RulePageError."""
    shared = _load_names(names)
    rules: dict[str, Rule] = {}
    for path in sorted(pages):
        rule = parse_page(path, pages[path])
        if rule.id in rules:
            line = _line_with(pages[path], rule.id)
            raise RulePageError(path, line, f"the rule {rule.id!r} stands in {rules[rule.id].path} already")
        for text in (text for listed in (rule.head.symbols | rule.head.beside).values() for text in listed):
            name = text.removeprefix("@names/")
            if name != text and name not in shared:
                raise RulePageError(path, _line_with(pages[path], text), f"unknown list of names {name!r}")
        rules[rule.id] = rule
    for rule in rules.values():
        for other in rule.head.yields_to:
            if other not in rules:
                raise RulePageError(rule.path, _line_with(pages[rule.path], other), f"unknown rule {other!r}")
    digest = hashlib.sha256("\0".join([names, *(pages[path] for path in sorted(pages))]).encode()).hexdigest()
    return Rulebook(rules, shared, digest[:16])


def _line_with(page: str, text: str) -> int:
    return next((number for number, line in enumerate(page.split("\n"), 1) if text in line), 1)


def _load_names(text: str) -> dict[str, tuple[str, ...]]:
    try:
        document = load_yaml(text)
        value = document.value
    except InvalidYaml as error:
        raise RulePageError("symbols.yml", error.line, str(error)) from None
    lists: dict[str, Any] = value if isinstance(value, dict) else {"": None}
    for name, listed in lists.items():
        if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
            raise RulePageError("symbols.yml", document.lines.get((name,), 1), "symbols are lists of words by name")
    return {name: tuple(listed) for name, listed in lists.items()}


def parse_page(path: str, text: str) -> Rule:
    """One rule page. Raises RulePageError naming the line."""
    lines = text.split("\n")
    end = next((i for i in range(1, len(lines)) if lines[i].rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        raise RulePageError(path, 1, "a rule page starts with YAML between two lines of ---")
    head = _front_matter(path, "\n".join(lines[1:end]))
    sections = _sections(lines, end + 1)
    for wanted in ("What it costs", "When it is fine", "Bad", "Good"):
        if wanted not in sections:
            raise RulePageError(path, end + 1, f"the section '## {wanted}' is missing")
    examples = [*_examples(path, sections["Bad"], True), *_examples(path, sections["Good"], False)]
    texts = ["\n".join(line for _, line in sections[name]).strip() for name in ("What it costs", "When it is fine")]
    return Rule(head, path, texts[0], texts[1], tuple(examples))


def _front_matter(path: str, text: str) -> FrontMatter:
    try:
        document = load_yaml(text)
        head = FrontMatter.model_validate(document.value)
    except InvalidYaml as error:
        raise RulePageError(path, error.line + 1, str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        location = tuple(part for part in first["loc"] if isinstance(part, str | int))
        raise RulePageError(
            path, _line(document.lines, location) + 1, f"{'.'.join(map(str, location))}: {first['msg']}"
        ) from None
    for name, listed in (head.symbols | head.beside).items():
        for index, symbol in enumerate(listed):
            try:
                Symbols.of([symbol] if "#" in symbol else [])
            except InvalidSymbol as error:
                line = _line(document.lines, ("symbols" if name in head.symbols else "beside", name, index)) + 1
                raise RulePageError(path, line, str(error)) from None
    return head


def _line(lines: Mapping[tuple[str | int, ...], int], location: Sequence[str | int]) -> int:
    for length in range(len(location), 0, -1):
        if (line := lines.get(tuple(location[:length]))) is not None:
            return line
    return 1


Lines = list[tuple[int, str]]


def _sections(lines: list[str], start: int) -> dict[str, Lines]:
    sections: dict[str, Lines] = {}
    current: Lines = []
    fenced = False
    for number, line in enumerate(lines[start:], start + 1):
        if line.startswith("```"):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is not None and heading.group(1) == "##":
            current = sections.setdefault(heading.group(2), [])
        else:
            current.append((number, line))
    return sections


def _examples(path: str, lines: Lines, bad: bool) -> Iterator[Example]:
    name, started = "", 0
    files: dict[str, list[str]] = {}
    options: dict[str, Any] = {}
    file, fenced = "", False
    for number, line in [*lines, (0, "### ")]:
        if line.startswith("```"):
            fenced = not fenced
            if fenced and not file:
                raise RulePageError(path, number, "code needs a line with its `path` above it")
            file = "" if not fenced else file
        elif fenced:
            files[file].append(line)
        elif line.startswith("### "):
            if files:
                yield _example(name, bad, started, files, options)
            name, started, files, options, file = line[4:].strip(), number, {}, {}, ""
        elif line.startswith("Options: "):
            options = _options(path, number, line[9:])
        elif (match := _PATH_LINE.match(line.strip())) is not None and not line.startswith(" "):
            file = match.group(1)
            files[file] = []


def _options(path: str, line: int, text: str) -> dict[str, Any]:
    try:
        value = load_yaml(text).value
    except InvalidYaml as error:
        raise RulePageError(path, line, str(error)) from None
    if not isinstance(value, dict):
        raise RulePageError(path, line, "options are a map, such as {min_depth: 3}")
    return value


def _example(name: str, bad: bool, line: int, files: dict[str, list[str]], options: dict[str, Any]) -> Example:
    expected: list[Expectation] = []
    contents: dict[str, str] = {}
    for path, lines in files.items():
        kept = []
        for number, text in enumerate(lines, 1):
            match = _EXPECT.search(text)
            if match is not None:
                says = tuple(re.findall(r'"([^"]+)"', match.group(3) or ""))
                expected.append(Expectation(path, number, match.group(1), match.group(2), says))
                text = text[: match.start()]
            kept.append(text)
        contents[path] = "\n".join(kept) + "\n"
    return Example(name, bad, line, contents, tuple(expected), options)


def placeholders(text: str) -> set[str]:
    """The argument names a sentence refers to."""
    return set(_PLACEHOLDER.findall(text))


def sentences(message: Message) -> Iterator[Sentence]:
    """Every sentence a message could say."""
    for slot in SLOTS:
        for spoken in getattr(message, slot):
            if isinstance(spoken, str):
                yield Sentence(text=spoken)
            elif isinstance(spoken, Sentence):
                yield spoken
            else:
                yield from spoken.first
