"""`tiefvision models`: the trained models of a catalogue; which is active, and the way back."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import Conflict, InvalidInput, NotFound
from tiefvision.store import models, registry
from tiefvision.store.models import Kind, Model
from tiefvision.tasks.indexing import ranked_spaces, update
from tiefvision.tasks.opened import Opened, opened
from tiefvision.tasks.progress import Progress, silent
from tiefvision.vision import ranker

# Shorter beginnings of an id are more likely a slip than a name.
_SHORTEST_PREFIX = 4


@dataclass(frozen=True, slots=True)
class ModelDetails:
    """A model and what its training measured. folder: where its weights and report lie."""

    model: Model
    folder: str
    report: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Activation:
    """What is active now. model_id, previous_id: None for no model. encoded: images that were
    encoded anew, by a locator; notes: what is left to do."""

    kind: str
    name: str
    model_id: str | None
    previous_id: str | None
    encoded: int
    notes: Sequence[str] = ()


def list_models(catalogue: str | Path | None = None) -> list[Model]:
    """All models, newest first. Raises NotFound."""
    with opened(catalogue) as shop:
        return models.each(shop.database)


def show_model(which: str, *, catalogue: str | Path | None = None) -> ModelDetails:
    """One model, by its id or the beginning of it. Raises NotFound."""
    with opened(catalogue) as shop:
        model = named(shop, which)
        return ModelDetails(model, str(folder_of(shop, model)), model.report)


def activate_model(
    which: str,
    *,
    catalogue: str | Path | None = None,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> Activation:
    """Use a model from now on: for a locator every image is encoded anew, for a ranker its stored
    cells are ranked anew, while what was there before answers queries; an interrupted run is gone
    on with by `index`.

    An index run that is at work is waited for. Raises NotFound, InvalidInput for a ranker of
    another encoder, or Conflict when that run does not end.
    """
    with opened(catalogue) as shop:
        model = named(shop, which)
        kind = _kind(model)
        return switch(shop, kind, model.name, model.id, progress=progress, stop=stop)


def deactivate(
    *,
    kind: Kind = "locator",
    name: str = "",
    back: bool = False,
    catalogue: str | Path | None = None,
    progress: Progress = silent,
    stop: threading.Event | None = None,
) -> Activation:
    """Go back to what was active before the present locator or ranker (`back`), or to none."""
    with opened(catalogue) as shop:
        now = models.active(shop.database, kind=kind, name=name)
        if now is None:
            raise InvalidInput(
                f"no {kind} is active{f' for {name}' if name else ''}",
                remedy="tiefvision models list",
            )
        earlier = models.previous(shop.database, kind=kind, name=name) if back else None
        return switch(shop, kind, name, earlier, progress=progress, stop=stop)


def remove_model(which: str, *, catalogue: str | Path | None = None) -> Model:
    """Remove a model that is not active, with its weights. Raises NotFound or Conflict."""
    with opened(catalogue) as shop:
        model = named(shop, which)
        if model.active:
            raise Conflict(
                f"the model {model.id[:12]} is in use",
                remedy="activate another one first: tiefvision models undo"
                + (f" --ranker {model.name}" if model.kind == ranker.KIND else ""),
            )
        models.remove(shop.database, model.id)
        shutil.rmtree(folder_of(shop, model), ignore_errors=True)
        return model


def switch(
    shop: Opened,
    kind: Kind,
    name: str,
    model_id: str | None,
    *,
    progress: Progress,
    stop: threading.Event | None = None,
) -> Activation:
    """Make a model (None: none) the active one of a locator's label or a ranker's name, and do
    what that asks for."""
    before = models.active(shop.database, kind=kind, name=name)
    if kind == ranker.KIND:
        notes = _rank(shop, name, model_id, progress=progress, stop=stop or threading.Event())
        return Activation(kind, name, model_id, before, 0, notes)
    if model_id != before:
        models.activate(shop.database, kind=kind, name=name, model_id=model_id)
    done = update.bring_up_to_date(shop, progress=progress, stop=stop)
    return Activation(kind, name, model_id, before, done.encoded, done.notes)


def _rank(
    shop: Opened, name: str, model_id: str | None, *, progress: Progress, stop: threading.Event
) -> Sequence[str]:
    """Use a ranker from now on, or none; what is left to do.

    That it is wanted is written first, that its space answers last: in between the former one
    answers, and any later run goes on.
    """
    with update.alone(shop.database, progress=progress, stop=stop):
        space = registry.active_cell_space(shop.database)
        if model_id is not None and space is not None:
            ranked_spaces.check_fits(shop, ranked_spaces.read(shop, name, model_id), space)
        if model_id != models.active(shop.database, kind=ranker.KIND, name=name):
            models.activate(shop.database, kind=ranker.KIND, name=name, model_id=model_id)
        if space is None:
            return ("it is used once photographs are indexed",)
        with progress("making it searchable", None):
            return ranked_spaces.activate_wanted(shop, space, stop=stop)


def folder_of(shop: Opened, model: Model) -> Path:
    """Where a model's weights and report lie."""
    return shop.home.models(model.kind) / model.id


def _kind(model: Model) -> Kind:
    return "ranker" if model.kind == ranker.KIND else "locator"


def named(shop: Opened, which: str) -> Model:
    """The model of an id, or of the beginning of one. Raises NotFound."""
    known = models.each(shop.database)
    found = [model for model in known if model.id.startswith(which)]
    if len(found) == 1 and len(which) >= _SHORTEST_PREFIX:
        return found[0]
    if not known:
        raise NotFound(
            "this catalogue has no trained model yet",
            remedy=f"train one: tiefvision train locator -c {shop.home.folder}",
        )
    shown = ", ".join(model.id[:12] for model in found or known)
    problem = "matches several models" if len(found) > 1 else "is no model of this catalogue"
    raise NotFound(
        f"{which} {problem}; expected the first {_SHORTEST_PREFIX} letters or more of one of "
        f"{shown}",
        remedy="tiefvision models list",
    )
