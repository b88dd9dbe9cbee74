"""What a company declares is looked at before it is believed."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from crm.errors import LeakError
from crm.simulate import DEMO_END
from features.declared import Custom, Declared
from training.moments import midnight
from training.own_columns import refuse_leaks

AS_OF = midnight(DEMO_END)
HONEST = (
    Custom("attribute", "seats", "number"),
    Custom("attribute", "competitor", "category"),
    Custom("attribute", "budget_confirmed", "flag"),
)


@pytest.fixture(scope="module")
def with_reason(small_company):
    """The small company with a reason that was written down for deals that were lost, and a field like it."""
    tables = dict(small_company.tables)
    changes = tables["deal_changes"]
    lost = changes[(changes["field"] == "stage") & (changes["new_value"] == "Lost")]
    deals = tables["deals"]
    is_lost = deals["deal_id"].isin(lost["deal_id"])
    documents = [
        json.dumps(json.loads(text) | ({"outcome_note": "price"} if mine else {}))
        for text, mine in zip(deals["attributes"], is_lost, strict=True)
    ]
    field = lost.assign(field="competitor_won", new_value="Acme", old_value=None)
    return tables | {"deals": deals.assign(attributes=documents), "deal_changes": pd.concat([changes, field])}


def test_honest_columns_pass(with_reason):
    refuse_leaks(with_reason, Declared(HONEST), AS_OF)


def test_without_declarations_nothing_is_looked_at(with_reason):
    refuse_leaks(with_reason, Declared(), AS_OF)


def test_an_attribute_filled_once_a_deal_is_lost_is_refused_by_name(with_reason):
    note = Custom("attribute", "outcome_note", "category")
    with pytest.raises(LeakError, match=r'"outcome_note" is filled on .* closed deals but on 0 of'):
        refuse_leaks(with_reason, Declared((*HONEST, note)), AS_OF)
    refuse_leaks(with_reason, Declared((*HONEST, replace(note, known_at_creation=True))), AS_OF)


def test_a_field_without_history_is_refused_by_name(with_reason):
    field = Custom("field", "competitor_won", "category")
    with pytest.raises(LeakError, match=r'"competitor_won" got its first value on .* only when they had closed'):
        refuse_leaks(with_reason, Declared((*HONEST, field)), AS_OF)
