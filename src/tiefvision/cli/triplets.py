"""`tiefvision triplets`: what is similar, as people or attributes say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tiefvision.cli.faults import document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption

triplets = typer.Typer(no_args_is_help=True, help="What is similar, as people or attributes say.")

# As store/judgements.py has it, which must not be imported before a command runs.
_DEFAULT_NAME = "default"

_FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="csv|parquet|jsonl", help="Default: what the file's name says."
    ),
]
_NameOption = Annotated[
    str, typer.Option(metavar="NAME", help="The ranker that learns them, such as colour.")
]


@triplets.command("import")
@reporting
def import_triplets(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv, .parquet or .jsonl file.")],
    in_catalogue: CatalogueOption = None,
    format: _FormatOption = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The ranker that learns them. Default: what the file's column `name` says, else "
            "default.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out lines that cannot be taken over.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take over triplets, pairs or groups of a file, all or none.

    Its columns say which: anchor (or reference), positive, negative; first, second, same; or
    label, path, split.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.teaching.triplets import import_triplets as verb

    report = verb(
        file,
        catalogue=in_catalogue,
        format=format,
        name=name,
        skip_bad=skip_bad,
        progress=bars(),
    )
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_import(report)


@triplets.command("export")
@reporting
def export_triplets(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .csv, .parquet or .jsonl file to write.")
    ],
    in_catalogue: CatalogueOption = None,
    format: _FormatOption = None,
    what: Annotated[
        str, typer.Option("--what", metavar="triplets|pairs|groups", help="What is written.")
    ] = "triplets",
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only those of this ranker.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write triplets, pairs or groups to a file."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.teaching.triplets import export_triplets as verb

    report = verb(
        file, catalogue=in_catalogue, format=format, what=what, name=name, progress=bars()
    )
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_export(report)


@triplets.command("derive")
@reporting
def derive_triplets(
    in_catalogue: CatalogueOption = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Photographs with one value of it are similar."),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="All three have one value of it, such as a kind."),
    ] = None,
    apart: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="The similar two have different values of it, such as a sender."
        ),
    ] = None,
    hard: Annotated[
        bool, typer.Option("--hard", help="Prefer what the current order gets wrong.")
    ] = False,
    mirror: Annotated[
        bool,
        typer.Option(
            "--mirror", help="Also: a photograph, itself mirrored, and the one closest to it."
        ),
    ] = False,
    count: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many triplets of either sort.")
    ] = 2_000,
    name: _NameOption = _DEFAULT_NAME,
    seed: Annotated[int, typer.Option(min=0, help="The same one draws the same triplets.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Make triplets from attributes, or from mirror images."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.teaching.derive_triplets import derive_triplets as verb

    report = verb(
        by,
        catalogue=in_catalogue,
        within=within,
        apart=apart,
        hard=hard,
        mirror=mirror,
        count=count,
        name=name,
        seed=seed,
        progress=bars(),
    )
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_derivation(report)


@triplets.command("ask")
@reporting
def ask_triplets(
    in_catalogue: CatalogueOption = None,
    count: Annotated[
        int, typer.Option("--count", "-n", metavar="N", min=1, help="How many questions.")
    ] = 20,
    name: _NameOption = _DEFAULT_NAME,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write them as a new sheet to fill in."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also write a contact sheet.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="The same one asks the same. Default: others each time."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the questions most worth a person's answer: which is more similar, 1 or 2?

    Some were answered before, to see how consistent the answers are.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.teaching.ask_triplets import ask_triplets as verb

    found = verb(
        count,
        catalogue=in_catalogue,
        name=name,
        out=out,
        sheet_file=sheet,
        seed=seed,
        progress=bars(),
    )
    if as_json:
        print_json(document(found))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_questions(found)


@triplets.command("answer")
@reporting
def answer_triplets(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A sheet with 1 or 2 in its column answer."),
    ],
    in_catalogue: CatalogueOption = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The ranker that learns them. Default: the one that the sheet was written for.",
        ),
    ] = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out lines that cannot be taken over.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Take over the answers of a sheet that ask wrote, all or none."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.teaching.answer_triplets import answer_triplets as verb

    report = verb(file, catalogue=in_catalogue, name=name, skip_bad=skip_bad, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_answers(report)


@triplets.command("list")
@reporting
def list_triplets(
    in_catalogue: CatalogueOption = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Show the newest triplets of this ranker.")
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", metavar="N", min=1, help="How many triplets.")
    ] = 20,
    as_json: JsonOption = False,
) -> None:
    """Count the judgements of each ranker by source, and show those of one."""
    from tiefvision.tasks.teaching.triplets import list_triplets as verb

    found = verb(catalogue=in_catalogue, name=name, limit=limit)
    if as_json:
        print_json(document(found))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_list(found)


@triplets.command("remove")
@reporting
def remove_triplets(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="[ID]...", help="Triplets, as listed.")
    ] = None,
    in_catalogue: CatalogueOption = None,
    name: _NameOption = _DEFAULT_NAME,
    source: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="people, asked, imported, derived or mirrored ones; pairs too."
        ),
    ] = None,
    groups: Annotated[bool, typer.Option("--groups", help="The groups of the name.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything of the name.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove judgements of a ranker: some triplets, those of a source, its groups, or all."""
    from tiefvision.tasks.teaching.triplets import remove_triplets as verb

    report = verb(
        ids or (),
        catalogue=in_catalogue,
        name=name,
        source=source,
        groups=groups,
        everything=everything,
    )
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import triplet_reports

        triplet_reports.show_removal(report)
