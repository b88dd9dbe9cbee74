"""The history of a set of deals, as the columns that the kernel reads.

Text becomes numbers here, once. The numbers only tell groups apart: no feature depends on their
order, so a name that appears later changes nothing that was computed before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.tables import AMOUNT, CLOSE_DATE, DIRECTIONS, INTERACTION_KINDS, OWNER, SENIORITIES, STAGE
from features.facts import BoolColumn, Facts, FloatColumn, IntColumn

OPEN, WON, LOST = 0, 1, 2
STATIC = ("account", "pipeline", "source", "deal_type", "currency", "industry", "size", "region")
_CATEGORY = {"open": OPEN, "won": WON, "lost": LOST}


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


@dataclass(frozen=True)
class Vocabulary:
    """The numbers that stand for names throughout one company's history."""

    stages: Stages
    names: dict[str, list[str]]
    team_of_owner: IntColumn

    @classmethod
    def from_tables(cls, tables: Mapping[str, pd.DataFrame]) -> "Vocabulary":
        """Number every stage, owner, team and static value that the tables name."""
        changes, users = tables["deal_changes"], tables["users"]
        owners = _distinct(changes.loc[changes["field"] == OWNER, "new_value"])
        team = users.drop_duplicates("user_id").set_index("user_id")["team"].reindex(owners)
        known = _known_at_creation(tables["deals"], tables["accounts"])
        names = {name: _distinct(known[name]) for name in STATIC}
        names |= {"owner": owners, "team": _distinct(team)}
        team_of_owner = pd.Index(names["team"]).get_indexer(team).astype(np.int64)
        return cls(_stages(tables["stages"]), names, team_of_owner)

    def numbers(self, what: str, values: pd.Series) -> IntColumn:
        """Numbers of ``values``; -1 for a missing or an unknown one."""
        return pd.Index(self.names[what], dtype=object).get_indexer(values).astype(np.int64)


def _distinct(values: pd.Series) -> list[str]:
    return sorted(values.dropna().unique().tolist())


def _known_at_creation(deals: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """Static values of each deal, its account's included; one row per deal, in the order given."""
    own = deals[["account_id", "pipeline_id", "source", "deal_type", "currency"]]
    both = own.merge(accounts[["account_id", "industry", "size", "region"]], on="account_id", how="left")
    return both.rename(columns={"account_id": "account", "pipeline_id": "pipeline"})


@dataclass(frozen=True)
class Histories:
    """Everything known about a set of deals, one number per deal, in the order of ``deal_ids``.

    ``static`` holds what was known at creation (source, industry, ...) as numbers of the
    vocabulary, -1 where missing. ``stage``, ``amount``, ``close_date`` and ``owner`` are the
    changes of one field each. ``interactions`` count once they are known and have taken place;
    ``planned_meetings`` are those booked ahead, by the instant at which they are to take place.
    """

    deal_ids: NDArray[np.object_]
    created_at: IntColumn
    vocabulary: Vocabulary
    static: dict[str, IntColumn]
    stage: Facts
    amount: Facts
    close_date: Facts
    owner: Facts
    interactions: Facts
    planned_meetings: Facts

    def __len__(self) -> int:
        return len(self.deal_ids)

    @classmethod
    def from_tables(cls, tables: Mapping[str, pd.DataFrame], vocabulary: "Vocabulary | None" = None) -> "Histories":
        """Build the columns from contract tables; see ``crm/tables.py`` for their shapes.

        Parameters
        ----------
        vocabulary : Vocabulary, optional
            The numbers of names that norms were computed with, for a part of a company's deals.
            Made from the tables themselves when absent.
        """
        vocabulary = vocabulary or Vocabulary.from_tables(tables)
        deals = tables["deals"].sort_values("deal_id", ignore_index=True)
        deal_index = pd.Index(deals["deal_id"])
        changes = tables["deal_changes"]
        changes = changes.assign(deal=deal_index.get_indexer(changes["deal_id"]))
        changes = changes[changes["deal"] >= 0]
        created_at = microseconds(deals["created_at"])
        # Nothing of a deal is known before the deal itself is.
        known_at = np.maximum(microseconds(changes["known_at"]), created_at[changes["deal"]])
        changes = changes.assign(known=known_at)
        pipelines = deals["pipeline_id"].to_numpy(dtype=object)
        known = _known_at_creation(deals, tables["accounts"])
        return cls(
            deal_ids=deals["deal_id"].to_numpy(dtype=object),
            created_at=created_at,
            vocabulary=vocabulary,
            static={name: vocabulary.numbers(name, known[name]) for name in STATIC},
            stage=_stage_facts(changes, vocabulary.stages, pipelines, len(deals)),
            amount=_amount_facts(changes, len(deals)),
            close_date=_date_facts(changes, len(deals)),
            owner=_owner_facts(changes, vocabulary, len(deals)),
            interactions=_interaction_facts(tables["interactions"], tables["contacts"], deal_index),
            planned_meetings=_planned_meetings(tables["interactions"], deal_index),
        )


def instant(moment: datetime) -> int:
    """A timezone-aware instant as whole microseconds since 1970 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def microseconds(instants: pd.Series) -> IntColumn:
    """Instants as whole microseconds since 1970 UTC."""
    return instants.astype("datetime64[us, UTC]").to_numpy("datetime64[us]").astype(np.int64)


def _stages(stages: pd.DataFrame) -> Stages:
    ordered = stages.sort_values(["pipeline_id", "position", "stage"], ignore_index=True)
    return Stages(
        names=ordered["stage"].tolist(),
        pipeline=ordered["pipeline_id"].tolist(),
        position=np.append(ordered["position"].to_numpy(np.float64), np.nan),
        category=np.append(ordered["category"].map(_CATEGORY).to_numpy(np.int64), -1),
        default_probability=np.append(ordered["default_probability"].to_numpy(np.float64), np.nan),
    )


def _of_field(changes: pd.DataFrame, field: str) -> pd.DataFrame:
    """Changes of one field, with ``rank``: their place in the order in which they took effect."""
    rows = changes[changes["field"] == field].sort_values(["deal", "changed_at", "seq"], ignore_index=True)
    return rows.assign(rank=np.arange(len(rows)), at=microseconds(rows["changed_at"]))


def _facts(rows: pd.DataFrame, n_deals: int, **columns: NDArray) -> Facts:
    """Facts of one field; ``latest`` is, for each, the rank of the newest change in effect once it is known.

    A change that is entered late may be older than one already known; the running maximum of the
    rank keeps the newer one in effect.
    """
    rank = rows["rank"].to_numpy(np.int64)
    facts = Facts.sorted(
        rows["deal"].to_numpy(np.int64),
        rows["known"].to_numpy(np.int64),
        n_deals,
        {"rank": rank, "changed_at": rows["at"].to_numpy(np.int64), **columns},
        ties=(rank,),
    )
    place = np.empty(len(rows) + 1, dtype=np.int64)
    place[facts.columns["rank"]] = np.arange(len(facts))
    newest = np.maximum.accumulate(facts.columns["rank"]) if len(facts) else np.empty(0, np.int64)
    facts.columns["latest"] = place[newest]
    return facts


def in_effect_before(facts: Facts) -> IntColumn:
    """For each change of a field, the position of the one in effect just before it became known; -1 for none."""
    before = np.concatenate([[-1], facts.columns["latest"]])[:-1].astype(np.int64)
    return np.where(before >= facts.start[facts.group], before, -1)


def _stage_facts(changes: pd.DataFrame, stages: Stages, pipelines: NDArray, n_deals: int) -> Facts:
    """Changes of stage; one to a stage that the deal's pipeline does not have says nothing, and is left out."""
    index = pd.MultiIndex.from_arrays([stages.pipeline, stages.names])
    rows = changes[changes["field"] == STAGE]
    new = index.get_indexer(pd.MultiIndex.from_arrays([pipelines[rows["deal"].to_numpy()], rows["new_value"]]))
    rows = _of_field(rows.assign(stage=new.astype(np.int64))[new >= 0], STAGE)
    return _facts(rows, n_deals, new=rows["stage"].to_numpy(np.int64))


def _amount_facts(changes: pd.DataFrame, n_deals: int) -> Facts:
    rows = _of_field(changes, AMOUNT)
    return _facts(rows, n_deals, value=pd.to_numeric(rows["new_value"]).to_numpy(np.float64))


def _date_facts(changes: pd.DataFrame, n_deals: int) -> Facts:
    rows = _of_field(changes, CLOSE_DATE)
    old, new = (_day_number(rows[name]) for name in ("old_value", "new_value"))
    pushed = np.where(np.isnan(new - old), 0, np.maximum(new - old, 0)).astype(np.int64)
    return _facts(rows, n_deals, value=new, pushed_days=pushed)


def _day_number(dates: pd.Series) -> FloatColumn:
    """Days since 1970 of dates ``YYYY-MM-DD``; NaN where missing."""
    instants = pd.to_datetime(dates, format="%Y-%m-%d").to_numpy("datetime64[D]")
    return np.where(np.isnat(instants), np.nan, instants.astype(np.int64))


def _owner_facts(changes: pd.DataFrame, vocabulary: Vocabulary, n_deals: int) -> Facts:
    rows = _of_field(changes, OWNER)
    return _facts(rows, n_deals, value=vocabulary.numbers("owner", rows["new_value"]))


def _interaction_facts(interactions: pd.DataFrame, contacts: pd.DataFrame, deal_index: pd.Index) -> Facts:
    occurred, known = microseconds(interactions["occurred_at"]), microseconds(interactions["known_at"])
    contact = pd.factorize(interactions["contact_id"])[0]
    seniority = contacts.drop_duplicates("contact_id").set_index("contact_id")["seniority"]
    senior = interactions["contact_id"].map(seniority).isin(SENIORITIES[2:]).to_numpy()
    ids = pd.factorize(interactions["interaction_id"], sort=True)[0]
    facts = Facts.sorted(
        deal_index.get_indexer(interactions["deal_id"]),
        np.maximum(known, occurred),
        len(deal_index),
        {
            "kind": pd.Index(INTERACTION_KINDS).get_indexer(interactions["kind"]),
            "direction": pd.Index(DIRECTIONS).get_indexer(interactions["direction"]),
            "contact": contact,
            "senior": senior,
        },
        ties=(occurred, ids),
    )
    facts.columns["new_contact"] = _first_of_each(facts.group, facts.columns["contact"])
    return facts


def _planned_meetings(interactions: pd.DataFrame, deal_index: pd.Index) -> Facts:
    planned = (interactions["occurred_at"] > interactions["known_at"]) & (interactions["kind"] == "meeting")
    meetings = interactions[planned]
    booked_at = microseconds(meetings["known_at"])
    return Facts.sorted(
        deal_index.get_indexer(meetings["deal_id"]),
        microseconds(meetings["occurred_at"]),
        len(deal_index),
        {"booked_at": booked_at},
        ties=(booked_at,),
    )


def _first_of_each(deal: IntColumn, contact: IntColumn) -> BoolColumn:
    """Whether a fact is the deal's first with its contact; facts without a contact are not."""
    first = ~pd.DataFrame({"deal": deal, "contact": contact}).duplicated().to_numpy()
    return first & (contact >= 0)
