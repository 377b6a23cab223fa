"""An encoder ready to use: carried by the catalogue, from the user's cache, or fetched once."""

from __future__ import annotations

from tiefvision.errors import NotReady
from tiefvision.store.home import Home
from tiefvision.store.spaces import CellSpace
from tiefvision.tasks.progress import Progress
from tiefvision.vision import saliency_weights
from tiefvision.vision.encoders import loading, obtaining
from tiefvision.vision.encoders.protocol import Encoder
from tiefvision.vision.encoders.recipes import (
    NETWORKS,
    SALIENCY_LICENCE,
    SALIENCY_NETWORK,
    source_of,
)
from tiefvision.vision.runtime import Precision

_BYTES_PER_MEGABYTE = 1_000_000


def ready_encoder(
    spec: str, *, precision: Precision, place: Home, offline: bool, progress: Progress
) -> Encoder:
    """The encoder of a specification, fetched when it is built in and nowhere on this machine.

    Its networks are copied into the catalogue, so that it can be searched elsewhere.
    Raises InvalidInput, NotReady with the command to type, or WeightsError.
    """
    for name in obtaining.missing(spec, folders=(place.encoders,)):
        fetch(name, offline=offline, progress=progress)
    encoder = loading.load(spec, precision=precision, folders=(place.encoders,))
    loading.copy_into(encoder, place.encoders)
    return encoder


def carried_encoder(place: Home, space: CellSpace) -> Encoder:
    """The encoder that made a cell space, from the catalogue's own folder or the user's cache.

    Raises NotReady when what is found is not the one that made the cells.
    """
    encoder = loading.load(space.encoder, precision=space.precision, folders=(place.encoders,))
    if encoder.fingerprint != space.fingerprint:
        raise NotReady(
            f"the encoder {space.encoder} on this machine is not the one that made this "
            "catalogue's cells",
            remedy="restore models/encoder from a copy of the catalogue, or index again",
        )
    return encoder


def fetch(name: str, *, offline: bool, progress: Progress) -> None:
    """Fetch a built-in network's weights, saying what they are while they come."""
    if name == SALIENCY_NETWORK:
        licence = SALIENCY_LICENCE
    elif name in NETWORKS:
        licence = NETWORKS[name].licence
    else:
        raise loading.not_ready(name)
    total = source_of(name).archive_bytes
    named = licence.split("(")[0].strip()
    stage = f"fetching {name}, {total / _BYTES_PER_MEGABYTE:.0f} MB, {named}"
    with progress(stage, total, unit="bytes") as advance:
        done = 0

        def report(so_far: int, _total: int) -> None:
            nonlocal done
            advance(so_far - done)
            done = so_far

        if name == SALIENCY_NETWORK:
            saliency_weights.obtain(offline=offline, progress=report)
        else:
            obtaining.obtain(name, offline=offline, progress=report)
