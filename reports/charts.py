"""Charts of the reports, as SVG to stand inside a page: no script, no font to load, nothing fetched."""

import re

import altair as alt
import pandas as pd
import vl_convert

CLOSED, OPEN, NEW, MARK = "#1f5f8b", "#8fc1e3", "#d7e8f4", "#c2571a"
_INK = "#1c2733"
_ROW_PX = 46


def forecast_chart(rows: pd.DataFrame, label: str, currency: str, *, width: int) -> str:
    """Draw one bar per row of a forecast in its three parts, the range, and the marks of stage-weighted and quota.

    Parameters
    ----------
    rows
        Rows of ``reports.forecast.forecast``, drawn in their order.
    label
        The column that names a bar, such as ``period`` or ``name``.
    currency
        Names the axis's unit.
    width
        Of the bars' area, in pixels.

    Returns
    -------
    str
        An ``<svg>`` element that shrinks with its container.
    """
    data = rows.assign(label=rows[label].astype("str").str.slice(0, 22), known=rows["closed"] + rows["open_expected"])
    y = alt.Y(
        "label:N", title=None, sort=None, axis=alt.Axis(ticks=False, domain=False, labelPadding=8, labelLimit=150)
    )
    zero = "datum.value == 0 ? '0' : datum.label"
    axis = alt.Axis(format="~s", labelExpr=zero, tickCount=max(3, width // 110), grid=True)
    x = alt.X("closed:Q", title=currency, axis=axis, scale=alt.Scale(domainMin=0, nice=True))
    base = alt.Chart(data).encode(y=y)
    layers = [
        base.mark_bar(size=22, color=CLOSED).encode(x=x),
        base.mark_bar(size=22, color=OPEN).encode(x="closed:Q", x2="known:Q"),
        base.mark_bar(size=22, color=NEW).encode(x="known:Q", x2="expected:Q"),
        base.mark_rule(color=_INK, strokeWidth=1.6).encode(x="p10:Q", x2="p90:Q"),
        *(base.mark_tick(color=_INK, thickness=1.6, size=12, opacity=1).encode(x=f"{end}:Q") for end in ("p10", "p90")),
        base.mark_point(color=_INK, filled=True, size=34, opacity=1).encode(x="p50:Q"),
        base.mark_tick(color=MARK, thickness=3, size=32, opacity=1).encode(x="stage_weighted:Q"),
        base.mark_tick(color=_INK, thickness=2, size=38, opacity=1).encode(x="quota:Q"),
    ]
    chart = alt.layer(*layers).properties(width=width, height=_ROW_PX * max(1, data["label"].nunique()))
    return _inline(chart)


def _inline(chart: alt.LayerChart | alt.FacetChart) -> str:
    """The chart as an SVG element whose height follows its width."""
    look = chart.configure_view(stroke=None).configure_axis(
        labelFontSize=12,
        titleFontSize=12,
        labelColor=_INK,
        titleColor=_INK,
        titleFontWeight="normal",
        gridColor="#e4e9ee",
    )
    svg = vl_convert.vegalite_to_svg(look.to_json())
    svg = re.sub(
        r'(<svg[^>]*?) width="([\d.]+)" height="([\d.]+)"',
        r'\1 style="max-width:\2px;width:100%;height:auto"',
        svg,
        count=1,
    )
    return svg[svg.index("<svg") :]
