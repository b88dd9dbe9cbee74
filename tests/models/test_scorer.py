"""The scorer on disk: plain files, the same answers bit for bit, one version for one content."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crm.errors import NoModelError
from models.closing_time import KNOTS_DAYS
from models.scorer import Scorer, load_scorer
from training.dataset import Dataset


@pytest.fixture
def saved(scorer: Scorer, tmp_path: Path) -> Path:
    """The folder of a saved scorer."""
    scorer.save(tmp_path / "scorer")
    return tmp_path / "scorer"


def test_a_saved_scorer_comes_back_as_the_same_version(scorer: Scorer, saved: Path) -> None:
    assert load_scorer(saved).version == scorer.version


def test_a_saved_scorer_says_the_same_bit_for_bit(scorer: Scorer, saved: Path, dataset: Dataset) -> None:
    assert load_scorer(saved).predictions(dataset.table).equals(scorer.predictions(dataset.table))


def test_a_scorer_of_stage_rates_comes_back_the_same(stage_scorer: Scorer, tmp_path: Path, dataset: Dataset) -> None:
    stage_scorer.save(tmp_path)
    loaded = load_scorer(tmp_path)
    assert (loaded.version, loaded.note) == (stage_scorer.version, stage_scorer.note)
    assert loaded.predictions(dataset.table).equals(stage_scorer.predictions(dataset.table))


def test_what_is_saved_is_text_that_a_person_can_read(saved: Path) -> None:
    trees = ["stall.beyond.txt", "stall.txt", "win.beyond.txt", "win.txt"]
    assert sorted(path.name for path in saved.iterdir()) == ["arithmetic.py", "card.json", "course_filter.py", *trees]
    assert all(text.isprintable() for path in saved.iterdir() for text in path.read_text("utf-8").splitlines())
    assert (saved / "win.txt").read_text("utf-8").startswith("tree\nversion=")


def test_anything_that_decides_a_score_changes_the_version(scorer: Scorer) -> None:
    others = [
        replace(scorer, win=scorer.stall),
        replace(scorer, patience=(1, 2, 3)),
        replace(scorer, course=None),
        replace(scorer, win=replace(scorer.win, calibration=replace(scorer.win.calibration, intercept=0.5))),
    ]
    assert len({scorer.version, *(other.version for other in others)}) == 5


def test_another_format_is_refused_in_a_sentence(saved: Path) -> None:
    card = json.loads((saved / "card.json").read_text("utf-8"))
    (saved / "card.json").write_text(json.dumps(card | {"format": 99}), encoding="utf-8")
    with pytest.raises(NoModelError, match=r"card\.json has format 99, this version reads 8; train a new scorer"):
        load_scorer(saved)


def test_a_folder_without_a_scorer_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoModelError, match=r"there is no scorer in .*; train one with `plumbline train`"):
        load_scorer(tmp_path)


def test_predictions_are_one_row_per_snapshot_all_between_0_and_1(scorer: Scorer, dataset: Dataset) -> None:
    said = scorer.predictions(dataset.table)
    assert len(said) == len(dataset.table)
    assert bool(said.stack().between(0, 1).all())


def test_what_lies_ahead_of_each_deal_is_one_whole(scorer: Scorer, dataset: Dataset) -> None:
    said = scorer.predictions(dataset.table)
    won, lost = (said[[f"{name}_within_{days}d" for days in KNOTS_DAYS]].to_numpy() for name in ("won", "lost"))
    assert (np.diff(won, axis=1) >= 0).all()
    assert (won[:, -1] <= said["win_probability"]).all()
    assert (lost[:, -1] <= 1 - said["win_probability"] + 1e-12).all()
    within_patience = said[["stall_risk", "lost_in_patience", "moved_in_patience"]].sum(axis=1)
    assert within_patience.to_numpy() == pytest.approx(1, abs=1e-9)
    still_open = scorer.outlook(dataset.table).open_after(scorer.patience_days(dataset.table))
    assert (still_open >= said["stall_risk"] - 1e-9).all()


def test_unseen_stages_and_rows_of_nothing_are_answered(scorer: Scorer, stage_scorer: Scorer, dataset: Dataset) -> None:
    strange = dataset.table.head(4).assign(stage=["never seen", "never seen", "", "Discovery"])
    strange.loc[strange.index[1:], dataset.signals] = np.nan
    for one in (scorer, stage_scorer):
        said = one.predictions(strange)
        assert bool(said.stack().between(0, 1).all())
        assert said.notna().all(axis=None)


def test_no_snapshots_get_no_predictions(scorer: Scorer, stage_scorer: Scorer, dataset: Dataset) -> None:
    none = dataset.table.head(0)
    assert scorer.predictions(none).shape == stage_scorer.predictions(none).shape == (0, 4 + 2 * len(KNOTS_DAYS))
