"""The mapping of tables that a CRM exports: which columns feed which table, and when each value was known."""

from typing import Literal, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from crm.mapping_parts import Format, StageMapping, Strict, Value, known_currency
from crm.rejects import did_you_mean
from crm.tables import LEDGERS, TABLES

_IMPORTED = tuple(name for name in TABLES if name not in LEDGERS)
# What may be left out of a mapped table, because the mapping as a whole or another column says it.
_IMPLIED = {
    **{"deals": {"pipeline_id", "currency"}, "interactions": {"known_at"}, "users": {"active"}},
    "user_changes": {"seq", "known_at"},
}


class TableMapping(Strict):
    """One table that a file feeds; ``distinct`` folds rows that repeat (a manager named on every line)."""

    table: str
    columns: dict[str, Value]
    attributes: dict[str, Value] = Field(default_factory=dict)
    distinct: bool = False

    @field_validator("table")
    @classmethod
    def _known_table(cls, name: str) -> str:
        if name == "deal_changes":
            raise ValueError("deal_changes are written under changes, not under tables")
        if name not in _IMPORTED:
            raise ValueError(f'there is no table "{name}"{did_you_mean(name, _IMPORTED)}; use {", ".join(_IMPORTED)}')
        return name

    @model_validator(mode="after")
    def _columns_of_the_table(self) -> Self:
        table = TABLES[self.table]
        for name in self.columns:
            if name not in table.names or name == "attributes":
                hint = did_you_mean(name, table.names) or f"; use {', '.join(table.names)}"
                raise ValueError(f'{self.table} has no column "{name}"{hint}')
        needed = {column.name for column in table.columns if column.required} - _IMPLIED.get(self.table, set())
        if lacking := sorted(needed - set(self.columns)):
            raise ValueError(f"{self.table} needs {', '.join(lacking)}; name a column or a constant for each")
        if self.attributes and self.table != "deals":
            raise ValueError(f"attributes belong to deals, not to {self.table}; remove them")
        return self


class ChangeMapping(Strict):
    """A value of a deal that can change, and when it held: since its creation, since a dated event, or at the export.

    ``at: creation``: known when the deal was created. ``at: {column: ...}``: a change on that date, known then.
    ``at: export``: the present; only differences from what is stored are written, known at the export; the first
    value seen counts from the creation and is known then too if ``first: creation``, otherwise at the export.
    ``when`` keeps the lines whose columns hold one of the values listed.
    """

    field: str
    value: Value
    at: Literal["creation", "export"] | Value
    first: Literal["creation", "export"] = "export"
    when: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    deal_id: Value | None = None
    changed_by: Value | None = None


class FileMapping(Format):
    """One file, by name or pattern (``pipeline*.csv``), and what it feeds."""

    file: str
    optional: bool = False
    tables: tuple[TableMapping, ...] = ()
    changes: tuple[ChangeMapping, ...] = ()

    @property
    def deals(self) -> TableMapping | None:
        """The table of deals this file feeds, if it does."""
        return next((table for table in self.tables if table.table == "deals"), None)

    @model_validator(mode="after")
    def _whose_changes(self) -> Self:
        for change in self.changes:
            if self.deals is None and (change.deal_id is None or change.at == "creation"):
                raise ValueError(
                    f"the change of {change.field} names no deal; "
                    "give it a deal_id and a date, or map deals in this file"
                )
        return self


class ExportMapping(Strict):
    """Tables as a CRM exports them."""

    kind: Literal["export"]
    about: str = ""
    exported_at: AwareDatetime | None = None
    pipeline: str = "sales"
    currency: str | None = None
    stages: tuple[StageMapping, ...] = ()
    files: tuple[FileMapping, ...] = Field(min_length=1)

    _currency = field_validator("currency")(known_currency)

    @model_validator(mode="after")
    def _has_a_currency(self) -> Self:
        deals = [file.deals for file in self.files if file.deals]
        if self.currency is None and any("currency" not in table.columns for table in deals):
            raise ValueError("deals have no currency; write `currency: EUR` at the top, or map a column to it")
        return self
