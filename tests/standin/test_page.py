"""The page of a pull request, for people."""

from __future__ import annotations

from tests.standin.client import Shop, client, comment
from tests.standin.markdown import to_html


def page(shop: Shop) -> str:
    answer = client().get(f"{shop.github.git_url}/{shop.repository.full_name}/pull/{shop.pull.number}")
    assert answer.status_code == 200
    return answer.text


def test_comments_stand_below_their_lines(shop: Shop) -> None:
    shop.review(comment(20, body="**Why?**"), body="Two <b>files</b> <!-- marker -->")
    shown = page(shop)
    assert shown.index("+line 20, changed") < shown.index("<strong>Why?</strong>") < shown.index("line 21")
    assert "&lt;b&gt;files&lt;/b&gt;" in shown
    assert "marker" not in shown


def test_check_runs_tell_their_findings(shop: Shop) -> None:
    note = {"path": "a.js", "start_line": 2, "end_line": 3, "annotation_level": "warning", "message": "A < B"}
    shop.check(conclusion="failure", output={"title": "One problem", "summary": "# Look", "annotations": [note]})
    shown = page(shop)
    assert "One problem" in shown
    assert "<code>a.js:2-3</code>" in shown
    assert "A &lt; B" in shown


def test_a_suggestion_is_a_small_diff(shop: Shop) -> None:
    shop.review(comment(20, body="```suggestion\nline 20\n```"))
    shown = page(shop)
    assert '<span class="removed">- line 20, changed</span><span class="added">+ line 20</span>' in shown


def test_only_a_few_tags_are_kept() -> None:
    shown = to_html("<details><summary>More</summary>\n\n<sub>x</sub> <img src=x onerror=alert(1)>\n\n</details>")
    assert "<details><summary>More</summary>" in shown
    assert "<sub>x</sub> &lt;img src=x onerror=alert(1)&gt;" in shown


def test_an_unknown_page_is_not_found(shop: Shop) -> None:
    assert client().get(f"{shop.github.git_url}/{shop.repository.full_name}/pull/99").status_code == 404
