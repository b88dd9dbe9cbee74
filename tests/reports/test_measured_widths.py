"""What a backtest measured is kept in the store, and taken for forecasts made after its periods had ended."""

from datetime import UTC, date, datetime
from math import inf

import pandas as pd
import pytest

from crm.store import Store, open_store
from reports.interval_calibration import Coverage, IntervalCalibration
from reports.measured_widths import FISCAL_QUARTERS, MeasuredWidths, widths_as_of
from reports.shocks import Shock

AS_OF = datetime(2026, 11, 16, tzinfo=UTC)


def measured(end: str, factor: float = 1.2, periods: str = FISCAL_QUARTERS) -> MeasuredWidths:
    factors, coverage = {("team", 2): factor}, {("team", 2): Coverage(0.79, 42, 7)}
    plan = "3 blocks of time and up to 120 trees"
    calibration, shock = IntervalCalibration(factors, coverage), Shock(0.2, 9.5 if factor > 1.2 else inf)
    return MeasuredWidths(date.fromisoformat(end), periods, 7, plan, calibration, shock)


def kept(store: Store, *found: MeasuredWidths) -> pd.DataFrame:
    """Table backtests, after one more backtest a day."""
    for day, one in enumerate(found, start=1 + len(store.read("backtests"))):
        store.append("backtests", one.row(datetime(2026, 11, day, tzinfo=UTC)))
    return store.read("backtests")


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield opened
    opened.close()


def test_the_last_backtest_comes_back_from_the_store_as_it_was(store):
    rows = kept(store, measured("2026-10-01", 1.1), measured("2026-10-01", 1.3))
    assert widths_as_of(rows, AS_OF) == measured("2026-10-01", 1.3)


def test_a_period_that_had_not_ended_then_teaches_nothing(store):
    rows = kept(store, measured("2026-07-01", 1.1), measured("2026-10-01", 1.3))
    assert widths_as_of(rows, datetime(2026, 9, 30, tzinfo=UTC)) == measured("2026-07-01", 1.1)
    assert widths_as_of(rows, datetime(2026, 6, 30, tzinfo=UTC)) is None


def test_a_backtest_of_quarters_comes_before_a_later_one_of_other_periods(store):
    weeks = measured("2026-11-02", 2.0, "periods of 4 weeks")
    assert widths_as_of(kept(store, weeks), AS_OF) == weeks
    assert widths_as_of(kept(store, measured("2026-10-01"), weeks), AS_OF) == measured("2026-10-01")
    assert len(store.read("backtests")) == 3


def test_a_range_is_made_wider_by_its_level_and_weeks_to_go():
    found = measured("2026-10-01")
    assert found.width("owner", AS_OF, date(2027, 1, 1)).factor == 1.2  # seven weeks to go
    assert found.width("owner", AS_OF, date(2026, 12, 1)).factor == 1


def test_it_says_what_it_is_and_how_old():
    said = measured("2026-10-01").says(AS_OF)
    assert "a backtest of 7 past fiscal quarters that ended by 2026-10-01, 46 days before" in said
    assert "trained with 3 blocks of time and up to 120 trees" in said
    assert "long ago" not in said
    assert "long ago: run `plumbline backtest` again" in measured("2026-04-01").says(AS_OF)
    assert "those were not" in measured("2026-11-02", periods="periods of 4 weeks").says(AS_OF)


def test_an_empty_store_has_measured_nothing(store):
    assert widths_as_of(store.read("backtests"), AS_OF) is None
