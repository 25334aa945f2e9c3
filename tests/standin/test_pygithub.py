"""The stand-in serves the client library everybody uses."""

from __future__ import annotations

import github as pygithub

from tests.standin.client import Shop, comment


def client(shop: Shop) -> pygithub.Github:
    app = pygithub.Auth.AppAuth(shop.github.app.id, shop.github.app.private_key)
    return pygithub.Github(
        auth=app.get_installation_auth(shop.installation.id),
        base_url=shop.github.api_url,
        api_version="2022-11-28",
        seconds_between_requests=None,
        seconds_between_writes=None,
        retry=None,
    )


def test_a_review_from_token_to_list(shop: Shop) -> None:
    api = client(shop)
    repository = api.get_repo(shop.repository.full_name)
    pull = repository.get_pull(shop.pull.number)
    assert [file.filename for file in pull.get_files()] == ["a.js", "b.js"]
    run = repository.create_check_run("reviewer", pull.head.sha, status="in_progress", external_id="pr:1")
    run.edit(status="completed", conclusion="success", output={"title": "Fine", "summary": "Two files."})
    lazy = pygithub.Github(lazy=True).get_repo("x/y").get_commit(pull.head.sha)
    entry: pygithub.PullRequest.ReviewComment = {"path": "a.js", "line": 20, "side": "RIGHT", "body": "Why?"}
    review = pull.create_review(commit=lazy, body="Hello", event="COMMENT", comments=[entry])
    assert review.state == "COMMENTED"
    assert [(found.path, found.body) for found in pull.get_review_comments()] == [("a.js", "Why?")]
    assert [found.id for found in pull.get_reviews()] == [review.id]
    [found] = api.get_repo(shop.repository.full_name).get_pulls()
    assert found.number == shop.pull.number
    api.close()


def test_a_comment_is_hidden_and_an_installation_is_found(shop: Shop) -> None:
    shop.review(comment(20))
    app = pygithub.Auth.AppAuth(shop.github.app.id, shop.github.app.private_key)
    integration = pygithub.GithubIntegration(
        auth=app, base_url=shop.github.api_url, api_version="2022-11-28", seconds_between_requests=None
    )
    owner, name = shop.repository.full_name.split("/")
    assert integration.get_repo_installation(owner, name).id == shop.installation.id
    assert shop.installation.id in [found.id for found in integration.get_installations()]
    api = integration.get_github_for_installation(shop.installation.id)
    [found] = api.get_repo(shop.repository.full_name).get_pull(shop.pull.number).get_review_comments()
    inputs = {"subjectId": found.raw_data["node_id"], "classifier": "OUTDATED"}
    api.requester.graphql_named_mutation("minimizeComment", inputs, "minimizedComment { isMinimized }")
    assert [entry.minimized for entry in shop.github.comments(shop.pull)] == ["OUTDATED"]
    api.close()
    integration.close()
