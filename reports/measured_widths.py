"""By how much ranges are made wider, and how often such ranges held: what the last backtest in the store measured.

It is kept in the store, not in a file or in MLflow: every process that serves or reports reads the same, also on other
machines, in one small query and without MLflow; and as it is only appended to, what was said when can be told.
"""

import json
from dataclasses import dataclass
from datetime import date, datetime
from math import inf, isfinite

import pandas as pd

from reports.interval_calibration import IntervalCalibration, Width, weeks_to_go
from reports.shocks import Shock

FISCAL_QUARTERS = "fiscal quarters"
"""The periods that forecasts are of; widths measured on others are taken where there are none of these."""
OLD_DAYS = 184
"""After two quarters more a backtest is called old."""
AS_COMPUTED = Width()


@dataclass(frozen=True)
class MeasuredWidths:
    """One backtest, as far as ranges go.

    Attributes
    ----------
    last_period_end : the day on which the last period that was replayed had ended
    periods : what was replayed, such as ``fiscal quarters`` or ``4 weeks``
    n_periods : how many of them were judged
    plan : how the scorers were trained on the way, in words
    shock : the common shock that its periods told; widths are of ranges computed with such a shock
    """

    last_period_end: date
    periods: str
    n_periods: int
    plan: str
    calibration: IntervalCalibration
    shock: Shock

    def width(self, level: str, as_of: datetime, period_end: date) -> Width:
        """The width of a group's range, by its level and the weeks to go."""
        return self.calibration.width(level, weeks_to_go(as_of, period_end))

    def row(self, measured_at: datetime) -> pd.DataFrame:
        """The row of table ``backtests``."""
        text = json.dumps(self.calibration.document())
        degrees = self.shock.degrees_of_freedom
        plain = {
            "measured_at": pd.Timestamp(measured_at).as_unit("us"),
            "last_period_end": self.last_period_end.isoformat(),
            "periods": self.periods,
            "n_periods": self.n_periods,
            "plan": self.plan,
            "interval_calibration": text,
            "shock_scale": self.shock.scale,
            "shock_degrees_of_freedom": degrees if isfinite(degrees) else None,
        }
        return pd.DataFrame([plain]).astype({"shock_degrees_of_freedom": "float64"})

    def says(self, as_of: datetime) -> str:
        """What the ranges were measured on, and how long ago, in sentences."""
        age = (as_of.date() - self.last_period_end).days
        told = (
            f"Ranges are scaled, and how often they held was counted, by a backtest of {self.n_periods} past "
            f"{self.periods} that ended by {self.last_period_end}, {age:,} days before; its scorers were trained with "
            f"{self.plan}."
        )
        if self.periods != FISCAL_QUARTERS:
            told += f" These are {FISCAL_QUARTERS}, those were not."
        return told + (" That is long ago: run `plumbline backtest` again." if age > OLD_DAYS else "")


def widths_as_of(backtests: pd.DataFrame, as_of: datetime) -> MeasuredWidths | None:
    """Return what the last backtest measured of periods that had ended by ``as_of``; None where there is none.

    Backtests of fiscal quarters come first.

    Parameters
    ----------
    backtests : rows of table ``backtests``
    """
    known = backtests[backtests["last_period_end"] <= as_of.date().isoformat()]
    if known.empty:
        return None
    same = known["periods"] == FISCAL_QUARTERS
    row = known.assign(same=same).sort_values(["same", "measured_at"]).iloc[-1]
    degrees = row["shock_degrees_of_freedom"]
    return MeasuredWidths(
        date.fromisoformat(row["last_period_end"]),
        row["periods"],
        int(row["n_periods"]),
        row["plan"],
        IntervalCalibration.of_document(json.loads(row["interval_calibration"])),
        Shock(row["shock_scale"], inf if pd.isna(degrees) else degrees),
    )
