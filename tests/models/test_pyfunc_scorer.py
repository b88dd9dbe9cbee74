"""The file that MLflow keeps says what the scorer says, also where little or nothing is known."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from models.closing_time import ClosingTime
from models.course import READINGS
from models.pyfunc_scorer import PyfuncScorer
from models.rungs import StageRate
from models.scorer import Scorer
from training.dataset import Dataset

pytestmark = pytest.mark.slow


def served(scorer: Scorer, rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    scorer.save(folder)
    model = PyfuncScorer()
    model.load_context(SimpleNamespace(artifacts={"scorer": str(folder)}))
    return model.predict(None, rows)


@pytest.fixture
def first_day_scorer(stage_scorer: Scorer, dataset: Dataset) -> Scorer:
    """A scorer of a company none of whose deals has closed: stated probabilities, no stall risk, no times."""
    none, empty, deal = pd.Series([], dtype="str"), np.empty(0), np.empty(0, np.int64)
    stated = StageRate().fit(none, empty, empty, deal, {"Proposal": 0.4})
    return replace(
        stage_scorer,
        win=replace(stage_scorer.win, stage_rate=stated),
        stall=replace(stage_scorer.stall, stage_rate=StageRate().fit(none, empty, empty, deal)),
        closing=ClosingTime().fit(dataset.table.head(0), empty, empty, empty),
    )


@pytest.mark.parametrize("which", ["scorer", "stage_scorer", "first_day_scorer"])
def test_it_says_what_the_scorer_says(which, request, dataset: Dataset, tmp_path: Path) -> None:
    scorer, rows = request.getfixturevalue(which), dataset.table.head(200)
    pd.testing.assert_frame_equal(served(scorer, rows, tmp_path), scorer.predictions(rows))


def test_being_served_leaves_the_scorers_files_as_they_are(
    scorer: Scorer, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    served(scorer, dataset.table.head(5), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"arithmetic.py", "course_filter.py", *scorer.files()}


def test_no_rows_in_no_rows_out(scorer: Scorer, dataset: Dataset, tmp_path: Path) -> None:
    found = served(scorer, dataset.table.head(0), tmp_path)
    assert found.empty
    assert found.columns.tolist() == scorer.predictions(dataset.table.head(0)).columns.tolist()


def test_a_stall_risk_is_missing_where_nothing_is_known(first_day_scorer: Scorer, dataset: Dataset) -> None:
    assert first_day_scorer.predictions(dataset.table.head(5))["stall_risk"].isna().all()


def test_a_model_keeps_the_arithmetic_it_was_saved_with(scorer: Scorer, dataset: Dataset, tmp_path: Path) -> None:
    scorer.save(tmp_path)
    kept = tmp_path / "arithmetic.py"
    other = kept.read_text("utf-8").replace("1 / (1 + np.exp(-log_odds))", "0.25 + 0 * log_odds")
    kept.write_text(other, encoding="utf-8")
    model, plain = PyfuncScorer(), dataset.table.head(5)
    model.load_context(SimpleNamespace(artifacts={"scorer": str(tmp_path)}))
    assert set(model.predict(None, plain)["win_probability"]) == {0.25}
    assert set(scorer.predictions(plain)["win_probability"]) != {0.25}


def test_a_model_reads_courses_as_it_was_saved(
    scorer: Scorer, dataset: Dataset, table: pd.DataFrame, tmp_path: Path
) -> None:
    scorer.save(tmp_path)
    with (tmp_path / "course_filter.py").open("a", encoding="utf-8") as kept:
        kept.write(
            "\n\ndef read(courses, traits, card):\n    return np.full((len(courses), len(card['readings'])), 0.5)\n"
        )
    model, alike = PyfuncScorer(), table.head(5).assign(**dict.fromkeys(READINGS, 0.5))
    model.load_context(SimpleNamespace(artifacts={"scorer": str(tmp_path)}))
    found = model.predict(None, dataset.table.head(5))["win_probability"].tolist()
    assert found == scorer.win.predict(alike).tolist() != scorer.win.predict(table.head(5)).tolist()
