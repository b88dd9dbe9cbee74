"""How long something usually takes, as known at each week's start: quantiles of counted times.

Times are counted in bins of one percent. Counts of several sets of deals add up to those of all, in whatever order they
come, so a quantile is the same however a company was cut into parts; it is exact to half a percent.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features import scans
from features.facts import DAY, FloatColumn, IntColumn

MONDAY = 4 * DAY
"""1970-01-05 was a Monday; weeks are counted from it so that they never shift with the data."""
MINIMUM = 20
"""Times needed before a group has a quantile of its own."""
_PER_E_FOLD = 100
_HOURS = 24


def time_bins(days: FloatColumn) -> IntColumn:
    """The bin of each time, which is 0 days or more."""
    return np.rint(_PER_E_FOLD * np.log1p(days * _HOURS)).astype(np.int64)


def days_of_bins(bins: NDArray) -> FloatColumn:
    """The middle of each bin, days."""
    return np.expm1(bins / _PER_E_FOLD) / _HOURS


@dataclass(frozen=True)
class UsualTimes:
    """A quantile of the times known before each week's start, days; by group, all groups together in the last row.

    ``weeks`` are the starts of the weeks that follow one with a new time, microseconds since 1970 UTC.
    """

    weeks: IntColumn
    value: FloatColumn

    @classmethod
    def of(cls, counts: dict[str, NDArray], by: str, n_groups: int, percent: int) -> "UsualTimes":
        """Take a quantile week by week; a group with fewer than ``MINIMUM`` times has that of all, or NaN.

        Parameters
        ----------
        counts : columns ``by`` (the group), ``day`` (on which it became known, from 1970), ``bin`` and ``count``
        """
        group, bins, count = counts[by], counts["bin"], counts["count"]
        if not len(group):
            return cls(np.zeros(1, np.int64), np.full((n_groups + 1, 1), np.nan))
        numbers, week = np.unique((counts["day"].astype(np.int64) - MONDAY // DAY) // 7, return_inverse=True)
        shape = (len(numbers), int(bins.max()) + 1)
        value = np.full((n_groups + 1, len(numbers)), np.nan)
        for row in range(n_groups, -1, -1):
            mine = np.ones(len(group), bool) if row == n_groups else group == row
            place = np.ravel_multi_index((week[mine], bins[mine]), shape)
            counted = np.bincount(place, count[mine], minlength=shape[0] * shape[1]).reshape(shape)
            found = scans.quantile_bins(counted.astype(np.int64), percent, MINIMUM)
            value[row] = np.where(found >= 0, days_of_bins(found), value[n_groups])
        return cls(MONDAY + (numbers + 1) * 7 * DAY, value)

    @property
    def n_groups(self) -> int:
        """How many groups there are."""
        return len(self.value) - 1

    def before(self, group: IntColumn, at: IntColumn) -> FloatColumn:
        """The quantile at the last week start not after ``at``, days; NaN before there were enough times."""
        week = np.searchsorted(self.weeks, at, side="right") - 1
        return np.where(week >= 0, self.value[group, np.maximum(week, 0)], np.nan)
