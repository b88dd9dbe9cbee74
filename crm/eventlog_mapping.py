"""The mapping of an event log: which activities are stages, interactions, wins and losses."""

from typing import Literal

from pydantic import Field, field_validator

from crm.mapping_parts import Format, StageMapping, Strict, known_currency
from crm.rejects import did_you_mean
from crm.tables import INTERACTION_KINDS


class EventColumns(Strict):
    """What the columns of a CSV of events are called."""

    case: str = "case_id"
    activity: str = "activity"
    timestamp: str = "timestamp"
    resource: str | None = "resource"
    lifecycle: str | None = "lifecycle"


class Amount(Strict):
    """A case's amount: an attribute of the trace in XES, a column of the table of cases beside a CSV of events."""

    attribute: str
    column: str


class EventInteraction(Strict):
    """Activities that are work on a deal: each piece of work, from its start to its completion, is one interaction."""

    kind: str
    direction: Literal["inbound", "outbound"] | None = None
    activities: tuple[str, ...] = Field(min_length=1)

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str) -> str:
        if kind not in INTERACTION_KINDS:
            hint = did_you_mean(kind, INTERACTION_KINDS)
            raise ValueError(f'"{kind}" is no kind of interaction{hint}; use {", ".join(INTERACTION_KINDS)}')
        return kind


class Lifecycle(Strict):
    """The transitions that announce a piece of work, start it and complete it; upper and lower case count alike."""

    schedules: tuple[str, ...] = ("schedule",)
    starts: tuple[str, ...] = ("start",)
    completes: tuple[str, ...] = ("complete",)


class EventLogMapping(Format):
    """A log of events: one case is one deal."""

    kind: Literal["event_log"]
    about: str = ""
    events: tuple[str, ...] = Field(min_length=1)
    cases: tuple[str, ...] = ()
    columns: EventColumns = EventColumns()
    lifecycle: Lifecycle = Lifecycle()
    pipeline: str = "sales"
    currency: str
    deal_name: str = "{case}"
    amount: Amount | None = None
    stages: tuple[StageMapping, ...] = Field(min_length=1)
    interactions: tuple[EventInteraction, ...] = ()
    fields: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    ignored: tuple[str, ...] = ()

    _currency = field_validator("currency")(known_currency)

    @property
    def activities(self) -> set[str]:
        """Every activity this mapping has a place for."""
        groups = [*(stage.activities for stage in self.stages), *(one.activities for one in self.interactions)]
        return {name for group in [*groups, *self.fields.values(), self.ignored] for name in group}
