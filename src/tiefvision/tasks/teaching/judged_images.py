"""What a ranker is taught with: judgements, and the stored cells of the images they name."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float16, Int64

from tiefvision.errors import InvalidInput, NotFound, NotReady
from tiefvision.maths.triplets import derive, mirrored_cells
from tiefvision.store import columns
from tiefvision.store.judgements import Group, Judgements, Pair, Triplet
from tiefvision.store.records import Image
from tiefvision.store.spaces import SearchSpace
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Progress
from tiefvision.teach import splits
from tiefvision.teach.rank_data import RankData

# Images that may take part, so that their cells fit into memory: half a gigabyte in the usual
# space. Judgements that name more are left out.
MOST_IMAGES = 20_000
# Triplets that are drawn from groups which came without any.
_DRAWN = 2_000
# The column that names kinds, where no other is named and it exists.
_KIND = "kind"
_FETCHED_AT_ONCE = 500
# Images that nobody judged, on which a head's channels are fitted too.
_UNJUDGED = 512


class Shown(NamedTuple):
    """A content as a judgement shows it."""

    content_id: str
    mirrored: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class JudgedImages:
    """Frozen judgements, and everything that a head is trained and judged on.

    images: of the positions in `data`. triplets, pairs: that were given and take part. left_out:
    given ones that name an image which is not indexed, or one too many.
    frozen: the dataset as JSON. kind_column: by which kinds are held out; None without kinds.
    """

    data: RankData
    images: Sequence[Image]
    triplets: int
    pairs: int
    left_out: int
    frozen: bytes
    kind_column: str | None

    @property
    def sha256(self) -> str:
        """The hexadecimal SHA-256 of the frozen dataset."""
        return hashlib.sha256(self.frozen).hexdigest()


def gather(
    shop: Opened,
    *,
    name: str,
    group_columns: Sequence[str] = (),
    kind_column: str | None = None,
    seed: int = 0,
    progress: Progress,
) -> JudgedImages:
    """The judgements of a name, with cells of the active cell space.

    group_columns: attributes, such as a sender, whose images are never torn apart by a split; none
    named: what the groups say. kind_column: the attribute whose whole values are held out; None:
    `kind` where there is one.
    Raises NotReady for an empty catalogue, NotFound for a name without judgements, InvalidInput
    for a column that is not there and where none of the images is indexed.
    """
    space = shop.search_space()
    kind_column = _known_columns(shop, group_columns, kind_column)
    part = _take_part(shop, space, name)
    plain = _data(shop, space, part, seed, progress)
    unjudged, others = _unjudged(shop, space, part)
    kinds = None if kind_column is None else _codes(_values(part.images, kind_column))
    with progress("looking for near duplicates", None):
        groups = _groups(plain, part, group_columns)
    data = replace(plain, kinds=kinds, groups=groups, others=others)
    return JudgedImages(
        data=data,
        images=part.images,
        triplets=len(part.triplets),
        pairs=len(part.pairs),
        left_out=part.left_out,
        frozen=_frozen(data, space, part, unjudged),
        kind_column=kind_column,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The judgements that take part. shown: their images; images: the same ones' rows."""

    shown: Sequence[Shown]
    images: Sequence[Image]
    triplets: Sequence[Triplet]
    pairs: Sequence[Pair]
    groups: Mapping[str, Group]
    left_out: int

    def classes(self) -> list[str | None]:
        """The value of each image's group. A mirror image has none: it would be no honest query,
        and its picture has one."""
        found = [(one, self.groups.get(one.content_id)) for one in self.shown]
        return [own.value if own and not one.mirrored else None for one, own in found]

    def apart(self) -> list[str | None]:
        """What each image's group says that it shares with others."""
        found = [self.groups.get(one.content_id) for one in self.shown]
        return [own.apart or None if own else None for own in found]


def _known_columns(shop: Opened, groups: Sequence[str], kind: str | None) -> str | None:
    """The column of kinds. Raises InvalidInput for a column that the catalogue does not have."""
    known = columns.read(shop.database)
    for column in [*groups, *([] if kind is None else [kind])]:
        if column not in known:
            near = difflib.get_close_matches(column, known, n=1)
            raise InvalidInput(
                f"there is no attribute {column!r}; there are: {', '.join(known) or 'none'}",
                remedy=f"did you mean {near[0]}?"
                if near
                else "add it from a file: tiefvision index --attributes FILE",
            )
    return _KIND if kind is None and _KIND in known else kind


def _take_part(shop: Opened, space: SearchSpace, name: str) -> _Part:
    """The judgements whose images are indexed, as many as there is room for.

    They come in the order of content ids, so that those left out are left out by chance.
    """
    held = Judgements(shop.database)
    triplets, pairs, groups = held.triplets(name), held.pairs(name), held.groups(name)
    if not (triplets or pairs or groups):
        named = [one.name for one in held.names()]
        near = difflib.get_close_matches(name, named, n=1)
        raise NotFound(
            f"nothing was judged for the ranker {name!r} yet"
            + (f"; there are judgements for: {', '.join(named)}" if named else ""),
            remedy=f"did you mean --name {near[0]}?"
            if near
            else "tiefvision triplets derive --by COLUMN makes triplets from an attribute, "
            "tiefvision triplets import FILE takes over yours",
        )
    ids = {one for each in triplets for one in (each.anchor, each.positive, each.negative)}
    ids |= {one for each in pairs for one in (each.first, each.second)} | groups.keys()
    twins = shop.encodings(space.cell_space).twins(sorted(ids))
    indexed = {content_id: images[0] for content_id, images in twins.items() if images}
    shown: dict[Shown, None] = {}

    def takes_part(some: Iterable[Shown]) -> bool:
        new = [one for one in dict.fromkeys(some) if one not in shown]
        if len(shown) + len(new) > MOST_IMAGES or any(o.content_id not in indexed for o in new):
            return False
        shown.update(dict.fromkeys(new))
        return True

    own_triplets = [one for one in sorted(triplets, key=_order) if takes_part(_of_triplet(one))]
    own_pairs = [one for one in pairs if takes_part((Shown(one.first), Shown(one.second)))]
    own_groups = {id_: own for id_, own in sorted(groups.items()) if takes_part((Shown(id_),))}
    if not shown:
        raise InvalidInput(
            f"none of the images that were judged for {name!r} is indexed",
            remedy="index them: tiefvision index PHOTOS",
        )
    left_out = len(triplets) - len(own_triplets) + len(pairs) - len(own_pairs)
    images = [indexed[one.content_id] for one in shown]
    return _Part(list(shown), images, own_triplets, own_pairs, own_groups, left_out)


def _order(triplet: Triplet) -> tuple[str, str, str, bool]:
    return triplet.anchor, triplet.positive, triplet.negative, triplet.mirrored


def _of_triplet(triplet: Triplet) -> tuple[Shown, Shown, Shown]:
    positive = Shown(triplet.positive, triplet.mirrored)
    return Shown(triplet.anchor), positive, Shown(triplet.negative)


def _data(shop: Opened, space: SearchSpace, part: _Part, seed: int, progress: Progress) -> RankData:
    """Everything apart from kinds and groups."""
    place = {one: number for number, one in enumerate(part.shown)}
    classes, apart = _codes(part.classes()), part.apart()
    others = _codes(apart, alone=True) if any(apart) else None
    given = [[place[one] for one in _of_triplet(each)] for each in part.triplets]
    triplets = np.array(given, np.int64).reshape(-1, 3)
    derived = np.array([each.source == "derived" for each in part.triplets], bool)
    anchor, positive, negative = classes[triplets].T
    derived &= (anchor >= 0) & (anchor == positive) & (negative >= 0) & (negative != anchor)
    if not derived.any() and (classes >= 0).any():
        drawn = _drawn(classes, others, triplets, seed)
        triplets = np.concatenate([triplets, drawn])
        derived = np.concatenate([derived, np.ones(len(drawn), bool)])
    pairs = [[place[Shown(each.first)], place[Shown(each.second)]] for each in part.pairs]
    data = RankData(
        cells=_cells(shop, space, part, progress),
        rows=space.cell_space.rows,
        cols=space.cell_space.cols,
        mean=space.mean,
        parts=space.cell_space.parts,
        triplets=triplets,
        derived=derived,
        pairs=np.array(pairs, np.int64).reshape(-1, 2),
        same=np.array([each.same for each in part.pairs], bool),
        groups=tuple(one.content_id for one in part.shown),
        classes=classes if (classes >= 0).any() else None,
        apart=others,
    )
    data.check()
    return data


def _drawn(
    classes: Int64[np.ndarray, " n"],
    apart: Int64[np.ndarray, " n"] | None,
    given: Int64[np.ndarray, "t 3"],
    seed: int,
) -> Int64[np.ndarray, "d 3"]:
    """Triplets of the classes about which nothing else was said."""
    drawn = derive(classes, count=_DRAWN, apart=apart, rng=np.random.default_rng(seed))
    said = {(a, frozenset((p, n))) for a, p, n in given.tolist()}
    new = [(a, frozenset((p, n))) not in said for a, p, n in drawn.tolist()]
    return drawn[np.array(new, bool)]


def _cells(
    shop: Opened, space: SearchSpace, part: _Part, progress: Progress
) -> Float16[np.ndarray, "n length"]:
    """The stored cells of the images, mirrored where a judgement shows them so."""
    own, store = space.cell_space, shop.vectors(space.cell_space)
    cells = np.empty((len(part.shown), own.cell_length), np.float16)
    with progress("reading cells", len(part.shown)) as advance:
        for start in range(0, len(part.shown), _FETCHED_AT_ONCE):
            images = part.images[start : start + _FETCHED_AT_ONCE]
            rows = store.fetch(sorted({image.id for image in images}))
            found = {key: row for row, key in enumerate(rows.keys)}
            for number, image in enumerate(images, start=start):
                key = None if image.found is None else image.found.key
                if key not in found:
                    raise NotReady(
                        f"{image.path} is just being indexed again",
                        remedy="train again when tiefvision index has ended",
                    )
                cells[number] = rows.cells[found[key]]
            advance(len(images))
    turned = np.array([one.mirrored for one in part.shown], bool)
    cells[turned] = mirrored_cells(cells[turned], rows=own.rows, cols=own.cols)
    return cells


def _unjudged(
    shop: Opened, space: SearchSpace, part: _Part
) -> tuple[list[str], Float16[np.ndarray, "m length"] | None]:
    """Some of the images that nobody judged, by content id, and their cells; None without any."""
    judged = {one.content_id for one in part.shown}
    encodings = shop.encodings(space.cell_space)
    smallest = encodings.smallest_content_ids(len(judged) + _UNJUDGED)
    ids = {image: content for content, image in smallest if content not in judged}
    chosen = list(ids)[:_UNJUDGED]
    if not chosen:
        return [], None
    rows = shop.vectors(space.cell_space).fetch(chosen)
    contents = [ids[key.image_id] for key in rows.keys]
    order = sorted(range(len(contents)), key=lambda row: contents[row])
    return [contents[row] for row in order], rows.cells[order]


def _groups(data: RankData, part: _Part, group_columns: Sequence[str]) -> tuple[str, ...]:
    """The key of each image's group: one content, its near duplicates, and what columns join."""
    clusters = splits.near_duplicates(
        data.vectors, len(part.shown), rows=data.rows, cols=data.cols
    ).tolist()
    ids = [one.content_id for one in part.shown]
    joined = [_values(part.images, column) for column in group_columns] or [part.apart()]
    return splits.group_keys(ids, ids, clusters, *joined)


def _values(images: Sequence[Image], column: str) -> list[str | None]:
    found = [image.attributes.get(column) for image in images]
    return [None if value is None else str(value) for value in found]


def _codes(values: Sequence[str | None], *, alone: bool = False) -> Int64[np.ndarray, " n"]:
    """A number for each value; None is -1, or with `alone` another one each time."""
    number = {
        value: code for code, value in enumerate(sorted({v for v in values if v is not None}))
    }
    return np.array(
        [
            number[value] if value is not None else len(number) + place if alone else -1
            for place, value in enumerate(values)
        ],
        np.int64,
    )


def _frozen(data: RankData, space: SearchSpace, part: _Part, unjudged: Sequence[str]) -> bytes:
    """Everything that decides what is learned, by content ids; the cells follow from these."""
    revisions = [image.found.box_revision if image.found else 0 for image in part.images]
    document: dict[str, object] = {
        "cell_space": space.cell_space.id,
        "search_space": space.id,
        "images": [
            [one.content_id, one.mirrored, revision]
            for one, revision in zip(part.shown, revisions, strict=True)
        ],
        "unjudged": list(unjudged),
        "groups": data.groups,
        "pairs": data.pairs.tolist(),
        "same": data.same.tolist(),
        "triplets": data.triplets.tolist(),
    }
    for name in ("classes", "apart", "kinds", "derived"):
        values: Bool[np.ndarray, " n"] | Int64[np.ndarray, " n"] | None = getattr(data, name)
        document[name] = None if values is None else values.tolist()
    return json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
