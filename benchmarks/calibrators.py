"""Ways to calibrate a score on later deals, and to say how sure one is of it: those that ours is compared with.

A way learns from log-odds, outcomes and weights, and gives back what turns log-odds into probabilities.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from features.facts import FloatColumn, IntColumn

Turns = Callable[[FloatColumn], FloatColumn]
N_PLACES = 60
"""Scores at which Venn-Abers is worked out; straight in between."""


def none(score: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Turns:  # noqa: ARG001
    """The score as it is."""
    return expit


def platt(score: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Turns:
    """A line in log-odds (Platt, 1999)."""
    line = _line(score[:, None], happened, weight)
    return lambda others: line.predict_proba(others[:, None])[:, 1]


def _line(columns: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> LogisticRegression:
    return LogisticRegression(C=np.inf, max_iter=1_000).fit(columns, happened, sample_weight=weight)


def isotonic(score: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Turns:
    """Any rising steps (Zadrozny and Elkan, 2002)."""
    model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, happened, sample_weight=weight)
    return model.predict


def beta(score: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Turns:
    """A line in log p and -log(1 - p), neither counting negatively (Kull, Silva Filho and Flach, 2017)."""
    kept = [0, 1]
    while True:
        model = _line(_ends(score)[:, kept], happened, weight)
        negative = [place for place, slope in zip(kept, model.coef_[0], strict=True) if slope < 0]
        if not negative or len(kept) == 1:
            return lambda others: model.predict_proba(_ends(others)[:, kept])[:, 1]
        kept.remove(negative[0])


def _ends(score: FloatColumn) -> FloatColumn:
    return np.column_stack([-np.logaddexp(0, -score), np.logaddexp(0, score)])


def venn_abers(score: FloatColumn, happened: FloatColumn, weight: FloatColumn) -> Turns:
    """The one probability between the two of ``venn_abers_bounds`` that loses least (Vovk and Petej, 2014)."""
    bounds = venn_abers_bounds(score, happened, weight)

    def turn(others: FloatColumn) -> FloatColumn:
        low, high = bounds(others)
        return high / (1 - low + high)

    return turn


def venn_abers_bounds(
    score: FloatColumn, happened: FloatColumn, weight: FloatColumn
) -> Callable[[FloatColumn], tuple[FloatColumn, FloatColumn]]:
    """Inductive Venn-Abers: the isotonic probability were the new deal lost, and were it won (Vovk and Petej, 2014)."""
    places = np.unique(score)
    if len(places) > N_PLACES:
        places = np.unique(np.quantile(score, np.linspace(0, 1, N_PLACES)))
    share = float(np.average(weight))
    found = np.empty((2, len(places)))
    for number, place in enumerate(places):
        for outcome in (0.0, 1.0):
            model = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
            model.fit(np.append(score, place), np.append(happened, outcome), sample_weight=np.append(weight, share))
            found[int(outcome), number] = model.predict([place])[0]
    return lambda others: (np.interp(others, places, found[0]), np.interp(others, places, found[1]))


def bootstrap_bounds(
    raw: dict[str, FloatColumn], happened: FloatColumn, weight: FloatColumn, deal: IntColumn, n_draws: int, seed: int
) -> Callable[[dict[str, FloatColumn]], tuple[FloatColumn, FloatColumn]]:
    """Between which probabilities eight in ten stacks lie, each fitted on as many deals drawn with replacement."""
    columns = np.column_stack(list(raw.values()))
    of_deal = np.unique(deal, return_inverse=True)[1]
    n, random = int(of_deal.max()) + 1, np.random.default_rng(seed)
    lines = []
    for _ in range(n_draws):
        times = np.bincount(random.integers(0, n, n), minlength=n)[of_deal]
        lines.append(_line(columns, happened, weight * times))

    def bounds(others: dict[str, FloatColumn]) -> tuple[FloatColumn, FloatColumn]:
        matrix = np.column_stack([others[name] for name in raw])
        low, high = np.quantile([line.decision_function(matrix) for line in lines], (0.1, 0.9), axis=0)
        return expit(low), expit(high)

    return bounds


WAYS: dict[str, Callable[[FloatColumn, FloatColumn, FloatColumn], Turns]] = {
    "none": none,
    "platt": platt,
    "isotonic": isotonic,
    "beta": beta,
    "venn_abers": venn_abers,
}
