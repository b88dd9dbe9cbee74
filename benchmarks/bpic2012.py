"""A real bank's loan sales (BPI Challenge 2012): how good are the scores and the forecast, beside naive ones?

Run with ``make bench-bpic2012``. The scorer learns from the first 70 % of the log's time and is judged on the rest.
"""

import time
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.naive_bayes import NaiveBayes
from benchmarks.results import data_or_skip, write_figures
from crm.importer import import_files
from crm.mapping import load_mapping
from crm.store import open_store
from features.facts import DAY, BoolColumn, FloatColumn
from features.histories import instant
from features.labels import Patience
from models.closing_time import KNOTS_DAYS
from models.rungs import BaseRate
from models.scorer import Scorer
from training.dataset import Dataset, build_dataset
from training.fit import fit
from training.metrics import measure
from training.plan import Plan
from training.targets import EVENTS, Event, Target, target

AGES_DAYS = (1, 3, 7, 14, 21)
TRAIN_SHARE = 0.7
FORECAST_DAYS = 28
CURRENCY = "EUR"
PATIENCE = Patience(minimum_days=1, maximum_days=90, default_days=7)


def tables_of_log(folder: Path) -> dict[str, pd.DataFrame]:
    """Import the log into a store of its own, as a user would, and read it back."""
    started = time.perf_counter()
    with TemporaryDirectory() as scratch:
        store = open_store(f"sqlite:///{scratch}/bpic2012.db")
        report = import_files(
            [folder / "BPIC12.xes.gz"],
            store,
            mapping=load_mapping("bpic2012"),
            rejects_path=Path(scratch) / "rejects.csv",
        )
        tables = store.read_all()
        store.close()
    print(f"imported in {time.perf_counter() - started:.1f} s; rows refused: {len(report.rejects)}")
    return tables


def split(tables: dict[str, pd.DataFrame]) -> tuple[datetime, datetime]:
    """The midnight after 70 % of the log's time, and the first midnight after its end."""
    start, last = tables["deals"]["created_at"].min(), tables["deal_changes"]["known_at"].max()
    cut = (start + TRAIN_SHARE * (last - start)).ceil("D")
    return cut.to_pydatetime(), last.ceil("D").to_pydatetime()


def dataset_of(tables: dict[str, pd.DataFrame], until: datetime, every_days: int) -> Dataset:
    return build_dataset(tables, until=until, every_days=every_days, patience=PATIENCE, reporting_currency=CURRENCY)


def plan_of(cut: datetime, every_days: int) -> Plan:
    return Plan(train_until=cut.date(), snapshot_days=every_days, embargo_days=1, patience=PATIENCE)


def categories(dataset: Dataset) -> pd.DataFrame:
    """What the log offers a naive Bayes: stage, owner, and the amount in ten bands."""
    amount = pd.qcut(dataset.table["amount"], 10, duplicates="drop").astype("str")
    return pd.DataFrame({"stage": dataset.table["stage"], "owner": dataset.snapshots.owner, "amount": amount})


def predictions(scorer: Scorer, dataset: Dataset, event: Event, cut: int) -> dict[str, FloatColumn]:
    """What the scorer and its rivals, all having learned before ``cut``, say of every snapshot."""
    known = target(dataset, event, cut, dataset.at < cut)
    said = {"base rate": BaseRate().fit(known.happened, known.weight).predict(dataset.table["stage"])}
    model = scorer.win if event == "win" else scorer.stall
    said["stage rate"] = model.stage_rate.predict(dataset.table["stage"])
    told = categories(dataset)
    said["naive Bayes"] = NaiveBayes().fit(told, known.happened, known.weight).predict(told)
    if event == "win":
        last = np.append(dataset.snapshots.deal[1:] != dataset.snapshots.deal[:-1], True)
        at_close = ((known.weight > 0) & last).astype(np.float64)
        said["naive Bayes, values at close"] = NaiveBayes().fit(told, known.happened, at_close).predict(told)
    return said | {"Plumbline": model.predict(dataset.table)}


def by_age(dataset: Dataset, known: Target, said: dict[str, FloatColumn], every_days: int) -> pd.DataFrame:
    """Metrics on the snapshots of each age, and of all; a weekly snapshot counts for the nearest age before it."""
    age = dataset.table["age_days"].to_numpy()
    rows = []
    bands: list[tuple[str, BoolColumn]] = [
        (f"{days} d", (age >= days) & (age < days + every_days)) for days in AGES_DAYS
    ]
    for name, band in [*bands, ("all", np.ones(len(age), bool))]:
        weight = np.where(band, known.weight, 0)
        for model, values in measure(known.happened, weight, said).items():
            rows.append({"age": name, "n": int((weight > 0).sum()), "model": model, **values})
    return pd.DataFrame(rows)


def forecasts(scorer: Scorer, weekly: Dataset, cut: int) -> pd.DataFrame:
    """For each week's start, what was expected to be won in four weeks, and what was; one row per week start."""
    table, seen = weekly.table, weekly.labels(weekly.until)
    within = scorer.outlook(table).won_within[:, KNOTS_DAYS.index(FORECAST_DAYS)]
    amount = table["amount"].to_numpy()
    stage_rate = scorer.win.stage_rate.predict(table["stage"])
    won = (seen.won == 1) & (seen.days_to_close < FORECAST_DAYS)
    rows = []
    for at in np.unique(weekly.at[(weekly.at >= cut) & (weekly.at + FORECAST_DAYS * DAY <= weekly.until)]):
        here = weekly.at == at
        rows.append(
            {
                "week": str(at.astype("datetime64[us]").astype("datetime64[D]")),
                "forecast": (within * amount)[here].sum(),
                "stage_weighted": (stage_rate * amount)[here].sum(),
                "won_of_open": amount[here & won].sum(),
                "won_in_all": _won_between(weekly, int(at), int(at) + FORECAST_DAYS * DAY),
            }
        )
    return pd.DataFrame(rows)


def _won_between(dataset: Dataset, start: int, end: int) -> float:
    """Amount of all deals won in a period, those created in it included."""
    moves, amounts = dataset.snapshots.moves, dataset.snapshots.histories.amount
    closed = moves.facts.columns["changed_at"]
    deal = moves.facts.group[moves.won & (closed >= start) & (closed < end)]
    last = amounts.before(deal, np.full(len(deal), end)) - 1
    return float(amounts.columns["value"][last].sum())


def wape(forecast: pd.Series, actual: pd.Series) -> float:
    """Sum of absolute errors over the sum of what came."""
    return float((forecast - actual).abs().sum() / actual.sum())


def run(tables: dict[str, pd.DataFrame], every_days: int) -> tuple[dict[str, pd.DataFrame], Scorer, Dataset, int]:
    """Train before the cut, judge after it."""
    cut, end = split(tables)
    scorer = fit(dataset_of(tables, cut, every_days), plan_of(cut, every_days)).scorer
    dataset, cut_at = dataset_of(tables, end, every_days), instant(cut)
    judged = {}
    for event in EVENTS:
        known = target(dataset, event, dataset.until, dataset.at >= cut_at)
        judged[event] = by_age(dataset, known, predictions(scorer, dataset, event, cut_at), every_days)
    return judged, scorer, dataset, cut_at


def figures(daily: dict[str, pd.DataFrame], weeks: pd.DataFrame) -> dict[str, float]:
    """The flat figures that are kept."""

    def one(event: str, age: str, metric: str, model: str = "Plumbline") -> float:
        table = daily[event].set_index(["age", "model"])
        return float(table.loc[(age, model), metric])

    return {
        "win_auc_7d": one("win", "7 d", "auc"),
        "win_auc_14d": one("win", "14 d", "auc"),
        "win_logloss_gain_over_stage_rate": one("win", "all", "log_loss", "stage rate") - one("win", "all", "log_loss"),
        "win_ece": one("win", "all", "ece"),
        "stall_auc": one("stall", "all", "auc"),
        "forecast_wape": wape(weeks["forecast"], weeks["won_in_all"]),
        "forecast_wape_stage_weighted": wape(weeks["stage_weighted"], weeks["won_in_all"]),
        "forecast_wape_open": wape(weeks["forecast"], weeks["won_of_open"]),
        "forecast_wape_open_stage_weighted": wape(weeks["stage_weighted"], weeks["won_of_open"]),
    }


def printed(table: pd.DataFrame) -> str:
    """A Markdown table: a row per age, a column per model, each cell AUC, log loss, Brier and ECE."""
    models = list(dict.fromkeys(table["model"]))
    lines = _header(["age", "snapshots", *models])
    for (age, n), rows in table.groupby(["age", "n"], sort=False):
        cells = [f"{row.auc:.3f} / {row.log_loss:.3f} / {row.brier:.3f} / {row.ece:.3f}" for row in rows.itertuples()]
        lines.append(_line([age, f"{n:,}", *cells]))
    return "\n".join(lines)


def printed_weeks(weeks: pd.DataFrame) -> str:
    """A Markdown table of the four-week forecasts."""
    lines = _header([name.replace("_", " ") for name in weeks.columns])
    lines += [_line([row[0], *(f"{value:,.0f}" for value in row[1:])]) for row in weeks.itertuples(index=False)]
    return "\n".join(lines)


def _header(names: list[str]) -> list[str]:
    return [_line(names), "|" + "---|" * len(names)]


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Import, train, judge, print, and write the figures."""
    tables = tables_of_log(data_or_skip("bpic2012"))
    judged = {}
    for name, every_days in (("daily", 1), ("weekly", 7)):
        judged[name], scorer, dataset, cut = run(tables, every_days)
        for event, table in judged[name].items():
            print(f"\n{name} snapshots, {event}, trained until {scorer.trained_until}: AUC / log loss / Brier / ECE\n")
            print(printed(table))
    weeks = forecasts(scorer, dataset, cut)
    print(f"\namount won in the {FORECAST_DAYS} days from each week's start\n")
    print(printed_weeks(weeks))
    print()
    found = figures(judged["daily"], weeks)
    for key, value in found.items():
        print(f"{key}: {value:.4f}")
    write_figures("bpic2012", found)


if __name__ == "__main__":
    main()
