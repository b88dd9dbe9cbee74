"""Mapping files: what is wrong in one is told by its key, with the remedy."""

import pytest
import yaml

from crm.errors import MappingError
from crm.eventlog_mapping import EventLogMapping
from crm.export_mapping import ExportMapping
from crm.mapping import load_mapping, parse_mapping, ready_mappings

EXPORT = """
kind: export
currency: EUR
stages: [{stage: new, category: open}, {stage: won, category: won}]
files:
  - file: deals.csv
    tables:
      - table: deals
        columns: {deal_id: Id, created_at: Created}
    changes:
      - {field: stage, value: Stage, at: export}
      - {field: amount, value: Amount, at: Closed}
"""


def parse(text: str):
    return parse_mapping(yaml.safe_load(text), "my.yaml")


@pytest.mark.parametrize("name", ready_mappings())
def test_the_ready_mappings_are_found_by_name(name):
    assert isinstance(load_mapping(name), ExportMapping | EventLogMapping)


def test_a_mapping_is_found_by_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(EXPORT)
    mapping = load_mapping(path)
    assert mapping.files[0].deals.columns["deal_id"].column == "Id"
    assert mapping.files[0].changes[0].at == "export"
    assert mapping.files[0].changes[1].at.column == "Closed"


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("created_at: Created", "create_at: Created", 'deals has no column "create_at" (did you mean "created_at"?)'),
        ("deal_id: Id, ", "", "deals needs deal_id; name a column or a constant for each"),
        ("table: deals", "table: deal", 'there is no table "deal" (did you mean "deals"?)'),
        ("currency: EUR", "currncy: EUR", 'the key "currncy" is unknown (did you mean "currency"?)'),
        ("currency: EUR", "currency: EURO", 'currency: "EURO" is no currency of ISO 4217'),
        ("currency: EUR", "", "deals have no currency; write `currency: EUR` at the top"),
        ("kind: export", "kind: exprot", 'kind is "exprot" (did you mean "export"?); write `kind: export`'),
        ("kind: export", "", "write `kind: export` or `kind: event_log` at the top"),
        ("category: won", "category: wonn", "stages[1].category"),
        ("file: deals.csv", "file: deals.csv\n    encoding: cp-1252x", 'files[0].encoding: "cp-1252x" is no encoding'),
        ("file: deals.csv", "file: deals.csv\n    time_zone: Mars", 'files[0].time_zone: "Mars" is no time zone'),
        ("value: Stage", "value: {column: Stage, constant: 1}", "name either a column of the file or a constant"),
        ("value: Stage, ", "", "files[0].changes[0].value"),
        ("table: deals", "table: deal_changes", "deal_changes are written under changes"),
    ],
)
def test_a_mistake_names_its_key_and_the_remedy(was, becomes, told):
    assert was in EXPORT
    with pytest.raises(MappingError) as error:
        parse(EXPORT.replace(was, becomes))
    assert str(error.value).startswith("my.yaml: ")
    assert told in str(error.value)


def test_a_change_in_a_file_without_deals_must_say_whose_it_is():
    with pytest.raises(MappingError, match=r"files\[0\]: the change of stage names no deal"):
        parse(
            EXPORT.replace("table: deals", "table: accounts").replace(
                "deal_id: Id, created_at: Created", "account_id: Id"
            )
        )


def test_several_mistakes_are_told_at_once():
    with pytest.raises(MappingError) as error:
        parse(EXPORT.replace("category: won", "category: x").replace("table: deals", "table: deal"))
    assert "stages[1].category" in str(error.value)
    assert 'no table "deal"' in str(error.value)


def test_an_unknown_name_is_answered_with_the_nearest_ready_mapping():
    with pytest.raises(MappingError, match=r'no mapping maven_cmr \(did you mean "maven_crm"\?\)'):
        load_mapping("maven_cmr")


def test_a_file_that_is_no_yaml_says_where(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("kind: export\n files: [")
    with pytest.raises(MappingError, match=r"(?s)is not YAML: .*line 2"):
        load_mapping(path)


def test_an_unknown_kind_of_interaction_is_answered_with_the_nearest():
    text = """
kind: event_log
events: ["*.xes"]
currency: EUR
stages: [{stage: a, category: open, activities: [a]}]
interactions: [{kind: cal, activities: [b]}]
"""
    with pytest.raises(
        MappingError, match=r'interactions\[0\].kind: "cal" is no kind of interaction \(did you mean "call"'
    ):
        parse(text)
