"""Risks are judged once the stage's patience has passed: who stalled, who was lost, who moved on."""

import pandas as pd
import pytest

from reports.risk_accuracy import risk_accuracy

NOW = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")
DEALS = "deal_id | created_at\n" + "\n".join(f"D{n} | 2026-01-01" for n in range(1, 6))
CHANGES = """
deal_id | field | changed_at | new_value
D1      | stage | 2026-09-01 | Demo
D2      | stage | 2026-09-01 | Demo
D2      | stage | 2026-10-10 | Lost
D3      | stage | 2026-09-01 | Demo
D3      | stage | 2026-10-10 | Offer
D4      | stage | 2026-09-01 | Demo
D4      | stage | 2026-11-10 | Lost
D5      | stage | 2026-09-01 | Demo
"""


@pytest.fixture
def judge(written):
    """Judge scores of (deal, day, stalls, lost), each of which is about 30 days."""
    tables = written(deals=DEALS, deal_changes=CHANGES)

    def judged(*said: tuple[str, str, float | None, float | None]):
        scores = pd.DataFrame(said, columns=["deal_id", "as_of", "stall_risk", "lost_in_patience"])
        as_of = pd.to_datetime(scores["as_of"], utc=True).astype("datetime64[us, UTC]")
        return risk_accuracy(scores.assign(as_of=as_of, patience_days=30.0), tables, NOW)

    return judged


def test_what_stalled_was_lost_or_moved_on_within_the_patience(judge):
    """By 31 October D1 stalled, D2 was lost and D3 moved on; D4 was lost too, but later: until then it had stalled."""
    found = judge(*((deal, "2026-10-01", 0.5, 0.25) for deal in ("D1", "D2", "D3", "D4")))
    assert (found.n_scores, found.n_judged) == (4, 4)
    whole, tenth = found.bins.to_dict("records")
    assert (whole["said"], whole["came"], whole["stall_came"], whole["lost_came"]) == (0.75, 0.75, 0.5, 0.25)
    assert (tenth["from"], tenth["to"], tenth["n_deals"], tenth["n_scores"]) == (0.7, 0.8, 4, 4)
    assert tenth["came_low"] < 0.75 < tenth["came_high"]


def test_a_score_whose_patience_has_not_passed_is_not_judged(judge):
    found = judge(("D5", "2026-10-01", 0.5, 0.1), ("D5", "2026-11-09", 0.5, 0.1), ("D9", "2026-10-01", 0.5, 0.1))
    assert (found.n_scores, found.n_judged) == (3, 1)


def test_a_deal_counts_once_for_the_bounds_however_often_it_was_scored(judge):
    once = judge(("D1", "2026-10-01", 0.5, 0.2)).bins.iloc[0]
    often = judge(*(("D1", f"2026-10-0{day}", 0.5, 0.2) for day in (1, 2, 3))).bins.iloc[0]
    assert (often["n_scores"], often["n_deals"]) == (3, 1)
    assert often["came_low"] == pytest.approx(once["came_low"])


def test_without_a_told_risk_there_is_nothing_to_judge(judge):
    found = judge(("D1", "2026-10-01", None, None))
    assert (found.n_scores, found.n_judged, len(found.bins)) == (0, 0, 0)
