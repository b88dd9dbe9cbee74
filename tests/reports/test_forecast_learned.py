"""What history says comes back, and nothing known later is read."""

import numpy as np
import pandas as pd
import pytest

from crm.money import Rate
from crm.present import present
from crm.simulate import simulate
from crm.store_rows import frame_of
from reports.forecast_deals import grouped
from reports.forecast_learned import learn
from reports.new_parts import parts_by_level
from reports.past_stages import in_effect, stage_entries, stages_at

AS_OF = pd.Timestamp("2026-08-03", tz="UTC").as_unit("us")
RATES = {name: Rate(name, "EUR", "2026-08-02", 1.0) for name in ("EUR", "USD", "GBP")}


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text, tz="UTC")


CHANGES = """
deal_id | field  | changed_at | new_value | known_at
D1      | stage  | 2026-01-01 | Demo      |
D1      | amount | 2026-01-01 | 100       |
D1      | amount | 2026-01-09 | 120       |
D1      | stage  | 2026-02-01 | Offer     |
D1      | stage  | 2026-01-15 | Legal     | 2026-02-10
D1      | stage  | 2026-03-01 | Won       |
D1      | amount | 2026-03-01 | 90        |
"""


def test_values_hold_from_when_they_were_known_and_overtaken_ones_never_do(written):
    spans = in_effect(written(deal_changes=CHANGES)["deal_changes"], "stage", day("2026-04-01"))
    assert spans["value"].tolist() == ["Demo", "Offer", "Won"]
    assert spans["until_at"].tolist()[:2] == [day("2026-02-01"), day("2026-03-01")]


def test_amounts_are_those_in_effect_when_a_stage_was_entered(written):
    changes = written(deal_changes=CHANGES)["deal_changes"]
    entries = stage_entries(changes, pd.Series(["D1"]), day("2026-04-01"))
    assert entries[["stage", "amount"]].to_numpy().tolist() == [["Demo", 100], ["Offer", 120], ["Won", 90]]


def test_what_became_known_at_an_instant_was_not_known_as_of_it(written):
    changes = written(deal_changes=CHANGES)["deal_changes"]
    then = stages_at(changes, [day("2026-01-01"), day("2026-01-09"), day("2026-02-02")], day("2026-04-01"))
    assert then[["stage", "amount"]].to_numpy().tolist() == [["Demo", 100], ["Offer", 120]]


def test_nothing_known_later_is_read():
    tables = simulate(400, seed=5).tables | {"line_items": frame_of("line_items", [])}
    first = learn(tables, AS_OF, RATES)
    changes = tables["deal_changes"]
    later = changes["known_at"] >= AS_OF
    poisoned = changes[~later | (np.arange(len(changes)) % 2 == 0)].copy()
    poisoned.loc[(poisoned["known_at"] >= AS_OF) & (poisoned["field"] == "amount"), "new_value"] = "9999999"
    deals = tables["deals"][tables["deals"]["created_at"] < AS_OF]
    assert later.any()
    again = learn(tables | {"deal_changes": poisoned, "deals": deals}, AS_OF, RATES)
    assert (again.parts, again.final, again.shock) == (first.parts, first.final, first.shock)
    assert again.creation.per_day == first.creation.per_day
    assert (again.creation.won_by == first.creation.won_by).all()


def test_parts_of_each_level_sum_to_one_and_those_who_left_get_none():
    tables = simulate(400, seed=5).tables | {"line_items": frame_of("line_items", [])}
    deals = grouped(present(tables, AS_OF)).assign(won=lambda rows: rows["stage_category"] == "won")
    leaver = deals["owner"].iloc[-1]
    users = tables["users"].assign(active=tables["users"]["user_id"] != leaver)
    parts = parts_by_level(deals, users, tables["line_items"], AS_OF)
    assert {level: sum(part.values()) for level, part in parts.items()} == pytest.approx(dict.fromkeys(parts, 1))
    assert leaver not in parts["owner"]


def test_a_company_without_history_learns_nothing_and_says_so(written):
    learned = learn(written(), day("2026-04-01"), RATES)
    assert learned.creation.per_day == 0
    assert learned.final.overall == (1, 0, 0)
    assert learned.shock.n_periods == 0


def test_good_and_bad_quarters_come_back_as_a_shock(written):
    """Every second quarter half of 200 deals are won, in the others a tenth."""
    lines, start = [], day("2022-01-03")
    for quarter in range(12):
        for n in range(200):
            deal, came = f"D{quarter:02}-{n:03}", start + pd.Timedelta(days=91 * quarter + 60)
            ends = came + pd.Timedelta(days=60)
            won = n % 10 < (5 if quarter % 2 else 1)
            lines += [(deal, "stage", came, "Offer"), (deal, "amount", came, "100")]
            lines.append((deal, "stage", ends, "Won" if won else "Lost"))
    changes = "deal_id | field | changed_at | new_value\n" + "\n".join(" | ".join(map(str, line)) for line in lines)
    deals = "deal_id | created_at\n" + "\n".join(f"{d} | {at}" for d, field, at, value in lines if value == "Offer")
    learned = learn(written(deals=deals, deal_changes=changes), start + pd.Timedelta(days=91 * 12), RATES)
    assert 0.5 < learned.shock.scale < 2
    assert learned.shock.n_periods >= 10
