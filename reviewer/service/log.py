"""Log lines: one form for everything that logs in the process, secrets taken out.

``configure`` sends structlog and the standard library's loggers (uvicorn, dbos, alembic, github) through one handler.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterable, Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, TextIO

import structlog
from structlog.contextvars import bound_contextvars, clear_contextvars, merge_contextvars
from structlog.stdlib import BoundLogger, LoggerFactory, ProcessorFormatter
from structlog.types import EventDict, Processor, WrappedLogger

from reviewer.service.redact import Redactor, escaped

Format = Literal["json", "text"]

# Below WARNING these write what nobody needs, or secrets: PyGithub at DEBUG logs the answer that holds a token.
PINNED = ("alembic", "github", "dbos", "httpx", "httpcore", "urllib3", "uvicorn")
_WITH_HANDLERS = ("uvicorn", "uvicorn.error", "uvicorn.asgi", "alembic", "sqlalchemy")
_PLAIN = re.compile(r"[^\s\"'=\\]+")
_FIRST = ("timestamp", "level", "logger", "event")


def logger(name: str) -> BoundLogger:
    """A logger; give it an event in plain words and the values by name."""
    found: BoundLogger = structlog.stdlib.get_logger(name)
    return found


def bound(**values: int | str | None) -> AbstractContextManager[None]:
    """Within, every line of this task or thread carries these values: delivery, installation, repository, head, job."""
    return bound_contextvars(**{name: value for name, value in values.items() if value is not None})


@contextmanager
def bound_job(**values: int | str | None) -> Iterator[None]:
    """Like ``bound``, in a thread that is used again: nothing that was bound before, or is bound within, stays."""
    clear_contextvars()
    try:
        with bound(**values):
            yield
    finally:
        clear_contextvars()


def configure(
    format: Format = "json",
    level: str | int = logging.INFO,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
) -> None:
    """Makes all logging go to *stream* (standard error) as lines of JSON or text, without secrets.

    *secrets* are texts that are replaced wherever they occur, beside everything that looks like a secret.
    """
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *_SHARED, ProcessorFormatter.wrap_for_formatter],
        logger_factory=LoggerFactory(),
        wrapper_class=BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(_formatter(format, Redactor(secrets)))
    handler.addFilter(_pinned)
    root = logging.getLogger()
    root.handlers[:] = [handler]  # another one would write what this one takes out
    root.setLevel(level)
    for name in PINNED:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _WITH_HANDLERS:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    dbos = logging.getLogger("dbos")  # it adds a handler of its own where it finds none
    dbos.handlers[:], dbos.propagate = [handler], False


def log_uncaught() -> None:
    """Sends what ends the process or a thread through the log, where secrets are taken out of its text."""
    log = logger("reviewer")

    def in_main(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("uncaught exception", exc_info=(kind, error, trace))

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            log.critical("uncaught exception in a thread", exc_info=(args.exc_type, args.exc_value, args.exc_traceback))

    sys.excepthook = in_main
    threading.excepthook = in_thread


_SHARED: tuple[Processor, ...] = (
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines. A record that cannot be formatted is named, without its values: they were not redacted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the name is logging's
        line = {"level": "error", "logger": record.name, "event": f"unloggable record from line {record.lineno}"}
        try:
            self.stream.write(json.dumps(line) + self.terminator)
        except (OSError, ValueError):
            return


def _formatter(format: Format, redactor: Redactor) -> ProcessorFormatter:
    def redacted(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        cleaned = redactor.value(dict(event))
        return cleaned if isinstance(cleaned, dict) else {}

    return ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            ProcessorFormatter.remove_processors_meta,
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            redacted,
            _json_line if format == "json" else _text_line,
        ],
    )


def _pinned(record: logging.LogRecord) -> bool:
    """False for what pinned libraries say below WARNING, even where a logger of theirs was given another level."""
    return record.levelno >= logging.WARNING or record.name.partition(".")[0] not in PINNED


def _ordered(event: MutableMapping[str, Any]) -> dict[str, Any]:
    first = {name: event[name] for name in _FIRST if name in event}
    return first | {name: value for name, value in event.items() if name not in first}


def _json_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    return json.dumps(_ordered(event))


def _text_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    """Time, level, event and values; an exception follows on lines that start with ``    | ``."""
    rest = _ordered(event)
    head = [str(rest.pop(name, "")) for name in _FIRST]
    blocks = [str(rest.pop(name)) for name in ("stack", "exception") if rest.get(name)]
    words = [escaped(head[0]), f"{escaped(head[1]):<8}", escaped(head[3])]
    words += [f"{_word(str(name))}={_word(value)}" for name, value in (*rest.items(), ("logger", head[2]))]
    lines = [f"    | {escaped(line)}" for block in blocks for line in block.split("\n")]
    return "\n".join([" ".join(words), *lines])


def _word(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = escaped(text)
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
