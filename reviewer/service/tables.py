"""The service's own tables. Their history is in ``migrations/versions``; a test holds the two together."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("guid", sa.String(100), primary_key=True),
    sa.Column("received_at", sa.Float, nullable=False, index=True),
)
repositories = sa.Table(
    "repositories",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("installation", sa.BigInteger, nullable=False, index=True),
    sa.Column("full_name", sa.Text, nullable=False),
)
pulls = sa.Table(
    "pulls",
    metadata,
    sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("installation", sa.BigInteger, nullable=False, index=True),
    sa.Column("generation", sa.BigInteger, nullable=False),  # counts the requests to review it, from a time on
    sa.Column("is_open", sa.Boolean, nullable=False),
    # The last review that came to an end; all null before it.
    sa.Column("head", sa.String(64), index=True),
    sa.Column("base_ref", sa.Text),
    sa.Column("conclusion", sa.String(20)),
    sa.Column("title", sa.Text),
    sa.Column("left_head", sa.String(64)),  # the head that was reviewed before this one
)
standing = sa.Table(
    "standing",  # what the newest check run of a head says; no row while that is not known
    metadata,
    sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("head", sa.String(64), primary_key=True),
    sa.Column("digest", sa.String(64), nullable=False),
)
said = sa.Table(
    "said",
    metadata,
    sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("fingerprint", sa.String(16), primary_key=True),
    sa.Column("rule", sa.String(100), nullable=False),
    sa.Column("gates", sa.Boolean, nullable=False),
    sa.Column("comment", sa.Integer, nullable=False),  # which comment of the pull request, counted from 1
)
writes = sa.Table(
    "writes",
    metadata,
    sa.Column("repository", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("generation", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("what", sa.String(100), primary_key=True),
    sa.Column("result", sa.BigInteger),  # null until GitHub answered
)
analyses = sa.Table(
    "analyses",
    metadata,
    sa.Column("installation", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("tree", sa.String(64), primary_key=True),
    sa.Column("config", sa.String(64), primary_key=True),
    sa.Column("engine", sa.String(64), primary_key=True),
    sa.Column("document", sa.LargeBinary, nullable=False),  # JSON, deflated
    sa.Column("used_at", sa.Float, nullable=False, index=True),
)
