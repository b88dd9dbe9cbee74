"""Three ways to say whether and when a deal is won, on the same time-ordered folds: ``make bench-closing``.

1. ``ours``: win probability by weighted trees (inverse probability of censoring), times the closing times of
   ``models/closing_time.py``.
2. ``hazard``: a discrete-time competing-risks hazard in LightGBM, three classes (open, won, lost) over pairs of a
   snapshot and an interval to come; P(won) is what it sums to.
3. ``survival_boost``: SurvivalBoost of ``hazardous`` (Alberge et al., 2024).

Each learns from what was known before a fold and is judged on the next fifth of the time by the simulator's oracle: log
loss of P(won), and the Brier score of P(won within h days), averaged over the horizons; both as they will be on average
where the oracle's probabilities are true. Trees have the same shape in all three.
"""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.results import ROOT, write_figures
from benchmarks.truth import company, dataset, expected_log_loss
from crm.oracle_chances import HORIZON_DAYS
from crm.simulate import DEMO_END, DEMO_YEARS
from models.arithmetic import at_days, probability
from models.boosting import BoosterPlan, fit_booster
from models.closing_time import KNOTS_DAYS
from training.blocks import examples
from training.dataset import Dataset
from training.fit import _closing_time
from training.targets import target

N_DEALS = 20_000
FOLDS = (0.4, 0.2)
"""Shares of the time that are not learned from; the fifth after each cut is judged."""
N_ROUNDS = 150
N_PAIRS = 400_000
N_SURVIVAL_ROWS = 10_000
"""SurvivalBoost learns from so many snapshots, drawn by a seed: on all of them it takes hours."""
JUDGED = 10_000
KNOTS = np.array(KNOTS_DAYS, np.float64)
HORIZONS = np.array(HORIZON_DAYS, np.float64)

Way = Callable[[Dataset, pd.DataFrame], tuple[np.ndarray, np.ndarray]]
"""From what was known, and snapshots to judge: P(won), and P(won within each horizon)."""


def ours(known: Dataset, judged: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Whether by weighted trees, when by competing risks, multiplied."""
    learned = target(known, "win", known.until, np.ones(len(known.at), bool))
    booster = fit_booster(examples(known, learned), BoosterPlan(), N_ROUNDS)
    won = probability(booster.predict(judged[known.signals].to_numpy(np.float32), raw_score=True))
    knots, if_won, _, _ = _closing_time(known, seed=0).predict(judged)
    return won, won[:, None] * _at_horizons(if_won, knots)


def hazard(known: Dataset, judged: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """One booster for every interval; what is left of a deal goes on to the next."""
    seen, rng = known.labels(known.until), np.random.default_rng(0)
    closed_by = np.where(np.isnan(seen.won), np.inf, seen.days_to_close)
    row, interval = rng.integers(0, len(known.at), 8 * N_PAIRS), rng.integers(0, len(KNOTS), 8 * N_PAIRS)
    start, end = np.append(0.0, KNOTS)[interval], KNOTS[interval]
    at_risk = (closed_by[row] > start) & (seen.days_seen[row] >= end)
    row, interval, start, end = (column[at_risk][:N_PAIRS] for column in (row, interval, start, end))
    outcome = np.where(closed_by[row] > end, 0, np.where(seen.won[row] == 1, 1, 2))
    plan = BoosterPlan().parameters() | {"objective": "multiclass", "num_class": 3}
    learned = lgb.Dataset(_pairs(known.matrix[row], known.signals, start, end), outcome, params={"max_bin": 63})
    booster = lgb.train(plan, learned, N_ROUNDS)
    matrix = judged[known.signals].to_numpy(np.float32)
    still_open, won = np.ones(len(matrix)), np.zeros((len(matrix), len(KNOTS)))
    for place, (first, last) in enumerate(zip(np.append(0.0, KNOTS[:-1]), KNOTS, strict=True)):
        pairs = _pairs(matrix, known.signals, np.full(len(matrix), first), np.full(len(matrix), last))
        chances = np.asarray(booster.predict(pairs))
        won[:, place] = still_open * chances[:, 1]
        still_open = still_open * chances[:, 0]
    within = np.cumsum(won, axis=1)
    return within[:, -1], _at_horizons(within, np.broadcast_to(KNOTS, within.shape))


def survival_boost(known: Dataset, judged: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative incidences straight from gradient boosting over random horizons."""
    from hazardous import SurvivalBoost

    seen, rng = known.labels(known.until), np.random.default_rng(0)
    rows = rng.choice(len(known.at), min(N_SURVIVAL_ROWS, len(known.at)), replace=False)
    is_open = np.isnan(seen.won[rows])
    duration = np.where(is_open, seen.days_seen[rows], seen.days_to_close[rows])
    event = np.where(is_open, 0, np.where(seen.won[rows] == 1, 1, 2))
    model = SurvivalBoost(n_iter=N_ROUNDS, max_leaf_nodes=15, show_progressbar=False, random_state=0)
    model.fit(known.matrix[rows], pd.DataFrame({"event": event, "duration": np.maximum(duration, 1e-3)}))
    found = model.predict_cumulative_incidence(judged[known.signals].to_numpy(np.float32), times=KNOTS)[:, 1]
    within = np.maximum.accumulate(np.clip(found, 0, 1), axis=1)
    return within[:, -1], _at_horizons(within, np.broadcast_to(KNOTS, within.shape))


def _pairs(matrix: np.ndarray, signals: list[str], start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Signals, the interval, and how far the close date and the quarter's end are from it."""
    ahead = [matrix[:, signals.index(name)] - start for name in ("days_to_close_date", "days_to_quarter_end")]
    return np.column_stack([matrix, start, end - start, *ahead]).astype(np.float32)


def _at_horizons(within: np.ndarray, knots: np.ndarray) -> np.ndarray:
    return np.stack([at_days(within, knots, np.full(len(within), days)) for days in HORIZONS], axis=1)


def judge(way: Way, known: Dataset, judged: pd.DataFrame) -> dict[str, float]:
    """Figures of one way on one fold; ``judged`` holds the oracle's columns too."""
    started = time.process_time()
    won, within = way(known, judged)
    seconds = time.process_time() - started
    truth = judged[[f"won_within_{days}d" for days in HORIZON_DAYS]].to_numpy()
    return {
        "logloss": expected_log_loss(won, judged["win_probability"].to_numpy()),
        "brier": float((np.square(within - truth) + truth * (1 - truth)).mean()),
        "cpu_s": seconds,
    }


def main() -> None:
    """Print each fold's figures and write their means."""
    sys.path.append(str(ROOT / "build" / "hazardous"))
    folder = company(N_DEALS)
    whole = dataset(folder, DEMO_END)
    oracle = pd.read_parquet(folder / "oracle")
    rows = []
    for share in FOLDS:
        cut, end = (DEMO_END - timedelta(days=int(part * DEMO_YEARS * 365.25)) for part in (share, share - 0.2))
        table = whole.table[whole.table["as_of"].between(str(cut), str(end), inclusive="left")]
        judged = table.sample(min(JUDGED, len(table)), random_state=0).merge(oracle, on=["deal_id", "as_of"])
        known = dataset(folder, cut)
        for way in (ours, hazard, survival_boost):
            rows.append({"way": way.__name__, "until": str(cut), **judge(way, known, judged)})
            print(rows[-1], flush=True)
    means = pd.DataFrame(rows).groupby("way", sort=False)[["logloss", "brier", "cpu_s"]].mean()
    print(means.round(4).to_string())
    flat = {f"{way}_{name}": float(value) for way, row in means.iterrows() for name, value in row.items()}
    print(f"written to {write_figures('closing', flat)}")


if __name__ == "__main__":
    main()
