"""How late interactions are logged: a call entered three days afterwards was not known for three days."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.quality.findings import share
from reports.quality.known import Known

ALL = "all"
LATE_DAYS = 1.0


@dataclass(frozen=True)
class Lateness:
    """The delays from taking place to being known, of one kind of interaction or of ``all``.

    Attributes
    ----------
    n_late, share_late : those known more than a day after they took place
    median_days, p90_days : of all of them, the late and the others; None where there are none. What was
        planned ahead was known at once: 0 days
    n_at_once : those known at the very microsecond they took place, as where a CRM gives no time of entry
    """

    kind: str
    n: int
    n_late: int
    share_late: float | None
    median_days: float | None
    p90_days: float | None
    n_at_once: int


def lateness(known: Known) -> tuple[Lateness, ...]:
    """Measure the interactions that have taken place: all together, then kind by kind, most late first."""
    rows = known.interactions
    happened = rows["occurred_at"] < known.as_of
    delay = ((rows["known_at"] - rows["occurred_at"]) / pd.Timedelta(days=1))[happened]
    kinds = [_of_kind(str(kind), days.to_numpy()) for kind, days in delay.groupby(rows["kind"][happened])]
    kinds.sort(key=lambda one: (-(one.share_late or 0), one.kind))
    return (_of_kind(ALL, delay.to_numpy()), *kinds)


def _of_kind(kind: str, delay: np.ndarray) -> Lateness:
    n_late, n_at_once = int((delay > LATE_DAYS).sum()), int((delay == 0).sum())
    median, p90 = np.quantile(np.maximum(delay, 0), [0.5, 0.9]).tolist() if len(delay) else (None, None)
    return Lateness(kind, len(delay), n_late, share(n_late, len(delay)), median, p90, n_at_once)
