"""The configuration file: what it means, and where it is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core.config import Config, InvalidConfig, load_config
from reviewer.core.rulebook import Rulebook, load_rulebook

PAGE = """---
id: first-rule
title: A rule
level: notice
novelty: touched
check: none
options:
  depth: {default: 2, minimum: 2, help: x}
  share: {default: 0.5, minimum: 0, help: x}
  strict: {default: true, help: x}
  name: {default: a, help: x}
  form: {default: short, choices: [short, long], help: x}
  names: {default: [], help: x}
  map: {default: {}, help: x}
message: {seen: [], cost: [], fine: [], alternative: []}
cites: []
---
## What it costs
## When it is fine
## Bad
## Good
"""


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook({"a.md": PAGE, "b.md": PAGE.replace("first-rule", "other-rule")}, "{}")


@pytest.mark.parametrize(
    ("text", "config"),
    [
        ("", Config()),
        ("# nothing\n", Config()),
        ("{}", Config()),
        ("ruleset: 1\nmode: advise\nfail_on: never\nmin_evidence: medium", Config("advise", "never", "medium")),
        ("paths: {ignore: ['a/**', b.ts]}", Config(ignore=("a/**", "b.ts"))),
        ("paths:\nrules:\n", Config()),
        ("rules: {first-rule: {level: off}}", Config(levels={"first-rule": "off"})),
        ("rules: {first-rule: {depth: 3}}", Config(options={"first-rule": {"depth": 3}})),
        ("rules: {first-rule: {share: 1}}", Config(options={"first-rule": {"share": 1.0}})),
        (
            "rules: {first-rule: {strict: false, name: b}}",
            Config(options={"first-rule": {"strict": False, "name": "b"}}),
        ),
        (
            "rules: {first-rule: {form: long, names: [a]}}",
            Config(options={"first-rule": {"form": "long", "names": ["a"]}}),
        ),
        ("rules: {first-rule: {map: {a: b}}}", Config(options={"first-rule": {"map": {"a": "b"}}})),
    ],
)
def test_a_valid_file_is_decoded(rulebook: Rulebook, text: str, config: Config) -> None:
    found = load_config(text, rulebook)
    assert found == config
    assert found.hash() == config.hash()


RULE = "rules:\n  first-rule:\n    "


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\nmoed: gate", "2: unknown key 'moed'; did you mean 'mode'?"),
        (
            "zzz: 1",
            "1: unknown key 'zzz'; known: ruleset, mode, fail_on, min_evidence, paths, rules",
        ),
        ("- a", "1: the file must be a map of keys and values, not a list"),
        ("just text", "1: the file must be a map of keys and values, not a string"),
        ("mode: gate\nfail_on: off", "2: fail_on must be error, warning or never, not 'off'"),
        ("mode: true", "1: mode must be gate or advise, not true or false (true)"),
        ("mode:", "1: mode must be gate or advise, not empty (null)"),
        ("min_evidence: low", "1: min_evidence must be high or medium, not 'low'"),
        ("ruleset: 2", "1: ruleset: this version has rule set 1 only"),
        ("ruleset: true", "1: ruleset must be a whole number, not true or false (true)"),
        ("ruleset: 1.0", "1: ruleset must be a whole number, not a number (1.0)"),
        ("ruleset: '1'", "1: ruleset must be a whole number, not '1'"),
        ("paths: [a]", "1: paths must be a map of keys and values, not a list"),
        ("paths:\n  ignored: []", "2: unknown key 'ignored'; did you mean 'ignore'?"),
        ("paths:\n  ignore: a", "2: paths.ignore must be a list, not a string"),
        ("paths:\n  ignore:\n  - a\n  - 5", "4: paths.ignore must hold strings, not a whole number (5)"),
        ("rules: off", "1: rules must be a map of keys and values, not a string"),
        ("rules:\n  frist-rule: {}", "2: unknown rule 'frist-rule'; did you mean 'first-rule'?"),
        ("rules:\n  zzz: {}", "2: unknown rule 'zzz'; known: first-rule, other-rule"),
        ("rules:\n  first-rule: off", "2: rules.first-rule must be a map of keys and values, not a string"),
        ("rules:\n  first-rule:", "2: rules.first-rule must be a map of keys and values, not empty"),
        (RULE + "level: of", "3: rules.first-rule.level must be error, warning, notice or off, not 'of'"),
        (RULE + "depht: 3", "3: unknown option 'depht'; did you mean 'depth'?"),
        (RULE + "depth: 1", "3: rules.first-rule.depth must be at least 2, not 1"),
        (RULE + "depth: two", "3: rules.first-rule.depth must be a whole number, not 'two'"),
        (RULE + "depth: 2.5", "3: rules.first-rule.depth must be a whole number, not a number (2.5)"),
        (RULE + "depth: true", "3: rules.first-rule.depth must be a whole number, not true or false (true)"),
        (RULE + "share: -0.5", "3: rules.first-rule.share must be at least 0, not -0.5"),
        (RULE + "share: true", "3: rules.first-rule.share must be a number, not true or false (true)"),
        (RULE + "strict: off", "3: rules.first-rule.strict must be true or false, not 'off'"),
        (RULE + "name: 5", "3: rules.first-rule.name must be a string, not a whole number (5)"),
        (RULE + "form: log", "3: rules.first-rule.form must be short or long, not 'log'"),
        (RULE + "names: a", "3: rules.first-rule.names must be a list, not a string"),
        (RULE + "names:\n    - [a]", '4: rules.first-rule.names must hold strings, not a list (["a"])'),
        (RULE + "map: [a]", '3: rules.first-rule.map must be a map, not a list (["a"])'),
        (RULE + "map:\n      a: 5", "4: rules.first-rule.map must hold strings, not a whole number (5)"),
        ("mode: gate\nmode: gate", "2: the key 'mode' stands twice"),
        ("mode: &a gate", "1: anchors and aliases are not accepted here"),
        ("mode: [", "1: did not find expected node content"),
        ("a" * 70_000, "1: it is larger than 64 KB"),
    ],
)
def test_what_is_wrong_is_located_and_explained(rulebook: Rulebook, text: str, error: str) -> None:
    with pytest.raises(InvalidConfig) as raised:
        load_config(text + "\n" if "[" in text[-1:] else text, rulebook, "some/file.yml")
    assert str(raised.value) == f"some/file.yml:{error}"


def test_all_errors_are_reported_in_the_order_of_the_file(rulebook: Rulebook) -> None:
    text = "rules: {b: {}, first-rule: {level: x}, other-rule: {level: y}}\nmode: x\nzzz: 1\n"
    with pytest.raises(InvalidConfig) as raised:
        load_config(text, rulebook)
    assert [(e.path, e.line, e.message.split(";")[0].split(" must")[0]) for e in raised.value.errors] == [
        (".github/reviewer.yml", 1, "unknown rule 'b'"),
        (".github/reviewer.yml", 1, "rules.first-rule.level"),
        (".github/reviewer.yml", 1, "rules.other-rule.level"),
        (".github/reviewer.yml", 2, "mode"),
        (".github/reviewer.yml", 3, "unknown key 'zzz'"),
    ]


@pytest.mark.parametrize(
    ("glob", "path", "ignored"),
    [
        ("a/**", "a/b/c.ts", True),
        ("a/**", "ab/c.ts", False),
        ("**/*.gen.ts", "x.gen.ts", True),
        ("**/*.gen.ts", "a/b/x.gen.ts", True),
        ("*.ts", "a/b.ts", False),
        ("apps/{web,docs}/**", "apps/docs/x.ts", True),
        ("a/?.ts", "a/b.ts", True),
        ("a[1].ts", "a[1].ts", True),
        ("./a/", "a", True),
    ],
)
def test_ignored_paths_are_globs(rulebook: Rulebook, glob: str, path: str, ignored: bool) -> None:
    assert load_config(f"paths: {{ignore: ['{glob}']}}", rulebook).ignores(path) is ignored


def test_the_hash_depends_on_what_is_meant_only(rulebook: Rulebook) -> None:
    one = load_config("mode: gate\nrules: {first-rule: {depth: 3, name: b}}", rulebook)
    same = load_config("rules:\n  first-rule:\n    name: 'b' # x\n    depth: 3\n", rulebook)
    other = load_config("rules: {first-rule: {depth: 4, name: b}}", rulebook)
    assert (one.hash() == same.hash(), one.hash() == other.hash()) == (True, False)


def wrong_lines(text: str) -> list[int]:
    book = load_rulebook({"a.md": PAGE}, "{}")
    try:
        load_config(text, book)
    except InvalidConfig as error:
        return [one.line for one in error.errors]
    return []


WORDS = "mode|fail_on|ruleset|paths|ignore|rules|first-rule|level|depth|names|off|true|1|0.5|: |- |, |[|]|{|}|\n|  |'|é"


@settings(deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS.split("|")), max_size=25).map("".join)))
def test_any_text_is_a_configuration_or_invalid(text: str) -> None:
    lines = text.count("\n") + text.count("\r") + 1
    assert all(1 <= line <= lines for line in wrong_lines(text))
