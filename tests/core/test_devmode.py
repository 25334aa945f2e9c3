"""The ``dev`` expression of a custom server under each value of NODE_ENV."""

from __future__ import annotations

import pytest

from reviewer.core.devmode import is_dev, is_environment_text
from reviewer.core.facts import Expr
from tests.core.trees import facts_of

_ENV = "process.env.NODE_ENV"


def _expr(text: str) -> Expr:
    value = facts_of(f"next({{ dev: {text} }});").calls[0].args[0].prop("dev")
    assert value is not None
    return value


@pytest.mark.parametrize(
    ("text", "production", "development", "unset"),
    [
        ("true", True, True, True),
        ("!false", True, True, True),
        ("false", False, False, False),
        (f"{_ENV} !== 'production'", False, True, True),
        (f"'production' != {_ENV}", False, True, True),
        (f"!({_ENV} === 'production')", False, True, True),
        (f"{_ENV} === 'production'", True, False, False),
        (f"{_ENV} !== 'development'", True, False, True),
        (f"({_ENV} == 'development') as boolean", False, True, False),
        (f"{_ENV} !== 'production' && {_ENV} !== 'test'", False, True, True),
        (f"{_ENV} === 'development' || {_ENV} === ''", False, True, True),
        (f"flag || {_ENV} !== 'production'", None, True, True),
        (f"flag && {_ENV} !== 'production'", False, None, None),
        (f"({_ENV} || 'development') !== 'production'", False, True, True),
        (f"({_ENV} ?? 'production') !== 'production'", False, True, False),
        ("(flag || 'development') !== 'production'", None, None, None),
        ("flag", None, None, None),
        (f"{_ENV} !== mode", None, None, None),
        (f"{_ENV} > 'a'", None, None, None),
        ("process.env.APP_ENV !== 'production'", None, None, None),
    ],
)
def test_when_next_runs_in_development_mode(
    text: str, production: bool | None, development: bool | None, unset: bool | None
) -> None:
    expr = _expr(text)
    assert [is_dev(expr, env) for env in ("production", "development", "")] == [production, development, unset]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("process.env.DEV", True), (_ENV, True), ("env.DEV", False), ("process.argv", False), ("true", False)],
)
def test_text_of_the_environment_is_no_boolean(text: str, expected: bool) -> None:
    assert is_environment_text(_expr(text)) is expected
