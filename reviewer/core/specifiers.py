"""What the text of scripts could import: a look that costs no parsing, and finds a few things too many."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from reviewer.core.files import Files
from reviewer.core.resolve import ImportResolver

_IMPORTS = re.compile(rb"\b(?:from|import|require)\s*+\(?\s*+(?:/\*[^*]*+\*/\s*+)?['\"`]([^'\"`\n]++)['\"`]")
_IN_FUNCTION = re.compile(rb"\b(?:import|require)\b\s*(?:/\*[^*]*\*+/\s*)?\(|\bcreateRequire\b")
_RENAMED = b"createRequire"  # what loads under a name of its own


def may_load_late(data: bytes) -> bool:
    """Whether a script could load something in a function, where its surface does not show it."""
    return _IN_FUNCTION.search(data) is not None


class Specifiers:
    """The modules named where a script could import them, and the scripts of the tree they mean. Read once each."""

    def __init__(self, files: Files, resolver: ImportResolver) -> None:
        self.files = files
        self.resolver = resolver
        self._modules: dict[str, frozenset[str]] = {}
        self._scripts: dict[str, tuple[str, ...]] = {}

    def modules(self, path: str) -> frozenset[str]:
        """The modules a script names."""
        if path not in self._modules:
            found = _IMPORTS.findall(self.files.raw(path) or b"")
            self._modules[path] = frozenset(module.decode("utf-8", "replace") for module in found)
        return self._modules[path]

    def scripts(self, path: str) -> tuple[str, ...]:
        """The scripts of the tree those modules mean, in the order of their paths."""
        if path not in self._scripts:
            found = {self.resolver.resolve(path, module) for module in self.modules(path)}
            self._scripts[path] = tuple(sorted(target for target in found if target is not None))
        return self._scripts[path]

    def namers(self, paths: Iterable[str]) -> Mapping[str, list[str]]:
        """By script: which of *paths* name it. Under '': those that may load anything under another name."""
        found: dict[str, list[str]] = {"": []}
        for path in paths:
            for target in self.scripts(path):
                found.setdefault(target, []).append(path)
            if _RENAMED in (self.files.raw(path) or b""):
                found[""].append(path)
        return found
