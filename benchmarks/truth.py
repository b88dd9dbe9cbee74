"""How near the scorer comes to the truth: ``make bench-truth``; ``SIZES=2k,20k`` runs a shorter form.

A simulated CRM has an oracle (``crm/oracle.py``): the best possible answer for every snapshot, given just what was
known then. A scorer is trained on the first four fifths of the time, as a user would, and judged on every snapshot of
the last fifth against the oracle's probabilities rather than outcomes: so neither luck nor censoring blurs the figures.

``oracle_gain_share``: of the log loss that the oracle gains over the stage rate, how much the scorer gains.
"""

import os
import resource
import sys
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.features_runs import loaded
from benchmarks.results import ROOT, write_figures
from crm.oracle import UNMOVED
from crm.oracle_chances import HORIZON_DAYS
from crm.oracle_stalls import STALL_DAYS
from crm.simulate import DEMO_END, DEMO_SEED, DEMO_YEARS, write_simulation
from features.declared import load_declared
from features.labels import Patience
from models.arithmetic import at_days
from models.rungs import StageRate
from models.scorer import Scorer
from training.dataset import Dataset, build_dataset
from training.fit import fit
from training.metrics import calibration_error
from training.moments import midnight
from training.plan import Plan

SIZES = {"2k": 2_000, "20k": 20_000, "200k": 200_000}
HELD_OUT = 0.2
"""Share of the time that is held out."""
CUT = DEMO_END - timedelta(days=int(HELD_OUT * DEMO_YEARS * 365.25))


@dataclass(frozen=True)
class Truth:
    """The last fifth of a simulated company: its snapshots, and the oracle's word on each."""

    data: Dataset
    rows: np.ndarray
    oracle: pd.DataFrame

    @property
    def table(self) -> pd.DataFrame:
        """Signals of the snapshots held out."""
        return self.data.table[self.rows]


def company(n_deals: int) -> Path:
    """The folder of a simulated company with its oracle, made where it is not there."""
    folder = ROOT / "build" / "bench" / f"truth-{n_deals}"
    if not (folder / "simulation.json").exists():
        write_simulation(folder, n_deals, DEMO_SEED)
    return folder


def dataset(folder: Path, until: date) -> Dataset:
    """Every weekly snapshot before ``until``, with the signals that the company declares."""
    tables = loaded(str(folder))
    return build_dataset(
        tables | {"fx_rates": tables["fx_rates"].to_pandas()},
        until=midnight(until),
        every_days=7,
        patience=Patience(),
        reporting_currency="EUR",
        declared=load_declared(folder / "signals.yaml"),
    )


def held_out(folder: Path) -> Truth:
    """The snapshots from ``CUT`` on, with the oracle's answers in the same order."""
    data = dataset(folder, DEMO_END)
    rows = data.table["as_of"] >= pd.Timestamp(CUT, tz="UTC")
    oracle = pq.read_table(folder / "oracle").to_pandas()
    keys = data.table.loc[rows, ["deal_id", "as_of"]]
    return Truth(data, rows.to_numpy(), keys.merge(oracle, how="left", on=["deal_id", "as_of"], validate="1:1"))


def expected_log_loss(said: np.ndarray, truth: np.ndarray) -> float:
    """Log loss that ``said`` will have on average where ``truth`` are the true probabilities."""
    inside = np.clip(said, 1e-9, 1 - 1e-9)
    return float(-(truth * np.log(inside) + (1 - truth) * np.log(1 - inside)).mean())


def win_figures(scorer: Scorer, truth: Truth) -> dict[str, float]:
    """Win probability against the oracle's."""
    best = truth.oracle["win_probability"].to_numpy()
    table = scorer.read(truth.table)
    said = scorer.win.predict(table)
    low, high = scorer.win.bounds(table)
    losses = {
        "stage": expected_log_loss(_stage_rate(scorer.win.stage_rate, truth), best),
        "ours": expected_log_loss(said, best),
        "oracle": expected_log_loss(best, best),
    }
    weight = np.ones(len(best))
    return {
        "oracle_gain_share": (losses["stage"] - losses["ours"]) / (losses["stage"] - losses["oracle"]),
        **{f"logloss_{name}": value for name, value in losses.items()},
        "ece_truth": calibration_error(best, said, weight),
        "distance": float(np.abs(said - best).mean()),
        "bounds_width": float((high - low).mean()),
        "bounds_coverage": bounds_coverage(said, low, high, best),
    }


def bounds_coverage(said: np.ndarray, low: np.ndarray, high: np.ndarray, best: np.ndarray) -> float:
    """Share of 50 bins of equal count, by the score, whose true mean probability lies within their mean bounds."""
    bins = np.array_split(np.argsort(said, kind="stable"), 50)
    return float(np.mean([low[rows].mean() <= best[rows].mean() <= high[rows].mean() for rows in bins]))


def _stage_rate(rate: StageRate, truth: Truth) -> np.ndarray:
    return rate.predict(truth.table["stage"])


def closing_figures(scorer: Scorer, truth: Truth) -> dict[str, float]:
    """P(won within some days) against the oracle's: how far off on average, and in bins of what was said."""
    ahead = scorer.outlook(truth.table)
    found = {}
    for days in HORIZON_DAYS:
        best = truth.oracle[f"won_within_{days}d"].to_numpy()
        said = at_days(ahead.won_within, ahead.knots, np.full(len(best), float(days)))
        found[f"won_within_{days}d_ece"] = calibration_error(best, said, np.ones(len(best)))
        found[f"won_within_{days}d_distance"] = float(np.abs(said - best).mean())
    return found


def stall_figures(scorer: Scorer, truth: Truth) -> dict[str, float]:
    """Stall risk against the oracle's, at the end of each snapshot's own patience."""
    said, stage = scorer.stall.predict(scorer.read(truth.table)), _stage_rate(scorer.stall.stage_rate, truth)
    best = _unmoved(truth.oracle, truth.data.patience_days[truth.rows])
    ours, naive, least = (expected_log_loss(column, best) for column in (said, stage, best))
    return {
        "stall_gain_share": (naive - ours) / (naive - least),
        "stall_ece": calibration_error(best, said, np.ones(len(best))),
        "stall_distance": float(np.abs(said - best).mean()),
    }


def _unmoved(oracle: pd.DataFrame, days: np.ndarray) -> np.ndarray:
    """The oracle's P(open and not moved forward after ``days``); its logarithm is straight between weeks."""
    knots = np.append(0.0, STALL_DAYS)
    logs = np.log(np.column_stack([np.ones(len(oracle)), oracle[list(UNMOVED)]]))
    right = np.clip(np.searchsorted(knots, days), 1, len(STALL_DAYS))
    share, rows = (days - knots[right - 1]) / (knots[right] - knots[right - 1]), np.arange(len(days))
    return np.exp(logs[rows, right - 1] * (1 - share) + logs[rows, right] * share)


def run(n_deals: int) -> dict[str, float]:
    """All figures of one size."""
    folder = company(n_deals)
    started = time.perf_counter()
    trained = fit(dataset(folder, CUT), Plan(train_until=CUT, declared=load_declared(folder / "signals.yaml")))
    training = {"train_s": time.perf_counter() - started, "train_peak_gib": _peak_gib()}
    truth = held_out(folder)
    print(f"\n{n_deals:,} deals: win by {trained.scorer.win.rung}, stall by {trained.scorer.stall.rung}, "
          f"{truth.rows.sum():,} snapshots held out")  # fmt: skip
    figures = win_figures(trained.scorer, truth) | closing_figures(trained.scorer, truth)
    figures |= stall_figures(trained.scorer, truth) | training
    for name, value in figures.items():
        print(f"  {name:28s} {value:10.4f}")
    return figures


def _peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Print every size's figures; write those of the sizes that ran."""
    sizes = os.environ.get("SIZES", ",".join(SIZES)).split(",")
    unknown = [size for size in sizes if size not in SIZES]
    if unknown:
        sys.exit(f"SIZES has {unknown[0]!r}; known are {', '.join(SIZES)}")
    figures = {f"{name}_{size}": value for size in sizes for name, value in run(SIZES[size]).items()}
    print(f"written to {write_figures('truth', figures)}")


if __name__ == "__main__":
    main()
