import json
import tracemalloc
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import NotEnoughDataError
from crm.simulate import MARKER, simulate, simulate_chunks, write_simulation
from crm.simulated_tables import STAGES
from crm.simulated_world import simulate_world
from crm.tables import AMOUNT, CATEGORY, CLOSE_DATE, OWNER, STAGE, TABLES

pytestmark = pytest.mark.slow

END = pd.Timestamp("2026-11-16", tz="UTC")
DTYPES = {
    "text": "str",
    "date": "str",
    "decimal": "str",
    "json": "str",
    "instant": "datetime64[us, UTC]",
    "number": "float64",
    "integer": "int64",
    "flag": "bool",
}


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return simulate(1_500, seed=4).tables


@pytest.fixture(scope="module")
def closed(tables) -> pd.DataFrame:
    """One row per closed deal: when and as what."""
    changes = tables["deal_changes"]
    ends = changes[(changes["field"] == STAGE) & changes["new_value"].isin(STAGES[-2:])].set_index("deal_id")
    created = tables["deals"].set_index("deal_id")["created_at"]
    age_days = (ends["changed_at"] - created.reindex(ends.index)).dt.total_seconds() / 86_400
    return ends.assign(won=ends["new_value"] == "Won", age_days=age_days)


def changes_of(tables: dict[str, pd.DataFrame], field: str) -> pd.DataFrame:
    changes = tables["deal_changes"]
    return changes[changes["field"] == field]


# ---- the same again


def test_the_same_seed_gives_the_same_tables_and_another_seed_does_not():
    first, again, other = simulate(150, seed=1), simulate(150, seed=1), simulate(150, seed=2)
    for name in first.tables:
        pd.testing.assert_frame_equal(first.tables[name], again.tables[name])
    pd.testing.assert_frame_equal(first.oracle, again.oracle)
    assert not first.tables["interactions"].equals(other.tables["interactions"])


def test_chunks_number_their_deals_and_interactions_on():
    world = simulate_world(250, seed=1)
    chunks = [
        {name: t.to_pandas() for name, t in chunk.items()} for chunk in simulate_chunks(world, 1, chunk_deals=100)
    ]
    assert [len(chunk["deals"]) for chunk in chunks] == [100, 100, 50]
    deals = pd.concat([chunk["deals"] for chunk in chunks])
    assert deals["deal_id"].tolist() == [f"D{n:06}" for n in range(1, 251)]
    assert deals["created_at"].is_monotonic_increasing
    assert pd.concat([chunk["interactions"] for chunk in chunks])["interaction_id"].is_unique
    for chunk in chunks:
        assert set(chunk["deal_changes"]["deal_id"]) == set(chunk["deals"]["deal_id"])


def test_files_hold_what_simulate_returns_and_a_marker_says_of_what(tmp_path):
    seen: list[int] = []
    n_rows = write_simulation(tmp_path, 120, 7, progress=seen.append)
    simulation = simulate(120, seed=7)
    for name, frame in {**simulation.tables, "oracle": simulation.oracle}.items():
        path = tmp_path / name if (tmp_path / name).is_dir() else tmp_path / f"{name}.parquet"
        pd.testing.assert_frame_equal(pd.read_parquet(path), frame)
        assert n_rows[name] == len(frame)
    assert seen == [120]
    assert json.loads((tmp_path / MARKER).read_text())["seed"] == 7


def test_writing_again_leaves_nothing_of_the_run_before(tmp_path):
    write_simulation(tmp_path, 90, 7, chunk_deals=30)
    n_rows = write_simulation(tmp_path, 60, 7, chunk_deals=30, with_oracle=False)
    assert sorted(file.name for file in (tmp_path / "deals").iterdir()) == ["part-00000.parquet", "part-00001.parquet"]
    assert len(pd.read_parquet(tmp_path / "deals")) == n_rows["deals"] == 60
    assert not (tmp_path / "oracle").exists(), "an oracle of other deals must not lie about"


# ---- the contract


def test_every_column_is_in_the_contract_and_of_its_dtype(tables):
    for name, frame in tables.items():
        columns = {column.name: column for column in TABLES[name].columns}
        assert list(frame) == list(columns), name
        for column in columns.values():
            assert frame[column.name].dtype == DTYPES[column.kind], (name, column.name)
            values = frame[column.name].dropna()
            assert not column.required or len(values) == len(frame), (name, column.name)
            assert not column.choices or values.isin(column.choices).all(), (name, column.name)
        assert not frame.duplicated(list(TABLES[name].key)).any(), name


def test_every_reference_leads_somewhere(tables):
    def assert_within(child: str, column: str, parent: str, key: str) -> None:
        assert tables[child][column].dropna().isin(tables[parent][key]).all(), (child, column)

    for child in ("deal_changes", "interactions"):
        assert_within(child, "deal_id", "deals", "deal_id")
    for child, column in (("deal_changes", "changed_by"), ("interactions", "user_id"), ("quotas", "owner_id")):
        assert_within(child, column, "users", "user_id")
    for child in ("deals", "contacts"):
        assert_within(child, "account_id", "accounts", "account_id")
    assert_within("interactions", "contact_id", "contacts", "contact_id")
    assert_within("users", "manager_id", "users", "user_id")
    assert_within("deals", "currency", "fx_rates", "currency")
    assert changes_of(tables, OWNER)["new_value"].isin(tables["users"]["user_id"]).all()
    assert changes_of(tables, STAGE)["new_value"].isin(tables["stages"]["stage"]).all()


def test_contacts_of_an_interaction_work_at_the_deals_account(tables):
    talks = tables["interactions"].dropna(subset="contact_id").merge(tables["deals"][["deal_id", "account_id"]])
    talks = talks.merge(tables["contacts"], on="contact_id", suffixes=("", "_of_contact"))
    assert (talks["account_id"] == talks["account_id_of_contact"]).all()


@pytest.mark.parametrize("field", [STAGE, AMOUNT, CLOSE_DATE, OWNER, CATEGORY])
def test_each_field_begins_at_creation_and_each_change_starts_from_the_last_value(tables, field):
    changes = changes_of(tables, field).sort_values(["deal_id", "changed_at"])
    first = changes.groupby("deal_id").head(1).set_index("deal_id")
    created = tables["deals"].set_index("deal_id")["created_at"]
    assert first["old_value"].isna().all()
    assert (first["changed_at"] == created.reindex(first.index)).all()
    assert len(first) == len(created)
    before = changes.groupby("deal_id")["new_value"].shift()
    pd.testing.assert_series_equal(changes["old_value"], before, check_names=False)
    assert (changes["old_value"] != changes["new_value"]).all()
    assert (changes["known_at"] >= changes["changed_at"]).all()


def test_values_are_written_as_the_contract_wants(tables):
    assert changes_of(tables, AMOUNT)["new_value"].str.fullmatch(r"\d+\.\d\d").all()
    assert pd.to_datetime(changes_of(tables, CLOSE_DATE)["new_value"], format="%Y-%m-%d").notna().all()
    assert tables["quotas"]["amount"].str.fullmatch(r"\d+\.\d\d").all()
    attributes = tables["deals"]["attributes"].map(json.loads)
    assert all(set(item) == {"budget_confirmed", "competitor", "seats"} for item in attributes)


def test_nothing_is_known_at_or_after_the_end(tables):
    for name in ("deal_changes", "interactions"):
        assert (tables[name]["known_at"] < END).all()
    assert (tables["deals"]["created_at"] < END).all()
    assert tables["fx_rates"]["day"].max() == "2026-11-15"
    assert (tables["interactions"]["occurred_at"] >= END).any(), "meetings booked for later stay in the calendar"


def test_work_is_done_on_working_days(tables):
    holidays = tables["calendar"].loc[tables["calendar"]["setting"] == "holiday", "value"]
    for at in (tables["deals"]["created_at"], tables["deal_changes"]["changed_at"]):
        assert (at.dt.day_of_week < 5).all()
        assert not at.dt.strftime("%Y-%m-%d").isin(holidays).any()
    assert (tables["interactions"]["occurred_at"].dt.day_of_week < 5).all()


def test_a_closed_deal_stays_closed_and_silent_but_for_what_was_late_or_planned(tables, closed):
    later = tables["deal_changes"].merge(closed["changed_at"].rename("closed_at"), on="deal_id")
    assert (later["changed_at"] <= later["closed_at"]).all()
    talks = tables["interactions"].merge(closed["changed_at"].rename("closed_at"), on="deal_id")
    after = talks[talks["known_at"] > talks["closed_at"]]
    assert (after["kind"] == "call").all()
    assert (after["occurred_at"] < after["closed_at"]).all()


def test_the_hierarchy_leads_to_one_head_of_sales(tables):
    users = tables["users"].set_index("user_id")
    heads = users.index[users["manager_id"].isna()]
    assert len(heads) == 1
    managers = users.index[users["manager_id"] == heads[0]]
    reps = users.drop([*heads, *managers])
    assert reps["manager_id"].isin(managers).all()
    assert (reps["team"].to_numpy() == users["team"].reindex(reps["manager_id"]).to_numpy()).all()


# ---- what makes a CRM hard to read


def test_calls_are_logged_up_to_seven_days_late(tables):
    talks = tables["interactions"]
    delay_days = (talks["known_at"].dt.normalize() - talks["occurred_at"].dt.normalize()).dt.days
    late = delay_days[talks["kind"] == "call"]
    assert late.between(0, 7).all()
    assert (late >= 3).mean() > 0.1
    assert (delay_days[talks["kind"].isin(["email", "note", "task"])] == 0).all()


def test_meetings_are_planned_ahead(tables):
    talks = tables["interactions"]
    planned = talks["occurred_at"] > talks["known_at"]
    assert set(talks["kind"][planned]) == {"meeting"}
    assert 0.6 < planned[talks["kind"] == "meeting"].mean() < 0.9


def test_some_owners_log_outbound_work_that_brings_nothing(tables):
    world = simulate_world(1_500, seed=4)
    talks = tables["interactions"]
    by_user = talks.groupby("user_id").agg(
        outbound=("direction", lambda d: (d == "outbound").sum()),
        inbound=("direction", lambda d: (d == "inbound").sum()),
    )
    by_user = by_user[by_user["inbound"] > 50]
    ratio = (by_user["outbound"] / by_user["inbound"]).to_numpy()
    over = world.people.reps.over_reporting[by_user.index.str[1:].astype(int) - 1 - world.people.reps.user[0]]
    assert over.max() > 1.5
    assert np.corrcoef(ratio, over)[0, 1] > 0.8


def test_managers_sweep_forgotten_deals_out_at_the_end_of_a_quarter(tables, closed):
    swept = closed[closed["changed_at"].dt.strftime("%H:%M:%S") == "19:30:00"]
    assert (swept["new_value"] == "Lost").all()
    assert swept["changed_at"].dt.date.value_counts().max() >= 5, "many at the same instant"
    assert set(swept["changed_at"].dt.month) <= {3, 6, 9, 12}
    managers = set(tables["users"]["manager_id"].dropna())
    assert set(swept["changed_by"]) <= managers


def test_deals_are_pushed_return_change_amount_stall_and_change_hands(tables, closed):
    close = changes_of(tables, CLOSE_DATE)
    pushed = close.dropna(subset="old_value")
    assert (pushed["new_value"] > pushed["old_value"]).mean() > 0.5
    stage = changes_of(tables, STAGE).assign(position=lambda f: f["new_value"].map(STAGES.index))
    step = stage.groupby("deal_id")["position"].diff()[stage["position"] < 5]
    assert (step == -1).sum() > 50
    assert (step == 2).sum() > 20
    assert changes_of(tables, AMOUNT)["old_value"].notna().sum() > 500
    assert changes_of(tables, OWNER)["old_value"].notna().sum() > 20
    assert (closed["age_days"] > 180).mean() > 0.02
    assert tables["deals"]["currency"].nunique() == 4


def test_the_business_looks_like_one(tables, closed):
    assert 0.2 < closed["won"].mean() < 0.33
    assert 55 < closed.loc[closed["won"], "age_days"].median() < 95
    assert 38 < len(tables["interactions"]) / len(tables["deals"]) < 62
    first = changes_of(tables, AMOUNT).query("old_value.isna()")["new_value"].astype(float)
    assert first.mean() > 1.5 * first.median(), "amounts have a heavy tail"


def test_deals_are_won_in_a_rush_at_the_end_of_a_quarter():
    changes = changes_of(simulate(6_000, seed=9).tables, STAGE)
    won = changes.loc[changes["new_value"] == "Won", "changed_at"].dt
    to_end = (won.tz_localize(None).dt.to_period("Q").dt.end_time - won.tz_localize(None)).dt.days
    assert (to_end < 10).mean() > 1.3 * ((to_end >= 10) & (to_end < 20)).mean()


# ---- sizes


@given(st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_few_deals_are_simulated_as_well_as_many(n_deals, seed):
    simulation = simulate(n_deals, seed, end=date(2024, 2, 29), years=1)
    assert len(simulation.tables["deals"]) == n_deals
    assert (simulation.tables["deal_changes"]["known_at"] < pd.Timestamp("2024-02-29", tz="UTC")).all()
    assert simulation.oracle["win_probability"].between(0, 1).all()


@pytest.mark.parametrize(("n_deals", "years"), [(0, 3), (100, 0)])
def test_no_deals_or_no_time_is_refused_in_a_sentence(n_deals, years):
    with pytest.raises(NotEnoughDataError, match=rf"a simulation of {n_deals} deals in {years} years was asked for"):
        simulate(n_deals, seed=0, years=years)


def test_memory_is_bounded_by_the_chunk_not_by_the_size(tmp_path):
    def peak_bytes(n_deals: int) -> int:
        tracemalloc.start()
        write_simulation(tmp_path / str(n_deals), n_deals, 1, chunk_deals=75)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak_bytes(375) < 1.6 * peak_bytes(75)
