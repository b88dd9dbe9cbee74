"""A small real store with hand-made deals and scores, and the app around it."""

import json
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from crm.store import Store, open_store
from crm.store_rows import frame_of
from crm.tables import TABLES
from models.closing_time import ClosingTime
from models.probability import ProbabilityModel
from models.rungs import StageRate
from models.scorer import Scorer
from models.scoring import Scoring
from reports.interval_calibration import Coverage, IntervalCalibration
from reports.measured_widths import FISCAL_QUARTERS, MeasuredWidths
from reports.shocks import Shock
from serving.app import create_app
from serving.auth import ApiKey
from serving.services import Champion

with warnings.catch_warnings():
    # Starlette asks for another client library; the one that is locked works as well.
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

KEY = "a-key-for-tests-0123456789"
AS_OF = datetime(2026, 3, 30, 6, tzinfo=UTC)
NOW = AS_OF + timedelta(hours=3)
NASTY = "<script>alert('x')</script>"

# deal_id, owner, stage, amount, currency, win probability, stall risk, close date
DEALS = [
    ("D1", "U1", "proposal", "100000.00", "EUR", 0.5, 0.4, "2026-04-15"),
    ("D2", "U1", "lead", "20000.00", "EUR", 0.2, 0.5, "2026-03-01"),
    ("D3", "U2", "proposal", "50000.00", "USD", 0.6, 0.3, "2026-05-31"),
    ("D4", "U2", "lead", None, "EUR", 0.3, 0.6, None),
    ("D5", "U3", "lead", "7000.00", "EUR", 0.9, 0.05, "2026-04-02"),
    ("D6", "U3", "proposal", "65000.00", "EUR", 0.4, None, "2026-07-10"),
    ("D 7/ü", "U9", "lead", "1000.00", "XXX", 0.1, 0.2, "2026-06-30"),
]
RANKED = ["D1", "D6", "D3", "D2", "D5", "D4", "D 7/ü"]


def rows(table: str, *records: dict) -> pd.DataFrame:
    """Records as a frame of ``table`` in contract dtypes."""
    names = TABLES[table].names
    return frame_of(table, [[tuple(record.get(name) for name in names) for record in records]] if records else [])


def tables() -> dict[str, pd.DataFrame]:
    """Seven open deals of four owners, and one that was won."""
    created = datetime(2026, 1, 10, 9, tzinfo=UTC)
    deals, changes = [], []
    for deal_id, owner, stage, amount, currency, *_, close_date in [
        *DEALS,
        ("D8", "U1", "lead", "9000.00", "EUR", 0, 0, "2026-03-20"),
    ]:
        name = NASTY if deal_id == "D2" else f"Deal {deal_id}"
        deals.append(
            {
                "deal_id": deal_id,
                "name": name,
                "account_id": "A1",
                "pipeline_id": "P",
                "currency": currency,
                "created_at": created,
            }
        )
        first = {"stage": stage, "amount": amount, "close_date": close_date, "owner_id": owner}
        changes += [_change(deal_id, field, created, None, value) for field, value in first.items() if value]
    changes.append(_change("D8", "stage", datetime(2026, 3, 18, tzinfo=UTC), "lead", "won"))
    changes.append(_change("D1", "close_date", datetime(2026, 2, 20, tzinfo=UTC), "2026-03-15", "2026-04-15"))
    changes.append(_change("D1", "next_step", AS_OF + timedelta(hours=1), None, "Send the contract"))
    return {
        "accounts": rows("accounts", {"account_id": "A1", "name": "Norte & Söhne"}),
        "users": rows(
            "users",
            {"user_id": "U1", "name": "Ines Ferreira", "team": "South", "active": True},
            {"user_id": "U2", "name": "Ada Berg", "team": "North", "manager_id": "U4", "active": True},
            {"user_id": "U3", "name": "Tom Lind", "team": "North", "manager_id": "U4", "active": True},
            {"user_id": "U4", "name": "Ruth Vogel", "active": True},
        ),
        "stages": rows(
            "stages",
            {"pipeline_id": "P", "stage": "lead", "position": 1, "category": "open", "default_probability": 0.2},
            {"pipeline_id": "P", "stage": "proposal", "position": 2, "category": "open", "default_probability": 0.5},
            {"pipeline_id": "P", "stage": "won", "position": 3, "category": "won", "default_probability": 1.0},
            {"pipeline_id": "P", "stage": "lost", "position": 4, "category": "lost", "default_probability": 0.0},
        ),
        "fx_rates": rows("fx_rates", {"currency": "USD", "quote_currency": "EUR", "day": "2026-03-02", "rate": 0.9}),
        "quotas": rows(
            "quotas",
            {
                "owner_id": "U1",
                "period_start": "2026-01-01",
                "period_end": "2026-04-01",
                "amount": "18000.00",
                "currency": "EUR",
            },
        ),
        "contacts": rows("contacts", {"contact_id": "C1", "account_id": "A1", "name": "Jo", "seniority": "director"}),
        "deals": rows("deals", *deals),
        "deal_changes": rows("deal_changes", *changes),
        "interactions": rows(
            "interactions",
            _interaction("I1", "call", datetime(2026, 3, 7, 15, tzinfo=UTC), 0, duration_s=720.0),
            _interaction("I2", "email", datetime(2026, 3, 1, 15, tzinfo=UTC), 3, direction="inbound"),
            _interaction("I3", "meeting", datetime(2026, 4, 8, 15, tzinfo=UTC), -20),
        ),
    }


def _change(deal_id: str, field: str, at: datetime, old: str | None, new: str | None) -> dict:
    return {
        "deal_id": deal_id,
        "field": field,
        "changed_at": at,
        "seq": 0,
        "old_value": old,
        "new_value": new,
        "known_at": at,
    }


def _interaction(interaction_id: str, kind: str, at: datetime, days_late: int, **more: object) -> dict:
    return {
        "interaction_id": interaction_id,
        "deal_id": "D1",
        "kind": kind,
        "direction": "outbound",
        "occurred_at": at,
        "known_at": at + timedelta(days=days_late),
    } | more


CLOSES_IN_DAYS = {"expected_close": 50, "close_p10": 7, "close_p50": 42, "close_p90": 120}


def _day_after(as_of: datetime, days: int) -> str:
    return (as_of + timedelta(days=days)).date().isoformat()


def score_row(deal_id: str, win: float, stall: float | None, as_of: datetime = AS_OF, version: str = "7") -> dict:
    """One row of the scores ledger whose reasons sum with the base to the score."""
    small = 0.01
    return {
        "deal_id": deal_id,
        "as_of": as_of,
        "model_version": version,
        "win_probability": win,
        "win_low": win * 0.8,
        "win_high": 1 - (1 - win) * 0.8,
        "stall_risk": stall,
        "stall_low": None if stall is None else stall * 0.8,
        "stall_high": None if stall is None else 1 - (1 - stall) * 0.8,
        "lost_in_patience": None if stall is None else (1 - stall) * 0.1,
        "patience_days": 21.0,
        "win_within": json.dumps([[7, win * 0.1], [28, win * 0.4], [91, win * 0.8], [364, win]]),
        "lost_within": json.dumps([[7, (1 - win) * 0.1], [28, (1 - win) * 0.4], [91, (1 - win) * 0.8], [364, 1 - win]]),
        **{f"{name}_date": _day_after(as_of, days) for name, days in CLOSES_IN_DAYS.items()},
        "slip_probability": 0.6,
        "slipped_close_date": _day_after(as_of, 70),
        "win_base": 0.35,
        "win_reasons": json.dumps(
            [
                {
                    "signal": "days_since_last_inbound",
                    "group": "engagement",
                    "value": 23.0,
                    "typical": 6.0,
                    "points": win - 0.35 - small,
                    "sentence": "No reply for 23 days; deals won from this stage were answered within 6",
                },
                {
                    "signal": "other",
                    "group": "other",
                    "value": float("nan"),
                    "typical": None,
                    "points": small,
                    "sentence": "All other signals together",
                },
            ]
        ),
        "stall_base": None if stall is None else 0.25,
        "stall_reasons": json.dumps(
            []
            if stall is None
            else [{"signal": "days_in_stage", "group": "momentum", "points": stall - 0.25, "sentence": "31 days here"}]
        ),
        "note": "not enough data: 12 won deals, 40 are needed; this is the stage's past win rate"
        if deal_id == "D4"
        else None,
    }


def all_scores(as_of: datetime = AS_OF, version: str = "7") -> pd.DataFrame:
    """A score for every open deal."""
    return rows("scores", *(score_row(deal[0], deal[5], deal[6], as_of, version) for deal in DEALS))


def backtested() -> pd.DataFrame:
    """A row of table backtests: of whole and teams; how often ranges held is known with one or two weeks to go."""
    factors = {("whole", 0): 1.5, ("team", 0): 1.25, ("whole", 4): 1.5, ("team", 4): 1.5}
    coverage = {("whole", 0): Coverage(0.857, 14, 7), ("team", 0): Coverage(0.79, 42, 7)}
    plan = "3 blocks of time and up to 120 trees"
    calibration = IntervalCalibration(factors, coverage)
    return MeasuredWidths(date(2026, 1, 1), FISCAL_QUARTERS, 7, plan, calibration, Shock(0.2, 8.0)).row(AS_OF)


def fake_score(tables: dict[str, pd.DataFrame], as_of: datetime) -> pd.DataFrame:
    """Score the deals of a request: the more of its interactions are known, the likelier it is won."""
    known = int((tables["interactions"]["known_at"] < as_of).sum())
    return rows("scores", *(score_row(deal_id, 0.1 + 0.1 * known, 0.3) for deal_id in tables["deals"]["deal_id"]))


def stage_rates() -> tuple[Scoring, str]:
    """A real scorer that knows of stages only, with the norms of the hand-made deals."""
    win, stall = (_rate(by_stage) for by_stage in ({"P/lead": 0.2, "P/proposal": 0.5}, {}))
    scorer = Scorer(win, stall, ClosingTime(), (7.0, 90.0, 30.0), "2026-03-30", "not enough data")
    return Scoring.of_company(scorer, tables_with_all(), "EUR"), "7"


def _rate(by_stage: dict[str, float]) -> ProbabilityModel:
    rate = StageRate()
    rate.base_, rate.rate_, rate.n_deals_ = 0.35, by_stage, dict.fromkeys(by_stage, 1.0)
    return ProbabilityModel(signals=("stage_win_rate",), stage_rate=rate, stage_signal="stage_win_rate")


def tables_with_all() -> dict[str, pd.DataFrame]:
    """The hand-made tables, and the empty ones beside them."""
    return {name: rows(name) for name in TABLES} | tables()


@pytest.fixture
def hand_made() -> SimpleNamespace:
    """The values that tests compare with, and what makes more rows."""
    made = {"rows": rows, "score_row": score_row, "all_scores": all_scores, "backtested": backtested}
    return SimpleNamespace(key=KEY, as_of=AS_OF, now=NOW, nasty=NASTY, ranked=RANKED, **made)


@pytest.fixture(scope="session")
def filled_database(tmp_path_factory) -> Path:
    """A database with the deals and no scores, made once and copied for each test."""
    path = tmp_path_factory.mktemp("serving") / "filled.db"
    opened = open_store(f"sqlite:///{path}")
    for name, frame in tables().items():
        opened.write(name, frame)
    opened.close()
    return path


@pytest.fixture
def store(tmp_path, filled_database) -> Iterator[Store]:
    """A store with deals and no scores."""
    shutil.copy(filled_database, tmp_path / "plumbline.db")
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield opened
    opened.close()


@contextmanager
def clients() -> Iterator[Callable[..., TestClient]]:
    """Make clients of apps around a store, closed at the end; they show the key unless told otherwise."""
    made = []

    def make(
        store: Store, *, key: str | None = KEY, champion: Champion | None = None, **settings: object
    ) -> TestClient:
        champion = champion or Champion(fake_score, lambda: "7", scoring=stage_rates)
        settings = {"clock": lambda: NOW, "check_every_s": 0.0} | settings
        app = create_app(store, champion, api_key=ApiKey(KEY), **settings)
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        made.append(TestClient(app, headers=headers, raise_server_exceptions=False, follow_redirects=False))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def make_client() -> Iterator[Callable[..., TestClient]]:
    """Make a client of an app of the test's own."""
    with clients() as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_client() -> Iterator[Callable[..., TestClient]]:
    """Make a client of an app that a module's tests share, because they only read."""
    with clients() as make:
        yield make


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Wait until something comes true; newer scores are taken up in the background."""

    def wait(comes_true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not comes_true():
            assert time.monotonic() < deadline, "it did not come true within half a minute"
            time.sleep(0.02)

    return wait


@pytest.fixture
def client(store, make_client) -> TestClient:
    """A client of an app whose deals are scored."""
    store.append("scores", all_scores())
    return make_client(store)


@pytest.fixture
def score_request() -> dict:
    """A deal with two facts before and two at or after 2026-03-30 06:00 UTC."""
    return {
        "as_of": "2026-03-30T06:00:00Z",
        "deal": {"deal_id": "X1", "pipeline_id": "P", "currency": "EUR", "created_at": "2026-02-01T00:00:00Z"},
        "changes": [
            {"field": "stage", "changed_at": "2026-02-01T00:00:00Z", "new_value": "lead"},
            {"field": "stage", "changed_at": "2026-03-30T06:00:00Z", "old_value": "lead", "new_value": "won"},
        ],
        "interactions": [
            {"kind": "call", "direction": "inbound", "occurred_at": "2026-03-01T09:00:00+02:00", "contact_id": "C1"},
            {"kind": "email", "occurred_at": "2026-03-01T09:00:00Z", "known_at": "2026-03-30T06:00:00Z"},
        ],
    }
