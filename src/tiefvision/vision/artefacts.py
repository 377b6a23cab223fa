"""Model folders: model.json and the files beside it, written whole or not at all.

A model folder is the same thing in the user's cache and in a catalogue: encoders, locators and
rankers all live in one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from tiefvision.errors import NotFound, WeightsError

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | float | bool | None"

DESCRIPTION = "model.json"
_PARTIAL = ".partial-"
# A partial folder this old was left by a process that was killed: none writes for an hour.
_ABANDONED_AFTER_S = 3600


@dataclass(frozen=True, slots=True)
class Artefact:
    """A model folder whose files were found to be the ones that were written.

    fingerprint: hexadecimal SHA-256 of the description and of every file's bytes.
    files: the name and hexadecimal SHA-256 of each file beside model.json.
    """

    folder: Path
    fingerprint: str
    description: Mapping[str, Json]
    files: Mapping[str, str]

    def path(self, name: str) -> Path:
        """Where a file of this model lies. Raises NotFound for a name it does not have."""
        if name not in self.files:
            raise NotFound(f"{self.folder} holds {', '.join(self.files)} and no {name}")
        return self.folder / name


def write(folder: Path, *, description: Mapping[str, Json], files: Mapping[str, bytes]) -> Artefact:
    """A new model folder, complete on disk when this returns and absent when it is interrupted.

    Two processes may write the same model at once: the first to finish wins, and the other
    gets the winner's. A damaged folder of that name, or another model's, is replaced.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    fingerprint = _fingerprint(description, digests)
    header = {"fingerprint": fingerprint, "files": digests, "model": description}
    folder.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(folder.parent)
    partial = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
    try:
        for name, content in files.items():
            _write_durably(partial / name, content)
        text = json.dumps(header, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        _write_durably(partial / DESCRIPTION, text.encode())
        # mkdtemp makes a private folder; a model may be shared by the users of a machine.
        partial.chmod(0o755)
        _move_into_place(partial, folder, fingerprint)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read(folder)


def read(folder: Path) -> Artefact:
    """The model in a folder, every byte checked against its fingerprint.

    Raises NotFound without a model.json, WeightsError when the folder was changed or damaged.
    """
    try:
        text = (folder / DESCRIPTION).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(f"{folder} holds no {DESCRIPTION}") from error
    fingerprint, digests, description = _parse_header(folder, text)
    for name, expected in digests.items():
        if name != Path(name).name:
            raise _damaged(folder, f"names the file {name!r} outside itself")
        try:
            content = (folder / name).read_bytes()
        except FileNotFoundError as error:
            raise _damaged(folder, f"lacks {name}") from error
        if hashlib.sha256(content).hexdigest() != expected:
            raise _damaged(folder, f"has a {name} of other bytes than were written")
    if _fingerprint(description, digests) != fingerprint:
        raise _damaged(folder, f"has a {DESCRIPTION} that does not match its fingerprint")
    return Artefact(folder, fingerprint, description, digests)


def copy(artefact: Artefact, models: Path) -> Artefact:
    """The same model as `models/<fingerprint>/`; nothing is written when it is there already."""
    folder = models / artefact.fingerprint
    with contextlib.suppress(NotFound, WeightsError):
        return read(folder)
    files = {name: artefact.path(name).read_bytes() for name in artefact.files}
    return write(folder, description=artefact.description, files=files)


def _fingerprint(description: Mapping[str, Json], digests: Mapping[str, str]) -> str:
    canonical = json.dumps(
        [description, digests], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _parse_header(folder: Path, text: str) -> tuple[str, dict[str, str], dict[str, Json]]:
    try:
        header: Json = json.loads(text)
    except ValueError as error:
        raise _damaged(folder, f"has a {DESCRIPTION} that is not JSON ({error})") from error
    match header:
        case {"fingerprint": str(fingerprint), "files": dict(files), "model": dict(description)}:
            return fingerprint, {name: str(digest) for name, digest in files.items()}, description
        case _:
            raise _damaged(folder, f"has a {DESCRIPTION} without fingerprint, files and model")


def _damaged(folder: Path, what: str) -> WeightsError:
    return WeightsError(
        f"the model folder {folder} {what}",
        remedy=f"delete {folder} and add the model again (`tiefvision encoders list` shows how)",
    )


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _move_into_place(partial: Path, folder: Path, fingerprint: str) -> None:
    """Renames atomically; what is already there stays if it is the same model, and sound."""
    try:
        partial.rename(folder)
    except OSError:
        if not folder.exists():
            raise
        with contextlib.suppress(NotFound, WeightsError):
            if read(folder).fingerprint == fingerprint:
                return
        broken = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=folder.parent))
        folder.rename(broken / "broken")
        shutil.rmtree(broken, ignore_errors=True)
        partial.rename(folder)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make what was just named in a folder outlive a loss of power."""
    # Windows cannot open a folder; there the rename itself is durable.
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_abandoned(parent: Path) -> None:
    for path in parent.glob(f"{_PARTIAL}*"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > _ABANDONED_AFTER_S:
                shutil.rmtree(path, ignore_errors=True)
