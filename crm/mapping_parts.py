"""What every kind of mapping is made of: how a file is written, where a value comes from, the stages."""

import codecs
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from crm.currencies import CURRENCIES
from crm.rejects import did_you_mean


class Strict(BaseModel):
    """A part of a mapping: no key it does not know, never changed after it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _unknown_keys(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for key in given:
                if key not in cls.model_fields:
                    keys = ", ".join(cls.model_fields)
                    raise ValueError(
                        f'the key "{key}" is unknown{did_you_mean(str(key), cls.model_fields)}; use {keys}'
                    )
        return given


class Format(Strict):
    """How a file is written.

    ``dates`` are formats of ``strptime`` (``%d.%m.%Y %H:%M``) or ``iso``; a date that fits none of them, or two of
    them with different results, is refused. Dates without a zone are in ``time_zone``.
    """

    encoding: str | None = None
    delimiter: str | None = None
    dates: tuple[str, ...] = ("iso",)
    time_zone: str = "UTC"
    decimal_comma: bool = False
    thousands: Literal["", ".", ",", " ", "'"] = ""
    missing: tuple[str, ...] = ()

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str | None) -> str | None:
        try:
            return name and codecs.lookup(name).name
        except LookupError as error:
            raise ValueError(f'"{name}" is no encoding; write utf-8, cp1252, latin-1 or another') from error

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            return ZoneInfo(name).key
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f'"{name}" is no time zone; write UTC, Europe/Berlin or another') from error


class Lookup(Strict):
    """The value of column ``take`` in the row of another file whose column ``match`` holds the value at hand."""

    file: str
    match: str
    take: str


class Value(Strict):
    """Where a value comes from: a column or a constant, its words replaced by ``values``, then looked up elsewhere."""

    column: str | None = None
    constant: str | int | float | bool | None = None
    values: dict[str, str | None] = {}
    lookup: Lookup | None = None
    otherwise: Literal["export"] | None = None
    type: Literal["category", "number", "flag"] = "category"

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"column": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("name either a column of the file or a constant")
        return self


class StageMapping(Strict):
    """One stage of the pipeline; stages stand in the order of the list."""

    stage: str
    category: Literal["open", "won", "lost"]
    default_probability: float | None = Field(None, ge=0, le=1)
    activities: tuple[str, ...] = ()


def known_currency(code: str) -> str:
    """Pass the code of a currency on; refuse what is none."""
    if code not in CURRENCIES:
        raise ValueError(f'"{code}" is no currency of ISO 4217; write EUR, USD or another code')
    return code
