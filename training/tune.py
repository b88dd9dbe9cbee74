"""Look for better trees (MLproject entry point ``tune``); ``training/study.py`` says how.

The search and each of its trials are MLflow runs, one within the other. The best plan is written to a file, which
``plumbline train --plan`` reads.
"""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import optuna
import typer
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.progress import Progress

from crm.errors import NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.declared import load_declared
from models.boosting import BoosterPlan
from models.runs import data_digest, log_results, logged_run
from training.entry_point import run
from training.moments import day_or_today
from training.plan import Plan
from training.plan_file import booster_text
from training.study import COST, Block, best_within, blocks_of, budget_of, finished, open_study, suggested, tried
from training.train import dataset_of


def search(
    study: optuna.Study, blocks: list[Block], plan: Plan, tracking_uri: str, *, trials: int, minutes: float, budget: int
) -> None:
    """Run trials until there are ``trials`` in all, or the minutes are over; each is a run within the present one."""

    def objective(trial: optuna.Trial) -> float:
        trees, found = suggested(trial, plan.booster), list[float]()
        with logged_run(tracking_uri, f"trial {trial.number}", asdict(trees), nested=True):
            try:
                return tried(trial, blocks, replace(plan, booster=trees), budget_of(study, budget), found)
            finally:
                metrics = {"log_loss": float(np.mean(found))} if found else {}
                log_results(metrics | {COST: float(trial.user_attrs.get(COST, 0)), "blocks": float(len(found))})

    left = trials - len(finished(study))
    if left <= 0:
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("tuning", total=trials, completed=trials - left)

        def told(study: optuna.Study, _: FrozenTrial) -> None:
            best = best_within(study, budget_of(study, budget))
            says = f"tuning, best log loss {best.value:.4f}" if best else "tuning"
            bar.update(task, completed=len(finished(study)), description=says)

        study.optimize(objective, n_trials=left, timeout=minutes * 60 or None, callbacks=[told])


def best_plan(study: optuna.Study, plan: Plan, budget: int) -> tuple[BoosterPlan, list[str]]:
    """The best trees, and sentences on them; raises ``NotEnoughDataError`` where no trial came to its end."""
    limit = budget_of(study, budget)
    best, first = best_within(study, limit), study.trials[0]
    if best is None:
        raise NotEnoughDataError(
            f"no trial was finished within the budget of {limit:,.0f}; allow more trials or minutes"
        )
    default = "not finished" if first.value is None else f"{first.value:.5f}"
    return replace(plan.booster, **best.params), [
        f"Study {study.study_name}, trial {best.number} of {len(finished(study))}.",
        f"Log loss before the holdout {best.value:.5f}; the default plan's {default}.",
        f"Cost of explaining a score {best.user_attrs[COST]:,}, of at most {limit:,.0f}.",
    ]


def main(
    trials: int = typer.Option(30, min=1, help="How many trials in all, those of earlier starts included."),
    minutes: float = typer.Option(0, min=0, help="Stop after so many minutes; 0 for no limit."),
    budget: int = typer.Option(0, min=0, help="Leaves times depth over all trees, at most; 0: as the default plan."),
    until: str = typer.Option("", help="Use what was known before this day (YYYY-MM-DD); today where not given."),
    snapshot_days: int = typer.Option(7, min=1, help="7 for a snapshot each Monday, 1 for each day."),
    seed: int = typer.Option(0, min=0),
    threads: int = typer.Option(1, min=1, help="Threads of LightGBM per model."),
    study_name: str = typer.Option("", "--study", help="Name of the study; one for these very data where not given."),
    out: str = typer.Option("", help="Where the best plan goes; plan.yaml in the build folder where not given."),
) -> None:
    """Search for better trees and write the best plan."""
    settings = Settings()
    plan = Plan(
        day_or_today(until),
        snapshot_days,
        reporting_currency=settings.reporting_currency,
        declared=load_declared(settings.signals),
        booster=BoosterPlan(seed=seed, num_threads=threads),
    )
    dataset = dataset_of(open_store(settings.store_url).read_all(), plan)
    name = study_name or f"scorer-{data_digest(dataset.table)}"
    study = open_study(settings.build_dir, name, plan)
    before, path = len(finished(study)), Path(out) if out else settings.build_dir / "plan.yaml"
    uri, blocks = settings.tracking_uri, blocks_of(dataset, plan)
    with logged_run(uri, "tune", {"study": name, "trials": trials, "until": plan.train_until, "budget": budget}):
        search(study, blocks, plan, uri, trials=trials, minutes=minutes, budget=budget)
        trees, said = best_plan(study, plan, budget)
        text = booster_text(trees, said)
        log_results(tables={"trials": study.trials_dataframe()}, texts={path.name: text})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    typer.echo(f"{len(finished(study)) - before} trials run, {before} were there already")
    for line in said:
        typer.echo(line)
    typer.echo(f"train with it: plumbline train --plan {path}")


if __name__ == "__main__":
    run(main)
