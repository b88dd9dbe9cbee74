"""What lies ahead of each deal, as one whole: won, lost or still open by any day, stalled or moved on by its patience.

The parts are coherent by construction. P(won within t) rises to P(won), and P(lost within t) to P(lost); what is
neither is open. Within the stage's patience a deal is lost, or has stalled (is open and has not moved forward), or
else has moved forward or was won: the three sum to 1.
"""

from dataclasses import dataclass

import numpy as np

from features.facts import FloatColumn
from models.arithmetic import at_days, whole


@dataclass(frozen=True)
class Outlook:
    """One entry, or one row, per deal; NaN where the risk of stalling is not known.

    Attributes
    ----------
    win : P(won in the end)
    knots : shape (n, n_knots), days; the same for all but for the ends of quarters to come
    won_within, lost_within : shape (n, n_knots), P(won, lost within so many days)
    stalled : P(open and not moved forward when the patience ends)
    lost_in_patience : P(lost before the patience ends)
    tail_days : mean days to the closing beyond the last knot
    """

    knots: FloatColumn
    win: FloatColumn
    won_within: FloatColumn
    lost_within: FloatColumn
    stalled: FloatColumn
    lost_in_patience: FloatColumn
    tail_days: FloatColumn

    @property
    def moved(self) -> FloatColumn:
        """P(moved to a later stage, or won, before the patience ends)."""
        return np.maximum(1 - self.stalled - self.lost_in_patience, 0)

    @property
    def closed_within(self) -> FloatColumn:
        """P(won or lost within so many days)."""
        return self.won_within + self.lost_within

    def open_after(self, days: FloatColumn) -> FloatColumn:
        """P(still open after ``days``); beyond the last knot it falls by a constant rate."""
        last = self.knots[:, -1]
        late = np.exp(-np.maximum(days - last, 0) / self.tail_days)
        return (1 - at_days(self.closed_within, self.knots, np.minimum(days, last))) * late

    def won_between(self, start: float, end: float) -> FloatColumn:
        """P(won from ``start`` days to ``end`` days ahead); adjoining spans from 0 on and the rest sum to ``win``."""
        first, last = (at_days(self.won_within, self.knots, np.full(len(self.win), days)) for days in (start, end))
        return last - first

    def days_by(self, share: float) -> FloatColumn:
        """Days by which the deal is closed, won or lost, with probability ``share``."""
        closed, n = self.closed_within, len(self.win)
        places, values = (np.hstack([np.zeros((n, 1)), side]) for side in (self.knots, closed))
        found = np.array([np.interp(share, row, days) for row, days in zip(values, places, strict=True)]).reshape(n)
        late = self.knots[:, -1] + self.tail_days * np.log(np.maximum(1 - closed[:, -1], 1e-12) / (1 - share))
        return np.where(closed[:, -1] >= share, found, late)

    def expected_days(self, after: FloatColumn | None = None) -> FloatColumn:
        """Mean days to the closing; of deals still open after ``after`` days where that is given.

        The mean of a time is the area under the share still open.
        """
        start = np.zeros(len(self.win)) if after is None else np.asarray(after, np.float64)
        last = self.knots[:, -1]
        inside = np.minimum(start, last)
        places = np.hstack([inside[:, None], np.maximum(self.knots, inside[:, None])])
        still = np.column_stack([self.open_after(column) for column in places.T])
        area = (np.diff(places, axis=1) * (still[:, 1:] + still[:, :-1]) / 2).sum(axis=1) + still[
            :, -1
        ] * self.tail_days
        beyond = start + self.tail_days
        return np.where(start >= last, beyond, start + area / np.maximum(self.open_after(inside), 1e-12))


def outlook(
    win: FloatColumn,
    shares: tuple[FloatColumn, FloatColumn, FloatColumn, FloatColumn],
    stalled: FloatColumn,
    patience_days: FloatColumn,
) -> Outlook:
    """Join the parts; where they disagree on who is still open when the patience ends, closing times yield.

    Parameters
    ----------
    shares : what ``ClosingTime.predict`` gives
    """
    won_within, lost_within, lost_then = whole(win, shares, stalled, patience_days)
    return Outlook(shares[0], win, won_within, lost_within, stalled, lost_then, shares[3])
