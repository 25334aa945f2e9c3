"""Classes that extend those of packages."""

from __future__ import annotations

import pytest

from reviewer.core.facts import Ref
from reviewer.core.heritage import bases_of, inherited
from tests.core.trees import code_of

CLASS = """import { Client as Base } from 'discord.js';
export class Bot extends Base { BODY }
export const bot = new Bot();
"""


@pytest.mark.parametrize(("body", "steps"), [("", ("new", ".login")), ("login() {}", None)])
def test_a_method_is_that_of_the_package_unless_the_class_has_its_own(body: str, steps: tuple[str, ...] | None) -> None:
    code = code_of({"bot.js": CLASS.replace("BODY", body), "a.js": "import { bot } from './bot';\nbot.login();\n"})
    found = inherited(code, "a.js", Ref("import", "bot", "./bot", (".login",)))
    assert (found.steps if found is not None else None) == steps


def test_a_class_of_the_repository_is_no_base() -> None:
    code = code_of({"bot.js": "class A {}\nclass B extends A {}\nclass C extends EventTarget {}\n"})
    assert bases_of(code, "bot.js") == {}
