"""`tiefvision triplets derive`: triplets from what a catalogue knows, without anybody's answers."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from tiefvision.errors import InvalidInput
from tiefvision.maths import triplets as maths
from tiefvision.maths.judging import triplet_gaps
from tiefvision.store import columns
from tiefvision.store.judgements import (
    DEFAULT_NAME,
    Group,
    Judgements,
    NewTriplet,
    Teaching,
)
from tiefvision.store.records import Attributes
from tiefvision.store.spaces import SearchSpace
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, counted, silent
from tiefvision.tasks.teaching.triplet_pool import MOST_PHOTOGRAPHS, compact_vectors, sides
from tiefvision.tasks.teaching.triplet_reading import usable_name
from tiefvision.teach import splits

# Triplets that are derived where nothing is said.
COUNT = 2_000

# Columns that an error shows, and how alike the one must be that it offers.
_MOST_SHOWN = 20
_ALIKE = 0.5


@dataclass(frozen=True, slots=True)
class DerivationReport:
    """What was derived.

    photographs: that it was drawn from, exact duplicates counted once; values: how many different
    ones their column `by` has. derived, mirrored: triplets that are new. unchanged: that were
    there already; contradictory: left out, because the catalogue holds their opposite. wrong: how
    many of the derived ones the current order gets wrong, where that was looked at. groups:
    photographs that now have one.
    """

    name: str
    by: str | None
    photographs: int
    values: int
    derived: int
    mirrored: int
    unchanged: int
    contradictory: int
    wrong: int | None
    groups: int
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Photographs:
    """Photographs to draw from, one for each content, by content id.

    values, within, apart: their texts in three columns; None where they have none.
    """

    contents: list[str] = field(default_factory=list[str])
    images: list[int] = field(default_factory=list[int])
    values: list[str | None] = field(default_factory=list[str | None])
    within: list[str | None] = field(default_factory=list[str | None])
    apart: list[str | None] = field(default_factory=list[str | None])


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What was asked for; the fields are the arguments of `derive_triplets`."""

    by: str | None
    within: str | None
    apart: str | None
    hard: bool
    count: int
    mirror: bool


def derive_triplets(
    by: str | None = None,
    *,
    catalogue: str | Path | None = None,
    within: str | None = None,
    apart: str | None = None,
    hard: bool = False,
    count: int = COUNT,
    mirror: bool = False,
    name: str = DEFAULT_NAME,
    seed: int = 0,
    progress: Progress = silent,
) -> DerivationReport:
    """Teach from attributes: those of one value are similar; or from mirror images; or both.

    by: the column that says what is similar. within: all three images of a triplet have one value
    of this column. apart: the anchor and the positive have different values of this one, such as a
    sender. hard: prefer what the current order gets wrong. count: how many triplets of either
    sort. mirror: also triplets of an image, itself mirrored, and the image most similar to it.
    name: of the ranker that shall learn them. seed: the same one draws the same triplets.

    All three images of a triplet lie on one side of the split by which rankers are judged. The
    groups of the name become those of the column `by`.

    Raises InvalidInput for a column that is not there or says nothing, NotReady for a catalogue
    without photographs, and NotFound where there is none.
    """
    own_name = usable_name(name)
    wanted = _Wanted(by, within, apart, hard, count, mirror)
    _check(wanted)
    with opened(catalogue) as shop:
        space = shop.search_space()
        _check_columns(shop, wanted)
        photographs, notes = _photographs(shop, space, wanted, progress)
        groups = None if by is None else _groups(by, photographs)
        drawing = _Drawing(shop, space, photographs, np.random.default_rng(seed), progress)
        drawing.draw(wanted)
        held = Judgements(shop.database)
        if groups is not None and held.groups(own_name).keys() - groups.keys():
            notes.append(f"the earlier groups of {own_name} were replaced")
        teachings = [
            Teaching(own_name, "derived", drawing.derived, groups=groups),
            Teaching(own_name, "mirrored", drawing.mirrored),
        ]
        derived, mirrored = held.add(teachings, now=time.time())
    if by is not None and len(drawing.derived) < count:
        notes.append(f"only {len(drawing.derived):,} different triplets by {by} were found")
    return DerivationReport(
        name=own_name,
        by=by,
        photographs=len(photographs.contents),
        values=len({value for value in photographs.values if value is not None}),
        derived=derived.added,
        mirrored=mirrored.added,
        unchanged=derived.duplicates + mirrored.duplicates,
        contradictory=derived.contradictions + mirrored.contradictions,
        wrong=drawing.wrong if hard and by is not None else None,
        groups=len(groups or ()),
        notes=notes,
    )


class _Drawing:
    """Draws triplets, side by side. wrong: how many of them the current order gets wrong."""

    def __init__(
        self,
        shop: Opened,
        space: SearchSpace,
        photographs: _Photographs,
        rng: np.random.Generator,
        progress: Progress,
    ) -> None:
        self._store = shop.vectors(space.cell_space)
        self._space = space
        self._photographs = photographs
        self._values = _codes(photographs.values)
        self._within = _codes(photographs.within)
        self._apart = _apart_codes(photographs.apart)
        self._rng = rng
        self._progress = progress
        self.derived: list[NewTriplet] = []
        self.mirrored: list[NewTriplet] = []
        self.wrong = 0

    def draw(self, wanted: _Wanted) -> None:
        """Draw the triplets that are wanted. Raises InvalidInput where there are none."""
        for members, share in sides(self._photographs.contents, self._photographs.apart):
            self._draw(members, share, wanted)
        if not self.derived and not self.mirrored:
            raise _nothing_derived(self._photographs, wanted)

    def _draw(self, members: Int64[np.ndarray, " m"], share: float, wanted: _Wanted) -> None:
        """Draw a share of the triplets that are still wanted from some of the photographs."""
        vectors = None
        if wanted.hard or wanted.mirror:
            members, vectors = self._vectors(members)
        if wanted.by is not None:
            count = round(share * (wanted.count - len(self.derived)))
            self._derive(members, count, vectors if wanted.hard else None)
        if wanted.mirror and vectors is not None:
            count = round(share * (wanted.count - len(self.mirrored)))
            self._mirror(members, count, vectors)

    def _vectors(
        self, members: Int64[np.ndarray, " m"]
    ) -> tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, "n length"]]:
        """Those of the photographs that have cells, with their vectors."""
        own = self._photographs
        photographs = [(own.contents[place], own.images[place]) for place in members.tolist()]
        found, vectors = compact_vectors(self._store, self._space, photographs, self._progress)
        return members[found], vectors

    def _derive(
        self,
        members: Int64[np.ndarray, " m"],
        count: int,
        vectors: Float32[np.ndarray, "m length"] | None,
    ) -> None:
        with self._progress("drawing triplets", None, unit="triplets") as advance:
            drawn = maths.derive(
                np.where(self._within[members] < 0, -1, self._values[members]),
                count=count,
                rng=self._rng,
                apart=self._apart[members],
                within=self._within[members],
                vectors=vectors,
            )
            advance(len(drawn))
        if vectors is not None:
            self.wrong += int((triplet_gaps(vectors, drawn) <= 0).sum())
        contents = self._photographs.contents
        self.derived += [
            NewTriplet(*(contents[place] for place in triplet))
            for triplet in members[drawn].tolist()
        ]

    def _mirror(
        self,
        members: Int64[np.ndarray, " m"],
        count: int,
        vectors: Float32[np.ndarray, "m length"],
    ) -> None:
        drawn = maths.derive_mirrored(vectors, count=count, rng=self._rng)
        contents = self._photographs.contents
        self.mirrored += [
            NewTriplet(contents[anchor], contents[anchor], contents[other], mirrored=True)
            for anchor, other in members[drawn[:, [0, 2]]].tolist()
        ]


def _photographs(
    shop: Opened, space: SearchSpace, wanted: _Wanted, progress: Progress
) -> tuple[_Photographs, list[str]]:
    """The photographs that have a value, and what should be known about them."""
    encodings = shop.encodings(space.cell_space)
    by, within = wanted.by, wanted.within
    found = _Photographs()
    with progress("reading attributes", encodings.count()) as advance:
        rows = counted(encodings.by_content(), advance)
        with_value = (each for each in _contents(rows) if by is None or _text(each[2], by))
        for content_id, image_id, attributes in islice(with_value, MOST_PHOTOGRAPHS):
            found.contents.append(content_id)
            found.images.append(image_id)
            found.values.append(_text(attributes, by))
            found.within.append("" if within is None else _text(attributes, within))
            found.apart.append(_text(attributes, wanted.apart))
        has_more = next(with_value, None) is not None
    told = (
        f"drawn from the {MOST_PHOTOGRAPHS:,} photographs with the smallest content ids; the "
        "catalogue has more"
    )
    return found, [told] if has_more else []


def _contents(
    rows: Iterator[tuple[str, int, Attributes]],
) -> Iterator[tuple[str, int, Attributes]]:
    """One row for each content: its first image, with what any of its copies says first."""
    for content_id, copies in groupby(rows, key=lambda row: row[0]):
        (_, image_id, first), *others = copies
        merged = dict(first)
        for _, _, attributes in others:
            merged |= {name: cell for name, cell in attributes.items() if merged.get(name) is None}
        yield content_id, image_id, merged


def _text(attributes: Attributes, column: str | None) -> str | None:
    """A cell as text; None where there is none."""
    value = None if column is None else attributes.get(column)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or value == "" else str(value)


def _check(wanted: _Wanted) -> None:
    if wanted.by is None and not wanted.mirror:
        raise InvalidInput(
            "nothing says what is similar",
            remedy="tiefvision triplets derive --by COLUMN, or --mirror, or both",
        )
    if wanted.by is None and (wanted.within is not None or wanted.hard):
        raise InvalidInput(
            "--within and --hard are for triplets by a column, and none is named",
            remedy="add --by COLUMN",
        )
    if wanted.count < 1:
        raise InvalidInput(f"count is {wanted.count}; expected at least 1")


def _check_columns(shop: Opened, wanted: _Wanted) -> None:
    named = [name for name in (wanted.by, wanted.within, wanted.apart) if name is not None]
    known = list(columns.read(shop.database))
    if named and not known:
        raise InvalidInput(
            "the catalogue has no attributes to derive triplets from",
            remedy="give its photographs some: tiefvision index PHOTOS --attributes FILE",
        )
    for column in named:
        if column not in known:
            near = difflib.get_close_matches(column, known, n=1, cutoff=_ALIKE)
            shown = ", ".join(known[:_MOST_SHOWN]) + (", ..." if len(known) > _MOST_SHOWN else "")
            raise InvalidInput(
                f"there is no column {column!r}; the columns are {shown}",
                remedy=f"did you mean {near[0]}?" if near else "",
            )


def _groups(by: str, photographs: _Photographs) -> dict[str, Group]:
    """The group of each photograph. Raises InvalidInput where all would have the same."""
    groups = {
        content_id: Group(value, apart or "")
        for content_id, value, apart in zip(
            photographs.contents, photographs.values, photographs.apart, strict=True
        )
        if value is not None
    }
    values = sorted({group.value for group in groups.values()})
    if len(values) < 2:
        has = f"only the value {values[0]!r}" if values else "no value"
        raise InvalidInput(
            f"the column {by} has {has}; what is similar shows only beside something different",
            remedy="name a column with two values or more: tiefvision status lists the columns",
        )
    return groups


def _codes(texts: Sequence[str | None]) -> Int64[np.ndarray, " n"]:
    """A number for each different text; -1 for none."""
    numbers: Mapping[str, int] = {
        text: number for number, text in enumerate(sorted({t for t in texts if t is not None}))
    }
    return np.array([-1 if text is None else numbers[text] for text in texts], np.int64)


def _apart_codes(texts: Sequence[str | None]) -> Int64[np.ndarray, " n"]:
    """A number for each different text, and one of its own for each that is none."""
    codes = _codes(texts)
    return np.where(codes < 0, len(codes) + np.arange(len(codes)), codes)


def _nothing_derived(photographs: _Photographs, wanted: _Wanted) -> InvalidInput:
    by, within, apart = wanted.by, wanted.within, wanted.apart
    takes = ["two photographs" if by is None else f"two photographs of one {by} and one of another"]
    if within is not None:
        takes.append(f"of one {within}")
    if apart is not None:
        takes.append(f"the two of different {apart}")
    drop = [f"--{option}" for option, of in (("within", within), ("apart", apart)) if of]
    return InvalidInput(
        f"no triplet can be drawn from {len(photographs.contents):,} photographs: each takes "
        f"{', '.join(takes)}, all on one of the {splits.FOLDS} sides by which rankers are judged",
        remedy="index more photographs" + (f", or leave out {' or '.join(drop)}" if drop else ""),
    )
