"""Write the training snapshots with their signals and labels to Parquet (MLproject entry point ``features``)."""

from pathlib import Path

import pandas as pd
import typer

from crm.settings import Settings
from crm.store import open_store
from training.dataset import Dataset
from training.entry_point import run
from training.moments import day_or_today
from training.plan import Plan
from training.train import dataset_of


def labelled(dataset: Dataset) -> pd.DataFrame:
    """Snapshots, signals and labels as of the end of the data set; one row per snapshot."""
    seen = dataset.labels(dataset.until)
    columns = {"won": seen.won, "days_to_close": seen.days_to_close, "stalled": seen.stalled}
    return pd.concat([dataset.table, pd.DataFrame(columns | {"patience_days": dataset.patience_days})], axis=1)


def write(table: pd.DataFrame, path: Path) -> None:
    """Write Parquet so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    table.to_parquet(unfinished, index=False)
    unfinished.replace(path)


def main(
    out: Path = typer.Option(Path("build/snapshots.parquet"), help="Where to write."),
    until: str = typer.Option("", help="Snapshots before this day (YYYY-MM-DD); today where not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
) -> None:
    """Write every snapshot with its signals and labels to one Parquet file."""
    settings = Settings()
    plan = Plan(
        train_until=day_or_today(until),
        snapshot_days=snapshot_days,
        reporting_currency=settings.reporting_currency,
    )
    table = labelled(dataset_of(open_store(settings.store_url).read_all(), plan))
    write(table, out)
    typer.echo(f"{len(table):,} snapshots written to {out}")


if __name__ == "__main__":
    run(main)
