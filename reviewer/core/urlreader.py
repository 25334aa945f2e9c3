"""URLs that expressions of the code amount to, followed through constants, templates and functions that build them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from reviewer.core.bindings import Declared, Script, Scripts
from reviewer.core.nodes import FUNCTIONS, parameters
from reviewer.core.scopes import strip, unescape
from reviewer.core.syntax import Node
from reviewer.core.urls import EMPTY, Part, Url, either, joined, literal, on_origin

MAX_DEPTH = 24
MAX_STEPS = 200  # of one reading, which could double at every constant
MAX_RETURNS = 12
MAX_MEMBERS = 6
_ENV = re.compile(r"(?:process|import\.meta)\.env(?:\.(\w+)|\[['\"](\w+)['\"]\])")
_CONSTANT_ENV = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_REQUEST = re.compile(
    r"\.headers\.host$|\.headers\[['\"](?:x-forwarded-)?host['\"]\]$|\.get\(['\"](?:x-forwarded-)?host['\"]\)$"
    r"|\bnextUrl\.(?:origin|host)$|\bnextUrl(?:\.href)?$|\breq(?:uest)?\.url$"
)
_BROWSER = re.compile(r"^(?:(?:window|globalThis|document|self)\.)?location\.(?:origin|host|href)$")
_SAME = frozenset({"toString", "trim", "replace", "replaceAll", "toLowerCase", "concat", "valueOf", "trimEnd"})
_MEMBERS_SAME = frozenset({"href", "origin", "host", "value"})
_NOISE = re.compile(r"\s|\bawait\b|\?(?=\.)|!(?=[.)\[]|$)")


@dataclass(frozen=True, eq=False)
class Frame:
    """A call that is being read: the function, the arguments it is given, and where those are written."""

    function: Node
    script: Script
    arguments: tuple[Node, ...]
    caller: Script
    outer: Frame | None

    def owns(self, declared: Declared) -> bool:
        """Whether a parameter is one of this function's."""
        here = self.function
        return declared.script is self.script and (here.start_byte, here.end_byte) == (
            declared.node.start_byte,
            declared.node.end_byte,
        )


class UrlReader:
    """Reads the URLs expressions amount to, at most a few alternatives of each."""

    def __init__(self, scripts: Scripts) -> None:
        self.scripts = scripts
        self._left = 0

    def read(self, script: Script, node: Node, frame: Frame | None = None, depth: int = 0) -> tuple[Url, ...]:
        """The URLs an expression may be. What cannot be told is an open part of them."""
        node = _plain(node)
        kind = node.type
        self._left = MAX_STEPS if depth == 0 else self._left - 1
        if depth > MAX_DEPTH or self._left < 0:
            return self._hole(script, node)
        if kind in ("string", "template_string"):
            return self._template(script, node, frame, depth)
        if kind == "identifier":
            return self._name(script, node, frame, depth)
        if kind == "binary_expression":
            return self._binary(script, node, frame, depth)
        if kind == "ternary_expression":
            return self._ternary(script, node, frame, depth)
        if kind in ("member_expression", "subscript_expression"):
            return self._member(script, node, frame, depth)
        if kind in ("call_expression", "new_expression"):
            return self._call(script, node, frame, depth)
        return self._hole(script, node)

    def _hole(self, script: Script, node: Node) -> tuple[Url, ...]:
        return ((Part("hole", _spelled(script, node)[:60]),),)

    # -- pieces put together ------------------------------------------------------------------------------------------

    def _template(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        if node.type == "string":
            return literal(unescape(script.text(node)[1:-1]))
        found: tuple[Url, ...] = EMPTY
        at = node.start_byte + 1
        data = script.tree.source.data
        for child in node.named_children:
            if child.type != "template_substitution":
                continue
            found = joined(found, _text(data[at : child.start_byte]))
            inner = next(iter(child.named_children), None)
            found = joined(found, self.read(script, inner, frame, depth + 1) if inner is not None else EMPTY)
            at = child.end_byte
        return joined(found, _text(data[at : node.end_byte - 1]))

    def _binary(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left is None or right is None or operator is None:
            return self._hole(script, node)
        sign = script.text(operator)
        one, other = (self.read(script, side, frame, depth + 1) for side in (left, right))
        if sign == "+":
            return joined(one, other)
        if sign in ("||", "??"):
            return either((url for url in one if url), other)
        return other if sign == "&&" else self._hole(script, node)

    def _ternary(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        sides = (node.child_by_field_name("consequence"), node.child_by_field_name("alternative"))
        return either(*(self.read(script, side, frame, depth + 1) for side in sides if side is not None))

    # -- names --------------------------------------------------------------------------------------------------------

    def _name(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        name = script.text(node)
        declared = self.scripts.resolved(script.lookup(name, node))
        if declared is None:
            return ((Part("env", name),),) if _CONSTANT_ENV.fullmatch(name) else self._hole(script, node)
        found = self._declared(declared, frame, depth, node)
        for value in declared.script.assigned(name) if declared.kind == "value" else ():
            found = either((url for url in found if url), self.read(declared.script, value, frame, depth + 1))
        return found

    def _declared(self, declared: Declared, frame: Frame | None, depth: int, node: Node) -> tuple[Url, ...]:
        """The value of a declaration; an open part, spelled as *node* is, where it cannot be told."""
        script = declared.script
        if declared.kind == "value" and declared.steps:
            return self._inside(script, declared.node, declared.steps, frame, depth)
        if declared.kind == "value":
            return self.read(script, declared.node, frame, depth + 1)
        if declared.kind == "parameter":
            return self._argument(declared, frame, depth)
        return self._hole(script, node)

    def _argument(self, declared: Declared, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        while frame is not None and not frame.owns(declared):
            frame = frame.outer
        if frame is None or declared.index >= len(frame.arguments):
            return self._parameter(declared, depth)
        argument = frame.arguments[declared.index]
        if declared.steps:
            return self._inside(frame.caller, argument, declared.steps, frame.outer, depth)
        return self.read(frame.caller, argument, frame.outer, depth + 1)

    def _parameter(self, declared: Declared, depth: int) -> tuple[Url, ...]:
        """What a parameter says by itself: the default it has, or the request it is taken from."""
        pattern = parameters(declared.node)[declared.index]
        around = pattern.parent
        default = pattern.child_by_field_name("right") if pattern.type == "assignment_pattern" else None
        if default is None and around is not None and around.type.endswith("_parameter"):
            default = around.child_by_field_name("value")
        if default is not None and not declared.steps:
            return self.read(declared.script, default, None, depth + 1)
        return _origin("".join(declared.steps)) or ((Part("hole", declared.script.text(pattern)[:60]),),)

    def _inside(
        self, script: Script, node: Node, steps: tuple[str, ...], frame: Frame | None, depth: int
    ) -> tuple[Url, ...]:
        """A member of a value: of an object that is written out, of the environment, or of a request."""
        spelled = _spelled(script, node) + "".join(steps)
        if (found := _known(spelled)) is not None:
            return found
        node = _plain(node)
        object_, key = node.child_by_field_name("object"), node.child_by_field_name("property")
        if object_ is not None and key is not None and len(steps) < MAX_MEMBERS:
            return self._inside(script, object_, (f".{script.text(key)}", *steps), frame, depth + 1)
        value = self.value(script, node, frame)
        if value is not None and value[1].type == "object":
            owner = value[0]
            inner = property_of(*value, steps[0].lstrip("."))
            if inner is not None and len(steps) == 1:
                return self.read(owner, inner, frame, depth + 1)
            if inner is not None:
                return self._inside(owner, inner, steps[1:], frame, depth + 1)
        last = steps[-1].lstrip(".")
        if last in _MEMBERS_SAME and value is not None and value[1].type in ("new_expression", "call_expression"):
            return self.read(*value, frame, depth + 1)
        if _CONSTANT_ENV.fullmatch(last):
            return ((Part("env", last),),)
        return ((Part("hole", spelled[:60]),),)

    def value(self, script: Script, node: Node, frame: Frame | None) -> tuple[Script, Node] | None:
        """The expression a name stands for, and where it is written."""
        if node.type != "identifier":
            return script, node
        declared = self.scripts.resolved(script.lookup(script.text(node), node))
        while declared is not None and declared.kind == "parameter" and frame is not None:
            if frame.owns(declared) and declared.index < len(frame.arguments) and not declared.steps:
                return self.value(frame.caller, _plain(frame.arguments[declared.index]), frame.outer)
            frame = frame.outer
        if declared is None or declared.kind != "value" or declared.steps:
            return None
        return declared.script, _plain(declared.node)

    def _member(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        if (found := _known(_spelled(script, node))) is not None:
            return found
        object_ = node.child_by_field_name("object")
        key = node.child_by_field_name("property") or node.child_by_field_name("index")
        if object_ is None or key is None:
            return self._hole(script, node)
        object_ = _plain(object_)
        step = f".{script.text(key).strip(chr(34) + chr(39))}"
        if step[1:] in _MEMBERS_SAME and object_.type in ("new_expression", "call_expression"):
            return self.read(script, object_, frame, depth + 1)
        return self._inside(script, object_, (step,), frame, depth)

    # -- calls --------------------------------------------------------------------------------------------------------

    def _call(self, script: Script, node: Node, frame: Frame | None, depth: int) -> tuple[Url, ...]:
        spelled = _spelled(script, node)
        if (found := _known(spelled)) is not None:
            return found
        callee = node.child_by_field_name("function") or node.child_by_field_name("constructor")
        arguments = arguments_of(node)
        if callee is None:
            return self._hole(script, node)
        callee = _plain(callee)
        name = script.text(callee)
        if name in ("URL", "Request", "String", "encodeURI") and arguments:
            return self._made(script, name, arguments, frame, depth)
        member = callee.child_by_field_name("property")
        object_ = callee.child_by_field_name("object")
        if member is not None and object_ is not None and script.text(member) in _SAME:
            own = self.read(script, object_, frame, depth + 1)
            if script.text(member) == "concat" and arguments:
                return joined(own, self.read(script, arguments[0], frame, depth + 1))
            return own
        if self._module_of(script, callee) == "next-absolute-url":
            return ((Part("request", "origin"),),)
        made = self.function(script, callee)
        return self._returned(script, made, arguments, frame, depth) if made is not None else self._hole(script, node)

    def _made(
        self, script: Script, name: str, arguments: list[Node], frame: Frame | None, depth: int
    ) -> tuple[Url, ...]:
        url = self.read(script, arguments[0], frame, depth + 1)
        if name != "URL" or len(arguments) < 2:
            return url
        return on_origin(self.read(script, arguments[1], frame, depth + 1), url)

    def _module_of(self, script: Script, callee: Node) -> str:
        """The module a name is imported from, or ''."""
        found = script.lookup(script.text(callee), callee) if callee.type == "identifier" else None
        return found.steps[0] if found is not None and found.kind == "import" else ""

    def function(self, script: Script, callee: Node) -> Declared | None:
        """The function of the repository that a callee is."""
        if callee.type == "identifier":
            declared = self.scripts.resolved(script.lookup(script.text(callee), callee))
            return declared if declared is not None and declared.kind == "function" else None
        object_, member = callee.child_by_field_name("object"), callee.child_by_field_name("property")
        if object_ is None or member is None or object_.type != "identifier":
            return None
        found = script.lookup(script.text(object_), object_)
        if found is not None and found.kind == "import" and found.steps[1] == "*":
            declared = self.scripts.resolved(self.scripts.exported(script.path, found.steps[0], script.text(member)))
            return declared if declared is not None and declared.kind == "function" else None
        value = self.value(script, object_, None)
        inner = property_of(*value, script.text(member)) if value is not None and value[1].type == "object" else None
        if inner is not None and value is not None and inner.type in FUNCTIONS:
            return Declared("function", value[0], inner)
        return None

    def _returned(
        self, script: Script, made: Declared, arguments: list[Node], frame: Frame | None, depth: int
    ) -> tuple[Url, ...]:
        """What a function that builds URLs may return, given its arguments."""
        inner = Frame(made.node, made.script, tuple(arguments), script, frame)
        results = list(returned(made.node))[:MAX_RETURNS]
        if not results:
            return ((Part("hole", ""),),)
        return either(*(self.read(made.script, result, inner, depth + 2) for result in results))


def _plain(node: Node) -> Node:
    """An expression without what leaves no trace in its value."""
    return strip(node)


def _text(data: bytes) -> tuple[Url, ...]:
    return literal(unescape(data.decode("utf-8", "replace"))) if data else EMPTY


def _spelled(script: Script, node: Node) -> str:
    """The text of an expression without spaces, ``await``, optional chaining and assertions."""
    if node.end_byte - node.start_byte > 400:
        return ""
    return _NOISE.sub("", script.text(node))


def _known(spelled: str) -> tuple[Url, ...] | None:
    """What the text of an expression says by itself: a variable of the environment, or an origin."""
    env = _ENV.fullmatch(spelled)
    if env is not None:
        return ((Part("env", env.group(1) or env.group(2)),),)
    if _BROWSER.match(spelled):
        return ((Part("browser", spelled),),)
    return _origin(spelled)


def _origin(spelled: str) -> tuple[Url, ...] | None:
    return ((Part("request", spelled[-60:]),),) if _REQUEST.search(spelled) else None


def arguments_of(call: Node) -> list[Node]:
    """The arguments of a call, without comments."""
    arguments = call.child_by_field_name("arguments")
    if arguments is None or arguments.type != "arguments":
        return []
    return [child for child in arguments.named_children if child.type != "comment"]


def property_of(script: Script, object_: Node, name: str) -> Node | None:
    """The value an object that is written out has under a key."""
    for child in object_.named_children:
        key = child.child_by_field_name("key") or child.child_by_field_name("name")
        if child.type == "shorthand_property_identifier" and script.text(child) == name:
            return child
        if key is not None and script.text(key).strip("'\"") == name:
            return child.child_by_field_name("value") if child.type == "pair" else child
    return None


def returned(function: Node) -> Iterator[Node]:
    """The expressions a function returns, those of functions inside it left out."""
    body = function.child_by_field_name("body")
    if body is None:
        return
    if body.type != "statement_block":
        yield body
        return
    stack = list(reversed(body.named_children))
    while stack:
        node = stack.pop()
        if node.type == "return_statement":
            value = next((child for child in node.named_children if child.type != "comment"), None)
            if value is not None:
                yield value
        elif node.type not in (*FUNCTIONS, "class_declaration"):
            stack.extend(reversed(node.named_children))
