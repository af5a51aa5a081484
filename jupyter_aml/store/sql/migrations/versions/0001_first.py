"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "attribute",
        sa.Column("run", sa.String(), primary_key=True),
        sa.Column("space", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("num", sa.Float()),
        sa.Column("txt", sa.String()),
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
        sa.Column("data", sa.LargeBinary(), nullable=False),
    )
    op.create_index("block_by_metric", "block", ["metric", "id"])
    op.create_index("block_by_view", "block", ["view", "id"])
    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("who", sa.String(), nullable=False),
        sa.Column("verb", sa.String(), nullable=False),
        sa.Column("noun", sa.String(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
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
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "experiment",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("archived", sa.Float()),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("run_count", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_activity", sa.Float()),
    )
    op.create_table(
        "file",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("origin", sa.String(), nullable=False),
    )
    op.create_index("file_by_origin", "file", ["origin", "id"])
    op.create_index("file_by_run", "file", ["run", "id"])
    op.create_table(
        "gone",
        sa.Column("run", sa.String(), primary_key=True),
    )
    op.create_table(
        "journal",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("applied", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
    )
    op.create_table(
        "metric",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.Text(), nullable=False),
        sa.Column("last_num", sa.Float()),
        sa.Column("min", sa.Float()),
        sa.Column("max", sa.Float()),
        sa.Column("first_time", sa.Float(), nullable=False),
        sa.Column("last_time", sa.Float(), nullable=False),
        sa.Column("last_step", sa.BigInteger()),
        sa.Column("origin", sa.String(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tail", sa.BigInteger(), nullable=False),
        sa.Column("tail_view", sa.BigInteger(), nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.create_index("metric_by_last", "metric", ["key", "last_num", "run"])
    op.create_index("metric_by_max", "metric", ["key", "max", "run"])
    op.create_index("metric_by_min", "metric", ["key", "min", "run"])
    op.create_table(
        "run",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("ghost", sa.Boolean(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("parent", sa.String()),
        sa.Column("root", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("started", sa.Float()),
        sa.Column("ended", sa.Float()),
        sa.Column("duration", sa.Float()),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("snapshot", sa.String()),
        sa.Column("params", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("properties", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
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
        sa.Column("name", sa.String(), primary_key=True),
        sa.Column("value", sa.Text(), nullable=False),
    )
    op.create_table(
        "snapshot",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("created", sa.Float(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "text",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("chars", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Float(), nullable=False),
        sa.UniqueConstraint("run", "key"),
    )
    op.execute("INSERT INTO counter (name, value) VALUES ('serial', 0)")
