"""What is said where: every finding once, the gravest first, no more than a reader can take."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.core.finding import Evidence, Level, Reported, Site
from reviewer.render.markers import FindingsMark, findings_mark
from reviewer.render.plan import CAPPED, LOW, NOTICE, SAID, UNSHOWN, Caps, Plan, nearest, plan, said_by
from reviewer.resources import built_in_rulebook
from tests.render.made import SOCKET, START, found, review

RULEBOOK = built_in_rulebook()
SHOWN = {"a.js": set(range(1, 40)), "b.js": set(range(1, 40)), "lib/c.js": {5}}
USUAL = Caps()
ROOMY = Caps(comments=100, per_rule=100)


def planned(*findings: Reported, said: tuple[FindingsMark, ...] = (), caps: Caps = USUAL) -> Plan:
    return plan(review(*findings), RULEBOOK, SHOWN, said, caps)


def places(made: Plan) -> list[tuple[str, int | None]]:
    return [(comment.path, comment.line) for comment in made.comments]


def mark_of(*findings: Reported, gates: bool = False) -> FindingsMark:
    return FindingsMark(findings[0].finding.rule, tuple(f.fingerprint for f in findings), gates)


def test_a_finding_is_said_on_its_line_under_its_mark() -> None:
    one = found("a.js", 7)
    [comment] = planned(one).comments
    assert (comment.path, comment.line, comment.mark) == ("a.js", 7, mark_of(one))
    assert findings_mark(comment.body) == comment.mark


def test_findings_of_one_cause_are_one_comment() -> None:
    one, two, other = found("a.js", 7, cause="c"), found("b.js", 9, cause="c"), found("a.js", 12)
    made = planned(one, two, other)
    assert places(made) == [("a.js", 7), ("a.js", 12)]
    assert made.comments[0].mark == mark_of(one, two)
    assert "`b.js:9`" in made.comments[0].body
    assert made.unsaid == {}


def test_what_gates_comes_first_then_what_is_graver() -> None:
    made = planned(
        found("a.js", 1, level="warning"),
        found("a.js", 2, level="error"),
        found("a.js", 3, level="warning", gates=True),
        found("a.js", 4, level="error", gates=True),
        caps=ROOMY,
    )
    assert places(made) == [("a.js", 4), ("a.js", 3), ("a.js", 2), ("a.js", 1)]


def test_a_rule_gets_its_share_and_the_rest_is_listed() -> None:
    findings = [found("a.js", line) for line in range(1, 6)]
    made = planned(*findings, found("b.js", 1, rule=SOCKET))
    assert places(made) == [("a.js", 1), ("a.js", 2), ("a.js", 3), ("b.js", 1)]
    assert made.unsaid == {findings[3].fingerprint: CAPPED, findings[4].fingerprint: CAPPED}


def test_a_pull_request_gets_its_share() -> None:
    late = found("b.js", 1, rule=SOCKET)
    made = planned(found("a.js", 1), found("a.js", 2), late, caps=Caps(comments=2))
    assert places(made) == [("a.js", 1), ("a.js", 2)]
    assert made.unsaid == {late.fingerprint: CAPPED}


def test_what_gates_is_said_past_every_limit_and_takes_nobody_s_place() -> None:
    gating = [found("a.js", line, gates=True) for line in range(1, 6)]
    made = planned(*gating, found("b.js", 1), caps=Caps(comments=1, per_rule=1))
    assert places(made) == [*(("a.js", line) for line in range(1, 6)), ("b.js", 1)]


def test_what_was_said_before_counts_unless_it_gated() -> None:
    before = [mark_of(found("b.js", line)) for line in (1, 2)]
    gated = mark_of(found("b.js", 3), gates=True)
    made = planned(found("a.js", 1), found("a.js", 2), said=(*before, gated))
    assert places(made) == [("a.js", 1)]


def test_what_was_said_before_is_not_said_again() -> None:
    old, new = found("a.js", 7, cause="c"), found("a.js", 8, cause="c")
    made = planned(old, new, said=(mark_of(old),))
    assert [comment.mark for comment in made.comments] == [mark_of(new)]
    assert made.unsaid == {old.fingerprint: SAID}


@pytest.mark.parametrize(("level", "evidence", "reason"), [("notice", "high", NOTICE), ("error", "low", LOW)])
def test_notices_and_guesses_are_never_comments(level: Level, evidence: Evidence, reason: str) -> None:
    one = found(level=level, evidence=evidence)
    assert planned(one) == Plan((), {one.fingerprint: reason})


def test_existing_and_suppressed_findings_are_neither_said_nor_owed() -> None:
    assert planned(found(status="existing"), found(line=2, status="suppressed")) == Plan()


def test_a_finding_on_a_line_that_is_not_shown_is_listed() -> None:
    hidden, anchorless = found("a.js", 90), found("z.js", 3, anchor=False)
    assert planned(hidden, anchorless) == Plan((), {f.fingerprint: UNSHOWN for f in (hidden, anchorless)})


def test_one_that_gates_and_has_no_line_is_said_on_the_nearest_file() -> None:
    made = planned(found("lib/d.js", 90, gates=True))
    assert places(made) == [("lib/c.js", None)]
    assert made.comments[0].mark.gates


def test_where_nothing_is_shown_nothing_is_said() -> None:
    one = found(gates=True)
    assert plan(review(one), RULEBOOK, {}) == Plan((), {one.fingerprint: UNSHOWN})


def test_a_cause_is_put_where_one_of_its_findings_is_shown() -> None:
    hidden, shown = found("a.js", 90, cause="c", gates=True), found("a.js", 7, cause="c")
    [comment] = planned(hidden, shown).comments
    assert (comment.line, comment.mark) == (7, mark_of(shown, hidden, gates=True))


def test_the_nearest_file_is_one_that_the_finding_uses() -> None:
    one = found("apps/web/a.js", also=[Site("package.json", 1), Site("apps/web/b.js", 1)])
    assert nearest(one, ["apps/web/c.js", "package.json"]) == "package.json"


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["apps/web/lib/z.js", "apps/api/a.js"], "apps/web/lib/z.js"),
        (["apps/admin/z.js", "z.js"], "apps/admin/z.js"),
        (["y.js", "x.js"], "x.js"),
        ([], None),
    ],
)
def test_else_the_nearest_file_shares_most_folders(paths: list[str], expected: str | None) -> None:
    assert nearest(found("apps/web/a.js"), paths) == expected


def test_only_bodies_with_a_mark_say_something() -> None:
    mark = mark_of(found())
    assert list(said_by(["Nice.", f"{mark}\n**…**", f"> {mark}"])) == [mark]


def test_twins_are_owed_nothing_where_one_of_them_is_said() -> None:
    said, capped = found("a.js", 1, key="same"), found("a.js", 2, key="same", cause="other")
    made = planned(said, capped, caps=Caps(per_rule=1))
    assert (places(made), made.unsaid) == ([("a.js", 1)], {})


FINDINGS = st.lists(
    st.builds(
        found,
        st.sampled_from(["a.js", "b.js", "lib/c.js", "hidden.js"]),
        st.integers(1, 50),
        key=st.sampled_from(["", "twin"]),
        rule=st.sampled_from([START, SOCKET]),
        level=st.sampled_from(["notice", "warning", "error"]),
        evidence=st.sampled_from(["low", "medium", "high"]),
        gates=st.booleans(),
        cause=st.sampled_from([None, f"{START} one", f"{START} two"]),
        anchor=st.booleans(),
        status=st.sampled_from(["introduced", "introduced", "existing"]),
    ),
    max_size=20,
).map(lambda findings: [replace(f, cause=f"{f.finding.rule} {f.cause}") for f in findings])


def fingerprints(made: Plan) -> list[str]:
    return [fingerprint for comment in made.comments for fingerprint in comment.mark.fingerprints]


@settings(max_examples=60, deadline=None)
@given(FINDINGS, st.integers(0, 4))
def test_every_introduced_finding_is_either_said_or_listed(findings: list[Reported], caps: int) -> None:
    made = planned(*findings, caps=Caps(caps, caps))
    introduced = {f.fingerprint for f in findings if f.status == "introduced"}
    assert set(fingerprints(made)) | set(made.unsaid) == introduced
    assert set(fingerprints(made)) & set(made.unsaid) == set()


@settings(max_examples=60, deadline=None)
@given(FINDINGS, st.randoms())
def test_the_order_of_findings_does_not_matter(findings: list[Reported], random: object) -> None:
    shuffled = sorted(findings, key=lambda _: random.random())  # type: ignore[attr-defined]
    one, two = planned(*findings, caps=ROOMY), planned(*shuffled, caps=ROOMY)
    assert set(fingerprints(one)) == set(fingerprints(two))
    assert one.unsaid.keys() == two.unsaid.keys()
    marks = [f.fingerprint for f in findings]
    alone = {fingerprint for fingerprint in marks if marks.count(fingerprint) == 1}  # twins may differ in their reason
    assert {f: one.unsaid[f] for f in alone & one.unsaid.keys()} == {
        f: two.unsaid[f] for f in alone & two.unsaid.keys()
    }


@settings(max_examples=60, deadline=None)
@given(FINDINGS, st.integers(0, 4))
def test_a_second_run_that_knows_what_the_first_said_says_nothing(findings: list[Reported], caps: int) -> None:
    first = planned(*findings, caps=Caps(caps, caps))
    marks = tuple(said_by(comment.body for comment in first.comments))
    assert planned(*findings, said=marks, caps=Caps(caps, caps)).comments == ()
