"""The fan chart of a backtest: what was forecast, week by week, against what came, one panel per period."""

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

mpl.use("Agg")

BAND, LINE, CAME, NAIVE = "#9ec5e8", "#1f5f99", "#222222", "#d08a2e"
_COLUMNS = 4


def fan_chart(forecasts: pd.DataFrame, currency: str) -> Figure:
    """P10 to P90 and the mean of the whole, the stage-weighted pipeline, and what came.

    Parameters
    ----------
    forecasts : one row per period, Monday and group, money in cents
    """
    whole = forecasts[forecasts["level"] == "whole"]
    periods = list(dict.fromkeys(whole["period"]))
    n_rows = -(-len(periods) // _COLUMNS)
    size = (3.1 * min(len(periods), _COLUMNS) + 0.4, 2.5 * n_rows + 0.5)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(n_rows, min(len(periods), _COLUMNS), sharey=True, squeeze=False)
    panels = grid.ravel()
    for axes, period in zip(panels, periods, strict=False):
        own = whole[whole["period"] == period].sort_values("weeks_to_go", ascending=False)
        week, million = own["weeks_to_go"], 1e8
        axes.fill_between(week, own["p10"] / million, own["p90"] / million, color=BAND, linewidth=0, label="P10 to P90")
        axes.plot(week, own["mean"] / million, color=LINE, linewidth=1.6, label="forecast")
        axes.plot(
            week,
            own["stage_weighted"] / million,
            color=NAIVE,
            linewidth=1.1,
            linestyle="--",
            label="stage-weighted pipeline",
        )
        axes.axhline(own["actual"].iloc[-1] / million, color=CAME, linewidth=1, linestyle=":", label="what came")
        axes.set_title(period, fontsize=9)
        axes.set_xlim(week.max(), 1)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    top = whole[["p90", "mean", "stage_weighted", "actual"]].max().max() / 1e8
    panels[0].set_ylim(0, 1.05 * top)
    for axes in panels[len(periods) :]:
        axes.set_visible(False)
    figure.supxlabel("weeks to go", fontsize=9)
    figure.supylabel(f"won in the period, million {currency}", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False, fontsize=9)
    return figure
