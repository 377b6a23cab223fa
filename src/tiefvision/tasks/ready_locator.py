"""What finds the product for a label: a trained locator, the first guess, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tiefvision.errors import NotFound, NotReady
from tiefvision.settings import Settings
from tiefvision.store import models
from tiefvision.store.home import Home
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.opened import Opened
from tiefvision.tasks.progress import Progress
from tiefvision.tasks.ready_encoder import fetch
from tiefvision.vision import saliency_weights
from tiefvision.vision.encoders import loading, networks_of, obtaining
from tiefvision.vision.encoders.recipes import SALIENCY_NETWORK
from tiefvision.vision.guess import GUESS_ENCODER, ActivationGuess, SaliencyGuess, read_head
from tiefvision.vision.location import Finder
from tiefvision.vision.locator import LOCATOR_ENCODER, Locator


def wanted_locator(shop: Opened, label: str) -> Finder | None:
    """What finds the boxes of a label from now on; None: whole images.

    The active trained locator; for the product, where there is none, the first guess, unless the
    settings switch it off. Raises NotReady or WeightsError.
    """
    model_id = models.active(shop.database, kind="locator", name=label)
    if model_id is not None:
        return _trained(shop, model_id)
    if label or not guesses(shop.settings):
        return None
    return untrained_locator(shop)


def carried_locator(shop: Opened, space: CellSpace) -> Finder | None:
    """What found the boxes of a cell space. Raises NotReady where it is not at hand."""
    if space.locator is None:
        return None
    if any(model.id == space.locator for model in models.each(shop.database, kind="locator")):
        return _trained(shop, space.locator)
    for guess in _guesses_at_hand(shop):
        if guess.fingerprint == space.locator:
            return guess
    raise NotReady(
        f"the locator {space.locator[:12]} that placed this catalogue's boxes is gone",
        remedy="restore models/locator from a copy of the catalogue, or index again",
    )


def guesses(settings: Settings) -> bool:
    """Whether images without a trained locator get a first guess: where that is asked for, and by
    itself where its network is a part of the encoder, so that nothing more is to be fetched."""
    wanted = settings.locator.first_guess
    if wanted == "auto":
        return set(networks_of(GUESS_ENCODER)) <= set(networks_of(settings.encoder.name))
    return wanted != "off"


def ready_networks(spec: str, *, place: Home, offline: bool, progress: Progress) -> None:
    """Have the networks of a locator's encoder at hand, in the catalogue as well."""
    for name in obtaining.missing(spec, folders=(place.encoders,)):
        fetch(name, offline=offline, progress=progress)
    loading.copy_into(loading.load(spec, folders=(place.encoders,)), place.encoders)


def ready_locating(shop: Opened, *, offline: bool, progress: Progress) -> None:
    """Have at hand what the catalogue's locators need."""
    if models.active_names(shop.database, kind="locator"):
        ready_networks(LOCATOR_ENCODER, place=shop.home, offline=offline, progress=progress)
    if _by_saliency(shop):
        _ready_saliency(shop, offline=offline, progress=progress)
    elif guesses(shop.settings):
        ready_networks(GUESS_ENCODER, place=shop.home, offline=offline, progress=progress)


def _trained(shop: Opened, model_id: str) -> Locator:
    try:
        return Locator(shop.home.models("locator") / model_id, folders=(shop.home.encoders,))
    except NotFound as error:
        raise NotReady(
            f"the weights of the locator {model_id[:12]} are gone",
            remedy="restore models/locator from a copy of the catalogue, or go back with "
            "tiefvision models undo",
        ) from error


def untrained_locator(shop: Opened) -> ActivationGuess | SaliencyGuess:
    """The first guess, whether the settings ask for it or not."""
    return _saliency_guess(shop) if _by_saliency(shop) else _activation_guess(shop)


def _by_saliency(shop: Opened) -> bool:
    return shop.settings.locator.first_guess == "saliency"


def _guesses_at_hand(shop: Opened) -> Iterator[Finder]:
    """Both first guesses, as far as they are on this machine: the settings may have changed since
    the boxes were placed."""
    for guess in (_activation_guess, _saliency_guess):
        with contextlib.suppress(NotReady):
            yield guess(shop)


def _activation_guess(shop: Opened) -> ActivationGuess:
    encoder = loading.load(GUESS_ENCODER, folders=(shop.home.encoders,))
    return ActivationGuess(encoder, read_head())


def _saliency_guess(shop: Opened) -> SaliencyGuess:
    """Raises NotReady without its weights, with what to type."""
    model = saliency_weights.find((shop.home.saliency,))
    return SaliencyGuess(saliency_weights.obtain(offline=True) if model is None else model)


def _ready_saliency(shop: Opened, *, offline: bool, progress: Progress) -> None:
    """Have the saliency network at hand, in the catalogue as well."""
    if saliency_weights.find((shop.home.saliency,)) is None:
        fetch(SALIENCY_NETWORK, offline=offline, progress=progress)
    saliency_weights.copy_into(shop.home.saliency)
