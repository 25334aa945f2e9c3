"""YAML with line numbers and without its traps: YAML 1.2 booleans, no anchors, no duplicate keys, bounded size."""

from __future__ import annotations

import re
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
    if len(text) > limit:
        raise InvalidYaml(f"it is larger than {limit // 1024} KB", 1)
    try:
        if not aliases:
            _refuse_anchors(text)
        loader = _Loader(text)
        node = loader.get_single_node() if not aliases else _first_node(loader)
        return _Builder(loader, aliases).build(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise InvalidYaml(error.problem or str(error), mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidYaml(str(error) or "it is nested too deeply", 1) from None


def _first_node(loader: Any) -> Any:
    return loader.get_node() if loader.check_node() else None


def _refuse_anchors(text: str) -> None:
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InvalidYaml("anchors and aliases are not accepted here", _event_line(event))


def _event_line(event: Any) -> int:
    return int(event.start_mark.line) + 1


class _Builder:
    def __init__(self, loader: Any, aliases: bool) -> None:
        self.loader = loader
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
        return self._scalar(node)

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

    def _scalar(self, node: Any) -> Any:
        if node.tag.startswith("tag:yaml.org,2002:") and node.tag.rsplit(":", 1)[1] in ("int", "float", "bool", "null"):
            try:
                return self.loader.construct_object(node, deep=True)
            except ValueError:
                return node.value
        return node.value
