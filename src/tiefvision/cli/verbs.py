"""The main commands: index, search, status, doctor, demo."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tiefvision.cli.faults import INTERRUPTED, document, print_json, reporting
from tiefvision.cli.options import (
    CatalogueOption,
    JsonOption,
    LabelOption,
    OfflineOption,
    RankerOption,
)
from tiefvision.errors import InvalidInput

if TYPE_CHECKING:
    from tiefvision.tasks.indexing.index import IndexReport

app = typer.Typer()


@app.command()
@reporting
def index(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATHS", help="Folders and files of photographs.")
    ],
    catalogue: CatalogueOption = None,
    attributes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A CSV or Parquet table with a column `path`; its other columns serve --where.",
        ),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove images whose file is gone.")
    ] = False,
    prune_emptied: Annotated[
        bool,
        typer.Option(
            "--prune-emptied", help="The same, also where none of a folder's files is there."
        ),
    ] = False,
    encoder: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="What turns pixels into cells: see `tiefvision encoders list`. A catalogue that "
            "exists is encoded anew.",
        ),
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="fp32|bf16", help="bf16 needs the openvino extra.")
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=0, help="Threads. 0: one for each processor core.")
    ] = 0,
    offline: OfflineOption = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Stay, and index again whenever photographs change.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a catalogue up to date with folders.

    Only what is new or changed is read; Ctrl-C stops cleanly, and the next run goes on.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.indexing import index as verb

    with stop_on_interrupt() as stop:

        def run() -> IndexReport:
            return verb.index(
                paths,
                catalogue=catalogue,
                attributes_file=attributes,
                prune=prune,
                prune_emptied=prune_emptied,
                encoder=encoder,
                precision=precision,
                workers_wanted=workers or None,
                offline=offline,
                progress=bars(),
                stop=stop,
            )

        if not watch:
            report = run()
            _show_index(report, with_columns=attributes is not None, as_json=as_json)
        else:
            from tiefvision.tasks.indexing.watch import watch as watch_for_changes

            also = [] if attributes is None else [attributes]
            report = _show_watched(
                watch_for_changes(paths, run, catalogue=catalogue, also=also, stop=stop),
                as_json=as_json,
            )
    if report is not None and report.interrupted:
        _end_interrupted(report, as_json=as_json)


def _show_index(report: IndexReport, *, with_columns: bool, as_json: bool) -> None:
    from tiefvision.cli import results

    if as_json:
        print_json(document(report))
    else:
        results.show_index(report, with_columns=with_columns)


def _show_watched(reports: Iterator[IndexReport], *, as_json: bool) -> IndexReport | None:
    """Show each run of a watch, in JSON one line for each; the last one's report."""
    from tiefvision.cli import results

    report = None
    for number, report in enumerate(reports):
        if as_json:
            print_json(document(report))
        elif number == 0:
            results.show_index(report, with_columns=False)
            results.say("\nwatching for changes; Ctrl-C ends")
        else:
            results.show_pass(report)
    return report


def _end_interrupted(report: IndexReport, *, as_json: bool) -> None:
    from tiefvision.cli import results
    from tiefvision.tasks.keeping.status import status

    if not as_json:
        results.show_interrupted(report, todo=status(report.catalogue).todo)
    raise typer.Exit(INTERRUPTED)


@app.command()
@reporting
def search(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE...",
            help="The photograph to search with; of several, what they have in common.",
        ),
    ] = None,
    catalogue: CatalogueOption = None,
    k: Annotated[
        int | None, typer.Option("-k", metavar="N", min=1, help="How many hits. Default: 5.")
    ] = None,
    where: Annotated[
        str | None,
        typer.Option(metavar="EXPR", help="Only such images: \"label = 'Dress' AND price < 80\"."),
    ] = None,
    box: Annotated[
        str | None,
        typer.Option(metavar="L,T,R,B", help="Where the product is in IMAGE, in pixels."),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Do not look for the product: compare all of IMAGE.")
    ] = False,
    label: LabelOption = "",
    ranker: RankerOption = "",
    mirror: Annotated[
        bool, typer.Option("--mirror", help="Also compare IMAGE flipped left to right.")
    ] = False,
    image_ids: Annotated[
        list[int] | None,
        typer.Option("--id", metavar="N", help="An image of the catalogue, by its id."),
    ] = None,
    unlike: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="FILE", help="A photograph that hits shall not be like."),
    ] = None,
    unlike_ids: Annotated[
        list[int] | None,
        typer.Option("--not-id", metavar="N", help="The same, an image of the catalogue."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Also write a contact sheet.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show the images most similar to a photograph, or to several."""
    examples = [*(images or []), *(image_ids or [])]
    if not examples:
        raise InvalidInput(
            "a search needs an IMAGE, or an --id of the catalogue",
            remedy="tiefvision search IMAGE",
        )
    from tiefvision.maths import boxes
    from tiefvision.tasks.searching.query import search as verb

    if sheet is not None:
        from tiefvision.tasks.showing.sheet import check_file

        check_file(sheet)
    place = None if box is None else boxes.parse(box)
    result = verb(
        examples[0],
        positive=examples[1:],
        negative=[*(unlike or []), *(unlike_ids or [])],
        catalogue=catalogue,
        k=k,
        box=place,
        whole=whole,
        label=label,
        ranker=ranker,
        where=where,
        mirror=mirror,
    )
    if sheet is not None:
        from tiefvision.tasks.searching.query import write_result_sheet

        write_result_sheet(sheet, examples[0], result, catalogue=catalogue)
    if as_json:
        print_json(document(result))
    else:
        from tiefvision.cli import results

        results.show_result(result)
        if sheet is not None:
            results.say(f"contact sheet: {sheet}")


@app.command()
@reporting
def locate(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGES", help="Photographs, of the catalogue or not.")
    ],
    catalogue: CatalogueOption = None,
    label: LabelOption = "",
    sheet: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Also write a contact sheet with the boxes."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show where the product is seen in photographs."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.locating.locate import locate as verb

    report = verb(images, catalogue=catalogue, label=label, sheet=sheet, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import lessons

        lessons.show_located(report)


@app.command()
@reporting
def status(catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """Show what a catalogue holds and uses."""
    from tiefvision.tasks.keeping.status import status as verb

    found = verb(catalogue)
    if as_json:
        print_json(document(found))
    else:
        from tiefvision.cli import states

        states.show_status(found)


@app.command()
@reporting
def doctor(
    catalogue: CatalogueOption = None,
    recheck: Annotated[
        bool, typer.Option("--recheck", help="Read every photograph and compare its content.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check a catalogue; say what to type.

    Ends with exit code 1 unless the catalogue is healthy.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.keeping.doctor import doctor as verb

    diagnosis = verb(catalogue, recheck=recheck, progress=bars())
    if as_json:
        print_json(document(diagnosis))
    else:
        from tiefvision.cli import states

        states.show_diagnosis(diagnosis)
    if not diagnosis.healthy:
        raise typer.Exit(1)


@app.command()
@reporting
def demo(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where the demo goes.")] = Path(
        "demo"
    ),
    count: Annotated[
        int, typer.Option(metavar="N", min=3, help="How many photographs are drawn.")
    ] = 300,
    photos: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Use the photographs of a folder, and draw none."),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """Draw photographs, index them, search them."""
    from tiefvision.cli.bars import bars
    from tiefvision.tasks.demo import demo as verb

    report = verb(folder, count=count, photos=photos, offline=offline, progress=bars())
    if as_json:
        print_json(document(report))
    else:
        from tiefvision.cli import results

        results.show_demo(report)
