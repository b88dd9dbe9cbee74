"""Train a scorer from the store, log it to MLflow and make it the champion (MLproject entry point ``train``)."""

from collections.abc import Mapping

import pandas as pd
import typer

from crm.errors import NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.declared import load_declared
from features.labels import Patience
from models.boosting import BoosterPlan
from models.registry import Logged, Training, log_and_promote
from training.dataset import Dataset, build_dataset
from training.entry_point import run
from training.fit import Fit, fit
from training.metrics import measure
from training.moments import day_or_today, midnight
from training.own_columns import refuse_leaks
from training.plan import Plan

_TITLES = {"win": "Win probability, holdout", "stall": "Stall risk, holdout"}


def dataset_of(tables: Mapping[str, pd.DataFrame], plan: Plan) -> Dataset:
    """The snapshots that ``plan`` trains on; raises ``NotEnoughDataError`` where there are none."""
    if tables["deals"].empty:
        raise NotEnoughDataError("the store holds no deals; import some first with `plumbline import`")
    until = midnight(plan.train_until)
    first = tables["deals"]["created_at"].min()
    if first >= until:
        raise NotEnoughDataError(
            f"none of the {len(tables['deals']):,} deals in the store was created before {plan.train_until}, "
            f"the first on {first:%Y-%m-%d}; use a later --until"
        )
    return build_dataset(
        tables,
        until=until,
        every_days=plan.snapshot_days,
        patience=plan.patience,
        reporting_currency=plan.reporting_currency,
        declared=plan.declared,
    )


def holdout_metrics(fitted: Fit) -> pd.DataFrame:
    """Metrics on the holdout; one row per event and model (trees and the rungs below)."""
    rows = [
        {"event": event, "model": model, "n_snapshots": int((holdout.target.weight > 0).sum()), **values}
        for event, holdout in fitted.holdouts.items()
        for model, values in measure(holdout.target.happened, holdout.target.weight, holdout.probabilities).items()
    ]
    return pd.DataFrame(rows, columns=["event", "model", "n_snapshots", "log_loss", "brier", "ece", "auc"])


def log(fitted: Fit, dataset: Dataset, plan: Plan, tracking_uri: str) -> Logged:
    """Log the run with parameters, metrics, figures and the scorer; the scorer becomes the champion."""
    # shap takes seconds to import; those who only want the data set do not wait for it.
    from training.figures import reliability_figure, signals_figure

    metrics = holdout_metrics(fitted)
    figures = {
        f"reliability_{event}": reliability_figure(holdout, _TITLES[event])
        for event, holdout in fitted.holdouts.items()
    }
    scorer = fitted.scorer
    if scorer.win.booster:
        figures["signals_win"] = signals_figure(scorer.win, dataset.table, plan.booster.seed)
    training = Training(
        parameters=plan.parameters() | {"n_snapshots": len(dataset.at), "n_signals": len(dataset.signals)},
        metrics=_flat(metrics),
        figures=figures,
        tables={"holdout_metrics": metrics},
        example=dataset.table[["stage", "patience_days", *dataset.signals]].head(3),
    )
    return log_and_promote(tracking_uri, scorer, training)


def warnings(metrics: pd.DataFrame) -> list[str]:
    """A sentence for each event of which the holdout says that trees did worse than the stage rate."""
    loss = metrics.pivot(index="event", columns="model", values="log_loss")
    return [
        f"warning: on the holdout trees did worse than the stage rate ({event}: log loss {row['lightgbm']:.3f} against "
        f"{row['stage rate']:.3f}); its scores may be no better than luck, more closed deals will tell"
        for event, row in loss.iterrows()
        if row["lightgbm"] > row["stage rate"]
    ]


def _flat(metrics: pd.DataFrame) -> dict[str, float]:
    """Metrics by names such as ``win_log_loss`` (trees) and ``win_log_loss_stage_rate``."""
    flat: dict[str, float] = {}
    for row in metrics.to_dict("records"):
        suffix = "" if row["model"] == "lightgbm" else "_" + str(row["model"]).replace(" + ", "_and_").replace(" ", "_")
        flat |= {f"{row['event']}_{name}{suffix}": float(row[name]) for name in ("log_loss", "brier", "ece", "auc")}
    return flat


def main(
    until: str = typer.Option("", help="Train on what was known before this day (YYYY-MM-DD); today where not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
    patience_minimum_days: float = typer.Option(
        7, min=0, max=90, help="Lower bound of the stall window; 1 for days-long pipelines."
    ),
    seed: int = typer.Option(0, min=0),
    threads: int = typer.Option(1, min=1, help="Threads of LightGBM per model; any number gives the same result."),
) -> None:
    """Train a scorer and make it the champion."""
    settings = Settings()
    plan = Plan(
        train_until=day_or_today(until),
        snapshot_days=snapshot_days,
        reporting_currency=settings.reporting_currency,
        patience=Patience(minimum_days=patience_minimum_days),
        declared=load_declared(settings.signals),
        booster=BoosterPlan(seed=seed, num_threads=threads),
    )
    store = open_store(settings.store_url)
    tables = store.read_all()
    refuse_leaks(tables, plan.declared, midnight(plan.train_until))
    dataset = dataset_of(tables, plan)
    fitted = fit(dataset, plan)
    logged = log(fitted, dataset, plan, settings.tracking_uri)
    metrics = holdout_metrics(fitted)
    typer.echo(f"{len(dataset.at):,} snapshots, {len(dataset.signals)} signals, seed {seed}")
    if len(metrics):
        typer.echo(metrics.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    for line in (*warnings(metrics), fitted.scorer.note):
        if line:
            typer.echo(line)
    typer.echo(f"champion: version {logged.model_version} ({fitted.scorer.version})")


if __name__ == "__main__":
    run(main)
