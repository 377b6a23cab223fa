"""Where things lie in a catalogue's folder, and how a catalogue is found."""

from __future__ import annotations

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

from tiefvision import settings
from tiefvision.errors import InvalidSettings, NotFound
from tiefvision.store import database

ENVIRONMENT_VARIABLE = "TIEFVISION_CATALOGUE"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder of one catalogue. Copy it and it works."""

    folder: Path

    @property
    def settings_file(self) -> Path:
        return self.folder / settings.FILE_NAME

    @property
    def database_file(self) -> Path:
        return self.folder / database.FILE_NAME

    @property
    def encoders(self) -> Path:
        """Encoders that this catalogue carries, one folder for each fingerprint."""
        return self.models("encoder")

    @property
    def saliency(self) -> Path:
        """The saliency network, where the settings ask for it."""
        return self.models("saliency")

    def models(self, kind: str) -> Path:
        """The models of a kind (encoder, locator, ranker), one folder for each fingerprint."""
        return self.folder / "models" / kind

    @property
    def grids(self) -> Path:
        """Grids of photographs with boxes, kept for the next lesson; may be removed."""
        return self.folder / "grids"

    @property
    def thumbnails(self) -> Path:
        return self.folder / "thumbnails"

    @property
    def uploads(self) -> Path:
        """Photographs that were sent to the server, or drawn by it: often their only copy."""
        return self.folder / "uploads"

    @property
    def queries(self) -> Path:
        """Photographs that the server was searched with, for a while; may be removed."""
        return self.folder / "queries"

    @property
    def token_file(self) -> Path:
        """The hashes of the tokens that the server asks for."""
        return self.folder / "token.sha256"

    def cells(self, cell_space_id: str) -> Path:
        """The vector engine's folder of a cell space."""
        return self.folder / "cells" / f"{cell_space_id}.lance"

    def space(self, search_space_id: str) -> Path:
        """The folder of a search space: its arrays and its scan."""
        return self.folder / "spaces" / search_space_id

    @property
    def exists(self) -> bool:
        """Whether there is a database file, or settings that name a database elsewhere."""
        return self.database_file.is_file() or self._database_is_elsewhere

    @property
    def _database_is_elsewhere(self) -> bool:
        if not self.settings_file.is_file():
            return False
        try:
            return settings.read(self.folder).store.catalogue != ""
        except InvalidSettings:
            return True  # whoever opens it is told what is wrong


def named(catalogue: str | Path | None) -> Home:
    """The catalogue's folder: the given one, else TIEFVISION_CATALOGUE, else the working folder
    or the nearest above it that holds one. It need not exist yet when it was named.

    Raises NotFound when nothing names one.
    """
    if catalogue is not None:
        return Home(Path(catalogue).expanduser())
    variable = os.environ.get(ENVIRONMENT_VARIABLE)
    if variable:
        return Home(Path(variable).expanduser())
    here = Path.cwd()
    for folder in (here, *here.parents):
        if Home(folder).exists:
            return Home(folder)
    raise NotFound(
        f"no catalogue is named, and none lies in {here} or above it",
        remedy=f"name one with -c FOLDER, or set {ENVIRONMENT_VARIABLE}",
    )


def existing(catalogue: str | Path | None) -> Home:
    """As `named`, but the catalogue must exist. Raises NotFound with the nearest name."""
    home = named(catalogue)
    if home.exists:
        return home
    parent = home.folder.parent
    siblings = (
        [child.name for child in parent.iterdir() if Home(child).exists] if parent.is_dir() else []
    )
    near = difflib.get_close_matches(home.folder.name, siblings, n=1)
    raise NotFound(
        f"there is no catalogue in {home.folder}",
        remedy=f"did you mean {parent / near[0]}?"
        if near
        else f"make one with: tiefvision index PHOTOS -c {home.folder}",
    )
