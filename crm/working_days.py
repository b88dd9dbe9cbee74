"""Days that are worked: Monday to Friday, but for the holidays of table ``calendar``."""

from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.errors import SettingsError

Days = NDArray[np.datetime64]
"""Calendar days, ``datetime64[D]``."""


def holidays(calendar: pd.DataFrame) -> Days:
    """Return the holidays that table ``calendar`` names, ascending.

    Raises
    ------
    SettingsError
        A holiday is not written as YYYY-MM-DD.

    Examples
    --------
    >>> holidays(pd.DataFrame({"setting": ["holiday", "week_start"], "value": ["2026-12-25", "monday"]})).tolist()
    [datetime.date(2026, 12, 25)]
    """
    written = calendar.loc[calendar["setting"] == "holiday", "value"].str.strip()
    read = pd.to_datetime(written, format="%Y-%m-%d", errors="coerce")
    if read.isna().any():
        raise SettingsError(f'holiday in table calendar is "{written[read.isna()].iloc[0]}"; write it as YYYY-MM-DD.')
    return np.unique(read.to_numpy("datetime64[D]"))


def next_working_days(days: Days, off: Days) -> Days:
    """Return each day, or the next one that is worked; ``off`` are the holidays.

    >>> next_working_days(np.array(["2026-12-24", "2026-12-25"], "M8[D]"), np.array(["2026-12-25"], "M8[D]")).tolist()
    [datetime.date(2026, 12, 24), datetime.date(2026, 12, 28)]
    """
    return np.busday_offset(days, 0, roll="forward", holidays=off)


def n_working_days(start: date, end: date, off: Days) -> int:
    """Return how many days are worked from ``start`` to ``end`` (excluded).

    >>> n_working_days(date(2026, 12, 21), date(2027, 1, 1), np.array(["2026-12-25"], "M8[D]"))
    8
    """
    return int(np.busday_count(start, end, holidays=off))
