"""Connections to SQLite or PostgreSQL, and bringing the tables up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig

_MODERN_SQLITE = (3, 42)


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def connect(url: str, pool_size: int, patience: int = 30) -> sa.Engine:
    """An engine that waits *patience* seconds for a connection, and on SQLite for other writers.

    What is committed to SQLite survives a loss of power.
    """
    limits = {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": patience}
    if not is_sqlite(url):
        return sa.create_engine(_with_driver(url), **limits, pool_pre_ping=True)
    file = sa.make_url(url).database
    if file:
        Path(file).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, **limits)
    sa.event.listen(engine, "connect", lambda connection, _: _prepare_sqlite(connection, patience))
    return engine


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _prepare_sqlite(connection: sqlite3.Connection, patience: int) -> None:
    connection.isolation_level = "IMMEDIATE"
    if sqlite3.sqlite_version_info < _MODERN_SQLITE:  # the job engine asks for 'subsec', which came with 3.42
        connection.create_function("unixepoch", -1, _unixepoch)
    for pragma in (f"busy_timeout={patience * 1000}", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}")


def _unixepoch(*arguments: str) -> float:
    return round(time.time(), 3) if "subsec" in arguments else int(time.time())


def migrate(engine: sa.Engine) -> None:
    """Brings the service's own tables up to date."""
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
