"""`tiefvision boxes`: where the products are, as people drew it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tiefvision.cli.faults import document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption

boxes = typer.Typer(no_args_is_help=True, help="Where the products are, as people drew it.")

_FormatOption = Annotated[
    str | None,
    typer.Option(
        "--format", metavar="coco|voc|yolo|csv", help="Default: what the file looks like."
    ),
]
_LaterOption = Annotated[
    bool,
    typer.Option("--later", help="Do not encode the photographs anew now; `index` will do it."),
]
_LabelsOption = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="NAME", help="Only boxes of this label; may be repeated."),
]


@boxes.command("import")
@reporting
def import_boxes(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A COCO .json, a .csv, or a folder of VOC or YOLO files."
        ),
    ],
    in_catalogue: CatalogueOption = None,
    format: _FormatOption = None,
    labels: _LabelsOption = None,
    as_label: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="The label that every box gets.")
    ] = None,
    add: Annotated[
        bool, typer.Option("--add", help="Keep the boxes that photographs have already.")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out boxes that cannot be right.")
    ] = False,
    later: _LaterOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take over the boxes of a file, all or none.

    For every label that a photograph has in the file, its boxes of that label are replaced. The
    photographs whose boxes changed are encoded anew.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.locating.boxes import import_boxes as verb

    report = verb(
        file,
        catalogue=in_catalogue,
        format=format,
        labels=labels,
        as_label=as_label,
        add=add,
        skip_bad=skip_bad,
        progress=bars(),
    )
    encoded = _encoded(in_catalogue, changed=report.images, later=later)
    if as_json:
        print_json({**document(report), "encoded": encoded})
    else:
        from tiefvision.cli import box_reports

        box_reports.show_import(report)
        box_reports.show_encoded(encoded, changed=report.images)


@boxes.command("export")
@reporting
def export_boxes(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A .json or .csv file, or a new folder for VOC or YOLO files."
        ),
    ],
    in_catalogue: CatalogueOption = None,
    format: _FormatOption = None,
    labels: _LabelsOption = None,
    include_model: Annotated[
        bool,
        typer.Option(
            "--include-model",
            help="Also what a locator found where nobody drew a box, labelled `product`.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the boxes that people drew to a file."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.locating.boxes import export_boxes as verb

    report = verb(
        file,
        catalogue=in_catalogue,
        format=format,
        labels=labels,
        include_model=include_model,
        progress=bars(),
    )
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import box_reports

        box_reports.show_export(report)


@boxes.command("list")
@reporting
def list_boxes(
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE]...", help="Photographs whose boxes are shown."),
    ] = None,
    in_catalogue: CatalogueOption = None,
    as_json: JsonOption = False,
) -> None:
    """Count the boxes of each label, and show those of single photographs."""
    from tiefvision.tasks.locating.boxes import list_boxes as verb

    found = verb(images or (), catalogue=in_catalogue)
    if as_json:
        print_json(document(found))
    else:
        from tiefvision.cli import box_reports

        box_reports.show_list(found)


@boxes.command("remove")
@reporting
def remove_boxes(
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE]...", help="Only the boxes of these photographs."),
    ] = None,
    in_catalogue: CatalogueOption = None,
    labels: _LabelsOption = None,
    everything: Annotated[bool, typer.Option("--all", help="All boxes of the catalogue.")] = False,
    later: _LaterOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove boxes of photographs, of labels, or all; these photographs are encoded anew."""
    from tiefvision.tasks.locating.boxes import remove_boxes as verb

    report = verb(images or (), catalogue=in_catalogue, labels=labels, everything=everything)
    encoded = _encoded(in_catalogue, changed=report.images, later=later)
    if as_json:
        print_json({**document(report), "encoded": encoded})
    else:
        from tiefvision.cli import box_reports

        box_reports.show_removal(report)
        box_reports.show_encoded(encoded, changed=report.images)


def _encoded(catalogue: Path | None, *, changed: int, later: bool) -> int | None:
    """How many images were encoded anew because their boxes changed; None: that is to come."""
    if not changed:
        return 0
    if later:
        return None
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.indexing.update import update

    with stop_on_interrupt() as stop:
        done = update(catalogue, progress=bars(), stop=stop)
    return None if stop.is_set() else done.encoded
