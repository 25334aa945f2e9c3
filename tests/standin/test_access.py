"""Who may ask the stand-in for what: JSON web tokens, installation tokens, headers, limits."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.standin import GitHub
from tests.standin.client import Shop, app_token, client, send

NOW = int(time.time())


def other_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_the_app_may_name_itself_by_id_or_client_id(github: GitHub) -> None:
    for issuer in (str(github.app.id), github.app.client_id):
        assert send(github, "GET", "/app", app_token(github, iss=issuer)).json()["slug"] == "reviewer"


@pytest.mark.parametrize(
    "claims",
    [{"exp": NOW + 9_000}, {"exp": NOW - 120}, {"iat": NOW + 9_000}, {"iss": "1"}, {"iat": "now"}, {"exp": "soon"}],
)
def test_bad_claims_are_refused(github: GitHub, claims: dict[str, Any]) -> None:
    assert send(github, "GET", "/app", app_token(github, **claims)).status_code == 401


def test_a_foreign_key_and_another_algorithm_are_refused(github: GitHub) -> None:
    symmetric = jwt.encode({"iat": NOW, "exp": NOW + 300, "iss": str(github.app.id)}, "x" * 32, algorithm="HS256")
    for token in (app_token(github, key=other_key()), symmetric, "a.b.c", "nonsense"):
        assert send(github, "GET", "/app", token).status_code == 401


def test_each_kind_of_token_has_its_own_operations(shop: Shop) -> None:
    assert shop.get("/app").status_code == 401
    assert send(shop.github, "GET", shop.path, app_token(shop.github)).status_code == 403
    assert send(shop.github, "GET", shop.path, None).status_code == 401


def test_a_token_is_long_has_dots_and_ends_after_an_hour(shop: Shop) -> None:
    token = shop.token
    assert token.startswith("ghs_")
    assert "." in token
    assert len(token) > 500
    shop.github.advance(3599)
    assert shop.get(shop.path).status_code == 200
    shop.github.advance(2)
    assert shop.get(shop.path).status_code == 401


def test_expired_tokens_are_refused(shop: Shop) -> None:
    assert shop.get(shop.path).status_code == 200
    shop.github.expire_tokens()
    assert shop.get(shop.path).json()["message"] == "Bad credentials"


def test_a_token_is_limited_to_the_repositories_asked(shop: Shop) -> None:
    other = shop.github.add_repository(f"{shop.repository.full_name}-other", shop.repository.path)
    shop.github.add_to_installation(shop.installation, other)
    answer = shop.mint(repository_ids=[shop.repository.id])
    shop.known = answer.json()["token"]
    assert [entry["id"] for entry in answer.json()["repositories"]] == [shop.repository.id]
    assert shop.get(shop.path).status_code == 200
    assert shop.get(f"/repos/{other.full_name}").status_code == 404
    listed = shop.get("/installation/repositories").json()
    assert [entry["full_name"] for entry in listed["repositories"]] == [shop.repository.full_name]


def test_a_token_for_a_foreign_repository_or_permission_is_refused(shop: Shop) -> None:
    assert shop.mint(repository_ids=[1]).status_code == 422
    assert shop.mint(repositories=["nowhere"]).status_code == 422
    assert shop.mint(permissions={"contents": "write"}).status_code == 422
    assert shop.mint(permissions={"statuses": "read"}).status_code == 422


def test_a_missing_permission_is_named(shop: Shop) -> None:
    shop.known = shop.mint(permissions={"pull_requests": "read"}).json()["token"]
    answer = shop.review()
    assert answer.status_code == 403
    assert answer.json()["message"] == "Resource not accessible by integration"
    assert answer.headers["X-Accepted-GitHub-Permissions"] == "pull_requests=write"


def test_a_withdrawn_permission_counts_at_once(shop: Shop) -> None:
    assert shop.get(f"{shop.path}/pulls").status_code == 200
    granted = dict(shop.github.app.permissions)
    shop.github.withdraw("pull_requests")
    try:
        assert shop.get(f"{shop.path}/pulls").status_code == 403
    finally:
        shop.github.app.permissions.update(granted)


def test_a_suspended_installation_is_refused(shop: Shop) -> None:
    shop.known = shop.token
    shop.github.suspend(shop.installation)
    for answer in (shop.mint(), shop.get(shop.path)):
        assert (answer.status_code, answer.json()["message"]) == (403, "This installation has been suspended")
    shop.github.unsuspend(shop.installation)
    assert shop.get(shop.path).status_code == 200


def test_a_removed_installation_is_gone(shop: Shop) -> None:
    shop.known = shop.token
    shop.github.uninstall(shop.installation)
    assert shop.mint().status_code == 404
    assert shop.get(shop.path).status_code == 401


def test_a_user_agent_is_needed(shop: Shop) -> None:
    answer = send(shop.github, "GET", shop.path, shop.token, {"User-Agent": ""})
    assert answer.status_code == 403
    assert "no User-Agent" in shop.github.violations.pop()


def test_the_version_of_the_api_is_checked(shop: Shop) -> None:
    wrong = send(shop.github, "GET", shop.path, shop.token, {"X-GitHub-Api-Version": "2020-01-01"})
    assert wrong.status_code == 400
    assert "unknown X-GitHub-Api-Version" in shop.github.violations.pop()
    client().get(f"{shop.github.api_url}{shop.path}", headers={"Authorization": f"token {shop.token}"})
    assert "no X-GitHub-Api-Version" in shop.github.violations.pop()


def test_other_forms_than_json_are_refused(shop: Shop) -> None:
    headers = {"Accept": "application/vnd.github.diff"}
    assert send(shop.github, "GET", shop.pull_path, shop.token, headers).status_code == 415
    assert "only JSON is known here" in shop.github.violations.pop()


def test_the_primary_limit_counts_and_refuses(shop: Shop) -> None:
    first, second = shop.get(shop.path), shop.get(shop.path)
    assert int(first.headers["X-RateLimit-Remaining"]) - int(second.headers["X-RateLimit-Remaining"]) == 1
    shop.github.rate_limit(shop.installation, remaining=1, reset_in=60)
    assert shop.get(shop.path).status_code == 200
    refused = shop.get(shop.path)
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert shop.get("/rate_limit").json()["rate"]["remaining"] == 0
    shop.github.advance(61)
    assert shop.get(shop.path).status_code == 200


@pytest.mark.parametrize(("retry_after", "status"), [(3, 403), (None, 429)])
def test_a_secondary_limit_refuses_for_a_while(shop: Shop, retry_after: int | None, status: int) -> None:
    shop.github.secondary_limit(shop.installation, retry_after, status=status)
    answer = shop.get(shop.path)
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == (str(retry_after) if retry_after else None)
    assert "secondary rate limit" in answer.json()["message"]
    shop.github.advance(61)
    assert shop.get(shop.path).status_code == 200
