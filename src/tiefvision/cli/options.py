"""Options that many commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CatalogueOption = Annotated[
    Path | None,
    typer.Option(
        "--catalogue",
        "-c",
        metavar="DIR",
        help="The catalogue's folder. Default: what TIEFVISION_CATALOGUE names, or the catalogue "
        "in or above the working folder.",
    ),
]
LabelOption = Annotated[
    str,
    typer.Option(metavar="LABEL", help="One of several products in a photograph, such as bag."),
]
RankerOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="The ranker to rank by, or none; or a mix: colour=0.7,shape=0.3. Default: the ranker "
        "called default, where one is active.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Never use the network; say what to type instead.")
]
