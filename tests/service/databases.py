"""Fresh databases for tests: SQLite in a file, and PostgreSQL on a server of the tests' own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from reviewer.service.database import connect, migrate


def sqlite_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'reviewer.db'}"


@contextmanager
def database_on(server_url: str) -> Iterator[str]:
    """A database of its own on a PostgreSQL server, dropped at the end; its URL."""
    name = f"reviewer_{uuid.uuid4().hex}"
    server = connect(server_url, 1).execution_options(isolation_level="AUTOCOMMIT")
    with server.connect() as c:
        c.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as c:
            c.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@contextmanager
def migrated(url: str, pool_size: int = 8) -> Iterator[sa.Engine]:
    """An engine on a database with the service's tables."""
    engine = connect(url, pool_size)
    try:
        migrate(engine)
        yield engine
    finally:
        engine.dispose()
