"""Photographs as a catalogue with the default settings holds them, cut in two to teach with."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float16, Float32, Int64

import product
from evaluation import Task
from tiefvision.maths import triplets as made
from tiefvision.maths.centring import PartLayout, centre
from tiefvision.maths.similarity import flat_vector
from tiefvision.settings import EncoderSettings
from tiefvision.teach.rank_data import RankData
from tiefvision.vision.guess import GUESS_ENCODER, ActivationGuess, read_head
from tiefvision.vision.pixels import file_bytes
from tiefvision.vision.ranker import Ranker
from views import in_threads, ready

_IMAGES_AT_ONCE = 128

Images = Int64[np.ndarray, " m"]
Triplets = Int64[np.ndarray, "t 3"]
Vectors = Float32[np.ndarray, "n length"]


@dataclass(frozen=True, slots=True, eq=False)
class Shop:
    """A set of photographs as a catalogue with the default settings holds it.

    labels: what is right to find. kept: what a cut keeps together, senders or products.
    senders: None on grocery. icons: drawn pictures, not photographs.
    """

    name: str
    cells: Float16[np.ndarray, "n length"]
    mean: Float32[np.ndarray, " channels"]
    parts: tuple[PartLayout, ...]
    labels: Int64[np.ndarray, " n"]
    kept: Int64[np.ndarray, " n"]
    senders: Int64[np.ndarray, " n"] | None
    icons: Bool[np.ndarray, " n"]

    def centred(self) -> Iterator[Float32[np.ndarray, "m cells channels"]]:
        """All cells as search compares them, some images at a time."""
        for start in range(0, len(self.cells), _IMAGES_AT_ONCE):
            own = self.cells[start : start + _IMAGES_AT_ONCE]
            shaped = own.reshape(len(own), -1, len(self.mean))
            yield centre(shaped, mean=self.mean, parts=self.parts)

    def vectors(self, ranker: Ranker | None = None) -> Vectors:
        """Flat vectors of all images."""
        ranked = (cells if ranker is None else ranker(cells) for cells in self.centred())
        return np.concatenate([flat_vector(cells[:, None]) for cells in ranked])

    def data(self, own: Images, taught: Triplets) -> RankData:
        """Some images to learn from; of the others nothing but the cells."""
        chosen = EncoderSettings()
        return RankData(
            self.cells[own],
            chosen.rows,
            chosen.cols,
            self.mean,
            self.parts,
            taught,
            tuple(map(str, self.kept[own])),
            classes=self.labels[own],
            apart=None if self.senders is None else self.senders[own],
            others=np.delete(self.cells, own, axis=0),
        )

    def derive(self, own: Images, count: int, seed: int) -> Triplets:
        """Random triplets of some images, as positions among them."""
        senders = None if self.senders is None else self.senders[own]
        rng = np.random.default_rng(seed)
        return made.derive(self.labels[own], count=count, rng=rng, apart=senders)

    def halves(self, seed: int) -> tuple[Images, Images]:
        """The images cut into two, whole senders or whole products on either side."""
        drawn = np.random.default_rng(seed).permutation(int(self.kept.max()) + 1)
        first = np.isin(self.kept, drawn[: len(drawn) // 2])
        return np.flatnonzero(first), np.flatnonzero(~first)

    def tasks(self, held: Images) -> list[Task]:
        """What is asked of images that were held out."""
        if self.senders is not None:
            other = self.senders[held][:, None] != self.senders[held]
            return [self._task("to other senders", held, held, other)]
        shot, drawn = held[~self.icons[held]], held[self.icons[held]]
        other = ~np.eye(len(shot), dtype=bool)
        return [
            self._task("photo to photo", shot, shot, other),
            self._task("photo to icon", shot, drawn),
            self._task("photo to icon, among all icons", shot, np.flatnonzero(self.icons)),
        ]

    def _task(
        self,
        name: str,
        queries: Images,
        gallery: Images,
        allowed: Bool[np.ndarray, "q g"] | None = None,
    ) -> Task:
        same = self.labels[queries][:, None] == self.labels[gallery]
        may = np.ones_like(same) if allowed is None else allowed
        relevant: Bool[np.ndarray, "q g"] = same & may
        asked = relevant.any(axis=1)
        groups = self.kept[queries[asked]]
        return Task(name, queries[asked], gallery, may[asked], relevant[asked], groups)


def encoded(folder: Path, cache: Path | None, *, most: int | None = None) -> Shop:
    """A set of photographs with the first guess; its cells are kept in the cache folder.

    most: whole senders, until there are so many photographs; not to be mixed in one cache.
    """
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if most is not None:
        rows = _whole_senders(rows, most)
    guess = ActivationGuess(ready(GUESS_ENCODER), read_head())
    embedder = replace(product.default_embedder(), locator=guess)
    kept = None if cache is None else cache / f"{folder.name}.npy"
    if kept is not None and kept.is_file():
        cells: Float16[np.ndarray, "n length"] = np.load(kept)
    else:
        files = [folder / row["path"] for row in rows]
        cells = np.stack(
            list(
                in_threads(
                    lambda file: embedder.embed(file_bytes(file)).cells.reshape(-1),
                    files,
                    note=folder.name,
                )
            )
        )
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            np.save(kept, cells)
    channels = sum(part.channels for part in embedder.layout)
    mean = cells.reshape(-1, channels).mean(axis=0, dtype=np.float64).astype(np.float32)
    labels = _numbers([row["label"] for row in rows])
    senders = _numbers([row["sender"] for row in rows]) if "sender" in rows[0] else None
    icons = np.array([row.get("kind") == "icon" for row in rows])
    together = labels if senders is None else senders
    return Shop(folder.name, cells, mean, embedder.layout, labels, together, senders, icons)


def _numbers(names: Sequence[str]) -> Int64[np.ndarray, " n"]:
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _whole_senders(rows: list[dict[str, str]], most: int) -> list[dict[str, str]]:
    chosen: set[str] = set()
    count = 0
    for sender in np.random.default_rng(0).permutation(sorted({row["sender"] for row in rows})):
        sent = sum(row["sender"] == sender for row in rows)
        if count + sent <= most:
            chosen.add(str(sender))
            count += sent
    return [row for row in rows if row["sender"] in chosen]
