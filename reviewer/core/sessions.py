"""Who owns sessions: where server code issues or reads them, by the library that does."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property

from reviewer.core.clientfiles import is_client_file
from reviewer.core.code import Code
from reviewer.core.facts import Assignment, Call, Expr, FileFacts, Ref
from reviewer.core.files import Words
from reviewer.core.manifest import package_name
from reviewer.core.project import Project
from reviewer.core.symbols import Symbols

_STORES = frozenset({"iron-session", "next-iron-session", "express-session", "cookie-session"})
_PERSON = re.compile(
    r"(?i)user\w*|uid|email|account\w*|(?:is_?)?logged_?in|is_?auth\w*|auth\w*|(?:is_?)?admin\w*|access_?token|siwe|member\w*"
    r"|customer\w*|role|profile"
)
_NO_SESSION = re.compile(
    r"(?i)state|nonce|csrf|verifier|pkce|consent|locale|lang|theme|preview|draft|invite|cart|flash|visitor|device|captcha"
    r"|challenge|reset|otp|unsubscribe|share"
)
_COOKIE = re.compile(r"(?i)cookie|session")
_SUPABASE = re.compile(r"@supabase/(?:ssr|auth-helpers-\w+)")
_SUPABASE_CLIENT = re.compile(r"\.create(?!Browser|ClientComponent|PagesBrowser)\w+")
_SUPABASE_CALLS = frozenset(
    {"getUser", "getSession", "getClaims", "setSession", "refreshSession", "exchangeCodeForSession", "verifyOtp"}
    | {"signInWithPassword", "signInWithOtp", "signInWithOAuth", "signUp", "signOut"}
)
# Their clients and signatures serve other ends too: what is made of them counts.
_SECOND_LOOK = frozenset({"@supabase/ssr", "@supabase/auth-helpers-nextjs", "firebase-admin", "jsonwebtoken", "jose"})
_FIREBASE_CALLS = frozenset({"createSessionCookie", "verifySessionCookie"})
_COOKIE_SETTERS = frozenset({("cookie", ".serialize"), ("nookies", ".setCookie"), ("cookies-next", ".setCookie")})
_LATER: Mapping[str, Words] = {
    "supabase": ((b".auth.",),),
    "firebase": tuple((name.encode(),) for name in sorted(_FIREBASE_CALLS)),
    "own": ((b"cookie",), (b"Cookie",), (b"Session(",)),
    "stores": ((b"session.",), (b"session,",)),
}


_Key = tuple[frozenset[str], tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class SessionUse:
    """A call that issues or reads sessions of a ``family``: ``name`` of ``module``, as people say it."""

    family: str
    module: str
    name: str
    path: str
    line: int

    @property
    def package(self) -> str:
        return package_name(self.module)


class _Known:
    """The uses of one tree, by what was asked for: every application asks the same."""

    def __init__(self, _project: Project) -> None:
        self.uses: dict[_Key, tuple[SessionUse, ...]] = {}


class SessionUses:
    """The uses in one tree. ``families`` are symbols by family, ``more`` are globs of modules with their family."""

    def __init__(self, project: Project, families: Mapping[str, Symbols], more: Mapping[str, str]) -> None:
        self.project = project
        self.code: Code = project.code
        self.families = families
        self.more = more

    @cached_property
    def asked(self) -> frozenset[str]:
        """The families some manifest asks for a package of."""
        names = {name for package in self.code.packages.values() for name in package.dependencies}
        found = {family for family, symbols in self.families.items() if names & _packages(symbols)}
        found |= {family for glob, family in self.more.items() if any(fnmatchcase(name, glob) for name in names)}
        return frozenset(found)

    def all(self, marked: Collection[str]) -> tuple[SessionUse, ...]:
        """Every use, in the order of files; none where all are of one family. ``marked`` hold words of the symbols."""
        if len(self.asked) < 2:
            return ()
        known = self.project.once(_Known).uses
        key = (self.asked, tuple(sorted(self.more.items())))
        if key not in known:
            known[key] = self._all(marked)
        return known[key]

    def _all(self, marked: Collection[str]) -> tuple[SessionUse, ...]:
        importing = {path: self._imported(path) for path in sorted(marked)}
        named = self.asked & {family for names in importing.values() for family in names}
        if "own" in named and not any("own" in names and self._signs(path) for path, names in importing.items()):
            named -= {"own"}
        if len(named | {*self.more.values()}) < 2:
            return ()
        paths = {*(path for path, names in importing.items() if names), *self._naming()}
        found = [use for path in sorted(paths) for use in self._direct(path)]
        keeps_people = self._keeps_people() if any(use.package in _STORES for use in found) else False
        found = [use for use in found if use.package not in _STORES or keeps_people]
        found += self._later(named)
        if len({use.family for use in found}) < 2:
            return ()
        return tuple(sorted(dict.fromkeys(found), key=lambda use: (use.path, use.line, use.family, use.name)))

    def _imported(self, path: str) -> frozenset[str]:
        """The families whose modules the text of a script imports."""
        modules = self.code.specifiers.modules(path)
        return frozenset(family for module in modules for family in self._modules.get(module, ()))

    def _naming(self) -> set[str]:
        words = tuple((max(glob.split("*"), key=len).encode(),) for glob in self.more)
        return self._containing({"more": words})["more"] if words else set()

    def _containing(self, words: Mapping[str, Words]) -> dict[str, set[str]]:
        return self.project.files.containing(self.project.scripts, words)

    def _facts(self, path: str) -> FileFacts:
        """The facts of a script that may run on a server."""
        is_client = is_client_file(self.code.files.raw(path) or b"")
        return FileFacts() if is_client else self.code.facts(path) or FileFacts()

    # -- what a file names itself -------------------------------------------------------------------------------------

    def _direct(self, path: str) -> Iterator[SessionUse]:
        facts = self._facts(path)
        for call in facts.calls:
            for ref in (call.callee, *(arg.ref for arg in call.args if arg.kind == "ref")):
                yield from self._of(path, ref, call.line)
        for export in facts.exports:
            ref = export.expr.ref if export.expr is not None and export.expr.kind == "ref" else None
            if export.module:
                ref = Ref("import", export.imported, export.module)
            yield from self._of(path, ref, export.line)

    @cached_property
    def _modules(self) -> Mapping[str, frozenset[str]]:
        """The families by the modules their symbols name."""
        found: dict[str, set[str]] = {}
        for family, symbols in self.families.items():
            for symbol in symbols.symbols:
                found.setdefault(symbol.module, set()).add(family)
        return {module: frozenset(names) for module, names in found.items()}

    def _of(self, path: str, ref: Ref | None, line: int) -> Iterator[SessionUse]:
        if ref is None or ref.kind != "import":
            return
        for family in sorted(self._modules.get(ref.module, ())):
            named = next((named for named in _named(ref) if self.families[family].match(named)), None)
            if named is not None and package_name(ref.module) not in _SECOND_LOOK:
                yield SessionUse(family, ref.module, named.last_member() or ref.module, path, line)
        for glob, family in self.more.items():
            if fnmatchcase(ref.module, glob) and self.code.resolver.resolve(path, ref.module) is None:
                yield SessionUse(family, ref.module, ref.module, path, line)

    # -- what takes a second look -------------------------------------------------------------------------------------

    def _later(self, families: Collection[str]) -> Iterator[SessionUse]:
        wanted = {name: words for name, words in _LATER.items() if name in families}
        for name, paths in self._containing(wanted).items() if wanted else ():
            read = {"supabase": self._supabase, "firebase": self._firebase, "own": self._own}[name]
            for path in sorted(paths):
                for call in self._facts(path).calls:
                    yield from read(path, call)

    def _supabase(self, path: str, call: Call) -> Iterator[SessionUse]:
        if call.method in _SUPABASE_CALLS:
            ref = self.code.expand(path, call.callee)
            steps = ref.path() if ref is not None and ref.kind == "import" else ()
            is_session = steps[1:3] == ("()", ".auth") and ".admin" not in steps
            if (
                ref is not None
                and is_session
                and _SUPABASE.fullmatch(ref.module)
                and _SUPABASE_CLIENT.fullmatch(steps[0])
            ):
                yield SessionUse("supabase", ref.module, f"auth.{call.method}", path, call.line)

    def _firebase(self, path: str, call: Call) -> Iterator[SessionUse]:
        ref = self.code.expand(path, call.callee) if call.method in _FIREBASE_CALLS else None
        if ref is not None and ref.kind == "import" and package_name(ref.module) == "firebase-admin":
            yield SessionUse("firebase", ref.module, call.method, path, call.line)

    def _own(self, path: str, call: Call) -> Iterator[SessionUse]:
        """A signed token that becomes the value of a cookie, set here or by a function that is given it."""
        name = next((part for arg in call.args[:1] for part in arg.walk() if part.kind == "string"), None)
        if name is not None and _NO_SESSION.search(name.name):
            return
        for arg in call.args if _sets_cookie(call) else self._put_in_cookies(path, call):
            for part in arg.walk():
                ref = self.code.expand(path, part.ref) if part.kind in ("ref", "call") else None
                if ref is not None and _is_signed(ref):
                    yield SessionUse("own", ref.module, "sign", path, call.line)

    def _put_in_cookies(self, path: str, call: Call) -> Iterator[Expr]:
        """The arguments that a function of the repository puts into a cookie."""
        ref = call.callee
        if ref is None or ref.kind not in ("import", "local") or not _COOKIE.search(f"{ref.name}.{call.method}"):
            return
        where, made = self.code.value_of(path, ref)
        if made.kind != "function":
            return
        for inner in self._facts(where).calls:
            if inner.function == made.function and _sets_cookie(inner):
                parts = (part.ref for arg in inner.args for part in arg.walk() if part.ref is not None)
                indexes = {part.index for part in parts if part.kind == "param" and part.function == made.function}
                yield from (arg for index, arg in enumerate(call.args) if index in indexes)

    def _signs(self, path: str) -> bool:
        return any(call.callee is not None and _is_signed(call.callee.then("()")) for call in self._facts(path).calls)

    def _keeps_people(self) -> bool:
        """Whether a session store of the tree holds who somebody is."""
        for path in sorted(self._containing({"stores": _LATER["stores"]})["stores"]):
            facts = self._facts(path)
            if any(self._names_person(path, assignment) for assignment in facts.assignments):
                return True
            if any(_sets_person(call) for call in facts.calls):
                return True
        return False

    def _names_person(self, path: str, assignment: Assignment) -> bool:
        """``req.session.user = x``, and ``session.userId = x`` where the session is made by a store."""
        target = assignment.target
        if not _PERSON.fullmatch(target.last_member()) or len(target.steps) < 1:
            return False
        if target.steps[-2:-1] == (".session",):
            return True
        made = self.code.expand(path, target)
        return made is not None and made.kind == "import" and package_name(made.module) in _STORES


def _packages(symbols: Symbols) -> frozenset[str]:
    return frozenset(package_name(symbol.module) for symbol in symbols.symbols)


def _named(ref: Ref) -> Iterator[Ref]:
    """The reference and what it is reached from, up to what its module exports."""
    steps = ref.path()
    called = next((index for index, step in enumerate(steps) if not step.startswith(".")), len(steps))
    for length in range(called, 0, -1):
        yield Ref("import", "*", ref.module, steps[:length])
    if called == 0:
        yield Ref("import", "*", ref.module)


def _sets_cookie(call: Call) -> bool:
    ref = call.callee
    steps = ref.path() if ref is not None and ref.kind == "import" else ref.steps if ref is not None else ()
    if ref is not None and ref.kind == "import" and (ref.module, steps[0] if steps else "") in _COOKIE_SETTERS:
        return True
    if call.method == "set":
        is_store = ref is not None and ref.kind == "import" and ref.module == "next/headers"
        return is_store or steps[-2:-1] == (".cookies",)
    if call.method == "cookie":
        return ref is not None and ref.kind == "param" and len(call.args) >= 2
    header = call.args[0].name.lower() if call.args and call.args[0].kind == "string" else ""
    return call.method in ("setHeader", "append") and header == "set-cookie"


def _is_signed(ref: Ref) -> bool:
    if ref.kind != "import":
        return False
    steps = ref.path()
    if ref.module == "jsonwebtoken":
        return steps[:2] == (".sign", "()")
    return ref.module == "jose" and steps[:2] == (".SignJWT", "new") and steps[-2:] == (".sign", "()")


def _sets_person(call: Call) -> bool:
    """``req.session.set('user', x)``, and ``Object.assign(session, { user })``."""
    first: Expr | None = call.args[0] if call.args else None
    if first is None or call.callee is None:
        return False
    if call.method == "set" and call.callee.steps[-2:-1] == (".session",):
        return first.kind == "string" and _PERSON.fullmatch(first.name) is not None
    return False
