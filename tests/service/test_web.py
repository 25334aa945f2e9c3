"""What the web application answers."""

from __future__ import annotations

import hashlib
import hmac

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reviewer import __version__
from reviewer.github.events import Repository, ReviewWanted
from reviewer.resources import built_in_rulebook
from reviewer.service.signature import is_signed, signature_of
from reviewer.service.web import create_app
from tests.github.payloads import HEAD, INSTALLATION, REPOSITORY, installation, pull_request
from tests.service.serving import NEW, OLD, MemoryInbox, Service, answer, encoded, head, sign, status

OPENED = encoded(pull_request("opened"))
EVENT = ReviewWanted(INSTALLATION, Repository(REPOSITORY, "octo/shop"), 7, HEAD, "opened")


def test_the_documented_signature_is_understood() -> None:
    documented = b"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    signature = signature_of(documented)
    assert signature is not None
    assert is_signed(b"Hello, World!", signature, [b"It's a Secret to Everybody"])
    assert not is_signed(b"Hello, World?", signature, [b"It's a Secret to Everybody"])


@pytest.mark.parametrize("secrets", [[], [b""], [NEW, b""]])
def test_there_is_no_webhook_without_a_secret(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="without a secret"):
        create_app(MemoryInbox(), secrets, list)


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_signed_delivery_is_stored_once(service: Service, secret: bytes) -> None:
    first = service.deliver(OPENED, X_Hub_Signature_256=sign(OPENED, secret))
    assert (first.status_code, first.json()) == (202, {"status": "accepted", "delivery": "guid-1"})
    assert service.inbox.received == [("guid-1", EVENT)]
    again = service.deliver(OPENED)
    assert (again.status_code, again.json()) == (202, {"status": "duplicate", "delivery": "guid-1"})
    assert "server" not in first.headers


def test_the_inbox_never_runs_on_the_event_loop(service: Service) -> None:
    service.deliver(OPENED)
    assert len(service.inbox.threads) == 1
    assert all("AnyIO worker" in name for name in service.inbox.threads)


def test_what_the_inbox_does_not_want_is_ignored(service: Service) -> None:
    service.inbox.not_ours = True
    response = service.deliver(OPENED)
    assert (response.status_code, response.json()["status"]) == (202, "ignored")


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "sha256=",
        "sha256=" + "0" * 64,
        "sha256=" + "0" * 63,
        sign(OPENED).upper(),
        sign(OPENED).removeprefix("sha256="),
        sign(OPENED) + "\t0",
        sign(OPENED, b"somebody else's secret"),
        sign(OPENED + b" "),
        "sha1=" + hmac.new(NEW, OPENED, hashlib.sha1).hexdigest(),
    ],
)
def test_an_unsigned_delivery_is_refused_without_a_word(service: Service, signature: str | None) -> None:
    response = service.deliver(OPENED, X_Hub_Signature_256=signature)
    assert (response.status_code, response.json()) == (401, {"error": "unauthorized"})
    assert service.inbox.received == []


@pytest.mark.parametrize("lines", [["X-Hub-Signature-256: sha256=ä"], [f"X-Hub-Signature-256: {sign(OPENED)}"] * 2])
def test_a_signature_that_is_not_ascii_or_comes_twice_is_refused(service: Service, lines: list[str]) -> None:
    with service.connect() as client:
        client.sendall(head(len(OPENED), None, *lines) + OPENED)
        assert status(answer(client)) == 401
    assert service.log.troubles == []


def test_deliveries_are_logged(service: Service) -> None:
    service.deliver(OPENED)
    service.deliver(OPENED, X_Hub_Signature_256=sign(OPENED, b"somebody else's secret"))
    accepted, refused = service.log.lines
    context = {"delivery": "guid-1", "installation": INSTALLATION, "repository": "octo/shop", "head": HEAD}
    assert accepted.items() >= {"event": "delivery accepted", "kind": "pull_request", **context}.items()
    assert refused["event"] == "delivery refused"
    assert (refused["status"], refused["reason"]) == (401, "no secret of ours made the signature")
    assert (refused["client"], refused["delivery"]) == ("127.0.0.1", "guid-1")
    assert "repository" not in refused


@pytest.mark.parametrize(
    ("event", "body", "status", "word"),
    [
        ("ping", b'{"zen": "Design for failure."}', 200, "ok"),
        ("push", b"{}", 202, "ignored"),
        ("pull_request", encoded(pull_request("stacked")), 202, "ignored"),
        ("pull_request", encoded(pull_request("opened", sender="reviewer[bot]")), 202, "ignored"),
        ("pull_request", encoded(pull_request("opened", installation=None)), 202, "ignored"),
        ("installation", encoded(installation("created")), 202, "accepted"),
    ],
)
def test_every_event_has_an_answer(service: Service, event: str, body: bytes, status: int, word: str) -> None:
    response = service.deliver(body, event)
    assert (response.status_code, response.json()["status"]) == (status, word)
    assert len(service.inbox.received) == (word == "accepted")


DEEP = b'{"action": "opened", "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "invalid payload: the payload"),
        (b"{", "invalid payload: the payload"),
        (b"[]", "should be an object"),
        (b"\xff", "Invalid JSON"),
        (DEEP, "recursion limit"),
        (encoded(pull_request("opened", pull_request=None)), "invalid payload: pull_request:"),
        (encoded({"installation": {"id": 1}}), "invalid payload: action:"),
    ],
)
def test_a_body_that_cannot_be_used_is_refused_with_its_reason(service: Service, body: bytes, text: str) -> None:
    response = service.deliver(body)
    assert response.status_code == 400
    assert text in response.json()["error"]
    assert len(response.content) < 500


@pytest.mark.parametrize("name", ["X-GitHub-Event", "X-GitHub-Delivery"])
@pytest.mark.parametrize("value", [None, "", "x" * 101, "two words", "tab\tbed"])
def test_event_and_delivery_id_are_needed(service: Service, name: str, value: str | None) -> None:
    response = service.deliver(OPENED, **{name: value})
    assert response.status_code == 400
    assert name in response.json()["error"]


def test_event_and_delivery_id_come_once(service: Service) -> None:
    for line in ("X-GitHub-Event: ping", "X-GitHub-Delivery: guid-2"):
        with service.connect() as client:
            client.sendall(head(len(OPENED), sign(OPENED), line, "Connection: close") + OPENED)
            assert status(answer(client)) == 400
    assert service.inbox.received == []


def test_a_delivery_id_has_up_to_100_visible_characters(service: Service) -> None:
    assert service.deliver(OPENED, X_GitHub_Delivery="x" * 100).status_code == 202
    with service.connect() as client:
        wide = head(len(OPENED), sign(OPENED)).replace(b"guid-1", b"gu\xc3\xafd")
        client.sendall(wide.replace(b"Host: x", b"Host: x\r\nConnection: close") + OPENED)
        assert status(answer(client)) == 400


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "", None, "application/jsonp"])
def test_only_json_is_read(service: Service, kind: str | None) -> None:
    response = service.deliver(b"payload=%7B%7D", Content_Type=kind)
    assert response.status_code == 415
    assert "set the content type of the webhook to application/json" in response.json()["error"]


def test_json_may_name_its_charset(service: Service) -> None:
    assert service.deliver(OPENED, Content_Type="Application/JSON; charset=utf-8").status_code == 202


def test_a_store_that_is_unavailable_asks_to_try_again(service: Service) -> None:
    service.inbox.full = True
    response = service.deliver(OPENED)
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    assert "disk" not in response.text
    assert service.log.troubles == []


def test_a_fault_shows_nothing_of_the_inside(service: Service) -> None:
    service.inbox.broken = True
    response = service.deliver(OPENED)
    assert (response.status_code, response.json()) == (500, {"error": "this is a fault of the service"})
    (trouble,) = service.log.troubles
    assert "RuntimeError: a fault of the inbox" in trouble["exception"]
    assert trouble["delivery"] == "guid-1"


def test_health_is_told(service: Service) -> None:
    response = service.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "version": __version__})


def test_readiness_names_its_reasons(service: Service) -> None:
    assert service.get("/readyz").json() == {"status": "ready"}
    service.reasons.append("the database cannot be reached")
    response = service.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reasons": ["the database cannot be reached"]}
    assert service.get("/healthz").status_code == 200


def test_links_of_check_runs_lead_to_a_page_that_says_what_this_is(service: Service) -> None:
    response = service.get("/")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert all(f"<code>{id}</code>" in response.text for id in built_in_rulebook().rules)


@pytest.mark.parametrize("path", ["/webhook/", "/webhook/x", "/docs", "/healthz/", "//webhook", "/%2e%2e/etc"])
def test_there_are_no_other_pages(service: Service, path: str) -> None:
    assert service.get(path).status_code == 404


@pytest.mark.parametrize(("path", "method"), [("/webhook", "GET"), ("/webhook", "PUT"), ("/healthz", "POST")])
def test_there_are_no_other_methods(service: Service, path: str, method: str) -> None:
    response = service.get(path, method)
    assert response.status_code == 405
    assert response.headers["allow"]


TEXT = st.text(st.characters(codec="latin-1"), max_size=40)
VALUES = st.none() | st.integers() | st.text(max_size=5) | st.just({"id": 5})
MEMBERS = st.sampled_from(["action", "installation", "repository", "pull_request", "sender", "changes"])
DOCUMENTS = st.dictionaries(MEMBERS, VALUES).map(lambda some: encoded({**pull_request("opened"), **some}))
NAMES = st.sampled_from(["X-GitHub-Event", "X-GitHub-Delivery", "Content-Type", "X-Hub-Signature-256", "Expect", "X-A"])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200) | DOCUMENTS, extra=st.lists(st.tuples(NAMES, TEXT), max_size=4), signed=st.booleans()
)
def test_no_bytes_make_the_service_fail(
    service: Service, body: bytes, extra: list[tuple[str, str]], signed: bool
) -> None:
    lines = [f"{name}: {value}".encode("latin-1") for name, value in extra]
    with service.connect() as client:
        signature = sign(body) if signed else None
        plain = head(len(body), signature, "Connection: close").removesuffix(b"\r\n")
        client.sendall(b"".join([plain, *(line + b"\r\n" for line in lines), b"\r\n", body]))
        assert 200 <= status(answer(client)) < 500
    assert service.log.troubles == []


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=st.binary(min_size=1, max_size=300))
def test_no_bytes_on_a_connection_make_the_service_fail(service: Service, sent: bytes) -> None:
    with service.connect() as client:
        client.sendall(sent + b"\r\n\r\n")
        client.shutdown(1)
        got = answer(client)
    assert got == b"" or status(got) < 500
    assert service.log.troubles == []


def test_one_connection_serves_many_deliveries(service: Service) -> None:
    with httpx.Client(base_url=service.url, verify=False, trust_env=False) as client:  # noqa: S501  # plain HTTP
        for number in range(3):
            headers = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": f"g{number}", "Content-Type": "application/json"}
            response = client.post("/webhook", content=b"{}", headers={**headers, "X-Hub-Signature-256": sign(b"{}")})
            assert response.status_code == 200
    assert [line["delivery"] for line in service.log.lines] == ["g0", "g1", "g2"]
