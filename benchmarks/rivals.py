"""The models that are compared, ours among them: each learns from some rows and gives back what says of others."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.encoding import WinRates
from benchmarks.ladder import climb, folds_in_order, folds_of_groups
from benchmarks.naive_bayes import NaiveBayes
from benchmarks.peer_sets import PeerSet
from features.facts import BoolColumn, FloatColumn
from models.boosting import BoosterPlan, Examples
from models.rungs import BaseRate, StageRate
from training.fit import _course, _fit_event

Says = Callable[[BoolColumn], FloatColumn]
Learn = Callable[[PeerSet, BoolColumn], Says]
OURS = "plumbline"
INNER_FOLDS = 5


def base_rate(peers: PeerSet, learn: BoolColumn) -> Says:
    """The share won of all."""
    model = BaseRate().fit(peers.learning_happened, np.where(learn, peers.learning_weight, 0))
    return lambda rows: np.full(int(rows.sum()), model.rate_)


def stage_rate(peers: PeerSet, learn: BoolColumn) -> Says:
    """The share won of the stage."""
    stage, weight = peers.stage, np.where(learn, peers.learning_weight, 0)
    model = StageRate().fit(stage, peers.learning_happened, weight, peers.deal)
    return lambda rows: model.predict(stage[rows])


def naive_bayes(peers: PeerSet, learn: BoolColumn) -> Says:
    """As Odoo does it."""
    weight = np.where(learn, peers.learning_weight, 0)
    model = NaiveBayes().fit(peers.told, peers.learning_happened, weight)
    return lambda rows: model.predict(peers.told[rows])


def logistic(peers: PeerSet, learn: BoolColumn) -> Says:
    """scikit-learn's, on standardised numbers and one column per category."""
    return _of_sklearn(LogisticRegression(max_iter=2_000), peers, learn)


def forest(peers: PeerSet, learn: BoolColumn) -> Says:
    """scikit-learn's, as one would set it for probabilities: 300 trees, leaves of five or more."""
    return _of_sklearn(RandomForestClassifier(300, min_samples_leaf=5, random_state=0), peers, learn)


def balanced_forest(peers: PeerSet, learn: BoolColumn) -> Says:
    """scikit-learn's defaults, outcomes balanced."""
    return _of_sklearn(RandomForestClassifier(class_weight="balanced", random_state=0), peers, learn)


def _of_sklearn(model: LogisticRegression | RandomForestClassifier, peers: PeerSet, learn: BoolColumn) -> Says:
    rows = learn & (peers.learning_weight > 0)
    pipeline = Pipeline([("columns", _plain_numbers(peers.columns)), ("model", model)])
    pipeline.fit(peers.columns[rows], peers.learning_happened[rows], model__sample_weight=peers.learning_weight[rows])
    return lambda rows: pipeline.predict_proba(peers.columns[rows])[:, 1]


def _plain_numbers(columns: pd.DataFrame) -> ColumnTransformer:
    numbers = columns.select_dtypes("number").columns.tolist()
    names = [name for name in columns if name not in numbers]
    standard = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    return ColumnTransformer([("numbers", standard, numbers), ("names", OneHotEncoder(handle_unknown="ignore"), names)])


def plumbline(peers: PeerSet, learn: BoolColumn) -> Says:
    """The product trained as it trains itself where rows are snapshots of a CRM, else its ladder on the columns."""
    if peers.trained_on:
        dataset, plan = peers.trained_on
        model, _ = _fit_event(dataset, plan, "win", rates_only=False)
        course = _course(dataset, plan, model)
        return lambda rows: model.predict(course.read(peers.asked[rows]) if course else peers.asked[rows])
    rates = WinRates()
    columns, happened, deal = peers.columns[learn], peers.learning_happened[learn], peers.deal[learn]
    signals = rates.fit_transform(columns, happened, deal)
    examples = Examples(signals, happened, peers.learning_weight[learn], deal, rates.names(columns))
    folds = folds_of_groups(deal, INNER_FOLDS) if peers.order is None else folds_in_order(peers.order[learn])
    ladder = climb(examples, folds, [BoosterPlan()])
    return lambda rows: ladder.predict(rates.transform(peers.columns[rows]))


RIVALS: dict[str, Learn] = {
    "base_rate": base_rate,
    "stage_rate": stage_rate,
    "naive_bayes": naive_bayes,
    "logistic": logistic,
    "forest": forest,
    "balanced_forest": balanced_forest,
    OURS: plumbline,
}
