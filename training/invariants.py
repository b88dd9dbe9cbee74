"""What holds of every sound scorer, tried on real snapshots: each broken rule in one sentence."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from crm.errors import PlumblineError
from features.facts import BoolColumn
from models.scorer import Scorer, load_scorer
from models.scoring import score_snapshots
from training.dataset import Dataset

AT_MOST = 300
"""Snapshots that are tried; reasons are not cheap, and a rule that breaks, breaks often."""
_CLOSE = 1e-9


def broken_rules(scorer: Scorer, dataset: Dataset, seed: int) -> list[str]:
    """A sentence for each rule that the scorer breaks on a sample of the snapshots; empty where it is sound.

    Tried are: probabilities lie in [0, 1]; P(won within some days) never falls as the days grow and never exceeds
    P(won); base and reasons sum to the score; saved and loaded again, it says the same.
    """
    n = len(dataset.at)
    rows = np.zeros(n, bool)
    rows[np.random.default_rng(seed).choice(n, min(n, AT_MOST), replace=False)] = True
    said = scorer.predictions(dataset.table[rows].reset_index(drop=True))
    found = [*_probabilities(said), *_within(said), *_reasons(scorer, dataset, rows)]
    return [*found, *_round_trip(scorer, dataset.table[rows].reset_index(drop=True), said)]


def _probabilities(said: pd.DataFrame) -> Iterator[str]:
    for name in ("win_probability", "stall_risk"):
        known = said[name].dropna()
        outside = int((~known.between(0, 1)).sum())
        if outside:
            yield f"{name} lies outside of 0 to 1 on {outside:,} of {len(said):,} snapshots"
    missing = int(said["win_probability"].isna().sum())
    if missing:
        yield f"win_probability is missing on {missing:,} of {len(said):,} snapshots"


def _within(said: pd.DataFrame) -> Iterator[str]:
    days = sorted(int(name.removeprefix("won_within_").removesuffix("d")) for name in said if "won_within" in name)
    within = said[[f"won_within_{day}d" for day in days]].to_numpy(np.float64)
    falls = int((np.diff(within, axis=1) < -_CLOSE).any(axis=1).sum())
    if falls:
        yield f"the chance to be won within some days falls as the days grow, on {falls:,} of {len(said):,} snapshots"
    above = int((within > said[["win_probability"]].to_numpy() + _CLOSE).any(axis=1).sum())
    if above:
        yield f"the chance to be won within some days exceeds that to be won, on {above:,} of {len(said):,} snapshots"


def _reasons(scorer: Scorer, dataset: Dataset, rows: BoolColumn) -> Iterator[str]:
    scores = score_snapshots(scorer, dataset.snapshots.rows(rows))
    for base, reasons, score in (
        ("win_base", "win_reasons", "win_probability"),
        ("stall_base", "stall_reasons", "stall_risk"),
    ):
        points = scores[reasons].map(lambda text: sum(one["points"] for one in json.loads(text)))
        off = int(((scores[base] + points - scores[score]).abs() > _CLOSE).sum())
        if off:
            yield f"base and reasons do not sum to the {score} on {off:,} of {len(scores):,} snapshots"


def _round_trip(scorer: Scorer, table: pd.DataFrame, said: pd.DataFrame) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        scorer.save(Path(folder))
        try:
            again = load_scorer(Path(folder)).predictions(table)
        except PlumblineError as error:
            yield f"saved, it cannot be loaded again: {error}"
            return
    if not again.equals(said):
        yield "saved and loaded again, it says something else"
