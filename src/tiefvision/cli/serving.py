"""The command that serves a catalogue: its site and its HTTP API."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tiefvision.cli.faults import document, print_json, reporting
from tiefvision.cli.options import CatalogueOption, JsonOption
from tiefvision.errors import NotReady

if TYPE_CHECKING:
    from tiefvision.server.serving import Address

app = typer.Typer()

# What the extra `serve` brings.
_NEEDED = ("fastapi", "prometheus_client", "python_multipart", "uvicorn")


@app.command()
@reporting
def serve(
    catalogue: CatalogueOption = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Any but a loopback address needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65_535, help="0 takes a free one.")
    ] = 8000,
    token: Annotated[
        bool,
        typer.Option("--token", help="Make a new token, show it once, and ask everybody for it."),
    ] = False,
    scope: Annotated[
        Literal["read", "teach", "full"],
        typer.Option(help="What the new token may do: search, also teach, or everything."),
    ] = "full",
    new: Annotated[
        bool, typer.Option("--new", help="Make an empty catalogue where there is none.")
    ] = False,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further name that the server is called by."),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=64, help="How many processes answer.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Serve the site and the HTTP API of a catalogue.

    TIEFVISION_TOKEN sets the token. Needs: pip install 'tiefvision[serve]'.
    """
    for module in _NEEDED:
        try:
            import_module(module)
        except ImportError:
            raise NotReady(
                f"the server needs {module}, which is not installed",
                remedy="pip install 'tiefvision[serve]'",
            ) from None
    from tiefvision.server.serving import serve as verb

    def started(address: Address) -> None:
        if as_json:
            print_json(document(address))
            return
        from tiefvision.cli import results

        results.say(f"serving {address.url}")
        if address.token is not None:
            results.say(f"token: {address.token}  (shown this once; log in with it)")
        results.say("Ctrl-C ends")

    verb(
        catalogue,
        host=host,
        port=port,
        allowed_hosts=allow_host or (),
        new_token=scope if token else None,
        new=new,
        count=workers,
        started=started,
    )
