"""The page of a pull request, for people."""

from __future__ import annotations

from fixtures.materialise import git
from tests.helpers import commit
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


def test_annotations_stand_below_lines_of_the_diff_too(shop: Shop) -> None:
    note = {"path": "a.js", "start_line": 20, "end_line": 20, "annotation_level": "warning", "message": "Slow"}
    action = {"label": "Try again", "description": "Runs it again", "identifier": "again"}
    output = {"title": "One problem", "summary": "Look", "annotations": [note]}
    shop.check(conclusion="neutral", output=output, actions=[action])
    shown = page(shop)
    assert shown.count("Slow") == 2
    assert shown.index("+line 20, changed") < shown.rindex("Slow") < shown.index("line 21")
    assert "Try again" in shown


def test_the_first_page_links_every_pull_request(shop: Shop) -> None:
    shown = client().get(shop.github.git_url).text
    assert f'href="/{shop.repository.full_name}/pull/{shop.pull.number}"' in shown


def test_a_suggestion_is_a_small_diff(shop: Shop) -> None:
    shop.review(comment(20, body="```suggestion\nline 20\n```"))
    shown = page(shop)
    assert '<span class="removed">- line 20, changed</span><span class="added">+ line 20</span>' in shown


def test_every_comment_is_shown_somewhere(shop: Shop) -> None:
    on_file = {"path": "a.js", "commit_id": shop.pull.head_sha, "body": "All of it", "subject_type": "file"}
    shop.send("POST", f"{shop.pull_path}/comments", on_file)
    shop.review(comment(1, "b.js", body="Gone soon"), comment(40, side="LEFT", body="Removed"), body="")
    shop.github.reply(shop.github.comments(shop.pull)[2], "On purpose")
    folder = shop.repository.path
    git(folder, "checkout", "--quiet", "feature")
    commit(folder, {"b.js": "".join(f"row {number}\n" for number in range(2500))})
    shop.github.push(shop.pull)
    shop.review(comment(2400, "b.js", body="Far below"), body="")
    shown = page(shop)
    assert "501 more lines are not shown" not in shown
    assert "500 more lines are not shown" in shown
    for words in ("All of it", "Gone soon", "Removed", "On purpose", "Far below"):
        assert shown.count(words) == 1
    assert shown.index("Outdated") < shown.index("Gone soon") < shown.index("Files changed")


def test_only_a_few_tags_are_kept() -> None:
    shown = to_html("<details><summary>More</summary>\n\n<sub>x</sub> <img src=x onerror=alert(1)>\n\n</details>")
    assert "<details><summary>More</summary>" in shown
    assert "<sub>x</sub> &lt;img src=x onerror=alert(1)&gt;" in shown


def test_an_unknown_page_is_not_found(shop: Shop) -> None:
    assert client().get(f"{shop.github.git_url}/{shop.repository.full_name}/pull/99").status_code == 404
