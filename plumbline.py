"""The ``plumbline`` command: one thin function per verb; each imports what it needs when called."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from crm.errors import PlumblineError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Scores every open deal from your own CRM history, explains each score, and forecasts what you will land.",
)


@app.command()
def simulate(
    out: Annotated[Path, typer.Option(help="Folder to write the tables to, as Parquet.")] = Path("build/demo-crm"),
    deals: Annotated[int, typer.Option(min=200, max=1_000_000, help="How many deals.")] = 6_000,
    seed: int = 20261116,
    oracle: Annotated[bool, typer.Option(help="Also write the best possible answer for every snapshot.")] = True,
) -> None:
    """Write a simulated CRM with known truth."""
    from rich.progress import Progress

    from crm.simulate import write_simulation

    with Progress() as bar:
        task = bar.add_task("simulating", total=deals)
        counts = write_simulation(
            out, deals, seed, with_oracle=oracle, progress=lambda done: bar.update(task, completed=done)
        )
    typer.echo(f"seed {seed}; {out}: " + ", ".join(f"{n:,} {name}" for name, n in counts.items()))


@app.command()
def train(
    until: Annotated[str, typer.Option(help="Use what was known before this day (YYYY-MM-DD); default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(help="7: a snapshot each Monday; 1: each day.")] = 7,
    patience_minimum_days: Annotated[float, typer.Option(help="Lower bound of the stall window.")] = 7,
    seed: int = 0,
    threads: Annotated[int, typer.Option(help="Threads of LightGBM; any number gives the same result.")] = 2,
) -> None:
    """Train a scorer, log it to MLflow and make it the champion."""
    from training.train import main as run

    run(until, snapshot_days, patience_minimum_days, seed, threads)


@app.command()
def score(as_of: Annotated[str, typer.Option(help="As of this instant (ISO 8601); default now.")] = "") -> None:
    """Score every open deal with the champion and keep the scores."""
    from training.score import main as run

    run(as_of)


@app.command()
def evaluate(
    until: Annotated[str, typer.Option(help="Judge by what was known before this day; default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(help="7: a snapshot each Monday; 1: each day.")] = 7,
) -> None:
    """Say how good the champion has been since it was trained."""
    from training.evaluate import main as run

    run(until, snapshot_days)


def main() -> None:
    """Run the command; what we raise on purpose becomes one sentence, never a traceback."""
    try:
        app()
    except PlumblineError as error:
        typer.echo(f"plumbline: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
