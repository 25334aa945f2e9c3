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
_MAKES = re.compile(rb"\bPromise\b|\bfetch\(|\breturn\s+(?:await\s+)?[\w$.]+(?:<[^\n]*>)?\(|=>\s*[\w$.]+\(")


def may_drop(code: Code, path: str) -> bool:
    """Whether a script may hold a call whose promise is dropped."""
    data = code.files.raw(path) or b""
    if any(_starts(data, match.start()) for match in _ASYNC.finditer(data)):
        return True
    names = {*_names(data)}
    if not names:
        return False
    ends = [match.end() for match in _LAST_IMPORT.finditer(data)]
    head = data[: ends[-1]] if ends else b""
    return any(_may_make(code, path, data, head, name) for name in names)


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


def _may_make(code: Code, path: str, data: bytes, head: bytes, name: bytes) -> bool:
    root, *members = name.split(b".")
    if root in _GLOBAL:
        return True
    word = re.escape(root)
    is_imported = re.search(rb"\b%s\b" % word, head) is not None
    if members:
        is_queue = members[-1] == b"add" and b"bull" in head
        return is_imported or is_queue or members[-1] in _SENDING or (len(members) > 1 and members[0] in _SENDING)
    if not is_imported:
        return _is_async(data, word) is not False
    return _is_async(_target(code, path, head, word), word) is not False


def _target(code: Code, path: str, head: bytes, word: bytes) -> bytes:
    """The text of the file a name is imported from."""
    given = re.search(rb"[{,\s]%s\b[^;'\"]*?\bfrom\s*[\"']([^\"']+)[\"']" % word, head)
    target = code.resolver.resolve(path, given.group(1).decode("utf-8", "replace")) if given is not None else None
    return (code.files.raw(target) or b"") if target is not None else b""


def _is_async(data: bytes, word: bytes) -> bool | None:
    """Whether a function declared in a text makes a promise, as far as that shows."""
    declared = re.search(rb"(async\s+)?\bfunction\s*\*?\s*%s\b|\b%s\s*(?::[^=\n]*)?=\s*(async\b)?" % (word, word), data)
    if declared is None:
        return None
    if declared.group(1) or declared.group(2):
        return True
    end = data.find(b"\n}", declared.end())
    return _MAKES.search(data, declared.end(), end if end >= 0 else len(data)) is not None
