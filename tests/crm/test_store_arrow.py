"""What is written is read as Arrow in the contract's types, in order, as of one moment, on SQLite and on PostgreSQL."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, create_engine, select
from sqlalchemy.dialects.sqlite.base import SQLiteDialect

from crm.errors import StoreError
from crm.store import Store, open_store
from crm.store_arrow import _typed, read_arrow
from crm.store_statements import of_deals, selected
from crm.store_tables import stored
from crm.tables import LEDGERS, TABLES, Column

WHEN = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")
ARROW = {"instant": pa.timestamp("us", tz="UTC"), "number": pa.float64(), "integer": pa.int64(), "flag": pa.bool_()}
PANDAS = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


def schema(name: str) -> pa.Schema:
    return pa.schema([(column.name, ARROW.get(column.kind, pa.large_string())) for column in TABLES[name].columns])


def interactions(**deal_of: str) -> pd.DataFrame:
    rows = pd.DataFrame({"interaction_id": list(deal_of), "deal_id": list(deal_of.values())})
    return rows.assign(kind="call", occurred_at=WHEN, known_at=WHEN)


def deals(*ids: str) -> pd.DataFrame:
    return pd.DataFrame({"deal_id": list(ids), "pipeline_id": "P", "currency": "EUR"}).assign(created_at=WHEN)


@pytest.mark.parametrize("name", TABLES)
def test_an_empty_table_has_the_contracts_types(store, name):
    assert store.arrow([name])[name].equals(schema(name).empty_table())


# Text that any database keeps: no NUL, no half of a surrogate pair.
VALUES: dict[str, st.SearchStrategy] = {
    "instant": st.integers(-(10**15), 4 * 10**15).map(lambda us: pd.Timestamp(us, unit="us", tz="UTC")),
    "number": st.floats(allow_nan=False) | st.integers(-5, 5).map(float),
    "integer": st.integers(-(2**63), 2**63 - 1),
    "flag": st.booleans(),
    "text": st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20) | st.just("12"),
}


@st.composite
def frames(draw: st.DrawFn, name: str) -> pd.DataFrame:
    """Rows of one table with distinct keys; a column that may be missing often is, in every row."""
    table = TABLES[name]

    def values(column: Column) -> st.SearchStrategy:
        some = VALUES.get(column.kind, VALUES["text"])
        if column.required or column.name in table.key:
            return some
        return draw(st.sampled_from([st.none(), some, st.none() | some]))

    row = st.tuples(*(values(column) for column in table.columns))
    at = [table.names.index(key) for key in table.key]
    rows = draw(st.lists(row, max_size=8, unique_by=lambda values: tuple(values[i] for i in at)))
    frame = pd.DataFrame(rows, columns=list(table.names))
    return frame.astype({column.name: PANDAS.get(column.kind, "str") for column in table.columns})


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_what_was_written_is_read_exactly_inside_a_transaction_and_outside(store, name):
    @settings(max_examples=6, suppress_health_check=list(HealthCheck))
    @given(frames(name))
    def check(frame: pd.DataFrame) -> None:
        with store._engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TABLE {name}")  # its rows may not be deleted where it is a ledger
        open_store(store._engine.url.render_as_string(hide_password=False)).close()
        store.append(name, frame)
        expected = frame.sort_values(list(TABLES[name].key)).reset_index(drop=True)
        table = store.arrow([name])[name]
        assert table.schema.equals(schema(name), check_metadata=True)
        pd.testing.assert_frame_equal(table.to_pandas(), expected, check_exact=True)
        with store.transaction():
            assert store.arrow([name])[name].equals(table)
        if name not in LEDGERS:
            pd.testing.assert_frame_equal(store.read_all()[name], store.read(name), check_exact=True)

    check()


@pytest.mark.slow
def test_columns_missing_in_the_first_hundred_thousand_rows_keep_their_types(store):
    n = 100_000
    rows = interactions(**{f"I{i:06}": "D1" for i in range(n + 1)})
    rows["direction"] = pd.Series([None] * n + ["inbound"], dtype="str")
    rows["duration_s"] = [None] * n + [1.5]
    store.write("interactions", rows)
    table = store.arrow(["interactions"])["interactions"]
    assert table.schema.equals(schema("interactions"))
    assert table["direction"].null_count == table["duration_s"].null_count == n
    assert table.slice(n).select(["direction", "duration_s"]).to_pylist() == [
        {"direction": "inbound", "duration_s": 1.5}
    ]
    assert table["outcome"].null_count == n + 1


@pytest.mark.parametrize(
    ("bounds", "found"),
    [
        (("", None), ["I1", "I2", "I3", "I4", "I5"]),
        (("D1", "D2"), ["I2", "I5"]),
        (("D1", "D1"), []),
        (("D'1", "D1"), ["I3"]),
        (("D2", None), ["I1", "I4"]),
        (("d", None), ["I4"]),
        (["D10", "D'1", "none"], ["I2", "I3"]),
        ([], []),
    ],
)
def test_deals_are_a_range_from_its_first_to_before_its_end_by_bytes_or_a_list_of_ids(store, bounds, found):
    store.write("interactions", interactions(I5="D1", I4="d1", I3="D'1", I2="D10", I1="D2"))
    assert store.arrow(["interactions"], deals=bounds)["interactions"]["interaction_id"].to_pylist() == found
    with store.transaction():
        assert store.arrow(["interactions"], deals=bounds)["interactions"]["interaction_id"].to_pylist() == found


def test_a_range_restricts_every_table_with_deals_and_no_other(store):
    store.write("deals", deals("D1", "D2", "D3"))
    store.write("accounts", pd.DataFrame({"account_id": ["A1"]}))
    changes = pd.DataFrame({"deal_id": ["D3", "D2", "D1"], "field": "stage", "seq": 0, "new_value": "Demo"})
    store.write("deal_changes", changes.assign(changed_at=WHEN, known_at=WHEN))
    tables = store.arrow(["deals", "deal_changes", "accounts"], deals=("D2", "D3"))
    assert tables["deals"]["deal_id"].to_pylist() == tables["deal_changes"]["deal_id"].to_pylist() == ["D2"]
    assert tables["accounts"]["account_id"].to_pylist() == ["A1"]


def test_interactions_of_a_range_are_found_by_the_index_and_come_in_order_without_sorting_them(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    query = _typed("interactions", of_deals("sqlite", "interactions", selected("interactions"), ("D1", "D2")))
    sql = str(query.compile(dialect=SQLiteDialect(), compile_kwargs={"literal_binds": True}))
    with store._engine.connect() as connection:
        plan = " ".join(row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}"))
    assert "USING COVERING INDEX interactions_by_deal_id (deal_id>? AND deal_id<?)" in plan
    assert "SEARCH interactions USING PRIMARY KEY (interaction_id=?)" in plan
    assert "TEMP B-TREE" not in plan
    store.close()


def test_deals_told_of_since_an_instant_and_the_rows_told_before_are_found(store):
    hour = pd.Timedelta(hours=1)
    store.write("deals", deals("D1", "D2", "D3", "D4"))
    changes = pd.DataFrame({"deal_id": ["D1", "D2"], "field": "stage", "seq": 0, "new_value": "Demo"})
    store.write("deal_changes", changes.assign(changed_at=WHEN, known_at=[WHEN + hour, WHEN + 2 * hour]))
    store.write("interactions", interactions(I1="D3", I2="D3").assign(known_at=WHEN + 3 * hour))
    instant = (WHEN + 2 * hour).value // 1000
    assert store.told_since(instant) == ["D2", "D3"]
    assert store.told_since(WHEN.value // 1000) == ["D1", "D2", "D3", "D4"]
    assert store.n_told_before(instant) == {"deals": 4, "deal_changes": 1, "interactions": 0}


def test_only_the_columns_asked_for_come_and_still_in_the_order_of_the_key(store):
    store.write("interactions", interactions(I2="D1", I1="D2", I3="D0"))
    wanted = {"interactions": ["known_at", "deal_id"], "users": ["name"]}
    table = store.arrow(["interactions"], columns=wanted)["interactions"]
    assert table.to_pydict() == {"known_at": [WHEN] * 3, "deal_id": ["D2", "D1", "D0"]}
    some = store.arrow(["interactions"], columns=wanted, deals=("D1", None))["interactions"]
    assert some["deal_id"].to_pylist() == ["D2", "D1"]


def test_a_column_or_table_that_the_contract_does_not_have_is_named_with_those_it_has(store):
    with pytest.raises(StoreError, match="users has no column 'phone'; its columns are user_id, name"):
        store.arrow(["users"], columns={"users": ["user_id", "phone"]})
    with pytest.raises(StoreError, match=r"no table 'invoices'.*accounts"):
        store.arrow(["invoices"])


def test_deal_ids_come_in_the_order_of_their_bytes(store):
    assert store.deal_ids().equals(pa.array([], pa.large_string()))
    store.write("deals", deals("d1", "é", "D2", "D10"))
    assert store.deal_ids().to_pylist() == ["D10", "D2", "d1", "é"]


def test_a_transaction_sees_its_own_writes_and_nobody_else_does(store, store_url):
    other = open_store(store_url)
    with store.transaction():
        store.write("deals", deals("D1"))
        assert store.deal_ids().to_pylist() == store.read_all()["deals"]["deal_id"].tolist() == ["D1"]
        assert len(other.deal_ids()) == len(other.read_all()["deals"]) == 0
    assert other.deal_ids().to_pylist() == ["D1"]
    other.close()


OTHER = """
import sys
import pandas as pd
from crm.store import open_store
open_store(sys.argv[1]).write("accounts", pd.DataFrame({"account_id": ["A1"]}))
"""
"""Another process writes."""


@pytest.mark.slow
def test_tables_are_of_one_moment_though_another_writes_meanwhile(store):
    def queries() -> Iterator[tuple[str, Select]]:
        yield "deals", select(stored("deals").c.deal_id)
        subprocess.run(
            [sys.executable, "-c", OTHER, store._engine.url.render_as_string(hide_password=False)], check=True
        )
        yield "accounts", select(stored("accounts").c.account_id)

    store.write("deals", deals("D1"))
    tables = read_arrow(store._engine, queries())
    assert tables is not None
    assert tables["deals"]["deal_id"].to_pylist() == ["D1"]
    assert len(tables["accounts"]) == 0
    assert len(store.arrow(["accounts"])["accounts"]) == 1


def test_a_file_with_an_odd_name_is_read_when_nobody_has_it_open(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/sales #1 50%20 é.db")
    store.write("deals", deals("D1"))
    store.close()
    assert store.deal_ids().to_pylist() == ["D1"]
    assert len(list(tmp_path.glob("*.db"))) == 1


def test_a_file_that_is_gone_is_named(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    store.close()
    Path(tmp_path / "plumbline.db").unlink()
    with pytest.raises(StoreError, match=r"plumbline.db cannot be used: .*Allow this user"):
        store.deal_ids()
    assert not (tmp_path / "plumbline.db").exists()


def test_a_file_that_turns_out_to_be_broken_half_way_is_named(tmp_path):
    path = tmp_path / "plumbline.db"
    store = open_store(f"sqlite:///{path}")
    store.write("accounts", pd.DataFrame({"account_id": [f"A{i:06}" for i in range(100_000)]}))
    store.close()
    with path.open("r+b") as file:
        file.seek(-200_000, 2)
        file.write(b"\xff" * 200_000)
    with pytest.raises(StoreError, match=r"plumbline.db cannot be used: .*malformed.*Choose another file"):
        store.arrow(["accounts"])


def test_a_value_that_something_else_wrote_and_that_is_not_of_its_columns_kind_is_named(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    store.write("deals", deals("D1"))
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE deals SET created_at = 'noon'")
    with pytest.raises(StoreError, match=r"plumbline.db cannot be used: .*noon"):
        store.read_all()
    store.close()


def test_a_server_that_does_not_answer_is_named_and_never_the_password():
    store = Store(create_engine("postgresql+psycopg://ann:hunter2@127.0.0.1:1/crm"))
    with pytest.raises(StoreError, match=r"127.0.0.1:1/crm cannot be used.*Check PLUMBLINE_STORE_URL") as caught:
        store.read_all()
    assert "hunter2" not in str(caught.value)
