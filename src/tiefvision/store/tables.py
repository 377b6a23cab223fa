"""The tables of the catalogue database, the truth of what is in a catalogue.

Migrations in `migrations/versions` create them; a test compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows by itself only where the key is an INTEGER.
_ImageId = BigInteger().with_variant(Integer(), "sqlite")

roots = Table(
    "roots",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", String, nullable=False, unique=True),
)

images = Table(
    "images",
    metadata,
    Column("id", _ImageId, primary_key=True),
    Column("root_id", ForeignKey("roots.id"), nullable=False),
    Column("path", String, nullable=False),
    # What the file was when it was last acknowledged.
    Column("content_id", String(64)),
    Column("file_bytes", BigInteger),
    Column("modified_ns", BigInteger),
    Column("width", Integer),
    Column("height", Integer),
    # pending (never acknowledged), indexed, refused, deleting (a tombstone).
    Column("state", String(16), nullable=False),
    Column("reason", String),
    Column("remedy", String),
    # The first image by root and path with the same content; None when this is it.
    Column("duplicate_of", _ImageId),
    Column("box_left", Float),
    Column("box_top", Float),
    Column("box_right", Float),
    Column("box_bottom", Float),
    Column("box_source", String(16)),
    Column("box_revision", Integer, nullable=False),
    Column("attributes", JSON, nullable=False),
    # Attributes that the next acknowledgement will carry; None when there is nothing new.
    Column("wanted_attributes", JSON(none_as_null=True)),
    Column("attributes_revision", Integer, nullable=False),
    # The cell space of the acknowledged vectors, and when they were acknowledged: the value of
    # the change counter, so that "what changed since" is one comparison.
    Column("cell_space_id", String(16)),
    Column("version", BigInteger, nullable=False),
    # Work to do: the file is new or changed, or its vectors are missing or stale.
    Column("todo", Boolean, nullable=False),
    # The run that last saw the file on disk.
    Column("seen_run", Integer, nullable=False),
    Column("vanished", Boolean, nullable=False),
    UniqueConstraint("root_id", "path"),
    Index(None, "content_id"),
    Index(None, "version"),
    Index("ix_images_todo", "id", sqlite_where=text("todo"), postgresql_where=text("todo")),
    # The id of a removed image is never given to another: callers keep ids.
    sqlite_autoincrement=True,
)

# Attribute columns and their types, in the order in which they came.
attribute_columns = Table(
    "attribute_columns",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("type", String(16), nullable=False),
)

cell_spaces = Table(
    "cell_spaces",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("active", Boolean, nullable=False),
)

search_spaces = Table(
    "search_spaces",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("cell_space_id", ForeignKey("cell_spaces.id"), nullable=False),
    Column("definition", JSON, nullable=False),
    # filling, active, retired. At most one is active.
    Column("state", String(16), nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("total", Integer, nullable=False),
    Column("done", Integer, nullable=False),
    Column("skipped", JSON, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("expires_at", Float, nullable=False),
)

# One row: the change counter of `images.version`.
counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
