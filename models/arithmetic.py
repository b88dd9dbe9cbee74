"""The arithmetic of a score, from a card's plain numbers and a matrix of signals.

Needs numpy only, and reads nothing but what it is given: a logged model carries a copy of this file, so that the scorer
and MLflow's pyfunc compute by the same lines whatever becomes of the rest of the code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

REACH = 5.0
"""A signal further than so many standard deviations from its mean counts as no further: nobody learned from there."""
QUARTER_DAYS = 365.25 / 4
CLOSE_DATE_EDGES = (-60, -30, -14, -7, 0, 7, 14, 28, 56, 91, 182)
"""Days from the start of an interval to the close date: where the bins of that distance begin."""
QUARTER_EDGES = (8, 15, 60, 80)
"""Days from the end of an interval to the quarter's end: where the bins of that distance begin."""
N_CLOSE_DATE_BINS, N_QUARTER_BINS = len(CLOSE_DATE_EDGES) + 2, len(QUARTER_EDGES) + 2
PACE_SIGNALS = ("age_days", "days_in_stage", "forward_moves_30d", "interactions_14d")
"""What tells a brisk deal from a slow one of the same stage."""


def probability(log_odds: Any) -> Any:
    """Probability in [0, 1] of log-odds."""
    return 1 / (1 + np.exp(-log_odds))


def bent(values: np.ndarray) -> np.ndarray:
    """Values on a scale on which counts, days and amounts are even: sign(x) log(1 + |x|)."""
    return np.sign(values) * np.log1p(np.abs(values))


def line_parts(matrix: np.ndarray, line: Mapping[str, Any]) -> np.ndarray:
    """What each signal adds to the raw log-odds of a logistic regression; same shape as ``matrix``.

    ``line`` holds ``center``, ``scale``, ``weight`` and ``missing``, one number per column each.
    """
    center, scale, weight, missing = (np.asarray(line[name]) for name in ("center", "scale", "weight", "missing"))
    # Row by row in memory: or a deal alone would be summed in another order than in a batch.
    steps = np.clip((bent(np.ascontiguousarray(matrix, np.float64)) - center) / scale, -REACH, REACH)
    return np.where(np.isnan(steps), missing, weight * steps)


def interval_bins(
    days_to_close_date: np.ndarray, days_to_quarter_end: np.ndarray, knots: np.ndarray
) -> tuple[Any, Any]:
    """Bins of the close date and of the quarter's end, as seen from each interval between knots.

    Returns
    -------
    two arrays of shape (n, n_intervals)
        The close date's distance from the interval's start, 0 for no close date; the quarter's end from the
        interval's end, 0 where it lies within the interval.
    """
    starts, ends = np.append(0.0, knots[:-1]), knots
    ahead = days_to_close_date[:, None] - starts
    close_date = np.where(np.isnan(ahead), 0, 1 + np.digitize(np.nan_to_num(ahead), CLOSE_DATE_EDGES))
    first = days_to_quarter_end[:, None] - starts
    left = np.where(first < 0, first % QUARTER_DAYS, first)
    inside = left <= ends - starts
    return close_date, np.where(inside, 0, np.digitize(left - (ends - starts), QUARTER_EDGES) + 1)


def paces(signals: np.ndarray, card: Mapping[str, Any]) -> np.ndarray:
    """The pace signals in standard deviations from their mean, 0 where missing."""
    steps = (bent(signals) - np.asarray(card["center"])) / np.asarray(card["scale"])
    return np.clip(np.nan_to_num(steps), -REACH, REACH)


def closing_shares(
    stage: Sequence[str],
    days_to_close_date: np.ndarray,
    days_to_quarter_end: np.ndarray,
    pace_signals: np.ndarray,
    card: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share closed by each knot of the deals that end won, and of those that end lost.

    In each interval an open deal is won, lost or stays open with odds ``exp(sum of its terms)``; beyond the last knot
    the last interval's chances go on for ever. (Discrete-time competing risks; Allison, 1982.)

    Returns
    -------
    won, lost : arrays of shape (n, n_knots), non-decreasing along each row, in [0, 1]
    tail_days : array of shape (n,), mean days to the closing beyond the last knot
    """
    knots = np.asarray(card["knots_days"], np.float64)
    if not card["n_seen"]:  # before any deal was seen to close, a deal is taken at its word
        days = np.nan_to_num(days_to_close_date, nan=0.0)
        said = (knots >= days[:, None]).astype(np.float64)
        return said, said, np.full(len(said), float(knots[-1]))
    order = {name: place for place, name in enumerate(card["stages"])}
    stage_terms = np.concatenate([np.asarray(card["stage"]), np.zeros((1, len(knots), 2))])
    place = np.array([order.get(name, len(order)) for name in stage], dtype=np.int64)
    close_date, quarter = interval_bins(days_to_close_date, days_to_quarter_end, knots)
    terms = np.asarray(card["interval"]) + stage_terms[place]
    terms = terms + np.asarray(card["close_date"])[close_date] + np.asarray(card["quarter"])[quarter]
    pace = paces(pace_signals, card)[:, :, None] * np.asarray(card["pace"])  # not @: a deal alone, the same bits
    terms = terms + pace.sum(axis=1)[:, None, :]
    odds = np.exp(terms)
    chances = odds / (1 + odds.sum(axis=2, keepdims=True))
    stays = 1 - chances.sum(axis=2)
    still_open = np.cumprod(stays, axis=1)
    before = np.concatenate([np.ones((len(stays), 1)), still_open[:, :-1]], axis=1)
    closed = np.cumsum(before[:, :, None] * chances, axis=1)
    last = chances[:, -1]
    total = closed[:, -1] + still_open[:, -1:] * last / np.maximum(last.sum(axis=1, keepdims=True), 1e-12)
    shares = np.clip(closed / np.maximum(total, 1e-12)[:, None, :], 0, 1)
    tail_days = (knots[-1] - knots[-2]) / np.maximum(last.sum(axis=1), 1e-3)
    return shares[:, :, 0], shares[:, :, 1], tail_days


def around(curve: np.ndarray, knots: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of curves at the knots around ``days``, and how far from the first to the second: arrays of shape (n,)."""
    places = np.append(0.0, knots)
    values = np.concatenate([np.zeros((len(curve), 1)), curve], axis=1)
    right = np.clip(np.searchsorted(places, days, side="left"), 1, len(knots))
    span = np.clip((days - places[right - 1]) / (places[right] - places[right - 1]), 0, 1)
    rows = np.arange(len(curve))
    return values[rows, right - 1], values[rows, right], span


def at_days(curve: np.ndarray, knots: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Values of curves at ``days``, straight between knots, 0 at 0 days, level after the last; shape (n,)."""
    left, right, span = around(curve, knots, days)
    return left * (1 - span) + right * span


def slowed(
    win: np.ndarray, won: np.ndarray, lost: np.ndarray, knots: np.ndarray, open_then: np.ndarray, days: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slow the clock of deals of which less would be open after ``days`` than ``open_then``, so that just that is.

    Who stalls is open when the patience ends; so P(open) then is at least the stall risk. Where the closing times
    say less they yield: the share not yet closed is raised to a power in (0, 1], one per deal for all times, as if
    all its hazards were that much smaller (proportional hazards; Cox, 1972).

    Returns
    -------
    won, lost : as given, or lower
    """
    sides = [(win, *around(won, knots, days)), (1 - win, *around(lost, knots, days))]

    def still_open(rows: np.ndarray, power: np.ndarray) -> np.ndarray:
        parts = (
            weight[rows] * ((1 - left[rows]) ** power * (1 - span[rows]) + (1 - right[rows]) ** power * span[rows])
            for weight, left, right, span in sides
        )
        return np.sum(list(parts), axis=0)

    fast = np.flatnonzero(still_open(np.arange(len(win)), np.ones(len(win))) < open_then)
    low, high = np.zeros(len(fast)), np.ones(len(fast))
    for _ in range(40):
        middle = (low + high) / 2
        enough = still_open(fast, middle) >= open_then[fast]
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    power = np.ones((len(win), 1))
    power[fast, 0] = low
    return 1 - (1 - won) ** power, 1 - (1 - lost) ** power


def whole(
    win: np.ndarray,
    shares: tuple[np.ndarray, np.ndarray, np.ndarray],
    stalled: np.ndarray,
    patience_days: np.ndarray,
    knots: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(won within each knot), P(lost within each knot) and P(lost in the patience), coherent with the stall risk.

    ``shares`` is what ``closing_shares`` gives; where ``stalled`` is NaN so is the last, and nothing yields.
    """
    won, lost = slowed(win, shares[0], shares[1], knots, np.nan_to_num(stalled), patience_days)
    lost_within = (1 - win)[:, None] * lost
    lost_then = np.where(np.isnan(stalled), np.nan, at_days(lost_within, knots, patience_days))
    return win[:, None] * won, lost_within, lost_then
