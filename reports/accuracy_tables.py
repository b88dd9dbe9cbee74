"""The accuracy report as people read it: a line per span of weeks to go, methods side by side, the best one marked."""

from typing import Any

import pandas as pd

from reports.forecast import LEVELS
from reports.forecast_accuracy import OURS
from reports.interval_calibration import BUCKETS

NO_END = BUCKETS[-1][1]
"""As many weeks to go, or more, are written as "or more"."""
METHODS = {
    OURS: "Plumbline",
    "stage_weighted": "Stage-weighted",
    "committed": "Reps' commit",
    "run_rate": "Run rate",
    "last_period": "Last quarter",
    "last_year": "Year before",
}
"""What each method is called."""
TITLES = {
    "whole": "Whole company",
    "team": "By team",
    "owner": "By owner",
    "manager": "By manager, with everybody below",
    "pipeline": "By pipeline",
    "region": "By region",
    "segment": "By segment",
    "product": "By product",
}


def tables_by_level(forecasts: pd.DataFrame) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return, for the whole and each level with more than one group, the level, its title and its lines.

    Parameters
    ----------
    forecasts
        From ``reports.forecast_accuracy``.

    Returns
    -------
    list
        A line holds ``weeks`` (in words), ``weeks_from``, ``weeks_to`` (None: no end), ``n``, ``n_periods``,
        ``n_held``, ``coverage``, ``bias`` (ours), ``wape`` by method, and ``best``, the method whose is lowest; None
        for what cannot be told.
    """
    there = {"whole", *forecasts.loc[forecasts["n_groups"] > 1, "level"]} & set(forecasts["level"])
    return [(level, TITLES[level], spans(forecasts, level)) for level in LEVELS if level in there]


def spans(forecasts: pd.DataFrame, level: str) -> list[dict[str, Any]]:
    """Return the lines of one level; see ``tables_by_level``."""
    return [_line(of_span) for _, of_span in forecasts[forecasts["level"] == level].groupby("weeks_from")]


def _line(of_span: pd.DataFrame) -> dict[str, Any]:
    errors = of_span.set_index("method")["wape"]
    ours = of_span[of_span["method"] == OURS].iloc[0]
    first, last = int(ours["weeks_from"]), int(ours["weeks_to"])
    return {
        "weeks": f"{first} or more" if last >= NO_END else f"{first} to {last}",
        "weeks_from": first,
        "weeks_to": None if last >= NO_END else last,
        **{name: int(ours[name]) for name in ("n", "n_periods", "n_held")},
        **{name: _known(ours[name]) for name in ("coverage", "bias")},
        "wape": {method: _known(errors[method]) for method in METHODS},
        "best": None if errors.isna().all() else str(errors.idxmin()),
    }


def _known(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
