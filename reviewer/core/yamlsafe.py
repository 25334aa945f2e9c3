"""YAML with line numbers and without its traps: YAML 1.2 booleans, no anchors, no duplicate keys, bounded size."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

MAX_BYTES = 64 * 1024
MAX_DEPTH = 40

Path = tuple[str | int, ...]


class InvalidYaml(ValueError):
    """Not acceptable YAML; ``line`` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """SafeLoader whose plain scalars follow the YAML 1.2 core schema: ``off`` and ``no`` are words."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first))

_CONVERT: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:bool": lambda text: {"true": True, "false": False}[text.lower()],
    "tag:yaml.org,2002:null": lambda _: None,
    "tag:yaml.org,2002:int": int,
    "tag:yaml.org,2002:float": float,
}
_UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Yaml:
    """A document: its value, and the 1-based line of every key and item by path."""

    value: Any
    lines: dict[Path, int]


def load_yaml(text: str, *, aliases: bool = False, limit: int = MAX_BYTES) -> Yaml:
    """The first document of *text*. Raises InvalidYaml with the line.

    With ``aliases`` anchors are accepted and an alias reads as the value it names, which is what files of other
    tools need; they are expanded once each, so a bomb of nested aliases ends at the depth limit.
    """
    if len(text.encode("utf-8", "surrogatepass")) > limit:
        raise InvalidYaml(f"it is larger than {limit // 1024} KB", 1)
    if (odd := _UNPRINTABLE.search(text)) is not None:
        raise InvalidYaml(f"the character {odd.group()!a} is not accepted", text.count("\n", 0, odd.start()) + 1)
    try:
        _refuse(text, aliases)
        loader = _Loader(text)
        node = loader.get_single_node() if not aliases else _first_node(loader)
        return _Builder(aliases).build(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        last = text.rstrip("\n").count("\n") + 1  # what is missing at the end is marked behind it
        raise InvalidYaml(error.problem or str(error), min(mark.line + 1, last) if mark else 1) from None
    except yaml.YAMLError as error:
        raise InvalidYaml(str(error), 1) from None


def _first_node(loader: Any) -> Any:
    return loader.get_node() if loader.check_node() else None


def _refuse(text: str, aliases: bool) -> None:
    """Refuses anchors unless they are accepted, and depth before the loader, which recurses, meets it."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        if not aliases and (isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None)):
            raise InvalidYaml("anchors and aliases are not accepted here", _event_line(event))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise InvalidYaml("it is nested too deeply", _event_line(event))


def _event_line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    def __init__(self, aliases: bool) -> None:
        self.aliases = aliases
        self.lines: dict[Path, int] = {}
        self.nodes = 0

    def build(self, node: Any) -> Yaml:
        return Yaml(None if node is None else self._value(node, ()), self.lines)

    def _value(self, node: Any, path: Path) -> Any:
        self.nodes += 1
        if len(path) > MAX_DEPTH or self.nodes > 200_000:
            raise InvalidYaml("it is nested too deeply", node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            items = []
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = item.start_mark.line + 1
                items.append(self._value(item, (*path, index)))
            return items
        return _scalar(node)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(getattr(key_node, "value", "")), key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise InvalidYaml("a key must be a plain word", line)
            if key in value and not self.aliases:
                raise InvalidYaml(f"the key {key!r} stands twice", line)
            self.lines[(*path, key)] = line
            value[key] = self._value(value_node, (*path, key))
        return value


def _scalar(node: Any) -> Any:
    """The value of a scalar by its tag; text that is no value of that type stays text."""
    convert = _CONVERT.get(node.tag)
    try:
        return node.value if convert is None else convert(node.value)
    except (KeyError, ValueError):
        return node.value
