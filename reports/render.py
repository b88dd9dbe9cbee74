"""Reports as pages that need nothing else (no script, no link to fetch), and as CSV that is safe in a spreadsheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crm.money import Rate
from reports.at_risk import at_least
from reports.charts import forecast_chart
from reports.quality import Quality
from reports.quality.fields import empty_tables
from reports.quality.findings import in_percent

# Beyond this a page is no longer read; the CSV file holds every row.
MAX_ROWS = 200
# Widths of a chart's bars: for a desk or paper, and for a phone, where one drawing shrunk would be unreadable.
_WIDE_PX, _NARROW_PX = 860, 210


@dataclass(frozen=True)
class About:
    """What a report is about: the scores' instant and model, the currency, the rates used to get there.

    ``ranges_measured`` says what the ranges were measured on; None before a backtest.
    """

    as_of: datetime
    model_version: str
    currency: str
    rates: Sequence[Rate] = ()
    ranges_measured: str | None = None


def forecast_html(rows: pd.DataFrame, about: About, notes: Sequence[str] = ()) -> str:
    """Return the page of a forecast (``reports.forecast.forecast``); ``notes`` are said at its top."""
    whole = rows[rows["level"] == "whole"]
    teams = rows[(rows["level"] == "team") & (rows["period"] == whole["period"].iloc[0])]
    charts = {
        "periods": _both_widths(whole, "period", about),
        "teams": _both_widths(teams.sort_values("expected", ascending=False), "name", about),
    }
    periods = [(period, _as_tree(part)) for period, part in rows.groupby("period", sort=False)]
    others = {period: _other_levels(part) for period, part in rows.groupby("period", sort=False)}
    context = {"whole": whole.to_dict("records"), "periods": periods, "others": others, "charts": charts}
    context |= {"with_quotas": bool(rows["quota"].notna().any())}
    return _ENVIRONMENT.get_template("forecast.html").render(about=about, notes=notes, **context)


def at_risk_html(rows: pd.DataFrame, about: About, threshold: float, notes: Sequence[str] = ()) -> str:
    """Return the page of the deals of ``reports.at_risk.attention`` that are at risk by at least ``threshold``."""
    risky = at_least(threshold, rows)
    shown = risky.head(MAX_ROWS).assign(sentences=risky["reasons"].str.split("\n", regex=False)).to_dict("records")
    totals = {"total": risky["money_at_risk"].sum(), "total_open": rows["money_at_risk"].sum()}
    counts = {"n_at_risk": len(risky), "n_open": len(rows)}
    template = _ENVIRONMENT.get_template("at_risk.html")
    return template.render(about=about, notes=notes, threshold=threshold, rows=shown, **totals, **counts)


def quality_html(quality: Quality) -> str:
    """Return the page of a quality report."""
    groups: dict[str, list[Any]] = {}
    for signal in quality.signals:
        groups.setdefault(signal.group, []).append(signal)
    bare = [fill for fill in quality.fields if fill.never or fill.rare]
    context = {"groups": groups, "bare": bare, "empty_tables": empty_tables(quality.fields)}
    return _ENVIRONMENT.get_template("quality.html").render(quality=quality, **context)


def csv_text(rows: pd.DataFrame) -> str:
    r"""Return a table as CSV whose texts no spreadsheet takes for a formula; numbers stay numbers.

    A text that begins with ``=``, ``+``, ``-`` or ``@`` gets an apostrophe in front, as OWASP advises
    against "CSV injection": such a text may come from anyone who can name a deal.

    >>> csv_text(pd.DataFrame({"name": ["=1+1", "Acme"], "points": [-0.5, 1.0]}))
    "name,points\n'=1+1,-0.5\nAcme,1.0\n"
    """
    harmless = rows.copy()
    for name in rows.columns[[pd.api.types.is_string_dtype(dtype) for dtype in rows.dtypes]]:
        texts = rows[name].str.replace(r"[\r\n]+", " | ", regex=True)
        harmless[name] = texts.str.replace(r"^(\s*[=+\-@]|\t)", r"'\1", regex=True)
    return harmless.to_csv(index=False, lineterminator="\n")


def _as_tree(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The whole, then each team followed by its owners, most expected first."""
    rows = rows.assign(_depth=rows["level"].map(_DEPTHS)).dropna(subset="_depth")
    of_team = rows[rows["level"] == "team"].set_index("team")["expected"]
    rows["_team"] = rows["team"].map(of_team).fillna(float("inf"))
    order = ["_team", "team", "_depth", "expected", "id"]
    return rows.sort_values(order, ascending=[False, True, True, False, True]).to_dict("records")


def _other_levels(rows: pd.DataFrame) -> list[tuple[str, list[dict[str, Any]]]]:
    """The groups of each other level that has more than one, most expected first."""
    ordered = rows.sort_values(["expected", "id"], ascending=[False, True])
    of_level = [(title, ordered[ordered["level"] == level]) for level, title in _OTHERS.items()]
    return [(title, part.to_dict("records")) for title, part in of_level if len(part) > 1]


def _both_widths(rows: pd.DataFrame, label: str, about: About) -> Markup:
    drawn = {name: forecast_chart(rows, label, about.currency, width=px) for name, px in _WIDTHS.items()}
    # The drawing is made by vl-convert, which escapes the names in it.
    return Markup("").join(Markup('<div class="{}">{}</div>').format(name, Markup(svg)) for name, svg in drawn.items())  # noqa: S704


def money(amount: float) -> str:
    """An amount with its cents, such as ``1,234.50``; a dash where there is none."""
    return "–" if pd.isna(amount) else f"{amount:,.2f}"


def whole_money(amount: float) -> str:
    """An amount in whole units of money; a dash where there is none."""
    return "–" if pd.isna(amount) else f"{amount:,.0f}"


def percent(share: float) -> str:
    """A share in [0, 1] as whole percent; never claims certainty where there is none."""
    if pd.isna(share):
        return "–"
    if 0 < share < 0.01:
        return "<1%"
    return ">99%" if 0.99 < share < 1 else f"{share:.0%}"


def held(row: dict[str, Any]) -> str:
    """How often ranges like a row's held what came, in words.

    >>> held({"range_coverage": 0.79, "n_range_forecasts": 42, "range_like": "team", "level": "owner"})
    'held 79% of 42, as for teams'
    """
    if not row["n_range_forecasts"]:
        return "not measured"
    like = {"team": ", as for teams", "whole": ", as for the whole"} | {row["level"]: ""}
    return f"held {row['range_coverage']:.0%} of {row['n_range_forecasts']:,}{like[row['range_like']]}"


def times(ratio: float) -> str:
    """How many times one sum goes into another; a dash where there is none.

    >>> times(2.345)
    '2.3x'
    """
    return "–" if pd.isna(ratio) else f"{ratio:.1f}x"


def days(number: float) -> str:
    """A number of days in words, whole days."""
    if pd.isna(number):
        return "unknown"
    return "1 day" if int(number) == 1 else f"{int(number):,} days"


def ago(number: float) -> str:
    """How long ago, from a number of days."""
    return "never" if pd.isna(number) else f"{days(number)} ago"


def day_before(day: str) -> str:
    """The last day of a span whose end, ``YYYY-MM-DD``, is excluded."""
    return str(date.fromisoformat(day) - timedelta(days=1))


def instant(moment: datetime) -> str:
    """An instant to the minute."""
    return moment.strftime("%Y-%m-%d %H:%M")


def known(value: Any, otherwise: str) -> Any:
    """The value, or another word where it is missing."""
    return otherwise if pd.isna(value) else value


_DEPTHS = {"whole": 0, "team": 1, "owner": 2}
_OTHERS = {
    "manager": "manager, with everybody below",
    "region": "region",
    "segment": "segment",
    "product": "product",
    "pipeline": "pipeline",
}
_WIDTHS = {"wide": _WIDE_PX, "narrow": _NARROW_PX}
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FILTERS = (money, whole_money, percent, held, times, in_percent, days, ago, day_before, instant, known)
_ENVIRONMENT.filters |= {f.__name__: f for f in _FILTERS}
