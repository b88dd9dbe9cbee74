"""What is in a ledger stays as it is: the database itself sees to it, in SQLite and in PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from crm.errors import StoreError
from crm.ledger_weeks import DAY
from crm.store import Store, Thinned, open_store
from crm.tables import ISSUED, LEDGERS

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
DAYS = timedelta(days=1)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


def scores(as_of: datetime, *deal_ids: str, version: str = "1") -> pd.DataFrame:
    rows = pd.DataFrame({"deal_id": list(deal_ids), "model_version": version, "win_probability": 0.4, "win_base": 0.3})
    rows = rows.assign(as_of=pd.Timestamp(as_of).as_unit("us"), inputs_digest="0f", stall_reasons="[]")
    return rows.assign(win_within="[]", lost_within="[]", win_reasons="[]")


def forecasts(as_of: datetime, version: str = "1", currency: str = "EUR") -> pd.DataFrame:
    money = dict.fromkeys(("closed", "open_expected", "new_expected", "expected", "p10", "p50", "p90"), "10.00")
    row = {"model_version": version, "reporting_currency": currency, "period": "FY2026 Q4", "level": "whole", "id": ""}
    dates = {"period_start": "2026-10-01", "period_end": "2027-01-01"}
    rows = pd.DataFrame([row | dates | money | {"n_open": 3, "reasons": "{}"}])
    return rows.assign(as_of=pd.Timestamp(as_of).as_unit("us"))


def adjustments(made_at: datetime, number: int) -> pd.DataFrame:
    row = {"number": number, "author": "Ines", "level": "whole", "currency": "EUR", "note": "As it is."}
    dates = {"period_start": "2026-10-01", "period_end": "2027-01-01", "made_at": pd.Timestamp(made_at).as_unit("us")}
    return pd.DataFrame([row | dates])


def backtests(measured_at: datetime) -> pd.DataFrame:
    row = {"last_period_end": "2026-10-01", "periods": "fiscal quarters", "n_periods": 7, "plan": "two blocks"}
    row |= {"measured_at": pd.Timestamp(measured_at).as_unit("us"), "interval_calibration": "[]"}
    return pd.DataFrame([row]).assign(shock_scale=0.1, shock_degrees_of_freedom=8.0)


def run(store: Store, statement: str) -> None:
    with store._engine.begin() as connection:
        connection.exec_driver_sql(statement)


def microseconds(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


@pytest.fixture
def filled(store) -> Store:
    """What was issued on a Monday and on the Tuesday after it."""
    for number, as_of in enumerate((MONDAY, MONDAY + DAYS)):
        store.append("adjustments", adjustments(as_of, number))
        store.append("backtests", backtests(as_of))
        store.append("scores", scores(as_of, "D1", "D2"))
        store.append("forecasts", forecasts(as_of))
    return store


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE scores SET win_probability = 0.9",
        "UPDATE forecasts SET expected = '99.00'",
        "UPDATE scores SET deal_id = 'D9' WHERE deal_id = 'D1'",
    ],
)
def test_no_row_of_a_ledger_can_be_changed(filled, statement):
    before = {name: filled.read(name) for name in LEDGERS}
    with pytest.raises(Exception, match="is a ledger: its rows are never changed"):
        run(filled, statement)
    for name, rows in before.items():
        pd.testing.assert_frame_equal(filled.read(name), rows)


@pytest.mark.parametrize("ledger", sorted(LEDGERS))
def test_no_row_can_be_written_over(filled, ledger):
    if filled._engine.dialect.name != "sqlite":
        pytest.skip("only SQLite replaces a row without an UPDATE")
    with pytest.raises(Exception, match="its rows are never changed"):
        run(filled, f"INSERT OR REPLACE INTO {ledger} SELECT * FROM {ledger}")  # noqa: S608


@pytest.mark.slow
def test_a_ledger_cannot_be_emptied_at_once(postgres_url):
    store = open_store(postgres_url)
    with pytest.raises(Exception, match="its rows are never changed"):
        run(store, "TRUNCATE scores")
    store.close()


def test_of_what_people_called_nothing_can_be_deleted(filled):
    with pytest.raises(Exception, match="its rows are kept for good"):
        run(filled, "DELETE FROM adjustments WHERE number = 0")


@pytest.mark.parametrize("ledger", ISSUED)
def test_the_last_rows_of_a_week_cannot_be_deleted(filled, ledger):
    last = microseconds(MONDAY + DAYS)
    with pytest.raises(Exception, match="the last rows of every week are kept for good"):
        run(filled, f"DELETE FROM {ledger} WHERE as_of = {last}")  # noqa: S608
    run(filled, f"DELETE FROM {ledger} WHERE as_of < {last}")  # noqa: S608
    assert set(filled.read(ledger)["as_of"]) == {MONDAY + DAYS}


def test_thinning_leaves_whole_instants_of_the_last_of_each_week_and_all_later_ones(store):
    for day in range(21):
        store.append("scores", scores(MONDAY + day * DAYS, "D1", "D2", "D3"))
    assert store.thin("scores", microseconds(MONDAY + 16 * DAYS)) == Thinned(14, 42)
    kept = store.read("scores").groupby("as_of").size()
    assert [(at - MONDAY).days for at in kept.index] == [6, 13, 16, 17, 18, 19, 20]
    assert set(kept) == {3}
    assert store.thin("scores", microseconds(MONDAY + 16 * DAYS)) == Thinned(0, 0)


def test_storage_is_bounded_by_the_weeks_and_the_days_kept(store):
    kept_days, largest = 14, 0
    with store.transaction():
        for day in range(60):
            store.append("forecasts", forecasts(MONDAY + day * DAYS))
            if day % 10 == 9:
                store.thin("forecasts", microseconds(MONDAY + day * DAYS) - kept_days * DAY)
                largest = max(largest, len(store.read("forecasts")) - (day + 1) // 7)
    assert largest <= kept_days + 1


def test_an_empty_ledger_is_thinned_without_a_word(store):
    assert store.thin("forecasts", microseconds(MONDAY)) == Thinned(0, 0)


def test_of_two_models_the_one_that_issued_last_stands_for_an_instant(store):
    store.append("forecasts", forecasts(MONDAY, "old"))
    store.append("forecasts", forecasts(MONDAY + 7 * DAYS, "old"))
    store.append("forecasts", forecasts(MONDAY + 7 * DAYS, "new"))
    store.append("forecasts", forecasts(MONDAY + 7 * DAYS, "newest", "USD"))
    assert store.issued_forecasts("EUR")["model_version"].tolist() == ["old", "new"]
    assert store.issued_forecasts("USD")["model_version"].tolist() == ["newest"]
    assert store.issued_forecasts("CHF").empty


def test_money_comes_back_as_it_was_said(store):
    store.append("forecasts", forecasts(MONDAY).assign(expected="1234567.05", stage_weighted=None))
    row = store.read("forecasts").iloc[0]
    assert row["expected"] == "1234567.05"
    assert pd.isna(row["stage_weighted"])
    assert date.fromisoformat(row["period_end"]) == date(2027, 1, 1)


def test_a_store_made_before_gets_what_it_lacks_and_keeps_what_it_has(store_url):
    store = open_store(store_url)
    store.append("scores", scores(MONDAY, "D1"))
    run(store, "DROP TABLE forecasts")
    _drop_guards_of_scores(store)
    run(store, "ALTER TABLE scores DROP COLUMN inputs_digest")
    store.close()
    again = open_store(store_url)
    assert pd.isna(again.read("scores")["inputs_digest"]).tolist() == [True]
    again.append("scores", scores(MONDAY + DAYS, "D1"))
    again.append("forecasts", forecasts(MONDAY))
    assert again.read("scores")["inputs_digest"].tolist()[1:] == ["0f"]
    with pytest.raises(Exception, match="is a ledger"):
        run(again, "UPDATE scores SET win_probability = 0.9")
    again.close()


def _drop_guards_of_scores(store: Store) -> None:
    where = " ON scores" if store._engine.dialect.name == "postgresql" else ""
    for name in ("once", "unchanged", "kept") if not where else ("unchanged", "kept"):
        run(store, f"DROP TRIGGER scores_{name}{where}")


def test_what_every_row_needs_cannot_be_added_afterwards(store_url):
    store = open_store(store_url)
    run(store, "ALTER TABLE fx_rates DROP COLUMN rate")
    store.close()
    with pytest.raises(StoreError, match=r"made by another version.*fx_rates lacks rate"):
        open_store(store_url)
