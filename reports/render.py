"""Reports as pages that need nothing else (no script, no link to fetch), and as CSV that is safe in a spreadsheet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from crm.money import Rate
from reports.accuracy import Accuracy
from reports.accuracy_charts import period_charts, reliability_chart
from reports.accuracy_tables import METHODS, tables_by_level
from reports.at_risk import at_least
from reports.charts import forecast_chart
from reports.people import People
from reports.quality import Quality
from reports.quality.fields import empty_tables
from reports.quality.findings import in_percent
from reports.score_accuracy import RIPE_SHARE
from reports.slips import ALL

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


def forecast_html(rows: pd.DataFrame, about: About, notes: Sequence[str] = (), said: pd.DataFrame | None = None) -> str:
    """Return the page of a forecast (``reports.forecast.forecast``); ``notes`` are said at its top.

    ``said`` is what the team says of the same deals (``reports.categories.categories``), where it is to be shown.
    """
    whole = rows[rows["level"] == "whole"]
    teams = rows[(rows["level"] == "team") & (rows["period"] == whole["period"].iloc[0])]
    charts = {
        "periods": _both_widths(whole, "period", about.currency),
        "teams": _both_widths(teams.sort_values("expected", ascending=False), "name", about.currency),
    }
    periods = [(period, _as_tree(part)) for period, part in rows.groupby("period", sort=False)]
    others = {period: _other_levels(part) for period, part in rows.groupby("period", sort=False)}
    context = {"whole": whole.to_dict("records"), "periods": periods, "others": others, "charts": charts}
    context |= {"with_quotas": bool(rows["quota"].notna().any())}
    context["said"] = {} if said is None else _by_category(said)
    return _ENVIRONMENT.get_template("forecast.html").render(about=about, notes=notes, **context)


def at_risk_html(rows: pd.DataFrame, about: About, threshold: float, notes: Sequence[str] = ()) -> str:
    """Return the page of the deals of ``reports.at_risk.attention`` that are at risk by at least ``threshold``."""
    risky = at_least(threshold, rows)
    shown = risky.head(MAX_ROWS).assign(sentences=risky["reasons"].str.split("\n", regex=False)).to_dict("records")
    totals = {"total": risky["money_at_risk"].sum(), "total_open": rows["money_at_risk"].sum()}
    counts = {"n_at_risk": len(risky), "n_open": len(rows)}
    template = _ENVIRONMENT.get_template("at_risk.html")
    return template.render(about=about, notes=notes, threshold=threshold, rows=shown, **totals, **counts)


def people_html(people: People, about: About) -> str:
    """Return the page of how people's dates and commits came true in past quarters."""
    slips = people.slips[people.slips["period"] == ALL].sort_values(["n_due", "id"], ascending=[False, True])
    by_quarter = people.slips[(people.slips["level"] == "whole") & (people.slips["period"] != ALL)]
    quarters = [period.name for period in people.periods]
    by_quarter = by_quarter.assign(name=by_quarter["period"]).sort_values(
        "name", key=lambda name: name.map(quarters.index)
    )
    commits = people.commits.sort_values(["n_committed", "id"], ascending=[False, True])
    context = {
        "slips": {level: part.to_dict("records") for level, part in slips.groupby("level")},
        "quarters": by_quarter.to_dict("records"),
        "commits": {
            weeks: {level: rows.to_dict("records") for level, rows in part.groupby("level")}
            for weeks, part in commits.groupby("weeks")
        },
    }
    return _ENVIRONMENT.get_template("people.html").render(about=about, **context)


def changes_html(sections: Sequence[Mapping[str, Any]], spans: Sequence[About], note: str = "") -> str:
    """Return the page of what changed between two instants, about which ``spans`` is.

    Each section is of one period; see ``reports/change_report.py``. A ``note`` says why there is none.
    """
    return _ENVIRONMENT.get_template("what_changed.html").render(sections=sections, spans=spans, note=note)


def accuracy_html(found: Accuracy, about: About) -> str:
    """Return the page of how right the ledger's forecasts, scores and risks were."""
    context = {"charts": period_charts(found.said), "levels": tables_by_level(found.forecasts), "methods": METHODS}
    context |= {"reliability": reliability_chart(found.scores.bins), "bins": found.scores.bins.to_dict("records")}
    context |= {"models": found.scores.models.to_dict("records"), "ripe_share": RIPE_SHARE}
    context |= {"risk_bins": found.risks.bins.to_dict("records")}
    return _ENVIRONMENT.get_template("accuracy.html").render(about=about, found=found, **context)


def planning_html(receipts: pd.DataFrame, units: pd.DataFrame, about: About, notes: Sequence[str] = ()) -> str:
    """Return the page of planning figures: ``rows`` of ``reports.receipts`` and of ``reports.planned_units``."""
    whole = receipts[receipts["level"] == "whole"]
    cash = whole.assign(closed=whole["received"] + whole["due"], stage_weighted=float("nan"), quota=float("nan"))
    first = units[units["period"] == units["period"].iloc[0]] if len(units) else units
    held = first.assign(closed=first["won"], stage_weighted=float("nan"), quota=float("nan"))
    charts = {"receipts": _both_widths(cash, "period", about.currency), "units": _both_widths(held, "product", "units")}
    context = {"receipts": whole.to_dict("records"), "units": units.to_dict("records"), "charts": charts}
    return _ENVIRONMENT.get_template("planning.html").render(about=about, notes=notes, **context)


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


def _by_category(said: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The whole's lines by period, those without a deal left out where they add up to nothing either."""
    lines = said[(said["level"] == "whole") & ((said["n_deals"] > 0) | said["cumulative"].notna())]
    return {str(period): part.to_dict("records") for period, part in lines.groupby("period", sort=False)}


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


def _both_widths(rows: pd.DataFrame, label: str, unit: str) -> Markup:
    drawn = {name: forecast_chart(rows, label, unit, width=px) for name, px in _WIDTHS.items()}
    # The drawing is made by vl-convert, which escapes the names in it.
    return Markup("").join(Markup('<div class="{}">{}</div>').format(name, Markup(svg)) for name, svg in drawn.items())  # noqa: S704


def money(amount: float) -> str:
    """An amount with its cents, such as ``1,234.50``; a dash where there is none."""
    return "–" if pd.isna(amount) else f"{amount:,.2f}"


def whole_money(amount: float) -> str:
    """An amount in whole units of money; a dash where there is none."""
    return "–" if pd.isna(amount) else f"{amount:,.0f}"


def cents(amount: int) -> str:
    """Whole cents as money, such as ``1,234.50``."""
    return f"{Decimal(int(amount)) / 100:,.2f}"


def signed(amount: int) -> str:
    """Whole cents as a change in whole units of money.

    >>> signed(123_456_78), signed(-50_00), signed(0)
    ('+123,457', '−50', '0')
    """
    text = f"{abs(round(Decimal(int(amount)) / 100)):,}"
    return text if text == "0" else ("+" if amount > 0 else "−") + text


def units(number: float) -> str:
    """A number of units, broken ones to the tenth.

    >>> units(1234.0), units(0.25)
    ('1,234', '0.2')
    """
    return f"{number:,.0f}" if number == round(number) else f"{number:,.1f}"


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


def ratio(number: float) -> str:
    """A ratio to two places; a dash where there is none."""
    return "–" if pd.isna(number) else f"{number:.2f}"


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
_FILTERS = (
    *(money, whole_money, cents, signed, units, percent, held, times, ratio),
    *(in_percent, days, ago, day_before, instant, known),
)
_ENVIRONMENT.filters |= {f.__name__: f for f in _FILTERS}
