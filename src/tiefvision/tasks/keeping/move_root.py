"""`tiefvision roots move`: photographs lie in another folder now, which is checked by content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound, UnreadableImage
from tiefvision.store import roots
from tiefvision.store.tables import images
from tiefvision.tasks.indexing.walk import as_path
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.vision import pixels


@dataclass(frozen=True, slots=True)
class MoveReport:
    """Photographs of a moved folder: how many hold the same bytes, other ones, or are missing."""

    old: str
    new: str
    same: int
    changed: int
    missing: int


def move_root(
    old: str | Path,
    new: str | Path,
    *,
    catalogue: str | Path | None = None,
    progress: Progress = silent,
) -> MoveReport:
    """Say that the photographs of a folder lie in another one, after reading every one there.

    Raises NotFound for a folder that is none of the catalogue's, Conflict for one that is another
    of its folders, and InvalidInput when no photograph of the old folder lies in the new one.
    """
    target = Path(new).expanduser().absolute()
    with opened(catalogue) as shop:
        known = {root.path: root for root in roots.each(shop.database)}
        source = str(old) if str(old) in known else str(Path(old).expanduser().absolute())
        if source in known and target.is_dir() and str(target) not in known:
            same, changed, missing = _compare(shop, known[source].id, target, progress)
            if not same and changed + missing:
                raise InvalidInput(
                    f"none of the {changed + missing} photographs of {source} lies in {target} "
                    "unchanged",
                    remedy=f"index it as another folder: tiefvision index {target}",
                )
        else:
            same = changed = missing = 0  # the move itself says what is wrong
        roots.move(shop.database, source, target)
        return MoveReport(source, str(target), same, changed, missing)


def _compare(shop: Opened, root_id: int, folder: Path, progress: Progress) -> tuple[int, int, int]:
    """How many of a root's photographs in a folder are the same, changed, and missing."""
    same = changed = missing = 0
    with progress("reading photographs", None) as advance:
        for image in shop.catalogue.each(where=images.c.root_id == root_id):
            if image.content_id is None or image.state == "deleting":
                continue
            try:
                data = pixels.file_bytes(folder / as_path(image.path), limits=shop.limits)
            except NotFound:
                missing += 1
            except UnreadableImage:
                changed += 1
            else:
                is_same = pixels.content_id(data) == image.content_id
                same, changed = same + is_same, changed + (not is_same)
            advance(1)
    return same, changed, missing
