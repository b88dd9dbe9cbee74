"""A company in whose deals nothing tells the won from the lost: a model that finds more than luck has looked ahead."""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.results import data_or_skip
from crm.importer import import_files
from crm.mapping import load_mapping
from crm.store import open_store
from features.facts import FloatColumn
from features.histories import instant
from features.labels import Patience
from training.dataset import build_dataset
from training.fit import fit
from training.metrics import measure
from training.plan import Plan
from training.targets import target

TRAIN_SHARE = 0.7
N_DRAWS = 200


def nothing_found() -> dict[str, float]:
    """Train on the first 70 % of the time, judge on the rest; says what was found, and gives the figures."""
    with TemporaryDirectory() as scratch:
        store = open_store(f"sqlite:///{scratch}/maven.db")
        import_files(
            [data_or_skip("maven_crm")],
            store,
            mapping=load_mapping("maven_crm"),
            rejects_path=Path(scratch) / "rejects.csv",
        )
        tables = store.read_all()
        store.close()
    first, last = tables["deals"]["created_at"].min(), tables["deal_changes"]["known_at"].max()
    cut, end = (first + TRAIN_SHARE * (last - first)).ceil("D").to_pydatetime(), last.to_pydatetime()

    def dataset_until(until: datetime):
        return build_dataset(tables, until=until, every_days=7, patience=Patience(), reporting_currency="USD")

    scorer = fit(dataset_until(cut), Plan(train_until=cut.date(), reporting_currency="USD")).scorer
    dataset = dataset_until(end)
    known = target(dataset, "win", dataset.until, dataset.at >= instant(cut))
    said = scorer.win.predict(dataset.table)
    found = measure(known.happened, known.weight, {"ours": said})["ours"]
    low, high = _auc_bounds(known.happened, known.weight, said, dataset.snapshots.deal)
    print(f"\nmaven_crm, {int((known.weight > 0).sum()):,} later snapshots: the scorer is a {scorer.win.rung}.")
    print(f"It says: {scorer.note or 'nothing'}")
    print(f"AUC {found['auc']:.3f} ({low:.3f} to {high:.3f} by deals drawn anew), log loss {found['log_loss']:.4f}")
    names = {"auc": found["auc"], "auc_low": low, "auc_high": high, "logloss": found["log_loss"], "ece": found["ece"]}
    return {f"maven_plumbline_{name}": value for name, value in names.items()}


def _auc_bounds(
    happened: FloatColumn, weight: FloatColumn, said: FloatColumn, deal: FloatColumn
) -> tuple[float, float]:
    """Between which AUCs 95 % of as many deals, drawn with replacement, lie."""
    used = weight > 0
    of_deal = np.unique(deal[used], return_inverse=True)[1]
    random = np.random.default_rng(0)
    found = []
    for _ in range(N_DRAWS):
        times = np.bincount(random.integers(0, of_deal.max() + 1, of_deal.max() + 1), minlength=of_deal.max() + 1)
        drawn = weight[used] * times[of_deal]
        found.append(measure(happened[used], drawn, {"ours": said[used]})["ours"]["auc"])
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
