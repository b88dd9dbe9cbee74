"""Fitting: the same data give the same scorer, too little data give stage rates and say so."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import numpy as np
import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.simulate import DEMO_END, Simulation, simulate
from features.grid import now
from models.scorer import Scorer
from models.scoring import Scoring, score_snapshots
from training.dataset import Dataset
from training.fit import Fit, fit
from training.plan import Plan
from training.train import dataset_of, holdout_metrics

pytestmark = pytest.mark.slow


def with_booster(plan: Plan, **changes: object) -> Plan:
    """The plan with other trees."""
    return replace(plan, booster=replace(plan.booster, **changes))


@pytest.fixture(scope="module")
def small_scorer(small_fitted: Fit) -> Scorer:
    """The small company's scorer."""
    return small_fitted.scorer


def test_the_same_data_and_seed_give_the_same_scorer(
    small_company: Simulation, plan: Plan, small_scorer: Scorer
) -> None:
    assert (small_scorer.win.rung, small_scorer.stall.rung) == ("logistic + lightgbm", "logistic")
    assert fit(dataset_of(small_company.tables, plan), plan).scorer.version == small_scorer.version


def test_one_thread_and_two_give_the_same_scorer(small_dataset: Dataset, plan: Plan, small_scorer: Scorer) -> None:
    other = fit(small_dataset, with_booster(plan, num_threads=2)).scorer
    assert other.version == small_scorer.version
    assert other.predictions(small_dataset.table).equals(small_scorer.predictions(small_dataset.table))


def test_the_order_of_the_rows_in_the_store_does_not_matter(
    small_company: Simulation, plan: Plan, small_scorer: Scorer
) -> None:
    shuffled = {name: rows.sample(frac=1, random_state=5) for name, rows in small_company.tables.items()}
    assert fit(dataset_of(shuffled, plan), plan).scorer.version == small_scorer.version


def test_another_seed_gives_another_scorer(small_dataset: Dataset, plan: Plan, small_scorer: Scorer) -> None:
    assert fit(small_dataset, with_booster(plan, seed=1)).scorer.version != small_scorer.version


def test_what_became_known_after_the_training_changes_nothing(small_company: Simulation, plan: Plan) -> None:
    early = replace(plan, train_until=pd.Timestamp("2026-08-03").date())
    known = small_company.tables | {
        name: small_company.tables[name][small_company.tables[name]["known_at"] < "2026-08-03"]
        for name in ("deal_changes", "interactions")
    }
    first, again = (fit(dataset_of(tables, early), early).scorer for tables in (small_company.tables, known))
    assert not first.win.is_rate
    assert first.version == again.version


def few_deals(n_won: int, n_lost: int) -> Dataset:
    """A company of so many closed deals."""
    tables = simulate(150, seed=3).tables
    closed = tables["deal_changes"].query("new_value in ('Won', 'Lost')").drop_duplicates("deal_id", keep="last")
    won, lost = (closed.loc[closed["new_value"] == outcome, "deal_id"] for outcome in ("Won", "Lost"))
    kept = {*won.head(n_won), *lost.head(n_lost)}
    own = {name: tables[name][tables[name]["deal_id"].isin(kept)] for name in ("deals", "deal_changes", "interactions")}
    return dataset_of(tables | own, Plan(train_until=DEMO_END))


@pytest.mark.parametrize(("n_won", "n_lost"), [(8, 31), (4, 40)])
def test_too_few_deals_are_said_in_numbers_and_answered_with_stage_rates(n_won: int, n_lost: int) -> None:
    found = fit(few_deals(n_won, n_lost), Plan(train_until=DEMO_END))
    assert found.scorer.note == (
        f"not enough data: {n_won} won and {n_lost} lost deals, 40 in all and 5 of each are needed; "
        "until then a score is its stage's past win rate, or the default probability that the CRM gives the stage"
    )
    assert found.scorer.win.rung == found.scorer.stall.rung == "stage rate"
    assert found.holdouts == {}
    assert holdout_metrics(found).empty


def test_forty_one_closed_deals_are_enough_to_choose_a_rung() -> None:
    few = few_deals(10, 31)
    scorer = fit(few, Plan(train_until=DEMO_END)).scorer
    assert not scorer.note.startswith("not enough data: ")
    said = scorer.predictions(few.table)
    assert said["win_probability"].between(0.01, 0.99).all()
    low, high = scorer.win.bounds(few.table)
    assert (high - low).mean() > 0.05


@pytest.mark.parametrize("outcome", ["Won", "Lost"])
def test_one_outcome_alone_is_said_and_answered_with_rates(outcome: str, small_company: Simulation, plan: Plan) -> None:
    changes = small_company.tables["deal_changes"]
    alike = changes.assign(new_value=changes["new_value"].where(~changes["new_value"].isin(["Won", "Lost"]), outcome))
    found = fit(dataset_of(small_company.tables | {"deal_changes": alike}, plan), plan)
    assert (" 0 lost deals" if outcome == "Won" else " 0 won and") in found.scorer.note
    assert found.scorer.win.rung == "stage rate"


def changed(dataset: Dataset, **columns: object) -> Dataset:
    """The data set with other values in some columns."""
    other = replace(dataset)
    vars(other)["table"] = dataset.table.assign(**columns)
    return other


def test_one_stage_alone_is_fine(small_dataset: Dataset, plan: Plan) -> None:
    alone = changed(small_dataset, stage="Discovery")
    found = fit(alone, replace(plan, minimum_of_each=10_000)).scorer
    assert found.win.predict(alone.table).tolist() == pytest.approx([found.win.stage_rate.base_] * len(alone.at))
    assert fit(alone, plan).scorer.predictions(alone.table).stack().between(0, 1).all()


@pytest.mark.parametrize("value", [7.0, np.nan])
def test_signals_that_never_differ_leave_rates_and_say_so(value: float, small_dataset: Dataset, plan: Plan) -> None:
    same = changed(small_dataset, **dict.fromkeys(small_dataset.signals, value))
    scorer = fit(same, plan).scorer
    assert scorer.win.rung == scorer.stall.rung == "stage rate"
    assert scorer.note == (
        "not enough data for more than rates: judged on later deals, "
        "the stage rate did better than what looks at each deal"
    )
    assert scorer.predictions(small_dataset.table).stack().between(0, 1).all()


def test_stage_rates_are_the_scores_where_data_are_few(stage_scorer: Scorer, dataset: Dataset) -> None:
    said = stage_scorer.predictions(dataset.table)
    assert said["win_probability"].tolist() == dataset.table["stage"].map(stage_scorer.win.stage_rate.rate_).tolist()
    open_now = now(dataset.snapshots.histories, dataset.snapshots.norms, dataset.until)
    assert (score_snapshots(stage_scorer, open_now)["note"] == stage_scorer.note).all()


def test_the_scorer_knows_until_when_it_was_trained_and_its_patience(scorer: Scorer, plan: Plan) -> None:
    assert scorer.trained_until == plan.train_until.isoformat()
    assert scorer.patience == (7, 90, 30)


def test_enough_data_leave_no_note(fitted: Fit) -> None:
    assert fitted.scorer.note == ""
    assert set(fitted.holdouts) == {"win", "stall"}


def test_deals_that_never_stall_or_never_move_get_stall_rates_without_more(
    small_dataset: Dataset, plan: Plan, small_scorer: Scorer
) -> None:
    patient = replace(small_dataset, patience_days=np.full(len(small_dataset.at), 5_000.0))
    found = fit(patient, plan)
    assert (found.scorer.win.rung, found.scorer.stall.rung) == (small_scorer.win.rung, "stage rate")
    assert list(found.holdouts) == ["win"]


@pytest.fixture(scope="module")
def large() -> Simulation:
    """3,000 deals."""
    return simulate(3_000, seed=11)


@pytest.fixture(scope="module")
def large_fit(large: Simulation) -> tuple[Dataset, Fit]:
    """The scorer that a user would get of them."""
    plan = Plan(train_until=DEMO_END)
    dataset = dataset_of(large.tables, plan)
    return dataset, fit(dataset, plan)


@pytest.mark.parametrize("event", ["win", "stall"])
def test_the_chosen_rung_beats_the_rates_on_the_holdout(event: str, large_fit: tuple[Dataset, Fit]) -> None:
    found = holdout_metrics(large_fit[1])
    by_model = found[found["event"] == event].set_index("model")
    for metric in ("log_loss", "brier"):
        assert by_model.loc["scorer", metric] < by_model.loc[["base rate", "stage rate"], metric].min()
    assert by_model.loc["scorer", "auc"] > by_model.loc["stage rate", "auc"] + 0.02


def test_the_holdouts_win_probabilities_lie_near_the_best_possible(
    large: Simulation, large_fit: tuple[Dataset, Fit]
) -> None:
    dataset, found = large_fit
    best = dataset.table[["deal_id", "as_of"]].merge(large.oracle, how="left", on=["deal_id", "as_of"])
    holdout = found.holdouts["win"]
    oracle = best["win_probability"].to_numpy()
    said = holdout.probabilities["scorer"]
    rows = holdout.rows & ~np.isnan(oracle)
    assert said[rows].mean() == pytest.approx(oracle[rows].mean(), abs=0.05)
    off = {name: np.abs(values - oracle)[rows].mean() for name, values in holdout.probabilities.items()}
    assert off["scorer"] < 0.13
    assert off["scorer"] < off["stage rate"] < off["base rate"]


def test_the_kept_scorer_is_calibrated_against_the_oracle_in_every_fifth(
    large: Simulation, large_fit: tuple[Dataset, Fit]
) -> None:
    dataset, found = large_fit
    both = dataset.table[["deal_id", "as_of"]].assign(said=found.scorer.predictions(dataset.table)["win_probability"])
    both = both.merge(large.oracle, on=["deal_id", "as_of"])
    fifth = pd.qcut(both["said"], 5, labels=False)
    means = both.groupby(fifth)[["said", "win_probability"]].mean()
    assert means["win_probability"].is_monotonic_increasing
    assert means["said"].to_numpy() == pytest.approx(means["win_probability"].to_numpy(), abs=0.1)


def _first_sight(company: Simulation, stages: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Deals that were never seen before today: open ones only, so that nothing can be learned."""
    changes = company.tables["deal_changes"]
    first = changes[changes["old_value"].isna()].assign(known_at=pd.Timestamp(DEMO_END, tz="UTC"))
    return company.tables | {"deal_changes": first, "stages": stages}


def test_without_a_closed_deal_the_crms_own_probabilities_answer_and_a_stall_risk_is_not_made_up(
    company: Simulation, plan: Plan
) -> None:
    tables = _first_sight(company, company.tables["stages"])
    scorer = fit(dataset_of(tables, plan), plan).scorer
    tomorrow = datetime.combine(DEMO_END, time(), UTC) + timedelta(days=1)
    scores = Scoring.of_company(scorer, tables, "EUR").score(tables, tomorrow)
    stated = company.tables["stages"].set_index("stage")["default_probability"]
    assert set(scores["win_probability"]) == {stated["Qualification"]}
    assert scores["stall_risk"].isna().all()
    assert set(scores["stall_reasons"]) == {"[]"}


def test_without_a_closed_deal_or_a_stated_probability_there_is_no_scorer(company: Simulation, plan: Plan) -> None:
    tables = _first_sight(company, company.tables["stages"].assign(default_probability=np.nan))
    with pytest.raises(NotEnoughDataError, match=r"default_probability: import the history"):
        fit(dataset_of(tables, plan), plan)
