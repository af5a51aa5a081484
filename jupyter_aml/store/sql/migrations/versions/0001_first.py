"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

STRING = sa.String().with_variant(sa.String(collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "attribute",
        sa.Column("run", STRING, primary_key=True),
        sa.Column("space", STRING, primary_key=True),
        sa.Column("key", STRING, primary_key=True),
        sa.Column("num", sa.Float()),
        sa.Column("txt", STRING),
    )
    op.create_index("attribute_by_num", "attribute", ["space", "key", "num", "run"])
    op.create_index("attribute_by_txt", "attribute", ["space", "key", "txt", "run"])
    op.create_table(
        "block",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("metric", sa.BigInteger(), nullable=False),
        sa.Column("view", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.Integer(), nullable=False),
        sa.Column("nonfinite", sa.Integer(), nullable=False),
        sa.Column("step_min", sa.BigInteger(), nullable=False),
        sa.Column("step_max", sa.BigInteger(), nullable=False),
        sa.Column("step_last", sa.BigInteger(), nullable=False),
        sa.Column("time_min", sa.Float(), nullable=False),
        sa.Column("time_max", sa.Float(), nullable=False),
        sa.Column("time_last", sa.Float(), nullable=False),
        sa.Column("low", sa.Float()),
        sa.Column("high", sa.Float()),
        sa.Column("last", sa.Float()),
        sa.Column("groups", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("block_by_metric", "block", ["metric", "id"])
    op.create_index("block_by_view", "block", ["view", "id"])
    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("who", STRING, nullable=False),
        sa.Column("verb", STRING, nullable=False),
        sa.Column("noun", STRING, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("experiment", TEXT, nullable=False),
        sa.Column("root", STRING, nullable=False),
        sa.Column("data", TEXT, nullable=False),
    )
    op.create_table(
        "chunk",
        sa.Column("text", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("chars", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "counter",
        sa.Column("name", STRING, primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "experiment",
        sa.Column("id", STRING, primary_key=True),
        sa.Column("key", STRING, nullable=False, unique=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("archived", sa.Float()),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_activity", sa.Float()),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", STRING, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("digest", STRING, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("media_type", STRING, nullable=False),
        sa.Column("origin", STRING, nullable=False),
    )
    op.create_index("file_by_origin", "file", ["origin", "id"])
    op.create_index("file_by_run", "file", ["run", "id"])
    op.create_table(
        "gone",
        sa.Column("run", STRING, primary_key=True),
    )
    op.create_table(
        "journal",
        sa.Column("id", STRING, primary_key=True),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
    )
    op.create_table(
        "metric",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", STRING, nullable=False),
        sa.Column("key", STRING, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("kind", STRING, nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last", TEXT, nullable=False),
        sa.Column("last_num", sa.Float()),
        sa.Column("min", sa.Float()),
        sa.Column("max", sa.Float()),
        sa.Column("first_time", sa.Float(), nullable=False),
        sa.Column("last_time", sa.Float(), nullable=False),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("origin", STRING, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("tail", sa.BigInteger(), nullable=False),
        sa.Column("tail_view", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.create_index("metric_by_last", "metric", ["key", "last_num", "run"])
    op.create_index("metric_by_max", "metric", ["key", "max", "run"])
    op.create_index("metric_by_min", "metric", ["key", "min", "run"])
    op.create_table(
        "run",
        sa.Column("id", STRING, primary_key=True),
        sa.Column("experiment", STRING, nullable=False),
        sa.Column("ghost", sa.Boolean(), nullable=False),
        sa.Column("type", STRING, nullable=False),
        sa.Column("status", STRING, nullable=False),
        sa.Column("parent", STRING),
        sa.Column("root", STRING, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("started", sa.Float()),
        sa.Column("ended", sa.Float()),
        sa.Column("duration", sa.Float()),
        sa.Column("user", STRING, nullable=False),
        sa.Column("host", STRING, nullable=False),
        sa.Column("owner", STRING, nullable=False),
        sa.Column("error", TEXT),
        sa.Column("snapshot", STRING),
        sa.Column("params", TEXT, nullable=False),
        sa.Column("tags", TEXT, nullable=False),
        sa.Column("properties", TEXT, nullable=False),
        sa.Column("details", TEXT, nullable=False),
        sa.Column("child_count", sa.Integer(), nullable=False),
    )
    op.create_index("run_by_created", "run", ["created", "id"])
    op.create_index("run_by_ended", "run", ["ended", "owner"])
    op.create_index("run_by_experiment", "run", ["experiment", "parent", "created", "id"])
    op.create_index("run_by_parent", "run", ["parent", "created", "id"])
    op.create_index("run_by_root", "run", ["root"])
    op.create_index("run_by_status", "run", ["status", "created", "id"])
    op.create_table(
        "setting",
        sa.Column("name", STRING, primary_key=True),
        sa.Column("value", TEXT, nullable=False),
    )
    op.create_table(
        "snapshot",
        sa.Column("id", STRING, primary_key=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "text",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", STRING, nullable=False),
        sa.Column("key", STRING, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("chars", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.execute("INSERT INTO counter (name, value) VALUES ('serial', 0)")
