"""Write reports into a folder: those of the latest scores, and the quality of what was imported."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import pandas as pd

from crm.errors import NotEnoughDataError
from crm.fiscal import this_and_next_quarter
from crm.money import Rate, known_rates, rates_day
from crm.present import present
from crm.store import Store
from features.declared import NOTHING, Declared
from reports.at_risk import AT_RISK_FROM, at_least, attention
from reports.forecast import forecast
from reports.forecast_learned import learn
from reports.measured_widths import MeasuredWidths, widths_as_of
from reports.quality import Quality, open_signals, quality
from reports.render import About, at_risk_html, csv_text, forecast_html, quality_html


def write_reports(store: Store, folder: Path, reporting_currency: str) -> list[Path]:
    """Write the forecast and the deals at risk, each as a page and as CSV, and return the files.

    A file is replaced whole or not at all, so a reader never sees half a report.

    Raises
    ------
    NotEnoughDataError
        There are no scores yet.
    """
    scores = store.latest_scores()
    if scores.empty:
        raise NotEnoughDataError("There are no scores to report on; run `plumbline score` first.")
    folder.mkdir(parents=True, exist_ok=True)
    widths = widths_as_of(store.read("backtests"), scores["as_of"].iloc[0].to_pydatetime())
    texts = report_texts(store.read_all(), scores, reporting_currency, widths)
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
    reporting_currency: str,
    widths: MeasuredWidths | None = None,
) -> dict[str, str]:
    """Return the text of every report by file name, for scores that are all of one ``as_of``."""
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    deals = present(tables, as_of)
    still_open = deals[deals["stage_category"] == "open"]
    rates = known_rates(tables["fx_rates"], reporting_currency, rates_day(as_of))
    used = [rates[name] for name in sorted(set(still_open["currency"])) if name in rates and name != reporting_currency]
    learned = learn(tables, as_of, rates, known=deals, widths=widths)
    measured = widths.says(as_of) if widths else None
    about = About(as_of, str(scores["model_version"].iloc[0]), reporting_currency, used, measured)
    rows = forecast(deals, scores, tables, rates, this_and_next_quarter(as_of, tables["calendar"]), learned)
    every = attention(deals, scores, rates)
    no_rate = _without_rate(still_open, rates, reporting_currency, rates_day(as_of))
    notes = [*_notes(rows, reporting_currency), *no_rate]
    n_no_amount = int(still_open["amount"].isna().sum())
    risk_notes = [f"{_deals(n_no_amount)} without an amount: they come last."] * (n_no_amount > 0) + no_rate
    facts = {"as_of": as_of.isoformat(), "model_version": about.model_version, "reporting_currency": reporting_currency}
    return {
        "forecast.html": forecast_html(rows, about, notes),
        "forecast.csv": csv_text(rows.assign(**facts)),
        "at-risk.html": at_risk_html(every, about, AT_RISK_FROM, risk_notes),
        "at-risk.csv": csv_text(at_least(AT_RISK_FROM, every).assign(**facts)),
    }


def _notes(rows: pd.DataFrame, reporting_currency: str) -> list[str]:
    """What is missing from the forecast, in sentences; a reader must not take it for zero."""
    whole = rows[rows["level"] == "whole"].iloc[0]
    period, some_quota = whole["period"], rows["quota"].notna().any()
    parts = [
        (
            whole["n_imputed"],
            f"{_deals(whole['n_imputed'])} without an amount: counted with what won deals of their stage brought on"
            " average.",
        ),
        (
            whole["n_without_score"],
            f"{_deals(whole['n_without_score'])} without a score: they are not in the forecast.",
        ),
        (
            whole["n_won_without_amount"],
            f"{whole['n_won_without_amount']} won deals of {period} have no amount in {reporting_currency}.",
        ),
        (
            whole["n_without_quota"] if some_quota else 0,
            f"Owners without a quota for {period}: {whole['n_without_quota']}. What they win counts, so sums of quotas"
            " are only part of what is to be won.",
        ),
        (
            whole["n_without_stage_probability"],
            "There is no stage-weighted figure where a stage has no default probability (table stages).",
        ),
    ]
    return [sentence for count, sentence in parts if count]


def _without_rate(still_open: pd.DataFrame, rates: Mapping[str, Rate], reporting_currency: str, day: date) -> list[str]:
    """Which currencies have no rate, on which day."""
    rows = still_open[still_open["amount"].notna() & ~still_open["currency"].isin(rates)]
    if rows.empty:
        return []
    currencies = ", ".join(sorted(set(rows["currency"])))
    return [
        f"{_deals(len(rows))} in {currencies}, for which no rate to {reporting_currency} is known on or before {day}:"
        " nothing is expected from them here. Add rates to fx_rates."
    ]


def _deals(count: int) -> str:
    return "1 open deal is" if count == 1 else f"{count} open deals are"


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
