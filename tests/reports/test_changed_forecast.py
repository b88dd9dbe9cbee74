"""What changed is told from the history and the ledger, and its two ends are the forecasts of the two instants."""

from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import NotEnoughDataError
from crm.fiscal import fiscal_quarter
from reports.change_bridge import AFTER, BEFORE, LEVELS
from reports.change_instants import compared
from reports.change_notes import change_notes
from reports.changed_forecast import changed_forecast, forecast_at
from reports.forecast import forecast_rows

THEN, NOW = pd.Timestamp("2026-11-02", tz="UTC"), pd.Timestamp("2026-11-16", tz="UTC")
LONG_AGO = pd.Timestamp("2026-09-21", tz="UTC")
PERIODS = [fiscal_quarter(date(2026, 11, 16), 1), fiscal_quarter(date(2027, 1, 1), 1)]
USERS = """
user_id | name | manager_id | team
U1      | Ann  | M1         | North
U2      | Ben  | M1         | North
U3      | Cleo | H          | South
M1      | Mia  | H          | North
H       | Hal  |            |
"""
RATES = """
currency | quote_currency | day        | rate
USD      | EUR            | 2026-09-01 | 0.8
USD      | EUR            | 2026-11-10 | 0.9
GBP      | EUR            | 2026-11-10 | 1.2
"""
ACCOUNTS = "account_id | region | size\nA1 | EU | small\nA2 | US | large"
FIRST = "2026-08-03"


def reasons(win: float, base: float = 0.2) -> list[dict]:
    return [{"signal": "calls", "group": "engagement", "points": win - base, "value": 1.0, "sentence": "Calls; more"}]


@pytest.fixture(scope="session")
def company(written):
    """Tables of deals, each with its changes as ``(day, field, value)``."""

    def made(*deals: dict):
        lines = {"deals": "deal_id | account_id | currency | created_at", "deal_changes": ""}
        lines["deal_changes"] = "deal_id | field | changed_at | seq | new_value"
        for n, deal in enumerate(deals, start=1):
            given = {"account_id": "A1", "currency": "EUR", "created_at": FIRST} | deal
            lines["deals"] += f"\nD{n} | {given['account_id']} | {given['currency']} | {given['created_at']}"
            for seq, (day, field, value) in enumerate(given["changes"]):
                lines["deal_changes"] += f"\nD{n} | {field} | {day} | {seq} | {value}"
        return written(users=USERS, fx_rates=RATES, accounts=ACCOUNTS, **lines)

    return made


@pytest.fixture(scope="session")
def scored(scores_of):
    """Scores as of an instant: chances of D1, D2, ... by 20, by 60 and by 150 days; None for one that has none."""

    def made(as_of, version, *chances):
        rows = [
            {
                **{"deal_id": f"D{n}", "as_of": as_of, "model_version": version, "win_probability": within[-1]},
                "win_within": [[20, within[0]], [60, within[1]], [150, within[2]]],
                "win_reasons": reasons(within[-1]),
            }
            for n, within in enumerate(chances, start=1)
            if within is not None
        ]
        return scores_of(*rows)

    return made


def opened(amount="1000", close="2026-12-20", owner="U1", day=FIRST):
    return [(day, "stage", "Demo"), (day, "amount", amount), (day, "close_date", close), (day, "owner_id", owner)]


SURE, LIKELY, UNLIKELY = (1.0, 1.0, 1.0), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


def changed_of(tables, before, after, ask=None):
    ends = [forecast_at(tables, scores, "EUR", PERIODS) for scores in (before, after)]
    return changed_forecast(*ends, tables["stages"], ask), ends


def told(changed, deal_id):
    rows = changed.deals[changed.deals["deal_id"] == deal_id]
    return dict(zip(["cause", "cents"], rows[["cause", "cents"]].iloc[0], strict=True))


def test_what_happened_to_deals_is_read_off_their_history(company, scored):
    tables = company(
        {"changes": [*opened(), ("2026-11-05", "close_date", "2027-01-20")]},
        {"changes": [*opened(), ("2026-11-05", "stage", "Won")]},
        {"changes": [*opened(), ("2026-11-05", "owner_id", "U3")]},
        {"changes": [*opened(), ("2026-11-05", "amount", "1500")]},
        {"changes": opened(day="2026-11-05"), "created_at": "2026-11-05"},
        {"changes": [*opened(), ("2026-11-05", "stage", "Lost")]},
    )
    scores = scored(THEN, "1", *[LIKELY] * 4, None, LIKELY), scored(NOW, "1", UNLIKELY, None, *[LIKELY] * 3)
    changed = changed_of(tables, *scores)[0][0]
    assert told(changed, "D1") == {"cause": "pushed out", "cents": -25_000}
    assert told(changed, "D2") == {"cause": "won", "cents": 50_000}
    assert told(changed, "D3") == {"cause": "owner moved", "cents": 0}
    assert told(changed, "D4") == {"cause": "amount up", "cents": 25_000}
    assert told(changed, "D5") == {"cause": "created", "cents": 50_000}
    assert told(changed, "D6") == {"cause": "lost", "cents": -50_000}


def test_rates_and_what_is_learned_of_amounts_are_told_apart_from_the_deals(company, scored):
    """USD went from 0.8 to 0.9; the deal won since brought twice what it was in Demo, and so others may."""
    won = [*opened("500"), ("2026-11-05", "amount", "1000"), ("2026-11-05", "stage", "Won")]
    tables = company({"changes": opened(), "currency": "USD"}, {"changes": won})
    changed = changed_of(tables, scored(THEN, "1", LIKELY, LIKELY), scored(NOW, "1", LIKELY))[0][0]
    row = changed.deals.set_index("deal_id").loc["D1"]
    assert row[["rates_cents", "growth_cents", "own_cents"]].tolist() == [5_000, 45_000, 0]


@pytest.mark.slow
def test_the_model_in_use_is_asked_about_the_old_facts_and_told_apart(company, scored):
    tables = company({"changes": opened()}, {"changes": [*opened(), ("2026-11-05", "stage", "Lost")]})
    asked = []

    def ask(as_of, deal_ids, version):
        asked.append((as_of, deal_ids, version))
        return scored(as_of, version, (0.75, 0.75, 0.75), LIKELY)

    scores = scored(THEN, "1", LIKELY, LIKELY), scored(NOW, "2", SURE)
    changed = changed_of(tables, *scores, ask)[0][0]
    assert asked == [(THEN, ["D1", "D2"], "2")]
    row = changed.deals.set_index("deal_id").loc["D1"]
    assert (row["model_cents"], row["own_cents"], row["own_cause"]) == (25_000, 25_000, "probability up")
    assert changed.by_signal.set_index("group")["cents"].to_dict() == {"engagement": 25_000}
    untold = changed_of(tables, *scores)[0][0].deals.set_index("deal_id").loc["D1"]
    assert (untold["own_cause"], untold["own_cents"]) == ("new model", 50_000)


def test_a_model_that_stayed_is_not_asked(company, scored):
    def ask(*_):
        raise AssertionError

    tables = company({"changes": opened()})
    changed = changed_of(tables, scored(THEN, "1", LIKELY), scored(NOW, "1", SURE), ask)[0][0]
    assert told(changed, "D1") == {"cause": "probability up", "cents": 50_000}


def test_what_cannot_be_counted_is_counted_and_said(company, scored):
    deals = [{"changes": opened()}, {"changes": [(FIRST, "stage", "Demo")]}, {"changes": opened(), "currency": "GBP"}]
    tables = company(*deals, {"changes": opened()})
    found, ends = changed_of(tables, scored(THEN, "1", *[LIKELY] * 3), scored(NOW, "1", *[LIKELY] * 4))
    assert change_notes(*ends, 0) == [
        "1 open deal without an amount: counted with the usual one (1 before).",
        "0 open deals in a currency without a rate: they add nothing (1 before).",
        "0 open deals without a score: they add nothing (1 before).",
    ]
    causes = found[0].deals.set_index("deal_id")["cause"]
    assert (causes["D3"], causes["D4"]) == ("exchange rates", "probability up")


def test_a_deal_that_was_not_known_then_is_new_however_old_it_is(company, scored):
    late = company({"changes": opened()}, {"changes": opened()})
    late["deal_changes"].loc[late["deal_changes"]["deal_id"] == "D2", "known_at"] = THEN
    changed = changed_of(late, scored(THEN, "1", LIKELY), scored(NOW, "1", LIKELY, LIKELY))[0][0]
    assert told(changed, "D2") == {"cause": "created", "cents": 50_000}


@pytest.mark.parametrize("instants", [[], [NOW]])
def test_without_two_batches_of_scores_it_says_what_to_do(instants):
    with pytest.raises(NotEnoughDataError, match="There are no scores" + " from before 2026-11-16" * bool(instants)):
        compared([instant.to_pydatetime() for instant in instants])


def test_a_day_before_all_scores_is_compared_with_the_oldest_and_no_day_is_compared_with_itself():
    instants = [one.to_pydatetime() for one in (LONG_AGO, THEN, NOW)]
    assert compared(instants, since=date(2020, 1, 1)) == (instants[0], instants[2])
    assert compared(instants, since=NOW.date(), until=NOW.date()) == (instants[1], instants[2])
    with pytest.raises(NotEnoughDataError, match="the oldest are as of 2026-09-21"):
        compared(instants, until=date(2020, 1, 1))


DAYS = st.sampled_from(["2026-09-10", "2026-10-05", "2026-11-02", "2026-11-03", "2026-11-12", "2026-11-16"])
CHANGE = st.one_of(
    st.tuples(DAYS, st.just("stage"), st.sampled_from(["Demo", "Offer", "Won", "Lost"])),
    st.tuples(DAYS, st.just("amount"), st.integers(-500, 10**6).map(str)),
    st.tuples(DAYS, st.just("close_date"), st.sampled_from(["2026-09-30", "2026-12-31", "2027-01-01"])),
    st.tuples(DAYS, st.just("owner_id"), st.sampled_from(["U1", "U2", "U3", "M1", "U9"])),
)
CHANCES = st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted)


@st.composite
def histories(draw):
    """Deals of several owners, regions and currencies with random histories, and their scores at two instants."""
    deals = []
    for _ in range(draw(st.integers(1, 8))):
        changes = [
            *opened(draw(st.sampled_from(["0", "999.99", "12345.67"])), owner=draw(st.sampled_from(["U1", "U3"])))
        ]
        day = draw(st.sampled_from([FIRST, FIRST, "2026-11-05"]))
        more = sorted(draw(st.lists(CHANGE, max_size=5)))
        bare = [(day, *rest) for _, *rest in changes[: draw(st.sampled_from([4, 4, 3, 1]))]]
        currency = draw(st.sampled_from(["EUR", "USD", "GBP", "CHF"]))
        account = draw(st.sampled_from(["A1", "A2", "A9"]))
        changes = [*bare, *(change for change in more if change[0] >= day)]
        deals.append({"changes": changes, "currency": currency, "account_id": account, "created_at": day})
    since = draw(st.sampled_from([LONG_AGO, THEN]))
    scores = [[draw(st.none() | CHANCES) if n else draw(CHANCES) for n in range(len(deals))] for _ in range(3)]
    return deals, since, draw(st.sampled_from(["1", "2"])), scores


@pytest.mark.slow
@settings(max_examples=8)
@given(histories(), st.booleans())
def test_both_ends_are_the_forecasts_to_the_cent_and_causes_sum_to_the_difference(company, scored, history, in_use):
    deals, since, version, scores = history
    tables = company(*deals)
    issued = scored(since, version, *scores[0]), scored(NOW, "2", *scores[1])
    again = scored(since, "2", *scores[2])
    found, ends = changed_of(tables, *issued, (lambda *_: again) if in_use else None)
    made = [forecast_rows(at.basis) for at in ends]
    for changed in found:
        rows = changed.bridge
        for which, forecasts in zip((BEFORE, AFTER), made, strict=True):
            of_period = forecasts[(forecasts["period"] == changed.period.name) & forecasts["level"].isin(LEVELS)]
            cents = {(row.level, row.id): round(100 * row.expected) for row in of_period.itertuples()}
            ends = rows[rows["cause"] == which].set_index(["level", "id"])["cents"]
            assert {k: v for k, v in ends.items() if v} == {k: v for k, v in cents.items() if v}
        signed = rows["cents"].where(rows["cause"] != AFTER, -rows["cents"])
        assert (signed.groupby([rows["level"], rows["id"]]).sum() == 0).all()
