"""One simulated company, and a scorer trained on it, shared by the tests of the models and of the training.

What is heavy is imported where it is needed, so that the tests of other folders start at once.
"""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    import pandas as pd

    from crm.simulate import Simulation
    from models.scorer import Scorer
    from models.scoring import Scoring
    from training.dataset import Dataset
    from training.fit import Fit
    from training.plan import Plan

# The same examples in every run: what passed here passes there. --hypothesis-profile=explore draws new ones.
settings.register_profile("explore", deadline=None)
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs the shared scorers is slow: to train them takes seconds. Files of slow tests come first."""
    for item in items:
        if {"fitted", "small_fitted", "stage_scorer"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)  # two processes then end at about the same time


@pytest.fixture(scope="module")
def mlflow_left_as_found() -> Iterator[None]:
    """MLflow keeps its server and experiment in the environment: put both back after a module's tests."""
    import mlflow

    server, environment = mlflow.get_tracking_uri(), dict(os.environ)
    yield
    mlflow.set_tracking_uri(server)
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(environment)


@pytest.fixture(scope="session")
def company() -> "Simulation":
    """1,500 deals over three years, with the best possible answer for every snapshot."""
    from crm.simulate import simulate

    return simulate(1_500, seed=4)


@pytest.fixture(scope="session")
def small_company() -> "Simulation":
    """400 deals, enough for a line with trees (won) and for a line (stalled): for tests that train more than once."""
    from crm.simulate import simulate

    return simulate(400, seed=1)


@pytest.fixture(scope="session")
def plan() -> "Plan":
    """How the shared scorer is trained: on everything, with three blocks and few trees."""
    from crm.simulate import DEMO_END
    from models.boosting import BoosterPlan
    from training.plan import Plan

    return Plan(train_until=DEMO_END, few_closed=0, booster=BoosterPlan(max_rounds=25, learning_rate=0.1))


@pytest.fixture(scope="session")
def dataset(company: "Simulation", plan: "Plan") -> "Dataset":
    """The company's weekly snapshots."""
    from training.train import dataset_of

    return dataset_of(company.tables, plan)


@pytest.fixture(scope="session")
def small_dataset(small_company: "Simulation", plan: "Plan") -> "Dataset":
    """The small company's weekly snapshots."""
    from training.train import dataset_of

    return dataset_of(small_company.tables, plan)


@pytest.fixture(scope="session")
def fitted(dataset: "Dataset", plan: "Plan") -> "Fit":
    """The shared scorer with its holdouts."""
    from training.fit import fit

    return fit(dataset, plan)


@pytest.fixture(scope="session")
def small_fitted(small_dataset: "Dataset", plan: "Plan") -> "Fit":
    """The small company's scorer with its holdouts."""
    from training.fit import fit

    return fit(small_dataset, plan)


@pytest.fixture(scope="session")
def scorer(fitted: "Fit") -> "Scorer":
    """A scorer of a line and boosted trees, for both events."""
    return fitted.scorer


@pytest.fixture(scope="session")
def table(scorer: "Scorer", dataset: "Dataset") -> "pd.DataFrame":
    """The company's weekly snapshots with the readings of their courses, as the scorer's models look at them."""
    return scorer.read(dataset.table)


@pytest.fixture(scope="session")
def stage_scorer(dataset: "Dataset", plan: "Plan") -> "Scorer":
    """What comes of too little data: a scorer of stage rates."""
    from dataclasses import replace

    from training.fit import fit

    return fit(dataset, replace(plan, minimum_of_each=10_000)).scorer


@pytest.fixture(scope="session")
def scoring(scorer: "Scorer", company: "Simulation") -> "Scoring":
    """The scorer with the company's norms."""
    from models.scoring import Scoring

    return Scoring.of_company(scorer, company.tables, "EUR")
