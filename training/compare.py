"""Compare registered scorers on the same newest deals (MLproject entry point ``compare``)."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import typer
from rich.console import Console
from rich.table import Table

from crm.errors import NoModelError, NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.labels import Patience
from models.registry import CHALLENGER, CHAMPION, load_registered, registered, run_text
from models.runs import log_results, logged_run
from models.scorer import Scorer
from training.bounds import metrics_with_bounds
from training.contest import Contest, Contestant, contest
from training.entry_point import run
from training.gate import IN_WORDS
from training.metrics import METRICS
from training.moments import day_or_today
from training.plan import Plan
from training.plan_file import plan_of
from training.train import dataset_of, dataset_with

ALL = "(all)"
HEADS = {"log_loss": "log loss", "brier": "Brier", "ece": "calibration error", "auc": "AUC"}


def comparison(found: Contest, stages: pd.Series, seed: int) -> pd.DataFrame:
    """Every metric of every contestant and rung, with bounds of 95 % over deals.

    Parameters
    ----------
    stages : stage of each snapshot of the contest's window

    Returns
    -------
    DataFrame, one row per event, stage (``(all)`` for all of them), model and metric
        ``value``, ``low`` and ``high``, and ``n_deals`` that have ended. Stages where only one outcome was seen are
        left out.
    """
    parts = []
    for event, judged in found.judged.items():
        for stage in (ALL, *sorted(stages.unique())):
            member = stages == stage if stage != ALL else pd.Series(True, index=stages.index)
            weight = judged.target.weight * member.to_numpy()
            figures = metrics_with_bounds(judged.target.happened, weight, found.deal, judged.probabilities, seed)
            n_deals = len(set(found.deal[weight > 0]))
            parts.append(figures.assign(event=event, stage=stage, n_deals=n_deals))
    columns = ["event", "stage", "n_deals", "model", "metric", "value", "low", "high"]
    return pd.concat(parts, ignore_index=True)[columns]


def rendered(figures: pd.DataFrame) -> list[Table]:
    """A table per event: one row per stage and model, a column for each metric with its bounds."""
    tables = []
    for event, of_event in figures.groupby("event", sort=False):
        table = Table(title=f"{IN_WORDS[event]}", title_justify="left")
        for head in ("stage", "deals", "model", *(HEADS.get(name, name) for name in METRICS)):
            table.add_column(head, justify="left" if head in ("stage", "model") else "right")
        for (stage, model), rows in of_event.groupby(["stage", "model"], sort=False):
            values = {row["metric"]: row for row in rows.to_dict("records")}
            cells = (f"{one['value']:.3f} ({one['low']:.3f} to {one['high']:.3f})" for one in values.values())
            table.add_row(str(stage), f"{rows['n_deals'].iloc[0]:,}", str(model), *cells)
        tables.append(table)
    return tables


def contestants_of(tracking_uri: str, which: Sequence[str]) -> list[tuple[str, Scorer, Plan | None]]:
    """Name, scorer and plan of registered versions, by alias or number; both aliases, so far as there are, by default.

    Raises
    ------
    NoModelError
        One of them is not there.
    """
    found = []
    for name in which or (CHAMPION, CHALLENGER):
        try:
            version = registered(tracking_uri, name)
        except NoModelError:
            if which or name == CHAMPION:
                raise
            continue
        plan = plan_of(run_text(tracking_uri, version.run_id, "plan.json"))
        called = f"version {version.version}" if name.isdecimal() else f"{name} (version {version.version})"
        found.append((called, load_registered(tracking_uri, version.version), plan))
    return found


def compare(
    scorers: Sequence[tuple[str, Scorer, Plan | None]], tables: dict[str, pd.DataFrame], plan: Plan
) -> tuple[Contest, pd.Series]:
    """The contest of the scorers on the snapshots that ``plan`` asks for, and the stages of its window."""
    first = scorers[0][1]
    plan = replace(plan, patience=Patience(*first.patience), declared=first.win.declared)
    dataset = dataset_of(tables, plan)
    found = contest(
        [
            Contestant(name, dataset_with(dataset, tables, plan, scorer.win.declared), scorer, of_scorer)
            for name, scorer, of_scorer in scorers
        ],
        plan,
    )
    return found, dataset.table["stage"][found.rows].reset_index(drop=True)


def main(
    versions: list[str] = typer.Argument(None, help="Versions or aliases; the champion and the challenger by default."),
    until: str = typer.Option("", help="Judge by what was known before this day (YYYY-MM-DD); today if not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
    seed: int = typer.Option(0, min=0),
) -> None:
    """Print how registered scorers do on the same newest deals, and log it."""
    settings = Settings()
    # `mlflow run` hands over all of them as one word.
    scorers = contestants_of(settings.tracking_uri, " ".join(versions or ()).split())
    plan = Plan(day_or_today(until), snapshot_days, reporting_currency=settings.reporting_currency)
    try:
        found, stages = compare(scorers, open_store(settings.store_url).read_all(), plan)
    except NotEnoughDataError as error:
        typer.echo(f"not enough data: {error}")
        return
    figures = comparison(found, stages, seed)
    parameters = {"versions": ", ".join(name for name, _, _ in scorers), "until": plan.train_until, "seed": seed}
    with logged_run(settings.tracking_uri, "compare", parameters):
        log_results(
            tables={"comparison": figures},
            texts={"contest.json": json.dumps({"since": found.start_date, "how": found.how})},
        )
    console = Console(width=None if typer.get_text_stream("stdout").isatty() else 160)
    for table in rendered(figures):
        console.print(table)
    for name, how in found.how.items():
        typer.echo(f"{name}: judged {how}, on snapshots since {found.start_date}")


if __name__ == "__main__":
    run(main)
