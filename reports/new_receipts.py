"""What deals not created yet bring in, month by month: won as they are expected to be, paid as won deals were to be."""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.working_days import Days
from reports.new_business import NewBusiness, together
from reports.new_deals import Creation
from reports.payment_schedules import Schedules


def new_receipts(
    creation: Creation, won_cents: NDArray[np.float64], paid: Schedules, closings: Days, as_of: datetime
) -> list[NewBusiness | None]:
    """Return what comes in each month; None for a month in which less than a cent is expected.

    Each way in which money is due has its own number and size of payments, as among the won deals: a half paid upfront
    is a payment of its own. So means add up; that both halves are of one deal is left out of the range.

    Parameters
    ----------
    won_cents, paid
        What won deals brought, NaN where that is not known, and how their money was due.
    closings
        From ``first_closings``: by way of payment and bound, the first closing day.
    """
    known = np.isfinite(won_cents)
    payments = [_payments(won_cents[known] * share) for share in paid.share[known].T]
    starts = [[_instant(day, as_of) for day in days] for days in closings]
    months = range(closings.shape[1] - 1)
    return [_of_month(creation, payments, [of_due[month : month + 2] for of_due in starts]) for month in months]


def _payments(each: NDArray[np.float64]) -> NewBusiness:
    """Of one won deal the payments that are due in one way: how many, their mean and their relative spread."""
    made = each[each != 0]
    mean = float(made.mean()) if len(made) else 0.0
    if mean == 0:
        return NewBusiness(0.0, 0.0, 0.0)
    return NewBusiness(len(made) / len(each), mean, float(made.std()) / abs(mean))


def _of_month(
    creation: Creation, payments: Sequence[NewBusiness], spans: Sequence[Sequence[datetime]]
) -> NewBusiness | None:
    n_won = [creation.expected(start, end).n_won if start < end else 0.0 for start, end in spans]
    parts = [
        NewBusiness(one.n_won * n, one.amount, one.spread) for one, n in zip(payments, n_won, strict=True) if one.n_won
    ]
    found = together(parts)
    return found if found is not None and round(found.mean) != 0 else None


def _instant(day: np.datetime64, as_of: datetime) -> datetime:
    """The start of a day, or ``as_of`` where that is later."""
    return max(pd.Timestamp(day, tz="UTC").to_pydatetime(), as_of)
