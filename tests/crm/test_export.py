"""Exports of the present, read through a mapping; and the ready mapping of a public sample."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import yaml

from crm.errors import SchemaError
from crm.import_report import ImportReport
from crm.importer import import_files
from crm.mapping import load_mapping, parse_mapping
from crm.store import Store, open_store

pytestmark = pytest.mark.slow

MAVEN = Path(__file__).parents[3] / "shared" / "data" / "maven_crm"
MAPPING = """
kind: export
pipeline: sales
currency: EUR
stages:
  - {stage: New, category: open}
  - {stage: Offer, category: open}
  - {stage: Won, category: won}
  - {stage: Lost, category: lost}
files:
  - file: "deals*.csv"
    encoding: cp1252
    delimiter: ";"
    decimal_comma: true
    thousands: "."
    dates: ["%d.%m.%Y", "%d.%m.%Y %H:%M"]
    time_zone: Europe/Berlin
    missing: ["-", "n/a"]
    tables:
      - table: deals
        columns: {deal_id: Nr, name: Titel, created_at: Angelegt}
        attributes:
          branch: Branche
          staff: {column: Mitarbeiter, type: number}
    changes:
      - {field: stage, value: {column: Phase, values: {Angebot: Offer, Neu: New}}, at: export}
      - {field: amount, value: Summe, at: export, first: creation}
      - {field: close_date, value: Abschluss, at: export}
      - {field: owner_id, value: Person, at: export}
"""
HEADER = "Nr;Titel;Angelegt;Branche;Mitarbeiter;Phase;Summe;Abschluss;Person\n"
GOOD = "1;Dübel;05.01.2026;Bau;120;Neu;12.500,50;31.03.2026;Ann\n"
FIRST, SECOND = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


class Exports:
    """Exports of one CRM, imported one after the other."""

    def __init__(self, folder: Path, store: Store) -> None:
        self.folder, self.store = folder, store

    def load(self, *lines: str, at: datetime = FIRST, mapping: str = MAPPING) -> ImportReport:
        (self.folder / "deals.csv").write_bytes((HEADER + "".join(lines)).encode("cp1252"))
        return import_files(
            [self.folder / "deals.csv"],
            self.store,
            mapping=parse_mapping(yaml.safe_load(mapping), "mapping"),
            rejects_path=self.folder / "rejects.csv",
            exported_at=at,
        )

    def changes(self, field: str) -> list[tuple]:
        """Old value, new value, day changed and day known of each change of a field, in order."""
        rows = self.store.read("deal_changes")
        rows = rows[rows["field"] == field]
        days = [rows[name].dt.strftime("%Y-%m-%d") for name in ("changed_at", "known_at")]
        old, new = (rows[name].astype(object).where(rows[name].notna(), None) for name in ("old_value", "new_value"))
        return list(zip(old, new, *days, strict=True))


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield Exports(tmp_path, store)
    store.close()


def test_columns_dates_numbers_and_words_are_read_as_declared(exports):
    assert exports.load(GOOD).rejects.empty
    deal = exports.store.read("deals").iloc[0]
    assert (deal["name"], deal["pipeline_id"], deal["currency"]) == ("Dübel", "sales", "EUR")
    assert deal["created_at"] == pd.Timestamp("2026-01-04T23:00:00Z")
    assert json.loads(deal["attributes"]) == {"branch": "Bau", "staff": 120}
    assert exports.store.read("stages")["stage"].tolist() == ["Lost", "New", "Offer", "Won"]


def test_the_first_sight_of_a_deal_gives_its_first_values(exports):
    exports.load(GOOD)
    assert exports.changes("stage") == [(None, "New", "2026-01-04", "2026-02-01")]
    assert exports.changes("close_date") == [(None, "2026-03-31", "2026-01-04", "2026-02-01")]
    # The mapping says that an amount seen first was known when the deal was created.
    assert exports.changes("amount") == [(None, "12500.50", "2026-01-04", "2026-01-04")]


def test_the_same_export_again_changes_nothing(exports):
    exports.load(GOOD)
    before = exports.store.read("deal_changes")
    again = exports.load(GOOD)
    assert again.tables["deal_changes"].new == again.tables["deal_changes"].changed == 0
    pd.testing.assert_frame_equal(exports.store.read("deal_changes"), before)


def test_the_next_export_writes_just_the_differences_known_then(exports):
    exports.load(GOOD)
    report = exports.load(GOOD.replace("Neu", "Angebot").replace("12.500,50", "9.000"), at=SECOND)
    assert report.tables["deal_changes"].new == 2
    assert exports.changes("stage")[1:] == [("New", "Offer", "2026-03-01", "2026-03-01")]
    assert exports.changes("amount")[1:] == [("12500.50", "9000", "2026-03-01", "2026-03-01")]


def test_a_value_that_is_cleared_is_a_change_to_missing(exports):
    exports.load(GOOD)
    exports.load(GOOD.replace("31.03.2026", "n/a"), at=SECOND)
    assert exports.changes("close_date")[1:] == [("2026-03-31", None, "2026-03-01", "2026-03-01")]


def test_a_deal_first_seen_closed_closes_at_the_export_not_at_its_creation(exports):
    exports.load(GOOD.replace("Neu", "Won"))
    assert exports.changes("stage") == [(None, "Won", "2026-02-01", "2026-02-01")]


def test_an_export_older_than_the_last_is_told(exports):
    exports.load(GOOD, at=SECOND)
    assert any("later than this export" in warning for warning in exports.load(GOOD, at=FIRST).warnings)


@pytest.mark.parametrize(
    ("was", "becomes", "column", "rule"),
    [
        ("05.01.2026", "2026-01-05", "Angelegt", "fits none of the date formats %d.%m.%Y, %d.%m.%Y %H:%M"),
        (
            "05.01.2026",
            "29.03.2026 02:30",
            "Angelegt",
            "is skipped or comes twice when the clocks change in Europe/Berlin",
        ),
        ("05.01.2026", "-", "Angelegt", "created_at is missing; every row of deals needs one"),
        ("12.500,50", "12,5k", "Summe", 'Summe "12,5k" is not a number; write 12500,50'),
        ("12.500,50", "12,500.50", "Summe", "is not a number"),
        ("Neu", "Neuu", "Phase", 'stage "Neuu" is not one of pipeline "sales"'),
        ("31.03.2026", "31.02.2026", "Abschluss", "fits none of the date formats"),
        ("05.01.2026", "05.01.2027", None, "before the deal is created"),
    ],
)
def test_a_line_is_refused_whole_and_the_others_load(exports, was, becomes, column, rule):
    report = exports.load(GOOD.replace("1;", "2;", 1), GOOD.replace(was, becomes))
    assert set(report.rejects["line"]) == {3}
    assert report.rejects["rule"].str.contains(rule, regex=False).any()
    assert column is None or set(report.rejects["column"]) == {column}
    assert exports.store.read("deals")["deal_id"].tolist() == ["2"]
    assert set(exports.store.read("deal_changes")["deal_id"]) == {"2"}


def test_a_date_that_two_formats_read_differently_is_refused_not_guessed(exports):
    both = MAPPING.replace('["%d.%m.%Y", "%d.%m.%Y %H:%M"]', '["%d.%m.%Y", "%m.%d.%Y"]')
    clear, doubtful = GOOD.replace("05.01", "25.01"), GOOD.replace("1;", "2;", 1)
    report = exports.load(clear, doubtful, mapping=both)
    assert report.rejects["rule"].str.contains("means different days in the formats").tolist() == [True]
    assert exports.store.read("deals")["deal_id"].tolist() == ["1"]


def test_a_column_that_is_not_there_names_the_nearest(exports):
    with pytest.raises(SchemaError, match=r'deals\.csv lacks the column "Sume" \(did you mean "Summe"\?\)'):
        exports.load(GOOD, mapping=MAPPING.replace("value: Summe", "value: Sume"))


def test_a_file_that_is_not_there_is_named(exports):
    with pytest.raises(SchemaError, match=r'No file "teams\.csv" among those given'):
        exports.load(GOOD, mapping=MAPPING.replace('"deals*.csv"', "teams.csv"))


def test_a_dated_change_needs_its_date_where_the_line_says_that_it_happened(exports):
    dated = MAPPING + "      - {field: stage, value: Phase, at: {column: Abschluss}, when: {Phase: [Won]}}\n"
    report = exports.load(
        GOOD, GOOD.replace("1;", "2;", 1).replace("Neu", "Won").replace("31.03.2026", ""), mapping=dated
    )
    assert report.rejects["rule"].tolist() == [
        "Abschluss is missing; Phase on this line says that stage changed, so it needs the date"
    ]
    assert exports.store.read("deals")["deal_id"].tolist() == ["1"]


def test_a_contradicted_dated_change_is_corrected_and_the_correction_known_at_the_export(exports):
    dated = MAPPING.replace("value: Summe, at: export, first: creation", "value: Summe, at: {column: Abschluss}")
    exports.load(GOOD, mapping=dated, at=SECOND)
    third = datetime(2026, 4, 2, tzinfo=UTC)
    exports.load(GOOD.replace("12.500,50", "100"), mapping=dated, at=third)
    exports.load(GOOD.replace("12.500,50", "100"), mapping=dated, at=third)
    assert exports.changes("amount") == [
        (None, "12500.50", "2026-03-30", "2026-03-30"),
        ("12500.50", "100", "2026-03-30", "2026-04-02"),
    ]


@pytest.fixture
def maven(tmp_path: Path) -> Iterator[Exports]:
    if not MAVEN.exists():
        pytest.skip(f"the public sample is not at {MAVEN.parent.name}/{MAVEN.name} beside the project")
    store = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield Exports(tmp_path, store)
    store.close()


def test_the_maven_sample_comes_in_whole_and_once(maven):
    mapping = load_mapping("maven_crm")
    options = {"mapping": mapping, "rejects_path": maven.folder / "rejects.csv"}
    report = import_files([MAVEN], maven.store, **options)
    assert report.rejects.empty
    assert {name: counts.new for name, counts in report.tables.items() if name != "deal_changes"} == {
        "accounts": 85,
        "users": 41,
        "stages": 4,
        "deals": 8_800,
        "line_items": 8_800,
    }
    changes = maven.store.read("deal_changes").sort_values(["changed_at", "seq"], kind="stable")
    last = changes[changes["field"] == "stage"].groupby("deal_id")["new_value"].last()
    assert last.value_counts().to_dict() == {"Won": 4_238, "Lost": 2_473, "Engaging": 1_589, "Prospecting": 500}
    users = maven.store.read("users").set_index("user_id")
    assert users.loc["Moses Frase", "manager_id"] == "Dustin Brinkmann"
    assert maven.store.read("line_items")["product_id"].nunique() == 7
    again = import_files([MAVEN], maven.store, **options)
    assert all((counts.new, counts.changed) == (0, 0) for counts in again.tables.values())


def test_nothing_of_the_maven_sample_tells_how_a_deal_will_end_before_it_does(maven):
    import_files([MAVEN], maven.store, mapping=load_mapping("maven_crm"), rejects_path=maven.folder / "rejects.csv")
    changes = maven.store.read("deal_changes")
    closing = changes[changes["new_value"].isin(["Won", "Lost"]) & (changes["field"] == "stage")]
    closed_at = closing.set_index("deal_id")["changed_at"]
    early = changes[changes["known_at"] < changes["deal_id"].map(closed_at)]
    # Until a deal closes nothing is known but its first stage, list price and owner, as for every other deal.
    assert early.groupby("deal_id")["field"].agg(sorted).map(tuple).unique().tolist() == [
        ("amount", "owner_id", "stage")
    ]
    assert maven.store.read("deals")["account_id"].isna().all()
