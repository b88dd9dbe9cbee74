"""History replayed: nothing known later is read, means add up, and what is found is written down."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import mlflow
import numpy as np
import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.fiscal_years import FiscalCalendar
from crm.simulate import DEMO_END, Simulation
from crm.store import open_store
from reports.interval_calibration import IntervalCalibration
from reports.measured_widths import widths_as_of
from training.backtest import backtest, headline, main, quick, replayable, wape_table, write
from training.book import Past, by_group, past_of, won_in
from training.periods import past_periods
from training.plan import Plan
from training.replay import Replayed, replay
from training.train import dataset_of

pytestmark = pytest.mark.slow

PERIODS = past_periods(date(2025, 7, 1), date(2026, 4, 10))
CUT = datetime(2026, 2, 9, tzinfo=UTC)
"""A Monday in the last of the three quarters."""


@pytest.fixture(scope="module")
def few_trees() -> Plan:
    """Three blocks and a handful of trees."""
    plan = quick(Plan(train_until=DEMO_END))
    return replace(plan, booster=replace(plan.booster, max_rounds=8, learning_rate=0.3))


def past(tables: dict[str, pd.DataFrame], plan: Plan) -> Past:
    return past_of(dataset_of(tables, plan), tables)


@pytest.fixture(scope="module")
def whole(small_company: Simulation, few_trees: Plan) -> Replayed:
    """Three quarters of the small company, from three Mondays before each on."""
    return replay(past(small_company.tables, few_trees), few_trees, PERIODS, weeks_before=3)


@pytest.fixture(scope="module")
def replayed(whole: Replayed) -> pd.DataFrame:
    """Their forecasts."""
    return whole.forecasts


def poisoned(tables: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The same company until ``CUT``; at that very instant and after it, all is different."""
    cut = pd.Timestamp(CUT)
    changes, talks, deals = tables["deal_changes"], tables["interactions"], tables["deals"]
    before, after = changes[changes["known_at"] < cut], changes[changes["known_at"] >= cut].copy()
    is_amount = after["field"] == "amount"
    after.loc[is_amount, "new_value"] = "99999.00"
    after = after[~after["new_value"].isin(["Won"])]
    open_then = before[before["field"] == "stage"].drop_duplicates("deal_id", keep="last")
    open_then = open_then[~open_then["new_value"].isin(["Won", "Lost"])]
    on_the_cut = pd.concat([
        open_then.assign(new_value="Won", changed_at=cut, known_at=cut, seq=7),
        open_then.assign(field="amount", new_value="5000000.00", changed_at=cut, known_at=cut, seq=7),
        open_then.assign(field="category", new_value="commit", changed_at=cut, known_at=cut, seq=7),
    ])  # fmt: skip
    rates = tables["fx_rates"]
    later = rates["day"] >= str(CUT.date())
    return tables | {
        "deals": deals[deals["created_at"] < cut],
        "deal_changes": pd.concat([before, after[after["deal_id"].isin(deals["deal_id"])], on_the_cut]).loc[
            lambda rows: rows["deal_id"].isin(deals.loc[deals["created_at"] < cut, "deal_id"])
        ],
        "interactions": talks[talks["known_at"] < cut],
        "fx_rates": rates.assign(rate=rates["rate"].where(~later, rates["rate"] * 3)),
    }


def known_by_the_cut(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Forecasts as of ``CUT`` and before, without what came of periods that ended later."""
    rows = forecasts[forecasts["as_of"] <= pd.Timestamp(CUT)].drop(columns="actual")
    return rows.assign(settled=rows["settled"].where(rows["end"] <= pd.Timestamp(CUT.date()))).reset_index(drop=True)


def test_what_becomes_known_at_or_after_a_week_changes_nothing_of_its_forecast(small_company, few_trees, replayed):
    again = replay(past(poisoned(small_company.tables), few_trees), few_trees, PERIODS, weeks_before=3).forecasts
    pd.testing.assert_frame_equal(known_by_the_cut(again), known_by_the_cut(replayed), check_exact=True)
    later = replayed["as_of"] > pd.Timestamp(CUT)
    assert not again.loc[later, "mean"].equals(replayed.loc[later, "mean"])


def test_a_book_that_looks_a_microsecond_too_far_is_found(small_company, few_trees):
    """The poison holds facts that fall exactly on the cut: the test above would miss a wrong comparison without."""
    honest, other = past(small_company.tables, few_trees), past(poisoned(small_company.tables), few_trees)
    pd.testing.assert_frame_equal(honest.book(CUT), other.book(CUT))
    next_to_it = CUT.replace(microsecond=1)
    assert not honest.book(next_to_it)["cents"].equals(other.book(next_to_it)["cents"])
    assert honest.book(CUT)["is_commit"].sum() < other.book(next_to_it)["is_commit"].sum()


def test_teams_and_parts_add_up_to_the_cent(replayed):
    assert (replayed["mean"] == replayed["won"] + replayed["open"] + replayed["new"]).all()
    key = ["period", "as_of"]
    for column in ("won", "open", "new", "mean", "settled", "actual"):
        whole = replayed[replayed["level"] == "whole"].set_index(key)[column]
        teams = replayed[replayed["level"] == "team"].groupby(key)[column].sum()
        assert (whole - teams).abs().max() == 0


def test_weeks_before_the_first_training_are_left_out_and_later_ones_use_the_scorer_of_then(replayed):
    first, second = (replayed[replayed["period"] == period.name] for period in PERIODS[:2])
    assert first["weeks_to_go"].max() == 13
    assert second["weeks_to_go"].max() == 16
    early = second[second["weeks_to_go"] > 13]
    assert set(early["trained_until"]) == {pd.Timestamp(PERIODS[0].start, tz="UTC")}
    assert (early["won"] == 0).all()


def test_what_came_is_what_the_changes_say(small_company, few_trees, replayed):
    """The same sum, made once more from the table of changes, for deals in the reporting currency."""
    tables = small_company.tables
    changes = tables["deal_changes"].sort_values(["changed_at", "seq"], kind="stable")
    last = changes.drop_duplicates(["deal_id", "field"], keep="last").pivot(
        index="deal_id", columns="field", values=["new_value", "changed_at"]
    )
    won = last[last["new_value", "stage"] == "Won"]
    closed = pd.to_datetime(won["changed_at", "stage"], utc=True)
    period = PERIODS[0]
    inside = won[(closed >= pd.Timestamp(period.start, tz="UTC")) & (closed < pd.Timestamp(period.end, tz="UTC"))]
    euro = set(tables["deals"].loc[tables["deals"]["currency"] == "EUR", "deal_id"])
    expected = inside["new_value", "amount"].astype(float)[inside.index.isin(euro)].sum()
    known = past(tables, few_trees)
    ids = known.dataset.snapshots.histories.deal_ids
    found = won_in(known.book(datetime(2026, 11, 16, tzinfo=UTC)), period)
    assert found["cents"][np.isin(ids[found.index], list(euro))].sum() == pytest.approx(100 * expected)
    whole = replayed[(replayed["period"] == period.name) & (replayed["level"] == "whole")]
    assert set(whole["actual"]) == {by_group(found, "cents")["whole", ""]}


def test_the_backtest_is_measured_and_written(small_company, few_trees, whole, replayed, monkeypatch, tmp_path):
    monkeypatch.setattr("training.backtest.replay", lambda *_, **__: whole)
    found = backtest(past(small_company.tables, few_trees), few_trees, PERIODS)
    assert set(found.judged["period"]) == {PERIODS[2].name}
    figures = headline(found)
    assert set(figures) == {"coverage_p10_p90", "wape_4w", "wape_4w_best_naive"}
    assert 0 <= figures["coverage_p10_p90"] <= 1
    assert wape_table(found).count("\n") == 1 + found.judged["weeks_to_go"].nunique()
    paths = {path.name: path for path in write(found, tmp_path, "EUR")}
    assert pd.read_csv(paths["forecasts.csv"])["actual"].sum() == pytest.approx(replayed["actual"].sum() / 100)
    assert (
        "stage-weighted pipeline" in paths["fan_chart.svg"].read_text() or paths["fan_chart.svg"].stat().st_size > 9_000
    )
    kept = IntervalCalibration.of_document(json.loads(paths["interval_calibration.json"].read_text()))
    assert kept == found.calibration


@pytest.mark.usefixtures("mlflow_left_as_found")
def test_the_command_prints_writes_keeps_and_logs_what_it_found(small_company, whole, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("PLUMBLINE_STORE_URL", f"sqlite:///{tmp_path}/plumbline.db")
    monkeypatch.setenv("PLUMBLINE_BUILD_DIR", str(tmp_path))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setattr("training.backtest.replay", lambda *_, **__: whole)
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    for name, rows in small_company.tables.items():
        store.write(name, rows)
    main(until="2026-04-10", weeks=0, weeks_before=3, patience_minimum_days=7, seed=0)
    said = capsys.readouterr().out
    assert "| weeks to go | n | plumbline | stage weighted |" in said
    assert "wape_4w_best_naive" in said
    assert {path.name for path in (tmp_path / "backtest").iterdir()} == {
        *("forecasts.csv", "errors.csv", "interval_calibration.json", "fan_chart.svg", "fan_chart.png"),
    }
    written = json.loads((tmp_path / "backtest" / "interval_calibration.json").read_text())
    kept = widths_as_of(store.read("backtests"), datetime(2026, 4, 13, tzinfo=UTC))
    store.close()
    assert kept is not None
    assert kept.calibration.document() == written
    assert (kept.last_period_end, kept.periods, kept.n_periods) == (date(2026, 4, 1), "fiscal quarters", 1)
    assert (kept.plan, kept.shock) == ("3 blocks of time and up to 120 trees", whole.shock)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    (run,) = client.search_runs([client.get_experiment_by_name("plumbline").experiment_id])
    assert run.data.params["backtest.weeks_before"] == "3"
    assert run.data.params["backtest.periods"] == "FY2026 Q1"
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {
        *("forecasts.csv", "errors.csv", "interval_calibration.json", "fan_chart.svg", "fan_chart.png"),
    }
    errors = pd.read_csv(tmp_path / "backtest" / "errors.csv")
    ours = errors[(errors["level"] == "whole") & (errors["method"] == "plumbline")].set_index("weeks_to_go")["wape"]
    curve = {one.step: one.value for one in client.get_metric_history(run.info.run_id, "whole/plumbline/wape")}
    assert curve == pytest.approx(ours.to_dict(), abs=1e-6)
    assert run.data.metrics["wape_4w"] == pytest.approx(ours[4], abs=1e-6)


@pytest.mark.parametrize(("first", "names"), [
    ("2024-06-03", ["FY2025 Q3", "FY2025 Q4", "FY2026 Q1"]),
    ("2024-08-05", ["FY2025 Q2", "FY2025 Q3", "FY2025 Q4", "FY2026 Q1"]),  # after a year two would be left
    ("2025-06-02", ["FY2026 Q1"]),
])  # fmt: skip
def test_periods_are_replayed_after_a_year_of_history_or_after_half_where_few_would_be_left(first, names):
    found = replayable(date.fromisoformat(first), date(2026, 4, 10), weeks=0, calendar=FiscalCalendar())
    assert [period.name for period in found] == names


def test_too_few_periods_are_said_to_be_too_few(small_company, few_trees, whole, monkeypatch):
    one = replace(whole, forecasts=whole.forecasts[whole.forecasts["period"] == PERIODS[0].name])
    monkeypatch.setattr("training.backtest.replay", lambda *_, **__: one)
    with pytest.raises(NotEnoughDataError, match=r"1 past periods could be replayed, and more than 2 are needed"):
        backtest(past(small_company.tables, few_trees), few_trees, PERIODS[:1])


def test_without_an_ended_period_it_says_what_to_do(small_company, few_trees):
    with pytest.raises(NotEnoughDataError, match=r"no past period can be replayed.*--weeks"):
        replay(past(small_company.tables, few_trees), few_trees, [])
