"""The rule pages: their examples hold, their messages are complete and short, and every condition is needed."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from reviewer.checks import CHECKS
from reviewer.core.check import Check
from reviewer.core.files import NoCache
from reviewer.core.finding import Arg, Finding, Site
from reviewer.core.rulebook import Example, Rule, placeholders, sentences
from reviewer.examples import failures, run_example, said
from reviewer.render.message import message_of
from reviewer.resources import built_in_rulebook
from tests.mutants import mutants

RULES = list(built_in_rulebook().rules.values())
# Conditions that change how much work is done, not what is found.
ONLY_SAVES_WORK = (
    "_is_server_handle(assignment.target, above=1) for assignment in facts.assignments)) -> True",
    "route.path in search.candidates",
    "not in self.candidates",
    "self._is_helper(path)",
    "refuses(route.path)",
    "operand b''",
    "not may_bring_5(project.code, app.package)",
    "self.gate.may_run_for(route)",
    "search.gate.covers_any",
    "self.project.app_of(path) is not self.app",
    # A function's id is its offset in its file: the id of another file's function could match here by chance only.
    "operand handler.file == route.path",
)
FORBIDDEN = ("cannot", "never", "always", "impossible", "best practice", "static optimization", "cold start")


@cache
def _findings_of(id: str) -> tuple[Finding, ...]:
    rulebook = built_in_rulebook()
    rule = rulebook.rules[id]
    return tuple(f for e in rule.examples for f in run_example(rule, e, rulebook, CHECKS).findings)


def _findings(rule: Rule) -> tuple[Finding, ...]:
    return _findings_of(rule.id)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_example_reports_exactly_the_marked_lines(rule: Rule) -> None:
    found = list(failures(rule, built_in_rulebook(), CHECKS))
    assert [f"{failure.page}:{failure.line}: {failure.message}" for failure in found] == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_page_has_bad_and_good_examples(rule: Rule) -> None:
    assert sum(example.bad for example in rule.examples) >= 2
    assert sum(not example.bad for example in rule.examples) >= 4
    names = [example.name for example in rule.examples]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_comment_has_at_most_120_words_and_fills_every_placeholder(rule: Rule) -> None:
    for finding in _findings(rule):
        message = message_of(finding, rule)
        assert message.words() <= 120, f"{message.words()} words: {said(finding, rule)}"
        assert not placeholders(message.seen + message.cost + message.fine + message.alternative)
        assert all((message.seen, message.cost, message.fine, message.alternative))
        assert 1 <= len(message.cites) <= 2


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_the_longest_comment_a_page_could_make_has_at_most_120_words(rule: Rule) -> None:
    """Every combination of values of the conditions, with the arguments of a real finding filled in."""
    every: dict[str, Arg] = {}
    for finding in sorted(_findings(rule), key=lambda finding: message_of(finding, rule).words()):
        every.update(finding.args)
    values: dict[str, set[str | bool | int]] = {}
    for sentence in sentences(rule.head.message):
        for name, wanted in sentence.when.items():
            options = wanted if isinstance(wanted, list) else [wanted]
            values.setdefault(name, set()).update(options)
            values[name] |= {not wanted} if isinstance(wanted, bool) else {"other"}
    values = {name: options for name, options in values.items() if name not in ("next_version", "helper")}
    for combination in itertools.product(*(sorted(options, key=str) for options in values.values())):
        args = {**every, **dict(zip(values, combination, strict=True))}
        finding = Finding(rule.id, "error", "high", (Site("a.js", 1),), "k", "", args)
        assert message_of(finding, rule).words() <= 120, said(finding, rule)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_messages_keep_to_the_wording_policy(rule: Rule) -> None:
    for sentence in sentences(rule.head.message):
        for word in FORBIDDEN:
            assert word not in sentence.text.lower(), sentence.text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_sentence_of_a_page_is_said_by_an_example(rule: Rule) -> None:
    texts = [said(finding, rule) for finding in _findings(rule)]
    for sentence in sentences(rule.head.message):
        fixed = max(_fixed_parts(sentence.text), key=len)
        assert any(fixed in text for text in texts), f"no example says: {sentence.text}"


def _fixed_parts(text: str) -> list[str]:
    for name in placeholders(text):
        text = text.replace("{" + name + "}", "\0")
    return text.split("\0")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_removing_any_condition_of_a_check_breaks_an_example(rule: Rule) -> None:
    path = Path(inspect.getfile(CHECKS[rule.head.check]))
    survivors = []
    facts, examples = NoCache(), list(rule.examples)
    for mutant in mutants(path):
        checks = {**CHECKS, rule.head.check: getattr(mutant.module, rule.head.check)}
        if not _breaks(rule, examples, checks, facts) and not any(part in mutant.where for part in ONLY_SAVES_WORK):
            survivors.append(mutant.where)
    assert survivors == []


def _breaks(rule: Rule, examples: list[Example], checks: Mapping[str, Check], facts: NoCache) -> bool:
    """Whether an example fails; the one that does is asked first the next time, as neighbours break the same ones."""
    for index, example in enumerate(examples):
        alone = replace(rule, examples=(example,))
        if any(True for _ in failures(alone, built_in_rulebook(), checks, facts)):
            examples.insert(0, examples.pop(index))
            return True
    return False
