"""`tiefvision train`: what people drew and judged becomes models."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from tiefvision.cli.faults import INTERRUPTED, document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption, LabelOption
from tiefvision.errors import InvalidInput
from tiefvision.maths.merge_rules import Merge
from tiefvision.teach.rank_choices import CHANNELS, Loss, Network
from tiefvision.vision.locator_choices import DEFAULT_MERGE, DEFAULT_WINDOWS, LocatorChoices

_Number = TypeVar("_Number", int, float)

train = typer.Typer(no_args_is_help=True, help="Teach the catalogue; needs the teach extra.")


@train.command("locator")
@reporting
def train_locator(
    in_catalogue: CatalogueOption = None,
    label: LabelOption = "",
    merge: Annotated[
        Merge,
        typer.Option(
            help="How windows become one box: the mean of all; each edge's mean of the windows on "
            "its own side; the mean by probability; each edge's median; or joined two by two."
        ),
    ] = DEFAULT_MERGE,
    windows: Annotated[
        str,
        typer.Option(
            metavar="N,...",
            help="Cells along a side of the windows that slide over the photograph's 14 x 14: "
            "odd numbers, such as 3,5,7.",
        ),
    ] = ",".join(map(str, DEFAULT_WINDOWS)),
    pyramid: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE,...",
            help="Look at the photograph enlarged as well, such as 2 times: for small products; "
            "costs time for every photograph.",
        ),
    ] = None,
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
    from tiefvision.tasks.locating.preview_samples import preview_samples
    from tiefvision.tasks.locating.train_locator import train_locator as verb

    sides = _numbers(windows, int, option="--windows", example="3,5,7")
    sizes = _numbers(pyramid or "", float, option="--pyramid", example="2")
    choices = LocatorChoices(merge, sides, sizes)
    if preview is not None:
        drawn = preview_samples(
            preview,
            catalogue=in_catalogue,
            label=label,
            choices=choices,
            seed=seed,
            progress=bars(),
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
            choices=choices,
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


@train.command("ranker")
@reporting
def train_ranker(
    in_catalogue: CatalogueOption = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Learn what was judged under this name, such as colour. Default: default.",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="An attribute, such as sender, whose images are judged together or learned from "
            "together; may be repeated.",
        ),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="An attribute whose kinds are held out whole too. Default: kind, if there is one.",
        ),
    ] = None,
    network: Annotated[
        Network, typer.Option(help="A linear map of each cell, or one with a small network beside.")
    ] = "residual",
    loss: Annotated[
        Loss,
        typer.Option(help="Triplets by their cosines or their angles, or pairs (siamese)."),
    ] = "cosine",
    channels: Annotated[
        str, typer.Option(metavar="N|all", help="Channels of the ranked cells, at most; or all.")
    ] = str(CHANNELS),
    seed: Annotated[
        int, typer.Option(metavar="N", min=0, help="The same seed gives the same model.")
    ] = 0,
    device: Annotated[str, typer.Option(metavar="cpu|cuda", help="Where torch computes.")] = "cpu",
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the model, but do not use it yet.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Use the model though it measured worse.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Use it where there is too little to measure it by.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Learn from judgements what similar means, from stored cells: no photograph is read.

    A model is judged by triplets of images that it did not learn from, and by whole kinds where
    there are some. It is used unless it ranks them worse; where fewer than 50 were held out, you
    are asked. `tiefvision models undo --ranker NAME` brings the previous one back.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.teaching.train_ranker import train_ranker as verb

    def confirm(question: str) -> bool:
        return yes or typer.confirm(question, err=True)

    with stop_on_interrupt() as stop:
        lesson = verb(
            catalogue=in_catalogue,
            name=name,
            groups=group or (),
            kind=kind,
            network=network,
            loss=loss,
            channels=_channels(channels),
            seed=seed,
            device=device,
            keep=keep,
            force=force,
            ask=confirm if yes or (sys.stdin.isatty() and not as_json) else None,
            progress=bars(),
            stop=stop,
        )
        if lesson is None:
            raise typer.Exit(INTERRUPTED)
        if as_json:
            print_json(document(lesson))
        else:
            from tiefvision.cli import lessons

            lessons.show_ranker_lesson(lesson)
        if stop.is_set():
            raise typer.Exit(INTERRUPTED)


def _channels(given: str) -> int | None:
    """A number of channels; None for all."""
    if given == "all":
        return None
    try:
        return int(given)
    except ValueError:
        raise InvalidInput(
            f"--channels {given} is no number; expected one, or all", remedy="--channels 256"
        ) from None


def _numbers(
    given: str, kind: Callable[[str], _Number], *, option: str, example: str
) -> tuple[_Number, ...]:
    """Numbers with commas between them."""
    try:
        return tuple(kind(number) for number in given.split(",") if given)
    except ValueError:
        raise InvalidInput(
            f"{option} {given} is no list of numbers; expected something like {example}",
            remedy=f"{option} {example}",
        ) from None
