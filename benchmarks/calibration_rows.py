"""Rows to calibrate on and later rows to judge on, with the raw log-odds of a line and of trees that saw neither."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from benchmarks.bpic2012 import dataset_of, split, tables_of_log
from benchmarks.features import simulated
from benchmarks.features_runs import CURRENCY, loaded
from benchmarks.results import data_or_skip
from crm.simulate import DEMO_END
from features.facts import DAY, BoolColumn, FloatColumn, IntColumn
from features.labels import Patience
from models.boosting import BoosterPlan, Examples
from models.members import BEYOND, TREES, fit_members
from training.blocks import examples
from training.dataset import Dataset, build_dataset
from training.targets import Target, target

SHARES = (0.45, 0.7)
"""Of the time: where learning ends, and where judging begins."""
N_DEALS = 60_000
N_TREES = 120
SORTS = (TREES, BEYOND)
"""The members that are stacked."""
MOST_ROWS, MOST_JUDGED = 60_000, 40_000
"""Rows that the members learn from, and rows that judge, at most; how well the members do is not the question here."""


N_PERIODS = 3
"""Stretches of time that the middle block is cut into; training has three blocks, or six where deals are few."""


@dataclass(frozen=True)
class Rows:
    """Closed snapshots with their members' log-odds, and which stretch of time they lie in."""

    raw: dict[str, FloatColumn]
    happened: FloatColumn
    weight: FloatColumn
    deal: IntColumn
    period: IntColumn

    def only(self, rows: BoolColumn) -> "Rows":
        """Some of them."""
        raw = {name: values[rows] for name, values in self.raw.items()}
        return Rows(raw, self.happened[rows], self.weight[rows], self.deal[rows], self.period[rows])

    def of_deals(self, deals: IntColumn) -> "Rows":
        """Those of some deals."""
        return self.only(np.isin(self.deal, deals))


def bpic2012() -> Dataset:
    """Weekly snapshots of a bank's loan sales."""
    tables = tables_of_log(data_or_skip("bpic2012"))
    return dataset_of(tables, split(tables)[1], 7)


def crm() -> Dataset:
    """Snapshots every two weeks of a simulated company, large enough for 10,000 deals to calibrate on."""
    frames = {name: table.to_pandas() for name, table in loaded(str(simulated(N_DEALS))).items()}
    until = datetime.combine(DEMO_END, datetime.min.time(), UTC)
    return build_dataset(frames, until=until, every_days=14, patience=Patience(), reporting_currency=CURRENCY)


SETS = {"bpic": bpic2012, "crm": crm}


def rows_of(dataset: Dataset, embargo_days: int) -> tuple[Rows, Rows]:
    """Rows to calibrate on, labelled by what was known when judging begins, and rows to judge on."""
    first = int(dataset.at.min())
    early, late = (first + int(share * (dataset.until - first)) for share in SHARES)
    past = _thinned(examples(dataset, target(dataset, "win", early, dataset.at < early)))
    members = fit_members(SORTS, past, BoosterPlan(), dict.fromkeys(SORTS, N_TREES))
    embargo = embargo_days * DAY
    between = (dataset.at >= early + embargo) & (dataset.at < late)
    after = dataset.at >= late + embargo

    def said(known: Target, most: int) -> Rows:
        used = np.flatnonzero(known.weight > 0)
        used = used[:: len(used) // most + 1]
        matrix = dataset.table.iloc[used][dataset.signals].to_numpy(np.float32)
        said = members.raw(matrix)
        raw = {name: said[name] for name in SORTS}
        period = N_PERIODS * (dataset.at[used] - early) // (late - early)
        return Rows(raw, known.happened[used], known.weight[used], dataset.snapshots.deal[used], period)

    taught, later = target(dataset, "win", late, between), target(dataset, "win", dataset.until, after)
    return said(taught, len(dataset.at)), said(later, MOST_JUDGED)


def _thinned(past: Examples) -> Examples:
    used = np.flatnonzero(past.weight > 0)
    kept = used[:: len(used) // MOST_ROWS + 1]
    return Examples(past.signals[kept], past.happened[kept], past.weight[kept], past.deal[kept], past.names)
