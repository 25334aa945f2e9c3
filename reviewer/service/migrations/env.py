"""Runs migrations on the connection that ``database.migrate`` gives."""

from __future__ import annotations

from alembic import context

from reviewer.service.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table="reviewer_version",
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
