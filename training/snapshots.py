"""Build the snapshots of all deals, with their signals and labels, as Parquet (MLproject entry point ``features``)."""

import os

import typer
from rich.progress import Progress

from crm.company_files import CompanyFiles
from crm.company_store import CompanyStore
from crm.settings import Settings
from features.build import build
from features.declared import load_declared
from features.histories import instant
from features.partition import SnapshotPlan
from training.entry_point import run
from training.labelled import labelled
from training.moments import day_or_today, midnight


def main(
    out: str = typer.Option("build/features", help="Folder to write to: a path, or an address that fsspec knows."),
    crm: str = typer.Option("", help="A folder of contract tables as Parquet; the store where not given."),
    until: str = typer.Option("", help="Snapshots before this day (YYYY-MM-DD); today where not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
    anew: bool = typer.Option(False, help="Build everything, also where a new day could be added to what is there."),
    processes: int = typer.Option(os.cpu_count() or 1, min=1, help="Processes; any number gives the same bits."),
) -> None:
    """Write every snapshot with its signals and labels, or add those of the days since the last time."""
    settings = Settings()
    company = CompanyFiles(crm) if crm else CompanyStore(settings.store_url)
    plan = SnapshotPlan(
        until=instant(midnight(day_or_today(until))),
        every_days=snapshot_days,
        reporting_currency=settings.reporting_currency,
        declared=load_declared(settings.signals),
    )
    with Progress(transient=True) as bar:
        tasks = {step: bar.add_task(step, total=None) for step in ("norms", "snapshots", "labels")}

        def progress(step: str, done: int, total: int) -> None:
            bar.update(tasks[step], completed=done, total=total)

        built = build(company, out, plan, label=labelled, anew=anew, processes=processes, progress=progress)
    typer.echo(f"{built.manifest.n_rows:,} snapshots in {out}, {built.said}")


if __name__ == "__main__":
    run(main)
