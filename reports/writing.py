"""Write reports into a folder: those of the latest scores, and the quality of what was imported."""

import json
import os
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pandas as pd

from crm.coming import fiscal_periods, months
from crm.errors import NotEnoughDataError
from crm.money import known_rates, rates_day
from crm.present import present
from crm.store import Store
from features.declared import NOTHING, Declared
from reports.accuracy import accuracy_of
from reports.at_risk import AT_RISK_FROM, at_least, attention
from reports.categories import categories
from reports.change_report import change_texts
from reports.changed_forecast import Ask
from reports.forecast import forecast_rows
from reports.forecast_basis import basis_of
from reports.forecast_learned import learn
from reports.measured_widths import MeasuredWidths, widths_as_of
from reports.new_units import learn_units
from reports.notes import forecast_notes, moved_notes, old_rate_notes, planning_notes, rate_notes, risk_notes
from reports.people import past_scores, people
from reports.planned_units import planned_units
from reports.quality import Quality, open_signals, quality
from reports.receipts import receipts
from reports.render import (
    About,
    accuracy_html,
    at_risk_html,
    csv_text,
    forecast_html,
    people_html,
    planning_html,
    quality_html,
)

PLANNED_MONTHS = 6
"""How many months are planned for, this one first."""


def write_reports(store: Store, folder: Path, reporting_currency: str, ask: Ask | None = None) -> list[Path]:
    """Write every report on the latest scores, as pages and as CSV.

    Returns the files.

    A file is replaced whole or not at all, so a reader never sees half a report. ``ask`` tells a new model's part in
    what changed; see ``reports/changed_forecast.py``.

    Raises
    ------
    NotEnoughDataError
        There are no scores yet.
    """
    scores = store.latest_scores()
    if scores.empty:
        raise NotEnoughDataError("There are no scores to report on; run `plumbline score` first.")
    folder.mkdir(parents=True, exist_ok=True)
    tables, as_of = store.read_all(), scores["as_of"].iloc[0].to_pydatetime()
    past, widths = past_scores(store, as_of, tables["calendar"]), widths_as_of(store.read("backtests"), as_of)
    texts = report_texts(tables, scores, past, reporting_currency, widths)
    texts |= change_texts(store, tables, reporting_currency, ask)
    texts |= accuracy_texts(store, tables, scores, reporting_currency)
    return [_replace(folder / name, text) for name, text in texts.items()]


def write_quality(
    store: Store, folder: Path, reporting_currency: str, as_of: datetime, declared: Declared = NOTHING
) -> tuple[Quality, list[Path]]:
    """Write the quality of what the store holds, as known before ``as_of``, as a page and as JSON.

    Returns
    -------
    The report, and the files; each is replaced whole or not at all.
    """
    tables = store.read_all()
    measured = quality(tables, open_signals(tables, as_of, reporting_currency, declared), as_of, declared)
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"quality.html": quality_html(measured), "quality.json": quality_json(measured)}
    return measured, [_replace(folder / name, text) for name, text in texts.items()]


def quality_json(measured: Quality) -> str:
    """Return a quality report as JSON: its dataclasses field by field, instants in ISO 8601, null for what is none."""
    return json.dumps(asdict(measured), default=datetime.isoformat, allow_nan=False, ensure_ascii=False, indent=1)


def report_texts(
    tables: dict[str, pd.DataFrame],
    scores: pd.DataFrame,
    past: pd.DataFrame,
    reporting_currency: str,
    widths: MeasuredWidths | None = None,
) -> dict[str, str]:
    """Return the text of every report by file name, for scores that are all of one ``as_of``.

    ``past`` are scores issued in past quarters; see ``reports.people.past_scores``.
    """
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    deals = present(tables, as_of)
    still_open = deals[deals["stage_category"] == "open"]
    rates = known_rates(tables["fx_rates"], reporting_currency, rates_day(as_of))
    used = [rates[name] for name in sorted(set(still_open["currency"])) if name in rates and name != reporting_currency]
    learned = learn(tables, as_of, rates, known=deals, widths=widths)
    measured = widths.says(as_of) if widths else None
    about = About(as_of, str(scores["model_version"].iloc[0]), reporting_currency, used, measured)
    two = fiscal_periods(as_of, tables["calendar"], "quarter", 2)
    few = fiscal_periods(as_of, tables["calendar"], "month", PLANNED_MONTHS)
    quarters, fiscal_months = (basis_of(deals, scores, tables, rates, ahead, learned) for ahead in (two, few))
    rows = forecast_rows(quarters)
    said, looked_back = categories(quarters, rows), people(tables, deals, rates, past, as_of)
    every = attention(deals, scores, rates)
    no_rate = rate_notes(still_open, rates, reporting_currency, rates_day(as_of))
    notes = [*forecast_notes(rows, reporting_currency), *moved_notes(quarters, tables, as_of), *no_rate]
    notes += old_rate_notes(quarters, reporting_currency)
    cash = receipts(quarters.deals, quarters.won, tables, rates, as_of, months(as_of, PLANNED_MONTHS), learned)
    units = planned_units(fiscal_months, learned, learn_units(deals, tables["line_items"], as_of))
    facts = {"as_of": as_of.isoformat(), "model_version": about.model_version, "reporting_currency": reporting_currency}
    return {
        "forecast.html": forecast_html(rows, about, notes, said),
        "forecast.csv": csv_text(rows.assign(**facts)),
        "planning.html": planning_html(cash.rows, units.rows, about, [*planning_notes(cash, units), *no_rate]),
        "receipts.csv": csv_text(cash.rows.assign(**facts)),
        "units.csv": csv_text(units.rows.assign(**facts)),
        "at-risk.html": at_risk_html(every, about, AT_RISK_FROM, [*risk_notes(still_open), *no_rate]),
        "at-risk.csv": csv_text(at_least(AT_RISK_FROM, every).assign(**facts)),
        "categories.csv": csv_text(said.assign(**facts)),
        "people.html": people_html(looked_back, about),
        "people.csv": csv_text(looked_back.slips.assign(**facts)),
        "commits.csv": csv_text(looked_back.commits.assign(**facts)),
    }


def accuracy_texts(
    store: Store, tables: dict[str, pd.DataFrame], scores: pd.DataFrame, reporting_currency: str
) -> dict[str, str]:
    """Return the text of the accuracy report by file name, judged by what was known at the scores' ``as_of``."""
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    found = accuracy_of(store, present(tables, as_of), tables, reporting_currency, as_of)
    about = About(as_of, str(scores["model_version"].iloc[0]), reporting_currency)
    facts = {"judged_as_of": as_of.isoformat(), "reporting_currency": reporting_currency}
    return {"accuracy.html": accuracy_html(found, about), "accuracy.csv": csv_text(found.said.assign(**facts))}


def _replace(path: Path, text: str) -> Path:
    """Write beside, then rename: a rename is all or nothing."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(name).chmod(0o644)
        return Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
