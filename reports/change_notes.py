"""What could not be counted in the forecasts of two instants, in sentences: nobody is to take it for a change."""

import pandas as pd

from reports.changed_forecast import ForecastAt
from reports.forecast_deals import contributions

_SAID = {
    "n_imputed": "open deals without an amount: counted with the usual one",
    "n_without_rate": "open deals in a currency without a rate: they add nothing",
    "n_without_score": "open deals without a score: they add nothing",
    "n_won_without_amount": "deals won in the period without an amount or a rate: they add nothing",
}


def change_notes(before: ForecastAt, after: ForecastAt, k: int) -> list[str]:
    """Return what each forecast of period ``k`` could not count as it should, one sentence per kind; none if nothing.

    An example: ``12 open deals without an amount: counted with the usual one (10 before).``
    """
    counts = [_counts(at, k) for at in (before, after)]
    return [
        f"{now[name]} {what} ({was[name]} before)."
        for was, now in [counts]
        for name, what in _SAID.items()
        if was[name] or now[name]
    ]


def _counts(at: ForecastAt, k: int) -> pd.Series:
    basis = at.basis
    rows = contributions(basis.deals, basis.chance[:, k], basis.won, basis.periods[k])
    return rows[list(_SAID)].sum().astype(int)
