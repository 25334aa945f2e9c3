"""A repository's configuration: decoded strictly, every error with file and line."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from reviewer.core.finding import Level
from reviewer.core.manifest import matches
from reviewer.core.rulebook import Option, Rulebook
from reviewer.core.symbols import InvalidSymbol, Symbol
from reviewer.core.yamlsafe import InvalidYaml, Path, Yaml, load_yaml

CONFIG_PATH = ".github/reviewer.yml"

_TOP: Mapping[str, tuple[str, ...]] = {
    "mode": ("gate", "advise"),
    "fail_on": ("error", "warning", "never"),
    "min_evidence": ("high", "medium"),
}
_LEVELS = ("error", "warning", "notice", "off")
_KEYS = ("ruleset", *_TOP, "paths", "rules")


@dataclass(frozen=True, slots=True)
class ConfigError:
    """Something wrong in a configuration file; ``line`` is 1-based."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class InvalidConfig(ValueError):
    """A configuration that cannot be used, with everything that is wrong in it."""

    def __init__(self, errors: tuple[ConfigError, ...]) -> None:
        super().__init__("\n".join(map(str, errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Config:
    """A valid configuration with every default filled in."""

    mode: Literal["gate", "advise"] = "gate"
    fail_on: Literal["error", "warning", "never"] = "error"
    min_evidence: Literal["high", "medium"] = "high"
    ignore: tuple[str, ...] = ()
    levels: Mapping[str, Level] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def ignores(self, path: str) -> bool:
        return any(matches(glob, path) for glob in self.ignore)

    def hash(self) -> str:
        """Equal for configurations that mean the same."""
        value = [self.mode, self.fail_on, self.min_evidence, self.ignore, self.levels, self.options]
        return hashlib.sha256(json.dumps(value, sort_keys=True, default=dict).encode()).hexdigest()[:16]


def load_config(text: str, rulebook: Rulebook, path: str = CONFIG_PATH) -> Config:
    """The configuration in *text*. Raises InvalidConfig with every error found."""
    try:
        document = load_yaml(text)
    except InvalidYaml as error:
        raise InvalidConfig((ConfigError(path, error.line, str(error)),)) from None
    if document.value is None:
        return Config()
    decoder = _Decoder(document, rulebook, path)
    config = decoder.config()
    if decoder.errors:
        raise InvalidConfig(tuple(sorted(decoder.errors, key=lambda error: error.line)))
    return config


class _Decoder:
    def __init__(self, document: Yaml, rulebook: Rulebook, path: str) -> None:
        self.document = document
        self.rulebook = rulebook
        self.path = path
        self.errors: list[ConfigError] = []

    def config(self) -> Config:
        value = self._mapping((), self.document.value)
        self._known((), value, _KEYS, "key")
        if type(ruleset := value.get("ruleset", 1)) is not int:
            self._error(("ruleset",), f"ruleset must be a whole number, not {_shown(ruleset)}")
        elif ruleset != 1:
            self._error(("ruleset",), "ruleset: this version has rule set 1 only")
        top = {key: self._word((key,), value[key], words) for key, words in _TOP.items() if key in value}
        levels, options = self._rules(value.get("rules"))
        return Config(**top, ignore=self._ignore(value.get("paths")), levels=levels, options=options)

    def _error(self, path: Path, message: str) -> None:
        line = next(
            (self.document.lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in self.document.lines), 1
        )
        self.errors.append(ConfigError(self.path, line, message))

    def _mapping(self, path: Path, value: object) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self._error(path, f"{_name(path)} must be a map of keys and values, not {_kind(value)}")
        return {}

    def _known(self, path: Path, value: Mapping[str, Any], known: tuple[str, ...], what: str) -> None:
        for key in value:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"
                self._error((*path, key), f"unknown {what} {key!r}; {hint}")

    def _word(self, path: Path, value: object, words: tuple[str, ...]) -> Any:
        if value not in words:
            self._error(path, f"{_name(path)} must be {_either(words)}, not {_shown(value)}")
            return words[0]
        return value

    def _ignore(self, value: object) -> tuple[str, ...]:
        if value is None:
            return ()
        paths = self._mapping(("paths",), value)
        self._known(("paths",), paths, ("ignore",), "key")
        return tuple(self._strings(("paths", "ignore"), paths.get("ignore", [])))

    def _strings(self, path: Path, value: object) -> Iterator[str]:
        if not isinstance(value, list):
            self._error(path, f"{_name(path)} must be a list, not {_kind(value)}")
            return
        for index, item in enumerate(value):
            if isinstance(item, str):
                yield item
            else:
                self._error((*path, index), f"{_name(path)} must hold strings, not {_shown(item)}")

    def _rules(self, value: object) -> tuple[dict[str, Level], dict[str, dict[str, Any]]]:
        levels: dict[str, Level] = {}
        options: dict[str, dict[str, Any]] = {}
        rules = self._mapping(("rules",), value) if value is not None else {}
        self._known(("rules",), rules, tuple(self.rulebook.rules), "rule")
        for id in (id for id in rules if id in self.rulebook.rules):
            declared = self.rulebook.rules[id].head.options
            entry = self._mapping(("rules", id), rules[id])
            self._known(("rules", id), entry, ("level", *declared), "option")
            if "level" in entry:
                levels[id] = self._word(("rules", id, "level"), entry["level"], _LEVELS)
            given = {name: self._option(id, name, entry[name], declared[name]) for name in entry if name in declared}
            if given:
                options[id] = given
        return levels, options

    def _option(self, rule: str, name: str, value: object, option: Option) -> Any:
        path, default = ("rules", rule, name), option.default
        if option.choices:
            return self._word(path, value, tuple(option.choices))
        if isinstance(default, list):
            return [text for text in self._strings(path, value) if not option.symbols or self._is_symbol(path, text)]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            self._error(path, f"{_name(path)} must be {_kind(default)}, not {_shown(value)}")
        elif isinstance(value, dict):
            for key in (key for key, item in value.items() if not isinstance(item, str)):
                self._error((*path, key), f"{_name(path)} must hold strings, not {_shown(value[key])}")
        elif option.minimum is not None and isinstance(value, int | float) and value < option.minimum:
            self._error(path, f"{_name(path)} must be at least {option.minimum}, not {value}")
        return value

    def _is_symbol(self, path: Path, text: str) -> bool:
        try:
            Symbol.parse(text)
        except InvalidSymbol as error:
            self._error(path, f"{_name(path)}: {error}")
            return False
        return True


def _name(path: Path) -> str:
    return ".".join(map(str, path)) or "the file"


def _either(words: tuple[str, ...]) -> str:
    return ", ".join(words[:-1]) + f" or {words[-1]}"


def _kind(value: object) -> str:
    kinds = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "a map",
    }
    return kinds.get(type(value), "empty")


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else f"{_kind(value)} ({json.dumps(value, default=str)})"
