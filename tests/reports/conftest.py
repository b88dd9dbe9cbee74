"""Builders of hand-made deals and scores, as seen on Monday 2026-11-16 (FY2026 Q4 for a year from January).

And of whole companies, written by hand as readable tables.
"""

import json
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from crm.fiscal import Period, fiscal_quarter
from crm.money import Rate
from crm.present import COLUMNS
from crm.store_rows import frame_of
from crm.tables import LEDGERS, TABLES

AS_OF = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")
_DEAL = {
    **{
        "name": "Deal",
        "account_id": "A1",
        "account_name": "Acme",
        "region": "EU",
        "segment": "small",
        "pipeline_id": "new",
        "currency": "EUR",
    },
    **{"stage": "Offer", "stage_category": "open", "stage_since": "2026-11-02", "created_at": "2026-09-01"},
    **{"amount": 1000.0, "close_date": "2026-12-20", "owner_id": "U1", "owner_name": "Ann", "team": "North"},
    **{"closed_at": None, "last_interaction_at": "2026-11-10"},
}
_SCORE = {
    **{"as_of": AS_OF, "model_version": "3", "win_probability": 0.5, "stall_risk": 0.6, "patience_days": 30.0},
    **{
        "win_within": [[46, 0.4], [136, 0.5]],
        "win_base": 0.2,
        "win_reasons": [],
        "stall_base": 0.3,
        "stall_reasons": [],
    },
}
_INSTANTS = ("created_at", "stage_since", "closed_at", "last_interaction_at")


def _present_of(*deals: dict) -> pd.DataFrame:
    numbered = [{"deal_id": f"D{n}", **_DEAL, **deal} for n, deal in enumerate(deals, start=1)]
    rows = pd.DataFrame(numbered, columns=list(COLUMNS))
    for name in _INSTANTS:
        rows[name] = pd.to_datetime(rows[name], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    texts = [name for name in COLUMNS if name not in (*_INSTANTS, "amount")]
    return rows.astype({"amount": "float64"} | dict.fromkeys(texts, "str"))


def _scores_of(*scores: dict) -> pd.DataFrame:
    numbered = [{"deal_id": f"D{n}", **_SCORE, **score} for n, score in enumerate(scores, start=1)]
    rows = pd.DataFrame(numbered, columns=list(TABLES["scores"].names))
    for column in TABLES["scores"].columns:
        if column.kind == "json":
            rows[column.name] = rows[column.name].map(json.dumps)
        rows[column.name] = rows[column.name].astype(
            {"number": "float64", "instant": "datetime64[us, UTC]"}.get(column.kind, "str")
        )
    return rows


@pytest.fixture(scope="session")
def present_of() -> Callable[..., pd.DataFrame]:
    """Makes the present of deals D1, D2, ... from what is special about each."""
    return _present_of


@pytest.fixture(scope="session")
def scores_of() -> Callable[..., pd.DataFrame]:
    """Makes the scores of deals D1, D2, ... from what is special about each."""
    return _scores_of


@pytest.fixture(scope="session")
def stages() -> pd.DataFrame:
    names, chances = ["Demo", "Offer", "Won", "Lost"], [0.1, 0.3, 1.0, 0.0]
    rows = pd.DataFrame({"stage": names, "default_probability": chances, "category": ["open", "open", "won", "lost"]})
    return rows.assign(pipeline_id="new", position=[1, 2, 3, 4])


@pytest.fixture(scope="session")
def tables_with(stages) -> Callable[..., dict[str, pd.DataFrame]]:
    """Makes the tables a forecast reads beside the present: the stages, and what is given of the others, as text."""

    def made(**texts: str) -> dict[str, pd.DataFrame]:
        given = {"fx_rates": _FX_RATES} | texts
        names = ("users", "user_changes", "line_items", "quotas", "fx_rates")
        return {"stages": stages} | {name: _written_table(name, given.get(name, "")) for name in names}

    return made


@pytest.fixture(scope="session")
def rates() -> dict[str, Rate]:
    return {"EUR": Rate("EUR", "EUR", "2026-11-15", 1.0), "USD": Rate("USD", "EUR", "2026-11-15", 0.8)}


@pytest.fixture(scope="session")
def quarters() -> list[Period]:
    first = fiscal_quarter(date(2026, 11, 16), 1)
    return [first, first.next()]


_STAGES = """
pipeline_id | stage | position | category
new         | Demo  | 1        | open
new         | Offer | 2        | open
new         | Won   | 3        | won
new         | Lost  | 4        | lost
"""
_FX_RATES = """
currency | quote_currency | day        | rate
USD      | EUR            | 2026-01-02 | 0.8
"""
_DTYPES = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}
_UNSAID = {"currency": "EUR", "pipeline_id": "new", "seq": "0", "active": "1", "kind": "call"}


def _written_table(name: str, text: str) -> pd.DataFrame:
    """A contract table in its dtypes; what is required and not said is usual, ``known_at`` the event's own time."""
    if not text:
        return frame_of(name, [])
    header, *lines = ([cell.strip() or None for cell in line.split("|")] for line in text.strip().splitlines())
    rows = pd.DataFrame(lines, columns=header, dtype=object)
    rows = rows.reindex(columns=list(TABLES[name].names)).astype(object)
    rows = rows.fillna({column: value for column, value in _UNSAID.items() if column in rows})
    if "known_at" in rows:
        rows["known_at"] = rows["known_at"].fillna(rows["changed_at" if "changed_at" in rows else "occurred_at"])
    if name == "interactions":
        rows["interaction_id"] = rows["interaction_id"].fillna(rows.index.to_series().map("I{}".format))
    for column in TABLES[name].columns:
        values = rows[column.name]
        if column.kind == "instant":
            values = pd.to_datetime(values, utc=True, format="ISO8601")
        rows[column.name] = values.astype(_DTYPES.get(column.kind, "str"))
    return rows


def _written(**texts: str) -> dict[str, pd.DataFrame]:
    given = {"stages": _STAGES, **texts}
    return {name: _written_table(name, given.get(name, "")) for name in TABLES if name not in LEDGERS}


@pytest.fixture(scope="session")
def written() -> Callable[..., dict[str, pd.DataFrame]]:
    """Tables written by hand, ``column | column`` and a line per row; those not given are empty, but for stages."""
    return _written
