"""What people call similar; search spaces of named rankers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "search_spaces", sa.Column("ranker", sa.String(), nullable=False, server_default="")
    )
    op.create_table(
        "triplets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("anchor", sa.String(length=64), nullable=False),
        sa.Column("positive", sa.String(length=64), nullable=False),
        sa.Column("negative", sa.String(length=64), nullable=False),
        sa.Column("mirrored", sa.Boolean(), nullable=False),
        *_origin(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_triplets")),
        sa.UniqueConstraint(
            "name",
            "anchor",
            "positive",
            "negative",
            "mirrored",
            name=op.f("uq_triplets_name_anchor_positive_negative_mirrored"),
        ),
    )
    op.create_table(
        "pairs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("first", sa.String(length=64), nullable=False),
        sa.Column("second", sa.String(length=64), nullable=False),
        sa.Column("same", sa.Boolean(), nullable=False),
        *_origin(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pairs")),
        sa.UniqueConstraint("name", "first", "second", name=op.f("uq_pairs_name_first_second")),
    )
    op.create_table(
        "repeats",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("triplet_id", sa.Integer(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=False),
        sa.Column("taught_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["triplet_id"],
            ["triplets.id"],
            name=op.f("fk_repeats_triplet_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repeats")),
    )
    op.create_table(
        "groups",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("content_id", sa.String(length=64), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("apart", sa.String(), nullable=False),
        sa.Column("split", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("name", "content_id", name=op.f("pk_groups")),
    )


def _origin() -> tuple[sa.Column[str], sa.Column[float], sa.Column[str]]:
    return (
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("taught_at", sa.Float(), nullable=False),
        sa.Column("ranker", sa.String(length=64), nullable=True),
    )
