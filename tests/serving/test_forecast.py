"""The manager's two questions."""

from datetime import timedelta
from decimal import Decimal

import pytest

from reports.at_risk import at_risk

pytestmark = pytest.mark.slow


def rows(answer) -> list[dict]:
    return [row for period in answer.json()["periods"] for row in period["rows"]]


def cents(row: dict, name: str) -> Decimal:
    return Decimal(row[name]["amount"])


@pytest.mark.parametrize(
    ("period", "names"),
    [("this", ["FY2026 Q1"]), ("next", ["FY2026 Q2"]), ("both", ["FY2026 Q1", "FY2026 Q2"])],
)
def test_periods_can_be_chosen(client, period, names):
    answer = client.get("/v1/forecast", params={"period": period})
    assert [entry["name"] for entry in answer.json()["periods"]] == names


@pytest.mark.parametrize(
    ("unit", "n", "names"),
    [
        ("week", 2, ["Week of 2026-03-30", "Week of 2026-04-06"]),
        ("month", 3, ["FY2026 M03", "FY2026 M04", "FY2026 M05"]),
        ("quarter", 1, ["FY2026 Q1"]),
        ("year", 2, ["FY2026", "FY2027"]),
    ],
)
def test_any_period_of_the_fiscal_calendar_is_forecast(client, unit, n, names):
    answer = client.get("/v1/forecast", params={"unit": unit, "periods": n})
    assert [entry["name"] for entry in answer.json()["periods"]] == names


def test_periods_follow_the_companys_own_calendar(store, make_client, hand_made):
    """A year of weeks from Sunday 1 February: its second month has five of them, the last from 29 March."""
    settings = {"fiscal_year_start_month": "2", "fiscal_pattern": "4-5-4", "week_start": "sunday"}
    records = [{"setting": name, "value": value} for name, value in settings.items()]
    store.write("calendar", hand_made.rows("calendar", *records))
    store.append("scores", hand_made.all_scores())
    client, found = make_client(store), {}
    for unit in ("week", "month", "quarter"):
        (period,) = client.get("/v1/forecast", params={"unit": unit, "periods": 1}).json()["periods"]
        found[unit] = (period["name"], period["start"], period["end"])
    assert found == {
        "week": ("FY2027 W09", "2026-03-29", "2026-04-05"),
        "month": ("FY2027 M02", "2026-03-01", "2026-04-05"),
        "quarter": ("FY2027 Q1", "2026-02-01", "2026-05-03"),
    }


def test_the_page_shows_months_too_with_the_working_days_left(client, store, hand_made):
    """Until the end of March, a Tuesday, two days are left; of April's 22 one is a holiday."""
    store.write("calendar", hand_made.rows("calendar", {"setting": "holiday", "value": "2026-04-03"}))
    text = client.get("/manager", params={"unit": "month"}).text
    assert "This month: FY2026 M03" in text
    assert "until 31 Mar 2026, 2 working days left" in text
    assert "until 30 Apr 2026, 21 working days" in text
    assert "This quarter: FY2026 Q1" in client.get("/manager").text


def test_an_owner_who_changed_team_in_the_period_is_named(store, make_client, hand_made):
    """Ines won 9,000 on 18 March in West, and is in South since the 20th."""
    at = hand_made.as_of.replace(day=20)
    move = {"user_id": "U1", "field": "team", "changed_at": at, "seq": 0, "known_at": at}
    store.write("user_changes", hand_made.rows("user_changes", move | {"old_value": "West", "new_value": "South"}))
    store.append("scores", hand_made.all_scores())
    client = make_client(store)
    answer = client.get("/v1/forecast", params={"level": "team", "period": "this"})
    closed = {row["id"]: row["closed"]["amount"] for row in rows(answer)}
    assert (closed["West"], closed["South"]) == ("9000.00", "0.00")
    (moved,) = answer.json()["moved_owners"]
    assert list(moved.values()) == ["U1", "Ines Ferreira", "team", "West", "South", "2026-03-20"]
    assert "Ines Ferreira moved on 20 Mar 2026 from team West to South" in client.get("/manager").text


def test_what_was_won_counts_where_it_was_won(client):
    this, following = rows(client.get("/v1/forecast"))
    assert (this["closed"], this["n_won"]) == ({"amount": "9000.00", "currency": "EUR"}, 1)
    assert (following["closed"]["amount"], following["n_won"]) == ("0.00", 0)


@pytest.mark.parametrize("figure", ["closed", "open_expected", "new_expected", "expected", "stage_weighted"])
def test_teams_and_owners_sum_to_the_whole_to_the_cent(client, figure):
    for period in ("this", "next"):
        sums = [
            sum(
                cents(row, figure)
                for row in rows(client.get("/v1/forecast", params={"period": period, "level": level}))
            )
            for level in ("whole", "team", "owner")
        ]
        assert sums[0] == sums[1] == sums[2]


def test_the_range_is_in_order_and_above_what_is_won(client):
    for row in rows(client.get("/v1/forecast", params={"level": "owner"})):
        assert cents(row, "closed") <= cents(row, "p10") <= cents(row, "p50") <= cents(row, "p90")
        parts = (cents(row, name) for name in ("closed", "open_expected", "new_expected"))
        assert cents(row, "expected") == sum(parts)


def test_it_says_which_rates_it_used_and_what_it_could_not_count(client):
    answer = client.get("/v1/forecast")
    assert answer.json()["rates"] == [{"currency": "USD", "rate": 0.9, "day": "2026-03-02"}]
    assert answer.json()["missing_rates"] == [{"currency": "XXX", "day": "2026-03-29", "n_deals": 1}]
    assert (rows(answer)[0]["n_imputed"], rows(answer)[0]["n_without_rate"]) == (1, 1)
    assert "good and bad quarters" in answer.json()["ranges_cover"]
    assert answer.json()["ranges_measured"] is None
    assert rows(answer)[0]["range_coverage"] is None


def test_how_often_ranges_held_in_a_backtest_stands_beside_each(client, store, hand_made):
    store.append("backtests", hand_made.backtested())
    this, following = rows(client.get("/v1/forecast"))
    assert (this["range_coverage"], this["n_range_forecasts"], this["range_like"]) == (0.857, 14, "whole")
    assert (following["range_coverage"], following["n_range_forecasts"]) == (None, 0)
    owners = rows(client.get("/v1/forecast", params={"level": "owner", "period": "this"}))
    assert {(row["range_coverage"], row["range_like"]) for row in owners} == {(0.79, "team")}
    said = client.get("/v1/forecast").json()["ranges_measured"]
    assert "a backtest of 7 past fiscal quarters that ended by 2026-01-01, 88 days before" in said


def test_a_backtest_makes_ranges_wider_and_moves_no_middle(store, make_client, hand_made):
    store.append("scores", hand_made.all_scores())
    as_computed = '[{"level": "whole", "weeks_to_go": [14, 999], "factor": 1.0}]'
    store.append("backtests", hand_made.backtested().assign(interval_calibration=as_computed))
    (before,) = rows(make_client(store).get("/v1/forecast", params={"period": "next"}))
    later = hand_made.backtested()
    store.append("backtests", later.assign(measured_at=later["measured_at"] + timedelta(hours=1)))
    (after,) = rows(make_client(store).get("/v1/forecast", params={"period": "next"}))
    assert [after[name] for name in ("expected", "p50")] == [before[name] for name in ("expected", "p50")]
    middle = cents(before, "p50")
    assert cents(after, "p90") - middle == pytest.approx(Decimal("1.5") * (cents(before, "p90") - middle), abs=1)


LEVELS = ("whole", "team", "owner", "manager", "pipeline", "region", "segment", "product")


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_answered(client, level):
    found = rows(client.get("/v1/forecast", params={"level": level, "period": "this"}))
    assert {row["level"] for row in found} == {level}
    assert len({row["id"] for row in found}) == len(found)


def test_quotas_stand_beside_the_forecast_of_whom_they_are_of(client):
    of_owner = {row["id"]: row for row in rows(client.get("/v1/forecast", params={"level": "owner", "period": "this"}))}
    ines, nobody = of_owner["U1"], of_owner["U9"]
    assert (ines["quota"]["amount"], ines["attainment"]) == ("18000.00", 0.5)
    assert 0 < ines["reach_probability"] < 1
    assert (nobody["quota"], nobody["reach_probability"], nobody["n_without_quota"]) == (None, None, 1)
    (whole,) = rows(client.get("/v1/forecast", params={"period": "this"}))
    assert (whole["quota"]["amount"], whole["n_without_quota"]) == ("18000.00", 3)


def test_a_slip_of_the_key_is_answered_with_what_was_meant(client):
    (refused,) = client.get("/v1/forecast", params={"level": "regoin"}).json()["errors"]
    assert refused["remedy"].endswith('(did you mean "region"?)')


def test_without_scores_both_say_what_to_do(store, make_client):
    client = make_client(store)
    for path in ("/v1/forecast", "/v1/reports/at-risk"):
        assert client.get(path).status_code == 503
        assert "plumbline score" in client.get(path).json()["remedy"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, []),  # the highest, D4's, is 0.6 + 0.04
        ({"threshold": 0.5}, ["D2", "D4"]),
        ({"threshold": 0.3}, ["D1", "D3", "D2", "D4"]),
        ({"threshold": 0.3, "team": "North"}, ["D3", "D4"]),
        ({"threshold": 0.3, "owner": "U1"}, ["D1", "D2"]),
        ({"threshold": 1}, []),
    ],
)
def test_deals_at_risk_are_those_from_the_threshold_on(client, filters, expected):
    report = client.get("/v1/reports/at-risk", params=filters).json()
    assert [deal["deal_id"] for deal in report["deals"]] == expected
    assert report["total"] == len(expected)


def test_the_report_comes_in_pages_whose_sums_are_of_all(client):
    whole = client.get("/v1/reports/at-risk", params={"threshold": 0.1}).json()
    address, met = "/v1/reports/at-risk?threshold=0.1&limit=2", []
    while address:
        page = client.get(address).json()
        assert (page["total"], page["money_at_risk"]) == (whole["total"], whole["money_at_risk"])
        met += [deal["deal_id"] for deal in page["deals"]]
        address = page["next"]
    assert met == [deal["deal_id"] for deal in whole["deals"]]


def test_the_sum_at_risk_is_the_sum_of_its_deals(client):
    report = client.get("/v1/reports/at-risk", params={"threshold": 0.1}).json()
    known = [Decimal(deal["money_at_risk"]["amount"]) for deal in report["deals"] if deal["money_at_risk"]]
    assert Decimal(report["money_at_risk"]["amount"]) == sum(known)
    assert report["n_without_amount"] == len(report["deals"]) - len(known) == 2


def test_the_api_says_the_same_as_the_report(client):
    view = client.app.state.services.latest.required()
    written = at_risk(view.present, client.app.state.services.store.latest_scores(), view.rates, 0.3)
    served = client.get("/v1/reports/at-risk", params={"threshold": 0.3}).json()["deals"]
    assert [deal["deal_id"] for deal in served] == written["deal_id"].tolist()
    assert [deal["days_in_stage"] for deal in served] == written["days_in_stage"].astype(int).tolist()
    assert ["\n".join(deal["why"]) for deal in served] == written["reasons"].tolist()
    assert [deal["overdue"] for deal in served] == (written["overdue_days"] > 0).tolist()
