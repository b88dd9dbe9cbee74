"""The ``plumbline`` command: one thin function per verb; each imports what it needs when called."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crm.errors import PlumblineError

if TYPE_CHECKING:
    from rich.progress import TaskID

    from models.scorer import Scorer

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


@app.command("import")
def import_(
    sources: Annotated[list[Path], typer.Argument(help="Files, or folders of them.")],
    mapping: Annotated[
        str | None, typer.Option(help="A mapping file, or bpic2012 or maven_crm; none if named as the contract.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be loaded; write nothing.")] = False,
    exported_at: Annotated[
        datetime | None, typer.Option(help="When the export was made (UTC); default: as the mapping or the files say.")
    ] = None,
    rejects: Annotated[Path | None, typer.Option(help="Where refused rows go; default in the build folder.")] = None,
) -> None:
    """Read CRM files into the store; what breaks the contract is refused with its line and its rule."""
    from rich.console import Console
    from rich.progress import Progress

    from crm.import_report import render_report
    from crm.importer import import_files
    from crm.mapping import load_mapping
    from crm.settings import Settings
    from crm.store import open_store

    settings = Settings()
    tasks: dict[str, TaskID] = {}
    with Progress(console=Console(stderr=True), transient=True) as bar:

        def progress(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step)
            bar.update(tasks[step], completed=done, total=total)

        report = import_files(
            sources,
            open_store(settings.store_url),
            mapping=load_mapping(mapping) if mapping else None,
            rejects_path=rejects or settings.build_dir / "rejects.csv",
            dry_run=dry_run,
            exported_at=exported_at.replace(tzinfo=UTC) if exported_at else None,
            progress=progress,
        )
    Console(width=None if sys.stdout.isatty() else 160).print(render_report(report))
    if report.nothing_was_fit:
        raise typer.Exit(1)


@app.command()
def features(
    out: Annotated[str, typer.Option(help="Folder: a path, or an address that fsspec knows.")] = "build/features",
    crm: Annotated[str, typer.Option(help="A folder of contract tables as Parquet; default the store.")] = "",
    until: Annotated[str, typer.Option(help="Snapshots before this day (YYYY-MM-DD); default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(min=1, help="7: a snapshot each Monday; 1: each day.")] = 7,
    anew: Annotated[bool, typer.Option("--anew", help="Build all, also where days could be added.")] = False,
    processes: Annotated[int, typer.Option(min=1, help="Any number gives the same bits.")] = os.cpu_count() or 1,
) -> None:
    """Write every snapshot with its signals and labels as Parquet, or add those of the days since the last time."""
    from training.snapshots import main as run

    run(out, crm, until, snapshot_days, anew, processes)


@app.command()
def quality(
    out: Annotated[Path | None, typer.Option(help="Folder; default `reports` in the build folder.")] = None,
    as_of: Annotated[str, typer.Option(help="As known before this instant (ISO 8601); default now.")] = "",
) -> None:
    """Say how good the imported data are: what is missing, what cannot be, and what to do; as a page and as JSON."""
    from crm.settings import Settings
    from crm.store import open_store
    from features.declared import load_declared
    from reports.writing import write_quality
    from training.moments import instant_or_now

    settings = Settings()
    folder, instant = out or settings.build_dir / "reports", instant_or_now(as_of)
    store, declared = open_store(settings.store_url), load_declared(settings.signals)
    measured, paths = write_quality(store, folder, settings.reporting_currency, instant, declared)
    for verdict in measured.verdicts:
        typer.echo(f"{verdict.level:<9}  {verdict.says}")
    for path in paths:
        typer.echo(path)


@app.command()
def train(
    until: Annotated[str, typer.Option(help="Use what was known before this day (YYYY-MM-DD); default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(min=1, help="7: a snapshot each Monday; 1: each day.")] = 7,
    patience_minimum_days: Annotated[float, typer.Option(min=0, max=90, help="Lower bound of the stall window.")] = 7,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    threads: Annotated[
        int, typer.Option(min=1, help="Threads of LightGBM per model; any number gives the same result.")
    ] = 1,
    plan: Annotated[str, typer.Option(help="A plan that `plumbline tune` wrote (YAML or JSON).")] = "",
    promote: Annotated[bool, typer.Option(help="Or only register it as the challenger.")] = True,
) -> None:
    """Train a scorer, log it to MLflow, and make it the champion if it passes the gate."""
    from training.train import main as run

    run(until, snapshot_days, patience_minimum_days, seed, threads, plan, promote)


@app.command()
def promote(
    version: Annotated[str, typer.Option(help="Which version to force; default the challenger.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Overrule the gate; needs --reason.")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="Put the champion before this one back.")] = False,
    reason: Annotated[str, typer.Option(help="Why; kept with who and when.")] = "",
    history: Annotated[bool, typer.Option("--history", help="Only list every change of champion.")] = False,
) -> None:
    """Make the challenger the champion if it passed the gate; or overrule the gate, or go back."""
    from training.promote import main as run

    if force and rollback:
        raise typer.BadParameter("--force and --rollback exclude each other; a rollback needs no force")
    run("force" if force else "rollback" if rollback else "gate", version, reason, history)


@app.command()
def compare(
    versions: Annotated[list[str] | None, typer.Argument(help="Versions or aliases; default both aliases.")] = None,
    until: Annotated[str, typer.Option(help="Judge by what was known before this day; default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(min=1, help="7: a snapshot each Monday; 1: each day.")] = 7,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Compare registered scorers on the same newest deals, with bounds, in all and by stage."""
    from training.compare import main as run

    run(versions or [], until, snapshot_days, seed)


@app.command()
def tune(
    trials: Annotated[int, typer.Option(min=1, help="How many in all, those of earlier starts included.")] = 30,
    minutes: Annotated[float, typer.Option(min=0, help="Stop after so many minutes; 0 for no limit.")] = 0,
    budget: Annotated[int, typer.Option(min=0, help="Cost of explaining a score at most; 0: the default plan's.")] = 0,
    until: Annotated[str, typer.Option(help="Use what was known before this day; default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(min=1, help="7: a snapshot each Monday; 1: each day.")] = 7,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    threads: Annotated[int, typer.Option(min=1, help="Threads of LightGBM per model.")] = 1,
    study: Annotated[str, typer.Option(help="Name of the study; default one for these very data.")] = "",
    out: Annotated[str, typer.Option(help="Where the best plan goes; default in the build folder.")] = "",
) -> None:
    """Look for better trees within a budget; the best plan is written to a file for `plumbline train --plan`."""
    from training.tune import main as run

    run(trials, minutes, budget, until, snapshot_days, seed, threads, study, out)


@app.command()
def drift(
    until: Annotated[str, typer.Option(help="Look at the weeks before this day; default today.")] = "",
    weeks: Annotated[int, typer.Option(min=1, max=26, help="How many weeks are looked at.")] = 4,
    out: Annotated[str, typer.Option(help="Folder; default `drift` in the build folder.")] = "",
    fail_on_alarm: Annotated[bool, typer.Option("--fail-on-alarm", help="End with 3 on an alarm.")] = False,
) -> None:
    """Say whether signals, scores or outcomes have drifted from what the champion learned from, and what to do."""
    from training.drift import main as run

    run(until, weeks, out, fail_on_alarm)


@app.command()
def score(
    as_of: Annotated[str, typer.Option(help="As of this instant (ISO 8601); default now.")] = "",
    weekly_since: Annotated[str, typer.Option(help="Also as of each Monday from this day (YYYY-MM-DD) on.")] = "",
) -> None:
    """Score every open deal with the champion, forecast this and the next quarter, and keep both in the ledger."""
    from training.score import main as run

    run(as_of, weekly_since)


@app.command()
def evaluate(
    until: Annotated[str, typer.Option(help="Judge by what was known before this day; default today.")] = "",
    snapshot_days: Annotated[int, typer.Option(min=1, help="7: a snapshot each Monday; 1: each day.")] = 7,
) -> None:
    """Say how good the champion has been since it was trained."""
    from training.evaluate import main as run

    run(until, snapshot_days)


@app.command()
def backtest(
    until: Annotated[str, typer.Option(help="Periods that ended by this day (YYYY-MM-DD); default today.")] = "",
    weeks: Annotated[int, typer.Option(min=0, help="Length of a period in weeks; 0: fiscal quarters.")] = 0,
    weeks_before: Annotated[int, typer.Option(min=0, help="Also from so many Mondays before each period.")] = 13,
    patience_minimum_days: Annotated[float, typer.Option(min=0, max=90, help="Lower bound of the stall window.")] = 7,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Replay past periods and say how far the forecasts were off, beside naive rules."""
    from training.backtest import main as run

    run(until, weeks, weeks_before, patience_minimum_days, seed)


@app.command()
def leaks(
    file: Annotated[Path, typer.Argument(help="A CSV file with one line per deal.")],
    outcome: Annotated[str, typer.Option(help="The column that says how a deal ended.")],
    won: Annotated[str, typer.Option(help="What it says of a deal that was won.")],
    still_open: Annotated[
        list[str] | None, typer.Option("--open", help="What it says of a deal that is open; may be given again.")
    ] = None,
    delimiter: Annotated[str, typer.Option(help="What stands between two values.")] = ",",
) -> None:
    """Say which columns of a file tell how a deal ended, not what was known before; ends with 1 if any does."""
    from rich.console import Console

    from training.leak_table import read_columns, render_verdicts, verdicts

    columns, ended = read_columns(file, outcome=outcome, won=won, still_open=still_open or (), delimiter=delimiter)
    found = verdicts(columns, ended)
    Console(width=None if sys.stdout.isatty() else 160).print(render_verdicts(found, ended))
    if (found["verdict"] != "").any():
        raise typer.Exit(1)


@app.command()
def report(
    out: Annotated[Path | None, typer.Option(help="Folder; default `reports` in the build folder.")] = None,
) -> None:
    """Write every report on the latest scores and the ledger: self-contained pages, and CSV."""
    from crm.settings import Settings
    from crm.store import open_store
    from reports.writing import write_reports
    from training.champion_told import champion_told

    settings = Settings()
    folder, store = out or settings.build_dir / "reports", open_store(settings.store_url)

    def champion() -> "Scorer":
        from models.registry import load_champion

        return load_champion(settings.tracking_uri)

    ask = champion_told(store, settings.reporting_currency, champion)
    for path in write_reports(store, folder, settings.reporting_currency, ask):
        typer.echo(path)


@app.command()
def serve() -> None:
    """Serve the API and the pages; needs PLUMBLINE_API_KEY."""
    from crm.settings import Settings
    from serving.main import run

    run(Settings())


def main() -> None:
    """Run the command; what we raise on purpose becomes one sentence, never a traceback."""
    try:
        app()
    except PlumblineError as error:
        typer.echo(f"plumbline: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        advice = "; allow this user to use it, or name another place" if error.filename else ""
        typer.echo(f"plumbline: {place}{error.strerror or error}{advice}.", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
