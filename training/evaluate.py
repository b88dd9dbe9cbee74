"""How good the champion has been since it was trained (MLproject entry point ``evaluate``)."""

from dataclasses import dataclass

import pandas as pd
import typer

from crm.errors import NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.labels import Patience
from models.registry import load_champion
from models.scorer import Scorer
from training.contest import judged_rows, trained_until
from training.dataset import Dataset
from training.entry_point import run
from training.metrics import measure
from training.moments import day_or_today
from training.plan import Plan
from training.targets import EVENTS, target
from training.train import dataset_of


@dataclass(frozen=True)
class Evaluation:
    """What a scorer's answers were worth since its training.

    Attributes
    ----------
    metrics : one row per event and model
    n_judged, n_left_out : snapshots since the training that are judged, and that are too young for it
    """

    metrics: pd.DataFrame
    n_judged: int
    n_left_out: int

    @property
    def says(self) -> str:
        """How many snapshots were left out, and why."""
        return (
            f"{self.n_left_out:,} of {self.n_judged + self.n_left_out:,} snapshots since the training are left out: "
            "their deals have not had time to close, and it is known how they ended only where that was soon"
        )


def evaluate(scorer: Scorer, dataset: Dataset) -> Evaluation:
    """Metrics on the snapshots since the scorer was trained whose deals have had time to close, as the gate takes them.

    Raises
    ------
    NotEnoughDataError
        Where no deal of those snapshots has closed yet, or all ended alike.
    """
    since, table = trained_until(scorer), scorer.read(dataset.table)
    rows, found = judged_rows(dataset, since), []
    for event in EVENTS:
        model = scorer.win if event == "win" else scorer.stall
        known = target(dataset, event, dataset.until, rows)
        said = {"stage rate": model.stage_rate.predict(table["stage"]), "scorer": model.predict(table)}
        for name, values in measure(known.happened, known.weight, said).items():
            found.append({"event": event, "model": name, "n_snapshots": int((known.weight > 0).sum()), **values})
    if not found:
        raise NotEnoughDataError(
            f"no deal was won and lost since the champion was trained ({scorer.trained_until}); "
            "train one with --until an earlier day to see how it does on the days after"
        )
    n_judged = int(rows.sum())
    return Evaluation(pd.DataFrame(found), n_judged, int((dataset.at >= since).sum()) - n_judged)


def main(
    until: str = typer.Option("", help="Judge by what was known before this day (YYYY-MM-DD); today if not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
) -> None:
    """Print the champion's metrics on what came after its training."""
    settings = Settings()
    scorer = load_champion(settings.tracking_uri)
    plan = Plan(
        train_until=day_or_today(until),
        snapshot_days=snapshot_days,
        reporting_currency=settings.reporting_currency,
        patience=Patience(*scorer.patience),
        declared=scorer.win.declared,
    )
    try:
        found = evaluate(scorer, dataset_of(open_store(settings.store_url).read_all(), plan))
    except NotEnoughDataError as error:
        typer.echo(f"not enough data: {error}")
        return
    typer.echo(found.metrics.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    typer.echo(found.says)


if __name__ == "__main__":
    run(main)
