"""The numbers that stand for names throughout one company's history.

They only tell groups apart: no feature depends on their order, so a name that appears later changes nothing that was
computed before.
"""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from crm.fiscal import fiscal_calendar
from crm.fiscal_years import FiscalCalendar
from crm.tables import OWNER, SENIORITIES
from crm.working_days import Days, holidays
from features.arrow import arrow, codes
from features.declared import NOTHING, Declared
from features.facts import BoolColumn, FloatColumn, IntColumn

OPEN, WON, LOST = 0, 1, 2
OF_DEAL = {"account": "account_id", "pipeline": "pipeline_id"} | {
    name: name for name in ("source", "deal_type", "currency")
}
OF_ACCOUNT = ("industry", "size", "region")
STATIC = (*OF_DEAL, *OF_ACCOUNT)
"""What is known of a deal at its creation and may be grouped by."""
FEW = 1_000
"""So many values, or a tenth as many as the names, are looked up one by one: Arrow first reads all names, each time."""
_CATEGORY = {"open": OPEN, "won": WON, "lost": LOST}
SENIOR = SENIORITIES[2:]


@dataclass(frozen=True)
class Stages:
    """The stages of every pipeline; a stage's number is its place. The arrays end with one entry for no stage (-1)."""

    names: list[str]
    pipeline: list[str]
    position: FloatColumn
    category: IntColumn
    default_probability: FloatColumn

    @property
    def keys(self) -> list[str]:
        """Names that tell stages of different pipelines apart: ``pipeline/stage``."""
        return [f"{pipeline}/{name}" for pipeline, name in zip(self.pipeline, self.names, strict=True)]

    def stated_probabilities(self) -> dict[str, float]:
        """The win probability that the CRM itself gives a stage, by key; stages without one are left out."""
        return {key: float(p) for key, p in zip(self.keys, self.default_probability, strict=False) if p == p}

    def numbers(self, pipeline: pa.ChunkedArray, names: pa.Array | pa.ChunkedArray) -> IntColumn:
        """Numbers of stages by the name of their pipeline and their own; -1 for one that its pipeline does not have."""
        pipelines, stages = sorted(set(self.pipeline)), sorted(set(self.names))
        place = np.full((len(pipelines) + 1, len(stages) + 1), -1)
        for number, (mine, name) in enumerate(zip(self.pipeline, self.names, strict=True)):
            place[pipelines.index(mine), stages.index(name)] = number
        return place[codes(pipeline, pipelines), codes(names, stages)]


@dataclass(frozen=True)
class Vocabulary:
    """Stages, the names of every group, who belongs to whom, and what a company declared of its own.

    Attributes
    ----------
    names : sorted names by kind: those of ``STATIC``, owner, team, manager, and declared categories
    of_account : industry, size and region of each account, as numbers; -1 for none, and at the end for no account
    groups_of_owner : team and manager of each owner, as numbers; -1 for none, and at the end for no owner
    seniors : ids of contacts who are directors or executives
    """

    stages: Stages
    names: dict[str, list[str]]
    of_account: dict[str, IntColumn]
    groups_of_owner: dict[str, IntColumn]
    seniors: pa.Array
    fiscal: FiscalCalendar
    holidays: Days
    declared: Declared

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], declared: Declared = NOTHING) -> "Vocabulary":
        """Number every stage, owner, team and static value that the tables name."""
        deals, changes = arrow(tables, "deals"), arrow(tables, "deal_changes")
        accounts = arrow(tables, "accounts")
        names = {name: _distinct(deals[column]) for name, column in OF_DEAL.items()}
        names |= {name: _distinct(accounts[name]) for name in OF_ACCOUNT}
        names["owner"] = _distinct(changes["new_value"].filter(pc.equal(changes["field"], OWNER)))
        names |= {one.key: one.values_in(deals, changes) for one in declared.categories()}
        return cls.of_names(tables, names, declared)

    @classmethod
    def of_names(cls, tables: Mapping[str, Any], names: dict[str, list[str]], declared: Declared) -> "Vocabulary":
        """Make the vocabulary of a company from names already gathered, and its small tables."""
        accounts = arrow(tables, "accounts")
        ids = accounts["account_id"].cast(pa.large_string()).combine_chunks()
        every = pa.chunked_array([pa.array(names["account"], pa.large_string()), ids])
        names = names | {"account": _distinct(every)}
        place = codes(names["account"], ids)
        of_account = {name: np.append(codes(accounts[name], names[name]), -1)[place] for name in OF_ACCOUNT}
        users, calendar = (arrow(tables, name).to_pandas() for name in ("users", "calendar"))
        of_owner = users.drop_duplicates("user_id").set_index("user_id").reindex(names["owner"])
        groups = {"team": of_owner["team"], "manager": of_owner["manager_id"]}
        names = names | {name: sorted(values.dropna().unique().tolist()) for name, values in groups.items()}
        numbers = {
            name: np.append(pd.Index(names[name], dtype=object).get_indexer(values), -1).astype(np.int64)
            for name, values in groups.items()
        }
        return cls(
            _stages(arrow(tables, "stages").to_pandas()),
            names,
            {name: np.append(values, -1) for name, values in of_account.items()},
            numbers,
            _seniors(arrow(tables, "contacts")),
            fiscal_calendar(calendar),
            holidays(calendar),
            declared,
        )

    @cached_property
    def _sets(self) -> dict[str, pa.Array]:
        return {name: pa.array(values, pa.large_string()) for name, values in self.names.items()}

    @cached_property
    def _places(self) -> dict[str, dict[str | None, int]]:
        return {name: {value: place for place, value in enumerate(values)} for name, values in self.names.items()}

    @cached_property
    def _senior(self) -> frozenset[str | None]:
        return frozenset(self.seniors.to_pylist())

    def numbers(self, what: str, values: Any) -> IntColumn:
        """Numbers of ``values``; -1 for a missing or an unknown one."""
        if not _are_few(values, self.names[what]) or not isinstance(values, pa.ChunkedArray):
            return codes(values, self._sets[what])
        places = self._places[what]
        return np.array([places.get(value, -1) for value in values.to_pylist()], dtype=np.int64)

    def are_senior(self, contact_ids: pa.Array) -> BoolColumn:
        """Whether each contact is a director or an executive."""
        if not _are_few(contact_ids, self.seniors):
            return pc.is_in(contact_ids.cast(pa.large_string()), self.seniors).to_numpy(zero_copy_only=False)
        return np.array([contact in self._senior for contact in contact_ids.to_pylist()], dtype=bool)


def _are_few(values: Sized, among: Sized) -> bool:
    return len(values) <= max(FEW, len(among) // 10)


def _distinct(values: pa.ChunkedArray) -> list[str]:
    return pc.unique(values).drop_null().sort().to_pylist()


def _seniors(contacts: pa.Table) -> pa.Array:
    senior = pc.is_in(contacts["seniority"].cast(pa.large_string()), pa.array(SENIOR, pa.large_string()))
    return pc.unique(contacts["contact_id"].cast(pa.large_string()).filter(senior))


def _stages(stages: pd.DataFrame) -> Stages:
    ordered = stages.sort_values(["pipeline_id", "position", "stage"], ignore_index=True)
    return Stages(
        names=ordered["stage"].tolist(),
        pipeline=ordered["pipeline_id"].tolist(),
        position=np.append(ordered["position"].to_numpy(np.float64), np.nan),
        category=np.append(ordered["category"].map(_CATEGORY).to_numpy(np.int64), -1),
        default_probability=np.append(ordered["default_probability"].to_numpy(np.float64), np.nan),
    )


def merged(names: Sequence[Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """The names of several parts of a company as those of the whole."""
    lists = {what: [part[what] for part in names] for what in names[0]}
    # Parts often know the same ones, such as the pipelines.
    return {what: some[0] if _all_alike(some) else sorted(set().union(*some)) for what, some in lists.items()}


def _all_alike(lists: Sequence[list[str]]) -> bool:
    return all(one == lists[0] for one in lists[1:])
