"""Builders of hand-made deals and scores, as seen on Monday 2026-11-16 (FY2026 Q4 for a year from January)."""

import json
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from crm.fiscal import Period, fiscal_quarter
from crm.money import Rate
from crm.present import COLUMNS
from crm.tables import TABLES

AS_OF = pd.Timestamp("2026-11-16", tz="UTC").as_unit("us")
_DEAL = {
    **{"name": "Deal", "account_id": "A1", "account_name": "Acme", "pipeline_id": "new", "currency": "EUR"},
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
def rates() -> dict[str, Rate]:
    return {"EUR": Rate("EUR", "EUR", "2026-11-15", 1.0), "USD": Rate("USD", "EUR", "2026-11-15", 0.8)}


@pytest.fixture(scope="session")
def quarters() -> list[Period]:
    first = fiscal_quarter(date(2026, 11, 16), 1)
    return [first, first.next()]
