"""Rule pages: what they hold, and where they are wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core.check import Settings
from reviewer.core.rulebook import Expectation, RulePageError, load_rulebook, parse_page, placeholders, sentences

HEAD = """id: a-rule
title: A rule
level: notice
novelty: touched
check: some_check
options:
  depth: {default: 2, help: How deep.}
symbols:
  calls:
    - ws#Server
    - plain
message:
  seen: ["Saw {what}."]
  cost: [{text: "Costs.", when: {a: true}}]
  fine: [{first: [{when: {form: [b, c]}, text: One.}, {text: Other.}]}]
  alternative: []
cites: []"""

BODY = """
# A rule

## What it costs

Something.

## When it is fine

Sometimes.

## Bad

### Reported

Options: {depth: 3}

`app/a.ts`:

```ts
## What it costs
call() // expect
other() // expect: warning high
```

`b.ts`, which is fine:

```ts
x # expect: notice
```

## Good

### Silent

`c.ts`

```ts
call()
```
"""
PAGE = f"---\n{HEAD}\n---\n{BODY}"


def line_of(text: str, page: str = PAGE) -> int:
    return next(number for number, line in enumerate(page.split("\n"), 1) if text in line)


def test_a_page_holds_its_head_its_texts_and_its_examples() -> None:
    rule = parse_page("a.md", PAGE)
    assert (rule.id, rule.costs, rule.fine, rule.defaults()) == ("a-rule", "Something.", "Sometimes.", {"depth": 2})
    assert [(e.name, e.bad, e.line) for e in rule.examples] == [
        ("Reported", True, line_of("### Reported")),
        ("Silent", False, line_of("### Silent")),
    ]


def test_an_example_is_its_files_without_the_marks() -> None:
    example = parse_page("a.md", PAGE).examples[0]
    assert example.files == {"app/a.ts": "## What it costs\ncall()\nother()\n", "b.ts": "x\n"}
    assert example.options == {"depth": 3}
    assert example.expected == (
        Expectation("app/a.ts", 2, None, None),
        Expectation("app/a.ts", 3, "warning", "high"),
        Expectation("b.ts", 1, "notice", None),
    )


def test_every_sentence_of_a_message_is_listed() -> None:
    found = [sentence.text for sentence in sentences(parse_page("a.md", PAGE).head.message)]
    assert found == ["Saw {what}.", "Costs.", "One.", "Other."]
    assert placeholders(found[0]) == {"what"}


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ("---\nid", "id", "id: a-rule", "between two lines of ---"),
        ("cites: []\n---", "cites: []", "---", "between two lines of ---"),
        ("id: a-rule", "id: A Rule", "id: A Rule", "id: String should match pattern"),
        ("level: notice", "level: info", "level: info", "level: Input should be"),
        ("novelty: touched", "novelty: [", "options:", "did not find"),
        ("check: some_check", "checks: some_check", "id:", "check: Field required"),
        ("cites: []", "cites: []\nextra: 1", "extra: 1", "extra: Extra inputs are not permitted"),
        ("title: A rule\n", "title: A rule\ntitle: B\n", "title: B", "the key 'title' stands twice"),
        ("help: How deep.", "hlep: x", "hlep", "options.depth.help: Field required"),
        ("cost: [{text: ", "cost: [{txt: ", "cost:", "message.cost.0"),
        ("- ws#Server", "- '#Server'", "'#Server'", "is not a symbol"),
        ("- plain", "- ws#", "ws#\n", "is not a symbol"),
        ("## Good", "## Fine", "---\n\n# A rule", "the section '## Good' is missing"),
        ("## When it is fine", "## When", "---\n\n# A rule", "the section '## When it is fine' is missing"),
        ("`c.ts`", "c.ts", "```ts\ncall()\n", "code needs a line with its `path` above it"),
        ("Options: {depth: 3}", "Options: {depth: 3", "Options:", "did not find"),
        ("Options: {depth: 3}", "Options: 3", "Options:", "options are a map"),
    ],
)
def test_what_is_wrong_in_a_page_is_located(old: str, new: str, at: str, message: str) -> None:
    assert PAGE.count(old) == 1
    page = PAGE.replace(old, new)
    line = page.count("\n", 0, page.index(at)) + 1
    with pytest.raises(RulePageError) as error:
        parse_page("some/page.md", page)
    assert (error.value.path, error.value.line) == ("some/page.md", line)
    assert message in str(error.value)


def test_a_rule_stands_in_one_page_only() -> None:
    again = PAGE.replace("id: a-rule\ntitle: A rule", "title: A rule\nid: a-rule")
    with pytest.raises(RulePageError, match=r"^b\.md:3: the rule 'a-rule' stands in a\.md already$"):
        load_rulebook({"a.md": PAGE, "b.md": again}, "{}")


@pytest.mark.parametrize(
    ("names", "line"),
    [("a: [b]\nc: d", 2), ("a:\n- 5", 1), ("- a", 1), ("a: [b]\na: [c]", 2), ("", 1), ("a: &x [b]", 1)],
)
def test_what_is_wrong_in_the_shared_names_is_located(names: str, line: int) -> None:
    with pytest.raises(RulePageError) as error:
        load_rulebook({"a.md": PAGE}, names)
    assert (error.value.path, error.value.line) == ("symbols.yml", line)


def test_the_words_of_a_rule_are_those_its_symbols_need() -> None:
    page = PAGE.replace("- plain", "- '@names/servers'\n    - socket.server")
    rulebook = load_rulebook({"a.md": page}, "servers: [socket.io#default, socket.io#Server]")
    rule = rulebook.rules["a-rule"]
    words = set(Settings(rule, rule.defaults(), rulebook.names).words())
    assert words == {(b"'ws'", b"Server"), (b'"ws"', b"Server"), (b"socket.io",), (b"socket", b".server")}


def test_a_list_of_names_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(RulePageError, match="unknown list of names 'nobody'") as error:
        load_rulebook({"a.md": PAGE.replace("- plain", "- '@names/nobody'")}, "{}")
    assert error.value.line == line_of("- plain")


def test_the_hash_changes_with_every_page_and_name() -> None:
    books = [({"a.md": PAGE}, "{}"), ({"a.md": PAGE + "\n"}, "{}"), ({"a.md": PAGE}, "a: []")]
    assert len({load_rulebook(pages, names).hash for pages, names in books}) == 3


def wrong_line(page: str) -> int:
    try:
        parse_page("a.md", page)
    except RulePageError as error:
        return error.line
    return 1


@settings(deadline=None)
@given(st.data())
def test_a_damaged_page_is_a_page_or_an_error_with_its_line(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(PAGE)))
    end = data.draw(st.integers(start, min(len(PAGE), start + 40)))
    page = PAGE[:start] + data.draw(st.text(alphabet="#-`:{}[]\n \tab&*'\"é", max_size=6)) + PAGE[end:]
    assert 1 <= wrong_line(page) <= page.count("\n") + 1


def test_a_rule_yields_only_to_rules_that_exist() -> None:
    page = PAGE.replace("cites: []", "cites: []\nyields_to: [another-rule]")
    with pytest.raises(RulePageError, match="unknown rule 'another-rule'"):
        load_rulebook({"a.md": page}, "{}")
    assert load_rulebook({"a.md": page, "b.md": PAGE.replace("id: a-rule", "id: another-rule")}, "{}").rules
