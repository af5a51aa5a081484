"""Revisions of runs and experiments, journals of a run's token, and answers to requests that come again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add them. What is there has revision 0 until it is changed."""
    for table in ("experiment", "run"):
        op.add_column(table, sa.Column("revision", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("journal", sa.Column("scope", STRING, nullable=False, server_default=""))
    op.create_table(
        "answer",
        sa.Column("name", STRING, primary_key=True),
        sa.Column("request", STRING, nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("body", TEXT),
    )
    op.create_index("answer_by_time", "answer", ["time"])
