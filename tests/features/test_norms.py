"""What crosses deals: an owner's load, win rates, usual times, rates of exchange; as of any instant."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.exchange import in_reporting_currency
from features.facts import DAY
from features.norms import PRIOR_DEALS
from features.tally import Moments
from features.usual_times import MONDAY, UsualTimes, days_of_bins, time_bins

DEALS = """
deal_id | pipeline_id | account_id | currency | created_at
D1      | new         | A1         | EUR      | 2024-01-01
D2      | new         | A1         | USD      | 2024-01-01
"""
HEADER = "deal_id | field | seq | old_value | new_value | changed_at | known_at\n"


def change(line, seq):
    deal_id, field, value, changed, *known_at = line.split()
    return f"{deal_id} | {field} | {seq} | | {'' if value == '-' else value} | {changed} | {' '.join(known_at)}"


@pytest.fixture
def norms(company, known):
    """Norms of two deals from changes: ``D1 stage Won 2024-02-01``, and when it was entered if that was later."""

    def _norms(*lines, fx_rates=None):
        changes = HEADER + "\n".join(change(line, seq) for seq, line in enumerate(lines))
        given = {"fx_rates": fx_rates} if fx_rates else {}
        return known(company(deals=DEALS, deal_changes=changes, **given))[1]

    return _norms


def number(norms, what, name):
    return norms.vocabulary.numbers(what, pd.Series([name], dtype="str"))


OPENED = ["D1 stage Demo 2024-01-01", "D1 owner_id U1 2024-01-01"]


@pytest.mark.parametrize(
    ("lines", "ann", "bob"),
    [
        pytest.param([], 1, 0, id="an open deal"),
        pytest.param(["D1 stage Lost 2024-02-01"], 0, 0, id="closed"),
        pytest.param(["D1 owner_id U2 2024-02-01"], 0, 1, id="handed over"),
        pytest.param(["D1 owner_id - 2024-02-01"], 0, 0, id="left without an owner"),
        pytest.param(["D1 stage Lost 2024-02-01", "D1 owner_id U2 2024-02-02"], 0, 0, id="handed over after closing"),
        pytest.param(["D1 stage Lost 2024-02-01", "D1 stage Demo 2024-02-02"], 1, 0, id="reopened"),
        pytest.param(
            ["D1 stage Lost 2024-02-01", "D1 owner_id U2 2024-02-02", "D1 stage Demo 2024-02-03"],
            *(0, 1),
            id="reopened under another owner",
        ),
        pytest.param(["D1 stage Won 2024-02-01", "D1 stage Lost 2024-02-02"], 0, 0, id="closed, then corrected"),
        pytest.param(["D1 stage Lost 2024-03-01 2024-03-10"], 1, 0, id="closed, but not entered yet"),
        pytest.param(
            ["D1 owner_id U2 2024-02-01", "D1 owner_id U1 2024-01-20 2024-02-02"], 0, 1, id="late entry of old"
        ),
        pytest.param(["D2 stage Won 2024-01-01", "D2 owner_id U1 2024-01-01"], 1, 0, id="closed when first seen"),
        pytest.param(["D2 stage Demo 2024-01-01", "D2 owner_id U1 2024-01-01"], 2, 0, id="two deals"),
        pytest.param(
            ["D2 stage Demo 2024-01-01", "D2 stage Won 2024-02-01", "D2 owner_id U1 2024-02-05"],
            *(1, 0),
            id="an owner only after closing",
        ),
    ],
)
def test_an_owner_has_the_open_deals_that_are_theirs(norms, at, lines, ann, bob):
    found = norms(*OPENED, *lines, "D1 owner_id U2 2024-04-01")
    owners = np.concatenate([number(found, "owner", name) for name in ("U1", "U2")])
    assert found.open_before(owners, Moments(np.full(2, at("2024-03-04")))).tolist() == [ann, bob]


@pytest.mark.parametrize(
    ("lines", "won", "closed"),
    [
        pytest.param([], 0, 0, id="open"),
        pytest.param(["D1 stage Won 2024-02-01"], 1, 1, id="won"),
        pytest.param(["D1 stage Lost 2024-02-01"], 0, 1, id="lost"),
        pytest.param(["D1 stage Lost 2024-02-01", "D1 stage Demo 2024-02-02"], 0, 0, id="reopened: never mind"),
        pytest.param(["D1 stage Lost 2024-02-01", "D1 stage Won 2024-02-02"], 1, 1, id="corrected"),
        pytest.param(["D1 stage Won 2024-03-04"], 0, 0, id="won at the very instant"),
        pytest.param(["D1 stage Won 2024-03-03 2024-03-05"], 0, 0, id="won, but not entered yet"),
        pytest.param(["D2 stage Won 2024-01-01"], 1, 1, id="closed when first seen"),
        pytest.param(["D1 stage Won 2024-02-01", "D1 stage Demo 2024-01-20 2024-02-02"], 1, 1, id="late entry of old"),
    ],
)
def test_a_deal_counts_as_closed_while_it_is(norms, at, lines, won, closed):
    found = norms(*OPENED, *lines)
    account, now = number(found, "account", "A1"), Moments(np.array([at("2024-03-04")]))
    counted = [found.closed_before("account", name, account, now)[0] for name in ("won", "closed")]
    assert counted == [won, closed]


@pytest.mark.parametrize(
    ("handed_over", "wins"), [("2024-01-31", [0, 1]), ("2024-02-01", [0, 1]), ("2024-02-02", [1, 0])]
)
def test_a_win_is_the_merit_of_who_owned_the_deal_when_it_closed(norms, at, handed_over, wins):
    found = norms(*OPENED, "D1 stage Won 2024-02-01", f"D1 owner_id U2 {handed_over}")
    owners = np.concatenate([number(found, "owner", name) for name in ("U1", "U2")])
    assert found.closed_before("owner", "won", owners, Moments(np.full(2, at(NOW)))).tolist() == wins


def test_a_stage_passed_and_closed_in_one_entry_still_counts(norms, at):
    """An import of an old deal may learn of all of its stages at once."""
    found = norms("D1 stage Demo 2024-01-01 2024-02-01", "D1 stage Won 2024-01-20 2024-02-01")
    demo = np.array([found.vocabulary.stages.names.index("Demo")])
    assert found.closed_before("stage", "closed", demo, Moments(np.array([at("2024-03-04")]))).tolist() == [1]


def test_win_rates_lean_on_all_deals_until_a_group_has_its_own(norms, at):
    found = norms(*OPENED, "D1 stage Won 2024-02-01", "D2 stage Demo 2024-01-01", "D2 stage Lost 2024-02-02")
    owner, now = np.append(number(found, "owner", "U1"), -1), Moments(np.full(2, at("2024-03-04")))
    expected = [(1 + PRIOR_DEALS * 0.5) / (1 + PRIOR_DEALS), 0.5]
    assert found.shrunken_win_rate("owner", owner, now).tolist() == expected
    assert np.isnan(found.shrunken_win_rate("owner", owner, Moments(np.full(2, at("2024-02-01"))))).all()


RATES = """
currency | quote_currency | day        | rate
USD      | EUR            | 2024-03-01 | 0.8
EUR      | USD            | 2024-03-02 | 2.0
USD      | EUR            | 2024-03-03 | 0.25
EUR      | USD            | 2024-03-03 | 5.0
USD      | EUR            | 2024-03-04 | 0
"""


@pytest.mark.parametrize(
    ("currency", "instant", "amount"),
    [
        pytest.param("EUR", "2020-01-01", 100, id="the reporting currency needs no rate"),
        pytest.param("USD", "2024-03-01T12:00", np.nan, id="the rate of a day is not known before its end"),
        pytest.param("USD", "2024-03-02", 80, id="at its end it is"),
        pytest.param("USD", "2024-03-03", 50, id="the inverse of a quote"),
        pytest.param("USD", "2024-03-04", 25, id="a quote before an inverse"),
        pytest.param("USD", "2024-06-01", 25, id="the last rate holds, a rate of zero is none"),
    ],
)
def test_amounts_are_converted_at_the_last_rate_known(norms, at, currency, instant, amount):
    found = norms(*OPENED, fx_rates=RATES)
    given = np.array([100.0]), number(found, "currency", currency), np.array([at(instant)])
    np.testing.assert_equal(in_reporting_currency(found.rates, *given), [amount])


def test_without_any_rate_only_the_reporting_currency_has_amounts(norms, at):
    found = norms(*OPENED, fx_rates="currency | quote_currency | day | rate")
    currencies = np.concatenate([number(found, "currency", name) for name in ("EUR", "USD", "XXX")])
    np.testing.assert_equal(
        in_reporting_currency(found.rates, np.ones(3), currencies, np.full(3, at(NOW))), [1, np.nan, np.nan]
    )


def test_an_answer_older_than_its_deal_is_counted_once_there_is_the_deal(company, frame, known, at):
    deal = {"deal_id": "D1", "pipeline_id": "new", "currency": "EUR", "created_at": "2024-03-05"}
    talks = [
        {"interaction_id": f"{side}{day}", "deal_id": "D1", "kind": "email", "direction": side, "occurred_at": when}
        for day in range(1, 21)
        for side, when in (("outbound", f"2024-01-{day:02}"), ("inbound", f"2024-01-{day:02}T12:00"))
    ]
    tables = company() | {"deals": frame("deals", [deal]), "interactions": frame("interactions", talks)}
    usual = known(tables)[1].days_to_reply.before(np.zeros(2, np.int64), np.array([at("2024-03-10"), at("2024-03-11")]))
    np.testing.assert_allclose(usual, [np.nan, 0.5], rtol=0.006)


NOW = "2024-03-04"
facts = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 28 * 4), st.integers(0, 50)), max_size=90)


def usual_times(group, known_at, days, n_groups, percent=80):
    counts = {"group": group, "day": known_at // DAY, "bin": time_bins(days), "count": np.ones_like(group)}
    return UsualTimes.of(counts, "group", n_groups, percent)


@settings(max_examples=60)
@given(facts=facts, group=st.integers(-1, 2), quarter_days=st.integers(-8, 28 * 4 + 60))
def test_a_usual_time_is_a_quantile_of_all_times_known_before_the_weeks_start(facts, group, quarter_days):
    groups, known_at, days = (np.array([fact[i] for fact in facts], dtype=np.int64) for i in range(3))
    known_at, at = MONDAY + known_at * DAY // 4, MONDAY + quarter_days * DAY // 4
    norm = usual_times(groups, known_at, days.astype(float), 3)
    week = MONDAY + (at - MONDAY) // (7 * DAY) * 7 * DAY
    before = [value for _, known, value in zip(groups, known_at, days, strict=True) if known < week]
    mine = [value for own, known, value in zip(groups, known_at, days, strict=True) if known < week and own == group]
    used = np.array(mine if len(mine) >= 20 else before, dtype=float)
    expected = np.quantile(used, 0.8, method="inverted_cdf") if len(used) >= 20 else np.nan
    np.testing.assert_allclose(norm.before(np.array([group]), np.array([at])), [expected], rtol=0.006)


def test_a_time_is_told_to_half_a_percent_from_an_hour_to_ten_years():
    days = np.geomspace(1 / 24, 3650, 1000)
    assert np.abs(days_of_bins(time_bins(days)) / days - 1).max() < 0.011
    assert np.abs(days_of_bins(time_bins(days[300:])) / days[300:] - 1).max() < 0.006
    assert days_of_bins(time_bins(np.zeros(1))).tolist() == [0]


def test_one_fact_of_the_year_9999_costs_one_week_not_four_hundred_thousand():
    known_at = np.append(np.arange(30), 8000 * 365) * DAY
    assert len(usual_times(np.zeros(31, np.int64), known_at, np.ones(31), 1).weeks) < 10
