"""Widths of intervals that keep their word: P10 to P90 is scaled around the median until it holds eight of ten.

By how much is learned from earlier periods' errors only (split conformal prediction; Vovk et al. 2005, Lei et al.
2018): each past forecast tells by which factor its half of the interval should have been wider to reach just what
came, and the 80 % quantile of these is the factor. Few periods say little, and weeks of one period repeat each other;
so a bucket of weeks-to-go is drawn to its level, a level to all, and all to 1, by how many periods and groups speak.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SHARE = 0.8
"""What P10 to P90 is to hold."""
BUCKETS = ((1, 2), (3, 4), (5, 8), (9, 13), (14, 999))
"""Weeks to go that are pooled: first and last, both included."""
PRIOR_FORECASTS = 10
"""How many periods' and groups' worth of the coarser factor each finer one is mixed with, in logarithms."""
MOST = 4.0
"""No factor is larger than this, nor smaller than its inverse: beyond, the forecast and not its width is wrong."""
ALIKE = ("team", "whole")
"""Levels whose widths are taken for a level of which nothing was learned: groups first, which teams are too."""
Key = tuple[str, int]
"""Level and place of a bucket."""


@dataclass(frozen=True)
class Coverage:
    """How often P10 to P90, as it was issued, held what came."""

    share: float
    n_forecasts: int
    n_periods: int

    def __str__(self) -> str:
        return f"{self.share:.0%} of {self.n_forecasts:,} past forecasts ({self.n_periods} periods) came within"


@dataclass(frozen=True)
class Width:
    """By how much an interval is made wider, and how often such intervals held.

    Attributes
    ----------
    factor : on the distance of each bound from the median
    measured : None where nothing was measured
    level : whose intervals these were; empty where there was no backtest
    """

    factor: float = 1.0
    measured: Coverage | None = None
    level: str = ""


@dataclass(frozen=True)
class IntervalCalibration:
    """Factors to scale widths with from now on, and what coverage was measured, by level and bucket of weeks to go."""

    factors: dict[Key, float]
    coverage: dict[Key, Coverage]

    def width(self, level: str, weeks_to_go: int) -> Width:
        """The width of an interval: its own level's, or that of the first of ``ALIKE`` of which something is known."""
        known = {key[0] for key in self.factors}
        found = next((one for one in (level, *ALIKE) if one in known), "")
        key = (found, bucket_of(weeks_to_go))
        return Width(self.factors.get(key, 1.0), self.coverage.get(key), found)

    def document(self) -> list[dict[str, Any]]:
        """All of it as rows of plain values, to be kept as JSON."""
        return [
            {"level": level, "weeks_to_go": list(BUCKETS[place]), "factor": self.factors.get((level, place), 1.0)}
            | (vars(self.coverage[level, place]) if (level, place) in self.coverage else {})
            for level, place in sorted(self.factors.keys() | self.coverage.keys())
        ]

    @classmethod
    def of_document(cls, rows: Sequence[dict[str, Any]]) -> "IntervalCalibration":
        """What ``document`` gave."""
        keyed = {(row["level"], bucket_of(row["weeks_to_go"][0])): row for row in rows}
        return cls(
            {key: row["factor"] for key, row in keyed.items()},
            {
                key: Coverage(row["share"], row["n_forecasts"], row["n_periods"])
                for key, row in keyed.items()
                if "share" in row
            },
        )


def bucket_of(weeks_to_go: int) -> int:
    """Place of the bucket that holds so many weeks.

    >>> [bucket_of(weeks) for weeks in (1, 4, 13, 20)]
    [0, 1, 3, 4]
    """
    return next(place for place, (_, last) in enumerate(BUCKETS) if weeks_to_go <= last)


def weeks_to_go(as_of: datetime, period_end: date) -> int:
    """Weeks until a period's end, begun ones counted: 1 in its last week.

    >>> weeks_to_go(datetime(2026, 9, 28, tzinfo=UTC), date(2026, 10, 1))
    1
    """
    return -(-(datetime.combine(period_end, time(), UTC) - as_of) // timedelta(weeks=1))


def needed_factor(low: NDArray, middle: NDArray, high: NDArray, came: NDArray) -> NDArray[np.float64]:
    """By which factor each half-width must grow for the interval to just reach what came; 0 where the median came.

    >>> needed_factor(np.array([90.0]), np.array([100.0]), np.array([140.0]), np.array([160.0])).tolist()
    [1.5]
    """
    half = np.where(came >= middle, high - middle, middle - low)
    missed = np.abs(came - middle)
    return np.divide(missed, half, out=np.where(missed > 0, np.inf, 0.0), where=half > 0)


def scaled(quantiles: NDArray, middle: NDArray, factor: NDArray, won: NDArray) -> NDArray[np.float64]:
    """Scale quantiles, shape (n, n_levels), around the median; none is drawn below what is won already.

    >>> scaled(np.array([[90.0, 140.0]]), np.array([100.0]), np.array([1.5]), np.array([88.0])).tolist()
    [[88.0, 160.0]]
    """
    found = middle[:, None] + factor[:, None] * (quantiles - middle[:, None])
    return np.maximum(found, np.minimum(quantiles, won[:, None]))


def learn_factors(past: pd.DataFrame) -> dict[Key, float]:
    """Learn from forecasts whose periods have ended.

    Parameters
    ----------
    past
        One row per forecast, its interval as the model gave it: ``period``, ``level``, ``id``, ``weeks_to_go``,
        ``p10``, ``p50``, ``p90`` and ``settled``, what came.
    """
    if past.empty:
        return {}
    rows = past[["level"]].assign(
        told_by=past.groupby(["period", "id"], sort=False).ngroup(),
        bucket=past["weeks_to_go"].map(bucket_of),
        needed=needed_factor(*(past[name].to_numpy(np.float64) for name in ("p10", "p50", "p90", "settled"))),
    )
    overall = _mixed(rows, 0.0)
    found = {}
    for level, of_level in rows.groupby("level"):
        pooled = _mixed(of_level, overall)
        for bucket in range(len(BUCKETS)):
            own = of_level[of_level["bucket"] == bucket]
            found[str(level), bucket] = float(np.exp(_mixed(own, pooled) if len(own) else pooled))
    return found


def calibrate(forecasts: pd.DataFrame, quantiles: Sequence[str]) -> pd.DataFrame:
    """Scale every past forecast by what earlier periods had taught when it was made.

    Parameters
    ----------
    forecasts
        As for ``learn_factors``, with ``end`` of the period and ``as_of`` of the forecast (UTC), and ``won`` so far.
    quantiles
        Columns to scale; ``p10``, ``p50`` and ``p90`` are scaled whether named or not.

    Returns
    -------
    DataFrame, aligned with ``forecasts``
        ``factor``, ``n_earlier`` (periods learned from; 0 leaves the interval as it was) and the scaled columns.
    """
    names = list(dict.fromkeys(["p10", "p50", "p90", *quantiles]))
    found = forecasts[names].astype(np.float64).assign(factor=1.0, n_earlier=0)
    ended = pd.to_datetime(forecasts["end"], utc=True)
    keys = pd.Series(list(zip(forecasts["level"], forecasts["weeks_to_go"].map(bucket_of), strict=True)), found.index)
    seen = {as_of: int((ended <= as_of).sum()) for as_of in forecasts["as_of"].unique()}
    # Between the ends of two periods nothing new is learned.
    for _, rows in forecasts.groupby(forecasts["as_of"].map(seen)).groups.items():
        earlier = forecasts[ended <= forecasts.loc[rows, "as_of"].iloc[0]]
        factors = learn_factors(earlier)
        found.loc[rows, "factor"] = keys.loc[rows].map(lambda key, known=factors: known.get(key, 1.0)).astype(float)
        found.loc[rows, "n_earlier"] = earlier["period"].nunique()
    middle, won = forecasts["p50"].to_numpy(np.float64), forecasts["won"].to_numpy(np.float64)
    found[names] = scaled(forecasts[names].to_numpy(np.float64), middle, found["factor"].to_numpy(), won)
    return found


def measured_coverage(issued: pd.DataFrame) -> dict[Key, Coverage]:
    """How often the intervals that were issued held what came: ``p10`` <= ``actual`` <= ``p90``."""
    rows = issued.assign(bucket=issued["weeks_to_go"].map(bucket_of), held=held(issued))
    return {
        (str(level), int(bucket)): Coverage(float(own["held"].mean()), len(own), own["period"].nunique())
        for (level, bucket), own in rows.groupby(["level", "bucket"])
    }


def held(issued: pd.DataFrame) -> pd.Series:
    """Whether each interval held what came; a cent of rounding is forgiven."""
    return (issued["actual"] >= issued["p10"] - 1) & (issued["actual"] <= issued["p90"] + 1)


def _mixed(rows: pd.DataFrame, rest: float) -> float:
    """Logarithm of the rows' own factor, drawn to ``rest``."""
    n = rows["told_by"].nunique()
    # No (n + 1) / n of the small sample: what is drawn to coarser factors needs none; with it 84 % would be held.
    own = float(np.quantile(rows["needed"], SHARE, method="higher"))
    return (n * float(np.log(np.clip(own, 1 / MOST, MOST))) + PRIOR_FORECASTS * rest) / (n + PRIOR_FORECASTS)
