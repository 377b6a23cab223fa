"""`tiefvision train locator --preview`: a picture of what a locator would learn from."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tiefvision.errors import TiefVisionError
from tiefvision.maths import windows
from tiefvision.tasks.locating.boxed_photographs import drawn_samples, locator_encoder
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.showing.sheet import gallery, save
from tiefvision.tasks.showing.tiles import TILE_WIDTH, SheetTile
from tiefvision.vision import pixels
from tiefvision.vision.locator_choices import LocatorChoices

if TYPE_CHECKING:
    from tiefvision.teach.samples import SampledWindow

# Windows of either kind in a preview.
_PREVIEWED = 20


@dataclass(frozen=True, slots=True)
class SamplePreview:
    """A picture of windows that the networks would learn from. dataset: SHA-256 of the boxes and
    contents that they were drawn from."""

    sheet: str
    label: str
    photographs: int
    dataset: str


def preview_samples(
    sheet: str | Path,
    *,
    catalogue: str | Path | None = None,
    label: str = "",
    choices: LocatorChoices | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> SamplePreview:
    """Draw some windows with the product and some without, as `train_locator` would learn from
    them; nothing is trained. Arguments and errors as there."""
    # torch takes seconds to import and belongs to the teach extra.
    from tiefvision.teach.samples import some_windows
    from tiefvision.teach.train_locator import shape_of

    looks = choices or LocatorChoices()
    with opened(catalogue) as shop:
        samples, photographs, _ = drawn_samples(
            shop, label, locator_encoder(shop, progress), looks, progress
        )
        shape = shape_of(samples, looks)
        sliding = np.concatenate([shape.sliding(grid) for grid in range(len(shape.grids))])
        rng = np.random.default_rng(seed)
        drawn = some_windows(samples, sliding, count=_PREVIEWED, rng=rng)
        files = {one.content_id: Path(one.file) for one in photographs}
        tiles = [_window_tile(shop, files[one.content_id], one) for one in drawn]
        title = "What is learned from: windows with the product, then windows without it"
        save(Path(sheet), gallery(tiles, title=title, limits=shop.limits))
        return SamplePreview(str(sheet), label, len(samples), samples.sha256)


def _window_tile(shop: Opened, file: Path, window: SampledWindow) -> SheetTile:
    """What lies in a window; where the photograph is gone, the name of its file."""
    kind = "product" if window.kind == windows.TARGET else "background"
    try:
        rgb = pixels.read(file, side=TILE_WIDTH * 2, limits=shop.limits).rgb
    except TiefVisionError:
        return SheetTile(file, kind, file.name)
    if window.mirror:
        rgb = rgb[:, ::-1]
    height, width = rgb.shape[:2]
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in window.edges)
    rows = slice(int(top * height), max(int(top * height) + 1, int(bottom * height)))
    cols = slice(int(left * width), max(int(left * width) + 1, int(right * width)))
    content = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb[rows, cols])).save(content, "PNG")
    return SheetTile(content.getvalue(), kind, file.name)
