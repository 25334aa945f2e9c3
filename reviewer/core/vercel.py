"""What a Vercel configuration file says about how an application is built."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, Literal

from reviewer.core.files import Files
from reviewer.core.manifest import join, matches, parent

Preset = Literal["next", "unset", "other"]

NAME = re.compile(r"(?:^|/)vercel\.(?:json|toml|ts|js|mjs|cjs|mts)$")
_FRAMEWORK = re.compile(r"\bframework['\"]?\s*[:=]\s*['\"]?([\w-]+)")
_SERVICES = ("services", "experimentalServices")
_NODE_BUILDERS = ("@vercel/node", "@now/node")


def preset_of(files: Files, path: str, root: str) -> Preset:
    """How the file has *root* built: by the Next.js preset, by Vercel's choice, or in some other way.

    A service of its own for that root counts as another way. Configuration that is code is read as text.
    """
    config = _config(files, path)
    if config is None:
        text = _text(files, path)
        match = _FRAMEWORK.search(text)
        name = match.group(1) if match is not None else ""
        has_services = any(re.search(rf"\b{key}\b", text) for key in _SERVICES)
    else:
        name = config.get("framework", "")
        has_services = root in _service_roots(config, parent(path))
    if has_services or name not in ("", "nextjs"):
        return "other"
    return "next" if name else "unset"


def builds_as_function(files: Files, path: str, file: str) -> bool:
    """Whether the file's legacy ``builds`` make *file* a Node function of its own."""
    config = _config(files, path) or {}
    builds = config.get("builds")
    for build in builds if isinstance(builds, list) else ():
        source, builder = (build.get("src"), build.get("use")) if isinstance(build, dict) else (None, None)
        is_named = isinstance(source, str) and matches(join(parent(path), source), file)
        if is_named and isinstance(builder, str) and builder.startswith(_NODE_BUILDERS):
            return True
    return False


def _service_roots(config: dict[str, Any], directory: str) -> Iterator[str]:
    for key in _SERVICES:
        services = config.get(key)
        for service in services.values() if isinstance(services, dict) else ():
            root = service.get("root", ".") if isinstance(service, dict) else "."
            yield join(directory, root if isinstance(root, str) else ".")


def _config(files: Files, path: str) -> dict[str, Any] | None:
    """The configuration as data; None where it is code or cannot be read."""
    try:
        if path.endswith(".json"):
            value: object = json.loads(_text(files, path))
        elif path.endswith(".toml"):
            value = tomllib.loads(_text(files, path))
        else:
            return None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _text(files: Files, path: str) -> str:
    source = files.source(path)
    return source.data.decode() if source is not None else ""
