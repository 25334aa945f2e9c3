"""Files of a service that open its port, and what starts them: the started file may lie two imports away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reviewer.core.app import App
from reviewer.core.code import Code
from reviewer.core.entries import source_of
from reviewer.core.facts import Call, Expr, FileFacts, Ref
from reviewer.core.features import Features
from reviewer.core.manifest import parent
from reviewer.core.onload import running
from reviewer.core.project import SERVICE_FRAMEWORKS, Project
from reviewer.core.roots import NxNode, nx_nodes

MAX_HOPS = 2
MAX_IMPORTERS = 30
ADAPTERS = frozenset({"serverless-http", "@vendia/serverless-express", "aws-lambda-fastify", "@fastify/aws-lambda"})
_WORDS = (
    *((b".listen(",), (b"serve(",), (b"serverless-http",), (b"serverless-express",)),
    *((b"aws-lambda",), (b"@hapi/hapi", b".start(")),
)
_SERVED = tuple((b"export default", name) for name in (b"fetch", b"hono", b"elysia"))
_HTTP = frozenset({"http", "node:http", "https", "node:https", "http2", "node:http2"})
_OPENERS = frozenset({*SERVICE_FRAMEWORKS, *_HTTP})
_RUNTIMES = frozenset({"Deno", "Bun"})
_FETCHING = frozenset({"hono", "elysia", "@hono/zod-openapi"})
_SPECIFIER = re.compile(rb"""\b(?:from|import|require)\s*\(?\s*['"`]([^'"`\n]+)['"`]""")
_BUN = re.compile(r"(?<![\w-])bun\s")
_FOLDERS = (b".", b"..", b"./", b"../")
# Scripts that load an application to look at it or to work on its data, and never for its requests.
_TASK = re.compile(
    r"(?:^|[:._-])(?:gen(?:erate)?|codegen|migrat\w*|seed\w*|build|lint|docs?|openapi|swagger|evals?|scripts?|cli|console|"
    r"export\w*|import\w*|sync\w*|refill\w*|backfill\w*|clean\w*|metadata)(?:[:._-]|$)"
)


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a port is opened, or an application handed over: ``function`` is the one that does it, or -1."""

    path: str
    line: int
    function: int = -1


class Openings:
    """The files of one tree that open ports."""

    def __init__(self, project: Project, features: Features) -> None:
        self.project = project
        self.code: Code = project.code
        self.features = features
        self.nx_nodes: tuple[NxNode, ...] = tuple(nx_nodes(self.code))

    def of(self, app: App, scripts: Sequence[str]) -> list[Opening]:
        """The files of a service that open a port, in the order of their paths."""
        marked = self.project.files.containing(scripts, {"listening": _WORDS, "served": _SERVED})
        found = [opening for path in sorted(marked["listening"]) if (opening := self._opening(path)) is not None]
        run = set(self._run_by_bun(app))
        exported = run | marked["served"] if run else run
        for path in sorted(exported - {opening.path for opening in found}):
            if line := self._served(path):
                found.append(Opening(path, line))
        return found

    def _opening(self, path: str) -> Opening | None:
        """The call of a file that opens its port or hands its application to a function host."""
        facts = self.code.facts(path)
        if facts is None:
            return None
        for call in facts.calls:
            ref = self.code.expand(path, call.callee)
            module = ref.module if ref is not None and ref.kind == "import" else ""
            is_hono = ref is not None and module == "@hono/node-server" and ref.path() == (".serve",)
            is_opened = call.method in ("listen", "start") and module in _OPENERS
            if module in ADAPTERS or is_hono or is_opened or _is_runtime(ref):
                return Opening(path, call.line, call.function)
        likely = [call for call in facts.calls if call.method == "listen" and self._may_open(path, call)]
        if likely and (self._is_made_of(facts) or self._loads_application(path, facts)):
            return Opening(path, likely[0].line, likely[0].function)
        return None

    def _may_open(self, path: str, call: Call) -> bool:
        """Whether what listens may be a server: nothing a package without servers made."""
        ref = call.callee
        return (
            ref is None
            or ref.kind != "import"
            or self.code.resolver.resolve(path, ref.module) is not None
            or (ref.module in _OPENERS)
        )

    def _is_made_of(self, facts: FileFacts) -> bool:
        return any(item.module in _OPENERS for item in facts.imports if not item.type_only)

    def _loads_application(self, path: str, facts: FileFacts) -> bool:
        """Whether a file loads one of the repository that is made of a framework."""
        for item in facts.imports:
            target = self.code.resolver.resolve(path, item.module) if not item.type_only else None
            loaded = self.code.surface(target) if target is not None else None
            if loaded is not None and self._is_made_of(loaded):
                return True
        return False

    def _run_by_bun(self, app: App) -> Iterator[str]:
        """The scripts that the package of a service has Bun run."""
        for command in app.package.scripts.values():
            processes = self.code.commands.resolve(command, app.package.dir) if _BUN.search(command) else []
            for process in processes:
                if process.kind == "file":
                    path = source_of(self.code, process.file)
                    yield from () if path is None else (path,)

    def _served(self, path: str) -> int:
        """The line of a default export that Bun serves by its ``fetch``; 0 where there is none."""
        facts = self.code.facts(path)
        export = facts.export("default") if facts is not None else None
        if export is None or export.expr is None:
            return 0
        where, value = self.code.follow(path, export.expr)
        ref = self.code.expand(path, export.expr.ref) or self.code.expand(where, value.ref)
        is_application = ref is not None and ref.kind == "import" and ref.module in _FETCHING and "new" in ref.steps
        return export.line if is_application or _has_fetch(value) else 0

    # -- what starts them --------------------------------------------------

    def starter(self, app: App, scripts: Sequence[str], opening: Opening) -> str:
        """What starts an application in production so that it opens its port; '' where nothing does."""
        if self.features.started(opening.path):
            return self.features.starter(opening.path)
        nodes = {node.main: node.label for node in self.nx_nodes if node.root == app.root}
        if opening.path in nodes:
            return nodes[opening.path]
        found = []
        for path in self._runners(scripts, opening):
            found += [label for label in self.features.started(path) if not _TASK.search(_script_of(label))]
            found += [nodes[path]] if path in nodes else []
        own = f"{app.package.path} script "
        return min(
            found, key=lambda label: (not label.startswith(f"{own}start"), not label.startswith(own), label), default=""
        )

    def _runners(self, scripts: Sequence[str], opening: Opening) -> list[str]:
        """The scripts that open the port when they are loaded, though another file does it for them."""
        opens = {opening.path: opening.function in self._running(opening.path)}
        frontier = dict(opens)
        for _ in range(MAX_HOPS):
            reached: dict[str, bool] = {}
            for target, on_load in frontier.items():
                for path in self._importers(scripts, target)[:MAX_IMPORTERS]:
                    how = self._opens(path, target, on_load)
                    if how is not None and path not in opens:
                        reached[path] = reached.get(path, False) or how
            frontier = reached
            opens |= reached
        return [path for path, on_load in opens.items() if on_load and path != opening.path]

    def _opens(self, path: str, target: str, on_load: bool) -> bool | None:
        """Whether loading a file opens the port of one it imports; False where a call must, None where none can."""
        facts, resolve = self.code.facts(path), self.code.resolver.resolve
        imports = facts.imports if facts is not None else ()
        kinds = {item.kind for item in imports if not item.type_only and resolve(path, item.module) == target}
        if not kinds or facts is None:
            return None
        if on_load or "dynamic" in kinds:
            return True
        running = self._running(path)
        called = {
            call.function
            for call in facts.calls
            for ref in (call.callee, *(arg.ref for arg in call.args))
            if ref is not None and ref.kind == "import" and resolve(path, ref.module) == target
        }
        if called:
            return not called.isdisjoint(running)
        return False if "reexport" in kinds else None

    def _running(self, path: str) -> set[int]:
        facts = self.code.facts(path)
        return running(facts) if facts is not None else set()

    def _importers(self, scripts: Sequence[str], target: str) -> list[str]:
        """The scripts whose text has an import that leads to a file."""
        stem, folder = target.rpartition("/")[2].partition(".")[0].encode(), parent(target)
        names = (stem, folder.rpartition("/")[2].encode() or stem) if stem == b"index" else (stem,)
        words = (*((name,) for name in names), *(((b"'.",), (b'".',)) if stem == b"index" else ()))
        marked = self.project.files.containing(scripts, {"name": words})["name"] - {target}
        resolve = self.code.resolver.resolve
        found = []
        for path in sorted(marked):
            texts = {match[1] for match in _SPECIFIER.finditer(self.project.files.raw(path) or b"")}
            likely = (text for text in texts if text in _FOLDERS or any(name in text for name in names))
            if any(resolve(path, text.decode("utf-8", "replace")) == target for text in likely):
                found.append(path)
        return found


def _is_runtime(ref: Ref | None) -> bool:
    """``Deno.serve(…)``, ``Bun.serve(…)``."""
    return ref is not None and ref.kind == "global" and ref.name in _RUNTIMES and ref.steps == (".serve",)


def _has_fetch(value: Expr) -> bool:
    return value.kind == "object" and value.prop("fetch") is not None


def _script_of(label: str) -> str:
    return label.partition(" script ")[2]
