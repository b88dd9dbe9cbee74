"""Probabilities with additive parts: the parts are shap's own, and they sum to the log-odds."""

import numpy as np
import pytest

from models.calibration import log_odds
from models.probability import ProbabilityModel
from models.scorer import Scorer
from training.dataset import Dataset


@pytest.fixture(params=["win", "stall"])
def model(request: pytest.FixtureRequest, scorer: Scorer) -> ProbabilityModel:
    """Each model of trees in turn."""
    found: ProbabilityModel = getattr(scorer, request.param)
    return found


@pytest.fixture(params=["win", "stall"])
def stage_model(request: pytest.FixtureRequest, stage_scorer: Scorer) -> ProbabilityModel:
    """Each model of stage rates in turn."""
    found: ProbabilityModel = getattr(stage_scorer, request.param)
    return found


def test_contributions_are_shap_values(model: ProbabilityModel, dataset: Dataset) -> None:
    import shap

    some = dataset.table.sample(200, random_state=0)
    base, added = model.contributions(some)
    explainer = shap.TreeExplainer(model.booster)
    explainer.model.model_type = "internal"  # shap's own arithmetic; otherwise it would ask LightGBM, as we do
    theirs = explainer.shap_values(some[list(model.signals)].to_numpy(np.float32))
    line = model.calibration
    assert added == pytest.approx(line.slope * np.asarray(theirs), rel=1e-6, abs=1e-9)
    expected = float(np.ravel(explainer.expected_value)[-1])
    assert base == pytest.approx(line.slope * expected + line.intercept, rel=1e-6, abs=1e-9)


def test_base_and_contributions_sum_to_the_log_odds(model: ProbabilityModel, dataset: Dataset) -> None:
    some = dataset.table.sample(500, random_state=1)
    base, added = model.contributions(some)
    assert base + added.sum(axis=1) == pytest.approx(log_odds(model.predict(some)), abs=1e-9)


def test_the_stage_alone_explains_a_stage_rate(stage_model: ProbabilityModel, dataset: Dataset) -> None:
    base, added = stage_model.contributions(dataset.table)
    assert base + added.sum(axis=1) == pytest.approx(log_odds(stage_model.predict(dataset.table)), abs=1e-9)
    told = {name for name, column in zip(stage_model.signals, added.T, strict=True) if column.any()}
    assert told == {stage_model.stage_signal}


def test_a_model_of_trees_and_one_of_stage_rates_say_which_they_are(scorer: Scorer, stage_scorer: Scorer) -> None:
    assert (scorer.win.rung, stage_scorer.win.rung) == ("lightgbm", "stage rate")


def test_a_deal_alone_gets_the_same_bits_as_in_the_batch(model: ProbabilityModel, dataset: Dataset) -> None:
    together, alone = (
        model.predict(dataset.table.head(50)),
        [model.predict(dataset.table.iloc[[row]])[0] for row in range(50)],
    )
    assert together.tolist() == alone


def test_the_order_of_the_columns_does_not_matter(model: ProbabilityModel, dataset: Dataset) -> None:
    turned = dataset.table[dataset.table.columns[::-1]]
    assert model.predict(turned).tolist() == model.predict(dataset.table).tolist()


def test_no_deals_get_no_probabilities_and_no_contributions(model: ProbabilityModel, dataset: Dataset) -> None:
    none = dataset.table.head(0)
    assert model.predict(none).shape == (0,)
    assert model.contributions(none)[1].shape == (0, len(model.signals))


def test_no_deals_are_fine_for_stage_rates_too(stage_model: ProbabilityModel, dataset: Dataset) -> None:
    none = dataset.table.head(0)
    assert stage_model.predict(none).shape == (0,)
    assert stage_model.contributions(none)[1].shape == (0, len(stage_model.signals))
