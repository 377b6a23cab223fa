"""Acknowledgements for each cell space; boxes that people drew; trained models."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MOVED = ("box_left", "box_top", "box_right", "box_bottom", "box_source", "box_revision")
_ImageId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _add_state_of_cell_spaces()
    _move_encodings()
    op.create_table(
        "boxes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("left", sa.Float(), nullable=False),
        sa.Column("top", sa.Float(), nullable=False),
        sa.Column("right", sa.Float(), nullable=False),
        sa.Column("bottom", sa.Float(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_boxes")),
    )
    op.create_index(op.f("ix_boxes_content_id"), "boxes", ["content_id"])
    op.create_table(
        "models",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
    )
    op.create_table(
        "activations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("model_id", sa.String(length=64), nullable=True),
        sa.Column("activated_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_activations_model_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activations")),
    )


def _add_state_of_cell_spaces() -> None:
    op.add_column("cell_spaces", sa.Column("label", sa.String(), nullable=False, server_default=""))
    op.add_column(
        "cell_spaces",
        sa.Column("state", sa.String(length=16), nullable=False, server_default="retired"),
    )
    op.execute("UPDATE cell_spaces SET state = 'active' WHERE active")
    op.execute("ALTER TABLE cell_spaces DROP COLUMN active")


def _move_encodings() -> None:
    op.create_table(
        "encodings",
        sa.Column("cell_space_id", sa.String(length=16), nullable=False),
        sa.Column("image_id", _ImageId, nullable=False),
        sa.Column("content_id", sa.String(length=64), nullable=False),
        sa.Column("box_left", sa.Float(), nullable=False),
        sa.Column("box_top", sa.Float(), nullable=False),
        sa.Column("box_right", sa.Float(), nullable=False),
        sa.Column("box_bottom", sa.Float(), nullable=False),
        sa.Column("box_source", sa.String(length=16), nullable=False),
        sa.Column("box_confidence", sa.Float(), nullable=True),
        sa.Column("box_revision", sa.BigInteger(), nullable=False),
        sa.Column("attributes_revision", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["cell_space_id"], ["cell_spaces.id"], name=op.f("fk_encodings_cell_space_id")
        ),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_encodings_image_id")),
        sa.PrimaryKeyConstraint("cell_space_id", "image_id", name=op.f("pk_encodings")),
    )
    moved = ", ".join(_MOVED)
    op.execute(
        f"INSERT INTO encodings (cell_space_id, image_id, content_id, {moved}, "
        f"attributes_revision, version) SELECT cell_space_id, id, content_id, {moved}, "
        "attributes_revision, version FROM images "
        "WHERE state = 'indexed' AND cell_space_id IS NOT NULL"
    )
    op.create_index(
        op.f("ix_encodings_cell_space_id_version"), "encodings", ["cell_space_id", "version"]
    )
    op.create_index(op.f("ix_encodings_image_id"), "encodings", ["image_id"])
    op.drop_index(op.f("ix_images_version"), table_name="images")
    op.drop_index("ix_images_todo", table_name="images")
    for column in (*_MOVED, "cell_space_id", "version"):
        op.execute(f"ALTER TABLE images DROP COLUMN {column}")
