"""One simulated company, and a scorer trained on it, shared by the tests of the models and of the training."""

import os

import pytest

from crm.simulate import DEMO_END, Simulation, simulate
from models.boosting import BoosterPlan
from models.scorer import Scorer
from models.scoring import Scoring
from training.dataset import Dataset
from training.fit import Fit, fit
from training.plan import Plan
from training.train import dataset_of

# Neither anybody's tracking server nor a run that a test happens to be started in.
for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "PLUMBLINE_"))]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def company() -> Simulation:
    """1,500 deals over three years, with the best possible answer for every snapshot."""
    return simulate(1_500, seed=7)


@pytest.fixture(scope="session")
def plan() -> Plan:
    """How the shared scorer is trained: on everything, with few trees."""
    return Plan(train_until=DEMO_END, booster=BoosterPlan(max_rounds=60))


@pytest.fixture(scope="session")
def dataset(company: Simulation, plan: Plan) -> Dataset:
    """The company's weekly snapshots."""
    return dataset_of(company.tables, plan)


@pytest.fixture(scope="session")
def fitted(dataset: Dataset, plan: Plan) -> Fit:
    """The shared scorer with its holdouts."""
    return fit(dataset, plan)


@pytest.fixture(scope="session")
def scorer(fitted: Fit) -> Scorer:
    """A scorer of boosted trees."""
    return fitted.scorer


@pytest.fixture(scope="session")
def stage_scorer(dataset: Dataset) -> Scorer:
    """What comes of too little data: a scorer of stage rates."""
    return fit(dataset, Plan(train_until=DEMO_END, minimum_of_each=10_000)).scorer


@pytest.fixture(scope="session")
def scoring(scorer: Scorer, company: Simulation) -> Scoring:
    """The scorer with the company's norms."""
    return Scoring.of_company(scorer, company.tables, "EUR")
