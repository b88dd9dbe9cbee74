"""Histories of deals as columns; what becomes of late, odd and missing facts."""

import numpy as np
import pandas as pd
import pytest

from features.arrow import microseconds
from features.facts import DAY
from features.grid import now, training_grid
from features.histories import Histories, instant
from features.norms import norms_of
from features.pipeline import signal_matrix, snapshot_table
from features.signals import SIGNALS
from features.snapshots import Snapshots

NOW = "2024-03-04"
DEALS = """
deal_id | pipeline_id | account_id | source | currency | created_at
D1      | new         | A1         | web    | EUR      | 2024-01-01
D2      | new         |            |        | XXX      | 2024-01-08
"""
CHANGES = """
deal_id | field      | seq | old_value | new_value  | changed_at | known_at
D1      | stage      | 0   |           | Demo       | 2024-01-01 |
D1      | owner_id   | 0   |           | U1         | 2024-01-01 |
D1      | amount     | 0   |           | 100        | 2024-01-01 |
D1      | close_date | 0   |           | 2024-05-01 | 2024-01-01 |
D2      | stage      | 0   |           | Offer      | 2024-01-08 |
D2      | amount     | 0   |           | 100        | 2024-01-08 |
"""
TALKS = """
interaction_id | deal_id | kind  | direction | contact_id | occurred_at
I1             | D1      | email | inbound   | C1         | 2024-01-05
"""


def effect(known, tables, at_us):
    """Stage of D1 as known before an instant."""
    histories, norms = known(tables)
    stage = Snapshots(histories, norms, np.array([0]), np.array([at_us])).stage[0]
    return histories.vocabulary.stages.names[stage] if stage >= 0 else None


@pytest.mark.parametrize(
    ("rows", "day", "stage"),
    [
        pytest.param([], "2024-01-01", None, id="nothing is known at the very creation"),
        pytest.param([], "2024-01-02", "Demo", id="the first stage"),
        pytest.param(["1 Offer 2024-01-10"], "2024-01-10", "Demo", id="a change counts after its instant"),
        pytest.param(["1 Offer 2024-01-10 2024-01-20"], "2024-01-15", "Demo", id="not before it is entered"),
        pytest.param(["1 Offer 2024-01-10 2024-01-20"], "2024-01-21", "Offer", id="once it is entered"),
        pytest.param(
            ["1 Terms 2024-01-15", "1 Offer 2024-01-10 2024-01-20"],
            "2024-01-21",
            "Terms",
            id="late entry of an older one",
        ),
        pytest.param(
            ["1 Offer 2024-01-10", "2 Terms 2024-01-10"], "2024-01-11", "Terms", id="the higher seq comes later"
        ),
        pytest.param(
            ["1 Nowhere 2024-01-10"], "2024-01-11", "Demo", id="a stage its pipeline does not have says nothing"
        ),
        pytest.param(["1 Check 2024-01-10"], "2024-01-11", "Demo", id="nor does a stage of another pipeline"),
        pytest.param(["1  2024-01-10"], "2024-01-11", "Demo", id="nor no stage"),
    ],
)
def test_the_stage_in_effect_is_the_newest_that_was_known(company, known, at, rows, day, stage):
    lines = [row.split(" ") for row in rows]
    text = CHANGES + "\n".join(
        f"D1 | stage | {seq} | | {new} | {moment} | {''.join(late)}" for seq, new, moment, *late in lines
    )
    assert effect(known, company(deals=DEALS, deal_changes=text), at(day)) == stage


def test_a_change_from_before_its_deal_was_created_is_known_at_the_creation(company, known, at):
    """So a deal that is created tomorrow has no part in today's norms."""
    early = CHANGES.replace("2024-01-08 |", "2023-12-01 |")
    histories, norms = known(company(deals=DEALS, deal_changes=early))
    assert now(histories, norms, at("2024-01-08")).deal.tolist() == [0]
    after = now(histories, norms, at("2024-01-08T00:00:00.000001"))
    assert after.deal.tolist() == [0, 1]
    days_in_stage = signal_matrix(after)[1][list(SIGNALS).index("days_in_stage")]
    assert days_in_stage == pytest.approx(38, abs=1e-9)


@pytest.mark.parametrize(
    "empty", ["deals", "deal_changes", "interactions", "accounts", "contacts", "users", "fx_rates"]
)
def test_an_empty_table_is_no_error(company, known, at, empty):
    tables = company(deals=DEALS, deal_changes=CHANGES, interactions=TALKS)
    tables[empty] = tables[empty].iloc[:0]
    histories, norms = known(tables)
    table = snapshot_table(training_grid(histories, norms, every_days=7, until=at(NOW)))
    n_snapshots = 0 if empty in ("deals", "deal_changes") else 8 + 7
    assert len(table) == n_snapshots
    assert table["as_of"].dtype == "datetime64[us, UTC]"


def test_a_company_without_stages_has_no_open_deals(company, known, at):
    tables = company(deals=DEALS, deal_changes=CHANGES)
    tables["stages"] = tables["stages"].iloc[:0]
    assert len(now(*known(tables), at(NOW))) == 0


def test_tables_of_nothing_at_all_give_a_table_of_nothing(company, known, at):
    tables = {name: rows.iloc[:0] for name, rows in company().items()}
    histories, norms = known(tables)
    for snapshots in (now(histories, norms, at(NOW)), training_grid(histories, norms, every_days=1, until=at(NOW))):
        assert signal_matrix(snapshots).shape == (0, len(SIGNALS))


def test_a_deal_without_account_owner_amount_or_close_date_has_its_other_signals(company, signals, at):
    found = signals(company(deals=DEALS, deal_changes=CHANGES), "D2", at(NOW))
    assert found["stage_position"] == 2
    assert (found["owner_open_deals"], found["owner_closed_deals"], found["account_won"]) == (0, 0, 0)
    assert np.isnan([found["days_with_owner"], found["days_to_close_date"], found["amount_vs_size"]]).all()


def test_an_amount_in_an_unknown_currency_is_not_known(company, signals, at):
    found = signals(company(deals=DEALS, deal_changes=CHANGES), "D2", at(NOW))
    assert np.isnan(found["amount"])
    assert signals(company(deals=DEALS, deal_changes=CHANGES), "D1", at(NOW))["amount"] == 100


def test_a_manager_of_himself_an_owner_nobody_knows_and_a_team_of_none_are_no_error(company, signals, at):
    unknown = CHANGES + "D2 | owner_id | 0 | | U9 | 2024-01-08 |\n"
    found = signals(company(deals=DEALS, deal_changes=unknown), "D2", at(NOW))
    assert found["owner_open_deals"] == 1
    assert signals(company(deals=DEALS, deal_changes=unknown), "D1", at(NOW))["owner_open_deals"] == 1


def test_facts_of_unknown_deals_do_nothing(company, known, at):
    tables = company(deals=DEALS, deal_changes=CHANGES, interactions=TALKS)
    more = {
        name: pd.concat([tables[name], tables[name].assign(deal_id="D9")]) for name in ("deal_changes", "interactions")
    }
    matrices = [signal_matrix(now(*known(given), at(NOW))) for given in (tables, tables | more)]
    assert matrices[0].tobytes() == matrices[1].tobytes()


def test_ten_thousand_interactions_of_one_deal_are_counted(company, signals, frame, at):
    hours = pd.date_range("2024-01-02", periods=10_000, freq="7min", tz="UTC")
    rows = [
        {"interaction_id": f"I{n}", "deal_id": "D1", "kind": "meeting" if n % 2 else "email", "direction": "inbound"}
        | {"contact_id": f"C{n % 7}", "occurred_at": hour, "known_at": hour}
        for n, hour in enumerate(hours)
    ]
    tables = company(deals=DEALS, deal_changes=CHANGES) | {"interactions": frame("interactions", rows)}
    found = signals(tables, "D1", at(NOW))
    assert (found["interactions_ever"], found["contacts_ever"], found["meetings_90d"]) == (10_000, 7, 5_000)


def test_thousands_of_meetings_booked_too_late_do_not_hide_the_next(company, signals, frame, at):
    ahead = pd.date_range("2024-03-05", periods=3_000, freq="h", tz="UTC")
    booked = [pd.Timestamp("2024-03-04T12:00", tz="UTC")] * 2_999 + [pd.Timestamp("2024-03-01", tz="UTC")]
    rows = [
        {"interaction_id": f"I{n}", "deal_id": "D1", "kind": "meeting", "occurred_at": hour, "known_at": known_at}
        for n, (hour, known_at) in enumerate(zip(ahead, booked, strict=True))
    ]
    tables = company(deals=DEALS, deal_changes=CHANGES) | {"interactions": frame("interactions", rows)}
    assert signals(tables, "D1", at(NOW))["days_to_next_meeting"] == 1 + 2_999 / 24


def test_a_part_of_the_deals_does_not_learn_the_names_of_the_whole_anew(company, at):
    tables = company(deals=DEALS, deal_changes=CHANGES)
    whole = Histories.from_tables(tables)
    norms = norms_of(whole, tables["fx_rates"], "EUR")
    part = Histories.from_tables(tables | {"deals": tables["deals"].iloc[1:]}, norms.vocabulary)
    assert part.vocabulary is norms.vocabulary
    assert part.deal_ids.tolist() == ["D2"]
    stranger = CHANGES.replace("U1", "U7")
    newcomer = Histories.from_tables(company(deals=DEALS, deal_changes=stranger), norms.vocabulary)
    assert Snapshots(newcomer, norms, np.array([0]), np.array([at(NOW)])).owner.tolist() == [-1]


def test_instants_keep_their_microseconds():
    moments = pd.Series(pd.to_datetime(["2024-02-29T23:59:59.999999+00:00", "1969-12-31T23:59:59.999999+00:00"]))
    assert microseconds(moments).tolist() == [instant(moment.to_pydatetime()) for moment in moments]
    assert instant(moments[1].to_pydatetime()) == -1
    assert instant(pd.Timestamp("2024-03-01", tz="UTC").to_pydatetime()) - microseconds(moments)[0] == 1
    assert microseconds(pd.Series(pd.to_datetime(["1970-01-02T01:00+01:00"]))).tolist() == [DAY]
