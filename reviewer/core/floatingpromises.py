"""A cheap look by text: whether a script could start a promise that nothing waits for. Most need no closer look."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reviewer.core.code import Code

_STATEMENT = re.compile(rb"\n[ \t]*(?:\} )?(?:void |else |if \([^\n]*\) |[\w$.!?]+ && )*([A-Za-z_$][\w$.?!]*)\(")
_CHAIN = re.compile(rb"\n[ \t]*(?:void )?([A-Za-z_$][\w$.]*)\n[ \t]*\.([\w$]+)\(")
_EACH = re.compile(rb"\.forEach\(\s*(?:\([^()]*\)|\w+)\s*=>\s*(?:void )?([\w$.]+)\(")
_COMMENTS = re.compile(rb"(?m)^[ \t]*//[^\n]*\n|/\*[^*]*\*/")
_ASYNC = re.compile(rb"\(\s*async\b")
_STARTERS = (b"setTimeout", b"setImmediate", b"nextTick", b"forEach", b"void")
_GOING_ON = b",([=&|:?+."
_PLAIN = frozenset(
    b"if for while switch return catch function await export import throw new case async yield super else do try "
    b"console waitUntil after redirect notFound revalidatePath revalidateTag clearTimeout clearInterval JSON Object "
    b"Array Math Number String Date expect describe it res response".split()
)
_PLAIN_METHODS = frozenset(
    b"push append has get error warn info debug sort reverse json end status write setHeader removeHeader includes "
    b"writeHead enqueue close abort on once emit parse redirect waitUntil filter reduce join split trim map".split()
)
_SENDING = frozenset(
    b"insert update upsert create createMany updateMany deleteMany send sendMail addBulk post put patch execute rpc "
    b"from del publish publishJSON exec insertMany updateOne deleteOne transaction rpc".split()
)
_GLOBAL = frozenset((b"fetch", b"Promise", b"globalThis", b"axios", b"setTimeout", b"setImmediate", b"process"))
_LAST_IMPORT = re.compile(rb"(?:\bfrom\s*|\brequire\(|\bimport\s+)[\"'][^\"'\n]+[\"']")
_IMPORT = re.compile(rb"\bimport\s+([^;'\"]*?)\s*\bfrom\s*[\"']([^\"']+)[\"']")
_WORD = re.compile(rb"[\w$]+")
_BUILT_IN = re.compile(rb"(?:Map|Set|WeakMap|Date|URL|URLSearchParams|Headers|FormData|Promise|Array|\w*Error)\b")
_HANDLED = re.compile(rb"\)\s*\.(?:then|catch|finally)\(")
_MAKES = re.compile(rb"\bPromise\b|\bfetch\(|\breturn\s+(?:await\s+)?[\w$.]+(?:<[^\n]*>)?\(|=>\s*[\w$.]+\(")


def may_float(code: Code, path: str) -> bool:
    """Whether a script may hold a call whose promise is dropped."""
    data = code.files.raw(path) or b""
    if any(_starts(data, match.start()) for match in _ASYNC.finditer(data)):
        return True
    named: _Names | None = None
    seen: set[bytes] = set()
    for name in _names(data):
        if name not in seen:
            seen.add(name)
            named = named or _Names(code, path, data)
            if named.may_make(name):
                return True
    return False


def _starts(data: bytes, at: int) -> bool:
    """Whether an async function is called, or handed to what does not wait for it, where a statement starts."""
    before = _COMMENTS.sub(b"", data[max(0, at - 600) : at]).rstrip()
    return before.endswith(_STARTERS) or before[-1:] in (b";", b"{", b"}", b"!", b")")


def _names(data: bytes) -> Iterator[bytes]:
    """What statements call, one thing called after another: those that are plainly no promises left out."""
    for match in _STATEMENT.finditer(data):
        name = match.group(1).replace(b"?", b"").replace(b"!", b"")
        root, *members = name.split(b".")
        if root in _PLAIN or (members and members[-1] in _PLAIN_METHODS):
            continue
        if _COMMENTS.sub(b"", data[max(0, match.start() - 300) : match.start() + 1]).rstrip()[-1:] not in _GOING_ON:
            yield name
    for pattern in (_CHAIN, _EACH):
        for match in pattern.finditer(data):
            yield b".".join(match.groups())


def _end(data: bytes, at: int) -> int:
    """Where a statement ends at the latest, or is long enough."""
    end = data.find(b";\n", at, at + 800)
    return end if end >= 0 else at + 200


class _Names:
    """What the names of a script stand for, as far as a cheap look tells."""

    def __init__(self, code: Code, path: str, data: bytes) -> None:
        self.code = code
        self.path = path
        self.data = data
        ends = [match.end() for match in _LAST_IMPORT.finditer(data)]
        head = data[: ends[-1]] if ends else b""
        self.imported = frozenset(_WORD.findall(head))
        self.has_queue = b"bull" in head
        self.modules = {word: match[2] for match in _IMPORT.finditer(head) for word in _WORD.findall(match[1])}

    def may_make(self, name: bytes) -> bool:
        """Whether a call of a name could make a promise."""
        return self._may_make(*name.split(b"."))

    def _may_make(self, root: bytes, *members: bytes) -> bool:
        if root in _GLOBAL:
            return True
        is_imported = root in self.imported
        if members:
            is_queue = members[-1] == b"add" and self.has_queue
            return (
                is_imported or is_queue or self._is_instance(root) or not _SENDING.isdisjoint((members[0], members[-1]))
            )
        return _is_async(self._target(root) if is_imported else self.data, root) is not False

    def _is_instance(self, root: bytes) -> bool:
        """Whether a variable is an instance of a class that somebody wrote."""
        at = self.data.find(root + b" = new ")
        return at >= 0 and _BUILT_IN.match(self.data, at + len(root) + 7) is None

    def _target(self, root: bytes) -> bytes:
        """The text of the file a name is imported from."""
        module = self.modules.get(root)
        target = self.code.resolver.resolve(self.path, module.decode("utf-8", "replace")) if module else None
        return (self.code.files.raw(target) or b"") if target is not None else b""


def _is_async(data: bytes, name: bytes) -> bool | None:
    """Whether a function declared in a text makes a promise, as far as that shows; None where it is not declared."""
    for before, after in ((b"function ", b"("), (b"function ", b"<"), (b"const ", b" ="), (b"const ", b":")):
        at = data.find(before + name + after)
        if at < 0:
            continue
        head = data[at : data.find(b"\n", at + len(name) + 8)]
        if data[max(0, at - 6) : at] == b"async " or b"async" in head:
            return True
        end = data.find(b"\n}", at)
        return _MAKES.search(data, at, end if end >= 0 else len(data)) is not None
    return None
