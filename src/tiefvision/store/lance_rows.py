"""Rows of vectors as Arrow tables, as the Lance datasets hold them, and back."""

# Arrow's arrays are generic in its stubs only.
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from jaxtyping import Float, Float16

from tiefvision.store.records import RowKey
from tiefvision.store.vectors import VectorRows

KEYS = ("image_id", "content_id", "box_revision", "attributes_revision")
_COMPACT = "vector_"


def compact_column(search_space_id: str) -> str:
    """The name of the column that holds a search space's compact vectors."""
    return f"{_COMPACT}{search_space_id}"


def search_spaces_of(columns: Iterable[str]) -> list[str]:
    """The search spaces whose compact vectors these columns hold."""
    return [name.removeprefix(_COMPACT) for name in columns if name.startswith(_COMPACT)]


def table_of(rows: VectorRows, schema: pa.Schema) -> pa.Table:
    """Rows as a table of a dataset's columns."""
    columns: dict[str, pa.Array] = {
        "image_id": pa.array([key.image_id for key in rows.keys], pa.int64()),
        "content_id": pa.array([key.content_id for key in rows.keys], pa.string()),
        "box_revision": pa.array([key.box_revision for key in rows.keys], pa.int32()),
        "attributes_revision": pa.array([key.attributes_revision for key in rows.keys], pa.int32()),
        "cells": vectors_column(rows.cells, rows.cells.shape[1]),
    }
    for space_id, compact in rows.compact.items():
        columns[compact_column(space_id)] = vectors_column(compact, compact.shape[1])
    for field in schema:
        if field.name not in columns:
            values = [attributes.get(field.name) for attributes in rows.attributes]
            columns[field.name] = _attribute_array(values, field.type)
    return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)


def _attribute_array(values: list[object], kind: pa.DataType) -> pa.Array:
    """Attribute values as an Arrow array; dates and times are ISO text in the catalogue."""
    if pa.types.is_temporal(kind):
        return pa.array(values, pa.string()).cast(kind)
    return pa.array(values, kind)


def vectors_column(matrix: Float[np.ndarray, "n length"], length: int) -> pa.Array:
    """Vectors as a float16 column of lists of one length."""
    flat = np.ascontiguousarray(matrix, dtype=np.float16).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat, pa.float16()), length)


def vectors_of(column: pa.Array, length: int) -> Float16[np.ndarray, "n length"]:
    """The vectors of such a column."""
    values = column.flatten()  # pyright: ignore[reportAttributeAccessIssue]
    return values.to_numpy(zero_copy_only=False).reshape(-1, length)


def row_keys(batch: pa.RecordBatch) -> list[RowKey]:
    """The key of each row."""
    columns = [batch.column(name).to_pylist() for name in KEYS]
    return [RowKey(*values) for values in zip(*columns, strict=True)]
