"""Webhooks as GitHub sends them: signed, complete, recorded, and sent again on request."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.standin import deliver
from tests.standin.client import Shop, app_token, comment, send


@dataclass
class Receiver:
    """What arrived at a hook, and the status it answers."""

    url: str
    status: int = 202
    pause: float = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[tuple[str, str | None]]:
        return [(headers["X-GitHub-Event"], json.loads(body).get("action")) for headers, body in self.got]


@pytest.fixture
def receiver(shop: Shop) -> Iterator[Receiver]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.got.append((dict(self.headers.items()), body))
            time.sleep(hook.pause)
            self.send_response(hook.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    hook = Receiver(f"http://127.0.0.1:{server.server_port}/webhook")
    thread = threading.Thread(target=lambda: server.serve_forever(0.01))
    thread.start()
    shop.github.webhook_url = hook.url
    yield hook
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_signature_is_githubs() -> None:
    signature = deliver.sign("It's a Secret to Everybody", b"Hello, World!")
    assert signature == "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_a_delivery_is_signed_and_named(shop: Shop, receiver: Receiver) -> None:
    delivery = shop.github.send_pull(shop.pull, "opened")
    [(headers, body)] = receiver.got
    expected = hmac.new(shop.github.app.webhook_secret.encode(), body, hashlib.sha256).hexdigest()
    assert headers["X-Hub-Signature-256"] == f"sha256={expected}"
    assert headers["X-GitHub-Delivery"] == delivery.guid
    assert headers["X-GitHub-Hook-Installation-Target-ID"] == str(shop.github.app.id)
    assert headers["User-Agent"].startswith("GitHub-Hookshot/")
    assert (delivery.status, json.loads(body)["installation"]["id"]) == (202, shop.installation.id)


def test_another_secret_makes_another_signature(shop: Shop, receiver: Receiver) -> None:
    other = "another"
    shop.github.deliver("ping", b'{"zen": "broken"', secret=other)
    [(headers, body)] = receiver.got
    assert body == b'{"zen": "broken"'
    assert headers["X-Hub-Signature-256"] == deliver.sign(other, body)


def test_a_redelivery_keeps_its_guid(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 500
    first = shop.github.ping()
    receiver.status = 200
    second = shop.github.redeliver(first)
    assert [first.status, second.status] == [500, 200]
    assert first.guid == second.guid
    assert receiver.got[0][1] == receiver.got[1][1]


def test_deliveries_are_listed_and_attempted_again_by_the_app(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 500
    lost = shop.github.send_pull(shop.pull, "reopened")
    token = app_token(shop.github)
    [told] = send(shop.github, "GET", "/app/hook/deliveries?per_page=1", token).json()
    assert (told["id"], told["event"], told["action"], told["status_code"]) == (
        lost.id,
        "pull_request",
        "reopened",
        500,
    )
    found = send(shop.github, "GET", f"/app/hook/deliveries/{lost.id}", token).json()
    assert found["request"]["payload"]["number"] == shop.pull.number
    receiver.status = 200
    assert send(shop.github, "POST", f"/app/hook/deliveries/{lost.id}/attempts", token).status_code == 202
    while shop.github.deliveries[-1].status is None:
        pass
    assert (shop.github.deliveries[-1].guid, shop.github.deliveries[-1].redelivery) == (lost.guid, True)


def test_a_delivery_nobody_takes_has_no_status(shop: Shop) -> None:
    shop.github.webhook_url = "http://127.0.0.1:9/webhook"
    assert shop.github.ping().status is None


def test_a_delivery_waits_no_longer_than_it_may(shop: Shop, receiver: Receiver) -> None:
    shop.github.patience = 0.05
    receiver.pause = 0.2
    try:
        assert shop.github.ping().status is None
    finally:
        shop.github.patience = 10


def test_every_event_of_a_pull_request_is_complete(shop: Shop, receiver: Receiver) -> None:
    github, pull = shop.github, shop.pull
    github.push(pull)
    github.to_draft(pull)
    github.ready(pull)
    github.label(pull, "skip")
    github.close(pull)
    github.reopen(pull)
    github.retarget(pull, "feature")
    github.comment(pull, "Hello")
    shop.known = shop.token
    shop.github.retarget(pull, "main", deliver=False)
    shop.review(comment(20))
    github.reply(github.comments(pull)[0], "Why?")
    assert receiver.events == [
        ("pull_request", "synchronize"),
        ("pull_request", "converted_to_draft"),
        ("pull_request", "ready_for_review"),
        ("pull_request", "labeled"),
        ("pull_request", "closed"),
        ("pull_request", "reopened"),
        ("pull_request", "edited"),
        ("issue_comment", "created"),
        ("pull_request_review_comment", "created"),
    ]
    edited = json.loads(receiver.got[6][1])
    assert edited["changes"]["base"]["ref"] == {"from": "main"}
    assert edited["pull_request"]["base"]["ref"] == "feature"


def test_events_of_checks_queues_and_pushes_are_complete(shop: Shop, receiver: Receiver) -> None:
    github, sha = shop.github, shop.pull.head_sha
    run = shop.check().json()["id"]
    github.rerequest_check_run(run)
    github.request_action(run, "fix")
    github.rerequest_check_suite(sha, shop.repository)
    github.request_check_suite(sha, shop.repository)
    group = github.enqueue(shop.pull)
    github.dequeue(shop.pull, group)
    github.send_push(shop.repository, "feature", shop.pull.base_sha, sha)
    assert [event for event, _ in receiver.events] == [
        *["check_run"] * 2,
        *["check_suite"] * 2,
        *["merge_group"] * 2,
        "push",
    ]
    assert group["head_ref"].startswith(f"refs/heads/gh-readonly-queue/main/pr-{shop.pull.number}-")
    found = shop.get(f"{shop.path}/compare/{group['base_sha']}...{group['head_sha']}").json()
    assert [file["filename"] for file in found["files"]] == ["a.js", "b.js"]


def test_events_of_installations_and_repositories_are_complete(shop: Shop, receiver: Receiver) -> None:
    github, installation = shop.github, shop.installation
    other = github.add_repository(f"{shop.repository.full_name}-other", shop.repository.path)
    github.send_installation(installation, "created")
    github.add_to_installation(installation, other)
    github.remove_from_installation(installation, other)
    github.suspend(installation)
    github.unsuspend(installation)
    github.accept_permissions(installation)
    github.rename(shop.repository, f"{shop.repository.full_name}-renamed")
    github.delete(shop.repository)
    github.uninstall(installation)
    assert [action for _, action in receiver.events] == [
        *("created", "added", "removed", "suspend", "unsuspend", "new_permissions_accepted"),
        *("renamed", "deleted", "deleted"),
    ]


def test_a_payload_that_is_not_githubs_is_a_violation(shop: Shop) -> None:
    shop.github.deliver("pull_request", {"action": "opened", "number": 1})
    assert "payload of pull_request" in shop.github.violations[0]
    shop.github.violations.clear()
    shop.github.deliver("pull_request", {"action": "stacked"})
