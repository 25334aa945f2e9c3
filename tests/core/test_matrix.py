"""The matrix: which row measures lead to, how sure that is, and what counts as a change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reviewer.core.matrix import (
    Confidence,
    Fact,
    Has,
    Host,
    Label,
    Measures,
    Mismatch,
    Place,
    Profile,
    Reason,
    ScoreName,
    judged,
    profile_changes,
)

NEXT = Measures("web", "web", "next", "Next.js application")
SERVICE = Measures("api", "api", "service", "Express service", has="service", handlers=4)
FULL_STACK = replace(NEXT, pages=5, handlers=3)


def points(score: ScoreName, *parts: int, confidence: Confidence = "high") -> tuple[Reason, ...]:
    return tuple(
        Reason(score, part, Fact(f"fact {index} of {score}", f"{score}{index}.ts", 1, confidence))
        for index, part in enumerate(parts)
    )


def socketed(place: Place, has: Has = "next", host: Host = "unknown") -> Measures:
    """Pages and a WebSocket server in one place."""
    fact = Fact("names the host", "fly.toml") if host != "unknown" else None
    where = frozenset({place})
    return replace(
        NEXT, pages=2, places=where, socket_places=where, has=has, host=host, host_fact=fact, reasons=points("P", 3)
    )


@pytest.mark.parametrize(
    ("measures", "label"),
    [
        (replace(NEXT, pages=3, is_static=True), "S"),
        (replace(NEXT, pages=3, is_static=True, handlers=3), "R3"),
        (replace(NEXT, pages=1), "R1"),
        (replace(NEXT, pages=1, handlers=2), "R1"),
        (replace(NEXT, pages=1, handlers=2, actions=1), "R3"),
        (replace(NEXT, pages=1, handlers=3), "R3"),
        (replace(NEXT, pages=1, handlers=9, reasons=points("P", 2)), "R3"),
        (replace(NEXT, pages=1, handlers=9, reasons=points("P", 2, 1)), "R5"),
        (replace(NEXT, pages=1, reasons=points("P", 3)), "R5"),
        (replace(NEXT, pages=1, is_bare=True, handlers=3), "R2api"),
        (replace(NEXT, pages=1, is_bare=True, handlers=2), "R1"),
        (replace(NEXT, pages=1, is_bare=True, handlers=1, reasons=points("P", 3)), "R5"),
        (replace(NEXT, handlers=3), "R2api"),
        (replace(NEXT, handlers=3, reasons=points("C", 1)), "R2api"),
        (replace(NEXT, handlers=3, reasons=points("C", 2)), "R4api"),
        (replace(NEXT, handlers=2), None),
        (SERVICE, "R2"),
        (replace(SERVICE, reasons=points("C", 1)), "R2"),
        (replace(SERVICE, reasons=points("C", 1, 1)), "R4"),
    ],
)
def test_measures_lead_to_a_label(measures: Measures, label: Label | None) -> None:
    assert judged(measures).label == label


@pytest.mark.parametrize(
    ("measures", "mismatch"),
    [
        (socketed("route", host="function"), "process-in-functions"),
        (socketed("route", host="scale-to-zero"), "process-on-scale-to-zero"),
        (socketed("route", host="long-lived"), "process-on-long-lived-host"),
        (replace(socketed("route", host="long-lived"), replicas="1"), "process-on-one-instance"),
        (replace(socketed("route", host="long-lived"), replicas="many"), "process-on-long-lived-host"),
        (socketed("route"), "process-on-unknown-host"),
        (socketed("custom-server", "next+custom-server"), None),
        (socketed("custom-server", "next+custom-server", "function"), None),
        (socketed("service", "next+service", "function"), None),
        (socketed("route", "next+service", "function"), "process-in-functions"),
        (
            replace(socketed("route", "next+service"), socket_places=frozenset({"route", "service"})),
            "two-socket-owners",
        ),
        (replace(NEXT, handlers=3), "api-only"),
        (replace(NEXT, handlers=3, reasons=points("C", 2)), "api-only-with-clients"),
        (replace(FULL_STACK, reasons=points("C", 2)), None),
        (replace(FULL_STACK, reasons=points("C", 2, 1)), "shared-api"),
        (replace(FULL_STACK, has="next+service", reasons=points("C", 2, 1)), None),
        (replace(NEXT, pages=1, has="next+custom-server"), "forwarding-server"),
        (replace(NEXT, pages=1, has="next+custom-server", server_does_more=True), None),
        (replace(NEXT, pages=1, has="next+service", service_is_small=True), "small-service"),
        (replace(FULL_STACK, has="next+service", service_is_small=True), "small-service"),
        (replace(NEXT, pages=1, has="next+service"), None),
        (replace(SERVICE, host="function", reasons=points("P", 2)), "service-in-functions"),
        (replace(SERVICE, host="function", reasons=points("P", 1)), None),
        (replace(SERVICE, host="long-lived", reasons=points("P", 3)), None),
        (replace(NEXT, pages=3, is_static=True), None),
        (FULL_STACK, None),
    ],
)
def test_a_mismatch_is_a_row_of_the_table(measures: Measures, mismatch: Mismatch | None) -> None:
    assert judged(measures).mismatch == mismatch


@pytest.mark.parametrize(
    ("reasons", "confidence"),
    [
        (points("P", 3), "high"),
        (points("P", 3, 1), "high"),
        (points("P", 3, confidence="medium"), "low"),
        (points("P", 3) + points("P", 1, confidence="medium"), "high"),
        (points("P", 2) + points("P", 1, confidence="medium"), "low"),
        (points("P", 2, 2, confidence="medium"), "medium"),
    ],
)
def test_one_doubtful_fact_that_decides_is_not_published(reasons: tuple[Reason, ...], confidence: Confidence) -> None:
    profile = judged(replace(NEXT, pages=1, reasons=reasons))
    assert (profile.label, profile.confidence, profile.is_published) == ("R5", confidence, confidence != "low")


def test_what_it_has_and_its_host_limit_how_sure_a_profile_is() -> None:
    link = Fact("shares a package", "package.json", 1, "medium")
    assert judged(replace(FULL_STACK, has="next+service", has_facts=(link,))).confidence == "medium"
    host = Fact("names the host", "Dockerfile", 1, "medium")
    assert judged(replace(socketed("route", host="long-lived"), host_fact=host)).confidence == "medium"
    assert judged(replace(FULL_STACK, host="long-lived", host_fact=host)).confidence == "high"


def test_a_doubtful_mismatch_is_left_out_and_the_label_stays() -> None:
    doubtful = replace(FULL_STACK, reasons=points("C", 2) + points("C", 1, confidence="medium"))
    assert (judged(doubtful).label, judged(doubtful).mismatch, judged(doubtful).confidence) == ("R3", None, "high")


def test_a_script_that_could_not_be_analysed_keeps_a_profile_from_being_published() -> None:
    assert not judged(replace(FULL_STACK, failed=("web/a.ts",))).is_published


def test_scores_end_at_their_maximum() -> None:
    assert replace(NEXT, reasons=points("P", 3, 2, 2, 1, 1, 1)).score("P") == 8


# -- changes --------------------------------------------------


def changed(before: Measures, after: Measures) -> list[tuple[str, ...]]:
    return [change.what for change in profile_changes([judged(before)], [judged(after)])]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (FULL_STACK, FULL_STACK, []),
        (FULL_STACK, replace(FULL_STACK, handlers=90, pages=80), []),
        (replace(NEXT, pages=1, handlers=2), replace(NEXT, pages=1, handlers=3), [("label",)]),
        (replace(NEXT, pages=1), replace(NEXT, pages=1, has="next+service"), [("has",)]),
        (FULL_STACK, replace(FULL_STACK, reasons=points("P", 3)), [("label", "mismatch", "P")]),
        (FULL_STACK, replace(FULL_STACK, reasons=points("C", 2)), []),
        (FULL_STACK, replace(FULL_STACK, reasons=points("C", 2, 1)), [("mismatch", "C")]),
        (SERVICE, replace(SERVICE, reasons=points("P", 2)), []),
        (SERVICE, replace(SERVICE, reasons=points("P", 3)), [("P",)]),
        (socketed("route"), socketed("route", host="function"), [("mismatch",)]),
        (socketed("route"), socketed("custom-server", "next+custom-server"), [("has", "mismatch")]),
        (FULL_STACK, replace(FULL_STACK, root="other"), []),
        (FULL_STACK, replace(FULL_STACK, reasons=points("P", 3, confidence="medium")), []),
        (replace(FULL_STACK, reasons=points("P", 3, confidence="medium")), FULL_STACK, []),
        (FULL_STACK, replace(FULL_STACK, failed=("a.ts",), has="static"), []),
    ],
)
def test_a_change_is_of_the_label_of_what_it_has_of_the_mismatch_or_across_three(
    before: Measures, after: Measures, what: list[tuple[str, ...]]
) -> None:
    assert changed(before, after) == what
    assert changed(after, before) == what


def test_that_a_small_service_came_is_said_on_demand_only() -> None:
    small = replace(FULL_STACK, has="next+service", service_is_small=True)
    assert changed(replace(small, service_is_small=False), small) == []


def test_a_change_names_the_facts_that_came_and_went_whatever_their_numbers_are() -> None:
    def pages(number: int, path: str) -> Reason:
        return Reason("U", 3, Fact("{} pages", path, 1, "high", (number,)))

    before = replace(FULL_STACK, reasons=(pages(12, "a.tsx"), *points("C", 1)))
    after = replace(FULL_STACK, reasons=(pages(13, "b.tsx"), *points("P", 3)))
    (change,) = profile_changes([judged(before)], [judged(after)])
    assert (change.added, change.removed) == (points("P", 3), points("C", 1))
    assert change.since == "this change"


def test_each_application_is_told_once_in_the_order_of_the_head() -> None:
    roots = ["a", "b", "c"]
    base = [judged(replace(FULL_STACK, root=root)) for root in roots]
    head = [judged(replace(FULL_STACK, root=root, reasons=points("P", 3))) for root in roots]
    assert [change.root for change in profile_changes(reversed(base), head)] == roots


def test_reasons_of_deciding_scores_come_first() -> None:
    profile: Profile = judged(replace(NEXT, pages=9, reasons=(*points("B", 4), *points("U", 3), *points("P", 3, 1))))
    assert [(reason.score, reason.points) for reason in profile.reasons()] == [("P", 3), ("U", 3), ("P", 1), ("B", 4)]


def test_reasons_of_what_is_noted_come_first() -> None:
    shared = judged(replace(FULL_STACK, reasons=(*points("B", 4), *points("U", 3), *points("C", 2, 1))))
    assert shared.mismatch == "shared-api"
    assert [reason.score for reason in shared.reasons()] == ["B", "C", "C", "U"]


def test_what_speaks_against_splitting_is_told_where_a_split_could_be_read_from_the_label() -> None:
    context = (Fact("{} pages", "a.tsx", 1, "high", (9,)),)
    assert judged(replace(FULL_STACK, context=context)).counter() == ()
    assert judged(replace(FULL_STACK, context=context, reasons=points("P", 3))).counter() == context
    assert judged(replace(FULL_STACK, context=context, reasons=points("C", 3))).counter() == context
    few = replace(NEXT, pages=1, handlers=1, reasons=points("B", 1))
    assert judged(few).counter() == (few.reasons[0].fact,)
