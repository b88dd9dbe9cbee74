"""The history of a set of deals, as the columns that the kernel reads. Text becomes numbers here, once."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crm.tables import AMOUNT, CLOSE_DATE, OWNER, STAGE
from features.arrow import Tables, arrow, codes, day_numbers, microseconds, numbers
from features.declared import CATEGORY, FLAG, Custom, as_category, as_flag, as_number, attributes
from features.facts import BoolColumn, Facts, IntColumn
from features.talks import talk_facts
from features.vocabulary import OF_DEAL, Vocabulary

T = TypeVar("T")


@dataclass(frozen=True)
class Histories:
    """Everything known about a set of deals, one number per deal, in the order of ``deal_ids``.

    ``static`` holds what was known at creation (source, industry, ...) as numbers of the
    vocabulary, -1 where missing; declared attributes too, numbers and flags as they are, NaN where missing.
    ``fields`` are the changes of one field each: stage, amount, close_date, owner_id and declared ones.
    ``interactions`` count once they are known and have taken place; ``planned`` are those entered
    ahead, by the instant at which they are to take place.
    """

    deal_ids: NDArray[np.object_]
    created_at: IntColumn
    vocabulary: Vocabulary
    static: dict[str, NDArray]
    fields: dict[str, Facts]
    interactions: Facts
    planned: Facts
    _made: dict[Hashable, object] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.deal_ids)

    @property
    def stage(self) -> Facts:
        """Changes of the stage."""
        return self.fields[STAGE]

    @property
    def amount(self) -> Facts:
        """Changes of the amount."""
        return self.fields[AMOUNT]

    @property
    def close_date(self) -> Facts:
        """Changes of the expected close date."""
        return self.fields[CLOSE_DATE]

    @property
    def owner(self) -> Facts:
        """Changes of the owner."""
        return self.fields[OWNER]

    def once(self, name: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` gives, worked out for whoever asks first and kept for the others."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]  # type: ignore[return-value]

    @classmethod
    def from_tables(cls, tables: Tables, vocabulary: Vocabulary | None = None) -> "Histories":
        """Build the columns from contract tables; see ``crm/tables.py`` for their shapes.

        Parameters
        ----------
        vocabulary : Vocabulary, optional
            The numbers of names that norms were computed with, for a part of a company's deals.
            Made from the tables themselves when absent.
        """
        vocabulary = vocabulary or Vocabulary.from_tables(tables)
        deals = _in_order(arrow(tables, "deals"), "deal_id")
        ids = deals["deal_id"].combine_chunks()
        interactions, planned = talk_facts(arrow(tables, "interactions"), ids, vocabulary)
        created_at = microseconds(deals["created_at"])
        fields = [STAGE, AMOUNT, CLOSE_DATE, OWNER, *(one.name for one in vocabulary.declared.of("field"))]
        changes = _Changes(arrow(tables, "deal_changes"), ids, created_at, fields)
        return cls(
            deal_ids=ids.to_numpy(zero_copy_only=False),
            created_at=created_at,
            vocabulary=vocabulary,
            static=_static(deals, vocabulary),
            fields=_fields(changes, deals["pipeline_id"], vocabulary),
            interactions=interactions,
            planned=planned,
        )


def instant(moment: datetime) -> int:
    """A timezone-aware instant as whole microseconds since 1970 UTC."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _in_order(table: pa.Table, key: str) -> pa.Table:
    order = pc.sort_indices(table[key])
    place = order.to_numpy()
    return table if bool(np.all(place[1:] > place[:-1])) else table.take(order)


def _static(deals: pa.Table, vocabulary: Vocabulary) -> dict[str, NDArray]:
    static: dict[str, NDArray] = {name: vocabulary.numbers(name, deals[column]) for name, column in OF_DEAL.items()}
    static |= {name: numbers[static["account"]] for name, numbers in vocabulary.of_account.items()}
    declared = vocabulary.declared.of("attribute")
    documents = attributes(deals) if declared else []
    for one in declared:
        values = [document.get(one.name) for document in documents]
        if one.type == CATEGORY:
            static[one.key] = vocabulary.numbers(one.key, pa.array([as_category(v) for v in values], pa.large_string()))
        else:
            read = as_flag if one.type == FLAG else as_number
            static[one.key] = np.array([read(value) for value in values], dtype=np.float64)
    return static


class _Changes:
    """The changes of a set of deals, one field at a time."""

    def __init__(self, changes: pa.Table, deal_ids: pa.Array, created_at: IntColumn, fields: list[str]) -> None:
        self._n_deals, self._fields, self._rows = len(deal_ids), fields, changes
        self._field, self.deal = codes(changes["field"], fields), codes(changes["deal_id"], deal_ids)
        known_at = microseconds(changes["known_at"])
        # Nothing of a deal is known before the deal itself is.
        self._known_at = np.maximum(known_at, created_at[self.deal]) if len(deal_ids) else known_at
        self.changed_at, self._seq = microseconds(changes["changed_at"]), changes["seq"].to_numpy()

    def of(self, name: str) -> IntColumn:
        """Places of the changes of one field whose deal is among the set."""
        return np.flatnonzero((self._field == self._fields.index(name)) & (self.deal >= 0))

    def values(self, places: IntColumn, column: str = "new_value") -> pa.ChunkedArray:
        """What the changes at these places say."""
        return self._rows[column].take(pa.array(places))

    def facts(self, places: IntColumn, **columns: NDArray) -> Facts:
        """Facts of one field; ``latest`` is, for each, the position of the newest change in effect once it is known.

        A change that is entered late may be older than one already known; the running maximum of the
        rank (its place in the order in which changes took effect) keeps the newer one in effect.
        """
        deal, changed_at, place = self.deal[places], self.changed_at[places], np.arange(len(places))
        effect = Facts.sorted(deal, changed_at, self._n_deals, {"place": place}, ties=(self._seq[places],))
        rank = np.empty_like(place)
        rank[effect.columns["place"]] = place
        given = {"rank": rank, "changed_at": changed_at, **columns}
        facts = Facts.sorted(deal, self._known_at[places], self._n_deals, given, ties=(rank,))
        at_rank = np.empty_like(place)
        at_rank[facts.columns["rank"]] = place
        facts.columns["latest"] = at_rank[np.maximum.accumulate(facts.columns["rank"])] if len(place) else place
        return facts


def _fields(changes: _Changes, pipelines: pa.ChunkedArray, vocabulary: Vocabulary) -> dict[str, Facts]:
    places = changes.of(STAGE)
    pipeline = pipelines.take(pa.array(changes.deal[places]))
    stage = vocabulary.stages.numbers(pipeline, changes.values(places))
    known = stage >= 0  # a stage that its pipeline does not have says nothing about the deal
    fields = {STAGE: changes.facts(places[known], new=stage[known])}
    places = changes.of(AMOUNT)
    fields[AMOUNT] = changes.facts(places, value=numbers(changes.values(places)))
    places = changes.of(CLOSE_DATE)
    old, new = (day_numbers(changes.values(places, column)) for column in ("old_value", "new_value"))
    pushed = np.where(np.isnan(new - old), 0, np.maximum(new - old, 0)).astype(np.int64)
    fields[CLOSE_DATE] = changes.facts(places, value=new, pushed_days=pushed)
    places = changes.of(OWNER)
    owners = changes.values(places)
    # Not every owner has a number: one may be newer than the vocabulary.
    owned_since = np.where(pc.is_valid(owners).to_numpy(), changes.changed_at[places], np.nan)
    owner = vocabulary.numbers(OWNER.removesuffix("_id"), owners)
    fields[OWNER] = changes.facts(places, value=owner, owned_since=owned_since)
    for one in vocabulary.declared.of("field"):
        places = changes.of(one.name)
        fields[one.key] = changes.facts(places, value=_values(one, changes.values(places), vocabulary))
    return fields


def _values(one: Custom, texts: pa.ChunkedArray, vocabulary: Vocabulary) -> NDArray:
    if one.type == CATEGORY:
        return vocabulary.numbers(one.key, texts)
    if one.type == FLAG:
        return np.array([as_flag(text) for text in texts.to_pylist()], dtype=np.float64)
    return numbers(texts)


def in_effect_before(facts: Facts) -> IntColumn:
    """For each change of a field, the position of the one in effect just before it became known; -1 for none."""
    before = np.full(len(facts), -1)
    same = facts.group[1:] == facts.group[:-1]
    before[1:][same] = facts.columns["latest"][:-1][same]
    return before


def took_effect(facts: Facts) -> BoolColumn:
    """Whether each change of a field was in effect once it became known; one entered after a newer one was not."""
    return facts.columns["latest"] == np.arange(len(facts))


def in_force(facts: Facts, column: str, deal: IntColumn, at: IntColumn) -> IntColumn:
    """``column`` of the change of each deal in effect as known before ``at``; -1 for none."""
    if not len(facts):
        return np.full(len(deal), -1)
    last = facts.before(deal, at) - 1
    latest = facts.columns["latest"][np.maximum(last, 0)]
    return np.where(last >= facts.start[deal], facts.columns[column][latest], -1)
