"""Scores are judged once most deals of their age have closed; fast deals do not count for more than they are."""

import numpy as np
import pandas as pd
import pytest

from reports.score_accuracy import EVERY_MODEL, RIPE_SHARE, score_accuracy

NOW = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")


def scored(*rows: tuple[str, int, float], version: str = "m") -> pd.DataFrame:
    """Scores from deal, days before now, and win probability."""
    frame = pd.DataFrame(rows, columns=["deal_id", "days", "win_probability"])
    as_of = NOW - pd.to_timedelta(frame.pop("days"), unit="D")
    as_of = as_of.astype("datetime64[us, UTC]")
    return frame.assign(as_of=as_of, model_version=version, issued_at=as_of)


@pytest.fixture
def ended(present_of):
    """The present of deals that closed so many days ago, won or lost; None for open ones."""

    def made(**deals: tuple[str, int] | None) -> pd.DataFrame:
        rows = [
            {"deal_id": deal}
            | ({"stage_category": how[0], "closed_at": str(NOW - pd.Timedelta(how[1], "D"))} if how else {})
            for deal, how in deals.items()
        ]
        return present_of(*rows)

    return made


def test_three_scores_worked_out_by_hand(ended):
    now = ended(D1=("won", 10), D2=("lost", 20), D3=("won", 90))
    found = score_accuracy(scored(("D1", 100, 0.8), ("D2", 100, 0.5), ("D3", 100, 0.6)), now, NOW)
    assert (found.n_scores, found.n_open, found.n_ripe, found.n_ripe_open) == (3, 0, 3, 0)
    assert found.ripe_days == 90
    row = found.models.iloc[0]
    assert row[["model_version", "n_scores", "n_deals", "n_open"]].tolist() == [EVERY_MODEL, 3, 3, 0]
    assert row["brier"] == pytest.approx((0.04 + 0.25 + 0.16) / 3)
    assert row["log_loss"] == pytest.approx(-(np.log(0.8) + np.log(0.5) + np.log(0.6)) / 3)
    assert row["won"] == pytest.approx(2 / 3)
    assert row["base_brier"] == pytest.approx(2 / 9)
    assert row["base_log_loss"] == pytest.approx(-(2 * np.log(2 / 3) + np.log(1 / 3)) / 3)


def test_only_scores_that_are_old_enough_are_judged(ended):
    """Four of five close within 50 days; a score of 30 days ago, though its deal has closed, is not judged."""
    deals = {f"D{n}": ("won", 50) for n in range(4)} | {"D4": None, "D5": ("lost", 5)}
    scores = scored(*((deal, 100, 0.7) for deal in ("D0", "D1", "D2", "D3", "D4")), ("D5", 30, 0.1))
    found = score_accuracy(scores, ended(**deals), NOW)
    assert RIPE_SHARE == 0.8
    assert found.ripe_days == 50
    assert (found.n_ripe, found.n_ripe_open, found.n_open) == (5, 1, 1)
    assert found.models.iloc[0]["n_scores"] == 4


def test_while_most_deals_are_open_nothing_is_judged(ended):
    found = score_accuracy(scored(("D1", 30, 0.9), ("D2", 30, 0.2)), ended(D1=("won", 1), D2=None), NOW)
    assert np.isnan(found.ripe_days)
    assert (found.n_scores, found.n_open, found.n_ripe) == (2, 1, 0)
    assert found.models.empty
    assert found.bins.empty


def test_fast_deals_do_not_drown_the_slow_ones(present_of):
    """Half of all deals are lost after 10 days, half are won after 100; every week as many are scored."""
    scores, deals = [], []
    for days in range(7, 161, 7):
        for n in range(20):
            deal, (how, takes) = f"D{days}-{n}", ("won", 100) if n % 2 else ("lost", 10)
            scores.append((deal, days, 0.5))
            closed = {"stage_category": how, "closed_at": str(NOW - pd.Timedelta(days - takes, "D"))}
            deals.append({"deal_id": deal} | (closed if days >= takes else {}))
    found = score_accuracy(scored(*scores), present_of(*deals), NOW)
    assert found.ripe_days == 100
    assert found.models.iloc[0]["won"] == pytest.approx(0.5)
    closed = [deal for deal in deals if "closed_at" in deal]
    assert np.mean([deal["stage_category"] == "won" for deal in closed]) < 0.35


def test_each_model_is_judged_apart_the_latest_first(ended):
    now = ended(D1=("won", 10), D2=("lost", 10))
    scores = [scored(("D1", age, said), ("D2", age, 1 - said), version=name) for name, age, said in
              (("old", 100, 0.6), ("new", 90, 0.9))]  # fmt: skip
    found = score_accuracy(pd.concat(scores, ignore_index=True), now, NOW)
    assert found.models["model_version"].tolist() == [EVERY_MODEL, "new", "old"]
    assert found.models["brier"].tolist()[1:] == pytest.approx([0.01, 0.16])
    assert found.models["n_deals"].tolist() == [2, 2, 2]


def test_reliability_is_told_by_tenths_and_counts_a_deal_once(ended):
    now = ended(D1=("won", 1), D2=("lost", 1))
    often = [("D1", 100, 0.95)] * 50
    found = score_accuracy(scored(*often, ("D2", 100, 0.31), ("D1", 100, 1.0)), now, NOW)
    bins = found.bins.set_index("from")
    assert bins.index.tolist() == [0.3, 0.9]
    assert bins.loc[0.9, ["n_scores", "n_deals", "won"]].tolist() == [51, 1, 1.0]
    assert bins.loc[0.9, "won_low"] < 0.25  # one deal proves little
    assert bins.loc[0.3, ["to", "said", "won"]].tolist() == [0.4, 0.31, 0.0]


def test_a_closing_entered_late_is_no_closing_before_the_score(ended):
    found = score_accuracy(scored(("D1", 10, 0.7)), ended(D1=("won", 12)), NOW)
    assert found.models.iloc[0]["n_scores"] == 1
    assert found.ripe_days == 0


def test_a_deal_that_is_no_longer_known_counts_as_open(ended):
    found = score_accuracy(scored(("D1", 100, 0.7), ("D9", 100, 0.7)), ended(D1=("won", 50)), NOW)
    assert (found.n_scores, found.n_open) == (2, 1)
