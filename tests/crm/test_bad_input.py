"""Bad input, one kind a test: a clear error or a reject, the good rows loaded, nothing lost."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from crm.errors import SchemaError
from crm.import_report import ImportReport
from crm.importer import import_files
from crm.store import Store, open_store

STAGES = "pipeline_id,stage,position,category\nsales,new,1,open\nsales,won,2,won\nsales,lost,3,lost\n"
DEALS = (
    "deal_id,name,pipeline_id,currency,created_at\n"
    "D1,Pumps,sales,EUR,2026-01-05T09:00:00Z\n"
    "D2,Valves,sales,USD,2026-01-06T09:00:00Z\n"
)
CHANGES = (
    "deal_id,field,changed_at,seq,new_value,known_at\n"
    "D1,stage,2026-01-05T09:00:00Z,0,new,2026-01-05T09:00:00Z\n"
    "D2,stage,2026-01-06T09:00:00Z,0,new,2026-01-06T09:00:00Z\n"
)
CALLS = (
    "interaction_id,deal_id,kind,occurred_at,known_at\n"
    "I1,D1,call,2026-01-07T09:00:00Z,2026-01-07T09:00:00Z\n"
    "I2,D2,email,2026-01-08T09:00:00Z,2026-01-08T09:00:00Z\n"
)


class Crm:
    """A folder of files and a store to import them into."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store
        self.put(stages=STAGES, deals=DEALS, deal_changes=CHANGES, interactions=CALLS)

    def put(self, **tables: str | bytes) -> None:
        for table, content in tables.items():
            path = self.folder / f"{table}.csv"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def load(self) -> ImportReport:
        return import_files([self.folder], self.store, rejects_path=self.folder.parent / "rejects.csv")

    def ids(self, table: str, column: str) -> list[str]:
        return self.store.read(table)[column].tolist()


@pytest.fixture
def crm(tmp_path: Path) -> Iterator[Crm]:
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    (tmp_path / "crm").mkdir()
    yield Crm(tmp_path / "crm", store)
    store.close()


def told(report: ImportReport) -> list[tuple]:
    """File, line, column and value of each reject."""
    rejects = report.rejects
    files = [Path(name).name for name in rejects["file"]]
    return list(
        zip(files, rejects["line"].tolist(), rejects["column"].tolist(), rejects["value"].tolist(), strict=True)
    )


def test_the_good_files_load_whole(crm):
    report = crm.load()
    assert report.rejects.empty
    assert {name: counts.new for name, counts in report.tables.items()} == {
        "stages": 3,
        "deals": 2,
        "deal_changes": 2,
        "interactions": 2,
    }


def test_an_empty_file_is_a_reject_and_the_other_files_load(crm):
    crm.put(interactions="")
    report = crm.load()
    assert told(report)[0][:1] == ("interactions.csv",)
    assert "the file is empty" in report.rejects["rule"][0]
    assert crm.ids("deals", "deal_id") == ["D1", "D2"]


def test_a_file_with_a_header_alone_has_no_rows_and_no_rejects(crm):
    crm.put(interactions=CALLS.splitlines()[0] + "\n")
    report = crm.load()
    assert report.rejects.empty
    assert report.tables["interactions"].read == 0


def test_bytes_in_another_encoding_stop_the_import_with_the_line_and_the_remedy(crm):
    crm.put(deals=DEALS.replace("Valves", "Dübel").encode("cp1252"))
    with pytest.raises(SchemaError, match=r"deals\.csv line 3: byte 0xfc is not UTF-8; .*encoding: cp1252"):
        crm.load()
    assert crm.store.read("deals").empty


def test_a_missing_column_names_itself_the_file_and_the_nearest_name(crm):
    crm.put(interactions=CALLS.replace("occurred_at", "ocurred_at"))
    with pytest.raises(SchemaError, match=r'interactions\.csv lacks "occurred_at" \(did you mean "ocurred_at"\?\)'):
        crm.load()
    assert crm.store.read("deals").empty


def test_a_column_of_no_table_is_named_in_a_warning(crm):
    crm.put(deals=DEALS.replace("name", "nmae"))
    assert any('"nmae" (did you mean "name"?) not read' in warning for warning in crm.load().warnings)


def test_a_deal_that_closes_before_it_is_created_is_refused_with_all_it_has(crm):
    crm.put(deal_changes=CHANGES + "D1,stage,2026-01-01T09:00:00Z,0,won,2026-01-01T09:00:00Z\n")
    report = crm.load()
    assert crm.ids("deals", "deal_id") == ["D2"]
    assert crm.ids("deal_changes", "deal_id") == ["D2"]
    assert crm.ids("interactions", "interaction_id") == ["I2"]
    assert {(file, line) for file, line, _, _ in told(report)} == {
        ("deals.csv", 2),
        ("deal_changes.csv", 2),
        ("deal_changes.csv", 4),
        ("interactions.csv", 2),
    }
    assert report.rejects["rule"].str.contains("the deal closes .* before it is created").sum() == 2


def test_a_closing_before_the_creation_of_a_stored_deal_is_refused_alone(crm):
    crm.load()
    for name in ("deals", "interactions"):
        (crm.folder / f"{name}.csv").unlink()
    crm.put(deal_changes=CHANGES + "D1,stage,2026-01-01T09:00:00Z,0,won,2026-01-01T09:00:00Z\n")
    assert told(crm.load()) == [("deal_changes.csv", 4, "changed_at", "2026-01-01 09:00:00+00:00")]
    assert crm.ids("deals", "deal_id") == ["D1", "D2"]


def test_an_interaction_of_an_unknown_deal_is_refused(crm):
    crm.put(interactions=CALLS.replace("I1,D1", "I1,D9"))
    report = crm.load()
    assert told(report) == [("interactions.csv", 2, "deal_id", "D9")]
    assert 'deal_id "D9" is no deal of this import or of the store' in report.rejects["rule"][0]
    assert crm.ids("interactions", "interaction_id") == ["I2"]


def test_an_interaction_of_a_deal_that_is_only_in_the_store_loads(crm):
    crm.load()
    for name in ("deals", "deal_changes", "stages"):
        (crm.folder / f"{name}.csv").unlink()
    crm.put(interactions=CALLS.replace("I1,", "I3,"))
    assert crm.load().rejects.empty
    assert crm.ids("interactions", "interaction_id") == ["I1", "I2", "I3"]


def test_what_hangs_on_a_refused_deal_says_so(crm):
    crm.put(deals=DEALS.replace("Pumps,sales,EUR", "Pumps,sales,EURO"))
    report = crm.load()
    assert told(report) == [
        ("deal_changes.csv", 2, "deal_id", "D1"),
        ("deals.csv", 2, "currency", "EURO"),
        ("interactions.csv", 2, "deal_id", "D1"),
    ]
    assert 'deal_id "D1" was refused' in report.rejects["rule"][0]


def test_a_duplicate_id_with_other_values_is_refused_and_the_first_stays(crm):
    crm.put(deals=DEALS + "D1,Turbines,sales,EUR,2026-01-05T09:00:00Z\n")
    assert told(crm.load()) == [("deals.csv", 4, "deal_id", "D1")]
    assert crm.ids("deals", "name") == ["Pumps", "Valves"]


def test_a_row_repeated_word_for_word_counts_once(crm):
    crm.put(deals=DEALS + "D1,Pumps,sales,EUR,2026-01-05T09:00:00Z\n")
    report = crm.load()
    assert report.rejects.empty
    assert (report.tables["deals"].read, report.tables["deals"].repeated, report.tables["deals"].new) == (3, 1, 2)


def test_an_unknown_currency_is_refused(crm):
    crm.put(deals=DEALS.replace("USD", "US$"), deal_changes=CHANGES.splitlines()[0] + "\n", interactions=CALLS[:49])
    report = crm.load()
    assert ("deals.csv", 3, "currency", "US$") in told(report)
    assert crm.ids("deals", "deal_id") == ["D1"]


def test_a_stage_that_is_no_stage_of_the_pipeline_is_refused_with_the_nearest_one(crm):
    crm.put(deal_changes=CHANGES + "D2,stage,2026-02-01T09:00:00Z,0,Wonn,2026-02-01T09:00:00Z\n")
    report = crm.load()
    assert told(report) == [("deal_changes.csv", 4, "new_value", "Wonn")]
    assert 'stage "Wonn" is not one of pipeline "sales" (did you mean "won"?)' in report.rejects["rule"][0]


def test_an_amount_that_is_no_number_is_refused(crm):
    crm.put(deal_changes=CHANGES + 'D2,amount,2026-02-01T09:00:00Z,0,"12,5k",2026-02-01T09:00:00Z\n')
    report = crm.load()
    assert report.rejects["rule"].tolist() == ['amount "12,5k" is not a number; write 12500 or 12500.50']


def test_a_change_known_before_it_happens_is_refused(crm):
    crm.put(deal_changes=CHANGES + "D2,amount,2026-02-01T09:00:00Z,0,5,2026-01-31T09:00:00Z\n")
    assert [row[:3] for row in told(crm.load())] == [("deal_changes.csv", 4, "known_at")]


def test_dates_without_a_time_zone_are_refused_rather_than_guessed(crm):
    crm.put(interactions=CALLS.replace("I1,D1,call,2026-01-07T09:00:00Z", "I1,D1,call,07/01/2026"))
    report = crm.load()
    assert told(report) == [("interactions.csv", 2, "occurred_at", "07/01/2026")]
    assert crm.ids("interactions", "interaction_id") == ["I2"]


def test_a_csv_that_ends_in_the_middle_loads_its_whole_lines(crm):
    crm.put(interactions=CALLS[:-40])
    report = crm.load()
    assert [row[:2] for row in told(report)] == [("interactions.csv", 3)]
    assert "the file ends in the middle of this line" in report.rejects["rule"][0]
    assert crm.ids("interactions", "interaction_id") == ["I1"]


def test_one_damaged_parquet_part_leaves_the_others_to_load(crm):
    (crm.folder / "interactions.csv").unlink()
    parts = crm.folder / "interactions"
    parts.mkdir()
    at = pd.to_datetime(["2026-01-07T09:00:00Z"]).as_unit("us")
    for name in ("1", "2"):
        row = {"interaction_id": [name], "deal_id": "D1", "kind": "call", "occurred_at": at, "known_at": at}
        pd.DataFrame(row).to_parquet(parts / f"part-{name}.parquet")
    damaged = parts / "part-1.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    report = crm.load()
    assert crm.ids("interactions", "interaction_id") == ["2"]
    assert report.rejects["line"].isna().all()
    assert "damaged or ends in the middle" in report.rejects["rule"][0]


def test_a_reference_to_an_account_nobody_brought_is_kept_and_told(crm):
    crm.put(deals=DEALS.replace("name", "account_id"))
    report = crm.load()
    assert report.rejects.empty
    assert any("deals.account_id: 2 values are in no row of accounts" in warning for warning in report.warnings)


def test_a_file_named_after_no_table_is_named_in_a_warning(crm):
    (crm.folder / "interaction.csv").write_text(CALLS)
    assert any(
        'interaction.csv not read: it is named after no table (did you mean "interactions"?)' in warning
        for warning in crm.load().warnings
    )


def test_the_rejects_file_holds_file_line_column_value_and_rule(crm):
    crm.put(interactions=CALLS.replace("I1,D1,call", "I1,D1,cal"))
    report = crm.load()
    written = pd.read_csv(report.rejects_path)
    assert written.columns.tolist() == ["file", "line", "column", "value", "rule"]
    assert written.loc[0, ["line", "column", "value"]].tolist() == [2, "kind", "cal"]


def test_every_row_read_is_loaded_repeated_or_refused(crm):
    crm.put(
        deals=DEALS + "D1,Other,sales,EUR,2026-01-05T09:00:00Z\nD3,Gears,sales,?,x\nD4\n",
        interactions=CALLS + "I2,D2,email,2026-01-08T09:00:00Z,2026-01-08T09:00:00Z\nI3,D3,call,x,y\n",
    )
    for counts in crm.load().tables.values():
        assert counts.read == counts.good + counts.repeated + counts.refused
        assert counts.good == counts.new + counts.changed + counts.same


@pytest.mark.parametrize("name", ["nothing", "deals.xlsx", "opportunities.csv"])
def test_a_source_that_is_no_table_is_a_clear_error(crm, name):
    if name != "nothing":
        (crm.folder / name).write_text(DEALS)
    with pytest.raises(SchemaError, match=r"is not there|is neither CSV nor Parquet|is named after no table"):
        import_files([crm.folder / name], crm.store, rejects_path=crm.folder.parent / "rejects.csv")


def test_a_ledger_is_not_imported(crm):
    (crm.folder / "scores.csv").write_text("deal_id\nD1\n")
    assert any("scores.csv not read" in warning for warning in crm.load().warnings)
