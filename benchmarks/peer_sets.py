"""The data sets on which models are compared: one table of columns each, with outcomes, weights and a split."""

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from benchmarks.bpic2012 import categories, dataset_of, plan_of, split, tables_of_log
from benchmarks.results import data_or_skip
from features.facts import BoolColumn, FloatColumn, IntColumn
from features.histories import instant
from training.dataset import Dataset
from training.plan import Plan
from training.targets import target

IBM_ENTRY = [
    *("Supplies Subgroup", "Supplies Group", "Region", "Route To Market", "Deal Size Category (USD)"),
    *("Client Size By Revenue (USD)", "Client Size By Employee Count", "Revenue From Client Past Two Years (USD)"),
]
"""Known when an opportunity is entered; the others are measured at its close, or say who else was in the race.

The amount is not among them but its category is: of opportunities with a round amount 15 % are won, of the others 40 %,
so the exact amount of a won one seems to be what was invoiced, entered at the close.
"""
IBM_TRAIN_SHARE = 0.8
SALVIRT_FOLDS = 10


@dataclass(frozen=True)
class PeerSet:
    """One data set; one entry per row (a snapshot, or a deal).

    Attributes
    ----------
    columns : what every model is given, text for categories
    told : the categories that naive Bayes is told
    learned, judged : outcomes of 0 or 1 and weights, as known when learning, and as they came
    splits : which rows are learned from, and which are judged
    in_order : whether rows have an order in time; ``order`` is it
    stage : of each row, where deals have stages
    trained_on : the product's own data set and plan, where it can train itself
    """

    name: str
    columns: pd.DataFrame
    told: pd.DataFrame
    happened: FloatColumn
    learning_happened: FloatColumn
    learning_weight: FloatColumn
    judging_weight: FloatColumn
    deal: IntColumn
    splits: list[tuple[BoolColumn, BoolColumn]]
    order: FloatColumn | None = None
    stage: pd.Series | None = None
    trained_on: tuple[Dataset, Plan] | None = field(default=None, repr=False)
    asked: pd.DataFrame | None = field(default=None, repr=False)


def bpic2012(every_days: int) -> PeerSet:
    """Snapshots of a bank's loan sales; learned before the cut, judged after it."""
    tables = tables_of_log(data_or_skip("bpic2012"))
    cut, end = split(tables)
    dataset, at_cut = dataset_of(tables, end, every_days), instant(cut)
    learning = target(dataset, "win", at_cut, dataset.at < at_cut)
    judging = target(dataset, "win", dataset.until, dataset.at >= at_cut)
    columns = dataset.table[["stage", *dataset.signals]]
    return PeerSet(
        name="bpic_daily" if every_days == 1 else "bpic_weekly",
        columns=columns.astype(dict.fromkeys(dataset.signals, np.float32)),
        told=categories(dataset),
        happened=judging.happened,
        learning_happened=learning.happened,
        learning_weight=learning.weight,
        judging_weight=judging.weight,
        deal=dataset.snapshots.deal,
        splits=[(dataset.at < at_cut, dataset.at >= at_cut)],
        order=dataset.at.astype(np.float64),
        stage=dataset.table["stage"],
        trained_on=(dataset_of(tables, cut, every_days), plan_of(cut, every_days)),
        asked=dataset.table,
    )


def ibm() -> PeerSet:
    """78,025 opportunities by their number; the first 80 % teach."""
    deals = pd.read_csv(data_or_skip("ibm_win_loss") / "sales_win_loss.csv.gz", keep_default_na=False)
    deals = deals.sort_values("Opportunity Number", kind="stable", ignore_index=True)
    columns = deals[IBM_ENTRY]
    order = deals["Opportunity Number"].to_numpy(np.float64)
    first = order < np.quantile(order, IBM_TRAIN_SHARE)
    return _flat(
        "ibm",
        columns,
        columns,
        deals["Opportunity Result"] == "Won",
        deals["Opportunity Number"],
        [(first, ~first)],
        order,
    )


def salvirt() -> PeerSet:
    """448 deals by 22 opinions of them, in ten folds; exact duplicates stay together, or the score would lie."""
    deals = pd.read_csv(data_or_skip("salvirt_b2b") / "Salvirt_B2B_ML_dataset.csv", sep=";", keep_default_na=False)
    columns = deals.drop(columns="Status")
    alike = pd.Series(columns.astype("str").agg("|".join, axis=1))
    group = np.unique(alike, return_inverse=True)[1]
    fold = np.random.default_rng(0).permutation(group.max() + 1)[group] % SALVIRT_FOLDS
    splits = [(fold != place, fold == place) for place in range(SALVIRT_FOLDS)]
    return _flat("salvirt", columns, columns, deals["Status"] == "Won", pd.Series(alike), splits, None)


def _flat(
    name: str,
    columns: pd.DataFrame,
    told: pd.DataFrame,
    won: pd.Series,
    group: pd.Series,
    splits: list[tuple[BoolColumn, BoolColumn]],
    order: FloatColumn | None,
) -> PeerSet:
    happened, ones = won.to_numpy(np.float64), np.ones(len(won))
    deal = np.unique(group, return_inverse=True)[1].astype(np.int64)
    return PeerSet(name, columns, told, happened, happened, ones, ones, deal, splits, order)


SETS = {
    "bpic_weekly": lambda: bpic2012(7),
    "bpic_daily": lambda: bpic2012(1),
    "ibm": ibm,
    "salvirt": salvirt,
}


def part(peers: PeerSet, rows: BoolColumn) -> PeerSet:
    """Some rows of a data set, without its splits; to try a benchmark on few."""
    places = np.flatnonzero(rows)
    taken = {
        name: value.iloc[places].reset_index(drop=True) if isinstance(value, pd.DataFrame | pd.Series) else value[rows]
        for name, value in vars(peers).items()
        if isinstance(value, pd.DataFrame | pd.Series | np.ndarray)
    }
    return replace(peers, **taken, splits=[(learn[rows], judge[rows]) for learn, judge in peers.splits])
