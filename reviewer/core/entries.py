"""From the file a command runs to the script it is made from: compilers of a package, and what they are told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reviewer.core.code import Code
from reviewer.core.commands import Process
from reviewer.core.manifest import Package, ancestors, join, load_jsonc, parent
from reviewer.core.roles import is_ignored
from reviewer.core.snapshot import SCRIPT_SUFFIXES

_STEM = re.compile(r"\.[cm]?[jt]sx?$")
_OUT = ("--outDir", "--out-dir", "-d", "--outdir", "-o", "--out")
_STRIPS_FIRST = ("babel", "swc")
MAX_EXTENDS = 4


def stem_of(path: str) -> str:
    """A path without the suffix of a script."""
    return _STEM.sub("", path)


def source_of(code: Code, file: str) -> str | None:
    """The script of the repository that *file* is or is compiled from; None where that cannot be told."""
    if ".next/standalone" in file or file.startswith(".."):
        return None
    if (found := _written(code, file)) is not None:
        return found
    if (started := code.packages.get(file)) is not None and isinstance(main := started.manifest.get("main"), str):
        file = join(file, main)  # ``node .``
    package = code.package_of(file)
    if package is None:
        return None
    places = [*_from_configs(code, package, file), *_from_scripts(code, package, file)]
    sources = {source for place in places if (source := _written(code, place)) is not None}
    if not sources:
        sources = set(_same_name(code, package, file))
    return sources.pop() if len(sources) == 1 else None


def _written(code: Code, file: str) -> str | None:
    """The file itself, be its suffix left out, or what a directory of that name starts with."""
    if code.files.is_file(file):
        return file
    package = code.packages.get(file)
    main = package.manifest.get("main") if package is not None else None
    if package is not None and isinstance(main, str) and join(file, main) != file:
        return _written(code, join(file, main)) if code.packages.get(join(file, main)) is None else None
    return code.resolver.resolve(join(parent(file), "x"), f"./{file.rpartition('/')[2] or 'index'}")


def _from_configs(code: Code, package: Package, file: str) -> Iterator[str]:
    """What a ``tsconfig*.json`` with an output directory above the file says."""
    for directory in ancestors(package.dir):
        for path in code.tsconfigs.get(directory, ()):
            out, root = _output(code, path, 0)
            if out is None or not file.startswith(f"{out}/"):
                continue
            relative = file[len(out) + 1 :]
            yield from (
                join(base, relative) for base in ([root] if root is not None else [directory, join(directory, "src")])
            )


def _output(code: Code, path: str, depth: int) -> tuple[str | None, str | None]:
    """Output and source directory of a tsconfig, its own or extended."""
    config: Mapping[str, Any] = load_jsonc(code.files, path) if depth <= MAX_EXTENDS else {}
    options = config.get("compilerOptions")
    options = options if isinstance(options, dict) else {}
    extends = config.get("extends")
    out, root = (None, None)
    if isinstance(extends, str) and extends.startswith("."):
        above = join(parent(path), extends if extends.endswith(".json") else f"{extends}.json")
        out, root = _output(code, above, depth + 1)
    own_out, own_root = options.get("outDir"), options.get("rootDir")
    return (
        join(parent(path), own_out) if isinstance(own_out, str) else out,
        join(parent(path), own_root) if isinstance(own_root, str) else root,
    )


def _from_scripts(code: Code, package: Package, file: str) -> Iterator[str]:
    """What the package's scripts tell esbuild, tsup, swc, babel, ncc or tsc to write."""
    for command in package.scripts.values():
        for process in code.commands.resolve(command, package.dir):
            if process.kind == "other":
                yield from _built(process, file)


def _built(process: Process, file: str) -> Iterator[str]:
    program, options, inputs = process.name, *_arguments(process)
    inputs = [join(process.cwd, word) for word in inputs]
    outfile = options.get("--outfile")
    if outfile is not None and join(process.cwd, outfile) == file:
        yield from inputs[:1]
    out = next(
        (options[flag] for flag in _OUT if flag in options), "dist" if program in ("tsup", "tsdown", "ncc") else None
    )
    directory = join(process.cwd, out) if out is not None else None
    if directory is None or not file.startswith(f"{directory}/"):
        return
    relative = file[len(directory) + 1 :]
    if program in ("esbuild", "tsup", "tsdown"):
        name = stem_of(relative).rpartition("/")[2]
        yield from (path for path in inputs if stem_of(path).rpartition("/")[2] == name)
    elif program == "ncc" and relative.startswith("index."):
        yield from inputs[1:2]
    elif program == "tsc":
        yield from (join(process.cwd, relative), join(process.cwd, f"src/{relative}"))
    elif program in _STRIPS_FIRST:
        whole = join(process.cwd, relative)  # newer releases of swc keep the name of the input directory
        yield from (whole if whole.startswith(f"{path}/") else join(path, relative) for path in inputs)


def _arguments(process: Process) -> tuple[dict[str, str], list[str]]:
    """Flags with their values, and the other words. A flag without ``=`` takes the next word where it names a place."""
    options: dict[str, str] = {}
    inputs: list[str] = []
    words = list(process.args)
    while words:
        word = words.pop(0)
        flag, equals, value = word.partition("=")
        if word.startswith("-") and equals:
            options[flag] = value
        elif flag in (*_OUT, "--outfile") and words:
            options[flag] = words.pop(0)
        elif not word.startswith("-"):
            inputs.append(word)
    return options, inputs


def _same_name(code: Code, package: Package, file: str) -> Iterator[str]:
    """Scripts of the package with the name of a compiled file."""
    name = stem_of(file).rpartition("/")[2]
    prefix = f"{package.dir}/" if package.dir else ""
    for suffix in SCRIPT_SUFFIXES:
        for path in code.files.paths(name + suffix):
            if path.startswith(prefix) and not is_ignored(path) and code.package_of(path) is package:
                yield path
