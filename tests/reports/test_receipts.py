"""Cash comes in when payment terms say, by month, and adds up to the cent."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.coming import months
from crm.fiscal import Period
from crm.payment_terms import due_days, parsed_terms
from reports.final_amounts import FinalAmounts
from reports.forecast_deals import AS_THEY_ARE, chances_within, open_deals, won_deals
from reports.forecast_learned import Learned
from reports.new_deals import Creation
from reports.open_receipts import first_closings, open_receipts
from reports.payment_schedules import schedules, usual_terms
from reports.receipts import LEVELS, PARTS, Receipts, receipts
from reports.shock_fit import ShockFit
from reports.shocks import Shock

AS_OF = pd.Timestamp("2026-11-16", tz="UTC")
OFF = np.array(["2026-12-25", "2027-01-01"], "M8[D]")
HOLIDAYS = pd.DataFrame({"setting": "holiday", "value": ["2026-12-25", "2027-01-01"]}).astype("str")
WON = {"stage_category": "won", "stage": "Won", "closed_at": "2026-11-10"}
TERMS = ("net 30", "due on receipt", "net 60 EOM", "50% upfront, 50% net 60", "monthly", "as agreed")


def lines_of(*terms: str | None) -> str:
    rows = [f"D{n} | P1 | 1 | 10 | {text or ''}" for n, text in enumerate(terms, start=1)]
    return "\n".join(["deal_id | product_id | quantity | unit_price | payment_terms", *rows])


def learned_of(per_day: float = 0.0, shock: float = 0.0) -> Learned:
    """So many deals a day, of which a quarter are won after 20 days and bring 100.00 each."""
    won_by = np.where(np.arange(400) < 20, 0.0, 0.25)
    creation = Creation(AS_OF.to_pydatetime(), per_day, np.ones(12), won_by, 10_000.0, 0.0, {})
    fit = ShockFit(Shock(shock), shock, shock, shock, 8)
    return Learned(AS_OF.to_pydatetime(), creation, {"pipeline": {"new": 1.0}}, AS_THEY_ARE, fit)


@pytest.fixture(scope="session")
def receipts_of(present_of, scores_of, tables_with, rates) -> Callable[..., Receipts]:
    """The receipts of deals D1, D2, ... whose line items have these terms, if any."""

    def made(*deals: dict, scores=None, terms: tuple = (), spans=None, learned=None, final=AS_THEY_ARE) -> Receipts:
        tables = tables_with(**({"line_items": lines_of(*terms)} if terms else {}))
        known = present_of(*deals)
        scored = scores_of(*([{}] * len(deals) if scores is None else scores))
        still_open = open_deals(known, scored, tables["stages"], rates, final)
        won = won_deals(known, rates, tables["fx_rates"])
        spans = months(AS_OF, 6) if spans is None else spans
        return receipts(still_open, won, tables | {"calendar": HOLIDAYS}, rates, AS_OF.to_pydatetime(), spans, learned)

    return made


def whole(found: Receipts) -> pd.DataFrame:
    return found.rows[found.rows["level"] == "whole"].set_index("period")


def test_a_won_deal_is_paid_when_it_is_due(receipts_of):
    """Closed on Tuesday 10 November: due on receipt that day, in 30 days on Thursday 10 December."""
    found = whole(receipts_of(WON, WON | {"amount": 300.0}, terms=("net 30", "due on receipt")))
    assert found["received"].tolist() == [300, 0, 0, 0, 0, 0]
    assert found["due"].tolist() == [0, 1000, 0, 0, 0, 0]
    assert (found["p10"] == found["expected"]).all()


def test_what_is_due_on_a_holiday_at_the_end_of_a_month_comes_in_the_next(receipts_of):
    """30 days after 1 December is New Year's Eve; after 2 December it is New Year, a Friday: Monday the 4th."""
    won = [WON | {"closed_at": day} for day in ("2026-11-01", "2026-11-02")]
    assert whole(receipts_of(*won, terms=("net 60", "net 60")))["due"].tolist() == [0, 1000, 1000, 0, 0, 0]


def test_an_open_deal_by_hand(receipts_of):
    """Won with 46 % within 46 days, evenly, from 16 November on: 15 of them in November, 31 in December."""
    found = whole(receipts_of({}, terms=("due on receipt",), scores=[{"win_within": [[46, 0.46]]}]))
    # 28 and 29 November are a weekend, whose money comes on Monday the 30th.
    assert found["open_expected"].tolist() == [150, 310, 0, 0, 0, 0]
    assert found["p90"].tolist() == [1000, 1000, 0, 0, 0, 0]
    later = whole(receipts_of({}, terms=("net 60",), scores=[{"win_within": [[46, 0.46]]}]))
    # Due on a weekend at the end of January (won on 1 and 2 December) or February (29 and 30): on the Monday after.
    assert later["open_expected"].tolist() == [0, 0, 150, 280, 30, 0]


def test_parts_of_a_deal_come_one_by_one(receipts_of):
    terms = ("50% upfront, 50% net 60",)
    found = whole(receipts_of({}, terms=terms, scores=[{"win_within": [[15, 1.0]]}]))
    assert found["open_expected"].tolist() == [500, 0, 500, 0, 0, 0]
    assert found["p10"].tolist() == [500, 0, 500, 0, 0, 0]
    assert whole(receipts_of(WON, terms=terms))["due"].tolist() == [0, 0, 500, 0, 0, 0]


def test_what_has_no_terms_that_are_understood_takes_the_usual_ones_and_is_counted(receipts_of):
    found = receipts_of({}, {}, {}, {}, WON, terms=("net 60", "60 days", "as agreed", None))
    assert (found.usual.text, found.usual.not_understood) == ("60 days", {"as agreed": 1})
    assert (found.n_deals, found.n_by_usual) == (4, 2)
    assert whole(found)["due"].tolist() == [0, 0, 1000, 0, 0, 0]
    assert receipts_of({}).usual.text == "net 30"


def test_lines_of_a_deal_are_paid_each_by_its_terms(tables_with):
    lines = lines_of("net 30", "net 60").replace("D2 | P1 | 1 | 10", "D1 | P2 | 3 | 10")
    items = tables_with(line_items=lines)["line_items"]
    found = schedules(pd.Series(["D1"]), items, usual_terms(items))
    assert ([due.days for due in found.dues], found.share.tolist()) == ([30, 60], [[0.25, 0.75]])


def test_what_is_missing_is_said(receipts_of):
    deals = [{}, {"amount": None}, {"currency": "CHF"}, {}, WON | {"amount": None}, WON | {"currency": "CHF"}]
    found = receipts_of(*deals, scores=[{}, {}, {}])
    counts = (found.n_imputed, found.n_without_rate, found.n_without_score, found.n_won_without_amount)
    assert counts == (1, 1, 1, 2)


def test_a_won_deal_still_to_be_paid_is_worth_what_its_currency_is_worth_now(receipts_of):
    assert whole(receipts_of(WON | {"currency": "USD"}))["due"].sum() == 800


def test_a_credit_lowers_what_comes_in(receipts_of):
    found = whole(
        receipts_of({}, {"amount": -200.0}, WON | {"amount": -50.0}, scores=[{"win_within": [[14, 1.0]]}] * 2)
    )
    assert found["expected"].tolist() == [0, 750, 0, 0, 0, 0]
    assert found["p10"].tolist() == found["p90"].tolist() == [0, 750, 0, 0, 0, 0]


def test_a_single_deal_of_half_the_pipeline_shows_in_the_range(receipts_of):
    deals = [{"amount": 1000.0}, *[{"amount": 10.0}] * 100]
    month = whole(
        receipts_of(*deals, scores=[{"win_within": [[15, 0.4]]}] * 101, terms=("due on receipt",) * 101)
    ).iloc[0]
    assert month["p10"] == pytest.approx(340, abs=10)
    assert month["p90"] == pytest.approx(1430, abs=40)


def test_deals_to_come_are_paid_as_won_ones_were(receipts_of):
    """A deal a day, a quarter won 20 days later: 0.25 x 100.00 a day from 6 December on, half of it at once."""
    terms = ("50% upfront, 50% net 60",)
    found = whole(receipts_of(WON | {"amount": 100.0}, terms=terms, learned=learned_of(per_day=1.0)))
    assert found["new_expected"].iloc[0] == 0
    assert found["new_expected"].iloc[1] == pytest.approx(25.5 * 12.5, abs=13)
    february = found["new_expected"].iloc[3]
    assert february == pytest.approx(28 * 12.5 + 25 * 12.5, rel=0.1)
    assert (found["p10"] < found["expected"])[1:].all()


def test_without_a_pipeline_nothing_comes_in(receipts_of):
    lost = {"stage_category": "lost", "stage": "Lost", "closed_at": "2026-11-01"}
    assert whole(receipts_of(lost))[["expected", "p90"]].to_numpy().tolist() == [[0, 0]] * 6


def test_the_range_agrees_with_deals_that_are_drawn_one_by_one(receipts_of):
    """Half at once, half after 30 days, so that both may come in one month: 30 unlike deals, 40,000 draws."""
    terms, knots = "50% upfront, 50% net 30", [[10, 0.2], [60, 0.7]]
    amounts = 100.0 * (1 + np.arange(30) % 7)
    found = receipts_of(*({"amount": one} for one in amounts), terms=(terms,) * 30, scores=[{"win_within": knots}] * 30)
    rng = np.random.default_rng(0)
    drawn = np.interp(rng.random((40_000, 30)), [0, 0.2, 0.7, 0.7000001, 1], [0, 10, 60, 10_000, 10_000])
    closed = np.datetime64("2026-11-16") + np.floor(drawn).astype(int)
    came = np.zeros((40_000, 6))
    bounds = np.array([*(month.start for month in months(AS_OF, 6)), date(2027, 5, 1)], "M8[D]")
    for share, due in parsed_terms(terms):
        month = np.searchsorted(bounds, due_days(due, closed, OFF), side="right") - 1
        for k in range(6):
            came[:, k] += (amounts * share * (month == k)).sum(axis=1)
    sums = whole(found)
    for k in range(3):
        p10, p50, p90 = np.quantile(came[:, k], [0.1, 0.5, 0.9])
        near = pytest.approx([came[:, k].mean(), p10, p50, p90], abs=0.03 * p90)
        assert sums[["expected", "p10", "p50", "p90"]].iloc[k].tolist() == near


KNOTS = st.lists(
    st.tuples(st.integers(1, 200), st.floats(0, 1)), min_size=1, max_size=4, unique_by=lambda knot: knot[0]
)


@settings(max_examples=15)
@given(KNOTS, st.sampled_from([text for text in TERMS if parsed_terms(text)]))
def test_a_deals_month_is_what_its_days_say_one_by_one(knots, terms):
    """Said twice: the chance of each closing day, what is then due in the month, its mean and its variance."""
    days, chances = (sorted(one) for one in zip(*knots, strict=True))
    win_within = pd.Series([str([list(knot) for knot in zip(days, chances, strict=True)])])
    items = pd.DataFrame({"deal_id": ["D1"], "product_id": ["P"], "quantity": [1.0], "unit_price": ["1"]})
    paid = schedules(
        pd.Series(["D1"]), items.assign(payment_terms=[terms]), usual_terms(items.assign(payment_terms=""))
    )
    bounds = np.array(["2026-11-16", "2026-12-01", "2027-01-01", "2027-03-01"], "M8[D]")
    found = open_receipts(win_within, paid, first_closings(paid.dues, bounds, OFF), AS_OF.to_pydatetime())
    closed = bounds[0] + np.arange(120)
    p = np.diff(chances_within(win_within, np.arange(121).tolist())[0])
    for k in range(3):
        comes = np.zeros(120)
        for share, due in parsed_terms(terms):
            day = due_days(due, closed, OFF)
            comes += share * ((day >= bounds[k]) & (day < bounds[k + 1]))
        mean, square = (p * comes).sum(), (p * comes**2).sum()
        chance, share, spread = found.chance[0, k], found.share[0, k], found.spread[0, k]
        assert found.before[0, k + 1] - found.before[0, k] == pytest.approx(mean, abs=1e-9)
        assert chance == pytest.approx(p[comes > 0].sum(), abs=1e-9)
        assert chance * share == pytest.approx(mean, abs=1e-9)
        assert chance * share**2 * (1 + spread**2) == pytest.approx(square, abs=1e-6)


@st.composite
def books(draw: st.DrawFn) -> tuple[list[dict], tuple, list[dict]]:
    amounts = st.none() | st.decimals(-(10**4), 10**7, places=2).map(float)
    made, terms = [], []
    for state in draw(st.lists(st.sampled_from(["open", "open", "won", "lost"]), min_size=1, max_size=10)):
        closed = None if state == "open" else draw(st.sampled_from(["2026-09-01", "2026-11-14", "2025-12-30"]))
        deal = {"stage_category": state, "closed_at": closed, "amount": draw(amounts)}
        deal |= {"currency": draw(st.sampled_from(["EUR", "USD", "CHF"])), "pipeline_id": draw(st.sampled_from("ab"))}
        made.append(deal)
        terms.append(draw(st.sampled_from([*TERMS, None])))
    chances = st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted)
    return made, tuple(terms), [{"win_within": [[20, low], [136, high]]} for low, high in (draw(chances) for _ in made)]


NO_AMOUNT = {"stage_category": "open", "closed_at": None, "amount": None, "currency": "EUR", "pipeline_id": "a"}
HARDLY_ANY_CHANCE = [{"win_within": [[20, low], [136, high]]} for low, high in ((0, 0), (0, 0), (0, 0), (2e-311, 1))]


@pytest.mark.slow
@settings(max_examples=6)
@given(book=books(), per_day=st.floats(0, 2), shock=st.floats(0, 0.6))
@example(
    book=([NO_AMOUNT] * 4, ("net 30", "net 30", "due on receipt", "net 30"), HARDLY_ANY_CHANCE), per_day=0.0, shock=0.0
)
def test_groups_sum_to_the_whole_and_months_to_their_span_to_the_cent(receipts_of, book, per_day, shock):
    deals, terms, scores = book
    learned = learned_of(per_day, shock)
    found = receipts_of(*deals, scores=scores, terms=terms, learned=learned)
    rows = found.rows.assign(**{name: (100 * found.rows[name]).round() for name in (*PARTS, "expected")})
    assert (rows[list(PARTS)].sum(axis=1) == rows["expected"]).all()
    assert ((rows["p10"] <= rows["p50"]) & (rows["p50"] <= rows["p90"])).all()
    for _, month in rows.groupby("period"):
        sums = month.groupby("level")[[*PARTS, "expected"]].sum()
        some = [level for level in LEVELS if level in sums.index and (level == "pipeline" or any_won(deals))]
        assert (sums.loc[some] == sums.loc["whole"]).all(axis=None)
    span = [Period("all", date(2026, 11, 1), date(2027, 5, 1))]
    at_once = receipts_of(*deals, scores=scores, terms=terms, spans=span).rows
    for name in ("received", "due", "open_expected"):
        total = rows.loc[rows["level"] == "whole", name].sum()
        assert total == pytest.approx(100 * at_once.loc[at_once["level"] == "whole", name].sum(), abs=0.01)


def any_won(deals: list[dict]) -> bool:
    return any(deal["stage_category"] == "won" for deal in deals)


def test_amounts_that_change_widen_the_range_and_move_the_mean(receipts_of):
    final = FinalAmounts({}, {}, {}, (0.9, 0.5, 0.0))
    sure = [{"win_within": [[14, 1.0]]}]
    month = whole(receipts_of({}, scores=sure, final=final)).loc["Dec 2026"]
    assert month["open_expected"] == 900
    assert month["p10"] < 700 < 1200 < month["p90"]
