"""Commits: what came of what was promised some weeks before the end of past quarters."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from crm.money import Rate
from crm.present import present
from reports.commits import OPTIMISTIC, SANDBAGGING, commits, judged_at
from reports.people import past_quarters, people

AS_OF = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")
EUROS = {"EUR": Rate("EUR", "EUR", "2026-11-15", 1.0)}
USERS = """
user_id | name | team
U1      | Ann  | North
U2      | Ben  | North
"""
# name: the category, the close date and the amount when committed, since when; when won, at which amount; the owner
HISTORY = {
    "kept": ("Commit", "2026-09-25", 100, "2026-08-15", "2026-09-28", 90, "U1"),
    "slipped": ("committed", "2026-09-20", 200, "2026-08-15", None, None, "U1"),
    "best case": ("best case", "2026-09-29", 50, "2026-08-15", "2026-09-29", 50, "U1"),
    "for later": ("commit", "2026-10-20", 70, "2026-08-15", "2026-09-30", 70, "U1"),
    "last minute": ("commit", "2026-09-30", 30, "2026-09-18", "2026-09-30", 30, "U2"),
    "early": ("commit", "2026-09-30", 999, "2026-08-15", "2026-09-10", 999, "U1"),
    "too late": ("commit", "2026-09-30", 400, "2026-08-15", "2026-10-01", 400, "U2"),
    "no amount": ("commit", "2026-09-30", None, "2026-08-15", "2026-09-30", 5, "U2"),
}
SCORES = pd.DataFrame(
    {
        "deal_id": ["kept", "slipped", "best case", "kept"],
        "as_of": pd.to_datetime(["2026-09-14"] * 3 + ["2026-09-01"], utc=True).astype("datetime64[us, UTC]"),
        "win_within": ["[[17, 0.8]]", "[[34, 0.5]]", "[[17, 0.9]]", "[[30, 0.1]]"],
    }
)


def tables_of(written: Callable, history: dict) -> dict[str, pd.DataFrame]:
    deals, changes = ["deal_id | created_at"], ["deal_id | field | changed_at | seq | new_value"]
    for deal_id, (category, close_date, amount, since, won_at, final, owner) in history.items():
        deals.append(f"{deal_id} | 2026-08-01")
        changes.append(f"{deal_id} | stage | 2026-08-01 | 0 | Offer")
        changes.append(f"{deal_id} | owner_id | 2026-08-01 | 0 | {owner}")
        if amount:
            changes.append(f"{deal_id} | amount | 2026-08-01 | 0 | {amount}")
        changes.append(f"{deal_id} | close_date | 2026-08-01 | 0 | {close_date}")
        changes.append(f"{deal_id} | category | {since} | 0 | {category}")
        if won_at:
            changes.append(f"{deal_id} | stage | {won_at} | 1 | Won")
            changes.append(f"{deal_id} | amount | {won_at} | 1 | {final}")
    return written(deals="\n".join(deals), deal_changes="\n".join(changes), users=USERS)


@pytest.fixture(scope="module")
def commits_of(written) -> Callable[..., pd.DataFrame]:
    def made(history: dict = HISTORY, scores: pd.DataFrame = SCORES[:0]) -> pd.DataFrame:
        tables = tables_of(written, history)
        return people(tables, present(tables, AS_OF), EUROS, scores, AS_OF.to_pydatetime()).commits

    return made


@pytest.fixture(scope="module")
def by_hand(commits_of) -> pd.DataFrame:
    return commits_of()


def row(found: pd.DataFrame, weeks: int = 2, level: str = "whole", id: str = "") -> pd.Series:
    (place,) = found.index[(found["weeks"] == weeks) & (found["level"] == level) & (found["id"] == id)]
    return found.loc[place]


def test_two_weeks_before_the_end_by_hand(by_hand):
    found = row(by_hand)
    assert (found["n_committed"], found["n_won"], found["n_other"]) == (4, 2, 3)
    assert (found["committed"], found["committed_won"], found["other"]) == (700, 95, 150)
    assert (found["won_rate"], found["n_without_amount"]) == (0.5, 1)
    assert found["ratio"] == pytest.approx(700 / 245)


def test_each_instant_has_its_own_commits(by_hand):
    """A week before, the last-minute one is committed too; eight weeks before nothing was."""
    assert (row(by_hand, weeks=1)["n_committed"], row(by_hand, weeks=1)["n_other"]) == (5, 2)
    assert (row(by_hand, weeks=8)["n_committed"], row(by_hand, weeks=8)["n_other"]) == (0, 6)
    assert pd.isna(row(by_hand, weeks=8)["won_rate"])


def test_each_owner_has_their_own(by_hand):
    ann, ben = (row(by_hand, level="owner", id=owner) for owner in ("U1", "U2"))
    assert (ann["n_committed"], ann["committed"], ann["other"]) == (2, 300, 120)
    assert (ben["n_committed"], ben["committed"], ben["other"]) == (2, 400, 30)
    assert (ann["name"], ann["team"]) == ("Ann", "North")


def test_a_few_deals_are_not_enough_to_tell(by_hand):
    assert row(by_hand)[["verdict", "ratio_low", "ratio_high"]].isna().all()


def test_what_the_model_said_is_read_from_scores_of_the_week_before(commits_of):
    """80 % by the end for one; 25 % for the other, half of the way to its 50 %; older scores stand for nothing."""
    scored = commits_of(scores=SCORES)
    found = row(scored)
    assert (found["n_scored"], found["model_rate"], found["scored_won_rate"]) == (2, pytest.approx(0.525), 0.5)
    assert row(scored, weeks=1)["n_scored"] == 0
    assert pd.isna(row(scored, weeks=1)["model_rate"])


def test_a_company_without_categories_has_committed_nothing(commits_of):
    found = row(commits_of({name: ("", *rest) for name, (_, *rest) in HISTORY.items()}))
    assert (found["n_committed"], found["committed"]) == (0, 0)
    assert pd.isna(found["ratio"])


def test_commits_are_judged_in_past_quarters_only():
    instants = judged_at(past_quarters(AS_OF.to_pydatetime(), pd.DataFrame({"setting": [], "value": []}, dtype="str")))
    assert len(instants) == 8 * 4
    assert max(instants) == pd.Timestamp("2026-09-24", tz="UTC")


def simulated(n_reps: int, n_deals: int, kept: float, uncommitted: float, seed: int) -> pd.DataFrame:
    """Deals of reps who keep a share of their commits, and to whom some come that were not committed."""
    rng = np.random.default_rng(seed)
    n = n_reps * n_deals
    cents = np.round(100 * rng.lognormal(9, 0.8, n))
    committed = rng.random(n) >= uncommitted
    won = np.where(committed, rng.random(n) < kept, True)
    return pd.DataFrame(
        {
            "weeks": 2,
            "owner": np.repeat([f"U{rep}" for rep in range(n_reps)], n_deals),
            "team": "North",
            "is_committed": committed,
            "is_won": won,
            "committed": np.where(committed, cents, 0.0),
            "came": np.where(won, cents, 0.0),
            "without_amount": False,
            "chance": np.nan,
        }
    )


NOBODY = pd.DataFrame({"user_id": [], "name": [], "team": []}, dtype="str")


def verdicts(**reps: float) -> pd.Series:
    found = commits(simulated(400, seed=3, **reps), NOBODY, {})
    return found[found["level"] == "owner"]


@pytest.mark.parametrize("n_deals", [15, 60])
def test_the_bounds_hold_where_the_truth_is_known(n_deals):
    """70 % are committed and half of those come, so 0.7 is promised where 0.65 comes."""
    found = verdicts(n_deals=n_deals, kept=0.5, uncommitted=0.3)
    held = (found["ratio_low"] <= 0.7 / 0.65) & (found["ratio_high"] >= 0.7 / 0.65)
    assert held.mean() > 0.92


def test_honest_reps_are_hardly_ever_named_and_others_are():
    honest = verdicts(n_deals=40, kept=0.6, uncommitted=0.4 / 1.4)
    assert honest["verdict"].notna().mean() < 0.08
    assert (verdicts(n_deals=40, kept=0.25, uncommitted=0.1)["verdict"] == OPTIMISTIC).mean() > 0.9
    assert (verdicts(n_deals=40, kept=0.95, uncommitted=0.6)["verdict"] == SANDBAGGING).mean() > 0.9
