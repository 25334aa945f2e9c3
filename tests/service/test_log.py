"""No secret and no forged line comes out of the log, whichever logger it went into."""

from __future__ import annotations

import base64
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.service.log import Format, bound, log_uncaught, logger
from reviewer.service.redact import REDACTED, Redactor, escaped
from tests.service.recording import Recording, recorded

HOOK = 'hook "secret" with \\ and ünïcode'
KEY_LINE = "MIIEowIBAAKCAQEAx5jVn8sQ2kYw0eKfGm3d7C1hUu9bXo4Zr6tPqLaS"
PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{KEY_LINE}\n{KEY_LINE[::-1]}\n-----END RSA PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxMjM0In0.c2lnbmF0dXJlLXdpdGgtZGFzaGVz_0"
OLD_TOKEN = "ghs_" + "A1b2" * 9
BASIC = base64.b64encode(f"x-access-token:{OLD_TOKEN}".encode()).decode()

# What must not be seen, and the text it stands in.
SECRETS = {
    "old token": (OLD_TOKEN, f"token {OLD_TOKEN} expired"),
    "new token": (JWT, f"got ghs_1234_{JWT} for 51"),
    "long token": ("x" * 1000, "ghs_99_" + "x" * 1000),
    "user token": ("0123456789abcdef0123", "ghu_0123456789abcdef0123"),
    "personal token": ("11ABCDEFG0abcdefghij_klmnop", "github_pat_11ABCDEFG0abcdefghij_klmnop"),
    "app token": (JWT, f"signed {JWT}!"),
    "key": (KEY_LINE, f"key: {PEM}"),
    "key on one line": (KEY_LINE, PEM.replace("\n", "\\n")),
    "key without an end": (KEY_LINE, PEM[:120]),
    "password in a URL": (OLD_TOKEN, f"https://x-access-token:{OLD_TOKEN}@github.com/o/r.git"),
    "opaque password in a URL": ("0p4que", "https://x-access-token:0p4que@github.com/o/r.git"),
    "database password": ("hunter2hunter2", "postgresql://reviewer:hunter2hunter2@db/reviewer"),
    "header": ("0paque-value", "Authorization: Custom 0paque-value"),
    "header in a dict": ("0paque-value", "{'Authorization': 'token 0paque-value', 'Accept': '*/*'}"),
    "header in JSON": ("0paque-value", '{"authorization": "0paque-value"}'),
    "header as a pair": ("0paque-value", "[(b'Authorization', b'Custom 0paque-value')]"),
    "basic": (BASIC, f"sent Basic {BASIC}"),
    "bearer": ("abcdefghijklmnop", "sent bearer abcdefghijklmnop"),
    "git's extra header": (BASIC, f"GIT_CONFIG_VALUE_0=AUTHORIZATION: basic {BASIC}"),
    "git's password": (BASIC, f"value {BASIC}"),
    "webhook secret": (HOOK, f"compared with {HOOK}"),
    "webhook secret in bytes": ('hook "secret" with \\\\ and \\xc3\\xbcn', f"{HOOK.encode()!r}"),
    "configured key's line": (KEY_LINE[::-1], f"line {KEY_LINE[::-1]}"),
}

Ways = Callable[[str], None]


def _as_value(text: str) -> None:
    logger("reviewer.test").info("happened", value=text)


def _as_event(text: str) -> None:
    logger("reviewer.test").warning(text)


def _in_structures(text: str) -> None:
    logger("reviewer.test").info("happened", value={"list": [text, (text,), {text}], text: 1, "raw": text.encode()})


def _in_an_object(text: str) -> None:
    logger("reviewer.test").info("happened", error=ValueError(text), path=type("P", (), {"__repr__": lambda _: text})())


def _in_context(text: str) -> None:
    with bound(job=text):
        logger("reviewer.test").info("happened")


def _in_an_exception(text: str) -> None:
    try:
        raise RuntimeError(text) from ValueError(text)
    except RuntimeError:
        logger("reviewer.test").exception("failed")


def _in_stdlib_arguments(text: str) -> None:
    logging.getLogger("dbos").warning("%s and %r", text, [text])


def _in_stdlib_message(text: str) -> None:
    logging.getLogger("uvicorn.error").error(text.replace("%", "%%"))


def _in_a_stdlib_exception(text: str) -> None:
    try:
        raise RuntimeError(text)
    except RuntimeError:
        logging.getLogger("alembic.runtime").exception("failed", stack_info=True)


WAYS = [
    *(_as_value, _as_event, _in_structures, _in_an_object, _in_context, _in_an_exception),
    *(_in_stdlib_arguments, _in_stdlib_message, _in_a_stdlib_exception),
]


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize("way", WAYS)
def test_no_secret_comes_out(format: Format, way: Ways) -> None:
    with recorded(format, [HOOK, PEM]) as log:
        for name, (secret, text) in SECRETS.items():
            log.clear()
            way(text)
            written = log.getvalue()
            forms = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]}
            assert not [form for form in forms if form in written], f"{name}: {written}"
            assert REDACTED in written, name


@pytest.mark.parametrize("name", ["token", "Authorization", "private_key", "webhook_secret", "X-Hub-Signature-256"])
def test_values_with_the_name_of_a_secret_are_not_written(log: Recording, name: str) -> None:
    logger("reviewer.test").info("happened", **{name: "short"}, headers={name.encode(): ["short"]})
    assert "short" not in log.getvalue()
    assert log.lines[0][name] == REDACTED


def test_harmless_text_is_left_alone(log: Recording) -> None:
    texts = [
        "ghs_short",
        "fetch https://github.com/o/r.git",
        "head " + "a" * 40,
        "eyJust a word",
        "authorization failed",
    ]
    for text in texts:
        logger("reviewer.test").info(text, number=5, ok=True, none=None, share=0.5)
    assert [line["event"] for line in log.lines] == texts
    assert log.lines[0].items() >= {"number": 5, "ok": True, "none": None, "share": 0.5}.items()


HOSTILE = "x\r\n2026-01-01T00:00:00Z error forged\x1b[2J\x85\u2028forged\u202egnp\x00"


@pytest.mark.parametrize("format", ["json", "text"])
@pytest.mark.parametrize("way", [_as_value, _as_event, _in_structures, _in_context, _in_stdlib_message])
def test_a_value_cannot_forge_a_line(format: Format, way: Ways) -> None:
    with recorded(format) as log:
        way(HOSTILE)
        written = log.getvalue()
    assert written.count("\n") == 1
    assert len(written.splitlines()) == 1
    assert written.rstrip("\n").isprintable()


def test_lines_of_an_exception_are_marked_as_such() -> None:
    with recorded("text") as log:
        _in_an_exception(HOSTILE)
    first, *rest = log.getvalue().removesuffix("\n").split("\n")
    assert " error    failed " in first
    assert all(line.startswith("    | ") and line.isprintable() for line in rest)
    assert any("RuntimeError: x" in line for line in rest)


def test_both_formats_say_time_level_event_and_values() -> None:
    with recorded("text") as text, bound(delivery="guid-1", installation=51, repository="octo/shop", head=None):
        logger("reviewer.test").info("delivery accepted", kind="pull_request", words="two words", equal="a=b")
    line = text.getvalue()
    assert line[4] == "-"
    assert line.split(" ")[0].endswith("Z")
    assert line.split(" ", 1)[1] == (
        'info     delivery accepted kind=pull_request words="two words" equal="a=b" delivery=guid-1 installation=51 '
        "repository=octo/shop logger=reviewer.test\n"
    ) or set(line.split(" ", 1)[1].split()) >= {"delivery=guid-1", "installation=51", "repository=octo/shop"}
    with recorded("json") as log:
        logger("reviewer.test").info("delivery accepted", kind="pull_request")
    (parsed,) = log.lines
    assert list(parsed)[:4] == ["timestamp", "level", "logger", "event"]
    assert parsed["timestamp"].endswith("Z")


@pytest.mark.parametrize("name", ["github.Requester", "dbos", "httpx", "urllib3.connectionpool"])
def test_talkative_libraries_are_heard_from_warnings_on(name: str) -> None:
    with recorded(level=logging.DEBUG) as log:
        library = logging.getLogger(name)
        before = library.level
        library.setLevel(logging.DEBUG)
        library.debug("token: 0paque")
        library.info("token: 0paque")
        library.warning("trouble")
        library.setLevel(before)
    assert [line["event"] for line in log.lines] == ["trouble"]


def test_dbos_finds_a_handler_and_adds_none_of_its_own() -> None:
    dbos = logging.getLogger("dbos")
    with recorded() as log:
        assert (len(dbos.handlers), dbos.propagate) == (1, False)
        dbos.warning("once")
    assert [line["event"] for line in log.lines] == ["once"]


def test_levels_are_kept(log: Recording) -> None:
    logger("reviewer.test").debug("details")
    logging.getLogger("anything").debug("details")
    logging.getLogger("anything").info("news")
    assert [(line["event"], line["logger"]) for line in log.lines] == [("news", "anything")]


def test_configuring_again_replaces_the_handler() -> None:
    with recorded() as first:
        with recorded() as second:
            logger("reviewer.test").info("once")
        logger("reviewer.test")
    assert (first.getvalue(), len(second.lines)) == ("", 1)


def test_a_record_that_cannot_be_formatted_is_named_without_its_values(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with recorded() as log:
        logging.getLogger("anything").error("%d things", "0paque")
    assert "0paque" not in log.getvalue()
    assert log.lines[0]["logger"] == "anything"
    assert "0paque" not in "".join(capsys.readouterr())


def test_an_object_without_a_description_does_not_stop_the_line() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no")

    endless: list[object] = []
    endless.append(endless)
    with recorded() as log:
        logger("reviewer.test").info("happened", odd=Odd(), endless=endless, long="y" * 100_000)
    (line,) = log.lines
    assert line["odd"] == "<Odd without a description>"
    assert len(line["long"]) < 25_000


@pytest.fixture
def hooks(log: Recording) -> Iterator[Recording]:
    before = sys.excepthook, threading.excepthook
    log_uncaught()
    yield log
    sys.excepthook, threading.excepthook = before


def test_what_nobody_caught_is_logged(hooks: Recording) -> None:
    def fail() -> None:
        raise RuntimeError(OLD_TOKEN)

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    error = RuntimeError(OLD_TOKEN)
    sys.excepthook(RuntimeError, error, None)
    assert [line["level"] for line in hooks.lines] == ["critical", "critical"]
    assert OLD_TOKEN not in hooks.getvalue()
    assert "RuntimeError: [redacted]" in hooks.lines[0]["exception"]


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "ghs_", "-----BEGIN A-----", "authorization:", "://a:", "basic ", "x-access-token:", " ", "\\", "a="],
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    started = time.perf_counter()
    Redactor([HOOK]).text(piece * (300_000 // len(piece)))
    assert time.perf_counter() - started < 1


@given(st.text())
def test_escaped_text_is_one_printable_line(text: str) -> None:
    line = escaped(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(char) < 32 or ord(char) == 127 for char in line)


@given(before=st.text(), after=st.text(), secret=st.sampled_from([OLD_TOKEN, HOOK, f"ghs_1_{JWT}"]))
def test_a_secret_is_found_wherever_it_stands(before: str, after: str, secret: str) -> None:
    assert secret not in Redactor([HOOK]).text(before + secret + after)
