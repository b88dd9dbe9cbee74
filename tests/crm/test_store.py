"""What the store promises, on SQLite and on PostgreSQL alike."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.errors import StoreError
from crm.store import Store, Written, open_store
from crm.tables import LEDGERS, TABLES, Column


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    opened = open_store(store_url)
    yield opened
    opened.close()


def accounts(**names: str | None) -> pd.DataFrame:
    return pd.DataFrame({"account_id": list(names), "name": pd.Series(list(names.values()), dtype="str")})


def scores(version: str, as_of: str, *deal_ids: str) -> pd.DataFrame:
    rows = pd.DataFrame({"deal_id": list(deal_ids), "model_version": version, "win_probability": 0.4, "win_base": 0.3})
    rows["as_of"] = pd.Timestamp(as_of, tz="UTC").as_unit("us")
    return rows.assign(win_within="[]", lost_within="[]", win_reasons="[]", stall_reasons="[]")


def test_a_row_written_twice_changes_nothing(store):
    assert store.write("accounts", accounts(A1="Acme", A2=None)) == Written(2, 0, 0)
    assert store.write("accounts", accounts(A1="Acme", A2=None)) == Written(0, 0, 2)


def test_new_changed_and_same_rows_are_counted_apart(store):
    store.write("accounts", accounts(A1="Acme", A2="Bolt", A3=None))
    assert store.write("accounts", accounts(A2="Bolt Ltd", A3="Core", A1="Acme", A4="Dune")) == Written(1, 2, 1)
    assert store.read("accounts")["name"].tolist() == ["Acme", "Bolt Ltd", "Core", "Dune"]


def test_a_missing_value_overwrites_and_an_absent_column_does_not(store):
    store.write("accounts", accounts(A1="Acme").assign(region="north"))
    store.write("accounts", accounts(A1=None))
    row = store.read("accounts").iloc[0]
    assert pd.isna(row["name"])
    assert row["region"] == "north"


def test_rows_come_back_in_the_order_of_their_key_by_bytes(store):
    store.write("accounts", accounts(b="1", B="2", a="3", **{"é": "4", "_": "5"}))
    assert store.read("accounts")["account_id"].tolist() == ["B", "_", "a", "b", "é"]


@pytest.mark.parametrize("table", TABLES)
def test_an_empty_table_has_the_contracts_columns_and_dtypes(store, table):
    kinds = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}
    expected = {column.name: kinds.get(column.kind, "str") for column in TABLES[table].columns}
    assert store.read(table).dtypes.astype(str).to_dict() == expected


def test_interactions_of_some_deals_are_found(store):
    when = pd.Timestamp("2026-03-01", tz="UTC").as_unit("us")
    rows = pd.DataFrame({"interaction_id": ["I1", "I2", "I3"], "deal_id": ["D1", "D2", "D'3"]})
    store.write("interactions", rows.assign(kind="call", occurred_at=when, known_at=when))
    assert store.read("interactions", deal_ids=["D'3", "D1", "D9"])["interaction_id"].tolist() == ["I1", "I3"]
    assert store.read("interactions", deal_ids=[]).empty


def test_more_deals_than_a_statement_takes_parameters_can_be_asked_for(store):
    assert store.read("deals", deal_ids=[f"D{i}" for i in range(70_000)]).empty


def test_a_table_without_deals_cannot_be_read_by_deal(store):
    with pytest.raises(StoreError, match="accounts has no deal_id"):
        store.read("accounts", deal_ids=["D1"])


def test_an_error_inside_a_transaction_undoes_all_of_its_writes(store):
    def two_writes_and_a_failure() -> None:
        with store.transaction():
            store.write("accounts", accounts(A1="Acme"))
            store.write("users", pd.DataFrame({"user_id": ["U1"], "active": [True]}))
            assert len(store.read("accounts")) == 1, "a transaction sees its own writes"
            raise RuntimeError("stopped half way")

    with pytest.raises(RuntimeError):
        two_writes_and_a_failure()
    assert store.read("accounts").empty
    assert store.read("users").empty
    assert store.write("accounts", accounts(A1="Acme")) == Written(1, 0, 0)


def test_an_unfinished_transaction_is_not_seen_by_other_readers(store, store_url):
    other = open_store(store_url)
    with store.transaction():
        store.write("accounts", accounts(A1="Acme"))
        assert other.read("accounts").empty
    assert len(other.read("accounts")) == 1
    other.close()


def test_threads_that_write_at_once_lose_nothing(store):
    def write(worker: int) -> None:
        for i in range(10):
            store.write("accounts", accounts(**{f"A{worker}-{i}": "x"}))

    threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.read("accounts")) == 40


def test_a_ledger_keeps_its_first_word(store):
    first = scores("1", "2026-03-01", "D1", "D2")
    assert store.append("scores", first) == 2
    assert store.append("scores", first.assign(win_probability=0.9)) == 0
    assert store.append("scores", scores("1", "2026-03-01", "D2", "D3")) == 1
    assert store.read("scores")["win_probability"].tolist() == [0.4, 0.4, 0.4]


def test_a_ledger_cannot_be_written_over(store):
    with pytest.raises(StoreError, match=r"scores is a ledger.*use append"):
        store.write("scores", scores("1", "2026-03-01", "D1"))


def test_the_latest_scores_are_the_last_issued_of_the_latest_instant(store):
    assert store.latest_scores().empty
    store.append("scores", scores("9", "2026-03-01", "D1"))
    store.append("scores", scores("10", "2026-03-08", "D1", "D2"))
    store.append("scores", scores("8", "2026-03-08", "D1", "D2", "D3"))
    store.append("scores", scores("11", "2026-03-01", "D1"))
    assert store.latest_scores()["model_version"].tolist() == ["8", "8", "8"]
    assert store.latest_scores(["D2"])["deal_id"].tolist() == ["D2"]


def test_earlier_scores_are_found_by_their_instants(store):
    assert store.score_instants() == []
    for version, day in (("9", "2026-03-08"), ("7", "2026-03-01"), ("8", "2026-03-01")):
        store.append("scores", scores(version, day, "D1", "D2"))
    instants = store.score_instants()
    assert [str(instant.date()) for instant in instants] == ["2026-03-01", "2026-03-08"]
    assert store.scores_at(instants[0])["model_version"].tolist() == ["8", "8"]


def test_read_all_gives_every_table_but_the_ledgers(store):
    store.write("accounts", accounts(A1="Acme"))
    tables = store.read_all()
    assert set(tables) == set(TABLES) - LEDGERS
    assert len(tables["accounts"]) == 1


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (accounts(A1="x").assign(colour="red"), "accounts has no column 'colour'; its columns are account_id, name"),
        (accounts(A1="x").drop(columns="account_id"), "accounts lacks 'account_id'"),
        (pd.DataFrame({"account_id": ["A1", "A1"], "name": ["x", "y"]}), "1 rows repeat the key.*account_id=A1"),
        (pd.DataFrame({"account_id": ["A1", None]}), "1 rows have no account_id"),
        (pd.DataFrame({"account_id": ["A1"], "name": [3.5]}), "accounts.name is to hold text values"),
    ],
)
def test_rows_that_cannot_be_stored_are_refused_in_a_sentence(store, rows, sentence):
    with pytest.raises(StoreError, match=sentence):
        store.write("accounts", rows)
    assert store.read("accounts").empty


def test_an_instant_without_a_zone_is_refused(store):
    rows = scores("1", "2026-03-01", "D1")
    with pytest.raises(StoreError, match=r"scores.as_of is to hold instant values"):
        store.append("scores", rows.assign(as_of=pd.Timestamp("2026-03-01")))


def test_a_table_that_the_contract_does_not_have_is_named_with_those_it_has(store):
    with pytest.raises(StoreError, match=r"no table 'invoices'.*accounts"):
        store.read("invoices")


def test_a_text_with_a_null_character_is_refused(store):
    with pytest.raises(StoreError, match=r"accounts.name.*NUL"):
        store.write("accounts", accounts(A1="a\x00b"))


# Text that any database keeps: no NUL, no half of a surrogate pair.
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=20)
INSTANTS = st.integers(-(10**15), 4 * 10**15)


def values_of(column: Column, *, needed: bool) -> st.SearchStrategy:
    values: st.SearchStrategy = TEXTS
    if column.kind == "instant":
        values = INSTANTS.map(lambda us: pd.Timestamp(us, unit="us", tz="UTC"))
    elif column.kind == "number":
        values = st.floats(allow_nan=False, allow_infinity=False)
    elif column.kind == "integer":
        values = st.integers(-(2**63), 2**63 - 1)
    elif column.kind == "flag":
        values = st.booleans()
    return values if needed else st.none() | values


@st.composite
def frames(draw: st.DrawFn, name: str) -> pd.DataFrame:
    """Rows of one table in the contract's dtypes, in any order, their keys distinct."""
    table = TABLES[name]
    row = st.tuples(*(values_of(c, needed=c.required or c.name in table.key) for c in table.columns))
    at = [table.names.index(key) for key in table.key]
    rows = draw(st.lists(row, max_size=8, unique_by=lambda values: tuple(values[i] for i in at)))
    frame = pd.DataFrame(rows, columns=list(table.names))
    dtypes = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}
    return frame.astype({column.name: dtypes.get(column.kind, "str") for column in table.columns})


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(TABLES) - LEDGERS))
def test_what_was_written_is_read_back_exactly(store_url, name):
    store = open_store(store_url)

    @settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow])
    @given(frames(name))
    def check(frame: pd.DataFrame) -> None:
        with undone(store):
            assert store.write(name, frame) == Written(len(frame), 0, 0)
            assert store.write(name, frame) == Written(0, 0, len(frame))
            key = list(TABLES[name].key)
            expected = frame.sort_values(key).reset_index(drop=True)
            pd.testing.assert_frame_equal(store.read(name), expected, check_exact=True)

    check()
    assert store.read(name).empty
    store.close()


class UndoneError(Exception):
    """Leaves a transaction on purpose."""


@contextmanager
def undone(store: Store) -> Iterator[None]:
    """A transaction that is rolled back at its end, so that the next example starts from an empty store."""
    with suppress(UndoneError), store.transaction():
        yield
        raise UndoneError


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path):
    path = tmp_path / "notes.db"
    path.write_text("Dear diary, " * 200)
    with pytest.raises(StoreError, match=r"notes.db cannot be used: file is not a database. Choose another file"):
        open_store(f"sqlite:///{path}")
    assert path.read_text().startswith("Dear diary")


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    with pytest.raises(StoreError, match=r"folder .*taken cannot be made .*PLUMBLINE_STORE_URL"):
        open_store(f"sqlite:///{tmp_path}/taken/plumbline.db")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match=r"cannot be written; allow it"):
        open_store(f"sqlite:///{tmp_path}/plumbline.db")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://root:hunter2@db/crm", "'mysql' is not a kind of store; use sqlite:///path"),
        ("hunter2 is no URL", "The store's URL cannot be read; use sqlite:///path"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://ann:hunt@er2@db/crm", "more than one @; write an @ in the password as %40"),
        ("postgresql://ann:hunter2@127.0.0.1:1/crm", r"127.0.0.1:1/crm cannot be used.*Check PLUMBLINE_STORE_URL"),
        ("postgresql:///crm?host=/nowhere&password=hunter2", r"/nowhere:5432/crm cannot be used"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why_and_never_the_password(url, sentence):
    with pytest.raises(StoreError, match=sentence) as caught:
        open_store(url)
    assert "hunt" not in str(caught.value)
    assert "er2" not in str(caught.value)


def test_past_scores_are_the_last_issued_up_to_each_instant_and_not_older_than_asked(store):
    for version, day, deals in (("6", "2026-03-01", "D1"), ("7", "2026-03-08", "D1 D2"), ("8", "2026-03-08", "D1")):
        store.append("scores", pd.concat([scores(version, day, deal) for deal in deals.split()]))
    week = 7 * 86_400_000_000
    instants = [int(pd.Timestamp(day, tz="UTC").timestamp()) * 1_000_000 for day in ("2026-03-07", "2026-03-08")]
    found = store.past_scores(instants, week, ("deal_id", "model_version"))
    assert found.to_numpy().tolist() == [["D1", "6"], ["D1", "8"]]
    assert store.past_scores([instants[0] - week], week, ("deal_id",)).empty
    assert store.past_scores([], week, ("deal_id",)).empty
