"""The arithmetic of a score, from a card's plain numbers and a matrix of signals.

Needs numpy only, and reads nothing but what it is given: a logged model carries a copy of this file, so that the scorer
and MLflow's pyfunc compute by the same lines whatever becomes of the rest of the code.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

REACH = 5.0
"""A signal further than so many standard deviations from its mean counts as no further: nobody learned from there."""
LEAST_SHARE = 1e-4
"""Shares nearer to 0 or 1 count as no nearer."""
CLOSE_DATE_EDGES = (-60, -30, -14, -7, 0, 7, 14, 28, 56, 91, 182)
"""Days from the start of an interval to the close date: where the bins of that distance begin."""
QUARTER_EDGES = (2, 3, 5, 8, 11, 15, 22, 36, 57, 78, 85)
"""Days from a day's start to the quarter's end, 1 on its last day: where the bins of that distance begin."""
N_CLOSE_DATE_BINS, N_QUARTER_BINS = len(CLOSE_DATE_EDGES) + 2, len(QUARTER_EDGES) + 1
QUARTERS_AHEAD = 4
"""So many ends of fiscal quarters to come are knots of each deal's curves."""
PACE_SIGNALS = ("age_days", "days_in_stage", "forward_moves_30d", "interactions_14d")
"""What tells a brisk deal from a slow one of the same stage."""


def probability(log_odds: Any) -> Any:
    """Probability in [0, 1] of log-odds."""
    return 1 / (1 + np.exp(-log_odds))


def bent(values: np.ndarray) -> np.ndarray:
    """Values on a scale on which counts, days and amounts are even: sign(x) log(1 + |x|)."""
    return np.sign(values) * np.log1p(np.abs(values))


def straightened(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Columns on the scales on which a line sees them: shares as log-odds, everything else bent; float64.

    Parameters
    ----------
    share : whether each column is a share
    """
    found = bent(values)
    inside = np.clip(values[:, share], LEAST_SHARE, 1 - LEAST_SHARE)
    found[:, share] = np.log(inside / (1 - inside))
    return found


def line_parts(matrix: np.ndarray, line: Mapping[str, Any]) -> np.ndarray:
    """What each signal adds to the raw log-odds of a logistic regression; same shape as ``matrix``.

    ``line`` holds ``share``, ``center``, ``scale``, ``weight`` and ``missing``, one entry per column each.
    """
    center, scale, weight, missing = (np.asarray(line[name]) for name in ("center", "scale", "weight", "missing"))
    # Row by row in memory: or a deal alone would be summed in another order than in a batch.
    values = straightened(np.ascontiguousarray(matrix, np.float64), np.asarray(line["share"], bool))
    steps = np.clip((values - center) / scale, -REACH, REACH)
    return np.where(np.isnan(steps), missing, weight * steps)


def close_date_bins(days_to_close_date: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Bin of the close date's distance from each interval's start, 0 for no close date; shape (n, n_intervals)."""
    ahead = days_to_close_date[:, None] - np.append(0.0, knots[:-1])
    found = 1 + np.digitize(np.nan_to_num(ahead), CLOSE_DATE_EDGES)
    return np.where(np.isnan(ahead), 0, found)


def quarter_ends(calendar: Mapping[str, Any]) -> np.ndarray:
    """The ends of fiscal quarters that a card names, days since 1970, in order."""
    return np.array(calendar["quarter_ends"], "datetime64[D]").astype(np.int64)


def day_cells(days: np.ndarray, ends: np.ndarray) -> tuple[Any, Any]:
    """Weekday (0 for Monday) of each day, and the bin of its distance to the quarter's end; -1 beyond the last end."""
    place = np.searchsorted(ends, days, side="right")
    known = place < len(ends)
    left = np.append(ends, 0)[place] - days
    return (days + 3) % 7, np.where(known, np.digitize(left, QUARTER_EDGES), -1)


def workload(as_of_day: np.ndarray, ahead: np.ndarray, calendar: Mapping[str, Any]) -> np.ndarray:
    """How much is closed from each instant to so many days ahead, in usual days: calendar days, weighed.

    Each day weighs as much as the company closes on such a day: by its weekday, and by how far the quarter's end is.

    Parameters
    ----------
    as_of_day : shape (n,), days since 1970
    ahead : shape (n, m), days
    calendar : ``quarter_ends``, and for won and lost a row of factors each in ``weekday`` and ``to_quarter_end``

    Returns
    -------
    array of shape (2, n, m), for won and for lost; never falls as ``ahead`` grows
    """
    if not len(as_of_day):
        return np.zeros((2, *ahead.shape))
    until = as_of_day[:, None] + ahead
    first = int(np.floor(as_of_day.min()))
    days = np.arange(first, int(np.ceil(until.max())) + 1)
    weekday, quarter = day_cells(days, quarter_ends(calendar))
    # Beyond the quarters that the card names every day is as usual. Rounded, so that sums are exact from any day on.
    factors = [
        np.round(1024 * np.asarray(by_day)[weekday] * np.append(by_quarter, 1.0)[quarter]) / 1024
        for by_day, by_quarter in zip(calendar["weekday"], calendar["to_quarter_end"], strict=True)
    ]
    found = []
    for of_day in factors:
        total = np.append(0.0, np.cumsum(np.maximum(of_day, 1 / 1024)))
        found.append(_read(total, until - first) - _read(total, as_of_day - first)[:, None])
    return np.stack(found)


def _read(total: np.ndarray, days: np.ndarray) -> np.ndarray:
    """A running total, given at each midnight, at any time between."""
    whole_days = np.floor(days).astype(np.int64)
    return total[whole_days] + (days - whole_days) * np.diff(total, append=total[-1])[whole_days]


def curve_knots(as_of_day: np.ndarray, card: Mapping[str, Any]) -> np.ndarray:
    """Days ahead at which each deal's curves are kept, in order: the card's, and the ends of quarters to come.

    Where the card names no more quarters the last knot stands twice; shape (n, n_knots + QUARTERS_AHEAD).
    """
    knots, ends = np.asarray(card["knots_days"], np.float64), quarter_ends(card["calendar"])
    place = np.searchsorted(ends, as_of_day, side="right")[:, None] + np.arange(QUARTERS_AHEAD)
    days = np.append(ends, np.inf)[np.minimum(place, len(ends))] - as_of_day[:, None]
    both = [np.broadcast_to(knots, (len(as_of_day), len(knots))), np.minimum(days, knots[-1])]
    return np.sort(np.concatenate(both, axis=1), axis=1)


def paces(signals: np.ndarray, card: Mapping[str, Any]) -> np.ndarray:
    """The pace signals in standard deviations from their mean, 0 where missing."""
    steps = (bent(signals) - np.asarray(card["center"])) / np.asarray(card["scale"])
    return np.clip(np.nan_to_num(steps), -REACH, REACH)


def closing_shares(
    stage: Sequence[str],
    days_to_close_date: np.ndarray,
    as_of_day: np.ndarray,
    pace_signals: np.ndarray,
    card: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Share closed by each knot of the deals that end won, and of those that end lost.

    In each interval between the card's knots an open deal is won, lost or stays open with odds ``exp(sum of its
    terms)``; beyond the last knot the last interval's chances go on for ever. (Discrete-time competing risks; Allison,
    1982.) Within an interval shares grow with the ``workload``, so a quarter's end takes what is closed just before it.

    Returns
    -------
    knots : shape (n, n_knots), see ``curve_knots``
    won, lost : arrays of shape (n, n_knots), non-decreasing along each row, in [0, 1]
    tail_days : array of shape (n,), mean days to the closing beyond the last knot
    """
    knots, places = np.asarray(card["knots_days"], np.float64), curve_knots(as_of_day, card)
    if not card["n_seen"]:  # before any deal was seen to close, a deal is taken at its word
        days = np.nan_to_num(days_to_close_date, nan=0.0)
        said = (places >= days[:, None]).astype(np.float64)
        return places, said, said, np.full(len(said), float(knots[-1]))
    edges = np.broadcast_to(np.append(0.0, knots), (len(places), len(knots) + 1))
    work = workload(as_of_day, edges, card["calendar"])
    order = {name: place for place, name in enumerate(card["stages"])}
    stage_terms = np.concatenate([np.asarray(card["stage"]), np.zeros((1, len(knots), 2))])
    place = np.array([order.get(name, len(order)) for name in stage], dtype=np.int64)
    terms = np.asarray(card["interval"]) + stage_terms[place]
    terms = terms + np.asarray(card["close_date"])[close_date_bins(days_to_close_date, knots)]
    for busy, weight in zip(busyness(work, edges), np.asarray(card["busy"]), strict=True):
        terms = terms + busy[:, :, None] * weight
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
    there = workload(as_of_day, places, card["calendar"])
    won, lost = (_between(shares[:, :, k], work[k], there[k], np.searchsorted(knots, places)) for k in (0, 1))
    return places, won, lost, tail_days


def busyness(work: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Logarithm of the work per day between edges in days, from the work done by them; shape (2, n, n_edges - 1)."""
    return np.log(np.diff(work, axis=2) / np.diff(edges, axis=1))


def _between(shares: np.ndarray, work: np.ndarray, there: np.ndarray, interval: np.ndarray) -> np.ndarray:
    """Shares at places within intervals: as much of an interval's as is done of its work by then."""
    edges = np.concatenate([np.zeros((len(shares), 1)), shares], axis=1)
    low, high = (np.take_along_axis(edges, interval + step, axis=1) for step in (0, 1))
    start, end = (np.take_along_axis(work, interval + step, axis=1) for step in (0, 1))
    done = np.clip((there - start) / (end - start), 0, 1)
    return np.maximum.accumulate(low * (1 - done) + high * done, axis=1)


def around(curve: np.ndarray, knots: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values of curves at the knots around ``days``, and how far from the first to the second: arrays of shape (n,)."""
    places, values = (np.concatenate([np.zeros((len(curve), 1)), side], axis=1) for side in (knots, curve))
    right = np.clip((places < days[:, None]).sum(axis=1), 1, knots.shape[1])
    rows = np.arange(len(curve))
    first, second = places[rows, right - 1], places[rows, right]
    span = np.clip((days - first) / np.maximum(second - first, 1e-12), 0, 1)
    return values[rows, right - 1], values[rows, right], span


def at_days(curve: np.ndarray, knots: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Values of curves at ``days``, straight between knots, 0 at 0 days, level after the last; shape (n,).

    ``knots`` are each curve's own, of the same shape.
    """
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
    shares: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    stalled: np.ndarray,
    patience_days: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(won within each knot), P(lost within each knot) and P(lost in the patience), coherent with the stall risk.

    ``shares`` is what ``closing_shares`` gives; where ``stalled`` is NaN so is the last, and nothing yields.
    """
    knots, won, lost, _ = shares
    won, lost = slowed(win, won, lost, knots, np.nan_to_num(stalled), patience_days)
    lost_within = (1 - win)[:, None] * lost
    lost_then = np.where(np.isnan(stalled), np.nan, at_days(lost_within, knots, patience_days))
    return win[:, None] * won, lost_within, lost_then
