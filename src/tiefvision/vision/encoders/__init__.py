"""Encoders: an image in, one or more grids of cells out."""

from __future__ import annotations

from tiefvision.vision.encoders.cache import cache_folder
from tiefvision.vision.encoders.loading import SideBySide, copy_into, load
from tiefvision.vision.encoders.obtaining import (
    EncoderStatus,
    missing,
    networks_of,
    obtain,
    statuses,
)
from tiefvision.vision.encoders.protocol import Encoder, Part
from tiefvision.vision.encoders.recipes import NETWORKS, RECIPES
from tiefvision.vision.encoders.specification import parse

__all__ = [
    "NETWORKS",
    "RECIPES",
    "Encoder",
    "EncoderStatus",
    "Part",
    "SideBySide",
    "cache_folder",
    "copy_into",
    "load",
    "missing",
    "networks_of",
    "obtain",
    "parse",
    "statuses",
]
