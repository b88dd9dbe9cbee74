"""Which rows of a ledger were said later than the instant that they are of.

`plumbline score --weekly-since` says what would have been said on past days. It knows no more than was known then, but
nobody could have read it then: so it is told apart from what was issued in its time.
"""

import pandas as pd

IN_TIME = pd.Timedelta(1, "D")
"""What is issued up to so long after the instant that it is of was said in its time: a day begins at midnight."""


def replayed(as_of: pd.Series, issued_at: pd.Series) -> pd.Series:
    """Return whether each row was issued later than ``IN_TIME`` after its instant; False where that is not known.

    >>> as_of = pd.to_datetime(pd.Series(["2026-11-02", "2026-11-09", "2026-11-09"]), utc=True)
    >>> issued_at = pd.to_datetime(pd.Series(["2026-11-09 08:00", "2026-11-09 08:00", None]), utc=True)
    >>> replayed(as_of, issued_at).tolist()
    [True, False, False]
    """
    return issued_at - as_of > IN_TIME
