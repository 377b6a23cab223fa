"""The tables of the catalogue database, the truth of what is in a catalogue.

Migrations in `migrations/versions` create them; a test compares the two.
"""

from __future__ import annotations

from typing import Any

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
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# The character that no text of PostgreSQL holds, and the private one that stands for it there, as
# walk.as_text has private characters for the bytes of names that are not UTF-8.
_NUL, _STORED_NUL = "\0", "\uf700"


class FreeText(TypeDecorator[str]):
    """Texts that people or files give, with any character that Unicode has. (Paths and ids, which
    are looked up most, never hold a NUL.)"""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace(_NUL, _STORED_NUL)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else value.replace(_STORED_NUL, _NUL)

    # SQLite holds a NUL as it is, and pays nothing for this.
    def bind_processor(self, dialect: Dialect) -> Any:
        return super().bind_processor(dialect) if dialect.name == "postgresql" else None

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:
        if dialect.name != "postgresql":
            return None
        return super().result_processor(dialect, coltype)


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
    Column("reason", FreeText),
    Column("remedy", FreeText),
    # The first image by root and path with the same content; None when this is it.
    Column("duplicate_of", _ImageId),
    Column("attributes", JSON, nullable=False),
    # Attributes that the next acknowledgement will carry; None when there is nothing new.
    Column("wanted_attributes", JSON(none_as_null=True)),
    Column("attributes_revision", Integer, nullable=False),
    # Work to do: the file is new or changed. What each cell space lacks is found by `encodings`.
    Column("todo", Boolean, nullable=False),
    # The run that last saw the file on disk.
    Column("seen_run", Integer, nullable=False),
    Column("vanished", Boolean, nullable=False),
    UniqueConstraint("root_id", "path"),
    Index(None, "content_id"),
    # The id of a removed image is never given to another: callers keep ids.
    sqlite_autoincrement=True,
)

# What was acknowledged of an image in a cell space: its vectors are written, at these revisions.
encodings = Table(
    "encodings",
    metadata,
    Column("cell_space_id", ForeignKey("cell_spaces.id"), primary_key=True),
    Column("image_id", ForeignKey("images.id"), primary_key=True),
    Column("content_id", String(64), nullable=False),
    Column("box_left", Float, nullable=False),
    Column("box_top", Float, nullable=False),
    Column("box_right", Float, nullable=False),
    Column("box_bottom", Float, nullable=False),
    # human, model, guess or whole.
    Column("box_source", String(16), nullable=False),
    # How sure the locator is, 0 to 1; None for boxes that no locator found.
    Column("box_confidence", Float),
    # The change number of the human boxes that it shows; 0 where there are none.
    Column("box_revision", BigInteger, nullable=False),
    Column("attributes_revision", Integer, nullable=False),
    # When it was acknowledged: the value of the change counter, so that "what changed since" is
    # one comparison.
    Column("version", BigInteger, nullable=False),
    Index(None, "cell_space_id", "version"),
    Index(None, "image_id"),
)

# Boxes that people drew, in pixels of the upright photograph. They belong to the content, so that
# exact duplicates share them.
boxes = Table(
    "boxes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_id", String(64), nullable=False),
    Column("label", FreeText, nullable=False),
    Column("left", Float, nullable=False),
    Column("top", Float, nullable=False),
    Column("right", Float, nullable=False),
    Column("bottom", Float, nullable=False),
    Column("created_at", Float, nullable=False),
    # The change number at which the boxes of its content last changed.
    Column("revision", BigInteger, nullable=False),
    Index(None, "content_id"),
)

# Trained models, by fingerprint; their weights lie in the catalogue's folder.
models = Table(
    "models",
    metadata,
    Column("id", String(64), primary_key=True),
    # locator or ranker.
    Column("kind", String(16), nullable=False),
    # A locator's label, a ranker's name; "" for the one that is used when none is named.
    Column("name", FreeText, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("report", JSON, nullable=False),
)

# Which model was made the active one, and when: the last row of a kind and name counts.
activations = Table(
    "activations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("name", FreeText, nullable=False),
    # None: no model from then on.
    Column("model_id", ForeignKey("models.id")),
    Column("activated_at", Float, nullable=False),
)

# Attribute columns and their types, in the order in which they came.
attribute_columns = Table(
    "attribute_columns",
    metadata,
    Column("position", Integer, primary_key=True),
    Column("name", FreeText, nullable=False, unique=True),
    Column("type", String(16), nullable=False),
)

cell_spaces = Table(
    "cell_spaces",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("definition", JSON, nullable=False),
    # What its boxes show; "" for the product, whatever it is.
    Column("label", FreeText, nullable=False),
    # filling (being made), active (queries use it), retired. Of each label at most one is active.
    Column("state", String(16), nullable=False),
)

search_spaces = Table(
    "search_spaces",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("cell_space_id", ForeignKey("cell_spaces.id"), nullable=False),
    Column("definition", JSON, nullable=False),
    # The name of the ranker that its cells went through; "" without one.
    Column("ranker", FreeText, nullable=False),
    # active or retired. At most one of each label and ranker is active.
    Column("state", String(16), nullable=False),
)

# Judgements belong to contents, so that exact duplicates share them, and what is indexed again
# keeps them. Their name is that of the ranker which is to learn them.
#
# source: people, asked (answers to questions), imported, derived (from attributes), mirrored.
# ranker: the id of the ranker that was active when it was taught; None without one.
triplets = Table(
    "triplets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", FreeText, nullable=False),
    Column("anchor", String(64), nullable=False),
    Column("positive", String(64), nullable=False),
    Column("negative", String(64), nullable=False),
    # The positive is shown mirrored: the anchor's own mirror image in free triplets.
    Column("mirrored", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("taught_at", Float, nullable=False),
    Column("ranker", String(64)),
    UniqueConstraint("name", "anchor", "positive", "negative", "mirrored"),
)

pairs = Table(
    "pairs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", FreeText, nullable=False),
    # The smaller content id comes first, so that a pair has one row.
    Column("first", String(64), nullable=False),
    Column("second", String(64), nullable=False),
    Column("same", Boolean, nullable=False),
    Column("source", String(16), nullable=False),
    Column("taught_at", Float, nullable=False),
    Column("ranker", String(64)),
    UniqueConstraint("name", "first", "second"),
)

# Triplets that were asked once more, to see how consistent the teacher is.
repeats = Table(
    "repeats",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("triplet_id", ForeignKey("triplets.id", ondelete="CASCADE"), nullable=False),
    Column("agreed", Boolean, nullable=False),
    Column("taught_at", Float, nullable=False),
)

# Contents that belong together, from a table of groups or derived from an attribute: those with one
# value are similar. Training compares every image of a batch by them, beyond the triplets.
groups = Table(
    "groups",
    metadata,
    Column("name", FreeText, primary_key=True),
    Column("content_id", String(64), primary_key=True),
    Column("value", FreeText, nullable=False),
    # Contents that share this, such as a sender, say nothing about similarity; "" for none.
    Column("apart", FreeText, nullable=False),
    # train, validation, or "" where the table does not say.
    Column("split", String(16), nullable=False),
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

# Long work that a server was asked for, each in a process of its own.
jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    # index, train-ranker, train-locator, activate or undo.
    Column("kind", String(16), nullable=False),
    Column("options", JSON, nullable=False),
    # waiting, running, done, failed, cancelled or interrupted.
    Column("state", String(16), nullable=False),
    Column("asked_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    # Whether somebody asked it to end.
    Column("cancel", Boolean, nullable=False),
    # The verb's report; or what went wrong and what to do.
    Column("outcome", JSON, nullable=False),
)

# How far a job was when.
job_events = Table(
    "job_events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("job_id", ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("at", Float, nullable=False),
    Column("stage", String, nullable=False),
    Column("done", Integer, nullable=False),
    Column("total", Integer),
    Column("unit", String(32), nullable=False),
    Column("note", String, nullable=False),
    Index(None, "job_id"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("expires_at", Float, nullable=False),
)

# One row: the change counter of encodings and boxes.
counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
