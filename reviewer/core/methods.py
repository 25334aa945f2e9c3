"""What methods of strings, lists and regular expressions make of values that may be unknown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reviewer.core.patterns import Pattern, Unreadable
from reviewer.core.values import HOLE, NULL, UNKNOWN, Value, equal, plain, unsure

Apply = Callable[[Value, list[Value]], Value]

MAX_ITEMS = 200
MAX_LENGTH = 2_000
_CHANGES: dict[str, Callable[[str], str]] = {
    "toLowerCase": str.lower,
    "toLocaleLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
}


def string_method(owner: Value, name: str, args: Sequence[Value]) -> Value:
    """A method of a text whose characters are known."""
    text, first = owner.text(), args[0] if args else NULL
    other = first.text()
    if text is None:
        return _of_partial(owner, name, other)
    if first.kind == "regex":
        return _matched(first, text, name)
    if name in ("toLowerCase", "toUpperCase", "trim", "toString", "toLocaleLowerCase", "normalize"):
        return plain(_CHANGES[name](text) if name in _CHANGES else text, owner.taint)
    if name in ("startsWith", "endsWith", "includes", "split", "concat") and other is not None and len(args) == 1:
        return _of_two(text, name, other)
    if name in ("slice", "substring", "at", "charAt"):
        return _sliced(text, name, args)
    if name in ("replace", "replaceAll") and other is not None and len(args) == 2 and args[1].text() is not None:
        return plain(text.replace(other, args[1].text() or "", 1 if name == "replace" else -1)[:MAX_LENGTH])
    return unsure(owner, *args)


def _of_two(text: str, name: str, other: str) -> Value:
    if name == "split":
        parts = text.split(other) if other else list(text)
        return Value("list", tuple(plain(part) for part in parts))
    if name == "concat":
        return joined([plain(text), plain(other)])
    tests = {"startsWith": text.startswith(other), "endsWith": text.endswith(other), "includes": other in text}
    return plain(tests[name])


def _of_partial(owner: Value, name: str, other: str | None) -> Value:
    known = str(owner.data).partition(HOLE)[0]
    if name == "startsWith" and other is not None and len(known) >= len(other):
        return plain(known.startswith(other), owner.taint)
    return unsure(owner)


def _sliced(text: str, name: str, args: Sequence[Value]) -> Value:
    numbers = [arg.data for arg in args]
    if not all(isinstance(number, int) for number in numbers) or not numbers:
        return UNKNOWN
    if name in ("at", "charAt"):
        index = numbers[0]
        return plain(text[index]) if -len(text) <= index < len(text) else NULL
    return plain(text[slice(*numbers[:2])] if len(numbers) > 1 else text[numbers[0] :])


def _matched(regex: Value, text: str, name: str) -> Value:
    pattern: Pattern = regex.data
    if name not in ("match", "search", "matchAll"):
        return UNKNOWN
    try:
        found = pattern.search(text)
    except Unreadable:
        return UNKNOWN
    if name == "search":
        return UNKNOWN if found else plain(-1)
    return Value("object", {"...": UNKNOWN}) if found else NULL


def regex_method(owner: Value, name: str, args: Sequence[Value]) -> Value:
    text = args[0].text() if args else None
    if text is None:
        return unsure(*args)
    if name == "test":
        try:
            return plain(owner.data.search(text))
        except Unreadable:
            return UNKNOWN
    return _matched(owner, text, "match") if name == "exec" else UNKNOWN


def list_method(owner: Value, name: str, args: list[Value], apply: Apply) -> Value:
    """A method of a list whose members are known."""
    items: tuple[Value, ...] = owner.data[:MAX_ITEMS]
    if name in ("includes", "has", "indexOf") and args:
        found = _any([equal(item, args[0]) for item in items])
        if name != "indexOf":
            return found
        return UNKNOWN if found.truth() is not False else plain(-1)
    if name in ("some", "every", "find", "filter", "map", "forEach", "findIndex") and args:
        return _each(items, name, [apply(args[0], [item, plain(index)]) for index, item in enumerate(items)])
    if name in ("values", "keys", "flat", "slice", "reverse", "sort") and not args:
        return owner
    if name == "concat" and all(arg.kind == "list" and len(arg.data) <= MAX_ITEMS for arg in args):
        return Value("list", tuple(item for part in (owner, *args) for item in part.data)[:MAX_ITEMS])
    if name == "join" and args and all(item.text() is not None for item in items) and args[0].text() is not None:
        return plain((args[0].text() or "").join(item.text() or "" for item in items))
    if name in ("at", "get") and args and isinstance(args[0].data, int):
        return items[args[0].data] if -len(items) <= args[0].data < len(items) else NULL
    return unsure(owner, *args)


def _each(items: Sequence[Value], name: str, results: list[Value]) -> Value:
    if name == "map":
        return Value("list", tuple(results))
    if name == "some":
        return _any(results)
    if name == "every":
        truths = [result.truth() for result in results]
        return plain(all(truths)) if None not in truths or False in truths else unsure(*results)
    if name in ("find", "filter", "findIndex"):
        if any(result.truth() is None for result in results):
            return unsure(*results)
        kept = [item for item, result in zip(items, results, strict=True) if result.truth()]
        if name == "findIndex":
            return UNKNOWN if kept else plain(-1)
        return Value("list", tuple(kept)) if name == "filter" else kept[0] if kept else NULL
    return NULL


def _any(results: list[Value]) -> Value:
    truths = [result.truth() for result in results]
    taint = max((result.taint for result in results), default=0)
    if True in truths:
        return plain(True)
    return plain(False, taint) if None not in truths else unsure(*results)


def entries(value: Value, name: str) -> Value:
    """``Object.keys``, ``values`` and ``entries`` of an object that is known whole."""
    if value.kind != "object" or "..." in value.data:
        return UNKNOWN
    members: dict[str, Value] = value.data
    rows: dict[str, list[Value]] = {
        "keys": [plain(key) for key in members],
        "values": list(members.values()),
        "entries": [Value("list", (plain(key), member)) for key, member in members.items()],
    }
    return Value("list", tuple(rows[name])) if name in rows else UNKNOWN


def added(left: Value, right: Value) -> Value:
    """``left + right``: a text with a hole where a part is unknown."""
    if isinstance(left.data, int) and isinstance(right.data, int) and left.kind == right.kind == "plain":
        return plain(left.data + right.data)
    return joined([left, right])


def _shown(value: Value) -> str:
    if value.kind == "url":
        return str(value.data)
    data: Any = value.data
    return str(data) if value.kind == "plain" and isinstance(data, str | int) and data is not True else HOLE


def joined(values: Sequence[Value]) -> Value:
    """A template: its parts one after the other."""
    parts = [_shown(value) for value in values]
    if all(part == HOLE for part in parts) or sum(map(len, parts)) > MAX_LENGTH:
        return unsure(*values)
    return plain("".join(parts), max((value.taint for value in values), default=0))
