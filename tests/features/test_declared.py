"""A company's own columns: declared in a file, typed, and signals like any other."""

import json
import math

import numpy as np
import pytest

from crm.errors import MappingError
from features.declared import NOTHING, Custom, Declared, load_declared
from features.histories import Histories
from features.norms import norms_of
from features.pipeline import signal_matrix, snapshot_table
from features.signals import SIGNALS, signals_of
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary

DECLARED = """
attributes:
  seats: {type: number, unit: seats}
  partner: {type: category}
  Budget OK: {type: flag, expect: more is better}
fields:
  offer: {type: category, counts: [Sent]}
  discount: {type: number}
  approved: {type: flag}
activities: [demo held]
"""
DEALS = """
deal_id | pipeline_id | currency | created_at | attributes
D1      | new         | EUR      | 2024-01-01 | {"seats": 40, "partner": "Acme", "Budget OK": true}
D2      | new         | EUR      | 2024-01-01 | {"seats": "many", "partner": "Acme"}
D3      | new         | EUR      | 2024-01-01 | {"partner": "Bolt", "Budget OK": false}
D4      | new         | EUR      | 2024-01-01 |
"""
CHANGES = """
deal_id | field    | seq | new_value | changed_at | known_at
D1      | stage    | 0   | Demo      | 2024-01-01 |
D2      | stage    | 0   | Demo      | 2024-01-01 |
D2      | stage    | 1   | Won       | 2024-02-01 |
D3      | stage    | 0   | Demo      | 2024-01-01 |
D3      | stage    | 1   | Lost      | 2024-02-01 |
D4      | stage    | 0   | Demo      | 2024-01-01 |
D1      | offer    | 0   | Sent      | 2024-01-05 |
D1      | offer    | 1   | Back      | 2024-01-06 |
D1      | offer    | 2   | Sent      | 2024-01-07 |
D1      | offer    | 3   | Signed    | 2024-03-04 |
D2      | offer    | 0   | Sent      | 2024-01-05 |
D1      | discount | 0   | 5.5       | 2024-01-05 |
D1      | discount | 1   | much      | 2024-01-06 |
D2      | discount | 0   | 7         | 2024-01-05 |
D1      | approved | 0   | yes       | 2024-01-05 |
"""
TALKS = """
interaction_id | deal_id | kind    | outcome   | occurred_at
I1             | D1      | meeting | demo held | 2024-01-05
I2             | D1      | meeting | demo held | 2024-02-27
I3             | D1      | call    | no answer | 2024-02-28
I4             | D1      | meeting | demo held | 2024-03-04
"""


@pytest.fixture
def declared(tmp_path):
    (tmp_path / "signals.yaml").write_text(DECLARED, encoding="utf-8")
    return load_declared(tmp_path / "signals.yaml")


@pytest.fixture
def own(company, declared, at):
    """The declared signals of a deal as of 2024-03-04, by name."""
    tables = company(deals=DEALS, deal_changes=CHANGES, interactions=TALKS)

    def _own(deal_id):
        histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
        norms = norms_of(histories, tables["fx_rates"], "EUR")
        deal = np.flatnonzero(histories.deal_ids == deal_id)
        row = signal_matrix(Snapshots(histories, norms, deal, np.array([at("2024-03-04")])))[0]
        found = dict(zip(signals_of(declared), row.tolist(), strict=True))
        return {name: value for name, value in found.items() if name not in SIGNALS}

    return _own


def test_each_type_becomes_what_one_expects(own):
    assert own("D1") == pytest.approx(
        {
            "attribute_seats": 40,
            "attribute_partner_win_rate": (1 + 20 * 0.5) / 21,
            "attribute_budget_ok": 1,
            # D2 was won after its offer was Sent; D1's Signed became known at the very instant.
            "field_offer_win_rate": (1 + 20 * 0.5) / 21,
            "field_offer_changes": 3,
            "field_offer_sent": 2,
            "field_discount": math.nan,
            "field_discount_changes": 2,
            "field_approved": 1,
            "field_approved_changes": 1,
            "activity_demo_held_14d": 1,
            "activity_demo_held_ever": 2,
        },
        nan_ok=True,
    )


def test_what_a_deal_does_not_have_is_missing_or_the_average(own):
    found = own("D4")
    assert {name for name, value in found.items() if math.isnan(value)} == {
        *("attribute_seats", "attribute_budget_ok", "field_discount", "field_approved")
    }
    assert found["attribute_partner_win_rate"] == found["field_offer_win_rate"] == 0.5


def test_a_number_that_is_no_number_is_missing(own):
    assert math.isnan(own("D2")["attribute_seats"])


def test_own_signals_come_last_and_read_well(company, declared, at):
    tables = company(deals=DEALS, deal_changes=CHANGES, interactions=TALKS)
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
    norms = norms_of(histories, tables["fx_rates"], "EUR")
    table = snapshot_table(Snapshots(histories, norms, np.array([0]), np.array([at("2024-03-04")])))
    assert list(table.columns[7:])[: len(SIGNALS)] == list(SIGNALS)
    said = {name: signal.sentence(table[name].iloc[0], 12) for name, signal in signals_of(declared).items()}
    assert said["attribute_seats"] == "Seats is 40 seats; 12 in deals won from this stage"
    assert said["attribute_budget_ok"] == "Budget OK is true"
    assert said["field_offer_sent"] == "Offer became Sent 2 times; 12 in deals won from this stage"
    assert said["field_discount"] == "Discount is not known"
    assert said["activity_demo_held_ever"] == "Demo held: 2 times so far; 12 in deals won from this stage"


def test_a_scorers_card_carries_the_declaration(declared):
    assert Declared.of_document(json.loads(json.dumps(declared.document()))) == declared
    assert load_declared(None) == NOTHING


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("attributes: {seats: {type: amount}}", r"attributes\.seats\.type: .*'number', 'flag' or 'category'"),
        ("attributes: {seats: {typ: number}}", r'the key "typ" is unknown \(did you mean "type"\?\)'),
        ("attribute: {}", r'the key "attribute" is unknown \(did you mean "attributes"\?\)'),
        ("fields: {amount: {type: number}}", "amount has signals already; remove it from fields"),
        ("fields: {a: {type: number, counts: [x]}}", "a is no category, so its values cannot be counted"),
        ("attributes: {a b: {type: flag}, a-b: {type: flag}}", "two columns would both be called attribute_a_b"),
        ("attributes: [", r"signals\.yaml is not YAML"),
        ("just words", r"signals\.yaml: .*dictionary"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused_by_name(tmp_path, text, says):
    path = tmp_path / "signals.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MappingError, match=says):
        load_declared(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MappingError, match=r"PLUMBLINE_SIGNALS names .*none\.yaml, which cannot be read: No such file"):
        load_declared(tmp_path / "none.yaml")


def test_a_category_named_like_a_signal_of_ours_stays_apart(company, at):
    tables = company(deals=DEALS, deal_changes=CHANGES)
    mine = Declared((Custom("attribute", "owner", "category"), Custom("field", "team", "category")))
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, mine))
    norms = norms_of(histories, tables["fx_rates"], "EUR")
    names = list(signals_of(mine))
    row = signal_matrix(Snapshots(histories, norms, np.array([0]), np.array([at("2024-03-04")])))[0]
    assert row[names.index("attribute_owner_win_rate")] == row[names.index("owner_win_rate")] == 0.5
