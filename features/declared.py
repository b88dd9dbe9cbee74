"""What a company declares of its own: attributes, custom fields and activities that become signals.

The declaration is a small YAML file, named by ``PLUMBLINE_SIGNALS`` when training; a trained scorer carries it along,
so scoring needs no file::

    attributes:                       # of deals.attributes, known when the deal is created
      seats: {type: number, unit: seats}
      competitor: {type: category}
      budget_confirmed: {type: flag, expect: more is better}
    fields:                           # of deal_changes, with their history
      discount: {type: number}
      offer: {type: category, counts: [O_SENT, O_CANCELLED]}
    activities: [demo held, contract review]   # what interactions say as their outcome
"""

import json
import math
import re
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, ValidationError

from crm.errors import MappingError
from crm.mapping import read_yaml, sentences
from crm.mapping_parts import Strict
from crm.tables import AMOUNT, CLOSE_DATE, OWNER, STAGE

NUMBER, FLAG, CATEGORY = "number", "flag", "category"
Type = Literal["number", "flag", "category"]
Source = Literal["attribute", "field", "activity"]
Expectation = Literal["more is better", "less is better", "depends"]
_FLAGS = {"true": 1.0, "yes": 1.0, "1": 1.0, "1.0": 1.0, "false": 0.0, "no": 0.0, "0": 0.0, "0.0": 0.0}
_OWN_SIGNALS = (STAGE, AMOUNT, CLOSE_DATE, OWNER)


class _Column(Strict):
    type: Type
    unit: str = ""
    expect: Expectation = "depends"
    known_at_creation: bool = False


class _Field(_Column):
    counts: tuple[str, ...] = ()


class _Document(Strict):
    attributes: dict[str, _Column] = Field(default_factory=dict)
    fields: dict[str, _Field] = Field(default_factory=dict)
    activities: tuple[str, ...] = ()


@dataclass(frozen=True)
class Custom:
    """One declared column.

    Attributes
    ----------
    name : as the CRM has it
    unit : of a number, in the plural
    counts : values of a field whose changes are counted one by one
    known_at_creation : the user's word that the column does not leak, which overrules ``training/leaks.py``
    """

    source: Source
    name: str
    type: Type
    unit: str = ""
    expect: Expectation = "depends"
    counts: tuple[str, ...] = ()
    known_at_creation: bool = False

    @property
    def key(self) -> str:
        """A name for signals and groups: ``attribute_seats``. Letters, digits and underscores only."""
        return f"{self.source}_{slug(self.name)}"

    def values_in(self, deals: pa.Table, changes: pa.Table) -> list[str]:
        """The distinct values of a category, sorted."""
        if self.source == "field":
            values = changes["new_value"].filter(pc.equal(changes["field"], self.name)).to_pylist()
        else:
            values = [as_category(document.get(self.name)) for document in attributes(deals)]
        return sorted(set(values) - {None})


@dataclass(frozen=True)
class Declared:
    """All declared columns, and the activities that are counted."""

    customs: tuple[Custom, ...] = ()
    activities: tuple[str, ...] = ()

    def of(self, source: Source) -> list[Custom]:
        """The columns of one source."""
        return [one for one in self.customs if one.source == source]

    def categories(self, *sources: Source) -> list[Custom]:
        """The categories among the columns, of certain sources where given."""
        return [one for one in self.customs if one.type == CATEGORY and one.source in (sources or (one.source,))]

    @cached_property
    def overruled(self) -> frozenset[str]:
        """Names of the columns that the user vouches for."""
        return frozenset(one.name for one in self.customs if one.known_at_creation)

    def document(self) -> dict[str, Any]:
        """As plain values, for a scorer's card."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> "Declared":
        """What ``document`` gave."""
        customs = tuple(Custom(**one | {"counts": tuple(one["counts"])}) for one in document["customs"])
        return cls(customs, tuple(document["activities"]))


NOTHING = Declared()
"""A company that declared nothing."""


def load_declared(path: Path | None) -> Declared:
    """Read a declaration; nothing is declared where no path is given.

    Raises
    ------
    MappingError
        There is no such file, it is not YAML, or it says something that cannot be done; names the key.
    """
    if path is None:
        return NOTHING
    try:
        document = _Document.model_validate(read_yaml(path) or {})
    except OSError as error:
        raise MappingError(f"PLUMBLINE_SIGNALS names {path}, which cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        raise MappingError(f"{path}: {sentences(error, skip=0)}") from error
    customs = [
        *(Custom("attribute", name, **dict(one)) for name, one in document.attributes.items()),
        *(Custom("field", name, **dict(one)) for name, one in document.fields.items()),
    ]
    _check(path, customs, document.activities)
    return Declared(tuple(customs), document.activities)


def _check(path: Path, customs: list[Custom], activities: tuple[str, ...]) -> None:
    counted = [one.name for one in customs if one.counts and one.type != CATEGORY]
    if counted:
        raise MappingError(f"{path}: {counted[0]} is no category, so its values cannot be counted; remove counts.")
    known = [one.name for one in customs if one.source == "field" and one.name in _OWN_SIGNALS]
    if known:
        raise MappingError(f"{path}: {', '.join(known)} has signals already; remove it from fields.")
    keys = [*(one.key for one in customs), *(f"activity_{slug(name)}" for name in activities)]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise MappingError(f"{path}: two columns would both be called {twice[0]}; keep one of them.")


def slug(name: str) -> str:
    """A name as signals are written.

    >>> slug("W_Nabellen offertes")
    'w_nabellen_offertes'
    """
    return re.sub(r"\W+", "_", name).strip("_").lower()


def attributes(deals: pa.Table) -> list[dict[str, Any]]:
    """The attributes of each deal; empty where it has none."""
    return [json.loads(text) if text else {} for text in deals["attributes"].to_pylist()]


def as_number(value: Any) -> float:
    """An attribute as a number; NaN where it is missing or none."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def as_flag(value: Any) -> float:
    """An attribute as 1 (true) or 0; NaN where it is missing or neither."""
    return _FLAGS.get(str(value).strip().lower(), math.nan)


def as_category(value: Any) -> str | None:
    """An attribute as a category; None where it is missing."""
    return None if value is None else str(value)
