"""What is learned: open deals are censored, not dropped, for dropping them favours fast ones."""

import numpy as np
import pytest

from crm.simulate import Simulation
from features.facts import DAY
from features.labels import Labels
from models.censoring import MAXIMUM_WEIGHT
from training.dataset import Dataset, censoring_weights
from training.targets import target

TRUE_WIN_RATE = 0.5


def watched(n: int = 40_000, days: float = 600) -> Labels:
    """Wins take 120 days on average and losses 30; snapshots lie evenly over the days before the cut-off."""
    rng = np.random.default_rng(0)
    won = rng.random(n) < TRUE_WIN_RATE
    takes, seen = rng.exponential(np.where(won, 120, 30)), rng.uniform(0, days, n)
    still_open = takes > seen
    return Labels(
        won=np.where(still_open, np.nan, won),
        days_to_close=np.where(still_open, np.nan, takes),
        days_seen=seen,
        stalled=np.full(n, np.nan),
    )


def test_weights_give_back_the_win_rate_that_the_closed_deals_alone_do_not() -> None:
    seen = watched()
    weight = censoring_weights(seen, np.ones(len(seen.won), bool))
    closed = ~np.isnan(seen.won)
    assert seen.won[closed].mean() < TRUE_WIN_RATE - 0.04
    assert np.average(seen.won[closed], weights=weight[closed]) == pytest.approx(TRUE_WIN_RATE, abs=0.015)


def test_weights_lie_between_one_and_the_maximum_where_closed() -> None:
    seen = watched()
    weight = censoring_weights(seen, np.ones(len(seen.won), bool))
    closed = ~np.isnan(seen.won)
    assert (weight[~closed] == 0).all()
    assert weight[closed].min() >= 1
    assert weight[closed].max() == MAXIMUM_WEIGHT


def test_a_slower_deal_never_weighs_less() -> None:
    seen = watched(2_000)
    weight = censoring_weights(seen, np.ones(2_000, bool))
    order = np.argsort(seen.days_to_close)[: (~np.isnan(seen.won)).sum()]
    assert (np.diff(weight[order]) >= 0).all()


def test_three_snapshots_worked_out_by_hand() -> None:
    seen = Labels(
        won=np.array([1.0, np.nan, 0.0]),
        days_to_close=np.array([15.0, np.nan, 5.0]),
        days_seen=np.array([30.0, 20.0, 10.0]),
        stalled=np.full(3, np.nan),
    )
    # 15 days can be seen from two snapshots of three, 5 days from each.
    assert censoring_weights(seen, np.ones(3, bool)).tolist() == pytest.approx([1.5, 0, 1])


def test_snapshots_that_are_not_used_neither_weigh_nor_count() -> None:
    seen = watched(500)
    used = np.arange(500) < 250
    weight = censoring_weights(seen, used)
    first = Labels(*(values[:250] for values in (seen.won, seen.days_to_close, seen.days_seen, seen.stalled)))
    assert (weight[250:] == 0).all()
    assert weight[:250].tolist() == censoring_weights(first, np.ones(250, bool)).tolist()


def test_no_snapshots_have_no_weights() -> None:
    assert censoring_weights(watched(5), np.zeros(5, bool)).tolist() == [0] * 5


def test_a_stall_whose_patience_has_not_ended_is_not_learned_from(dataset: Dataset) -> None:
    cutoff = dataset.until - 200 * DAY
    learned = target(dataset, "stall", cutoff, np.ones(len(dataset.at), bool))
    ends = dataset.at + dataset.patience_days * DAY
    assert (learned.weight[ends > cutoff] == 0).all()
    assert (learned.weight[ends <= cutoff - DAY] == 1).all()


def test_the_weighted_win_rate_is_that_of_the_oracle(dataset: Dataset, company: Simulation) -> None:
    truth = dataset.table[["deal_id", "as_of"]].merge(company.oracle, how="left", on=["deal_id", "as_of"])
    best = truth["win_probability"].to_numpy()
    used = ~np.isnan(best) & (dataset.at > dataset.until - 400 * DAY)
    learned = target(dataset, "win", dataset.until, used)
    assert np.average(learned.happened, weights=learned.weight) == pytest.approx(best[used].mean(), abs=0.06)
