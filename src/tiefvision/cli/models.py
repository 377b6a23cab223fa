"""`tiefvision models`: trained models, which is active, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from tiefvision.cli.faults import INTERRUPTED, document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption, LabelOption
from tiefvision.errors import InvalidInput

if TYPE_CHECKING:
    from tiefvision.tasks.keeping.models import Activation

models = typer.Typer(no_args_is_help=True, help="Trained models; which is active.")

_ModelArgument = Annotated[
    str, typer.Argument(metavar="MODEL", help="Its id, or the first letters of it.")
]


@models.command("list")
@reporting
def list_models(in_catalogue: CatalogueOption = None, as_json: JsonOption = False) -> None:
    """List the trained models, newest first."""
    from tiefvision.tasks.keeping.models import list_models as verb

    found = verb(in_catalogue)
    if as_json:
        print_json({"models": [document(model) for model in found]})
    else:
        from tiefvision.cli import lessons

        lessons.show_models(found)


@models.command("show")
@reporting
def show_model(
    model: _ModelArgument, in_catalogue: CatalogueOption = None, as_json: JsonOption = False
) -> None:
    """Show what the training of a model measured."""
    from tiefvision.tasks.keeping.models import show_model as verb

    details = verb(model, catalogue=in_catalogue)
    if as_json:
        print_json(document(details))
    else:
        from tiefvision.cli import lessons

        lessons.show_details(details)


@models.command("activate")
@reporting
def activate_model(
    model: _ModelArgument, in_catalogue: CatalogueOption = None, as_json: JsonOption = False
) -> None:
    """Use a model from now on.

    A locator has every photograph encoded anew; a ranker has the stored cells ranked anew, which
    takes seconds. What was there before answers searches until that is done.
    """
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.keeping.models import activate_model as verb

    with stop_on_interrupt() as stop:
        done = verb(model, catalogue=in_catalogue, progress=bars(), stop=stop)
        _show_activation(done, interrupted=stop.is_set(), as_json=as_json)


@models.command("undo")
@reporting
def undo(
    in_catalogue: CatalogueOption = None,
    label: LabelOption = "",
    ranker: Annotated[
        str, typer.Option(metavar="NAME", help="Go back from the ranker of this name instead.")
    ] = "",
    to_none: Annotated[
        bool, typer.Option("--none", help="Use no trained locator, or ranker, any more.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Go back to the locator, or ranker, that was active before the present one."""
    if label and ranker:
        raise InvalidInput(
            f"a label ({label}) and a ranker ({ranker}) were named; expected one of them",
            remedy=f"tiefvision models undo --ranker {ranker}",
        )
    from tiefvision.cli.bars import bars
    from tiefvision.cli.interrupt import stop_on_interrupt
    from tiefvision.tasks.keeping.models import deactivate as verb

    with stop_on_interrupt() as stop:
        done = verb(
            kind="ranker" if ranker else "locator",
            name=ranker or label,
            back=not to_none,
            catalogue=in_catalogue,
            progress=bars(),
            stop=stop,
        )
        _show_activation(done, interrupted=stop.is_set(), as_json=as_json)


@models.command("remove")
@reporting
def remove_model(
    model: _ModelArgument, in_catalogue: CatalogueOption = None, as_json: JsonOption = False
) -> None:
    """Remove a model that is not active."""
    from tiefvision.tasks.keeping.models import remove_model as verb

    removed = verb(model, catalogue=in_catalogue)
    if as_json:
        print_json(document(removed))
    else:
        from tiefvision.cli.screen import say

        say(f"removed the {removed.kind} {removed.id[:12]}")


def _show_activation(done: Activation, *, interrupted: bool, as_json: bool) -> None:
    if as_json:
        print_json(document(done))
    else:
        from tiefvision.cli import lessons

        lessons.show_activation(done)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
