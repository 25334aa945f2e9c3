"""The first tables: deliveries, repositories, pull requests, check runs, comments, writes under way, analyses."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("guid", sa.String(100), primary_key=True),
        sa.Column("received_at", sa.Float, nullable=False, index=True),
    )
    op.create_table(
        "repositories",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("installation", sa.BigInteger, nullable=False, index=True),
        sa.Column("full_name", sa.Text, nullable=False),
    )
    _pulls()
    op.create_table(
        "standing",
        sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("head", sa.String(64), primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
    )
    op.create_table(
        "said",
        *_pull_key(),
        sa.Column("fingerprint", sa.String(16), primary_key=True),
        sa.Column("rule", sa.String(100), nullable=False),
        sa.Column("gates", sa.Boolean, nullable=False),
        sa.Column("comment", sa.Integer, nullable=False),
    )
    op.create_table(
        "writes",
        *_pull_key(),
        sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("what", sa.String(100), primary_key=True),
        sa.Column("result", sa.BigInteger),
    )
    op.create_table(
        "analyses",
        sa.Column("installation", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("tree", sa.String(64), primary_key=True),
        sa.Column("config", sa.String(64), primary_key=True),
        sa.Column("engine", sa.String(64), primary_key=True),
        sa.Column("document", sa.LargeBinary, nullable=False),
        sa.Column("used_at", sa.Float, nullable=False, index=True),
    )


def _pull_key() -> tuple[sa.Column[int], sa.Column[int]]:
    return (
        sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    )


def _pulls() -> None:
    op.create_table(
        "pulls",
        *_pull_key(),
        sa.Column("installation", sa.BigInteger, nullable=False, index=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("head", sa.String(64), index=True),
        sa.Column("base_ref", sa.Text),
        sa.Column("conclusion", sa.String(20)),
        sa.Column("title", sa.Text),
        sa.Column("left_head", sa.String(64)),
    )
