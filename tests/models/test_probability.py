"""Probabilities with additive parts: the parts are Shapley values, and they sum to the log-odds."""

from functools import partial

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from models.arithmetic import REACH
from models.calibration import log_odds
from models.course import READINGS
from models.line import Line
from models.members import BEYOND, LINE, TREES
from models.probability import ProbabilityModel
from models.scorer import Scorer
from training.dataset import Dataset


@pytest.fixture(params=["win", "stall"])
def model(request: pytest.FixtureRequest, scorer: Scorer) -> ProbabilityModel:
    """A model of a line and trees, and one of trees."""
    found: ProbabilityModel = getattr(scorer, request.param)
    return found


@pytest.fixture(params=["win", "stall"])
def stage_model(request: pytest.FixtureRequest, stage_scorer: Scorer) -> ProbabilityModel:
    """Each model of stage rates in turn."""
    found: ProbabilityModel = getattr(stage_scorer, request.param)
    return found


def trees_by_shap(trees: lgb.Booster, matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Base and Shapley values of trees by shap's own arithmetic."""
    import shap

    explainer = shap.TreeExplainer(trees)
    explainer.model.model_type = "internal"  # otherwise it would ask LightGBM, as we do
    return float(np.ravel(explainer.expected_value)[-1]), np.asarray(explainer.shap_values(matrix))


def line_by_hand(line: Line, matrix: np.ndarray) -> tuple[float, np.ndarray]:
    """Base and Shapley values of the line: a sum's are ``weight * (value - usual value)``; readings come last."""
    added = np.zeros(matrix.shape)
    for column in range(matrix.shape[1]):
        for row, value in enumerate(matrix[:, column].tolist()):
            if np.isnan(value):
                part = line.missing[column]
            else:
                inside = min(max(value, 1e-4), 1 - 1e-4)
                bent = np.copysign(np.log1p(abs(value)), value)
                seen = np.log(inside / (1 - inside)) if column >= matrix.shape[1] - len(READINGS) else bent
                step = (seen - line.center[column]) / line.scale[column]
                part = line.weight[column] * min(max(step, -REACH), REACH)
            added[row, column] = part - line.usual[column]
    return line.intercept + float(line.usual.sum()), added


def test_contributions_are_shap_values(model: ProbabilityModel, table: pd.DataFrame) -> None:
    some = table.sample(150, random_state=0)
    matrix, slopes = some[list(model.signals)].to_numpy(np.float32), model.calibration.slopes
    expected, theirs = model.calibration.intercept, np.zeros(matrix.shape)
    members = {
        LINE: [partial(line_by_hand, model.members.line)],
        TREES: [partial(trees_by_shap, model.members.trees)],
        BEYOND: [partial(line_by_hand, model.members.line), partial(trees_by_shap, model.members.beyond)],
    }
    for name, slope in slopes.items():
        for part in members[name]:
            start, parts = part(matrix)
            expected, theirs = expected + slope * start, theirs + slope * parts
    base, added = model.contributions(some)
    assert added == pytest.approx(theirs, rel=1e-6, abs=1e-9)
    assert base == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_base_and_contributions_sum_to_the_log_odds(model: ProbabilityModel, table: pd.DataFrame) -> None:
    some = table.sample(500, random_state=1)
    base, added = model.contributions(some)
    assert base + added.sum(axis=1) == pytest.approx(log_odds(model.predict(some)), abs=1e-9)


def test_the_stage_alone_explains_a_stage_rate(stage_model: ProbabilityModel, dataset: Dataset) -> None:
    base, added = stage_model.contributions(dataset.table)
    assert base + added.sum(axis=1) == pytest.approx(log_odds(stage_model.predict(dataset.table)), abs=1e-9)
    told = {name for name, column in zip(stage_model.signals, added.T, strict=True) if column.any()}
    assert told == {stage_model.stage_signal}


def test_each_model_says_which_rung_it_is(scorer: Scorer, stage_scorer: Scorer) -> None:
    assert (scorer.win.rung, scorer.stall.rung) == ("logistic + lightgbm", "logistic + lightgbm")
    assert stage_scorer.win.rung == stage_scorer.stall.rung == "stage rate"


def test_a_deal_alone_gets_the_same_bits_as_in_the_batch(model: ProbabilityModel, table: pd.DataFrame) -> None:
    some = table.sample(40, random_state=2)
    together, bounds, (base, added) = model.predict(some), model.bounds(some), model.contributions(some)
    for row in range(40):
        alone = some.iloc[[row]]
        assert model.predict(alone).tolist() == [together[row]]
        assert [end.tolist() for end in model.bounds(alone)] == [[end[row]] for end in bounds]
        own_base, own = model.contributions(alone)
        assert (own_base.tolist(), own.tolist()) == ([base[row]], [added[row].tolist()])


@pytest.mark.parametrize("event", ["win", "stall"])
def test_bounds_contain_the_probability(event: str, scorer: Scorer, stage_scorer: Scorer, table: pd.DataFrame) -> None:
    for model in (getattr(scorer, event), getattr(stage_scorer, event)):
        (low, high), said = model.bounds(table), model.predict(table)
        assert ((low >= 0) & (low <= said) & (said <= high) & (high <= 1)).all()
        assert 0.01 < (high - low).mean() < 0.3


def test_a_row_of_which_nothing_is_known_gets_a_probability_and_reasons_that_sum(
    model: ProbabilityModel, table: pd.DataFrame
) -> None:
    blank = table.head(3).copy()
    blank[list(model.signals)] = np.nan
    blank["stage"] = "never seen"
    base, added = model.contributions(blank)
    assert base + added.sum(axis=1) == pytest.approx(log_odds(model.predict(blank)), abs=1e-9)
    assert ((model.predict(blank) > 0.01) & (model.predict(blank) < 0.99)).all()


def test_the_order_of_the_columns_does_not_matter(model: ProbabilityModel, table: pd.DataFrame) -> None:
    turned = table[table.columns[::-1]]
    assert model.predict(turned).tolist() == model.predict(table).tolist()


def test_no_deals_get_no_probabilities_and_no_contributions(model: ProbabilityModel, table: pd.DataFrame) -> None:
    none = table.head(0)
    assert model.predict(none).shape == (0,)
    assert model.contributions(none)[1].shape == (0, len(model.signals))


def test_no_deals_are_fine_for_stage_rates_too(stage_model: ProbabilityModel, dataset: Dataset) -> None:
    none = dataset.table.head(0)
    assert stage_model.predict(none).shape == (0,)
    assert stage_model.contributions(none)[1].shape == (0, len(stage_model.signals))
