"""When a custom server starts Next in development mode: its ``dev`` expression as a function of ``NODE_ENV``."""

from __future__ import annotations

from reviewer.core.facts import Expr, Ref

_NODE_ENV = (".env", ".NODE_ENV")
_EQUAL, _UNEQUAL = ("==", "==="), ("!=", "!==")


def is_dev(expr: Expr, node_env: str) -> bool | None:
    """Whether *expr* is true when ``NODE_ENV`` has a value ('' for unset); None where that cannot be told."""
    if expr.kind == "bool":
        return expr.name == "true"
    if expr.kind == "not":
        inner = is_dev(expr.items[0], node_env)
        return None if inner is None else not inner
    if expr.kind != "choice" or len(expr.items) != 2:
        return None
    if expr.name in ("&&", "||"):
        return _combined(expr.name, *(is_dev(item, node_env) for item in expr.items))
    values = [_text(item, node_env) for item in expr.items]
    if expr.name not in _EQUAL + _UNEQUAL or None in values:
        return None
    return (values[0] == values[1]) == (expr.name in _EQUAL)


def _combined(operator: str, left: bool | None, right: bool | None) -> bool | None:
    """``&&`` and ``||`` over three values."""
    deciding = operator == "||"
    if deciding in (left, right):
        return deciding
    return None if None in (left, right) else not deciding


def _text(expr: Expr, node_env: str) -> str | None:
    if expr.kind == "string":
        return expr.name
    if expr.kind == "choice" and expr.name in ("||", "??"):
        left, right = (_text(item, node_env) for item in expr.items)
        return left if left != "" else right
    return node_env if expr.ref is not None and is_node_env(expr.ref) else None


def is_node_env(ref: Ref) -> bool:
    """Whether a reference is ``process.env.NODE_ENV``."""
    return (ref.kind, ref.name, ref.steps) == ("global", "process", _NODE_ENV)


def is_environment_text(expr: Expr) -> bool:
    """Whether an expression is the text of an environment variable, which is true whatever it says."""
    ref = expr.ref
    return ref is not None and (ref.kind, ref.name, ref.steps[:1]) == ("global", "process", (".env",))
