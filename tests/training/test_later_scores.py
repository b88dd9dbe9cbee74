"""Later scores teach: outcomes come through, open deals count, and no deal is told its own outcome by its scores."""

from dataclasses import replace

import numpy as np
import pytest

from features.facts import DAY
from features.labels import Labels
from models.boosting import BoosterPlan, Examples
from training.later_scores import KEPT, better, mixed, next_snapshots, scores_apart, with_later_scores

N_DEALS, N_WEEKS = 200, 5
FEW_TREES = BoosterPlan(max_rounds=3)


def company(n_open: int = 50) -> tuple[Examples, np.ndarray, Labels]:
    """Deals of five weekly snapshots, of which the last deals are open; one signal drifts to the outcome."""
    rng = np.random.default_rng(0)
    deal, week = np.repeat(np.arange(N_DEALS), N_WEEKS), np.tile(np.arange(N_WEEKS), N_DEALS)
    happened = (rng.random(N_DEALS) < 0.5).astype(float)[deal]
    won = np.where(deal < N_DEALS - n_open, happened, np.nan)
    clue = rng.normal(size=len(deal)) + week * (happened - 0.5)
    signals = np.column_stack([clue, rng.normal(size=len(deal))]).astype(np.float32)
    outcomes = Examples(signals, np.nan_to_num(won), (~np.isnan(won)).astype(float), deal, ["clue", "noise"])
    days_to_close = np.where(np.isnan(won), np.nan, 7.0 * (N_WEEKS - week))
    seen = Labels(won, days_to_close, 7.0 * (N_WEEKS - week) + 30, np.full(len(deal), np.nan))
    return outcomes, week * 7 * DAY, seen


def taught(outcomes: Examples, at: np.ndarray, seen: Labels) -> Examples:
    rows = np.ones(len(at), bool)
    return with_later_scores(outcomes, at, seen, rows, scores_apart(outcomes, rows, FEW_TREES))


def test_the_last_snapshot_of_a_closed_deal_is_told_the_outcome() -> None:
    outcomes, at, seen = company()
    last = (at == at.max()) & ~np.isnan(seen.won)
    assert taught(outcomes, at, seen).happened[last].tolist() == seen.won[last].tolist()


def test_earlier_snapshots_are_told_a_mean_of_the_later_scores_and_the_outcome() -> None:
    scores = np.array([0.9, 0.5, 0.7])
    told = mixed(np.ones(3), scores, np.array([1, 2, -1]))
    middle = (1 - KEPT) * 0.7 + KEPT
    assert told.tolist() == pytest.approx([(1 - KEPT) * 0.5 + KEPT * middle, middle, 1])


def test_open_deals_teach_all_but_their_last_snapshot() -> None:
    outcomes, at, seen = company()
    found, is_open = taught(outcomes, at, seen), np.isnan(seen.won)
    assert (outcomes.weight[is_open] == 0).all()
    assert ((found.weight > 0) == (~is_open | (at < at.max()))).all()
    assert np.logical_and(found.happened > 0, found.happened < 1)[is_open].all()


def test_a_deals_own_outcome_is_in_no_score_of_it() -> None:
    outcomes, at, seen = company()
    own = outcomes.deal == 7
    won = np.where(own, 1 - seen.won, seen.won)
    other = taught(replace(outcomes, happened=np.nan_to_num(won)), at, replace(seen, won=won))
    turned = np.abs(other.happened - taught(outcomes, at, seen).happened)[own]
    # The outcome itself comes through, by so much as the weeks to the last snapshot leave of it.
    assert turned.tolist() == pytest.approx((KEPT ** np.arange(N_WEEKS)[::-1]).tolist())


def test_what_lies_behind_the_cutoff_changes_no_label() -> None:
    outcomes, at, seen = company()
    rows = at < 3 * 7 * DAY
    poison = outcomes.signals.copy()
    poison[~rows] = 1e9
    plain, other = (
        with_later_scores(one, at, seen, rows, scores_apart(one, rows, FEW_TREES))
        for one in (outcomes, replace(outcomes, signals=poison))
    )
    assert plain.happened[rows].tolist() == other.happened[rows].tolist()
    assert plain.weight.tolist() == other.weight.tolist()
    assert (plain.weight[~rows] == 0).all()


def test_where_one_outcome_was_hardly_seen_outcomes_alone_teach() -> None:
    outcomes, at, seen = company()
    lost = replace(outcomes, happened=np.where(outcomes.deal == 3, 1.0, 0.0))
    assert taught(lost, at, seen) is lost


def test_of_several_scores_those_teach_that_told_the_outcomes_best() -> None:
    outcomes, _, _ = company()
    told, worse = np.where(outcomes.happened == 1, 0.8, 0.2), np.where(outcomes.happened == 1, 0.7, 0.3)
    open_deals = outcomes.weight == 0
    lucky = np.where(open_deals, 0.5, worse)  # what is said of deals whose outcome is not known counts for nothing
    assert better(outcomes, worse, told) is told
    assert better(outcomes, told, lucky) is told
    assert better(outcomes, told, told.copy()) is told


def test_the_next_snapshot_is_of_the_same_deal_whatever_the_order_of_rows() -> None:
    deal, at = np.array([1, 0, 1, 0, 1]), np.array([30, 10, 10, 20, 20])
    assert next_snapshots(deal, at, np.ones(5, bool)).tolist() == [-1, 3, 4, -1, 0]
    assert next_snapshots(deal, at, np.array([True, True, True, True, False])).tolist() == [-1, 3, 0, -1, -1]
