"""Faults that tests ask for, and requests that get in each other's way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.standin.client import Shop, comment


def test_the_next_request_fails_without_effect(shop: Shop) -> None:
    shop.github.fail("POST", r"/reviews$", 502)
    assert shop.review().status_code == 502
    assert shop.github.reviews(shop.pull) == []
    assert shop.review().status_code == 200


def test_a_request_may_take_effect_and_fail(shop: Shop) -> None:
    shop.github.fail("POST", r"/reviews$", 504, after=True, body="<html>Gateway time-out</html>")
    answer = shop.review(comment(20))
    assert (answer.status_code, answer.headers["content-type"]) == (504, "text/html; charset=utf-8")
    assert [review.body for review in shop.github.reviews(shop.pull)] == ["Hello"]


def test_a_fault_lasts_as_often_as_asked(shop: Shop) -> None:
    shop.github.fail("*", r"/pulls", 429, times=2, headers={"Retry-After": "7"})
    assert shop.get(shop.path).status_code == 200
    told = [shop.get(f"{shop.path}/pulls") for _ in range(3)]
    assert [(answer.status_code, answer.headers.get("Retry-After")) for answer in told] == [
        (429, "7"),
        (429, "7"),
        (200, None),
    ]


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_cut(shop: Shop, after: bool) -> None:
    shop.known = shop.token
    shop.github.fail("POST", r"/check-runs$", reset=True, after=after)
    with pytest.raises(httpx.TransportError):
        shop.check()
    assert len(shop.runs) == after
    assert shop.github.requests[-1].status == 0


def test_an_answer_may_be_late(shop: Shop) -> None:
    shop.github.fail("GET", r"/pulls$", hang=0.1)
    assert shop.get(f"{shop.path}/pulls").elapsed.total_seconds() >= 0.1


def test_two_writes_at_once_on_a_pull_request_are_a_violation(shop: Shop) -> None:
    shop.known = shop.token
    shop.github.fail("POST", r"/reviews$", 502, hang=0.3)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda _: shop.review(), range(2)))
    [told] = shop.github.violations
    assert "another write on this pull request or run is under way" in told
    shop.github.violations.clear()


def test_twenty_clients_are_served_at_once(shop: Shop) -> None:
    shop.known = shop.token
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: shop.get(f"{shop.pull_path}/files"), range(60)))
    assert {answer.status_code for answer in answers} == {200}
