"""Killed between any two writes of an index run, a catalogue ends as if it had not been."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

import made_up_rankers
from catalogue_rows import acknowledged_contents, answering_cell_space, rows
from tiefvision import settings
from tiefvision.maths.boxes import Box
from tiefvision.store import models, registry
from tiefvision.store.boxes import Boxes
from tiefvision.tasks.opened import opened
from tiefvision.tasks.searching.search import Searcher
from tiefvision.vision import pixels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes the POSIX way"),
]

_SERVER = Path(__file__).with_name("index_server.py")


class Server:
    """A running index_server.py."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in: IO[str] = process.stdin
        self._out: IO[str] = process.stdout

    def run(self, job: dict[str, object]) -> dict[str, object]:
        self._in.write(json.dumps(job) + "\n")
        self._in.flush()
        return json.loads(self._out.readline())


@pytest.fixture(scope="module")
def server(tiny_cache: Path) -> Iterator[Server]:
    with subprocess.Popen(
        [sys.executable, str(_SERVER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TIEFVISION_CACHE": str(tiny_cache)},
    ) as process:
        yield Server(process)
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where the system has one: a kill loses nothing that was written, so
    waiting for a disk would test no more."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A catalogue as it is, a change of the photographs, and how `index` is run upon it.

    before: makes the photographs of the first run (None: there is no catalogue yet).
    change: what happens to them then. options: of both runs; last: of the run that is killed.
    prepare: what is done to the catalogue before that one, given the photographs too.
    """

    change: Callable[[Path, Callable[..., list[Path]]], None]
    before: Callable[[Path, Callable[..., list[Path]]], None] | None = None
    options: dict[str, object] = field(default_factory=dict)
    last: dict[str, object] = field(default_factory=dict)
    prepare: Callable[[Path, Path], None] | None = None


Draw = Callable[..., list[Path]]


def _twelve(folder: Path, draw: Draw) -> None:
    draw(folder, range(12))
    (folder / "broken.jpg").write_bytes(b"no image")
    (folder / "attributes.csv").write_text(
        "path,label,price\n" + "".join(f"{i:03}.png,odd,{i}\n" for i in range(1, 12, 2))
    )


def _twelve_with_twins(folder: Path, draw: Draw) -> None:
    _twelve(folder, draw)
    for name in ("001-again.png", "000-first.png"):
        shutil.copy(folder / "001.png", folder / name)
    shutil.copy(folder / "broken.jpg", folder / "broken-too.jpg")


def _change_contents(folder: Path, draw: Draw) -> None:
    for old, new in ((0, 100), (1, 101), (2, 102)):
        draw(folder, [new])[0].replace(folder / f"{old:03}.png")
    (folder / "003.png").write_bytes(b"no longer an image")
    draw(folder, [103])[0].replace(folder / "broken.jpg")
    # Two photographs change names, so that each one's content is the other's old one.
    (folder / "004.png").rename(folder / "x.png")
    (folder / "005.png").rename(folder / "004.png")
    (folder / "x.png").rename(folder / "005.png")
    os.utime(folder / "006.png")


def _delete(folder: Path, draw: Draw) -> None:
    for name in ("001.png", "002.png", "011.png", "broken.jpg"):
        (folder / name).unlink()
    draw(folder, [12])


def _change_attributes(folder: Path, draw: Draw) -> None:
    (folder / "attributes.csv").write_text(
        "path,label,price,colour\n"
        + "".join(f"{i:03}.png,even,{i}.5,red\n" for i in range(0, 12, 2))
        + "001.png,odd,1,\n003.png,changed,3,blue\n"
    )


def _add_five(folder: Path, draw: Draw) -> None:
    draw(folder, range(20, 25))


def _nothing(folder: Path, draw: Draw) -> None:
    """The photographs stay as they are."""


def _want_two_rows(catalogue: Path, photos: Path) -> None:
    file = catalogue / settings.FILE_NAME
    file.write_text(file.read_text().replace("rows = 3", "rows = 2"))


def _draw_boxes(catalogue: Path, photos: Path) -> None:
    with opened(catalogue) as shop:
        for name in ("001.png", "003.png"):
            content_id = pixels.content_id((photos / name).read_bytes())
            box = [("dress", Box(10, 12, 70, 80))]
            Boxes(shop.database).replace({content_id: box}, now=0.0)


SCENARIOS = {
    "a new catalogue": Scenario(_twelve_with_twins),
    "photographs added": Scenario(_add_five, _twelve_with_twins),
    "photographs changed": Scenario(_change_contents, _twelve_with_twins),
    "photographs deleted": Scenario(_delete, _twelve_with_twins, last={"prune": True}),
    "attributes changed": Scenario(_change_attributes, _twelve),
    "cells made anew, photographs added": Scenario(
        _add_five, _twelve_with_twins, prepare=_want_two_rows
    ),
    "boxes drawn": Scenario(_nothing, _twelve_with_twins, prepare=_draw_boxes),
    "a rung crossed": Scenario(_add_five, _twelve, options={"rungs": [5, 15]}),
    "a rung crossed with a projection": Scenario(
        _add_five, _twelve, options={"rungs": [5, 15], "projection": [5, 4]}
    ),
}


class Stage:
    """The places and runs of one scenario."""

    def __init__(
        self, server: Server, scenario: Scenario, place: Path, encoder: str, draw: Draw
    ) -> None:
        self.server = server
        self.scenario = scenario
        self.place = place
        self.photos = place / "photos"
        self.encoder = encoder
        self.log = place / "encoded"
        self.base = place / "base"
        self.photos.mkdir()
        if scenario.before is not None:
            scenario.before(self.photos, draw)
            assert self.run(self.base)["status"] == 0
        scenario.change(self.photos, draw)

    def run(self, catalogue: Path, **more: object) -> dict[str, object]:
        attributes = self.photos / "attributes.csv"
        return self.server.run(
            {
                "folders": [str(self.photos)],
                "catalogue": str(catalogue),
                "encoder": self.encoder,
                "attributes": str(attributes) if attributes.exists() else None,
                "log": str(self.log),
                **self.scenario.options,
                **more,
            }
        )

    def last(self, catalogue: Path, **more: object) -> dict[str, object]:
        return self.run(catalogue, **self.scenario.last, **more)

    def copy(self, name: str) -> Path:
        catalogue = self.place / name
        if self.base.exists():
            shutil.copytree(self.base, catalogue)
        if self.scenario.prepare is not None:
            self.scenario.prepare(catalogue, self.photos)
        return catalogue

    def encoded(self) -> list[str]:
        """The contents encoded since this was last asked."""
        found = self.log.read_text().split() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return found


def _answers(catalogue: Path, query: Path) -> list[tuple[str, float, list[str]]]:
    with opened(catalogue) as shop:
        hits = Searcher(shop).search(query, k=6).hits
    return [(hit.path, hit.similarity, hit.also) for hit in hits]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_before_any_write_it_ends_as_undisturbed(
    name: str, server: Server, place: Path, tiny_encoder: str, draw: Draw
) -> None:
    stage = Stage(server, SCENARIOS[name], place, tiny_encoder, draw)
    whole = stage.copy("undisturbed")
    result = stage.last(whole)
    assert result["status"] == 0, result
    operations = result["operations"]
    assert isinstance(operations, list) and len(operations) > 10
    expected, space_id = rows(whole), answering_cell_space(whole)
    query = stage.photos / "007.png"
    answers = _answers(whole, query)
    for at, operation in enumerate(operations):
        where = f"killed before operation {at}, {operation}"
        catalogue = stage.copy(f"killed-{at}")
        stage.encoded()
        status = stage.last(catalogue, kill_at=at)["status"]
        assert status in (-signal.SIGKILL, 0), where  # 0: this run needed fewer operations
        done = acknowledged_contents(catalogue, cell_space_id=space_id)
        stage.encoded()
        rerun = stage.last(catalogue)
        assert rerun["status"] == 0, (where, rerun)
        assert done.isdisjoint(stage.encoded()), where
        assert rows(catalogue) == expected, where
        assert _answers(catalogue, query) == answers, where
        shutil.rmtree(catalogue)


# --- rankers --------------------------------------------------------------------------------------


def _add_ranker(catalogue: Path, seed: int) -> str:
    with opened(catalogue) as shop:
        return made_up_rankers.add(shop, made_up_rankers.turned(12, 4, seed=seed))


def _active_spaces_have_compact_vectors(catalogue: Path) -> bool:
    with opened(catalogue) as shop:
        store = shop.vectors(shop.search_space().cell_space)
        return set(store.search_space_ids()) >= registry.answering(shop.database)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("earlier", [False, True], ids=["the first ranker", "another ranker"])
def test_a_switch_of_rankers_killed_before_any_write_shows_the_old_or_the_new(
    earlier: bool, server: Server, place: Path, tiny_encoder: str, draw: Draw
) -> None:
    options: dict[str, object] = {"rungs": [5, 15], "projection": [5, 4]}
    stage = Stage(server, Scenario(_nothing, _twelve, options), place, tiny_encoder, draw)
    query = stage.photos / "007.png"
    if earlier:
        first = _add_ranker(stage.base, seed=1)
        assert stage.run(stage.base, activate=first)["status"] == 0
    wanted = _add_ranker(stage.base, seed=2)
    old, expected = _answers(stage.base, query), rows(stage.base)
    whole = stage.copy("undisturbed")
    result = stage.run(whole, activate=wanted)
    assert result["status"] == 0, result
    new = _answers(whole, query)
    assert new != old
    operations = result["operations"]
    assert isinstance(operations, list) and len(operations) > 8
    seen: list[bool] = []
    for at, operation in enumerate(operations):
        where = f"killed before operation {at}, {operation}"
        catalogue = stage.copy(f"killed-{at}")
        status = stage.run(catalogue, activate=wanted, kill_at=at)["status"]
        assert status == -signal.SIGKILL, where
        meanwhile = _answers(catalogue, query)
        assert meanwhile in (old, new), where
        seen.append(meanwhile == new)
        # Both the same command and the next run of `index` go on.
        again = {"activate": wanted} if at % 2 == 0 or not _is_wanted(catalogue, wanted) else {}
        rerun = stage.run(catalogue, **again)
        assert rerun["status"] == 0, (where, rerun)
        assert _answers(catalogue, query) == new, where
        assert rows(catalogue) == expected, where
        assert _active_spaces_have_compact_vectors(catalogue), where
        shutil.rmtree(catalogue)
    assert seen == sorted(seen) and not seen[0] and seen[-1], "switched once, by one write"


def _is_wanted(catalogue: Path, model_id: str) -> bool:
    with opened(catalogue) as shop:
        return models.active(shop.database, kind="ranker", name="default") == model_id
