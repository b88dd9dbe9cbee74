"""The drawings of the accuracy report: what was said of each ended period against what came, and the reliability."""

import pandas as pd
from markupsafe import Markup

from reports.line_chart import SHARES, Dot, Line, Scale, line_chart, money_scale

OURS, WEIGHTED, COMMIT, CAME = "said", "weighted", "commit", "came"


def period_charts(said: pd.DataFrame, level: str = "whole", group: str = "") -> list[tuple[str, Markup]]:
    """Draw, for each ended period, what was said of one group with its range, week by week, and what came.

    Parameters
    ----------
    said
        From ``reports.said_and_came``.

    Returns
    -------
    list of (the period's name, drawing), all on one scale of money
        From left to right the period's end comes nearer.
    """
    rows = said[(said["level"] == level) & (said["id"] == group)]
    if rows.empty:
        return []
    largest = float(rows[["p90", "expected", "stage_weighted", "committed", "came"]].max().max())
    money = money_scale(largest)
    return [(str(period), _period_chart(str(period), own, money)) for period, own in rows.groupby("period", sort=False)]


def reliability_chart(bins: pd.DataFrame) -> Markup:
    """Draw which share of each tenth of win probability was won, with 95 % bounds; on the line it is as was said.

    Parameters
    ----------
    bins
        From ``reports.score_accuracy``.
    """
    dots = [Dot(OURS, row["said"], row["won"], row["won_low"], row["won_high"]) for row in bins.to_dict("records")]
    told = "; ".join(f"said {dot.x:.0%}, won {dot.y:.0%}" for dot in dots)
    label = f"Win probability as said, and the share that was won: {told}"
    return line_chart(label, SHARES, SHARES, [Line("as-said", [(0.0, 0.0), (1.0, 1.0)])], dots=dots, height=240)


def _period_chart(period: str, rows: pd.DataFrame, money: Scale) -> Markup:
    rows = rows.sort_values("weeks_to_go", ascending=False)
    weeks = rows["weeks_to_go"].astype(float).tolist()
    first, came = max(weeks[0], 2.0), float(rows["came"].iloc[-1])
    # Without a week between start and end there is no line to draw, so the scale reaches to the end itself, 0.
    scale = Scale(first, 0.0, [(week, f"{week:.0f}") for week in _week_ticks(first)])

    def line(kind: str, column: str) -> Line:
        return Line(kind, list(zip(weeks, rows[column].astype(float), strict=True)))

    label = f"{period}: {rows['expected'].iloc[-1]:,.0f} said in the last week, {came:,.0f} came"
    return line_chart(
        label,
        scale,
        money,
        [
            line(WEIGHTED, "stage_weighted"),
            line(COMMIT, "committed"),
            line(OURS, "expected"),
            Line(CAME, [(first, came), (0.0, came)]),
        ],
        band=list(zip(weeks, rows["p10"], rows["p90"], strict=True)),
        dots=[Dot(OURS, weeks[-1], float(rows["expected"].iloc[-1]))],
    )


def _week_ticks(first: float) -> list[float]:
    """About four weeks to go, the end among them.

    >>> _week_ticks(13.0), _week_ticks(3.0)
    ([12.0, 8.0, 4.0, 0.0], [3.0, 2.0, 1.0, 0.0])
    """
    step = 1 if first <= 4 else 4 if first <= 16 else 8
    return [float(week) for week in range(int(first) // step * step, -1, -step)]
