"""How good the issued forecasts were, by level and weeks to go, beside the reps' commit and simple rules."""

import numpy as np
import pandas as pd

from reports.interval_calibration import BUCKETS, bucket_of
from reports.money_errors import bias, wape
from reports.said_and_came import RULES

OURS = "expected"
"""The column that holds our forecast."""
COLUMNS = (
    *("level", "weeks_from", "weeks_to", "method", "n", "n_periods", "n_groups"),
    *("wape", "bias", "n_held", "coverage"),
)
_CENT = 0.01


def forecast_accuracy(said: pd.DataFrame) -> pd.DataFrame:
    """Measure every method on the forecasts of each level and span of weeks to go.

    Parameters
    ----------
    said
        From ``reports.said_and_came``.

    Returns
    -------
    DataFrame, one row per level, span and method (``expected``, ours, and each of ``RULES``)
        ``n`` forecasts of ``n_periods`` periods and ``n_groups`` groups; ``wape`` (sum of absolute errors over what
        came) and ``bias`` (above 0: too high), NaN where nothing came. A rule that says nothing of some of the
        forecasts has neither: it would be compared on others than ours. ``n_held`` and ``coverage``, ours only, are how
        many of the forecasts had what came between P10 and P90.
    """
    rows = []
    spans = said["weeks_to_go"].map(bucket_of)
    for (level, place), own in said.groupby([said["level"], spans], sort=False):
        first, last = BUCKETS[place]
        about = {"level": level, "weeks_from": first, "weeks_to": last}
        came = own["came"].to_numpy(np.float64)
        held = (own["came"] >= own["p10"] - _CENT) & (own["came"] <= own["p90"] + _CENT)
        for method in (OURS, *RULES):
            forecast = own[method].to_numpy(np.float64)
            measures = {"wape": wape(forecast, came), "bias": bias(forecast, came)}
            n = {"n": len(own), "n_periods": own["period"].nunique(), "n_groups": own["id"].nunique()}
            of_range = {"n_held": int(held.sum()), "coverage": float(held.mean())} if method == OURS else {}
            rows.append({**about, "method": method, **n, **measures, **of_range})
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return found.sort_values(["level", "weeks_from"], kind="stable", ignore_index=True)
