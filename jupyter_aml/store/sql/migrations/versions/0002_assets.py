"""Versions of named things, their lineage, and the queue of runs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "asset",
        sa.Column("id", STRING, primary_key=True),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("key", STRING, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("hash", STRING, nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("modified", sa.Float(), nullable=False),
        sa.Column("archived", sa.Float()),
        sa.Column("user", STRING, nullable=False),
        sa.Column("run", STRING),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("properties", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("files", TEXT, nullable=False),
        sa.UniqueConstraint("kind", "key", "version"),
    )
    op.create_index("asset_by_run", "asset", ["run"])
    op.create_index("asset_by_hash", "asset", ["kind", "key", "hash"])
    op.create_table(
        "asset_name",
        sa.Column("kind", STRING, primary_key=True),
        sa.Column("key", STRING, primary_key=True),
        sa.Column("last", sa.Integer(), nullable=False),
    )
    op.create_table(
        "asset_blob",
        sa.Column("asset", STRING, primary_key=True),
        sa.Column("digest", STRING, primary_key=True),
    )
    op.create_index("asset_blob_by_digest", "asset_blob", ["digest"])
    op.create_table(
        "link",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", STRING, nullable=False),
        sa.Column("role", STRING, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("asset", STRING, nullable=False),
        sa.Column("label", TEXT, nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("data", TEXT, nullable=False),
    )
    op.create_index("link_by_run", "link", ["run", "id"])
    op.create_index("link_by_asset", "link", ["asset", "id"])
    op.create_table(
        "job",
        sa.Column("run", STRING, primary_key=True),
        sa.Column("target", STRING, nullable=False),
        sa.Column("state", STRING, nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", STRING, nullable=False),
        sa.Column("queued", sa.Float(), nullable=False),
        sa.Column("beat", sa.Float(), nullable=False),
        sa.Column("body", TEXT, nullable=False),
    )
    op.create_index("job_by_target", "job", ["target", "state", "priority", "seq"])
    op.create_index("job_by_beat", "job", ["state", "beat"])
