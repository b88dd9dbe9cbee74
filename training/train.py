"""Train a scorer from the store, try it at the gate, log and register it (MLproject entry point ``train``).

What passes the gate becomes the champion; what does not is kept as the challenger, and the champion goes on serving.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import typer

from crm.errors import NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.declared import Declared, load_declared
from features.labels import Patience
from models.boosting import BoosterPlan
from models.registry import promote
from models.runs import Logged, log_challenger
from models.scorer import Scorer
from training.contest import Judged, metrics_of
from training.dataset import Dataset, build_dataset
from training.entry_point import run
from training.fit import Fit, fit
from training.gate import CHALLENGER
from training.leaks import refuse
from training.moments import day_or_today, midnight
from training.own_columns import declared_leaks
from training.plan import Plan
from training.plan_file import read_booster
from training.promote import by_the_gate
from training.trial import Trial, champion_in_office, training_record, trial


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


def dataset_with(dataset: Dataset, tables: Mapping[str, pd.DataFrame], plan: Plan, declared: Declared) -> Dataset:
    """The snapshots of ``dataset`` with the signals of another declaration."""
    return dataset if declared == dataset.declared else dataset_of(tables, replace(plan, declared=declared))


def try_and_log(
    scorer: Scorer, dataset: Dataset, plan: Plan, tables: Mapping[str, pd.DataFrame], tracking_uri: str
) -> tuple[Trial, Logged]:
    """Try a scorer beside the champion in office, log the run and register it as the challenger."""
    tried = trial(
        scorer,
        dataset,
        plan,
        champion_in_office(tracking_uri),
        dataset_with=lambda declared: dataset_with(dataset, tables, plan, declared),
        suspicions=suspicions(tables, plan),
    )
    return tried, log_challenger(tracking_uri, scorer, training_record(scorer, dataset, plan, tried))


def suspicions(tables: Mapping[str, pd.DataFrame], plan: Plan) -> tuple[str, ...]:
    """What would have been said of the declared columns that the user vouches for; the model card keeps it."""
    doubted = tuple(replace(one, known_at_creation=False) for one in plan.declared.customs if one.known_at_creation)
    found = declared_leaks(tables, Declared(doubted), midnight(plan.train_until))
    return tuple(f'"{leak.column}" {leak.why}' for leak in found)


def holdout_metrics(fitted: Fit) -> pd.DataFrame:
    """Metrics on the holdout of the walk through time; one row per event and model (trees and the rungs below)."""
    return metrics_of({event: Judged(one.target, one.probabilities) for event, one in fitted.holdouts.items()})


def warnings(metrics: pd.DataFrame) -> list[str]:
    """A sentence for each event of which the newest deals say that the scorer did worse than the stage rate."""
    loss = metrics.pivot(index="event", columns="model", values="log_loss")
    return [
        f"warning: on the newest deals the scorer did worse than the stage rate ({event}: log loss "
        f"{row[CHALLENGER]:.3f} against {row['stage rate']:.3f}); it may be no better than luck, more closed deals "
        "will tell"
        for event, row in loss.iterrows()
        if row[CHALLENGER] > row["stage rate"]
    ]


def promote_if_passed(tracking_uri: str, logged: Logged, tried: Trial, *, wanted: bool) -> str:
    """Make the challenger the champion where the gate lets it and it is wanted; says what became of it."""
    version = logged.model_version
    if not tried.verdict.passed:
        return (
            f"challenger: version {version} is registered and not promoted; `plumbline compare` looks closer, "
            'and `plumbline promote --force --reason "..."` overrules the gate'
        )
    if not wanted:
        return f"challenger: version {version} is registered; `plumbline promote` makes it the champion"
    promote(tracking_uri, by_the_gate(version, tried.verdict.says))
    return f"champion: version {version}"


def main(
    until: str = typer.Option("", help="Train on what was known before this day (YYYY-MM-DD); today where not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
    patience_minimum_days: float = typer.Option(
        7, min=0, max=90, help="Lower bound of the stall window; 1 for days-long pipelines."
    ),
    seed: int = typer.Option(0, min=0),
    threads: int = typer.Option(1, min=1, help="Threads of LightGBM per model; any number gives the same result."),
    plan_file: str = typer.Option("", "--plan", help="A plan that `plumbline tune` wrote (YAML or JSON)."),
    promote_it: bool = typer.Option(True, "--promote/--no-promote", help="Or only register it as the challenger."),
) -> None:
    """Train a scorer, try it at the gate and make it the champion if it passes."""
    settings = Settings()
    trees = BoosterPlan(seed=seed, num_threads=threads)
    plan = Plan(
        train_until=day_or_today(until),
        snapshot_days=snapshot_days,
        reporting_currency=settings.reporting_currency,
        patience=Patience(minimum_days=patience_minimum_days),
        declared=load_declared(settings.signals),
        booster=read_booster(Path(plan_file), trees) if plan_file else trees,
    )
    tables = open_store(settings.store_url).read_all()
    refuse(declared_leaks(tables, plan.declared, midnight(plan.train_until)))
    dataset = dataset_of(tables, plan)
    scorer = fit(dataset, plan).scorer
    tried, logged = try_and_log(scorer, dataset, plan, tables, settings.tracking_uri)
    typer.echo(f"{len(dataset.at):,} snapshots, {len(dataset.signals)} signals, seed {seed}")
    if len(tried.metrics):
        typer.echo(tried.metrics.to_string(index=False, float_format=lambda value: f"{value:.4f}"))
    for line in (*warnings(tried.metrics), scorer.note, *tried.verdict.lines):
        if line:
            typer.echo(line)
    typer.echo(f"{promote_if_passed(settings.tracking_uri, logged, tried, wanted=promote_it)} ({scorer.version})")


if __name__ == "__main__":
    run(main)
