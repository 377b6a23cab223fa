"""`tiefvision train`: what people drew becomes a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tiefvision.cli.faults import INTERRUPTED, document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption, LabelOption

train = typer.Typer(no_args_is_help=True, help="Teach the catalogue; needs the teach extra.")


@train.command("locator")
@reporting
def train_locator(
    in_catalogue: CatalogueOption = None,
    label: LabelOption = "",
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="The same seed gives the same model.")
    ] = 0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the model, but do not use it yet.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Use the model though it measured no better.")
    ] = False,
    preview: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only draw some of the windows that would be learned from: png, jpg or webp.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn from drawn boxes where the product is.

    A model that places held-out boxes better than what is used now is activated, and every
    photograph is encoded anew; what was there before answers searches until that is done.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.train_locator import preview_samples
    from tiefvision.tasks.train_locator import train_locator as verb

    if preview is not None:
        drawn = preview_samples(
            preview, catalogue=in_catalogue, label=label, seed=seed, progress=bars()
        )
        if as_json:
            print_json(document(drawn))
        else:
            from tiefvision.cli import lessons

            lessons.show_preview(drawn)
        return
    with stop_on_interrupt() as stop:
        report = verb(
            catalogue=in_catalogue,
            label=label,
            seed=seed,
            keep=keep,
            force=force,
            progress=bars(),
            stop=stop,
        )
        if as_json:
            print_json(document(report))
        else:
            from tiefvision.cli import lessons

            lessons.show_lesson(report)
        if stop.is_set():
            raise typer.Exit(INTERRUPTED)
