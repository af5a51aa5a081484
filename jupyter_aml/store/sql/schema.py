"""Tables of the store, in the words of every database that SQLAlchemy speaks.

Text that an index holds is cut by `key` (databases limit an index entry); the whole text stands beside it.
JSON is text in ASCII: every value comes back as it went, NaN and lone surrogates included.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# PostgreSQL would sort by the rules of a language; SQLite sorts by code point.
String = String().with_variant(String(collation="C"), "postgresql")  # type: ignore[assignment,misc]
Text = Text().with_variant(Text(collation="C"), "postgresql")  # type: ignore[assignment,misc]

VERSION = "0003"
"""The newest migration. Numbers go up, so that a newer database is told from an older one without Alembic."""

metadata = MetaData()

setting = Table("setting", metadata, Column("name", String, primary_key=True), Column("value", Text, nullable=False))

counter = Table(
    "counter", metadata, Column("name", String, primary_key=True), Column("value", BigInteger, nullable=False)
)
"""One row, ``serial``: numbers of metrics, blocks, files and changes. Its lock puts all writers in one order."""

journal = Table(
    "journal", metadata,
    Column("id", String, primary_key=True),
    Column("applied", BigInteger, nullable=False),
    Column("time", Float, nullable=False),
    Column("scope", String, nullable=False, server_default=""),  # the run whose token alone may write to it
)  # fmt: skip

answer = Table(
    "answer", metadata,
    Column("name", String, primary_key=True),
    Column("request", String, nullable=False),
    Column("time", Float, nullable=False),
    Column("body", Text),
    Index("answer_by_time", "time"),
)  # fmt: skip
"""Requests that may come again, and what was answered (NULL while somebody is at it)."""

experiment = Table(
    "experiment", metadata,
    Column("id", String, primary_key=True),
    Column("key", String, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("archived", Float),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("run_count", Integer, nullable=False),
    Column("last_number", Integer, nullable=False),
    Column("last_activity", Float),
    Column("revision", BigInteger, nullable=False, server_default="0"),  # number of its last change in the feed
)  # fmt: skip

run = Table(
    "run", metadata,
    Column("id", String, primary_key=True),
    Column("experiment", String, nullable=False),
    Column("ghost", Boolean, nullable=False),  # spoken of before it was born (its birth is in another journal)
    Column("type", String, nullable=False),
    Column("status", String, nullable=False),
    Column("parent", String),
    Column("root", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created", Float, nullable=False),
    Column("started", Float),
    Column("ended", Float),
    Column("duration", Float),
    Column("user", String, nullable=False),
    Column("host", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("error", Text),
    Column("snapshot", String),
    Column("params", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("child_count", Integer, nullable=False),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Index("run_by_parent", "parent", "created", "id"),
    Index("run_by_experiment", "experiment", "parent", "created", "id"),
    Index("run_by_created", "created", "id"),
    Index("run_by_root", "root"),
    Index("run_by_status", "status", "created", "id"),
    Index("run_by_ended", "ended", "owner"),
)  # fmt: skip

gone = Table("gone", metadata, Column("run", String, primary_key=True))
"""Deleted runs: what is still on its way to them is dropped."""

attribute = Table(
    "attribute", metadata,
    Column("run", String, primary_key=True),
    Column("space", String, primary_key=True),  # params, tags, properties
    Column("key", String, primary_key=True),
    Column("num", Float),
    Column("txt", String),
    Index("attribute_by_num", "space", "key", "num", "run"),
    Index("attribute_by_txt", "space", "key", "txt", "run"),
)  # fmt: skip
"""A run's parameters, tags and properties once more, to filter and sort by."""

metric = Table(
    "metric", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("key", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("last", Text, nullable=False),
    Column("last_num", Float),
    Column("min", Float),
    Column("max", Float),
    Column("first_time", Float, nullable=False),
    Column("last_time", Float, nullable=False),
    Column("last_step", BigInteger),
    Column("origin", String, nullable=False),
    Column("description", Text, nullable=False),
    Column("tail", BigInteger, nullable=False),  # newest block, 0 for none
    Column("tail_view", BigInteger, nullable=False),
    UniqueConstraint("run", "key"),
    Index("metric_by_last", "key", "last_num", "run"),
    Index("metric_by_min", "key", "min", "run"),
    Index("metric_by_max", "key", "max", "run"),
)  # fmt: skip

block = Table(
    "block", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("metric", BigInteger, nullable=False),
    Column("view", BigInteger, nullable=False),  # the metric as its cell's run shows it, 0 for none
    Column("count", Integer, nullable=False),
    Column("numbers", Integer, nullable=False),
    Column("nonfinite", Integer, nullable=False),
    Column("step_min", BigInteger, nullable=False),
    Column("step_max", BigInteger, nullable=False),
    Column("step_last", BigInteger, nullable=False),
    Column("time_min", Float, nullable=False),
    Column("time_max", Float, nullable=False),
    Column("time_last", Float, nullable=False),
    Column("low", Float),
    Column("high", Float),
    Column("last", Float),
    Column("groups", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),  # stays last: summaries are read without it
    Index("block_by_metric", "metric", "id"),
    Index("block_by_view", "view", "id"),
)  # fmt: skip

file = Table(
    "file", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("time", Float, nullable=False),
    Column("media_type", String, nullable=False),
    Column("origin", String, nullable=False),
    Index("file_by_run", "run", "id"),
    Index("file_by_origin", "origin", "id"),
)  # fmt: skip

text = Table(
    "text", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("key", String, nullable=False),
    Column("path", Text, nullable=False),
    Column("chars", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("time", Float, nullable=False),
    UniqueConstraint("run", "key"),
)  # fmt: skip

chunk = Table(
    "chunk", metadata,
    Column("text", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # characters before it
    Column("chars", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)  # fmt: skip

snapshot = Table(
    "snapshot", metadata,
    Column("id", String, primary_key=True),
    Column("created", Float, nullable=False),
    Column("manifest", LargeBinary, nullable=False),
)  # fmt: skip

change = Table(
    "change", metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("time", Float, nullable=False),
    Column("who", String, nullable=False),
    Column("verb", String, nullable=False),
    Column("noun", String, nullable=False),
    Column("id", Text, nullable=False),
    Column("experiment", Text, nullable=False),
    Column("root", String, nullable=False),
    Column("data", Text, nullable=False),
)  # fmt: skip

asset = Table(
    "asset", metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("key", String, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("created", Float, nullable=False),
    Column("modified", Float, nullable=False),
    Column("archived", Float),
    Column("user", String, nullable=False),
    Column("run", String),
    Column("revision", Integer, nullable=False),
    Column("description", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("properties", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("files", Text, nullable=False),
    UniqueConstraint("kind", "key", "version"),
    Index("asset_by_run", "run"),
    Index("asset_by_hash", "kind", "key", "hash"),
)  # fmt: skip

asset_name = Table(
    "asset_name", metadata,
    Column("kind", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("last", Integer, nullable=False),
)  # fmt: skip
"""The highest version that a name ever had: a deleted version's number is not given again."""

asset_blob = Table(
    "asset_blob", metadata,
    Column("asset", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Index("asset_blob_by_digest", "digest"),
)  # fmt: skip
"""The contents that assets refer to."""

link = Table(
    "link", metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("run", String, nullable=False),
    Column("role", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("asset", String, nullable=False),
    Column("label", Text, nullable=False),
    Column("time", Float, nullable=False),
    Column("data", Text, nullable=False),
    Index("link_by_run", "run", "id"),
    Index("link_by_asset", "asset", "id"),
)  # fmt: skip
"""Lineage: which run read, wrote or registered which version of what."""

job = Table(
    "job", metadata,
    Column("run", String, primary_key=True),
    Column("target", String, nullable=False),
    Column("state", String, nullable=False),  # queued, claimed
    Column("priority", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("owner", String, nullable=False),
    Column("queued", Float, nullable=False),
    Column("beat", Float, nullable=False),
    Column("body", Text, nullable=False),
    Index("job_by_target", "target", "state", "priority", "seq"),
    Index("job_by_beat", "state", "beat"),
)  # fmt: skip
"""Runs that wait for a launcher, or that one has taken."""


def clean(text: str) -> str:
    """A name as a database can hold it: without NUL and lone surrogates (they become ``␀`` and ``�``)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\u2400").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def key(text: str) -> str:
    """A text as an index holds it: whole when short, else its beginning and its hash."""
    text = clean(text)
    if len(text) <= 200:
        return text
    return text[:160] + "…" + hashlib.sha256(text.encode()).hexdigest()[:32]
