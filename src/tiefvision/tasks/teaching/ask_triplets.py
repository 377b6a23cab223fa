"""`tiefvision triplets ask`: the next questions that are worth a person's answer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64

from tiefvision.errors import InvalidInput, NotReady
from tiefvision.maths import questions as maths
from tiefvision.maths.questions import Reason
from tiefvision.store import photographs, registry
from tiefvision.store.judgements import DEFAULT_NAME, Group, Judgements, Triplet
from tiefvision.store.spaces import SearchSpace
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.tasks.searching.search import file_of
from tiefvision.tasks.showing import sheet
from tiefvision.tasks.showing.sheet import SheetRow
from tiefvision.tasks.showing.tiles import SheetTile
from tiefvision.tasks.teaching import question_sheet
from tiefvision.tasks.teaching.question_sheet import SheetLine
from tiefvision.tasks.teaching.triplet_pool import MOST_PHOTOGRAPHS, compact_vectors, sides
from tiefvision.tasks.teaching.triplet_reading import usable_name
from tiefvision.teach import splits

# Questions that are asked where nothing is said.
COUNT = 20
# One question in so many was answered before, to see how consistent the teacher is; none while
# fewer answers than LEAST_ANSWERED could be asked once more.
ONE_REPEAT_IN = 5
LEAST_ANSWERED = 5

_WORDS: Mapping[Reason, str] = {
    "disagreement": "with and without the ranker the order is another one",
    "new": "nothing was said about this photograph yet",
    "uncertain": "the order of the two is uncertain",
}


@dataclass(frozen=True, slots=True)
class QuestionImage:
    """A photograph of a question. path: its file."""

    path: str
    id: int
    content_id: str


@dataclass(frozen=True, slots=True)
class TripletQuestion:
    """Is the anchor more similar to the first or to the second?

    gap: by how much the first is the more similar one now, as a difference of mean cosines.
    reason: why it is asked, in words. repeat: it was answered before; its reason is that of
    another question, so that nobody who answers can tell.
    """

    anchor: QuestionImage
    first: QuestionImage
    second: QuestionImage
    gap: float
    reason: str
    repeat: bool = False

    @property
    def images(self) -> tuple[QuestionImage, QuestionImage, QuestionImage]:
        return self.anchor, self.first, self.second


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions in the order to ask them.

    name: of the ranker that shall learn the answers; ranked: whether it is the one whose order is
    asked about, else there is none yet. repeats: questions that were answered before.
    repeated, agreed: how many such ones were answered once more so far, and how many of these
    alike. out, sheet: the files written.
    """

    name: str
    ranked: bool
    questions: Sequence[TripletQuestion]
    repeats: int
    repeated: int
    agreed: int
    out: str | None = None
    sheet: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Pool:
    """Photographs to ask about. place: of each content id; images: their ids. untaught: vectors
    without a ranker, where the others are those of one."""

    place: Mapping[str, int]
    images: Sequence[int]
    vectors: Float32[np.ndarray, "n length"]
    untaught: Float32[np.ndarray, "n _length"] | None


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question by places in the pool; no reason for one that was answered before."""

    places: tuple[int, int, int]
    reason: Reason | None = None


def ask_triplets(
    count: int = COUNT,
    *,
    catalogue: str | Path | None = None,
    name: str = DEFAULT_NAME,
    out: str | Path | None = None,
    sheet_file: str | Path | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Questions:
    """Choose questions whose answers teach much: the anchor is about as similar to either
    candidate, these differ from each other, and little was said about the anchor. All three images
    of a new one lie on one side of the split by which rankers are judged.

    name: of the ranker that shall learn the answers; its present order is asked about. out: a CSV
    sheet to fill in, for `answer_triplets`. sheet_file: a picture of the questions. seed: the same
    one asks the same questions; None: others each time.

    Raises InvalidInput where nothing can be asked, NotReady for a catalogue without photographs,
    NotFound where there is none, and Conflict where the file `out` exists.
    """
    own_name = usable_name(name)
    if count < 1:
        raise InvalidInput(f"count is {count}; expected at least 1")
    target = None if out is None else question_sheet.check_sheet(out)
    picture = None if sheet_file is None else sheet.check_file(sheet_file).absolute()
    rng = np.random.default_rng(seed)
    with opened(catalogue) as shop:
        chosen = next_questions(shop, count, name=own_name, rng=rng, progress=progress)
        if target is not None:
            _write(target, chosen.questions, shop, own_name)
        if picture is not None:
            sheet.write_sheet(picture, _rows(chosen.questions), limits=shop.limits)
    return replace(
        chosen,
        out=None if target is None else str(target),
        sheet=None if picture is None else str(picture),
    )


def next_questions(
    shop: Opened,
    count: int,
    *,
    name: str,
    rng: np.random.Generator,
    progress: Progress = silent,
) -> Questions:
    """As `ask_triplets`, of an open catalogue and a name in its one form; no file is written."""
    space = _space(shop, name)
    held = Judgements(shop.database)
    triplets = held.triplets(name)
    again = _again(shop, space, triplets, count // ONE_REPEAT_IN, rng)
    pool, notes = _pool(shop, space, again, progress)
    asked = [one for each in again if (one := _repeat(each, pool, rng))]
    with progress("choosing questions", None, unit="questions"):
        asked += _new(pool, triplets, held.groups(name), count - len(asked), rng)
    if not asked:
        raise _nothing_to_ask(pool)
    if len(asked) < count:
        notes.append(f"only {len(asked):,} questions worth asking were found")
    found = _questions(shop, space, pool, asked, rng)
    agreed, repeated = held.consistency(name)
    return Questions(
        name,
        space.ranker is not None,
        found,
        sum(each.repeat for each in found),
        repeated,
        agreed,
        notes=notes,
    )


def _space(shop: Opened, name: str) -> SearchSpace:
    """The space that answers for a ranker; the base where there is none."""
    own = registry.active_search_spaces(shop.database).get(name)
    if own is None:
        return shop.search_space()
    return registry.search_space(shop.database, shop.home, own)


def _again(
    shop: Opened,
    space: SearchSpace,
    triplets: Sequence[Triplet],
    count: int,
    rng: np.random.Generator,
) -> list[Triplet]:
    """Triplets that people gave, all of whose images can be shown, to ask once more."""
    given = [each for each in triplets if each.source in ("people", "asked") and not each.mirrored]
    ids = sorted({id_ for each in given for id_ in _contents(each)})
    twins = shop.encodings(space.cell_space).twins(ids)
    shown = [each for each in given if all(twins[id_] for id_ in _contents(each))]
    if len(shown) < LEAST_ANSWERED:
        return []
    chosen = rng.choice(len(shown), min(count, len(shown)), replace=False)
    return [shown[place] for place in chosen.tolist()]


def _contents(triplet: Triplet) -> tuple[str, str, str]:
    return triplet.anchor, triplet.positive, triplet.negative


def _pool(
    shop: Opened, space: SearchSpace, again: Sequence[Triplet], progress: Progress
) -> tuple[_Pool, list[str]]:
    """The photographs with the smallest content ids, and those that are asked about once more;
    with what should be known about them."""
    encodings = shop.encodings(space.cell_space)
    smallest = encodings.smallest_content_ids(MOST_PHOTOGRAPHS + 1)
    wanted = dict(smallest[:MOST_PHOTOGRAPHS])
    missing = sorted({id_ for each in again for id_ in _contents(each)} - wanted.keys())
    wanted |= {id_: own[0].id for id_, own in encodings.twins(missing).items() if own}
    if not wanted:
        raise NotReady("no photograph is indexed yet", remedy="index some: tiefvision index PHOTOS")
    store, listed = shop.vectors(space.cell_space), list(wanted.items())
    found, vectors = compact_vectors(store, space, listed, progress)
    own = [listed[place] for place in found.tolist()]
    place = {content_id: number for number, (content_id, _) in enumerate(own)}
    told = (
        f"chosen among the {MOST_PHOTOGRAPHS:,} photographs with the smallest content ids; the "
        "catalogue has more"
    )
    notes = [told] if len(smallest) > MOST_PHOTOGRAPHS else []
    untaught = None
    if space.ranker is not None:
        untaught = compact_vectors(store, shop.search_space(), own, progress)[1]
    return _Pool(place, [image_id for _, image_id in own], vectors, untaught), notes


def _repeat(triplet: Triplet, pool: _Pool, rng: np.random.Generator) -> _Asked | None:
    """A triplet as a question, its candidates in any order; None where one has no vectors."""
    places = [pool.place.get(id_, -1) for id_ in _contents(triplet)]
    if min(places) < 0:
        return None
    anchor, first, second = places
    return _Asked((anchor, second, first) if rng.random() < 0.5 else (anchor, first, second))


def _new(
    pool: _Pool,
    triplets: Sequence[Triplet],
    groups: Mapping[str, Group],
    count: int,
    rng: np.random.Generator,
) -> list[_Asked]:
    """Questions that were not answered yet, from all sides of the split."""
    contents = list(pool.place)
    apart = [groups[id_].apart or None if id_ in groups else None for id_ in contents]
    keys = splits.group_keys(contents, apart)
    codes = np.unique(keys, return_inverse=True)[1].astype(np.int64)
    judged = [[pool.place.get(id_, -1) for id_ in _contents(each)] for each in triplets]
    answered = np.array(judged, np.int64).reshape(-1, 3)
    found: list[_Asked] = []
    for members, share in sides(contents, apart):
        wanted = round(share * (count - len(found)))
        if wanted == 0:
            continue
        chosen = maths.questions(
            pool.vectors[members],
            count=wanted,
            rng=rng,
            heads=[] if pool.untaught is None else [pool.untaught[members]],
            groups=codes[members],
            asked=_within(members, answered, len(contents)),
            alike=splits.NEAR_DUPLICATE,
        )
        for each in chosen:
            anchor, first, second = members[[each.anchor, each.first, each.second]].tolist()
            found.append(_Asked((anchor, first, second), each.reason))
    return found


def _within(
    members: Int64[np.ndarray, " m"], answered: Int64[np.ndarray, "t 3"], count: int
) -> Int64[np.ndarray, "a 3"]:
    """The triplets whose anchor is among the members, by place among them; -1 for the others."""
    # One more, so that the place -1 of what is not in the pool stays -1.
    place = np.full(count + 1, -1, np.int64)
    place[members] = np.arange(len(members))
    own = place[answered]
    return own[own[:, 0] >= 0]


def _questions(
    shop: Opened,
    space: SearchSpace,
    pool: _Pool,
    asked: Sequence[_Asked],
    rng: np.random.Generator,
) -> list[TripletQuestion]:
    """The questions with all there is to know about them, in a random order."""
    contents = list(pool.place)
    ids = {pool.images[place] for each in asked for place in each.places}
    files = {
        id_: file_of(image)
        for id_, image in shop.encodings(space.cell_space).get(sorted(ids)).items()
    }

    def image(place: int) -> QuestionImage:
        id_ = pool.images[place]
        return QuestionImage(files.get(id_, ""), id_, contents[place])

    reasons = [_WORDS[each.reason] for each in asked if each.reason] or [_WORDS["uncertain"]]
    found: list[TripletQuestion] = []
    for place in rng.permutation(len(asked)).tolist():
        each = asked[place]
        anchor, first, second = each.places
        reason = str(rng.choice(reasons)) if each.reason is None else _WORDS[each.reason]
        gap = pool.vectors[anchor] @ (pool.vectors[first] - pool.vectors[second])
        found.append(
            TripletQuestion(
                image(anchor), image(first), image(second), float(gap), reason, each.reason is None
            )
        )
    return found


def _write(target: Path, found: Sequence[TripletQuestion], shop: Opened, name: str) -> None:
    images = [image for each in found for image in each.images]
    named = photographs.names(shop.database, (image.content_id for image in images))
    paths = {image.content_id: named.get(image.content_id, image.path) for image in images}
    lines = [
        SheetLine(
            paths[each.anchor.content_id],
            paths[each.first.content_id],
            paths[each.second.content_id],
            each.reason,
        )
        for each in found
    ]
    question_sheet.write(target, lines, name=name, now=time.time())


def _rows(found: Sequence[TripletQuestion]) -> list[SheetRow]:
    """The anchor of each question, and its two candidates as 1 and 2."""
    return [
        SheetRow(
            _tile(each.anchor, f"question {number}"),
            [_tile(each.first, "1"), _tile(each.second, "2")],
        )
        for number, each in enumerate(found, start=1)
    ]


def _tile(image: QuestionImage, heading: str) -> SheetTile:
    return SheetTile(Path(image.path), heading, Path(image.path).name)


def _nothing_to_ask(pool: _Pool) -> InvalidInput:
    return InvalidInput(
        f"no question can be asked about {len(pool.images):,} photographs: each takes three that "
        f"nothing was said about, all on one of the {splits.FOLDS} sides by which rankers are "
        "judged",
        remedy="index more photographs: tiefvision index PHOTOS",
    )
