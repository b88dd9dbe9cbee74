"""What a deal was scored later teaches its earlier snapshots, beside how it ended.

An outcome is one toss of a coin, months after most of a deal's snapshots. What is said of the deal a week later knows
more than the snapshot did and is no toss, and it is there while the deal is still open, so that open deals teach too.
A snapshot's label is therefore a mean of both, by temporal differences, TD(λ) (Sutton, *Learning to predict by the
methods of temporal differences*, 1988):

    label of a snapshot = (1 - λ) score of the deal's next snapshot + λ label of the next snapshot

The last snapshot's label is the outcome; of an open deal it is its own score, which only the earlier ones learn from.
Scores are what trees that learned from other deals say, or what courses say, whichever told the outcomes better: a
course's laws are a few hundred numbers, in which a deal's own outcome hardly shows.
"""

from dataclasses import replace

import numpy as np

from features.facts import DAY, BoolColumn, FloatColumn, IntColumn
from features.labels import Labels
from models.arithmetic import probability
from models.boosting import BoosterPlan, Examples, fit_booster, raw_scores
from models.censoring import weights_of_closed
from models.line import fit_line
from training.metrics import measure

KEPT = 0.9
"""λ: how much of the next snapshot's label is kept.

Of what the oracle gains over the stage rate, a simulated company of 20,000 deals gained 69 % with 0.9 and 0.8, 68 %
with 0.95 and 65 % from outcomes alone, each at its best number of rounds; one of 2,000 gained 42, 42, 41 and 37 %.
"""
PARTS = 3
"""A deal is scored by models that learned from the other parts of the deals: its own outcome is in no score of it."""
THINNED = 3
"""The models that score learn from every third snapshot: a deal's neighbours in time say much the same."""
ROUNDS = 40
"""Trees of the models that score, at most: few, for every part of every block learns them."""
DEALS_IN_LEAF = 30
"""A leaf of a tree holds as many snapshots as so many deals have, at least: a deal's own are little evidence."""


def with_later_scores(
    outcomes: Examples, at: IntColumn, seen: Labels, rows: BoolColumn, scores: FloatColumn | None
) -> Examples:
    """The same rows with labels in [0, 1] of later scores and outcomes; where there are too few deals, unchanged.

    A snapshot waits for its label only until the next one, or the closing. So hardly any is still censored: all but the
    last of an open deal weigh about 1.

    Parameters
    ----------
    outcomes : what is learned from closed deals alone
    at : instants of all snapshots, microseconds since 1970 UTC
    seen : their labels as known at the cut-off
    rows : the snapshots before the cut-off
    scores : of each of ``rows``; None where there are too few deals
    """
    if scores is None:
        return outcomes
    later = next_snapshots(outcomes.deal, at, rows)
    has_next = later >= 0
    days = np.where(has_next, (at[later] - at) / DAY, seen.days_to_close)
    weight = np.zeros(len(rows))
    weight[rows] = weights_of_closed(days[rows], seen.days_seen[rows])
    return replace(outcomes, happened=mixed(seen.won, scores, later), weight=weight)


def shape(learned: Examples, plan: BoosterPlan) -> BoosterPlan:
    """The plan for trees that learn such labels: each asks half as many signals, and leaves are of many deals."""
    used = learned.weight > 0
    snapshots = DEALS_IN_LEAF * used.sum() / len(np.unique(learned.deal[used]))
    leaf = max(plan.min_data_in_leaf, round(snapshots))
    return replace(plan, feature_fraction=plan.feature_fraction / 2, min_data_in_leaf=leaf)


def next_snapshots(deal: IntColumn, at: IntColumn, rows: BoolColumn) -> IntColumn:
    """Place of the next snapshot of the same deal among ``rows``; -1 where there is none."""
    used = np.flatnonzero(rows)
    order = used[np.lexsort((at[used], deal[used]))]
    here, there = order[:-1], order[1:]
    found = np.full(len(rows), -1)
    found[here] = np.where(deal[here] == deal[there], there, -1)
    return found


def mixed(won: FloatColumn, scores: FloatColumn, later: IntColumn) -> FloatColumn:
    """Labels by the recursion above, from each deal's end to its beginning.

    Examples
    --------
    Two snapshots of a deal that was won, two of one that is open:

    >>> won, scores = np.array([1, 1, np.nan, np.nan]), np.array([0.2, 0.4, 0.3, 0.6])
    >>> mixed(won, scores, np.array([1, -1, 3, -1])).round(9).tolist()
    [0.94, 1.0, 0.6, 0.6]
    """
    found = np.where(np.isnan(won), scores, won)
    last = np.flatnonzero(later < 0)
    before = np.full(len(later), -1)
    before[later[later >= 0]] = np.flatnonzero(later >= 0)
    place = before[last]
    while len(place := place[place >= 0]):
        found[place] = (1 - KEPT) * scores[later[place]] + KEPT * found[later[place]]
        place = before[place]
    return found


def better(outcomes: Examples, *scores: FloatColumn) -> FloatColumn:
    """The scores with the lowest log loss on the outcomes; the first where they are alike.

    What courses say was better on simulated companies, what trees say of the bank's loans.
    """
    judged = measure(outcomes.happened, outcomes.weight, {str(i): one for i, one in enumerate(scores)})
    return scores[min(range(len(scores)), key=lambda i: judged[str(i)]["log_loss"])]


def scores_apart(outcomes: Examples, rows: BoolColumn, plan: BoosterPlan) -> FloatColumn | None:
    """What trees that learned from other deals say of each of ``rows``; None where one outcome is missing."""
    quick = replace(plan, learning_rate=2 * plan.learning_rate, feature_fraction=plan.feature_fraction / 2)
    places, scores = np.flatnonzero(rows), np.zeros(len(rows))
    # Numbered among the deals known, so that later ones change no part.
    part = np.unique(outcomes.deal[places], return_inverse=True)[1] % PARTS
    for number in range(PARTS):
        kept = np.zeros(len(rows), bool)
        kept[places[part != number][::THINNED]] = True
        others = replace(outcomes, weight=np.where(kept, outcomes.weight, 0))
        if not others.has_both:
            return None
        own = places[part == number]
        signals = outcomes.signals[own]
        line = fit_line(others)
        booster = fit_booster(line.before_trees(others), quick, min(plan.max_rounds, ROUNDS))
        scores[own] = probability(line.predict(signals) + raw_scores(booster, signals))
    return scores
