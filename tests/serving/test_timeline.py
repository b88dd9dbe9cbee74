"""The history of a deal as sentences."""

from datetime import UTC, datetime

import pytest

from serving.timeline import timeline

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "old", "new", "sentence"),
    [
        ("stage", None, "lead", "Stage set to lead"),
        ("stage", "lead", "proposal", "Stage changed from lead to proposal"),
        ("amount", "1200.00", "1500.5", "Amount changed from EUR 1,200 to EUR 1,500.50"),
        ("amount", "1200.00", None, "Amount cleared, was EUR 1,200"),
        ("amount", None, "a lot", "Amount set to a lot"),
        ("close_date", "2026-03-10", "2026-03-09", "Close date changed from 10 Mar 2026 to 9 Mar 2026, 1 day earlier"),
        ("close_date", None, "soon", "Close date set to soon"),
        ("owner_id", "U1", "U2", "Owner changed from Ines to U2"),
        ("next_step", None, None, "Next step cleared"),
    ],
)
def test_a_change_is_a_sentence(hand_made, field, old, new, sentence):
    change = {"deal_id": "D1", "field": field, "changed_at": AT, "seq": 0, "known_at": AT}
    changes = hand_made.rows("deal_changes", change | {"old_value": old, "new_value": new})
    told = timeline(changes, hand_made.rows("interactions"), {"U1": "Ines"}, "EUR")
    assert [entry.sentence for entry in told] == [sentence]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"kind": "email", "direction": "inbound"}, "Email from the customer"),
        ({"kind": "call", "duration_s": 60.0}, "Call, 1 minute"),
        ({"kind": "call", "duration_s": 5.0, "outcome": "no answer"}, "Call, no answer"),
        ({"kind": "note"}, "Note"),
    ],
)
def test_an_interaction_is_a_sentence(hand_made, more, sentence):
    row = {"interaction_id": "I", "deal_id": "D1", "occurred_at": AT, "known_at": AT} | more
    told = timeline(hand_made.rows("deal_changes"), hand_made.rows("interactions", row), {}, "EUR")
    assert [entry.sentence for entry in told] == [sentence]
