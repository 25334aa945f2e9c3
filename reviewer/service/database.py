"""Connections to SQLite or PostgreSQL, and bringing the tables up to date."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config as AlembicConfig

_MODERN_SQLITE = (3, 42)


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def connect(url: str, pool_size: int) -> sa.Engine:
    """An engine. On SQLite one that keeps what it commits through a loss of power, and waits for other writers."""
    if not is_sqlite(url):
        return sa.create_engine(_with_driver(url), pool_size=pool_size, max_overflow=0, pool_pre_ping=True)
    file = sa.make_url(url).database
    if file:
        Path(file).resolve().parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, pool_size=pool_size, max_overflow=0)
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _with_driver(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in ("postgres", "postgresql") else url


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = "IMMEDIATE"
    if sqlite3.sqlite_version_info < _MODERN_SQLITE:  # the job engine asks for 'subsec', which came with 3.42
        connection.create_function("unixepoch", -1, _unixepoch)
    for pragma in ("busy_timeout=30000", "foreign_keys=ON", "journal_mode=WAL", "synchronous=FULL"):
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
