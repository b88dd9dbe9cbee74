"""Companies to compute features of: written by hand as readable tables, drawn at random, and simulated."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from crm.simulate import simulate
from crm.tables import INTERACTION_KINDS, TABLES
from features.grid import now, training_grid
from features.histories import Histories, instant
from features.norms import Norms, norms_of
from features.pipeline import signal_matrix
from features.signals import SIGNALS
from features.snapshots import Snapshots

Tables = dict[str, pd.DataFrame]
_DTYPES = {"instant": "datetime64[us, UTC]", "number": "float64", "integer": "int64", "flag": "bool"}

STAGES = """
pipeline_id | stage | position | category
new         | Demo  | 1        | open
new         | Offer | 2        | open
new         | Terms | 3        | open
new         | Won   | 4        | won
new         | Lost  | 5        | lost
renewal     | Check | 1        | open
renewal     | Done  | 2        | won
"""
USERS = """
user_id | name  | manager_id | team  | active
U1      | Ann   | U1         | North | 1
U2      | Bob   | U1         | North | 1
U3      | Cora  | U1         | South | 1
U4      | Dan   |            |       | 1
"""
ACCOUNTS = """
account_id | industry | size  | region
A1         | steel    | small | EMEA
A2         | retail   | large | EMEA
A3         | steel    |       | APAC
"""
CONTACTS = """
contact_id | account_id | seniority
C1         | A1         | manager
C2         | A1         | director
C3         | A2         | executive
"""
FX_RATES = """
currency | quote_currency | day        | rate
USD      | EUR            | 2024-01-01 | 0.8
USD      | EUR            | 2024-02-29 | 0.9
USD      | EUR            | 2024-03-03 | 0.5
EUR      | GBP            | 2024-01-01 | 0.8
"""


def _frame(name: str, rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Rows as a contract table, every column there and in its dtype; ``known_at`` left out is the event's."""
    table = TABLES[name]
    frame = pd.DataFrame(list(rows), columns=list(table.names), dtype=object)
    if "known_at" in table.names:
        own = "changed_at" if "changed_at" in table.names else "occurred_at"
        frame["known_at"] = frame["known_at"].fillna(frame[own])
    if "seq" in table.names:
        frame["seq"] = frame["seq"].fillna(0)
    for column in table.columns:
        values = frame[column.name]
        if column.kind == "instant":
            frame[column.name] = pd.to_datetime(values, utc=True, format="ISO8601").astype(_DTYPES["instant"])
        else:
            frame[column.name] = values.astype(_DTYPES.get(column.kind, "str"))
    return frame


def _read(text: str) -> list[dict[str, str | None]]:
    header, *lines = ([cell.strip() or None for cell in line.split("|")] for line in text.strip().splitlines())
    return [dict(zip(header, line, strict=True)) for line in lines]


@cache
def _from_text(name: str, text: str) -> pd.DataFrame:
    return _frame(name, _read(text))


def _company(**texts: str) -> Tables:
    given = {"stages": STAGES, "users": USERS, "accounts": ACCOUNTS, "contacts": CONTACTS, "fx_rates": FX_RATES} | texts
    return {name: _from_text(name, given.get(name, "-")) for name in TABLES}


@pytest.fixture(scope="session")
def company() -> Callable[..., Tables]:
    """Tables written by hand, ``column | column`` and a line per row; one not given has its default rows, or none."""
    return _company


@pytest.fixture(scope="session")
def frame() -> Callable[..., pd.DataFrame]:
    """Rows as a contract table."""
    return _frame


@pytest.fixture(scope="session")
def at() -> Callable[[str], int]:
    """An instant, as the kernel counts."""
    return lambda text: instant(datetime.fromisoformat(text).replace(tzinfo=UTC))


def _known(tables: Tables) -> tuple[Histories, Norms]:
    histories = Histories.from_tables(tables)
    return histories, norms_of(histories, tables["fx_rates"], "EUR")


def _signals(tables: Tables, deal_id: str, as_of: int) -> dict[str, float]:
    histories, norms = _known(tables)
    deal = np.flatnonzero(histories.deal_ids == deal_id)
    return dict(zip(SIGNALS, signal_matrix(Snapshots(histories, norms, deal, np.array([as_of])))[0], strict=True))


@pytest.fixture(scope="session")
def known() -> Callable[[Tables], tuple[Histories, Norms]]:
    """Histories and norms of a company that reports in EUR."""
    return _known


@pytest.fixture(scope="session")
def signals() -> Callable[[Tables, str, int], dict[str, float]]:
    """Every signal of one deal at one instant, by name."""
    return _signals


@pytest.fixture(scope="session")
def weekly() -> Callable[[Tables, int], Snapshots]:
    """The training grid of a company up to an instant."""
    return lambda tables, until: training_grid(*_known(tables), every_days=7, until=until)


@pytest.fixture(scope="session")
def scored_now() -> Callable[[Tables, int], Snapshots]:
    """The open deals of a company at an instant."""
    return lambda tables, as_of: now(*_known(tables), as_of)


@pytest.fixture(scope="session")
def demo() -> Tables:
    """The demo CRM in small."""
    return simulate(200, seed=7).tables


# --- Companies drawn at random -------------------------------------------------------------------------------------

CUT = datetime(2024, 3, 4, tzinfo=UTC)
"""A Monday in the week of a leap day. Facts crowd around it and the edges of the windows that end on it."""

_PAST = [-90 * 86400e6, -45 * 86400e6, -30 * 86400e6, -14 * 86400e6, -7 * 86400e6, -86400e6, -3600e6, -1]
OFFSETS = st.sampled_from([*_PAST, *_PAST, -14 * 86400e6 - 1, -7 * 86400e6 + 1, 0, 0, 1, 3600e6, 86400e6, 10 * 86400e6])
LATE = st.sampled_from([0, 0, 0, 0, 1, 3600e6, 86400e6, 7 * 86400e6, 40 * 86400e6])
QUOTES = st.sampled_from([("USD", "EUR"), ("EUR", "USD"), ("EUR", "GBP")])
FIRST_STAGE = {"new": st.sampled_from(["Demo", "Demo", "Won"]), "renewal": st.just("Check")}
VALUES = {
    # Of these each pipeline lacks some.
    "stage": st.sampled_from(["Demo", "Offer", "Terms", "Demo", "Offer", "Terms", "Won", "Lost", "Check", "Done"]),
    "amount": st.sampled_from(["1000", "2500.50", "0", None]),
    "close_date": st.sampled_from(["2024-02-29", "2024-03-04", "2024-04-01", "2024-06-30", None]),
    "owner_id": st.sampled_from(["U1", "U2", "U3", "U4", None]),
}


def _moment(offset: float) -> datetime:
    return CUT + timedelta(microseconds=offset)


@st.composite
def _changes(
    draw: st.DrawFn, deal_id: str, field: str, first: st.SearchStrategy[str | None], created: float, mark: int
) -> list[dict[str, object]]:
    """The first value of a field and up to four more; ``mark`` keeps the keys of two drawings apart."""
    moments = [created, *sorted(draw(st.lists(OFFSETS, max_size=4)))]
    rows: list[dict[str, object]] = []
    for number, moment in enumerate(moments):
        value = draw(VALUES[field] if number else first)
        changed, old = max(moment, created), rows[-1]["new_value"] if rows else None
        late = _moment(changed + draw(LATE))
        seq = 10 * number + mark
        rows.append(
            {"deal_id": deal_id, "field": field, "changed_at": _moment(changed), "known_at": late, "seq": seq}
            | {"old_value": old, "new_value": value}
        )
    return rows


@st.composite
def _talks(draw: st.DrawFn, deal_id: str, mark: int) -> list[dict[str, object]]:
    """Up to five interactions of any kind, some entered late, some planned ahead."""
    rows: list[dict[str, object]] = []
    for number in range(draw(st.integers(0, 5))):
        occurred, late = draw(OFFSETS), draw(LATE) * draw(st.sampled_from([1, 1, -1]))
        rows.append(
            {
                "interaction_id": f"{deal_id}-{9 - number}-{mark}",  # of two at one instant the later row comes first
                "deal_id": deal_id,
                "kind": draw(st.sampled_from(INTERACTION_KINDS)),
            }
            | {"direction": draw(st.sampled_from(["inbound", "outbound", None]))}
            | {"occurred_at": _moment(occurred), "known_at": _moment(occurred + late)}
            | {"contact_id": draw(st.sampled_from(["C1", "C2", "C3", None]))}
            | {"user_id": draw(st.sampled_from(["U1", "U2", "U3", None]))}
        )
    return rows


@st.composite
def _deal(draw: st.DrawFn, deal_id: str) -> dict[str, object]:
    return {
        "deal_id": deal_id,
        "pipeline_id": draw(st.sampled_from(["new", "new", "new", "renewal"])),
        "account_id": draw(st.sampled_from(["A1", "A2", "A3", None])),
        "source": draw(st.sampled_from(["web", "fair"])),
        "deal_type": draw(st.sampled_from(["first", "further", None])),
        "currency": draw(st.sampled_from(["EUR", "EUR", "USD", "GBP", "XXX"])),
        "created_at": _moment(draw(OFFSETS)),
    }


@st.composite
def _histories_of(draw: st.DrawFn, deals: list[dict[str, object]], mark: int) -> dict[str, list[dict[str, object]]]:
    """Changes and interactions of deals, and rates."""
    changes, talks = [], []
    for deal in deals:
        created = (deal["created_at"] - CUT) / timedelta(microseconds=1)  # type: ignore[operator]
        for field in VALUES:
            if field == "stage" or draw(st.integers(0, 3)):
                first = FIRST_STAGE[deal["pipeline_id"]] if field == "stage" else VALUES[field]  # type: ignore[index]
                changes += draw(_changes(deal["deal_id"], field, first, created, mark))
        talks += draw(_talks(deal["deal_id"], mark))
    days = draw(st.lists(OFFSETS, max_size=6))
    rates = {(draw(QUOTES), _moment(day).date().isoformat()): draw(st.sampled_from([0.5, 0.8, 1.25])) for day in days}
    fx_rates = [
        {"currency": currency, "quote_currency": quote, "day": day, "rate": rate}
        for ((currency, quote), day), rate in rates.items()
    ]
    return {"deal_changes": changes, "interactions": talks, "fx_rates": fx_rates}


@cache
def _crowd() -> Tables:
    """Twenty-four dull deals of the past, so that every stage has its norm and customers have answered."""
    deals, changes, talks = [], [], []
    for number in range(24):
        deal_id, created_at = f"Z{number:02}", CUT - timedelta(days=200 - number)
        deals.append({"deal_id": deal_id, "pipeline_id": "new", "currency": "EUR", "created_at": created_at})
        for step, stage in enumerate(["Demo", "Offer", "Terms", "Won" if number % 3 else "Lost"]):
            moved_at = created_at + timedelta(days=step * (number + 1))
            row = {"deal_id": deal_id, "field": "stage", "new_value": stage}
            changes.append(row | {"changed_at": moved_at, "known_at": moved_at})
        for direction, hours in (("outbound", 1), ("inbound", 2 + number)):
            row = {"interaction_id": f"{deal_id}-{direction}", "deal_id": deal_id, "kind": "email"}
            talks.append(row | {"direction": direction, "occurred_at": created_at + timedelta(hours=hours)})
    rows = {"deals": deals, "deal_changes": changes, "interactions": talks}
    return {name: _frame(name, some) for name, some in rows.items()}


@pytest.fixture(scope="session")
def companies() -> st.SearchStrategy[tuple[Tables, Tables, Tables]]:
    """A company, the same with another future (from ``cut`` on), and the same with none."""
    return _three_futures()


@st.composite
def _three_futures(draw: st.DrawFn) -> tuple[Tables, Tables, Tables]:
    deals = [draw(_deal(f"D{number}")) for number in range(draw(st.integers(2, 6)))]
    born = [deal for deal in deals if deal["created_at"] < CUT]
    unborn = [draw(_deal(f"E{number}")) | {"created_at": _moment(0)} for number in range(draw(st.integers(0, 2)))]
    first, second = draw(_histories_of(deals, 1)), draw(_histories_of([*born, *unborn], 2))
    past = {name: [row for row in rows if _is_past(name, row, born)] for name, rows in first.items()}
    other = {name: [row for row in rows if not _is_past(name, row, born)] for name, rows in second.items()}
    return (
        _tables(deals, first),
        _tables([*born, *unborn], {name: past[name] + other[name] for name in past}),
        _tables(born, past),
    )


def _is_past(name: str, row: Mapping[str, object], born: list[dict[str, object]]) -> bool:
    if name == "fx_rates":
        return str(row["day"]) < CUT.date().isoformat()
    return row["known_at"] < CUT and any(row["deal_id"] == deal["deal_id"] for deal in born)  # type: ignore[operator]


def _tables(deals: list[dict[str, object]], facts: Mapping[str, list[dict[str, object]]]) -> Tables:
    tables = {name: _frame(name, rows) for name, rows in facts.items()} | {"deals": _frame("deals", deals)}
    return _company() | tables | {name: pd.concat([rows, tables[name]]) for name, rows in _crowd().items()}


@pytest.fixture(scope="session")
def cut() -> int:
    """The instant at which the futures of ``companies`` part."""
    return instant(CUT)
