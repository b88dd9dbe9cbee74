"""The data contract: every table, its columns, their kinds and rules, each declared once.

Checks (``crm/checks.py``), the store (``crm/store.py``) and the documentation are all made from these declarations.

How each kind is held in a pandas frame, and in the store:

======== ============================================== =====================
kind     in a frame                                      in the store
======== ============================================== =====================
text     string                                          TEXT
instant  ``datetime64[us, UTC]``                         BIGINT, microseconds since 1970 UTC
date     string ``YYYY-MM-DD``                           TEXT
decimal  string holding a plain decimal, ``"12500.00"``  TEXT
number   ``float64``                                     DOUBLE PRECISION
integer  ``int64``                                       BIGINT
flag     ``bool``                                        BOOLEAN
json     string holding a JSON document                  TEXT
======== ============================================== =====================
"""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "instant", "date", "decimal", "number", "integer", "flag", "json"]

# Fields of a deal that can change and that Plumbline understands; any other name is a custom field.
STAGE, AMOUNT, CLOSE_DATE, OWNER, CATEGORY, NEXT_STEP = (
    "stage",
    "amount",
    "close_date",
    "owner_id",
    "category",
    "next_step",
)

STAGE_CATEGORIES = ("open", "won", "lost")
INTERACTION_KINDS = ("email", "call", "meeting", "note", "task")
DIRECTIONS = ("inbound", "outbound")
SENIORITIES = ("junior", "manager", "director", "executive")
ADJUSTED_LEVELS = ("whole", "team", "owner", "manager")
CALENDAR_SETTINGS = ("fiscal_year_start_month", "fiscal_pattern", "fiscal_year_rule", "week_start", "holiday")


@dataclass(frozen=True)
class Column:
    """One column: its name, its kind, whether it may be missing, and the values it may take."""

    name: str
    kind: Kind = "text"
    required: bool = False
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Table:
    """One table: its name, what one row is, its columns, and the columns that tell its rows apart."""

    name: str
    one_row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        """Return the column called ``name``; raises ``KeyError`` when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""
        return tuple(column.name for column in self.columns)


def _id(name: str, *, required: bool = True) -> Column:
    return Column(name, required=required)


def _table(name: str, one_row: str, key: str, *columns: Column) -> Table:
    return Table(name, one_row, tuple(key.split()), columns)


_TABLES = (
    _table(
        "accounts",
        "a company that buys",
        "account_id",
        _id("account_id"),
        Column("name"),
        Column("industry"),
        Column("size"),
        Column("region"),
    ),
    _table(
        "contacts",
        "a person at an account",
        "contact_id",
        _id("contact_id"),
        _id("account_id", required=False),
        Column("name"),
        Column("role"),
        Column("seniority", choices=SENIORITIES),
    ),
    _table(
        "users",
        "a person who sells, or manages those who do",
        "user_id",
        _id("user_id"),
        Column("name"),
        Column("email"),
        _id("manager_id", required=False),
        Column("team"),
        Column("active", "flag", required=True),
    ),
    _table(
        "user_changes",
        "one change of a user's team or manager; table users holds the present ones",
        "user_id field changed_at seq",
        _id("user_id"),
        Column("field", required=True, choices=("team", "manager_id")),
        Column("changed_at", "instant", required=True),
        Column("seq", "integer", required=True, minimum=0),
        Column("old_value"),
        Column("new_value"),
        Column("known_at", "instant", required=True),
    ),
    _table(
        "stages",
        "a stage of a pipeline; position counts from 1",
        "pipeline_id stage",
        _id("pipeline_id"),
        _id("stage"),
        Column("position", "integer", required=True, minimum=0),
        Column("category", required=True, choices=STAGE_CATEGORIES),
        Column("default_probability", "number", minimum=0, maximum=1),
    ),
    _table(
        "deals",
        "a deal, with what was known when it was created",
        "deal_id",
        _id("deal_id"),
        Column("name"),
        _id("account_id", required=False),
        _id("pipeline_id"),
        Column("source"),
        Column("deal_type"),
        Column("currency", required=True),
        Column("created_at", "instant", required=True),
        Column("attributes", "json"),
    ),
    _table(
        "deal_changes",
        "one change of one field of one deal",
        "deal_id field changed_at seq",
        _id("deal_id"),
        _id("field"),
        Column("changed_at", "instant", required=True),
        Column("seq", "integer", required=True, minimum=0),
        Column("old_value"),
        Column("new_value"),
        _id("changed_by", required=False),
        Column("known_at", "instant", required=True),
    ),
    _table(
        "interactions",
        "one email, call, meeting, note or task about a deal",
        "interaction_id",
        _id("interaction_id"),
        _id("deal_id"),
        Column("kind", required=True, choices=INTERACTION_KINDS),
        Column("direction", choices=DIRECTIONS),
        Column("occurred_at", "instant", required=True),
        Column("known_at", "instant", required=True),
        _id("contact_id", required=False),
        _id("user_id", required=False),
        Column("duration_s", "number", minimum=0),
        Column("outcome"),
    ),
    _table(
        "line_items",
        "a product on a deal",
        "deal_id product_id",
        _id("deal_id"),
        _id("product_id"),
        Column("quantity", "number", required=True),
        Column("unit_price", "decimal", required=True),
        Column("payment_terms"),
    ),
    _table(
        "quotas",
        "what an owner is to win in a period; the end day is excluded",
        "owner_id period_start period_end",
        _id("owner_id"),
        Column("period_start", "date", required=True),
        Column("period_end", "date", required=True),
        Column("amount", "decimal", required=True),
        Column("currency", required=True),
    ),
    _table(
        "fx_rates",
        "what one unit of a currency was worth in the quote currency on a day",
        "currency quote_currency day",
        Column("currency", required=True),
        Column("quote_currency", required=True),
        Column("day", "date", required=True),
        Column("rate", "number", required=True, minimum=0),
    ),
    _table(
        "calendar",
        "one setting: fiscal_year_start_month (1 to 12), fiscal_pattern (months, 4-4-5, 4-5-4 or 5-4-4),"
        " fiscal_year_rule (nearest or last), week_start (a day such as monday) or holiday (a date)",
        "setting value",
        Column("setting", required=True, choices=CALENDAR_SETTINGS),
        Column("value", required=True),
    ),
    _table(
        "scores",
        "what a scorer said of an open deal at an instant; appended, never changed",
        "deal_id as_of model_version",
        _id("deal_id"),
        Column("as_of", "instant", required=True),
        _id("model_version"),
        Column("inputs_digest"),
        Column("win_probability", "number", required=True, minimum=0, maximum=1),
        Column("win_low", "number", minimum=0, maximum=1),
        Column("win_high", "number", minimum=0, maximum=1),
        Column("stall_risk", "number", minimum=0, maximum=1),
        Column("stall_low", "number", minimum=0, maximum=1),
        Column("stall_high", "number", minimum=0, maximum=1),
        Column("lost_in_patience", "number", minimum=0, maximum=1),
        Column("patience_days", "number", minimum=0),
        Column("win_within", "json", required=True),
        Column("lost_within", "json", required=True),
        Column("expected_close_date", "date"),
        Column("close_p10_date", "date"),
        Column("close_p50_date", "date"),
        Column("close_p90_date", "date"),
        Column("slip_probability", "number", minimum=0, maximum=1),
        Column("slipped_close_date", "date"),
        Column("win_base", "number", required=True, minimum=0, maximum=1),
        Column("win_reasons", "json", required=True),
        Column("stall_base", "number", minimum=0, maximum=1),
        Column("stall_reasons", "json", required=True),
        Column("note"),
        Column("issued_at", "instant"),
    ),
    _table(
        "adjustments",
        "what a person calls for a group and a period, or takes back (without an amount); appended, never changed",
        "number",
        Column("number", "integer", required=True),
        Column("made_at", "instant", required=True),
        Column("author", required=True),
        Column("level", required=True, choices=ADJUSTED_LEVELS),
        _id("group_id", required=False),
        Column("period_start", "date", required=True),
        Column("period_end", "date", required=True),
        Column("amount", "decimal"),
        Column("currency", required=True),
        Column("note", required=True),
    ),
    _table(
        "forecasts",
        "what was forecast of a group's money won in a period, as of an instant; appended, never changed",
        "as_of model_version reporting_currency period level id",
        Column("as_of", "instant", required=True),
        _id("model_version"),
        Column("reporting_currency", required=True),
        _id("period"),
        _id("level"),
        _id("id"),
        Column("period_start", "date", required=True),
        Column("period_end", "date", required=True),
        Column("name"),
        Column("inputs_digest"),
        Column("closed", "decimal", required=True),
        Column("open_expected", "decimal", required=True),
        Column("new_expected", "decimal", required=True),
        Column("expected", "decimal", required=True),
        Column("p10", "decimal", required=True),
        Column("p50", "decimal", required=True),
        Column("p90", "decimal", required=True),
        Column("stage_weighted", "decimal"),
        Column("committed", "decimal"),
        Column("quota", "decimal"),
        Column("reach_probability", "number", minimum=0, maximum=1),
        Column("n_open", "integer", required=True, minimum=0),
        Column("width_factor", "number", minimum=0),
        Column("reasons", "json", required=True),
        Column("issued_at", "instant"),
    ),
    _table(
        "backtests",
        "how wide ranges of forecasts must be, and how often they held, as a backtest found; appended, never changed",
        "measured_at",
        Column("measured_at", "instant", required=True),
        Column("last_period_end", "date", required=True),
        Column("periods", required=True),
        Column("n_periods", "integer", required=True, minimum=1),
        Column("plan", required=True),
        Column("interval_calibration", "json", required=True),
        Column("shock_scale", "number", required=True, minimum=0),
        Column("shock_degrees_of_freedom", "number", minimum=2),
    ),
)

TABLES: dict[str, Table] = {table.name: table for table in _TABLES}
"""Every table by name, in an order in which what is referred to comes first."""

OF_DEALS = ("deals", "deal_changes", "interactions", "line_items")
"""Tables whose rows are about single deals, and grow with them."""

TOLD = {"deals": "created_at", "deal_changes": "known_at", "interactions": "known_at"}
"""By which instant a row of each large table became known."""

LEDGERS = frozenset({"scores", "forecasts", "adjustments", "backtests"})
"""Tables that are only appended to; everything else is imported and upserted by key."""

ISSUED = ("scores", "forecasts")
"""Ledgers of what was issued as of instants; of old instants one a week stays, of other ledgers everything."""
