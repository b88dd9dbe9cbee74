"""How an entry point of MLproject is run: what we raise on purpose becomes one sentence, never a traceback."""

import sys
from collections.abc import Callable

import typer

from crm.errors import PlumblineError


def run(main: Callable[..., None]) -> None:
    """Run ``main`` with the arguments of the command line; ends the process with 1 where something was wrong."""
    try:
        typer.run(main)
    except (PlumblineError, OSError) as error:
        typer.echo(f"plumbline: {error}", err=True)
        sys.exit(1)
