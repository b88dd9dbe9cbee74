"""A company in whose deals nothing tells the won from the lost: a model that finds more than luck has looked ahead.

Deals are compared with those of the same month: of late months only the deals that closed fast are known, and they
are won more or less often than others, which is no merit of a score.
"""

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from benchmarks.luck import auc_bounds, auc_within, log_loss_gap
from benchmarks.results import data_or_skip
from crm.importer import import_files
from crm.mapping import load_mapping
from crm.store import open_store
from features.histories import instant
from features.labels import Patience
from models.rungs import BaseRate
from training.dataset import Dataset, build_dataset
from training.fit import fit
from training.plan import Plan
from training.targets import target

TRAIN_SHARE = 0.7
CURRENCY = "USD"


def nothing_found() -> dict[str, float]:
    """Train on the first 70 % of the time, judge on the rest; says what was found, and gives the figures."""
    tables = _tables()
    first, last = tables["deals"]["created_at"].min(), tables["deal_changes"]["known_at"].max()
    cut, end = (first + TRAIN_SHARE * (last - first)).ceil("D").to_pydatetime(), last.to_pydatetime()
    learned = _dataset(tables, cut)
    scorer = fit(learned, Plan(train_until=cut.date(), reporting_currency=CURRENCY)).scorer
    past = target(learned, "win", learned.until, np.ones(len(learned.at), bool))
    dataset = _dataset(tables, end)
    said, deal = scorer.win.predict(dataset.table), dataset.snapshots.deal
    base = BaseRate().fit(past.happened, past.weight).predict(dataset.table["stage"])
    is_later = dataset.at >= instant(cut)
    print(f"\nmaven_crm: the scorer is a {scorer.win.rung}; it says: {scorer.note or 'nothing of its data'}\n")
    print("| snapshots | n | AUC within months (95 % of draws) | log loss less the base rate's, ± 2 standard errors |")
    print("|---|---|---|---|")
    month = dataset.at.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    figures = {}
    for name, rows in {"entry": is_later & (dataset.table["age_days"].to_numpy() <= 7), "all": is_later}.items():
        known = target(dataset, "win", dataset.until, rows)
        auc = auc_within(known.happened, known.weight, month, said)
        low, high = auc_bounds(known.happened, known.weight, deal, month, said)
        gap, noise = log_loss_gap(known.happened, known.weight, deal, said, base)
        cells = [
            f"{(known.weight > 0).sum():,}",
            f"{auc:.3f} ({low:.3f} to {high:.3f})",
            f"{gap:+.4f} ± {2 * noise:.4f}",
        ]
        print("| " + " | ".join([name, *cells]) + " |")
        kept = {"auc": auc, "auc_low": low, "auc_high": high, "logloss_less_base": gap, "logloss_less_base_se": noise}
        figures |= {f"maven_plumbline_{name}_{figure}": value for figure, value in kept.items()}
    low, auc, high = (figures[f"maven_plumbline_entry_auc{end}"] for end in ("_low", "", "_high"))
    print(f"\n{'nothing' if low <= 0.5 <= high else 'something'} was found that tells won from lost at entry")
    return figures | {"maven_plumbline_auc": auc}


def _tables() -> dict[str, pd.DataFrame]:
    folder = data_or_skip("maven_crm")
    with TemporaryDirectory() as scratch:
        store = open_store(f"sqlite:///{scratch}/maven.db")
        rejects = Path(scratch) / "rejects.csv"
        import_files([folder], store, mapping=load_mapping("maven_crm"), rejects_path=rejects)
        tables = store.read_all()
        store.close()
    return tables


def _dataset(tables: dict[str, pd.DataFrame], until: datetime) -> Dataset:
    return build_dataset(tables, until=until, every_days=7, patience=Patience(), reporting_currency=CURRENCY)
