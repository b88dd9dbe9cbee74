"""Comparing registered scorers: every figure with bounds, by stage; the figures are those of ``measure``."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from training.compare import ALL, comparison, rendered
from training.contest import Contest, Judged
from training.metrics import METRICS, measure
from training.targets import Target

pytestmark = pytest.mark.slow


@pytest.fixture
def found() -> tuple[Contest, pd.Series]:
    """Two scorers on 400 snapshots of 100 deals, of which only the second knows anything."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.05, 0.95, 400)
    came = (rng.random(400) < truth).astype(float)
    judged = Judged(Target(came, np.ones(400)), {"version 1": np.full(400, 0.5), "version 2": truth})
    contest = Contest(0, np.ones(400, bool), np.arange(400) // 4, {"win": judged}, {})
    return contest, pd.Series(np.where(np.arange(400) % 4 < 2, "Demo", "Offer"))


def test_every_metric_of_every_scorer_has_bounds_in_all_and_by_stage(found: tuple[Contest, pd.Series]) -> None:
    figures = comparison(*found, seed=0)
    assert len(figures) == 3 * 2 * len(METRICS)
    assert (figures["low"] <= figures["high"]).all()
    judged = found[0].judged["win"]
    measured = measure(judged.target.happened, judged.target.weight, judged.probabilities)
    in_all = figures[figures["stage"] == ALL].set_index(["model", "metric"])["value"]
    for model in ("version 1", "version 2"):
        assert in_all[model].to_dict() == pytest.approx(measured[model])
    assert figures["n_deals"].unique().tolist() == [100]


def test_the_one_that_knows_more_is_seen_to(found: tuple[Contest, pd.Series]) -> None:
    figures = comparison(*found, seed=0).set_index(["stage", "model", "metric"])
    assert figures.loc[(ALL, "version 2", "log_loss"), "high"] < figures.loc[(ALL, "version 1", "log_loss"), "low"]


def test_the_table_has_a_row_for_every_stage_and_scorer(found: tuple[Contest, pd.Series]) -> None:
    (table,) = rendered(comparison(*found, seed=0))
    assert table.row_count == 3 * 2
    console = Console(width=200, record=True, file=StringIO())
    console.print(table)
    shown = console.export_text()
    assert "win probability" in shown
    assert "calibration error" in shown


def test_the_same_seed_gives_the_same_bounds(found: tuple[Contest, pd.Series]) -> None:
    pd.testing.assert_frame_equal(comparison(*found, seed=4), comparison(*found, seed=4))
