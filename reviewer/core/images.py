"""What the images an application is shipped in hold, and what they start."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.commands import next_arguments
from reviewer.core.dockerfile import Copied, last_stage
from reviewer.core.files import Files
from reviewer.core.launch import runs
from reviewer.core.launchfiles import launch_files
from reviewer.core.manifest import join, matches, parent
from reviewer.core.roles import is_ignored

Started = Literal["generated", "next-start", "own", "missing", "unknown"]

MAX_IMAGES = 20
STANDALONE = re.compile(r"(?:^|/)standalone(?:/|$)")  # below the build directory, whatever its name
_SPEAKS_OF_STANDALONE = re.compile(rb"\.next/standalone\b")
_MOVES_STANDALONE = re.compile(
    r"\b(?:mv|cp|rsync|ln)\s[^&|;]*?(?<![\w-])standalone(?:/[^\s\"']*)?[\"']?\s+[^\s&|;]"  # and not into it
)

_NAME = re.compile(r"(?:Dockerfile|Containerfile)(?:\.[\w-]+)*|[\w-]+\.(?:Dockerfile|Containerfile)", re.IGNORECASE)
_OTHER_PURPOSE = re.compile(r"(?:^|[._-])(?:dev|development|test|tests|e2e|ci|local|storybook|vercel)(?:[._-]|$)")
_INSTALLS = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:ci|install|i|add)\b|\byarn(?:\s+--[\w-]+)*\s*(?:$|&&)")


@dataclass(frozen=True, slots=True)
class Copy:
    """A ``COPY`` or ``ADD``. ``target`` is where it copies to, from the image's root on and without a leading slash.

    ``into`` says that the target is a directory, which the sources, or what they hold, are put into.
    """

    sources: tuple[str, ...]
    target: str
    into: bool
    line: int

    def brings(self, path: str) -> bool:
        """Whether a file of the image, a path without a leading slash, could come from here."""
        for source in self.sources:
            name = source.rstrip("/").rpartition("/")[2]
            if "." in name.lstrip("."):
                found = matches(join(self.target, name) if self.into else self.target, path)
            else:
                found = not self.target or path.startswith(self.target + "/")
            if found:
                return True
        return False


@dataclass(frozen=True, slots=True)
class Image:
    """The last stage of a Dockerfile. ``command`` is a command line, '' where the base image brings it.

    ``workdir`` is a path without a leading slash; ``runs`` are the ``RUN`` command lines of that stage, and ``patches``
    those of all stages, with their line.
    """

    path: str
    copies: tuple[Copy, ...]
    runs: tuple[str, ...]
    patches: tuple[tuple[str, int], ...]
    command: str
    line: int
    workdir: str

    @property
    def standalone(self) -> Copy | None:
        """The copy of Next's standalone output."""
        copies = (c for c in self.copies if any(STANDALONE.search(source) for source in c.sources))
        return next(copies, None)

    @property
    def takes_standalone(self) -> bool:
        """Whether a copy, or a command of any stage, takes Next's standalone output from where it was built."""
        return self.standalone is not None or any(_MOVES_STANDALONE.search(command) for command, _ in self.patches)

    @property
    def has_dependencies(self) -> bool:
        """Whether dependencies are installed or copied, rather than those only that standalone output brings."""
        copied = any("node_modules" in source for copy in self.copies for source in copy.sources)
        whole = any(source.rstrip("/") in (".", "/app") for copy in self.copies for source in copy.sources)
        return copied or whole or any(_INSTALLS.search(run) for run in self.runs)

    def place(self, file: str) -> str:
        """Where a file named in a command lies in the image, without a leading slash."""
        inside = self.workdir + "/"
        return file if self.workdir and file.startswith(inside) else join(self.workdir, file)

    def brings(self, path: str, after: Copy | None = None) -> bool:
        """Whether a copy, later than *after*, or a command could put a file there."""
        stem = path.rpartition("/")[2].partition(".")[0]
        later = (
            self.copies[self.copies.index(after) + 1 :] if after in self.copies and after is not None else self.copies
        )
        made = any(re.search(rf"\b{re.escape(stem)}\b", run) for run in self.runs)
        return made or any(copy.brings(path) for copy in later if copy is not self.standalone)


def images_of(files: Files, app: App) -> Iterator[Image]:
    """The images an application is shipped in: of Dockerfiles beside it, anywhere when it is the only application."""
    yield from islice(_images(files, app), MAX_IMAGES)


def _images(files: Files, app: App) -> Iterator[Image]:
    for name in files.names():
        if not _NAME.fullmatch(name) or _OTHER_PURPOSE.search(name.lower()):
            continue
        for path in files.paths(name):
            beside = parent(path) in (app.root, app.package.dir)
            image = read_image(files, path) if beside or (app.is_only and not is_ignored(path)) else None
            if image is not None:
                yield image


def ships_standalone(files: Files, app: App) -> bool:
    """Whether a file that starts or deploys the application, other than a Dockerfile, speaks of standalone output."""
    for path in launch_files(files):
        source = files.source(path) if not _NAME.fullmatch(path.rpartition("/")[2]) else None
        if source is None or _SPEAKS_OF_STANDALONE.search(source.data) is None:
            continue
        is_near = app.is_only or path.startswith(f"{app.package.dir}/")
        if is_near or f"{app.root.rpartition('/')[2]}/.next/standalone".encode() in source.data:
            return True
    return False


def is_copied(files: Files, path: str) -> bool:
    """Whether a Dockerfile puts a file somewhere else than where it lies, seen from the root or from beside itself."""
    found = (image for name in files.names() if _NAME.fullmatch(name) for image in files.paths(name))
    for image in islice(found, MAX_IMAGES):
        source, beside = files.source(image), path.removeprefix(f"{parent(image)}/")
        named = rf"(?im)^\s*(?:COPY|ADD)\s.*(?<![\w/.-])(?:\./)?(?:{re.escape(path)}|{re.escape(beside)})(?![\w/.-])"
        if source is not None and re.search(named, source.data.decode()) is not None:
            return True
    return False


def started(code: Code, app: App, image: Image, entry: str = "") -> Started:
    """What an image starts of an application: the server Next generates, ``next start``, or its *entry*.

    ``missing`` is an entry that neither a copy nor a command puts where it is started.
    """
    directory = app.package.dir
    for process in code.commands.resolve(image.command, directory) if image.command else ():
        if process.kind == "next" and next_arguments(process)[0] == "start":
            return "next-start"
        place = image.place(process.file.removeprefix(f"{directory}/") if directory else process.file)
        if process.kind == "file" and _is_generated(app, image, place):
            return "generated"
        if process.kind == "file" and entry and runs(code, process, entry):
            return _started_entry(image, place)
    return "unknown"


def _is_generated(app: App, image: Image, place: str) -> bool:
    """Whether Next's own server lies there: where standalone output is copied to, and nothing is put over it."""
    copy = image.standalone
    if copy is None or image.brings(place, copy):
        return False
    return place in (join(copy.target, "server.js"), join(copy.target, join(app.root, "server.js")))


def _started_entry(image: Image, place: str) -> Started:
    if image.standalone is None or image.has_dependencies:
        return "own"
    return "unknown" if image.brings(place) else "missing"


def read_image(files: Files, path: str) -> Image | None:
    """The image of one Dockerfile; None for a file without stages."""
    source = files.source(path)
    stage = last_stage(source.data.decode()) if source is not None else None
    if stage is None:
        return None
    start = stage.start()
    copies = tuple(_copy(copied) for copied in stage.copies if len(copied.words) > 1)
    return Image(
        path=path,
        copies=copies,
        runs=tuple(command.text for command in stage.commands),
        patches=tuple((command.text, command.line) for command in stage.all_commands),
        command=start.text if start is not None else "",
        line=start.line if start is not None else 1,
        workdir=join("", stage.workdir),
    )


def _copy(copied: Copied) -> Copy:
    *sources, target = copied.words
    into = target.endswith(("/", ".")) or len(sources) > 1 or "." not in target.rpartition("/")[2]
    place = join("", target) if target.startswith("/") else join(copied.workdir, target)
    return Copy(tuple(sources), place, into, copied.line)
