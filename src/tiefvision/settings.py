"""tiefvision.toml <-> frozen dataclasses. The only home of defaults.

Every catalogue holds one tiefvision.toml, written when it is made and free to be edited.
"""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Literal, TypeVar

from tiefvision.errors import InvalidSettings

FILE_NAME = "tiefvision.toml"

# Chosen by benchmarks/quality.py (docs/benchmarks.md): the best of the built-in encoders within
# twice the indexing time of EfficientNet-Lite0 alone.
DEFAULT_ENCODER = "0.6*efficientnet-lite1+0.4*mobilenetv2"


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """[encoder] what turns pixels into cells. Changing it makes a new cell space.

    name: encoders and weights, "A" or "0.6*A+0.4*B". precision: fp32, or bf16 with OpenVINO.
    rows, cols: the cells of an image. pooling: max or mean, how a grid becomes so many cells.
    """

    name: str = DEFAULT_ENCODER
    precision: Literal["fp32", "bf16"] = "fp32"
    rows: int = 3
    cols: int = 3
    pooling: Literal["max", "mean"] = "max"


@dataclass(frozen=True, slots=True)
class LocatorSettings:
    """[locator] where the product is, until a locator is trained. Changing it makes a new cell
    space.

    first_guess: on, off, or auto: on where its network is a part of the encoder; saliency: by a
    network of its own (U2-Net-p), which takes far longer.
    """

    first_guess: Literal["auto", "on", "off", "saliency"] = "auto"


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """[index] how files are read. workers 0 = one for each processor core."""

    workers: int = 0
    megapixels: int = 100
    megabytes: int = 200


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """[search] how many hits, and how many candidates are compared exactly to find them.

    shortlist: benchmarks/search.py prints the recall and the time of each length.
    scan_up_to: rows up to which the compact vectors are scanned in memory; beyond it the vector
    engine's index answers.
    """

    k: int = 5
    shortlist: int = 100
    scan_up_to: int = 200_000


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """[serve] what an upload may be at most, how much disk the thumbnails may take, and how much a
    client of another machine may ask (0: as much as it likes)."""

    megabytes: int = 20
    megapixels: int = 50
    thumbnail_megabytes: int = 500
    requests_per_minute: int = 600


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """[store] where a catalogue's parts lie when one machine is not enough.

    catalogue: "" for a file in the catalogue's folder, or the address of a PostgreSQL database.
    url: "" for vectors in the catalogue's folder, or the address of a Milvus server, or the path of
    a file of milvus-lite. collections: what the names of the catalogue's collections begin with.
    """

    catalogue: str = ""
    url: str = ""
    collections: str = "tiefvision"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in tiefvision.toml."""

    encoder: EncoderSettings = field(default_factory=EncoderSettings)
    locator: LocatorSettings = field(default_factory=LocatorSettings)
    index: IndexSettings = field(default_factory=IndexSettings)
    search: SearchSettings = field(default_factory=SearchSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    store: StoreSettings = field(default_factory=StoreSettings)


_CHOICES = {
    ("encoder", "precision"): ("fp32", "bf16"),
    ("encoder", "pooling"): ("max", "mean"),
    ("locator", "first_guess"): ("auto", "on", "off", "saliency"),
}
_MINIMA = {
    ("encoder", "rows"): 1,
    ("encoder", "cols"): 1,
    ("index", "workers"): 0,
    ("index", "megapixels"): 1,
    ("index", "megabytes"): 1,
    ("search", "k"): 1,
    ("search", "shortlist"): 1,
    ("search", "scan_up_to"): 0,
    ("serve", "megabytes"): 1,
    ("serve", "megapixels"): 1,
    ("serve", "thumbnail_megabytes"): 1,
    ("serve", "requests_per_minute"): 0,
}


def read(folder: Path) -> Settings:
    """The settings of a catalogue folder; defaults where the file or a key is absent.

    Raises InvalidSettings for unknown sections or keys and for wrong types or values.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return Settings()
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} is not TOML: {error}", remedy="mend that line") from error
    return _parse(table, source=str(file))


def write(folder: Path, settings: Settings) -> None:
    """Write a catalogue's tiefvision.toml."""
    lines = ["# Settings of this TiefVision catalogue; docs/reference/settings.md explains each."]
    for section, values in asdict(settings).items():
        lines += ["", f"[{section}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
    # Whole or not at all: half a file would silently mean other defaults.
    partial = folder / f"{FILE_NAME}.partial"
    partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
    partial.replace(folder / FILE_NAME)


def _parse(table: dict[str, object], *, source: str) -> Settings:
    settings = Settings()
    sections = {section.name: getattr(settings, section.name) for section in fields(settings)}
    for name, values in table.items():
        if name not in sections:
            raise _unknown("section", f"[{name}]", [f"[{known}]" for known in sections], source)
        if not isinstance(values, dict):
            raise InvalidSettings(f"{source}: {name} is a value; expected a section [{name}]")
        sections[name] = _section(name, sections[name], values, source)
    return Settings(**sections)


_Section = TypeVar(
    "_Section",
    EncoderSettings,
    LocatorSettings,
    IndexSettings,
    SearchSettings,
    ServeSettings,
    StoreSettings,
)


def _section(name: str, defaults: _Section, values: dict[str, object], source: str) -> _Section:
    known = asdict(defaults)
    for key, value in values.items():
        if key not in known:
            raise _unknown(f"key of [{name}]", key, list(known), source)
        if type(value) is not type(known[key]):
            raise InvalidSettings(
                f"{source}: [{name}] {key} is {value!r}; expected {type(known[key]).__name__}, "
                f"for example {_toml(known[key])}"
            )
        choices = _CHOICES.get((name, key))
        if choices is not None and value not in choices:
            raise _unknown(f"value of [{name}] {key}", str(value), list(choices), source)
        minimum = _MINIMA.get((name, key))
        if minimum is not None and isinstance(value, int) and value < minimum:
            raise InvalidSettings(
                f"{source}: [{name}] {key} is {value}; expected at least {minimum}"
            )
    return replace(defaults, **values)


def _unknown(kind: str, name: str, known: list[str], source: str) -> InvalidSettings:
    near = difflib.get_close_matches(name, known, n=1)
    return InvalidSettings(
        f"{source}: unknown {kind} {name}; expected one of {', '.join(known)}",
        remedy=f"did you mean {near[0]}?" if near else "",
    )


def _toml(value: object) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value).lower() if isinstance(value, bool) else str(value)
