"""Files that start processes, told by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.files import Files

_LAUNCH_FILE = re.compile(
    r"(?:^|/)(?:[^/]*Dockerfile[^/]*|[^/]*Containerfile[^/]*|(?:docker-)?compose[^/]*\.ya?ml|Procfile[^/]*|"
    r"ecosystem[^/]*\.(?:[cm]?js|json|ya?ml)|pm2[^/]*\.(?:json|[cm]?js|ya?ml)|process\.(?:json|ya?ml)|fly[^/]*\.toml|"
    r"app\.ya?ml|render\.ya?ml|railway\.(?:json|toml)|nixpacks\.toml|railpack\.json|web\.config|iisnode\.yml|"
    r"[^/]*\.service|[^/]*\.sh|Makefile|appspec\.ya?ml|amplify\.ya?ml|serverless\.ya?ml|captain-definition|"
    r"playwright\.config\.[cm]?[jt]s|cypress\.config\.[cm]?[jt]s)$"
    r"|^\.github/workflows/|(?:^|/)\.platform[^/]*/|(?:^|/)(?:k8s|kubernetes|deploy|deployment|helm|charts|manifests|\.do)/.*\.ya?ml$"
)


def launch_files(files: Files, further: tuple[str, ...] = ()) -> Iterator[str]:
    """The files of a tree that start processes, and those of *further* that are there."""
    for path, item in files.listing.items():
        if item.kind == "file" and (path in further or _LAUNCH_FILE.search(path)):
            yield path
