"""What the API says of a deal's chances: probabilities with bounds, dates, periods and reasons."""

from datetime import date

from pydantic import Field

from serving.schema_parts import Answer, Share, example

REASON = {
    "signal": "days_since_last_inbound",
    "group": "engagement",
    "value": 23.0,
    "typical": 6.0,
    "points": -0.081,
    "sentence": "No reply for 23 days; deals won from this stage were answered within 6",
}
_OTHER = {"signal": "other", "group": "other", "points": 0.011, "sentence": "All other signals together"}
_STALL_REASON = {
    "signal": "days_in_stage",
    "group": "momentum",
    "value": 31.0,
    "typical": 14.0,
    "points": 0.19,
    "sentence": "31 days in this stage; deals that were won left it within 14",
}
_WEEK = {
    "name": "30 Mar to 5 Apr",
    "start": "2026-03-30",
    "end": "2026-04-06",
    "won": 0.03,
    "lost": 0.05,
    "won_by": 0.03,
    "lost_by": 0.05,
    "open_after": 0.92,
}
_LATER = {"name": "later", "won": 0.28, "lost": 0.64, "won_by": 0.31, "lost_by": 0.69, "open_after": 0.0}
_AHEAD = {"weeks": [_WEEK, _LATER], "months": [_LATER], "quarters": [_LATER]}
SCORES = {
    "win_probability": 0.31,
    "win_low": 0.24,
    "win_high": 0.39,
    "win_base": 0.38,
    "win_reasons": [REASON, _OTHER],
    "win_within": [{"days": 28, "probability": 0.12}, {"days": 91, "probability": 0.29}],
    "lost_within": [{"days": 28, "probability": 0.2}, {"days": 91, "probability": 0.51}],
    "ahead": _AHEAD,
    "expected_close_date": "2026-05-11",
    "close_p10_date": "2026-04-09",
    "close_p50_date": "2026-05-02",
    "close_p90_date": "2026-07-20",
    "slip_probability": 0.63,
    "slipped_close_date": "2026-05-28",
    "stall_risk": 0.44,
    "stall_low": 0.36,
    "stall_high": 0.53,
    "lost_in_patience": 0.12,
    "moved_in_patience": 0.44,
    "at_risk": 0.56,
    "stall_base": 0.25,
    "stall_reasons": [_STALL_REASON],
    "patience_days": 21.0,
}
_LOW_HIGH = "With `{}_high`: between which the true probability of deals like this lies, 8 times in 10."


class Reason(Answer):
    """What one signal adds to, or takes from, a score. The base and all points sum to the score."""

    model_config = example(REASON)

    signal: str
    group: str
    value: float | None = Field(None, description="The deal's value, in the signal's unit; null when unknown.")
    typical: float | None = Field(None, description="The usual value among deals won from the same stage.")
    points: float = Field(description="Added to the probability, as a fraction: 0.081 is 8.1 percentage points.")
    sentence: str = Field(description="The same for people.")


class Within(Answer):
    """The probability that something happens within so many days of `as_of`."""

    model_config = example({"days": 28, "probability": 0.12})

    days: float = Field(ge=0)
    probability: Share


class Chances(Answer):
    """What may become of a deal in one period, or after the last one."""

    model_config = example(_WEEK)

    name: str = Field(description="The week, month or fiscal quarter; `later` for all time after the last.")
    start: date | None = None
    end: date | None = Field(None, description="The first day after it.")
    won: Share = Field(description="Won in the period, in the part of it still to come.")
    lost: Share
    won_by: Share = Field(description="Won by its end. With `lost_by` and `open_after` it is 1.")
    lost_by: Share
    open_after: Share


class Ahead(Answer):
    """The coming periods. In each list `won` sums to `win_probability`, and `lost` to the rest."""

    model_config = example(_AHEAD)

    weeks: list[Chances] = Field(description="This week and the next three, then later.")
    months: list[Chances] = Field(description="This month and the next two, then later.")
    quarters: list[Chances] = Field(description="This fiscal quarter and the next three, then later.")


class Scores(Answer):
    """What the model says of one deal, and why."""

    model_config = example(SCORES)

    win_probability: Share = Field(description="Probability that the deal is won in the end.")
    win_low: Share | None = Field(None, description=_LOW_HIGH.format("win"))
    win_high: Share | None = None
    win_base: Share = Field(description="Where the reasons start from: what the model says of an average deal.")
    win_reasons: list[Reason] = Field(description="Largest first; with `win_base` they sum to `win_probability`.")
    win_within: list[Within] = Field(description="Probability of being won by then; never falls with time.")
    lost_within: list[Within] = Field(description="Probability of being lost by then; never falls with time.")
    ahead: Ahead
    expected_close_date: date | None = Field(None, description="Mean day on which it closes, won or lost.")
    close_p10_date: date | None = Field(None, description="Closed by then with a probability of 10 %.")
    close_p50_date: date | None = None
    close_p90_date: date | None = Field(None, description="Closed by then with a probability of 90 %.")
    slip_probability: Share | None = Field(
        None, description="Probability of being open after the owner's close date; null where there is none."
    )
    slipped_close_date: date | None = Field(None, description="Mean day on which it closes if it slips.")
    stall_risk: Share | None = Field(
        None, description="Probability of still being open, without a move forward, when the patience runs out."
    )
    stall_low: Share | None = Field(None, description=_LOW_HIGH.format("stall"))
    stall_high: Share | None = None
    lost_in_patience: Share | None = Field(None, description="Probability of being lost before the patience runs out.")
    moved_in_patience: Share | None = Field(
        None, description="Of moving forward or being won before it; with `stall_risk` and `lost_in_patience` it is 1."
    )
    at_risk: Share | None = Field(None, description="Lost or stalled: `lost_in_patience` + `stall_risk`.")
    stall_base: Share | None = None
    stall_reasons: list[Reason] = Field(default_factory=list)
    patience_days: float | None = Field(None, description="Days a deal may usually spend in this stage.")
    note: str | None = Field(None, description="Says so when there was not enough data for a real score.")
