"""Options of a next.config file, read without running it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from reviewer.core.configvalues import EMPTY, UNREADABLE, ConfigReader, Slot, State
from reviewer.core.facts import Expr
from reviewer.core.files import Files
from reviewer.core.finding import Evidence
from reviewer.core.manifest import ancestors, join
from reviewer.core.versions import UNKNOWN, Version

CONFIG_NAMES = ("next.config.js", "next.config.mjs", "next.config.ts", "next.config.mts")
_FIRST_VERSION = {"next.config.ts": "15.0.0", "next.config.mts": "16.0.0"}
# what plugins such as withMDX(config) add keys to; hardly ever output, basePath, distDir or compress
_ADDED_BY_WRAPPERS = frozenset({"webpack", "env", "headers", "rewrites", "redirects", "pageExtensions"})

Certainty = Literal["always", "sometimes", "unset", "unknown"]


@dataclass(frozen=True, slots=True)
class Option:
    """What a configuration says about an option, and where.

    ``values`` are all that were seen. ``always`` has one value on every path, ``sometimes`` has values on some paths
    only or several of them, ``unset`` has none, and ``unknown`` may be set in ways that cannot be read.
    """

    values: tuple[Expr, ...]
    certainty: Certainty
    path: str
    line: int
    evidence: Evidence = "high"

    def value(self) -> Expr | None:
        """The one value it always has."""
        return self.values[0] if self.certainty == "always" else None

    def texts(self) -> tuple[str, ...]:
        """The strings among the values that were seen."""
        return tuple(value.name for value in self.values if value.kind == "string")


@dataclass(frozen=True, slots=True)
class NextConfig:
    """The configuration that applies to an application; ``path`` is '' where there is none."""

    path: str = ""
    state: State = EMPTY
    reader: ConfigReader | None = field(default=None, compare=False, repr=False)

    def option(self, name: str) -> Option:
        """An option by name; dots lead into nested ones, as in ``experimental.nodeMiddleware``."""
        slot, rest = self._slot(name)
        line = slot.line if slot is not None else 1
        if slot is not None and slot.unknown:
            return Option(slot.values, "unknown", self.path, line, "low")
        if slot is None or not slot.values:
            added = rest == "wrapped" and name in _ADDED_BY_WRAPPERS
            if slot is None and (rest == "unknown" or added):
                return Option((), "unknown", self.path, line, "low")
            return Option((), "unset", self.path, line, "medium" if rest == "wrapped" else "high")
        sometimes = slot.unset or len(slot.values) > 1
        return Option(
            slot.values, "sometimes" if sometimes else "always", self.path, line, "medium" if sometimes else "high"
        )

    def _slot(self, name: str) -> tuple[Slot | None, str]:
        state, slot = self.state, self.state.slots.get(name)
        if slot is not None or "." not in name or self.reader is None:
            return slot, state.rest
        first, *inner = name.split(".")
        slot = state.slots.get(first)
        for part in inner:
            if slot is None:
                return None, state.rest
            state = self.reader.inside(slot)
            slot = state.slots.get(part)
        return slot, state.rest

    def text(self, name: str) -> str | None:
        """A string option; '' when it is not set, None when it cannot be told."""
        option = self.option(name)
        if option.certainty == "unset":
            return ""
        value = option.value()
        return value.name if value is not None and value.kind == "string" else None

    def texts(self, name: str) -> tuple[str, ...] | None:
        """A list of strings; () when it is not set, None when it cannot be told."""
        option = self.option(name)
        if option.certainty == "unset":
            return ()
        value = option.value()
        if value is not None and value.kind == "array" and all(item.kind == "string" for item in value.items):
            return tuple(item.name for item in value.items)
        return None

    def flag(self, name: str) -> bool | None:
        """A switch; False when it is not set, None when it cannot be told."""
        option = self.option(name)
        if option.certainty == "unset":
            return False
        value = option.value()
        return value.name == "true" if value is not None and value.kind == "bool" else None


def config_path(files: Files, directory: str, version: Version = UNKNOWN) -> str | None:
    """The config that applies to an application: its own, else the nearest one above, as Next looks it up.

    Names that the version of Next does not know are passed over.
    """
    known = [name for name in CONFIG_NAMES if version.lt(_FIRST_VERSION.get(name, "0.0.0")) is not True]
    for above in ancestors(directory):
        for name in known:
            if files.is_file(join(above, name)):
                return join(above, name)
    return None


def read_config(files: Files, directory: str, version: Version = UNKNOWN) -> NextConfig:
    path = config_path(files, directory, version)
    if path is None:
        return NextConfig()
    facts = files.facts(path)
    export = facts.export("default") if facts is not None else None
    if facts is None or export is None or export.expr is None:
        return NextConfig(path, UNREADABLE)
    reader = ConfigReader(facts)
    return NextConfig(path, reader.read(export.expr), reader)
