"""Which calls make promises: functions of the repository that do, and what packages are known for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from reviewer.core.callresults import CHAINED, Body, CallResults, Use, call_results_of
from reviewer.core.code import Code
from reviewer.core.facts import Expr, FileFacts, Ref
from reviewer.core.finding import Evidence, Site

MAX_HOPS = 2
_MAX_VALUES = 40

_CLIENTS = (
    ("@prisma/client*", ".PrismaClient", "prisma"),
    ("*/prisma*", ".PrismaClient", "prisma"),
    ("*/generated/*", ".PrismaClient", "prisma"),
    ("drizzle-orm/*", ".drizzle", "drizzle"),
    ("@supabase/supabase-js", ".createClient", "supabase"),
    ("@supabase/ssr", ".createServerClient", "supabase"),
    ("@supabase/auth-helpers-nextjs", ".createRouteHandlerClient", "supabase"),
    ("@supabase/auth-helpers-nextjs", ".createServerActionClient", "supabase"),
    ("mongoose", ".model", "mongoose"),
    ("resend", ".Resend", "resend"),
    ("nodemailer", ".createTransport", "nodemailer"),
    ("axios", ".create", "axios"),
    ("bullmq", ".Queue", "queue"),
    ("bull", "", "queue"),
    ("@sendgrid/mail", "", "sendgrid"),
    ("ioredis", "", "redis"),
    ("ioredis", ".Redis", "redis"),
    ("@upstash/redis", ".Redis", "redis"),
    ("@upstash/qstash", ".Client", "qstash"),
)
_PACKAGES = {
    "prisma": "Prisma",
    "drizzle": "Drizzle",
    "supabase": "Supabase",
    "mongoose": "Mongoose",
}
_HTTP = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_PRISMA_SENDS = frozenset({"$executeRaw", "$executeRawUnsafe", "$queryRaw", "$queryRawUnsafe", "$transaction"})
_DRIZZLE_STARTS = frozenset({"insert", "update", "delete", "select", "execute", "transaction"})
_MONGOOSE_SENDS = frozenset({"create", "insertMany", "bulkWrite", "exec"})
_MONGOOSE_QUERIES = frozenset(
    {"updateOne", "updateMany", "deleteOne", "deleteMany", "findOneAndUpdate", "findByIdAndUpdate"}
    | {"findOneAndDelete", "findByIdAndDelete", "findOneAndReplace", "replaceOne"}
)
_CHAINING = tuple(f".{method}" for method in CHAINED)
_GLOBALS = frozenset({"fetch", "Promise", "globalThis", "global"})
_PROMISE = frozenset({".all", ".allSettled", ".any", ".race"})
_SENDS = {
    "resend": (".emails", ".batch", ".contacts", ".broadcasts"),
    "nodemailer": (".sendMail",),
    "queue": (".add", ".addBulk"),
    "sendgrid": (".send", ".sendMultiple"),
    "qstash": (".publishJSON", ".publish", ".enqueue", ".enqueueJSON", ".batchJSON", ".batch"),
    "redis": (".set", ".del", ".incr", ".expire", ".lpush", ".rpush", ".publish", ".hset", ".sadd", ".zadd", ".setex"),
}
_TELLING = _HTTP | _MONGOOSE_SENDS | _MONGOOSE_QUERIES | _DRIZZLE_STARTS | _PRISMA_SENDS
_TELLING |= {name[1:] for names in _SENDS.values() for name in names}
_TELLING |= {"createMany", "upsert", "from", "rpc", "storage", "functions", "send"}
_RETURNS = re.compile(rb"(?:\breturn|=>)\s*\(?\s*(?:new Promise\b|[\w$.]+(?:<[^\n]*>)?\()|\*")
_GENERATOR = re.compile(rb"(?:async\s+)?function\s*\*")
_STEPS = re.compile(r"(\(\))|(\.[\w$#]+)")


@dataclass(frozen=True, slots=True)
class Made:
    """A call that makes a promise. ``lazy`` names the library whose queries start when they are awaited or chained.

    ``body`` is the function of the repository that makes it, and ``site`` its place.
    """

    evidence: Evidence = "high"
    lazy: str = ""
    site: Site | None = None
    body: Body | None = None


class Promises:
    """Asks of calls whether they make promises, across the files of one tree."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._results: dict[str, CallResults] = {}
        self._imported: dict[str, dict[str, Ref]] = {}

    def results(self, path: str) -> CallResults:
        """What becomes of the calls of a file; nothing where it is not analysed."""
        if path not in self._results:
            self._results[path] = self.code.read(path, call_results_of) or CallResults()
        return self._results[path]

    def use_at(self, path: str, start: int, place: int) -> Use | None:
        """The call whose facts have that ``start`` and ``place``."""
        return next((use for use in self.results(path).uses if (use.start, use.place) == (start, place)), None)

    def made(self, path: str, use: Use) -> Made | None:
        """The promise a call makes; None where it makes none, or where that cannot be told."""
        if use.name.endswith(_CHAINING):
            return None  # the promise is that of the call it is chained to
        made = self._method(path, use) if use.name.startswith("this.") else self._made(path, use, MAX_HOPS)
        return made if made is not None or not use.chained else Made("medium")  # only promises have such methods

    def _made(self, path: str, use: Use, hops: int) -> Made | None:
        ref = self._called(path, use)
        if ref is None:
            return None
        if ref.kind == "global":
            return Made() if _is_known_global(ref) else None
        found = self.function(path, ref, use.function)
        if found is not None:
            return self._by(found[0], found[1], hops)
        made = self._of_package(path, ref, use)
        return replace(made, lazy="") if made is not None and use.chained else made

    def _called(self, path: str, use: Use) -> Ref | None:
        """What a call calls: by the names of the module where they say it, else by all the facts of the file."""
        surface = self.code.surface(path)
        if surface is None or not use.name:
            return None
        root, *steps = [step for step in _STEPS.split(use.name) if step]
        imported = self._imports(path, surface).get(root)
        if imported is not None:
            return replace(imported, steps=tuple(steps))
        if root in surface.values or (not steps and self.results(path).named(root, use.function) is not None):
            value = surface.values.get(root)
            made = value.ref if value is not None and value.kind in ("call", "new", "ref", "member") else None
            return made.then(*steps) if made is not None else Ref("local", root, steps=tuple(steps))
        if root in _GLOBALS:
            return Ref("global", root, steps=tuple(steps))
        is_telling = not _TELLING.isdisjoint(step.lstrip(".") for step in steps) or self._is_made_here(path, root)
        return self._from_facts(path, use) if is_telling else None

    def _is_made_here(self, path: str, name: str) -> bool:
        """Whether a variable of the file is an instance of a class."""
        source = self.code.files.source(path)
        return source is not None and f"{name} = new ".encode() in source.data

    def _imports(self, path: str, surface: FileFacts) -> dict[str, Ref]:
        if path not in self._imported:
            static = (item for item in surface.imports if item.kind in ("static", "require"))
            pairs = ((name, local, item.module) for item in static for name, local in item.names)
            self._imported[path] = {local: Ref("import", name, module) for name, local, module in pairs}
        return self._imported[path]

    def _from_facts(self, path: str, use: Use) -> Ref | None:
        facts = self.code.facts(path)
        for call in facts.calls if facts is not None else ():
            if call.start == use.start and call.place[0] == use.place:
                return call.callee
        return None

    # -- functions of the repository ----------------------------------------------------------------------------------

    def function(self, path: str, ref: Ref, function: int = -1) -> tuple[str, Body] | None:
        """The function a reference names, in the file itself or at most two files on."""
        if ref.kind == "local" and not ref.steps:
            body = self.results(path).named(ref.name, function)
            return (path, body) if body is not None else None
        if ref.kind not in ("import", "local"):
            return None
        where, value = self.code.follow(path, _expression(ref))
        if value.kind == "function":
            body = self._body(where, value.function)
            return (where, body) if body is not None else None
        return self._of_class(path, ref)

    def _body(self, path: str, function: int) -> Body | None:
        """A function of a file, the file read in detail only where the function's text does not tell enough."""
        source, facts = self.code.files.source(path), self.code.surface(path)
        known = facts.function(function) if facts is not None and path not in self._results else None
        if source is None or known is None:
            return self.results(path).body(function)
        is_async = source.data.startswith(b"async", function)
        end = function
        for _ in range(known.end_line - known.line + 1):
            end = source.data.find(b"\n", end) + 1 or len(source.data)
        is_generator = _GENERATOR.match(source.data, function) is not None
        if is_async or not _RETURNS.search(source.data, function, end):
            return Body(function, known.name, -1, is_async, is_generator, False, True, "later", (), known.line, end)
        return self.results(path).body(function)

    def _of_class(self, path: str, ref: Ref) -> tuple[str, Body] | None:
        """A static method of a class, or a method of an object a module makes of one."""
        method = ref.last_member()
        steps = tuple(step for step in ref.steps[:-1] if step != "new")
        if not method or steps:
            return None
        where, value = self.code.follow(path, _expression(replace(ref, steps=())))
        holder = value.callee.name if value.kind == "new" and value.callee is not None else ""
        named = replace(ref, steps=()) if not holder else value.callee.ref if value.callee is not None else None
        for file, name in self._classes(where if holder else path, named):
            for body in (self.results(file).bodies or {}).values():
                if body.holder == name and body.name == method:
                    return file, body
        return None

    def _classes(self, path: str, ref: Ref | None) -> Iterator[tuple[str, str]]:
        if ref is not None and ref.kind == "local":
            yield path, ref.name
        elif ref is not None and ref.kind == "import":
            where, name = self.code.origin(path, ref)
            if self.code.files.is_file(where):
                yield where, ref.name if name == "default" else name

    def _method(self, path: str, use: Use) -> Made | None:
        """``this.send()`` in a class of the file."""
        results = self.results(path)
        holder = next((b.holder for id in results.enclosing(use.function) if (b := results.body(id)) and b.holder), "")
        name = use.name.removeprefix("this.")
        for body in (results.bodies or {}).values():
            if holder and body.holder == holder and body.name == name:
                return self._by(path, body, MAX_HOPS)
        return None

    def _by(self, path: str, body: Body, hops: int) -> Made | None:
        if body.is_generator:
            return None
        site = Site(path, body.line, 1, body.line, "this function makes the promise")
        if body.is_async or body.makes:
            return Made("high", "", site, body)
        if not body.returns or hops <= 0:
            return None
        for use in self.results(path).uses:
            if use.place in body.returns and (made := self._returned(path, use, hops - 1)) is not None:
                return replace(made, site=site, body=body)
        return None

    def _returned(self, path: str, use: Use, hops: int) -> Made | None:
        """What a function returns by calling another one."""
        if use.name.endswith(_CHAINING):
            inner = [other for other in self.results(path).uses if other.start == use.start and other.chained]
            return self._made(path, inner[-1], hops) if inner else None
        return self._made(path, use, hops)

    def only_connects(self, made: Made) -> bool:
        """Whether all a function waits for is Mongoose's connection, which every query waits for by itself."""
        if made.site is None or made.body is None:
            return False
        path, body = made.site.path, made.body
        inside = [use for use in self.results(path).uses if body.id <= use.place < body.stop]
        connects = [use for use in inside if self._connects(path, use)]
        return bool(connects) and all(use in connects for use in inside if use.outcome == "awaited" or use.chained)

    def _connects(self, path: str, use: Use) -> bool:
        ref = self._called(path, use) or self._from_facts(path, use)
        steps = tuple(step for step in ref.path() if step != "()") if ref is not None else ()
        return ref is not None and ref.module == "mongoose" and steps[:1] == (".connect",)

    def text(self, path: str, body: Body) -> str:
        """The text of a function."""
        source = self.code.files.source(path)
        return source.data[body.id : body.stop].decode("utf-8", "replace") if source is not None else ""

    # -- packages -----------------------------------------------------------------------------------------------------

    def _of_package(self, path: str, ref: Ref, use: Use) -> Made | None:
        if ref.module == "axios" and ref.path()[:1] not in ((".create",),):
            steps = ref.path()
            return Made() if not steps or (len(steps) == 1 and steps[0][1:] in _HTTP) else None
        kind, steps = self._client(path, ref)
        members = tuple(step for step in steps if step.startswith("."))
        if not kind or not members:
            return None
        return _known(kind, members, use)

    def _client(self, path: str, ref: Ref) -> tuple[str, tuple[str, ...]]:
        """Which library's client a reference starts from, and the steps from it on."""
        if (found := _named(ref)) is not None:
            return found
        if ref.kind not in ("import", "local"):
            return "", ()
        steps = ref.steps
        if ref.kind == "import" and self.code.resolver.resolve(path, ref.module) is None:
            return "", ()
        if ref.kind == "import" and ref.name == "*":
            return (self._kind(path, _expression(replace(ref, steps=steps[:1])), MAX_HOPS), steps[1:])
        return self._kind(path, _expression(replace(ref, steps=())), MAX_HOPS), steps

    def _kind(self, path: str, expr: Expr, hops: int) -> str:
        """The library of the client that a value is, or may be."""
        where, value = self.code.follow(path, expr)
        if value.kind == "function":
            return self._returned_kind(where, value, hops)
        if value.kind == "ref" and value.ref is not None and value.ref.kind == "local":
            return self._assigned_kind(where, value.ref)
        for index, part in enumerate(value.walk()):
            if index > _MAX_VALUES:
                break
            if part.ref is None:
                continue
            if (found := _named(part.ref)) is not None:
                return found[0]
            is_other = part.kind in ("ref", "member") and part is not value and part.ref.kind in ("local", "import")
            if hops > 0 and (is_other or (part.kind == "call" and part.callee is not None)):
                kind = self._kind(where, part if is_other or part.callee is None else part.callee, hops - 1)
                if kind:
                    return kind
        return ""

    def _assigned_kind(self, path: str, variable: Ref) -> str:
        """The library of the client that a variable of a module is set to."""
        facts = self.code.facts(path)
        for assignment in facts.assignments if facts is not None else ():
            if assignment.target == variable:
                for part in assignment.value.walk():
                    if part.ref is not None and (found := _named(part.ref)) is not None:
                        return found[0]
        return ""

    def _returned_kind(self, path: str, value: Expr, hops: int) -> str:
        facts = self.code.facts(path)
        function = facts.function(value.function) if facts is not None else None
        if function is None or facts is None:
            return ""
        if function.returned is not None and (found := _named(function.returned)) is not None:
            return found[0]
        inside = (call for call in facts.calls if call.function == function.id and call.callee is not None)
        kinds = {found[0] for call in inside if call.callee and (found := _named(call.callee.then("()"))) is not None}
        return kinds.pop() if len(kinds) == 1 and function.returned is not None and hops > 0 else ""


def _is_known_global(ref: Ref) -> bool:
    """``fetch``, and what gathers promises."""
    if ref.name in ("globalThis", "global"):
        return ref.steps == (".fetch",)
    if ref.name == "Promise":
        return len(ref.steps) == 1 and ref.steps[0] in _PROMISE
    return ref.name == "fetch" and not ref.steps


def _named(ref: Ref) -> tuple[str, tuple[str, ...]] | None:
    """The library whose client is made at the start of a reference, and the steps from the client on."""
    if ref.kind != "import":
        return None
    path = ref.path()
    for module, export, kind in _CLIENTS:
        if not fnmatchcase(ref.module, module):
            continue
        rest = path[1:] if export and path[:1] == (export,) else path if not export else None
        if rest is not None and kind == "sendgrid":
            return kind, rest
        if rest is not None and rest[:1] in (("()",), ("new",)):
            return kind, rest[1:]
    return None


def _known(kind: str, members: tuple[str, ...], use: Use) -> Made | None:
    """What a chain of a library's methods makes."""
    first, last = members[0][1:], members[-1][1:]
    library = _PACKAGES.get(kind, "")
    if kind == "prisma":
        is_query = first in _PRISMA_SENDS or (len(members) == 2 and not first.startswith("$"))
        return Made(lazy=library) if is_query else None
    if kind == "drizzle":
        return Made(lazy="" if last == "transaction" else library) if first in _DRIZZLE_STARTS else None
    if kind == "supabase":
        if first in ("from", "rpc", "schema"):
            return Made(lazy=library)
        return Made() if first in ("auth", "storage", "functions") and len(members) > 1 else None
    if kind == "mongoose":
        if last in _MONGOOSE_SENDS:
            return Made()
        return Made(lazy=library) if first in _MONGOOSE_QUERIES else None
    if kind == "axios":
        return Made() if first in _HTTP else None
    if members[0] not in _SENDS.get(kind, ()) or use.function_given >= 0:
        return None
    evidence: Evidence = "low" if kind == "queue" else "high"
    return Made(evidence)


def _expression(ref: Ref) -> Expr:
    """A reference as the expression that names it."""
    base = replace(ref, steps=())
    expr = Expr("ref", 0, 0, 0, ref.name, base)
    for index, step in enumerate(ref.steps, 1):
        if not step.startswith("."):
            return Expr("other", 0, 0, 0)
        expr = Expr("member", 0, 0, 0, step[1:], replace(ref, steps=ref.steps[:index]), callee=expr)
    return expr
