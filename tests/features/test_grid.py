"""The snapshot grid, and the one pipeline behind training and scoring."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from features.facts import DAY
from features.grid import now, training_grid
from features.histories import Histories
from features.pipeline import signal_matrix, snapshot_table
from features.signals import SIGNALS

DEALS = """
deal_id | pipeline_id | currency | created_at
D1      | new         | EUR      | {created}
"""
CHANGES = """
deal_id | field | old_value | new_value | changed_at
D1      | stage |           | Demo      | {created}
"""


@pytest.fixture
def instants(company, known, at):
    """Instants of the training grid of one deal, as text."""

    def _instants(created, *moves, every_days=7, until="2024-04-01"):
        text = CHANGES + "\n".join(f"D1 | stage | | {stage} | {moment}" for stage, moment in moves)
        tables = company(deals=DEALS.format(created=created), deal_changes=text.format(created=created).rstrip())
        grid = training_grid(*known(tables), every_days=every_days, until=at(until))
        return [str(moment).removesuffix("T00:00:00.000000") for moment in grid.at.astype("datetime64[us]")]

    return _instants


def test_every_monday_from_creation_until_closing(instants):
    moves = [("Offer", "2024-02-20T09:00"), ("Won", "2024-03-06T10:30")]
    assert instants("2024-02-14T08:00", *moves) == ["2024-02-19", "2024-02-26", "2024-03-04"]


def test_the_first_snapshot_is_after_creation(instants):
    assert instants("2024-03-18")[0] == "2024-03-25"
    assert instants("2024-03-17T23:59:59.999999")[0] == "2024-03-18"


def test_a_deal_closed_exactly_at_a_snapshot_was_still_open_at_it(instants):
    assert instants("2024-03-01", ("Won", "2024-03-11")) == ["2024-03-04", "2024-03-11"]
    assert instants("2024-03-01", ("Won", "2024-03-10T23:59:59.999999")) == ["2024-03-04"]


def test_until_is_excluded_and_an_open_deal_goes_on_until_then(instants):
    assert instants("2024-03-01", until="2024-03-18") == ["2024-03-04", "2024-03-11"]
    assert instants("2024-03-01", until="2024-03-18T00:00:00.000001")[-1] == "2024-03-18"


def test_a_daily_grid_has_every_midnight_and_the_leap_day(instants):
    found = instants("2024-02-27T15:00", ("Lost", "2024-03-02T01:00"), every_days=1)
    assert found == ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]


def test_a_closed_deal_has_no_snapshot_until_it_is_reopened(instants):
    moves = [("Lost", "2024-03-05"), ("Offer", "2024-03-20"), ("Won", "2024-03-26")]
    assert instants("2024-03-01", *moves) == ["2024-03-04", "2024-03-25"]


def test_a_deal_that_was_closed_when_first_seen_has_none(company, known, at):
    tables = company(
        deals=DEALS.format(created="2024-03-01"),
        deal_changes=CHANGES.format(created="2024-03-01").replace("Demo", "Won"),
    )
    assert len(training_grid(*known(tables), every_days=1, until=at("2024-04-01"))) == 0


def keyed(snapshots):
    """Bits of every row by deal and instant."""
    ids = snapshots.histories.deal_ids[snapshots.deal].tolist()
    rows = np.column_stack([signal_matrix(snapshots), snapshots.patience_days])
    return {key: row.tobytes() for key, row in zip(zip(ids, snapshots.at.tolist(), strict=True), rows, strict=True)}


def shuffled(tables, seed):
    return {name: rows.sample(frac=1, random_state=seed, ignore_index=seed % 2 == 0) for name, rows in tables.items()}


def assert_one_pipeline(known, tables, until, instants):
    histories, norms = known(tables)
    trained = keyed(training_grid(histories, norms, every_days=7, until=until))
    for instant in instants:
        scored = keyed(now(histories, norms, instant))
        assert scored == {key: row for key, row in trained.items() if key[1] == instant}


def assert_same_in_any_order(weekly, tables, until):
    assert (
        keyed(weekly(tables, until))
        == keyed(weekly(shuffled(tables, 1), until))
        == keyed(weekly(shuffled(tables, 2), until))
    )


def assert_same_in_parts(known, tables, until, n_parts):
    histories, norms = known(tables)
    whole, parts = keyed(training_grid(histories, norms, every_days=7, until=until)), {}
    for part in range(n_parts):
        ids = set(tables["deals"]["deal_id"].iloc[part::n_parts])
        own = {name: rows[rows["deal_id"].isin(ids)] if "deal_id" in rows else rows for name, rows in tables.items()}
        of_part = Histories.from_tables(own, norms.vocabulary)
        parts |= keyed(training_grid(of_part, norms, every_days=7, until=until))
    assert parts == whole


@pytest.mark.slow
def test_one_pipeline_in_any_order_and_in_parts_gives_the_same_bits(known, weekly, companies, cut):
    @settings(max_examples=4, phases=[Phase.generate])
    @given(futures=companies)
    def holds(futures):
        until = cut + 14 * DAY + 1
        assert_one_pipeline(known, futures[0], until, [cut - 7 * DAY, cut, cut + 14 * DAY])
        assert_same_in_any_order(weekly, futures[0], until)
        assert_same_in_parts(known, futures[0], until, n_parts=3)

    holds()


@pytest.mark.slow
def test_one_pipeline_in_any_order_and_in_parts_gives_the_same_bits_in_the_demo(known, weekly, demo, at):
    until = at("2026-11-17")
    assert_one_pipeline(known, demo, until, [at("2024-12-30"), at("2025-06-02"), at("2026-11-16")])
    assert_same_in_any_order(weekly, demo, until)
    assert_same_in_parts(known, demo, until, n_parts=7)


def test_a_table_of_snapshots_has_its_keys_then_every_signal(company, known, at):
    tables = company(deals=DEALS.format(created="2024-03-01"), deal_changes=CHANGES.format(created="2024-03-01"))
    table = snapshot_table(now(*known(tables), at("2024-03-05T12:30:00.000001")))
    keys = ["deal_id", "as_of", "stage", "patience_days", "as_of_day", "traits", "course"]
    assert list(table.columns) == [*keys, *SIGNALS]
    assert table["deal_id"].tolist() == ["D1"]
    assert table["stage"].tolist() == ["new/Demo"]
    assert table["as_of"].tolist() == [pd.Timestamp("2024-03-05T12:30:00.000001Z")]
    assert table["age_days"].tolist() == [4 + (12.5 * 3600e6 + 1) / DAY]


def test_a_table_of_no_snapshots_has_the_same_columns(company, known, at):
    tables = company(deals=DEALS.format(created="2024-03-01"), deal_changes=CHANGES.format(created="2024-03-01"))
    histories, norms = known(tables)
    none, one = (snapshot_table(now(histories, norms, at(day))) for day in ("2024-03-01", "2024-03-02"))
    assert len(none) == 0
    assert none.dtypes.equals(one.dtypes)
