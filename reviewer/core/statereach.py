"""Which states of modules the requests of an application change, followed from its handlers through other files."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from reviewer.core.accesses import MUTATORS, Access
from reviewer.core.app import App
from reviewer.core.facts import Expr, Ref
from reviewer.core.handlers import Handler
from reviewer.core.loaders import Loaders
from reviewer.core.modulenames import Name
from reviewer.core.modulestate import FileState, State
from reviewer.core.project import Project
from reviewer.core.roles import Route
from reviewer.core.scopes import strip
from reviewer.core.statetext import may_hold, starts_empty
from reviewer.core.stateuse import StateUse, Trait
from reviewer.core.syntax import Node, TooComplex

MAX_HOPS = 2
_OUTSIDE = re.compile(r"x$|(?:^|/)scripts/")  # components, and programs run by hand
_BY_REQUESTS: frozenset[Trait] = frozenset({"stores-request", "stores-parameter", "keyed", "skips", "locks"})
Span = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A place where a state is changed, and how: an operator or a method."""

    path: str
    line: int
    end_line: int
    how: str


@dataclass(slots=True)
class Kept:
    """A state that requests use: where it is declared, what changes it, and through which entries.

    ``traits`` say what is done with it, ``by`` what its keys are, ``library`` which export of a package it is made
    with, ``given`` the options it is given. ``modules`` are the imports of the files that use it.
    """

    path: str
    state: State
    line: int
    column: int
    end_line: int
    type: str
    library: Ref | None = None
    given: tuple[str, ...] = ()
    by: str = ""
    traits: set[Trait] = field(default_factory=set)
    places: dict[Place, None] = field(default_factory=dict)
    uses: int = 0
    entries: dict[str, None] = field(default_factory=dict)
    modules: set[str] = field(default_factory=set)


class ModuleStates:
    """The states of the scripts of a repository, each file read at most once.

    ``matters`` tells by one file whether a state is worth asking who reaches it.
    """

    def __init__(self, project: Project, matters: Callable[[Kept], bool]) -> None:
        self.project = project
        self.matters = matters
        self.code = project.code
        self._files: dict[str, FileState | None] = {}
        self.routes = {route.path for app in project.next_apps for route in app.api_routes}
        scripts = [path for path in project.scripts if path in self.routes or not _OUTSIDE.search(path)]
        holding = {
            target
            for path in scripts
            if may_hold(self.code.files.raw(path) or b"", path in self.routes)
            for target in self._holding(path)
        }
        self.loaders = Loaders(project).reach(holding) if holding else {}
        self.relevant = {path for paths in self.loaders.values() for path in paths}

    def _holding(self, path: str) -> Iterator[str]:
        """The script itself where it holds something that changes, and the scripts whose values it changes."""
        file = self.file(path)
        for state in file.states(lambda module: self._is_here(path, module)) if file is not None else ():
            if file is not None and state.holder in ("import", "result") and state.name is not None:
                target = self._container(path, state.name) if _adds(state) else None
                yield from [target] if target is not None else []
            elif file is not None and self.matters(kept_in(path, file, state)):
                yield path
        if starts_empty(self.code.files.raw(path) or b""):
            yield path

    def _is_here(self, path: str, module: str) -> bool:
        return self.code.resolver.resolve(path, module) is not None

    def is_relevant(self, path: str, module: str) -> bool:
        """Whether a module is a script of the repository that loads a state, or holds one."""
        return self.code.resolver.resolve(path, module) in self.relevant

    def _container(self, path: str, name: Name) -> str | None:
        """The file that declares what an import names, where that is a list, a map, a set or an object."""
        found = self.code.exported(path, name.module, name.imported, MAX_HOPS)
        file = self.file(found[0]) if found is not None else None
        declared = file.names.module.get(found[1].name or name.imported) if file is not None and found else None
        if file is None or found is None or declared is None or declared.kind not in ("constant", "variable"):
            return None
        return found[0] if file.holds(declared.init) in ("map", "set", "list", "object", "record") else None

    def file(self, path: str) -> FileState | None:
        """A script's states; None where it was not analysed."""
        if path not in self._files:
            self._files[path] = self._read(path)
        return self._files[path]

    def _read(self, path: str) -> FileState | None:
        try:
            return self.code.read(path, FileState)
        except TooComplex:
            return None


class Reach:
    """What the entries of one application run of the files that hold state, and the states they change on the way."""

    def __init__(self, app: App, states: ModuleStates) -> None:
        self.app = app
        self.states = states
        self.code = states.code

    def kept(self) -> list[Kept]:
        """Every state the requests of the application use."""
        found: dict[tuple[str, str], Kept] = {}
        for path, spans in self._entries():
            run = _Run(self, spans)
            for kept in run.kept():
                known = found.setdefault((kept.path, kept.state.label), kept)
                known.traits |= kept.traits
                known.places |= kept.places
                known.modules |= kept.modules
                known.by = known.by or kept.by
                known.entries[path] = None
        return list(found.values())

    def _entries(self) -> Iterator[tuple[str, list[Span]]]:
        """The API routes and files of Server Actions that load a state, and what of them a request runs."""
        for route in self.app.api_routes:
            if route.path in self.states.relevant:
                spans = [span for handler in self.app.handlers(route) for span in self._spans(route, handler)]
                if spans:
                    yield route.path, spans
        for path in sorted(self.states.relevant - self.states.routes):
            if not self._is_own(path) or b"use server" not in (self.code.files.raw(path) or b""):
                continue
            if (file := self.states.file(path)) and "use server" in file.directives:
                exports = [node for node in file.tree.root.named_children if node.type == "export_statement"]
                yield path, [(path, node.start_byte, node.end_byte) for node in exports]

    def _is_own(self, path: str) -> bool:
        return not self.app.root or path.startswith(f"{self.app.root}/")

    def _spans(self, route: Route, handler: Handler) -> Iterator[Span]:
        yield from self.lines(route.path, handler.export.line, handler.export.end_line)
        if handler.file != route.path and (file := self.states.file(handler.file)) is not None:
            function = file.names.functions.get(handler.function)
            if function is not None:
                yield handler.file, function.start_byte, function.end_byte

    def lines(self, path: str, first: int, last: int) -> Iterator[Span]:
        """Lines of a file that may hold state, as a range of bytes."""
        source = self.code.files.source(path) if path in self.states.relevant else None
        if source is not None:
            starts = [0]
            for line in source.data.split(b"\n"):
                starts.append(starts[-1] + len(line) + 1)
            yield path, starts[first - 1], starts[min(last, len(starts) - 1)]


class _Run:
    """What one entry runs: ranges of bytes by file, and the classes a module keeps an instance of."""

    def __init__(self, reach: Reach, starts: Iterable[Span]) -> None:
        self.reach = reach
        self.states = reach.states
        self.code = reach.code
        self.spans: dict[Span, int] = {}
        self.instances: set[tuple[str, str]] = set()
        self.makers: set[tuple[str, str]] = set()
        self._queue: deque[Span] = deque()
        for span in starts:
            self._visit(span, MAX_HOPS)
        while self._queue:
            self._run(self._queue.popleft())

    def _visit(self, span: Span, hops: int) -> None:
        if self.spans.get(span, -1) < hops:
            self.spans[span] = hops
            self._queue.append(span)

    def _run(self, span: Span) -> None:
        path, start, end = span
        file, hops = self.states.file(path), self.spans[span]
        for use, name in file.names.used_within(start, end) if file is not None else ():
            if file is None or _is_kept_instance(file, use):
                continue
            member, lasts = _member(file, use), _is_called_at_load(file, use)
            if name.module:
                wanted = name.imported if name.imported != "*" else member or "default"
                self._import(path, name.module, wanted, hops, member, lasts)
            else:
                self._name(path, name, hops, member, lasts)

    def _name(self, path: str, name: Name, hops: int, member: str, lasts: bool = False) -> None:
        file = self.states.file(path)
        if name.init is None or file is None:
            return
        if lasts or file.maker(name) not in (None, strip(name.init)):
            self.makers.add((path, name.text))
        if name.kind == "class":
            self._methods(path, file, name.init, member)
            return
        self._visit((path, name.init.start_byte, name.init.end_byte), hops)
        if name.kind in ("constant", "variable") and (made := file.makes(name.init)):
            self._instance(path, made, member)

    def _methods(self, path: str, file: FileState, cls: Node, member: str) -> None:
        """Visits the method of a class that is named, and those it calls; all of them where none is."""
        body = cls.child_by_field_name("body")
        methods = [node for node in body.named_children if node.type != "comment"] if body is not None else []
        named = {
            file.text(node.child_by_field_name("name")): node for node in methods if node.type == "method_definition"
        }
        wanted = [member] if member in named else list(named)
        seen: set[str] = set()
        while wanted:
            name = wanted.pop()
            if name in named and name not in seen:
                seen.add(name)
                self._visit((path, named[name].start_byte, named[name].end_byte), MAX_HOPS)
                wanted += [m for m in _own_members(file, named[name]) if m in named]

    def _import(self, path: str, module: str, wanted: str, hops: int, member: str = "", lasts: bool = False) -> None:
        if hops <= 0 or self.code.resolver.resolve(path, module) not in self.states.relevant:
            return
        found = self.code.exported(path, module, wanted, MAX_HOPS)
        if found is None:
            return
        target, expr, _ = found
        file = self.states.file(target)
        name = file.names.module.get(expr.name) if file is not None and expr.kind == "ref" else None
        if name is not None and name.module:
            self._import(target, name.module, name.imported, hops - 1, member, lasts)
            return
        name = name or (_exported(file, expr, wanted) if file is not None else None)
        if name is not None:
            self._name(target, name, hops - 1, member, lasts)
        else:
            for span in self.reach.lines(target, expr.line, expr.end_line):
                self._visit(span, hops - 1)
            if file is not None and expr.kind == "new" and expr.callee is not None:
                self._instance(target, expr.callee.name, member)

    def _instance(self, path: str, constructor: str, member: str = "") -> None:
        """Notes that a module keeps an instance of a class, in the file that declares the class."""
        file = self.states.file(path)
        if file is None:
            return
        if constructor in file.classes:
            self.instances.add((path, constructor))
            self._methods(path, file, file.classes[constructor], member)
            return
        name = file.names.module.get(constructor)
        found = self.code.exported(path, name.module, name.imported, MAX_HOPS) if name is not None else None
        if found is not None and (target := self.states.file(found[0])) is not None:
            declared = next(
                (cls for cls in target.classes if cls in (found[1].name, name.imported if name else "")), ""
            )
            if declared:
                self._instance(found[0], declared, member)

    # -- what is changed ----------------------------------------------------------------------------------------------

    def kept(self) -> Iterator[Kept]:
        """The states the entry uses, each with what this entry does to it."""
        by_path: dict[str, list[Span]] = {}
        for span in self.spans:
            by_path.setdefault(span[0], []).append(span)
        self._keep_instances(by_path)
        for path, spans in sorted(by_path.items()):
            file = self.states.file(path)
            borrowed = partial(self.states.is_relevant, path)
            for state in file.states(borrowed) if file is not None else ():
                used = [access for access in state.accesses if _within(access.node, spans)]
                declared = self._declared(path, state) if used else None
                if file is not None and declared is not None:
                    yield self._kept(declared, path, file, state, used)

    def _keep_instances(self, by_path: dict[str, list[Span]]) -> None:
        """Notes the classes whose instances reached code puts into something that lasts."""
        for path, spans in by_path.items():
            file = self.states.file(path)
            for state in file.states() if file is not None else ():
                for access in state.writes if state.holder in ("variable", "global", "static") else ():
                    for made in _classes(file, state, access) if file and _within(access.node, spans) else ():
                        self._instance(path, made)

    def _declared(self, path: str, state: State) -> tuple[str, State] | None:
        """The state an access is about, in the file that declares it; None for what does not last."""
        if state.holder == "field":
            return (path, state) if (path, state.owner) in self.instances else None
        if state.holder == "closure":
            return (path, state) if (path, state.owner) in self.makers else None
        if state.holder not in ("import", "result"):
            return path, state
        name = state.name
        target = self.code.resolver.resolve(path, name.module) if name is not None else None
        known = name is not None and target in self.states.relevant
        found = self.code.exported(path, name.module, name.imported, MAX_HOPS) if name is not None and known else None
        file = self.states.file(found[0]) if found is not None else None
        if file is None or found is None or name is None:
            return None
        texts = {found[1].name, name.imported}
        for other in file.states():
            is_it = other.name is not None and other.name.text in texts
            if is_it if state.holder == "import" else texts & other.returned.keys():
                return found[0], other
        return None

    def _kept(self, declared: tuple[str, State], path: str, file: FileState, state: State, used: list[Access]) -> Kept:
        where, held = declared
        home = self.states.file(where) or file
        use = StateUse(file, state)
        kept = kept_in(where, home, held, use)
        kept.modules |= file.modules
        kept.uses = len(used)
        kept.traits -= _BY_REQUESTS - StateUse(file, replace(state, accesses=used)).traits
        if not any(access.how in ("show", "return") for access in used):
            kept.traits.discard("shows")
        kept.places = {
            Place(path, file.tree.line(access.node), file.tree.end_line(access.node), access.how): None
            for access in used
            if access.is_write and (access.inside or held.holds != "record" or access.how not in MUTATORS)
        }
        return kept


def kept_in(path: str, file: FileState, state: State, use: StateUse | None = None) -> Kept:
    """A state as the file that declares it tells, and as *use* tells what is done with it."""
    use = use or StateUse(file, state)
    node, tree = (state.node if state.name is None else _statement(state.node)), file.tree
    kept = Kept(path, state, tree.line(node), tree.column(node), tree.end_line(node), _type(file, state))
    kept.library, kept.given = _library(file, state)
    kept.traits, kept.by = set(use.traits), use.by
    kept.modules = set(file.modules)
    return kept


def _classes(file: FileState, state: State, access: Access) -> set[str]:
    """The classes whose instances a write may put into a state."""
    return {file.makes(value) for value in StateUse(file, state).given(access.value)} - {""}


def _adds(state: State) -> bool:
    """Whether a file adds to what it imports, or sets items of it."""
    return any(
        access.how in ("push", "unshift", "splice", "add", "set") or _sets_item(access) for access in state.writes
    )


def _sets_item(access: Access) -> bool:
    left = access.node.child_by_field_name("left")
    return access.how == "=" and left is not None and left.type == "subscript_expression"


def _member(file: FileState, use: Node) -> str:
    """The member that is named where a name is used; '' where none is."""
    around = use.parent
    if around is None or around.child_by_field_name("object") != use:
        return ""
    return file.text(around.child_by_field_name("property"))


def _is_kept_instance(file: FileState, use: Node) -> bool:
    """Whether a class is only named to make an object at module level: what is called of it, the uses of that tell."""
    around = use.parent
    return around is not None and around.type == "new_expression" and file.outermost(around) is None


def _is_called_at_load(file: FileState, use: Node) -> bool:
    """Whether a function is called where the module is loaded, so that what it makes lasts."""
    around = use.parent
    is_call = around is not None and around.type == "call_expression" and around.child_by_field_name("function") == use
    return around is not None and is_call and file.outermost(around) is None


def _exported(file: FileState, expr: Expr, wanted: str) -> Name | None:
    """The name a file exports something by, or the one of the function it exports."""
    function = file.names.functions.get(expr.function) if expr.kind == "function" else None
    return file.names.module.get(file.text(function.child_by_field_name("name")) if function is not None else wanted)


def _own_members(file: FileState, method: Node) -> Iterator[str]:
    """The members of its object a method names."""
    for use in file.names.this:
        if method.start_byte <= use.node.start_byte < method.end_byte and use.node.parent is not None:
            yield file.text(use.node.parent.child_by_field_name("property"))


def _within(node: Node, spans: Iterable[Span]) -> bool:
    return any(start <= node.start_byte < end for _, start, end in spans)


def _statement(node: Node) -> Node:
    """The declarator of a name."""
    return node.parent if node.parent is not None else node


def _type(file: FileState, state: State) -> str:
    """The type annotation of a declaration."""
    holder = state.node if state.name is None else state.node.parent
    return file.text(holder.child_by_field_name("type")) if holder is not None else ""


def _library(file: FileState, state: State) -> tuple[Ref | None, tuple[str, ...]]:
    """The export of a package a state is made with, and the options it is given."""
    made = file.initial(state.made)
    callee = None
    if made is not None and made.type in ("call_expression", "new_expression"):
        callee = made.child_by_field_name("function") or made.child_by_field_name("constructor")
    member = callee.child_by_field_name("property") if callee is not None else None
    named = callee.child_by_field_name("object") if callee is not None and member is not None else callee
    name = file.names.of(named) if named is not None else None
    if made is None or name is None or not name.module:
        return None, ()
    arguments = made.child_by_field_name("arguments")
    objects = [arg for arg in arguments.named_children if arg.type == "object"] if arguments is not None else []
    pairs = (pair for object_ in objects for pair in object_.named_children)
    keys = (pair.child_by_field_name("key") or pair for pair in pairs)
    steps = (f".{file.text(member)}",) if member is not None else ()
    return Ref("import", name.imported, name.module, steps), tuple(file.text(key) for key in keys)


class _Known:
    """The states of one project, for all of its applications."""

    def __init__(self, _project: Project) -> None:
        self.states: ModuleStates | None = None


def module_states(project: Project, matters: Callable[[Kept], bool]) -> ModuleStates:
    """The states of a project, read once for all of its applications."""
    known = project.once(_Known)
    if known.states is None:
        known.states = ModuleStates(project, matters)
    return known.states
