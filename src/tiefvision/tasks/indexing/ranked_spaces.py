"""The search spaces of active rankers, beside the base: filled from stored cells, without any
photograph.

Which rankers are wanted is what `models` says; which of their spaces answer is what the registry
says. Here the second follows the first, so that what was cut off is gone on with.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from tiefvision.errors import InvalidInput, NotFound, NotReady, StoreError, TiefVisionError
from tiefvision.store import models, registry
from tiefvision.store.models import Model
from tiefvision.store.spaces import CellSpace, NamedRanker, SearchSpace
from tiefvision.store.vectors import VectorStore
from tiefvision.tasks.indexing import growth
from tiefvision.tasks.indexing.rejudging import rejudge
from tiefvision.tasks.opened import Opened
from tiefvision.vision import artefacts, ranker

# In a ranker's model.json: the fingerprint of the encoder whose cells it was taught on.
ENCODER = "encoder"


def answering(shop: Opened) -> list[SearchSpace]:
    """The active spaces of rankers, by name; without those whose files are damaged, which
    `follow` makes anew."""
    found: list[SearchSpace] = []
    for name, search_space_id in registry.active_search_spaces(shop.database).items():
        if name:
            try:
                found.append(registry.search_space(shop.database, shop.home, search_space_id))
            except StoreError:
                continue
    return found


def read(shop: Opened, name: str, model_id: str) -> NamedRanker:
    """A trained ranker of the catalogue. Raises NotReady where its weights are gone, WeightsError
    where they are damaged."""
    try:
        return NamedRanker(name, model_id, ranker.load(shop.home.models(ranker.KIND) / model_id))
    except NotFound as error:
        raise NotReady(
            f"the weights of the ranker {name} ({model_id[:12]}) are gone",
            remedy="restore models/ranker from a copy of the catalogue, or go back with "
            f"tiefvision models undo --ranker {name}",
        ) from error


def check_fits(shop: Opened, own: NamedRanker, space: CellSpace) -> None:
    """Raise InvalidInput for a ranker that was taught on the cells of another encoder."""
    description = artefacts.read(shop.home.models(ranker.KIND) / own.id).description
    taught_on = description.get(ENCODER, space.fingerprint)
    if taught_on != space.fingerprint or len(own.head.mean) != space.channels:
        raise InvalidInput(
            f"the ranker {own.name} ({own.id[:12]}) was taught on the cells of another encoder "
            f"than {space.encoder}",
            remedy=f"train it anew: tiefvision train ranker --name {own.name}",
        )


def follow(
    shop: Opened,
    store: VectorStore,
    space: CellSpace,
    present: Sequence[SearchSpace],
    *,
    stop: threading.Event,
) -> tuple[list[SearchSpace], list[str]]:
    """Give every active ranker its whole space in the answering cell space, and retire those of
    others; the spaces, and what could not be done. The caller holds the lease.

    present: the spaces of rankers that answer, as `answering` gives them.
    """
    images = shop.encodings(space).count()
    former = {one.name: one for one in present}
    spaces: list[SearchSpace] = []
    notes: list[str] = []
    for name, model_id in wanted(shop).items():
        try:
            own = _brought(shop, store, space, former.get(name), name, model_id, images, stop)
        except TiefVisionError as error:
            # One ranker without weights must not keep the catalogue from being indexed.
            notes.append(f"{error.message}; {error.remedy}")
            own = former.get(name)
        spaces += [] if own is None else [own]
    kept = {one.id for one in spaces}
    active = registry.active_search_spaces(shop.database)
    left = [id_ for name, id_ in active.items() if name and id_ not in kept]
    if left:
        registry.retire(shop.database, left)
    return spaces, notes


def carry_over(
    shop: Opened, store: VectorStore, base: SearchSpace, former: CellSpace
) -> tuple[list[SearchSpace], list[str]]:
    """The filled, not yet active, spaces of rankers in a cell space that is to take a former one's
    place, and what became of each ranker.

    With the same encoder a ranker is kept unless it is significantly worse than none on the new
    cells; otherwise, and with another encoder, it is used no more.
    base: of the new cell space.
    """
    space = base.cell_space
    same = (space.fingerprint, space.parts) == (former.fingerprint, former.parts)
    images = shop.encodings(space).count()
    spaces: list[SearchSpace] = []
    notes: list[str] = []
    for name, model_id in wanted(shop).items():
        train = f"to teach it anew: tiefvision train ranker --name {name} -c {shop.home.folder}"
        try:
            own = read(shop, name, model_id)
        except TiefVisionError as error:
            notes.append(f"{error.message}; {error.remedy}")
            continue
        if own.head.is_identity:
            continue
        if not same:
            _drop(shop, name)
            notes.append(
                f"the ranker {name} was taught on another encoder's cells and rests; {train}"
            )
            continue
        new = growth.fitted(shop, store, space, images, ranker=own)
        found = rejudge(shop, store, base, new)
        if found.verdict == "worse":
            _drop(shop, name)
            notes.append(f"the ranker {name} rests, on the new cells it is {found}; {train}")
            continue
        growth.fill(shop, store, new)
        spaces.append(new)
        notes.append(f"the ranker {name} ranks the new cells too; its judgements: {found}")
    return spaces, notes


def _drop(shop: Opened, name: str) -> None:
    models.activate(shop.database, kind="ranker", name=name, model_id=None)


def activate_wanted(shop: Opened, space: CellSpace, *, stop: threading.Event) -> Sequence[str]:
    """As `follow`, in the cell space that answers, outside an index run; what could not be done.
    The caller holds the lease."""
    if not registry.has_search_space(shop.database, space.id):
        return ("it is used once photographs are indexed",)
    store, base, ranked = shop.vectors(space), shop.search_space(), answering(shop)
    # Vectors of a switch that was cut off may lack rows that were written since.
    growth.drop_other_vectors(store, [base, *ranked])
    replaced = set(registry.retired(shop.database))
    ranked, notes = follow(shop, store, space, ranked, stop=stop)
    growth.optimize(shop, store, [base, *ranked])
    # What was replaced just now stays until the next switch: going back to it costs little, and a
    # query may still be reading it.
    for search_space_id in replaced.intersection(registry.retired(shop.database)):
        registry.forget(shop.database, shop.home, search_space_id)
    return tuple(notes)


def _brought(
    shop: Opened,
    store: VectorStore,
    space: CellSpace,
    former: SearchSpace | None,
    name: str,
    model_id: str,
    images: int,
    stop: threading.Event,
) -> SearchSpace | None:
    """The space of a ranker, up to date; None for one that changes nothing."""
    if former is not None and former.ranker is not None and former.ranker.id == model_id:
        if growth.is_outgrown(former, images) and not stop.is_set():
            return growth.refit(shop, store, former, images)
        growth.lay_out(shop, former)
        return former
    own = read(shop, name, model_id)
    if own.head.is_identity:
        return None
    if stop.is_set():
        return former
    check_fits(shop, own, space)
    new = growth.fitted(shop, store, space, images, ranker=own)
    growth.switch(shop, store, new)
    return new


def wanted(shop: Opened) -> Mapping[str, str]:
    """The active rankers: name -> model id."""
    found = models.each(shop.database, kind="ranker")
    return {model.name: model.id for model in sorted(found, key=_name) if model.active}


def _name(model: Model) -> str:
    return model.name
