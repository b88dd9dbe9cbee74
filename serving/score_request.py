"""A deal with its history as a request: the data contract of ``crm/tables.py``, for one deal."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from crm.tables import AMOUNT, CLOSE_DATE, STAGE

_MOST_FACTS = 20_000
_DECIMAL = re.compile(r"-?\d+(\.\d+)?")
_EXAMPLE: dict[str, Any] = {
    "as_of": "2026-03-30T06:00:00Z",
    "deal": {
        "deal_id": "D000123",
        "name": "Fleet telematics, 40 vans",
        "account_id": "A0042",
        "pipeline_id": "new-sales",
        "source": "referral",
        "currency": "EUR",
        "created_at": "2026-01-14T08:00:00Z",
        "attributes": {"segment": "mid-market", "seats": 40},
    },
    "changes": [
        {"field": "stage", "changed_at": "2026-01-14T08:00:00Z", "new_value": "Qualification"},
        {"field": "amount", "changed_at": "2026-01-14T08:00:00Z", "new_value": "48000.00"},
        {"field": "close_date", "changed_at": "2026-01-14T08:00:00Z", "new_value": "2026-04-15"},
        {"field": "owner_id", "changed_at": "2026-01-14T08:00:00Z", "new_value": "U017"},
        {"field": "stage", "changed_at": "2026-02-27T10:12:00Z", "old_value": "Qualification", "new_value": "Proposal"},
    ],
    "interactions": [
        {
            "kind": "email",
            "direction": "inbound",
            "occurred_at": "2026-03-04T09:05:00Z",
            "contact_id": "C0311",
        },
        {
            "kind": "call",
            "direction": "outbound",
            "occurred_at": "2026-03-07T15:40:00Z",
            "known_at": "2026-03-07T15:55:00Z",
            "contact_id": "C0311",
            "duration_s": 720,
        },
    ],
    "contacts": [{"contact_id": "C0311", "role": "Head of operations", "seniority": "director"}],
}


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be blank")
    return text


def _in_utc(instant: datetime) -> datetime:
    # pyarrow drops the offset of an instant in another zone once pandera is imported in the same process.
    return instant.astimezone(UTC)


Id = Annotated[str, Field(max_length=200), AfterValidator(_not_blank)]
Text = Annotated[str, Field(max_length=2_000)]
Instant = Annotated[AwareDatetime, Field(ge=datetime.fromisoformat("1970-01-01T00:00:00Z")), AfterValidator(_in_utc)]


class _Given(BaseModel):
    """What callers send: names that are not in the contract are refused rather than ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class GivenDeal(_Given):
    """The deal, with what was known when it was created."""

    deal_id: Id
    pipeline_id: Id = Field(description="One of the pipelines of the store's stages.")
    currency: str = Field(pattern=r"^[A-Z]{3}$", description="ISO 4217.")
    created_at: Instant
    name: Text | None = None
    account_id: Id | None = None
    source: Text | None = None
    deal_type: Text | None = None
    attributes: dict[str, str | float | bool | None] = Field(
        default_factory=dict, description="Static attributes known at creation."
    )


class GivenChange(_Given):
    """One change of one field. The first stage, amount, close date and owner are changes without an old value."""

    field: Id = Field(description="stage, amount, close_date, owner_id, category, next_step or a custom one.")
    changed_at: Instant
    seq: int = Field(0, ge=0, description="Orders changes of one field at the same instant.")
    old_value: Text | None = None
    new_value: Text | None = Field(None, description="A plain decimal for amount, YYYY-MM-DD for close_date.")
    changed_by: Id | None = None
    known_at: Instant | None = Field(None, description="When it entered the system; as `changed_at` when left out.")

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.known_at is not None and self.known_at < self.changed_at:
            raise ValueError("known_at is before changed_at; a change cannot be known before it happens")
        if self.field == AMOUNT and self.new_value is not None and not _is_decimal(self.new_value):
            raise ValueError(f"the new amount {self.new_value!r} is not a plain decimal such as 12500.00")
        if self.field == CLOSE_DATE and self.new_value is not None and not _is_date(self.new_value):
            raise ValueError(f"the new close date {self.new_value!r} is not a date such as 2026-03-31")
        return self

    @property
    def known(self) -> datetime:
        """When the change entered the system."""
        return self.known_at or self.changed_at


class GivenInteraction(_Given):
    """One email, call, meeting, note or task; a planned one has `occurred_at` after `known_at`."""

    kind: Literal["email", "call", "meeting", "note", "task"]
    occurred_at: Instant
    known_at: Instant | None = Field(None, description="When it entered the system; as `occurred_at` when left out.")
    interaction_id: Id | None = None
    direction: Literal["inbound", "outbound"] | None = None
    contact_id: Id | None = None
    user_id: Id | None = None
    duration_s: float | None = Field(None, ge=0, description="Seconds.")
    outcome: Text | None = None

    @property
    def known(self) -> datetime:
        """When the interaction entered the system."""
        return self.known_at or self.occurred_at


class GivenContact(_Given):
    """A person at the account; contacts that the store knows need not be sent."""

    contact_id: Id
    role: Text | None = None
    seniority: Literal["junior", "manager", "director", "executive"] | None = None


class ScoreRequest(_Given):
    """A deal with its history, to be scored as of an instant.

    Facts known at or after `as_of` are not used, and counted in the answer.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    as_of: Instant | None = Field(None, description="Score as of this instant; now when left out.")
    deal: GivenDeal
    changes: list[GivenChange] = Field(min_length=1, max_length=_MOST_FACTS)
    interactions: list[GivenInteraction] = Field(default_factory=list, max_length=_MOST_FACTS)
    contacts: list[GivenContact] = Field(default_factory=list, max_length=1_000)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        _refuse_twice("changes", [(change.field, change.changed_at, change.seq) for change in self.changes])
        named = [given.interaction_id for given in self.interactions if given.interaction_id is not None]
        _refuse_twice("interactions", named)
        _refuse_twice("contacts", [contact.contact_id for contact in self.contacts])
        if not any(change.field == STAGE for change in self.changes):
            raise ValueError("changes hold no stage; add the first stage, as a change of field 'stage'")
        return self


def _refuse_twice(what: str, keys: list[Any]) -> None:
    seen: set[Any] = set()
    for key in keys:
        if key in seen:
            shown = ", ".join(str(part) for part in key) if isinstance(key, tuple) else key
            raise ValueError(f"{what} has two entries for {shown}; keep one, or tell changes apart by seq")
        seen.add(key)


def _is_decimal(text: str) -> bool:
    try:
        return bool(_DECIMAL.fullmatch(text)) and Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
