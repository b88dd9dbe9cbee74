"""A regularised logistic regression: the rung between rates and trees, which learns from a few dozen deals.

Counts, days and amounts are bent by a logarithm first, and what a course says is taken as log-odds, so that a straight
line fits them. It sees what trees find late: many signals that each say a little.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.facts import BoolColumn, FloatColumn
from models.arithmetic import REACH, line_parts, straightened
from models.boosting import ROWS_TOGETHER, Examples
from models.course import READINGS

PENALTY = 100.0
"""Ridge penalty on weights of standardised signals, where each deal counts once however many snapshots it has.

On simulated companies of 60, 150, 500, 1,400 and 14,000 deals it was the best of 10, 30, 100, 300 and 1,000, or
within 0.3 % of the best.
"""
ROUNDING = 1e-6
"""A signal that varies by less than this, bent, is constant: what it varies by is rounding."""
MOST_ROWS = 150_000
"""Snapshots it is fitted on at most, evenly taken; more took longer and changed nothing in the third digit."""


@dataclass(frozen=True)
class Line:
    """``log-odds = intercept + sum of the signals' parts``; arrays have one entry per signal.

    Attributes
    ----------
    share : whether a column is a reading of a course: a share, whose log-odds the line sees
    center, scale : mean and standard deviation of the signal as the line sees it, where it has a value
    weight : log-odds per standard deviation
    missing : log-odds where the signal has no value
    usual : mean part among the rows learned from, the zero of the reasons
    """

    intercept: float
    share: BoolColumn
    center: FloatColumn
    scale: FloatColumn
    weight: FloatColumn
    missing: FloatColumn
    usual: FloatColumn

    def predict(self, matrix: FloatColumn) -> FloatColumn:
        """Raw log-odds, one per row."""
        parts = np.array_split(matrix, len(matrix) // ROWS_TOGETHER + 1)
        return self.intercept + np.concatenate([line_parts(part, vars(self)).sum(axis=1) for part in parts])

    def contributions(self, matrix: FloatColumn) -> tuple[float, FloatColumn]:
        """Base log-odds, and what each signal adds: a sum's Shapley values, ``part - usual part`` (Lundberg, 2017)."""
        return self.intercept + float(self.usual.sum()), line_parts(matrix, vars(self)) - self.usual

    def document(self) -> dict[str, object]:
        """Plain numbers by name."""
        return {name: np.asarray(value).tolist() for name, value in vars(self).items()}

    def before_trees(self, examples: Examples) -> Examples:
        """The same rows for trees that add to what the line says of them."""
        start, used = np.zeros(len(examples.weight)), examples.weight > 0
        start[used] = self.predict(examples.signals[used])
        return replace(examples, start=start)

    @classmethod
    def of_document(cls, document: dict[str, object]) -> "Line":
        """The line of what ``document`` gave."""
        arrays = {one.name: np.asarray(document[one.name], np.float64) for one in fields(cls)}
        others = {"intercept": float(arrays["intercept"]), "share": arrays["share"].astype(bool)}
        return cls(**arrays | others)  # type: ignore[arg-type]


def fit_line(examples: Examples) -> Line:
    """Fit by maximum penalised likelihood; every deal weighs as much as any other with the same number of snapshots."""
    rows = np.flatnonzero(examples.weight > 0)
    rows = rows[:: len(rows) // MOST_ROWS + 1]
    share = np.array([name in READINGS for name in examples.names])
    values = straightened(examples.signals[rows].astype(np.float64), share)
    is_missing = np.isnan(values)
    known = np.maximum((~is_missing).sum(axis=0), 1)
    center = np.where(is_missing, 0, values).sum(axis=0) / known
    spread = np.sqrt((np.where(is_missing, 0, values - center) ** 2).sum(axis=0) / known)
    scale = np.where(spread > ROUNDING, spread, 1)
    steps = np.clip(np.where(is_missing, 0, (values - center) / scale), -REACH, REACH)
    some = is_missing.any(axis=0) & ~is_missing.all(axis=0)
    weight = examples.weight[rows]
    weight = weight * len(np.unique(examples.deal[rows])) / weight.sum()
    columns, happened = np.hstack([steps, is_missing[:, some]]), examples.happened[rows]
    # scikit-learn knows 0 and 1 only: a label between is both, each with its share of the weight.
    between = (happened > 0) & (happened < 1)
    shares = np.append(weight * np.where(between, happened, 1), (weight * (1 - happened))[between])
    model = LogisticRegression(C=1 / PENALTY, max_iter=1_000)
    model.fit(np.vstack([columns, columns[between]]), np.append(happened > 0, np.zeros(between.sum())), shares)
    missing = np.zeros(len(center))
    missing[some] = model.coef_[0, len(center) :]
    slopes = model.coef_[0, : len(center)]
    usual = np.average(np.where(is_missing, missing, slopes * steps), axis=0, weights=weight)
    return Line(float(model.intercept_[0]), share, center, scale, slopes, missing, usual)
