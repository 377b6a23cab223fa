"""`tiefvision triplets`: what is similar, taken from files, written, listed and removed."""

from __future__ import annotations

import difflib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tiefvision.errors import InvalidInput, NotFound
from tiefvision.store import home, judgement_formats, photographs
from tiefvision.store.database import Database, open_database
from tiefvision.store.judgement_formats.columns import KINDS
from tiefvision.store.judgement_formats.entries import (
    Flaw,
    Judged,
    Kind,
    NamedGroup,
    NamedPair,
    NamedTriplet,
)
from tiefvision.store.judgements import DEFAULT_NAME, Judgements, NameCount
from tiefvision.tasks.locating.boxes import check_target
from tiefvision.tasks.progress import Progress, counted, silent
from tiefvision.tasks.teaching.triplet_reading import read_judgements, usable_name, usable_source


@dataclass(frozen=True, slots=True)
class TripletImportReport:
    """What an import did.

    kind: triplets, pairs or groups. imported: those that are new; unchanged: those that were
    there already. names: how many are new under each name. problems: lines that were left out,
    the first of them. by_file_name: photographs that were found by their file name alone.
    """

    file: str
    format: str
    kind: Kind
    imported: int
    unchanged: int
    names: Mapping[str, int]
    problems: Sequence[Flaw]
    problem_count: int
    by_file_name: int


@dataclass(frozen=True, slots=True)
class TripletExportReport:
    """A written file. written: judgements in it. orphans: those with a photograph that the
    catalogue no longer has; they are not in the file."""

    file: str
    format: str
    kind: Kind
    written: int
    orphans: int


@dataclass(frozen=True, slots=True)
class ListedTriplet:
    """A triplet by the paths of its photographs; None for one that the catalogue no longer has.

    taught_at: seconds since 1970. ranker: the id of the one that was active then.
    """

    id: int
    anchor: str | None
    positive: str | None
    negative: str | None
    mirrored: bool
    source: str
    taught_at: float
    ranker: str | None


@dataclass(frozen=True, slots=True)
class TripletList:
    """The judgements of a catalogue by name.

    listed: triplets of the name that was asked for, the newest first. repeated: how many of its
    questions were asked once more; agreed: how many of these were answered the same.
    """

    names: Sequence[NameCount]
    listed: Sequence[ListedTriplet]
    repeated: int = 0
    agreed: int = 0


@dataclass(frozen=True, slots=True)
class TripletRemovalReport:
    """How many judgements of a name were removed. groups_left: those that it has still."""

    name: str
    triplets: int
    pairs: int
    groups: int
    groups_left: int


def import_triplets(
    file: str | Path,
    *,
    catalogue: str | Path | None = None,
    format: str | None = None,
    name: str | None = None,
    skip_bad: bool = False,
    progress: Progress = silent,
) -> TripletImportReport:
    """Take over the triplets, pairs or groups of a file, all or none.

    Its columns say which: anchor (or reference), positive, negative; first, second, same; or
    label, path, split. format: csv, parquet or jsonl; None: by the file's suffix. name: of the
    ranker that shall learn them; None: what the file says, else "default". skip_bad: leave out
    lines that cannot be taken over, which otherwise end the import: unknown photographs, one
    photograph twice, what repeats or contradicts an earlier line or contradicts the catalogue.

    Raises InvalidInput for a file that is not of its format and for bad lines, NotFound where
    there is no file or catalogue, and NotReady for a catalogue without photographs.
    """
    source = Path(file).expanduser().absolute()
    form = judgement_formats.of_file(source, format)
    own_name = None if name is None else usable_name(name)
    with _open(catalogue) as database:
        reading = read_judgements(source, form, database, name=own_name, progress=progress)
        if not skip_bad:
            reading.check(source)
        Judgements(database).add(reading.teachings, now=time.time())
    names: dict[str, int] = {}
    for each in reading.teachings:
        count = len(each.triplets) + len(each.pairs) + len(each.groups or ())
        names[each.name] = names.get(each.name, 0) + count
    return TripletImportReport(
        file=str(source),
        format=form.name,
        kind=reading.kind,
        imported=sum(names.values()),
        unchanged=reading.unchanged,
        names=names,
        problems=reading.told(),
        problem_count=len(reading.flaws),
        by_file_name=reading.by_file_name,
    )


def export_triplets(
    file: str | Path,
    *,
    catalogue: str | Path | None = None,
    format: str | None = None,
    what: str = "triplets",
    name: str | None = None,
    progress: Progress = silent,
) -> TripletExportReport:
    """Write triplets, pairs or groups to a file, whole or not at all; one that exists is replaced.

    what: triplets, pairs or groups. name: only those of one ranker; None: all, each with its name.
    Raises InvalidInput for another name of a format or a kind, and NotFound when there is nothing
    to write.
    """
    target = Path(file).expanduser().absolute()
    form = judgement_formats.of_name(target, format)
    check_target(target, is_folder=False)
    kind = _kind(what)
    with _open(catalogue) as database:
        held = Judgements(database)
        wanted = [each.name for each in _counts(held, name) if name in (None, each.name)]
        judged = [each for own in wanted for each in _judged(database, kind, own)]
    known = [each for each in judged if all(each.paths)]
    if not known:
        raise NotFound(
            f"there are no {kind} to write",
            remedy="take some over: tiefvision triplets import, or tiefvision triplets derive",
        )
    with (
        progress(f"writing {kind}", len(known), unit=kind) as advance,
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".triplets-") as place,
    ):
        partial = Path(place) / target.name
        form.write(partial, kind, counted(known, advance))
        os.replace(partial, target)
    orphans = len(judged) - len(known)
    return TripletExportReport(str(target), form.name, kind, len(known), orphans)


def list_triplets(
    *, catalogue: str | Path | None = None, name: str | None = None, limit: int = 20
) -> TripletList:
    """How many judgements each name has, by source; of a name that is asked for, its triplets too.

    limit: how many triplets, the newest. Raises NotFound for a name that has no judgements.
    """
    with _open(catalogue) as database:
        held = Judgements(database)
        counts = _counts(held, name)
        if name is None:
            return TripletList(counts, [])
        newest = held.triplets(name)[::-1][:limit]
        paths = photographs.names(
            database, (id_ for t in newest for id_ in (t.anchor, t.positive, t.negative))
        )
        listed = [
            ListedTriplet(
                each.id,
                paths.get(each.anchor),
                paths.get(each.positive),
                paths.get(each.negative),
                each.mirrored,
                each.source,
                each.taught_at,
                each.ranker,
            )
            for each in newest
        ]
        agreed, repeated = held.consistency(name)
    own = [each for each in counts if each.name == name]
    return TripletList(own, listed, repeated, agreed)


def remove_triplets(
    ids: Sequence[int] = (),
    *,
    catalogue: str | Path | None = None,
    name: str = DEFAULT_NAME,
    source: str | None = None,
    groups: bool = False,
    everything: bool = False,
) -> TripletRemovalReport:
    """Remove judgements of a name: triplets by id, triplets and pairs by source, its groups, or
    `everything` of it.

    Raises InvalidInput where not exactly one of these is asked for or the source does not exist,
    and NotFound for a name without judgements and an id without a triplet.
    """
    if [bool(ids), source is not None, groups, everything].count(True) != 1:
        raise InvalidInput(
            "say which judgements: by their ids, by their source, the groups, or all",
            remedy="tiefvision triplets remove ID... | --source SOURCE | --groups | --all",
        )
    own_source = None if source is None else usable_source(source)
    with _open(catalogue) as database:
        held = Judgements(database)
        (count,) = (each for each in _counts(held, name) if each.name == name)
        if groups:
            held.set_groups(name, {})
            return TripletRemovalReport(name, 0, 0, count.groups, 0)
        gone = held.remove(name, ids=ids or None, source=own_source)
        left = count.groups - gone.groups
        return TripletRemovalReport(name, gone.triplets, gone.pairs, gone.groups, left)


def _kind(what: str) -> Kind:
    for kind in KINDS:
        if kind == what:
            return kind
    raise InvalidInput(f"there are no {what!r}; expected {', '.join(KINDS)}")


def _counts(held: Judgements, name: str | None) -> list[NameCount]:
    """The judgements by name. Raises NotFound where a name that is asked for has none."""
    counts = held.names()
    known = [each.name for each in counts]
    if name is not None and name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise NotFound(
            f"there are no judgements named {name!r}; the names are {', '.join(known) or 'none'}",
            remedy=f"did you mean {near[0]}?" if near else "",
        )
    return counts


def _judged(database: Database, kind: Kind, name: str) -> Iterator[Judged]:
    """The judgements of a name, by the paths of their photographs; "" for those that are gone."""
    held = Judgements(database)
    if kind == "triplets":
        triplets = held.triplets(name)
        ids = (id_ for t in triplets for id_ in (t.anchor, t.positive, t.negative))
        paths = photographs.names(database, ids)
        for line, t in enumerate(triplets, start=1):
            anchor, positive, negative = (
                paths.get(id_, "") for id_ in (t.anchor, t.positive, t.negative)
            )
            yield NamedTriplet(line, anchor, positive, negative, t.mirrored, t.source, name)
    elif kind == "pairs":
        pairs = held.pairs(name)
        paths = photographs.names(database, (id_ for p in pairs for id_ in (p.first, p.second)))
        for line, p in enumerate(pairs, start=1):
            first, second = (paths.get(id_, "") for id_ in (p.first, p.second))
            yield NamedPair(line, first, second, p.same, p.source, name)
    else:
        groups = held.groups(name)
        paths = photographs.names(database, groups)
        for line, (id_, g) in enumerate(groups.items(), start=1):
            yield NamedGroup(line, g.value, paths.get(id_, ""), g.split, g.apart, name)


def _open(catalogue: str | Path | None) -> closing[Database]:
    return closing(open_database(home.existing(catalogue).folder))
