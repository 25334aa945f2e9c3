"""HTTP requests that code makes with ``fetch`` and the usual clients, in its own file or through functions it calls."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from reviewer.core.bindings import Declared, Script, Scripts
from reviewer.core.nodes import FUNCTIONS, PLAIN_FUNCTIONS, begins_with_directive
from reviewer.core.scopes import strip
from reviewer.core.syntax import Node, captures
from reviewer.core.urlreader import Frame, UrlReader, arguments_of, property_of
from reviewer.core.urls import Part, Url, based

Client = Literal["fetch", "axios", "ky", "got", "ofetch"]

MAX_FILES = 3
MAX_VISITS = 200
MAX_CALLS = 5_000  # of one file: looking up what surrounds a node costs as much as it has neighbours
MAX_NESTED = 60  # calls in one another: the way up from a node costs as much as it has surroundings, squared
_CALLS = "(call_expression) @call"
_ELEMENTS = f"{_CALLS} (jsx_opening_element) @element (jsx_self_closing_element) @element"
_FETCHES = ("node-fetch", "cross-fetch", "isomorphic-fetch", "isomorphic-unfetch", "undici", "node-fetch-native")
_MODULES: dict[str, Client] = {"axios": "axios", "ky": "ky", "ky-universal": "ky", "got": "got", "ofetch": "ofetch"}
_MODULES |= dict.fromkeys(_FETCHES, "fetch")
_METHODS = frozenset({"get", "post", "put", "patch", "delete", "head", "options", "request"})
_MAKERS = frozenset({"create", "extend"})
_BASES = ("baseURL", "prefixUrl", "baseUrl", "prefix")
_FRESH = re.compile(r"['\"](?:no-store|no-cache|reload)['\"]|\brevalidate:\s*0\b")
_KEPT = re.compile(r"['\"]force-cache['\"]|\bnext:\s*\{[^}]*\b(?:revalidate|tags)\b")
_FORWARDED = re.compile(r"(?i)cookie|authorization|\bheaders\(\)|\breq(?:uest)?\.headers|x-api-key")
_MAKING = re.compile(rb"\b(?:axios|ky|got|ofetch)\b|\bexport\s*(?:\*|\{[^}]*\})\s*from\b")
_WRITTEN = ("string", "template_string", "binary_expression", "object")
_ASKING = re.compile(r"\btypeof (?:window|document)\b|\b(?:is_?server|is_?browser|is_?client)\b", re.IGNORECASE)
_LATER = frozenset({"after", "waitUntil", "unstable_after"})
_CHAINED = ("member_expression", "parenthesized_expression", "as_expression", "non_null_expression")


@dataclass(frozen=True, slots=True)
class Step:
    """A place on the way to a request: a call of a function of the repository, or a component that is rendered."""

    kind: Literal["call", "element"]
    path: str
    name: str
    line: int
    column: int
    end_line: int
    is_detached: bool = False
    asks_browser: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A call that sends an HTTP request, with the alternatives of its URL.

    ``chain`` are the steps that lead there from where the reading began. ``is_fresh`` and ``is_kept`` are what its
    options say about caching, ``forwards`` whether they pass cookies or credentials on; ``is_detached`` says that
    nobody waits for the answer, and ``asks_browser`` that code around it asks whether it runs in a browser.
    """

    client: Client
    urls: tuple[Url, ...]
    path: str
    line: int
    column: int
    end_line: int
    chain: tuple[Step, ...]
    is_fresh: bool
    is_kept: bool
    forwards: bool
    is_detached: bool
    asks_browser: bool
    has_base: bool


@dataclass(frozen=True, slots=True)
class _Client:
    name: Client
    base: tuple[Url, ...] | None = None


_Spot = tuple[str, int, int]


def _spot(script: Script, node: Node) -> _Spot:
    return script.path, node.start_byte, node.end_byte


class HttpCalls:
    """Finds requests from a piece of code on."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self.reader = UrlReader(scripts)
        self._calls: dict[str, tuple[list[int], list[Node]]] = {}
        self._visits = 0
        self.within: frozenset[str] | None = None
        self._makers: dict[str, bool] = {}
        self._asking: dict[tuple[str, int], bool] = {}
        self._clients: dict[_Spot, _Client | None] = {}
        self._run: dict[tuple[_Spot, bool], Declared | None] = {}
        self._steps: dict[tuple[str, _Spot], Step] = {}
        self._apart: dict[tuple[_Spot, _Spot], bool] = {}

    def requests(self, script: Script, node: Node) -> Iterator[Request]:
        """The requests a piece of code sends, itself or through functions and components of the repository."""
        self._visits = 0
        yield from self._walk(script, node, None, (), MAX_FILES)

    def direct(self, script: Script) -> Iterator[Request]:
        """The requests that are written in a file, whoever calls for them."""
        for call in self._inside(script, script.tree.root):
            if call.type == "call_expression" and (client := self._client(script, call)) is not None:
                yield self._request(script, call, client, None, ())

    def _inside(self, script: Script, node: Node) -> list[Node]:
        """The calls and elements inside a node."""
        if script.path not in self._calls:
            pattern = _CALLS if script.tree.language == "typescript" else _ELEMENTS
            nodes = list(_shallow(found for found, _ in captures(script.tree, pattern)))[:MAX_CALLS]
            self._calls[script.path] = [found.start_byte for found in nodes], nodes
        starts, nodes = self._calls[script.path]
        first, last = bisect_left(starts, node.start_byte), bisect_left(starts, node.end_byte)
        return [found for found in nodes[first:last] if found.end_byte <= node.end_byte]

    def _walk(
        self, script: Script, node: Node, frame: Frame | None, chain: tuple[Step, ...], files: int
    ) -> Iterator[Request]:
        self._visits += 1
        if self._visits > MAX_VISITS or len(chain) > 6:
            return
        for found in self._inside(script, node):
            if self._is_apart(script, found, node):
                continue
            if found.type != "call_expression":
                yield from self._element(script, found, frame, chain, files)
            elif (client := self._client(script, found)) is not None:
                yield self._request(script, found, client, frame, chain)
            else:
                yield from self._called(script, found, frame, chain, files)

    def _is_apart(self, script: Script, call: Node, within: Node) -> bool:
        key = (_spot(script, call), _spot(script, within))
        if key not in self._apart:
            self._apart[key] = _in_action(script, call, within)
        return self._apart[key]

    # -- into other functions -----------------------------------------------------------------------------------------

    def _element(
        self, script: Script, element: Node, frame: Frame | None, chain: tuple[Step, ...], files: int
    ) -> Iterator[Request]:
        name = element.child_by_field_name("name")
        if name is None or name.type != "identifier":
            return
        declared = self._runs(script, name)
        if declared is not None:
            step = self._step("element", script, element, script.text(name))
            yield from self._into(declared, script, (), frame, (*chain, step), files)

    def _called(
        self, script: Script, call: Node, frame: Frame | None, chain: tuple[Step, ...], files: int
    ) -> Iterator[Request]:
        callee = strip(call.child_by_field_name("function") or call)
        arguments = tuple(arguments_of(call))
        given = self._is_given(script, arguments, frame)
        declared = self._runs(script, callee, given)
        if declared is not None:
            step = self._step("call", script, call, script.text(callee)[:60])
            yield from self._into(declared, script, arguments, frame, (*chain, step), files)
        for argument in arguments:
            if argument.type == "identifier" and (passed := self._runs(script, argument)) is not None:
                step = self._step("call", script, argument, script.text(argument))
                yield from self._into(passed, script, (), frame, (*chain, step), files)

    def _step(self, kind: Literal["call", "element"], script: Script, node: Node, name: str) -> Step:
        key = (kind, _spot(script, node))
        if key not in self._steps:
            self._steps[key] = self._made_step(kind, script, node, name)
        return self._steps[key]

    def _made_step(self, kind: Literal["call", "element"], script: Script, node: Node, name: str) -> Step:
        tree = script.tree
        detached = kind == "call" and node.type == "call_expression" and _is_detached(script, node)
        asks = self._asks_browser(script, node)
        return Step(kind, script.path, name, tree.line(node), tree.column(node), tree.end_line(node), detached, asks)

    def _is_given(self, script: Script, arguments: tuple[Node, ...], frame: Frame | None) -> bool:
        """Whether a call is given a path of an API, or stands in a function that was."""
        if frame is not None and self.within is not None and frame.script.path not in self.within:
            return True
        return any("api/" in script.text(argument)[:200] for argument in arguments if argument.type in _WRITTEN)

    def _is_worth(self, script: Script, callee: Node) -> bool:
        """Whether a name of another file may lead to a request that matters."""
        root = callee.child_by_field_name("object") or callee
        found = script.lookup(script.text(root), root) if root.type == "identifier" else None
        if found is None or found.kind != "import" or self.within is None:
            return True
        return self.scripts.code.resolver.resolve(script.path, found.steps[0]) in self.within

    def _runs(self, script: Script, callee: Node, given: bool = False) -> Declared | None:
        """The function a name runs: its own, or the one that is given to ``cache`` and the like."""
        key = (_spot(script, callee), given)
        if key not in self._run:
            self._run[key] = self._found(script, callee, given)
        return self._run[key]

    def _found(self, script: Script, callee: Node, given: bool) -> Declared | None:
        if not given and not self._is_worth(script, callee):
            return None
        made = self.reader.function(script, callee)
        if made is not None or callee.type != "identifier":
            return made
        declared = self.scripts.resolved(script.lookup(script.text(callee), callee))
        if declared is None or declared.kind != "value" or declared.node.type != "call_expression":
            return None
        wrapped = [strip(argument) for argument in arguments_of(declared.node)]
        function = next((node for node in wrapped if node.type in PLAIN_FUNCTIONS), None)
        if function is not None:
            return Declared("function", declared.script, function)
        named = next((node for node in wrapped if node.type == "identifier"), None)
        return self.reader.function(declared.script, named) if named is not None else None

    def _into(
        self,
        declared: Declared,
        caller: Script,
        arguments: tuple[Node, ...],
        frame: Frame | None,
        chain: tuple[Step, ...],
        files: int,
    ) -> Iterator[Request]:
        left = files if declared.script is caller else files - 1
        if left < 0 or declared.script.is_client or _is_active(declared, frame):
            return
        inner = Frame(declared.node, declared.script, arguments, caller, frame)
        yield from self._walk(declared.script, declared.node, inner, chain, left)

    # -- the request itself -------------------------------------------------------------------------------------------

    def _client(self, script: Script, call: Node) -> _Client | None:
        """The client a call sends a request with."""
        key = _spot(script, call)
        if key not in self._clients:
            self._clients[key] = self._asked(script, call)
        return self._clients[key]

    def _asked(self, script: Script, call: Node) -> _Client | None:
        callee = strip(call.child_by_field_name("function") or call)
        if callee.type == "identifier":
            return self._named(script, callee)
        object_, member = callee.child_by_field_name("object"), callee.child_by_field_name("property")
        if object_ is None or member is None:
            return None
        object_ = strip(object_)
        if script.text(member) == "fetch" and script.text(object_) in ("globalThis", "global"):
            return _Client("fetch")
        if object_.type != "identifier" or script.text(member) not in _METHODS:
            return None
        client = self._named(script, object_)
        return client if client is not None and client.name != "fetch" else None

    def _named(self, script: Script, name: Node) -> _Client | None:
        text = script.text(name)
        declared = script.lookup(text, name)
        if declared is None:
            return _Client("fetch") if text == "fetch" else None
        if declared.kind == "import" and (client := _MODULES.get(declared.steps[0])) is not None:
            return _Client(client)
        if declared.kind == "import" and not self._may_make(script.path, declared.steps[0]):
            return None
        declared = self.scripts.resolved(declared)
        if declared is None or declared.kind != "value" or declared.node.type != "call_expression":
            return None
        return self._instance(declared.script, declared.node)

    def _may_make(self, path: str, module: str) -> bool:
        """Whether a module of the repository may hold a client, by its text."""
        target = self.scripts.code.resolver.resolve(path, module)
        if target is None:
            return False
        if target not in self._makers:
            self._makers[target] = _MAKING.search(self.scripts.code.files.raw(target) or b"") is not None
        return self._makers[target]

    def _instance(self, script: Script, made: Node) -> _Client | None:
        """``axios.create({ baseURL })`` and the like; without a base URL nobody knows what it asks."""
        callee = strip(made.child_by_field_name("function") or made)
        object_, member = callee.child_by_field_name("object"), callee.child_by_field_name("property")
        if object_ is None or member is None or script.text(member) not in _MAKERS or object_.type != "identifier":
            return None
        client = self._named(script, object_)
        if client is None or client.name == "fetch":
            return None
        options = next(iter(arguments_of(made)), None)
        base = self._base(script, options, None) if options is not None else None
        return _Client(client.name, base or ((Part("hole", "baseURL"),),))

    def _base(self, script: Script, options: Node, frame: Frame | None) -> tuple[Url, ...] | None:
        """The base URL among the options of a client or of a request."""
        value = self.reader.value(script, strip(options), frame)
        if value is None or value[1].type != "object":
            return None
        for name in _BASES:
            if (inner := property_of(*value, name)) is not None:
                return self.reader.read(value[0], inner, frame)
        return None

    def _request(
        self, script: Script, call: Node, client: _Client, frame: Frame | None, chain: tuple[Step, ...]
    ) -> Request:
        arguments = arguments_of(call)
        first = strip(arguments[0]) if arguments else None
        options = first if first is not None and first.type == "object" else None
        url = property_of(script, options, "url") if options is not None else first
        urls: tuple[Url, ...] = self.reader.read(script, url, frame) if url is not None else ((Part("hole", ""),),)
        base = client.base
        for argument in arguments if client.name != "fetch" else ():
            if argument.type == "object":
                base = self._base(script, argument, frame) or base
        texts = " ".join(self._options(script, argument, frame) for argument in arguments[1:])
        if options is not None or (first is not None and first.type in ("new_expression", "identifier")):
            texts += self._options(script, arguments[0], frame)
        return Request(
            client.name,
            based(base, urls) if base is not None else urls,
            script.path,
            script.tree.line(call),
            script.tree.column(call),
            script.tree.end_line(call),
            chain,
            _FRESH.search(texts) is not None,
            _KEPT.search(texts) is not None and _FRESH.search(texts) is None,
            _FORWARDED.search(texts) is not None,
            _is_detached(script, call) or any(step.is_detached for step in chain),
            self._asks_browser(script, call) or any(step.asks_browser for step in chain),
            base is not None,
        )

    def _asks_browser(self, script: Script, call: Node) -> bool:
        """Whether the outermost function around a call asks if there is a window."""
        above, outermost = call.parent, None
        while above is not None:
            outermost = above if above.type in FUNCTIONS else outermost
            above = above.parent
        if outermost is None:
            return False
        key = (script.path, outermost.start_byte)
        if key not in self._asking:
            self._asking[key] = _ASKING.search(script.text(outermost)) is not None
        return self._asking[key]

    def _options(self, script: Script, argument: Node, frame: Frame | None) -> str:
        value = self.reader.value(script, strip(argument), frame)
        return value[0].text(value[1])[:2000] if value is not None else ""


def _shallow(nodes: Iterable[Node]) -> Iterator[Node]:
    """Nodes in source order, outer before inner, without those that lie in too many others."""
    around: list[int] = []
    for node in nodes:
        while around and around[-1] <= node.start_byte:
            around.pop()
        if len(around) < MAX_NESTED:
            yield node
        around.append(node.end_byte)


def _is_active(declared: Declared, frame: Frame | None) -> bool:
    """Whether the function is being read already."""
    while frame is not None:
        if frame.script is declared.script and frame.function.start_byte == declared.node.start_byte:
            return True
        frame = frame.outer
    return False


def _in_action(script: Script, node: Node, within: Node) -> bool:
    """Whether a function between the two is a Server Action, which runs by itself."""
    above = node.parent
    while above is not None and above.start_byte >= within.start_byte and above != within:
        if above.type in PLAIN_FUNCTIONS and begins_with_directive(script.tree, above, "use server"):
            return True
        above = above.parent
    return False


def _is_detached(script: Script, call: Node) -> bool:
    """Whether nobody waits for a call: a statement by itself, or work that is put off until after the answer."""
    node, above = call, call.parent
    waits = True
    while above is not None:
        if above.type == "expression_statement":
            waits = False
            break
        is_chained = above.type == "call_expression" and above.child_by_field_name("function") == node
        if above.type not in _CHAINED and not is_chained:
            waits = not (above.type == "unary_expression" and script.text(above).startswith("void"))
            break
        node, above = above, above.parent
    return not waits or _is_put_off(script, call)


def _is_put_off(script: Script, call: Node) -> bool:
    above = call.parent
    while above is not None:
        if above.type == "call_expression":
            callee = above.child_by_field_name("function")
            name = script.text(callee).rpartition(".")[2] if callee is not None else ""
            if name in _LATER:
                return True
        above = above.parent
    return False
