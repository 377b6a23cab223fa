"""`tiefvision locate`: where a catalogue's locator sees the product in photographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound, UnreadableImage
from tiefvision.maths import boxes
from tiefvision.maths.boxes import Box
from tiefvision.tasks.opened import opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.ready_locator import wanted_locator
from tiefvision.tasks.showing.sheet import check_file, gallery, save
from tiefvision.tasks.showing.tiles import SheetTile
from tiefvision.vision import pixels
from tiefvision.vision.encoders import loading


@dataclass(frozen=True, slots=True)
class Located:
    """What was seen in one photograph.

    box: [left, top, right, bottom] in its pixels; all of it where nothing was found. box_source:
    model (a trained locator), guess (without training), whole (nothing found). confidence: in
    [0, 1]; votes: how many windows spoke for the box; None and 0 where nothing was found.
    """

    path: str
    width: int
    height: int
    box: list[float]
    box_source: str
    confidence: float | None
    votes: int


@dataclass(frozen=True, slots=True)
class LocateReport:
    """What was seen in each photograph. locator: fingerprint, None where none is used. refused:
    path, reason and remedy of files that are no images."""

    locator: str | None
    located: Sequence[Located]
    refused: Sequence[tuple[str, str, str]] = ()
    sheet: str | None = None


def locate(
    images: Sequence[str | Path],
    *,
    catalogue: str | Path | None = None,
    label: str = "",
    sheet: str | Path | None = None,
    progress: Progress = silent,
) -> LocateReport:
    """Look for the product in photographs as `index` does, without drawn boxes.

    sheet: also write a contact sheet with the boxes. Raises NotFound without a catalogue, and
    InvalidInput where a label has no locator or the sheet cannot be written.
    """
    if sheet is not None:
        check_file(sheet)
    located: list[Located] = []
    refused: list[tuple[str, str, str]] = []
    with opened(catalogue) as shop, progress("looking", len(images)) as advance:
        locator = wanted_locator(shop, label)
        if locator is None and label:
            raise InvalidInput(
                f"no locator looks for {label}",
                remedy=f"teach it: tiefvision train locator --label {label}",
            )
        # Decoded as `index` and `search` do: at another size the box would be a little different.
        encoder = loading.load(shop.settings.encoder.name, folders=(shop.home.encoders,))
        for image in images:
            try:
                seen = pixels.read(Path(image), side=encoder.side, limits=shop.limits)
            except (UnreadableImage, NotFound) as error:
                refused.append((str(image), error.message, error.remedy))
            else:
                found = None if locator is None else locator.locate(seen)
                whole = boxes.whole(seen.original_width, seen.original_height)
                located.append(
                    Located(
                        path=str(image),
                        width=seen.original_width,
                        height=seen.original_height,
                        box=(whole if found is None else found.box).as_list(),
                        box_source="whole" if locator is None or found is None else locator.source,
                        confidence=None if found is None else round(found.confidence, 4),
                        votes=0 if found is None else found.votes,
                    )
                )
            advance(1)
        fingerprint = None if locator is None else locator.fingerprint
        written = None
        if sheet is not None and located:
            tiles = [_tile(one) for one in located]
            written = str(save(sheet, gallery(tiles, limits=shop.limits)))
    return LocateReport(fingerprint, located, refused, written)


def _tile(seen: Located) -> SheetTile:
    heading = "nothing found"
    if seen.confidence is not None:
        heading = f"{seen.confidence:.2f}   {seen.votes} windows"
    return SheetTile(Path(seen.path), heading, Path(seen.path).name, Box(*seen.box))
