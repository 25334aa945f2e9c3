"""What clients that are slow, rude or many can do."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from reviewer.service.body import MEGABYTE, Limits
from tests.github.payloads import pull_request
from tests.service.recording import Recording
from tests.service.serving import Service, answer, encoded, head, one_answer, serving, sign, status

OPENED = encoded(pull_request("opened"))
SHORT = Limits(body_seconds=0.3, head_seconds=0.3, idle_seconds=1)


@pytest.fixture(scope="module")
def hasty(recording: Recording) -> Iterator[Service]:
    with serving(recording, SHORT) as service:
        yield service


@pytest.fixture
def short(hasty: Service) -> Service:
    """A service with short time limits, its inbox empty, nothing logged."""
    hasty.inbox.received.clear()
    hasty.log.clear()
    return hasty


def eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 5
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@pytest.mark.parametrize("announced", [25 * MEGABYTE + 1, 10**19])
@pytest.mark.parametrize("signature", [None, "sha256=" + "0" * 64])
def test_a_body_announced_too_large_is_refused_before_it_is_sent(
    service: Service, signature: str | None, announced: int
) -> None:
    with service.connect() as client:
        client.sendall(head(announced, signature))
        assert status(answer(client)) == 413


def test_a_chunked_body_is_refused_when_it_gets_too_large(log: Recording) -> None:
    with serving(log, Limits(body_bytes=100_000)) as service, service.connect() as client:
        client.sendall(head(None, "sha256=" + "0" * 64) + chunk(b"x" * 50_000) + chunk(b"x" * 50_000))
        client.sendall(chunk(b"x"))
        assert status(answer(client)) == 413
        assert service.log.troubles == []


def test_a_body_of_the_largest_size_is_read(service: Service) -> None:
    body = OPENED + b" " * (25 * MEGABYTE - len(OPENED))
    assert service.deliver(body).status_code == 202
    assert service.inbox.received[0][0] == "guid-1"


def test_a_chunked_delivery_is_read(service: Service) -> None:
    with service.connect() as client:
        client.sendall(head(None, sign(OPENED), "Connection: close") + chunk(OPENED[:100]) + chunk(OPENED[100:]))
        client.sendall(b"0\r\n\r\n")
        assert status(answer(client)) == 202


def test_a_client_that_asks_first_is_told_to_go_on_or_not(service: Service) -> None:
    with service.connect() as client:
        client.sendall(head(len(OPENED), sign(OPENED), "Expect: 100-continue", "Connection: close"))
        assert client.recv(1000).startswith(b"HTTP/1.1 100")
        client.sendall(OPENED)
        assert status(answer(client)) == 202
    with service.connect() as client:
        client.sendall(head(len(OPENED), None, "Expect: 100-continue"))
        assert status(answer(client)) == 401


def test_a_body_that_does_not_arrive_is_waited_for_so_long(short: Service) -> None:
    with short.connect() as client:
        started = time.monotonic()
        client.sendall(head(len(OPENED), sign(OPENED)) + OPENED[:10])
        assert status(answer(client)) == 408
        assert 0.2 < time.monotonic() - started < 3
    assert (short.inbox.received, short.log.troubles) == ([], [])


def test_a_body_that_trickles_in_has_no_more_time(short: Service) -> None:
    with short.connect() as client:
        client.sendall(head(1000, sign(OPENED)))
        started = time.monotonic()
        for _ in range(100):
            try:
                client.sendall(b"{")
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(0.02)
        assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("reset", [False, True])
def test_a_client_that_goes_away_leaves_nothing(short: Service, reset: bool) -> None:
    client = short.connect()
    client.sendall(head(len(OPENED), sign(OPENED)) + OPENED[:-1])
    if reset:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    assert eventually(lambda: "the body is incomplete" in short.log.getvalue())
    assert (short.inbox.received, short.log.troubles) == ([], [])


@pytest.mark.parametrize("start", [b"", b"POST /webhook HTTP/1.1\r\nHost:", b"GET /healthz HTTP/1.1\r\nHost: x\r\n"])
def test_a_header_that_does_not_come_is_waited_for_so_long(short: Service, start: bytes) -> None:
    with short.connect() as client:
        started = time.monotonic()
        client.sendall(start)
        assert answer(client) == b""
        assert 0.2 < time.monotonic() - started < 3


def test_a_second_header_has_no_more_time_than_the_first(short: Service) -> None:
    with short.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert one_answer(client).startswith(b"HTTP/1.1 200")
        time.sleep(0.1)
        client.sendall(b"GET /heal")
        started = time.monotonic()
        assert answer(client) == b""
        assert time.monotonic() - started < 0.9


def test_a_connection_in_use_stays_open(short: Service) -> None:
    with short.connect() as client:
        for _ in range(6):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert one_answer(client).startswith(b"HTTP/1.1 200")
            time.sleep(0.08)


def test_a_header_is_not_read_without_end(service: Service) -> None:
    with service.connect() as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 40_000)
        assert status(answer(client)) == 400
    assert service.log.troubles == []


def test_nonsense_after_the_answer_ends_the_connection(service: Service) -> None:
    with service.connect() as client:
        client.sendall(b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert one_answer(client).startswith(b"HTTP/1.1 404")
        client.sendall(b"not a chunk\r\n\r\n")
        assert answer(client) == b""
    assert service.log.troubles == []


def test_requests_on_one_connection_are_answered_in_turn(service: Service) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with service.connect() as client:
        client.sendall(one + one + one.replace(b"Host: x", b"Host: x\r\nConnection: close"))
        assert answer(client).count(b"HTTP/1.1 200 OK") == 3


def test_idle_connections_keep_nobody_out(service: Service) -> None:
    with ExitStack() as idle:
        for _ in range(200):
            idle.enter_context(service.connect())
        assert service.deliver(OPENED).status_code == 202


def test_a_new_client_gets_the_place_of_the_most_silent_one(log: Recording) -> None:
    with serving(log, Limits(connections=5)) as service, ExitStack() as idle:
        clients = [idle.enter_context(service.connect()) for _ in range(5)]
        assert service.deliver(OPENED).status_code == 202
        assert answer(clients[0]) == b""
        clients[1].setblocking(False)
        with pytest.raises(BlockingIOError):
            clients[1].recv(1)


def test_large_bodies_wait_for_each_other_and_small_ones_do_not(log: Recording) -> None:
    limits = Limits(body_seconds=0.4, small_bytes=1000, large_bodies=1)
    large, signature = b"{" + b" " * 5000, "sha256=" + "0" * 64
    with serving(log, limits) as service, service.connect() as first, service.connect() as second:
        first.sendall(head(10_000, signature) + large)
        time.sleep(0.05)
        second.sendall(head(10_000, signature) + large)
        assert service.deliver(b"{}", "ping").status_code == 200
        refused = answer(second)
        assert status(refused) == 503
        assert b"retry-after: 30" in refused.lower()
        assert status(answer(first)) == 408
        assert service.deliver(OPENED + b" " * 5000).status_code == 202


def test_bodies_are_read_so_many_at_a_time(log: Recording) -> None:
    limits = Limits(body_seconds=0.4, bodies=1)
    with serving(log, limits) as service, service.connect() as first:
        first.sendall(head(1000, "sha256=" + "0" * 64))
        time.sleep(0.05)
        assert service.deliver(b"{}", "ping").status_code == 503
        assert status(answer(first)) == 408
        assert service.deliver(b"{}", "ping").status_code == 200
