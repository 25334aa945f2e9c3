"""Expressions of a middleware, evaluated for a request without any credential."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from reviewer.core.credentials import address, credential, respond
from reviewer.core.methods import MAX_ITEMS, added, entries, joined, list_method, regex_method, string_method
from reviewer.core.modules import Declared, Imported, Module, Modules
from reviewer.core.nodes import FUNCTIONS
from reviewer.core.patterns import Unreadable, compile_regex
from reviewer.core.scopes import compact, string_value, strip
from reviewer.core.syntax import Node
from reviewer.core.values import (
    NULL,
    UNKNOWN,
    Value,
    absent,
    equal,
    negated,
    one_of,
    plain,
    unsure,
)

MAX_STEPS = 1_200
MAX_DEPTH = 60
MAX_IMPORTS = 5
_HOSTS = ("process", "Object", "JSON", "console", "Response", "NextResponse", "URL", "Promise", "Array", "Boolean")


class TooMuch(Exception):
    """The middleware is more than is worth following."""


class Thrown(Exception):
    """Something was thrown; ``answer`` is the response a library makes of it."""

    def __init__(self, answer: Value | None = None) -> None:
        super().__init__()
        self.answer = answer


@dataclass(eq=False)
class Scope:
    """Names of one call of a function, or of a module."""

    module: Module
    above: Scope | None = None
    names: dict[str, Value] = field(default_factory=dict)

    def holder(self, name: str) -> Scope | None:
        scope: Scope | None = self
        while scope is not None and name not in scope.names:
            scope = scope.above
        return scope


@dataclass(frozen=True, eq=False)
class Closure:
    """A function and the scope it was written in."""

    node: Node
    scope: Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """The request: its path, and its method where that is known."""

    path: str | None
    method: str | None = None


@dataclass(eq=False)
class Known:
    """What modules hold whatever is asked for: read once for all requests."""

    modules: Modules
    exports: dict[tuple[str, str], Value] = field(default_factory=dict)
    scopes: dict[str, Scope] = field(default_factory=dict)


class Evaluator(ABC):
    """Evaluates expressions. ``guards`` are names of functions that look for a session."""

    def __init__(self, known: Known, guards: Callable[[str], bool], asked: Asked) -> None:
        self.known = known
        self.modules = known.modules
        self.is_guard = guards
        self.asked = asked
        self.steps = 0
        self.risky = 0

    # -- what the platform and libraries give: filled in by others ----------------------------------------------------

    @abstractmethod
    def call(self, closure: Closure, args: list[Value]) -> Value:
        """What a function of the repository returns."""

    @abstractmethod
    def library(self, module: str, name: str, args: list[Value], spelled: str) -> Value:
        """What something a package or the platform provides returns."""

    # -- names --------------------------------------------------------------------------------------------------------

    def exported(self, path: str, name: str, hops: int = MAX_IMPORTS) -> Value:
        """What a file exports under a name."""
        if (path, name) not in self.known.exports:
            self.known.exports[path, name] = UNKNOWN
            self.known.exports[path, name] = self._exported(path, name, hops)
        return self.known.exports[path, name]

    def _exported(self, path: str, name: str, hops: int) -> Value:
        module = self.modules.of(path)
        if module is None or hops <= 0:
            return UNKNOWN
        found = module.exports.get(name)
        if isinstance(found, str):
            return self._name(found, self.module_scope(module))
        if isinstance(found, Declared):
            return self._declared(found, self.module_scope(module))
        if isinstance(found, Imported):
            return self._imported(path, found, hops - 1)
        for star in module.stars:
            value = self._imported(path, Imported(star, name), hops - 1)
            if value.kind != "unknown":
                return value
        return UNKNOWN

    def module_scope(self, module: Module) -> Scope:
        if module.path not in self.known.scopes:
            self.known.scopes[module.path] = Scope(module)
        return self.known.scopes[module.path]

    def _declared(self, declared: Declared, scope: Scope) -> Value:
        value = self.evaluate(declared.node, scope)
        for step in declared.steps:
            value = self.member(value, step.removeprefix("."))
        return value

    def _imported(self, importer: str, item: Imported, hops: int = MAX_IMPORTS) -> Value:
        path = self.modules.resolve(importer, item.module)
        if path is None:
            return Value("library", (item.module, item.name))
        if item.name == "*":
            return Value("library", (path, "*"))
        return self.exported(path, item.name, hops)

    def _name(self, name: str, scope: Scope) -> Value:
        holder = scope.holder(name)
        if holder is not None:
            return holder.names[name]
        declared = scope.module.names.get(name)
        if declared is None:
            return NULL if name == "undefined" else Value("host", name) if name in _HOSTS else UNKNOWN
        top = self.module_scope(scope.module)
        top.names[name] = UNKNOWN  # a name may be declared through itself
        if isinstance(declared, Imported):
            value = self._imported(scope.module.path, declared)
        else:
            value = self._declared(declared, top)
        top.names[name] = value
        return value

    # -- expressions --------------------------------------------------------------------------------------------------

    def evaluate(self, node: Node, scope: Scope, depth: int = 0) -> Value:
        """The value of an expression."""
        self.steps += 1
        if self.steps > MAX_STEPS or depth > MAX_DEPTH:
            raise TooMuch
        node = strip(node)
        kind = node.type
        text = scope.module.tree.text
        if kind == "identifier":
            return self._name(text(node), scope)
        if kind in ("true", "false"):
            return plain(kind == "true")
        if kind in ("null", "undefined"):
            return NULL
        if kind == "number":
            return plain(int(text(node))) if text(node).isdigit() else UNKNOWN
        if kind in FUNCTIONS:
            return Value("function", Closure(node, scope))
        method = getattr(self, f"_{kind}", None)
        return method(node, scope, depth + 1) if method is not None else UNKNOWN

    def _string(self, node: Node, scope: Scope, _depth: int) -> Value:
        return plain(string_value(scope.module.tree, node) or "")

    def _template_string(self, node: Node, scope: Scope, depth: int) -> Value:
        whole = string_value(scope.module.tree, node)
        if whole is not None:
            return plain(whole)
        parts = []
        for child in node.named_children:
            if child.type == "template_substitution" and child.named_children:
                parts.append(self.evaluate(child.named_children[0], scope, depth))
            elif child.type == "string_fragment":
                parts.append(plain(scope.module.tree.text(child)))
        return joined(parts)

    def _regex(self, node: Node, scope: Scope, _depth: int) -> Value:
        pattern, flags = node.child_by_field_name("pattern"), node.child_by_field_name("flags")
        text = scope.module.tree.text
        return _regex(text(pattern) if pattern is not None else "", text(flags) if flags is not None else "")

    def _array(self, node: Node, scope: Scope, depth: int) -> Value:
        items: list[Value] = []
        for child in node.named_children:
            if child.type == "spread_element":
                spread = self.evaluate(child.named_children[0], scope, depth)
                if spread.kind != "list" or len(items) + len(spread.data) > MAX_ITEMS:
                    return unsure(spread)
                items += spread.data
            elif child.type != "comment":
                items.append(self.evaluate(child, scope, depth))
        return Value("list", tuple(items), max((item.taint for item in items), default=0))

    def _object(self, node: Node, scope: Scope, depth: int) -> Value:
        tree = scope.module.tree
        members: dict[str, Value] = {}
        for child in node.named_children:
            if child.type == "pair":
                key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
                if key is not None and value is not None:
                    name = string_value(tree, key) if key.type == "string" else tree.text(key)
                    members[name or ""] = self.evaluate(value, scope, depth)
            elif child.type == "shorthand_property_identifier":
                members[tree.text(child)] = self._name(tree.text(child), scope)
            elif child.type == "method_definition" and (key := child.child_by_field_name("name")) is not None:
                members[tree.text(key)] = Value("function", Closure(child, scope))
            elif child.type == "spread_element":
                spread = self.evaluate(child.named_children[0], scope, depth)
                members.update(spread.data if spread.kind == "object" else {"...": unsure(spread)})
        return Value("object", members)

    def _member_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        owner, property_ = node.child_by_field_name("object"), node.child_by_field_name("property")
        if owner is None or property_ is None:
            return UNKNOWN
        return self.member(self.evaluate(owner, scope, depth), scope.module.tree.text(property_))

    def _subscript_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        object_, index = node.child_by_field_name("object"), node.child_by_field_name("index")
        if object_ is None or index is None:
            return UNKNOWN
        owner, key = self.evaluate(object_, scope, depth), self.evaluate(index, scope, depth)
        if owner.kind == "list" and isinstance(key.data, int):
            return owner.data[key.data] if key.data < len(owner.data) else NULL
        if owner.kind == "object" and key.text() is None:
            return unsure(key, *owner.data.values())
        return self.member(owner, key.text() or "?")

    def _unary_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        argument = node.child_by_field_name("argument")
        value = self.evaluate(argument, scope, depth) if argument is not None else UNKNOWN
        operator = node.children[0].type
        if operator == "!":
            return negated(value)
        if operator == "-" and isinstance(value.data, int):
            return plain(-value.data)
        return NULL if operator == "void" else unsure(value)

    def _ternary_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        condition, then, other = (node.child_by_field_name(f) for f in ("condition", "consequence", "alternative"))
        if condition is None or then is None or other is None:
            return UNKNOWN
        value = self.evaluate(condition, scope, depth)
        truth = value.truth()
        if truth is not None:
            return self.evaluate(then if truth else other, scope, depth).tainted(value.taint)
        found = [self.evaluate(branch, scope, depth).tainted(value.taint) for branch in (then, other)]
        return one_of(found)

    def _binary_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        left_node, right_node = node.child_by_field_name("left"), node.child_by_field_name("right")
        operator = node.child_by_field_name("operator")
        if left_node is None or right_node is None or operator is None:
            return UNKNOWN
        sign = operator.type
        left = self.evaluate(left_node, scope, depth)
        if sign in ("&&", "||", "??"):
            return self._logical(sign, left, right_node, scope, depth)
        right = self.evaluate(right_node, scope, depth)
        if sign in ("===", "=="):
            return equal(left, right)
        if sign in ("!==", "!="):
            return negated(equal(left, right))
        if sign == "+":
            return added(left, right)
        if sign in ("<", ">", "<=", ">=") and isinstance(left.data, int) and isinstance(right.data, int):
            tests = {"<": left.data < right.data, ">": left.data > right.data, "<=": left.data <= right.data}
            return plain(tests.get(sign, left.data >= right.data))
        return unsure(left, right)

    def _logical(self, sign: str, left: Value, right_node: Node, scope: Scope, depth: int) -> Value:
        truth = left.truth() if sign != "??" else _is_something(left)
        if truth is not None:
            if truth is (sign != "&&"):
                return left
            return self.evaluate(right_node, scope, depth).tainted(left.taint)
        right = self.evaluate(right_node, scope, depth)
        if sign == "&&" and right.truth() is False:
            return right
        if sign == "||" and right.truth() is True:
            return right
        depends = left.taint and (right.taint or right.truth() is not None)
        if right.kind in ("response", "choice") or left.kind in ("response", "choice"):
            return one_of([left, right])
        return Value("depends" if depends else "unknown", None, max(left.taint, right.taint))

    def _assignment_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            return UNKNOWN
        value = self.evaluate(right, scope, depth)
        self.assign(strip(left), value, scope)
        return value

    def assign(self, target: Node, value: Value, scope: Scope) -> None:
        """Gives a name, or the path of an address, another value."""
        text = scope.module.tree.text
        if target.type == "identifier":
            holder = scope.holder(text(target))
            if holder is not None:
                holder.names[text(target)] = value if holder.above is not None else UNKNOWN
        elif target.type == "member_expression":
            owner, property_ = target.child_by_field_name("object"), target.child_by_field_name("property")
            held = self.evaluate(owner, scope) if owner is not None else UNKNOWN
            names_path = property_ is not None and text(property_) in ("pathname", "href")
            if owner is not None and owner.type == "identifier" and held.kind == "url" and names_path:
                self.assign(owner, Value("url", str(joined([value]).data or "")), scope)

    # -- members ------------------------------------------------------------------------------------------------------

    def member(self, owner: Value, name: str) -> Value:
        """A member of a value."""
        if owner.kind == "absent":
            return Value("depends", None, owner.taint) if name == "error" else owner
        if owner.kind == "object":
            members: dict[str, Value] = owner.data
            return members.get(name, members.get("...", NULL))
        if owner.kind == "choice":
            return one_of([self.member(value, name) for value in owner.data])
        if owner.kind == "url" and name in ("pathname", "href"):
            return plain(owner.data)
        if owner.kind == "library":
            module, export = owner.data
            if export == "*" and self.modules.of(module) is not None:
                return self.exported(module, name)
            return Value("library", (module, name if export in ("*", "default") else f"{export}.{name}"))
        if owner.kind == "host":
            return self._of_host(owner.data, name)
        if name == "length" and owner.kind == "list":
            return plain(len(owner.data))
        if name == "length" and owner.text() is not None:
            return plain(len(owner.text() or ""))
        return unsure(owner)

    def _of_host(self, host: str, name: str) -> Value:
        if host == "process":
            return Value("host", "env") if name == "env" else UNKNOWN
        if host == "env":
            return plain("production") if name == "NODE_ENV" else Value("set")
        if host == "request":
            return self._of_request(name)
        if host == "clerk":
            return absent() if name not in ("protect", "redirectToSignIn") else Value("host", f"clerk.{name}")
        return Value("host", f"{host}.{name}")

    def _of_request(self, name: str) -> Value:
        if name in ("nextUrl", "url"):
            path = self.asked.path
            return Value("url", path) if path is not None else UNKNOWN
        if name == "method":
            return plain(self.asked.method) if self.asked.method else UNKNOWN
        if name in ("cookies", "headers"):
            return Value("host", name)
        if name == "auth":
            return absent()
        return Value("object", {"token": absent()}) if name == "nextauth" else UNKNOWN

    # -- calls --------------------------------------------------------------------------------------------------------

    def _call_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
        if callee is None or arguments is None:
            return UNKNOWN
        callee = strip(callee)
        nodes = [child for child in arguments.named_children if child.type != "comment"]
        spelled = compact(scope.module.tree.text(callee))
        if callee.type == "member_expression":
            owner_node, property_ = callee.child_by_field_name("object"), callee.child_by_field_name("property")
            if owner_node is None or property_ is None:
                return UNKNOWN
            owner = self.evaluate(owner_node, scope, depth)
            args = [self.evaluate(child, scope, depth) for child in nodes]
            name = scope.module.tree.text(property_)
            return self._method(owner, name, args, spelled, scope.module.tree.text(nodes[0]) if nodes else "")
        function = self.evaluate(callee, scope, depth)
        return self.apply(function, [self.evaluate(child, scope, depth) for child in nodes], spelled)

    def _new_expression(self, node: Node, scope: Scope, depth: int) -> Value:
        callee, arguments = node.child_by_field_name("constructor"), node.child_by_field_name("arguments")
        nodes = arguments.named_children if arguments is not None else []
        args = [self.evaluate(child, scope, depth) for child in nodes if child.type != "comment"]
        name = scope.module.tree.text(callee) if callee is not None else ""
        if name in ("Response", "NextResponse"):
            return respond(args[1:2])
        if name == "NextRequest" or name == "Request":
            return args[0] if args else UNKNOWN
        if name == "URL" and args:
            return address(args)
        if name == "Set" and args and args[0].kind == "list":
            return args[0]
        if name == "RegExp" and args and args[0].text() is not None:
            return _regex(args[0].text() or "", (args[1].text() or "") if len(args) > 1 else "")
        return unsure(*args)

    def apply(self, function: Value, args: list[Value], spelled: str = "") -> Value:
        """What a function makes of its arguments."""
        if function.kind == "function":
            return self.call(function.data, args).tainted(function.taint)
        if function.kind == "native":
            result: Value = function.data(self, args)
            return result
        if function.kind == "library":
            return self.library(function.data[0], function.data[1], args, spelled)
        if function.kind == "host":
            return self.library("", function.data, args, spelled)
        if function.kind == "absent":
            return function
        if function.kind == "choice":
            return one_of([self.apply(value, args, spelled) for value in function.data])
        if self.is_guard(spelled):
            return self.library("", spelled, args, spelled)
        self.risky = max(self.risky, *(arg.taint for arg in args), function.taint)
        return unsure(function, *args)

    def _method(self, owner: Value, name: str, args: list[Value], spelled: str, first: str) -> Value:
        """A call of a method. *first* is how the first argument is spelled, for names of cookies."""
        if owner.kind == "host" and owner.data in ("cookies", "headers"):
            return credential(owner.data, name, args, first)
        if owner.kind == "absent":
            return owner
        if owner.kind == "choice":
            return one_of([self._method(value, name, args, spelled, first) for value in owner.data])
        if owner.kind == "list":
            return list_method(owner, name, args, self.apply)
        if owner.kind == "regex":
            return regex_method(owner, name, args)
        if owner.kind == "plain" and isinstance(owner.data, str):
            return string_method(owner, name, args)
        if owner.kind == "host" and owner.data == "Object":
            return entries(args[0], name) if args else UNKNOWN
        if owner.kind == "url":
            is_text = name in ("startsWith", "endsWith", "includes", "match", "split")  # of `request.url`
            return string_method(plain(owner.data), name, args) if is_text else owner
        return self.apply(self.member(owner, name), args, spelled)


def _is_something(value: Value) -> bool | None:
    if value.kind == "plain":
        return value.data is not None
    return value.truth()


def _regex(source: str, flags: str) -> Value:
    try:
        return Value("regex", compile_regex(source, flags))
    except Unreadable:
        return UNKNOWN
