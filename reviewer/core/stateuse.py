"""What a state of a module is for, told by what the code does with it: counting, locking, remembering, storing."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Literal

from reviewer.core.accesses import Access
from reviewer.core.modulenames import Name
from reviewer.core.modulestate import FileState, State
from reviewer.core.nodes import FUNCTIONS, parameters
from reviewer.core.scopes import strip
from reviewer.core.syntax import Node

Origin = Literal["request", "parameter", "loaded", "time", "call"]
Trait = Literal[
    "counts",
    "timed",
    "compares",
    "cools",
    "skips",
    "locks",
    "notes",
    "sends",
    "fills",
    "caches",
    "stores-request",
    "stores-parameter",
    "keyed",
    "streams",
    "reads",
    "shows",
    "steps",
]

MAX_FOLLOWED = 4
_TIME = re.compile(r"\bDate\.now\s*\(|\bnew Date\b|\bperformance\.now\b|\bprocess\.hrtime\b|\bdayjs\(\)")
_STREAM = re.compile(
    r"\bcontroller\b|StreamDefaultController|\.getWriter\(|StreamDefaultWriter|\bServerResponse\b|\bNextApiResponse\b|^res$"
)
_EXPIRES = re.compile(r"\bttl\b|\bmaxAge\b|\bstdTTL\b")
_TIMER = re.compile(r"set(?:Interval|Timeout)\b")
_REQUEST = re.compile(
    r"^_?(?:req|request|nextRequest|ctx|context|c|event|formData|params|searchParams)$|Request\b|FormData"
)
_READS_BODY = re.compile(
    r"\.(?:json|formData|text|arrayBuffer|blob|parse|parseAsync|safeParse|safeParseAsync|validate)$"
)
_EXITS = re.compile(r"\b(?:return|throw|continue)\b")
_COUNTING = frozenset({"++", "+=", "-="})
_COST = re.compile(r"(?:\w+\.)*(?:cost|weight|tokens?|points|count|n)")
_ASSIGNING = frozenset({"=", "??=", "||="})
_STORING = frozenset({"=", "set", "add", "push", "unshift", "splice", "assign", "mset"})
_BY = (
    (
        "client address",
        re.compile(
            r"(?i)forwarded-for|real-ip|remote_?addr|connecting-ip|client_?ip|(?<![a-z])ip(?![a-z])|ip_?addr|getip"
        ),
    ),
    ("e-mail address", re.compile(r"(?i)e-?mail")),
    ("phone number", re.compile(r"(?i)phone|mobile|msisdn")),
    ("session", re.compile(r"(?i)session|cookie")),
    ("user", re.compile(r"(?i)(?<!Agent)user(?!-?agent)|account|(?<![a-z])uid(?![a-z])|wallet")),
    ("token", re.compile(r"(?i)token|api_?key|nonce|jti")),
)


class StateUse:
    """How one file uses one state: what may be concluded from its accesses."""

    def __init__(self, file: FileState, state: State) -> None:
        self.file = file
        self.state = state
        self.writes = state.writes
        self.uses = sorted((*state.inside, *state.touched))

    @property
    def traits(self) -> frozenset[Trait]:
        return frozenset(self._traits())

    def _traits(self) -> Iterator[Trait]:
        reads = [access for access in self.state.accesses if not access.is_write]
        if any(self._counts(access) for access in self.writes) or self._raises():
            yield "counts"
        if self._is_timed():
            yield "timed"
        if any(access.how == "compare" for access in reads):
            yield "compares"
        if any(self._stores_time(access) for access in self.writes):
            yield "cools"
        if any(access.how == "send" for access in reads):
            yield "sends"
        yield from self._skips()
        if self._locks():
            yield "locks"
        yield from self._stored(reads)

    def _stored(self, reads: list[Access]) -> Iterator[Trait]:
        origins = [self._given_from(access.value) for access in self.writes if access.how in _STORING and access.value]
        if any("request" in found for found in origins):
            yield "stores-request"
        if any("parameter" in found for found in origins):
            yield "stores-parameter"
        if any({"request", "parameter"} & self.origins(access.key) for access in self.writes if self._is_keyed(access)):
            yield "keyed"
        if any(self._is_stream(access.value) for access in self.writes if access.how in _STORING and access.value):
            yield "streams"
        if any(self._is_cached(access) for access in self.writes):
            yield "caches"
        if any(self._fills(access) for access in self.writes):
            yield "fills"
        if reads:
            yield "reads"
        if any(access.how == "show" for access in reads):
            yield "shows"
        if any(access.how in _COUNTING and not access.inside for access in self.writes):
            yield "steps"

    @property
    def by(self) -> str:
        """What the keys of writes are: a client's address, a user and the like; '' where that does not show."""
        for access in self.writes:
            if access.key is not None and access.how not in ("push", "unshift"):
                told = " ".join(self._texts(access.key))
                for noun, pattern in _BY:
                    if pattern.search(told):
                        return noun
        return ""

    # -- counting and time --------------------------------------------------------------------------------------------

    def _counts(self, access: Access) -> bool:
        """Whether a write moves a number kept per key, or adds a time to a list kept per key."""
        value = access.value
        if (access.inside or self.state.holder == "field") and access.how in _COUNTING:
            return access.how == "++" or self.file.text(value) == "1" or bool(_COST.fullmatch(self.file.text(value)))
        if value is None or access.how not in ("=", "set", "push"):
            return False
        if access.how == "push":
            return access.inside and self.origins(value) == {"time"}
        return self._adds(value) and (access.inside or access.how == "set")

    def _raises(self) -> bool:
        """Whether a local copy of what is held is raised and put back."""
        raised = any(access.how == "raise" for access in self.state.accesses)
        return raised and any(a.value is not None and self._uses_within(a.value) for a in self.writes)

    def _is_keyed(self, access: Access) -> bool:
        return access.key is not None and access.how in ("set", "=", "??=", "||=")

    def _is_stream(self, value: Node) -> bool:
        """Whether a value is, or holds, the end of a stream that a response is written to."""
        return any(_STREAM.search(text) for text in self._texts(value, annotated=True))

    def _adds(self, value: Node) -> bool:
        """Whether a value is what is held plus something: ``n + 1``, or the kept list with a time behind it."""
        for node in _expressions(self._initial(value)):
            operator = node.child_by_field_name("operator")
            is_sum = node.type == "binary_expression" and operator is not None and operator.type in ("+", "-")
            is_longer = node.type == "array" and "time" in self.origins(node)
            if (is_sum or is_longer) and self._uses_within(node):
                return True
        return False

    def _stores_time(self, access: Access) -> bool:
        """Whether the value of a key is a time, and nothing else."""
        if access.value is None or access.how not in ("set", "="):
            return False
        is_keyed = access.inside or access.how == "set"
        made = self._initial(access.value)
        return is_keyed and made.type in ("call_expression", "binary_expression") and self.origins(made) == {"time"}

    def _is_timed(self) -> bool:
        """Whether what is held is compared with the time, expires by an option, or is emptied by a timer."""
        if self.state.made is not None and _EXPIRES.search(self.file.text(self.state.made)):
            return True
        return any(
            self._by_timer(access) if access.is_write else self._is_beside_time(access.node)
            for access in self.state.accesses
        )

    def _is_beside_time(self, node: Node) -> bool:
        above = node.parent
        while above is not None and above.type in ("binary_expression", "parenthesized_expression"):
            if "time" in self.origins(above):
                return True
            above = above.parent
        return False

    def _by_timer(self, access: Access) -> bool:
        function = self.file.outermost(access.node) if access.how in ("delete", "clear") else None
        above: Node | None = access.node
        while function is not None and above is not None and above.start_byte >= function.start_byte:
            if above.type == "call_expression" and _TIMER.match(self.file.text(above)):
                return True
            above = above.parent
        return function is not None and above is not None and bool(_TIMER.match(self._call_around(function)))

    def _call_around(self, function: Node) -> str:
        """The call a function of the module is an argument of."""
        call = function.parent.parent if function.parent is not None else None
        return self.file.text(call) if call is not None and call.type == "call_expression" else ""

    # -- asking first -------------------------------------------------------------------------------------------------

    def _skips(self) -> Iterator[Trait]:
        """Whether a key that is there already ends the work and is put there otherwise, or is only noted."""
        kept = [a for a in self.writes if a.how in ("add", "set", "push") or (a.how == "=" and a.key)]
        kept = [access for access in kept if self.origins(access.key)]
        for read in self.state.accesses:
            if read.is_write or read.how not in ("has", "get", "test"):
                continue
            branch = self._branch(read.node)
            if self._is_negated(read.node) or branch is None or not self._ends(branch):
                continue
            for access in (access for access in kept if self._follows(branch, access)):
                yield "notes" if self._leaves_alike(branch, access) else "skips"

    def _is_negated(self, node: Node) -> bool:
        """Whether a condition asks for the absence of something."""
        above = node.parent
        while above is not None and above.type == "parenthesized_expression":
            above = above.parent
        return above is not None and above.type == "unary_expression"

    def _follows(self, branch: Node, access: Access) -> bool:
        is_later = access.node.start_byte >= branch.end_byte
        return is_later and self.file.outermost(access.node) == self.file.outermost(branch)

    def _ends(self, branch: Node) -> bool:
        """Whether the branch leaves without what is held: with it, it would be a memo."""
        then = branch.child_by_field_name("consequence")
        return then is not None and bool(_EXITS.search(self.file.text(then))) and not self._uses_within(then)

    def _leaves_alike(self, branch: Node, access: Access) -> bool:
        """Whether what follows a write at once is what the branch does: it was only noted that something came by."""
        statement: Node | None = access.node
        while statement is not None and not statement.type.endswith("_statement"):
            statement = statement.parent
        following, then = statement.next_named_sibling if statement else None, branch.child_by_field_name("consequence")
        if following is None or then is None or following.type != "return_statement":
            return False
        inner = then.named_children[0] if then.type == "statement_block" and then.named_child_count == 1 else then
        return self.file.text(inner) == self.file.text(following)

    def _branch(self, node: Node) -> Node | None:
        """The ``if`` whose condition a place lies in."""
        below, above = node, node.parent
        while above is not None and above.type not in ("statement_block", *FUNCTIONS):
            if above.type == "if_statement":
                return above if above.child_by_field_name("condition") == below else None
            below, above = above, above.parent
        return None

    def _locks(self) -> bool:
        """Whether it is a flag that is set and taken back, and that ends the work while it is set."""
        values = {self.file.text(access.value) for access in self.writes if access.how == "=" and not access.inside}
        if self.state.holds != "flag" or not {"true", "false"} <= values:
            return False
        tests = [access for access in self.state.accesses if access.how == "test"]
        return any((b := self._branch(a.node)) is not None and self._ends(b) for a in tests)

    # -- memos --------------------------------------------------------------------------------------------------------

    def _fills(self, access: Access) -> bool:
        """Whether a write puts something there that is no memo: neither filled once, nor loaded or worked out again."""
        return not (self._empties(access) or self._is_guarded(access) or self._is_cached(access))

    def _empties(self, access: Access) -> bool:
        made = strip(access.value) if access.value is not None else None
        is_nothing = made is not None and (made.type in ("null", "undefined") or self.file.text(made) == "undefined")
        return access.how in ("delete", "clear", "length") or (access.how == "=" and is_nothing)

    def _is_guarded(self, access: Access) -> bool:
        if access.how not in _ASSIGNING or "request" in self.origins(access.value):
            return False
        target = self.file.text(access.node.child_by_field_name("left"))
        if access.how != "=":
            return True
        words = {target, target.partition("[")[0], self.state.label}
        around = self.file.outermost(access.node)
        return around is not None and any(
            self._guards(branch, access.node, words)
            for branch in _expressions(around)
            if branch.type == "if_statement" and branch.start_byte < access.node.start_byte
        )

    def _guards(self, branch: Node, write: Node, words: set[str]) -> bool:
        condition, then = branch.child_by_field_name("condition"), branch.child_by_field_name("consequence")
        asked = self.file.text(condition)
        if branch.end_byte >= write.end_byte:
            return any(word in asked for word in words)
        told = self.file.text(then)
        return "return" in told and any(word in asked or word in told for word in words)

    def _is_cached(self, access: Access) -> bool:
        """Whether what is held is given back where it is there, and loaded or worked out where it is not."""
        if access.value is None or access.how not in ("set", "=") or self._counts(access):
            return False
        if self._is_made_once(access):
            return True
        left = access.node.child_by_field_name("left")
        is_keyed = access.how == "set" or (left is not None and strip(left).type == "subscript_expression")
        if not is_keyed or not {"loaded", "call"} & self.origins(access.value):
            return False
        function = self.file.outermost(access.node)
        return any(
            read.how in ("return", "show", "send") and self.file.outermost(read.node) == function
            for read in self.state.accesses
            if not read.is_write and (read.inside or read.how == "get")
        )

    def _is_made_once(self, access: Access) -> bool:
        """Whether an object of some class is made where nothing is held: ``if (!x) { x = new X(); m.set(k, x) }``."""
        made = {self.file.makes(value) for value in self.given(access.value)} - {""}
        if not made or any(self.file.holds(value) != "library" for value in self.given(access.value)):
            return False
        above = access.node.parent
        while above is not None and above.type not in FUNCTIONS:
            condition = above.child_by_field_name("condition")
            if above.type == "if_statement" and condition is not None and self.file.text(condition).startswith("(!"):
                return True
            above = above.parent
        return False

    def given(self, value: Node | None) -> list[Node]:
        """What a value is, or what a local name is assigned besides what was held."""
        name = self.file.names.of(strip(value)) if value is not None else None
        if value is None or name is None or name.owner == -1:
            return [value] if value is not None else []
        given = [name.init] if name.init is not None and not self._uses_within(name.init) else []
        return [*given, *_assigned(name)]

    # -- where values come from ---------------------------------------------------------------------------------------

    def origins(self, node: Node | None, depth: int = 0) -> set[Origin]:
        """What an expression is made of: a request, a function's parameter, something awaited, a time, a call."""
        found: set[Origin] = set()
        stack = [node] if node is not None else []
        while stack:
            part = stack.pop()
            if part.type == "await_expression" and not self._reads_request(part):
                found.add("loaded")
            elif part.type in ("identifier", "shorthand_property_identifier"):
                found |= self._origins_of(self.file.names.of(part), depth)
            elif part.type not in FUNCTIONS:
                if part.type in ("call_expression", "new_expression"):
                    found.add("time" if _TIME.match(self.file.text(part)) else "call")
                stack += part.named_children
        if "time" in found and self._is_only_time(node):
            found.discard("call")
        return found

    def _is_only_time(self, node: Node | None) -> bool:
        return (
            node is not None
            and node.type not in ("object", "array")
            and "(" not in _TIME.sub("", self.file.text(node)).replace("()", "")
        )

    def _origins_of(self, name: Name | None, depth: int) -> set[Origin]:
        if name is None or depth > MAX_FOLLOWED:
            return set()
        if name.kind == "parameter":
            declared = self.file.text(name.init)
            return {"request"} if _REQUEST.search(name.text) or _REQUEST.search(declared) else {"parameter"}
        if name.owner == -1:
            return set()
        given = [name.init] if name.init is not None else _assigned(name)
        return {origin for value in given for origin in self.origins(value, depth + 1)}

    def _reads_request(self, awaited: Node) -> bool:
        """Whether an awaited expression is the request's own body or parameters, or a check of them."""
        inner = strip(awaited)
        callee = inner.child_by_field_name("function") if inner.type == "call_expression" else None
        if callee is not None:
            return bool(_READS_BODY.search(self.file.text(callee)))
        return inner.type in ("identifier", "member_expression")

    def _texts(self, node: Node, depth: int = 0, *, annotated: bool = False) -> Iterator[str]:
        """How an expression is spelled, with what its names are declared as and what is passed for its parameters."""
        yield self.file.text(node)
        for part in _expressions(node) if depth < MAX_FOLLOWED else ():
            name = self.file.names.of(part)
            if name is None or name.init is None or name.owner == -1:
                continue
            if name.kind != "parameter":
                yield from self._texts(name.init, depth + 1, annotated=annotated)
            elif annotated:
                yield self.file.text(name.init)
            else:
                for passed in self._passed(name):
                    yield from self._texts(passed, depth + 1)

    def _passed(self, parameter: Name) -> Iterator[Node]:
        """What calls in this file pass for a parameter of a function of the module."""
        function = self.file.names.functions.get(parameter.owner)
        holder = function.parent if function is not None and function.type == "arrow_function" else function
        named = holder.child_by_field_name("name") if holder is not None else None
        name = self.file.names.of(named) if named is not None else None
        if function is None or name is None:
            return
        index = next((i for i, node in enumerate(parameters(function)) if node == parameter.node), None)
        for use in name.uses if index is not None else ():
            call = use.node.parent
            listed = call.child_by_field_name("arguments") if call is not None else None
            if listed is not None and index is not None and len(listed.named_children) > index:
                yield listed.named_children[index]

    def _given_from(self, value: Node) -> set[Origin]:
        """The same of what is stored, where that is more than a timer, or than what was held, made larger."""
        if _TIMER.match(self.file.text(self._initial(value))):
            return set()
        return set() if self._adds(value) and self._initial(value).type == "binary_expression" else self.origins(value)

    # -- small things -------------------------------------------------------------------------------------------------

    def _initial(self, value: Node) -> Node:
        """The expression a local name was given, else the expression itself."""
        value = strip(value)
        name = self.file.names.of(value)
        is_local = name is not None and name.owner != -1 and not name.steps
        return strip(name.init) if name is not None and is_local and name.init is not None else value

    def _uses_within(self, node: Node) -> bool:
        index = bisect_left(self.uses, node.start_byte)
        return index < len(self.uses) and self.uses[index] < node.end_byte


def _assigned(name: Name) -> Iterator[Node]:
    """The values a name is given after its declaration."""
    for use in name.uses:
        around = use.node.parent
        if around is not None and around.type == "assignment_expression":
            right = around.child_by_field_name("right")
            if right is not None and around.child_by_field_name("left") == use.node:
                yield right


def _expressions(node: Node) -> Iterator[Node]:
    """A node and everything in it."""
    stack = [node]
    while stack:
        part = stack.pop()
        yield part
        stack += part.named_children
