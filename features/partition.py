"""What is worked out of one range of deals: what it adds to the norms, and its snapshots. Pure.

Serving, a pool of processes and Spark all call these, so all of them give the same bits.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm.company_files import empty_table
from features.arrow import Tables, arrow
from features.course import courses
from features.declared import NOTHING, Declared
from features.exchange import rates_of
from features.grid import now, training_grid
from features.histories import Histories
from features.norm_facts import NormFacts, norm_facts, numbered
from features.norms import Norms, norms_from
from features.pipeline import signal_matrix
from features.signals import signals_of
from features.snapshots import Snapshots
from features.traits import traits
from features.vocabulary import Vocabulary

ALL_COLUMNS = {
    "deals": ("deal_id", "account_id", "pipeline_id", "source", "deal_type", "currency", "created_at", "attributes"),
    "deal_changes": ("deal_id", "field", "changed_at", "seq", "old_value", "new_value", "known_at"),
    "interactions": (
        *("interaction_id", "deal_id", "kind", "direction", "occurred_at", "known_at"),
        *("contact_id", "user_id", "outcome"),
    ),
}
"""What signals are made of; names of deals, durations and the like are not read."""
NORM_COLUMNS = ALL_COLUMNS | {"interactions": ALL_COLUMNS["interactions"][:6]}
"""What norms are made of."""
CHANGE_COLUMNS = {name: ALL_COLUMNS[name] for name in ("deals", "deal_changes")}
"""What labels are made of."""


@dataclass(frozen=True)
class SnapshotPlan:
    """What decides a table of snapshots.

    Attributes
    ----------
    until : midnight UTC in microseconds since 1970, excluded: the last snapshot is before it
    every_days : 7 for a snapshot each Monday, 1 for each midnight, UTC
    declared : what the company declared of its own
    since : an earlier midnight; snapshots and additions to the norms from it on only
    """

    until: int
    every_days: int = 7
    reporting_currency: str = "EUR"
    declared: Declared = NOTHING
    since: int | None = None


def additions_to_norms(tables: Tables, plan: SnapshotPlan) -> NormFacts:
    """What the deals of ``tables`` add to the norms; the small tables stand beside them."""
    # Of the accounts only those of these deals, lest every part carries the names of all; contacts say nothing here.
    accounts = arrow(tables, "accounts")
    mine = pc.is_in(accounts["account_id"], pc.unique(arrow(tables, "deals")["account_id"]))
    tables = {**tables, "accounts": accounts.filter(mine), "contacts": empty_table("contacts")}
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, plan.declared))
    currencies = histories.vocabulary.names["currency"]
    rates = rates_of(arrow(tables, "fx_rates").to_pandas(), currencies, plan.reporting_currency)
    return norm_facts(histories, rates).between(plan.since, plan.until)


def norms_of_whole(whole: NormFacts, small: Tables, plan: SnapshotPlan) -> Norms:
    """The norms of a company from all that its deals add to them."""
    vocabulary = Vocabulary.of_names(small, whole.names, plan.declared)
    rates = rates_of(arrow(small, "fx_rates").to_pandas(), vocabulary.names["currency"], plan.reporting_currency)
    return norms_from(numbered(whole, vocabulary.names), vocabulary, rates)


def snapshots_of(tables: Tables, norms: Norms, plan: SnapshotPlan) -> Snapshots:
    """The grid of the deals of ``tables``."""
    histories = Histories.from_tables(tables, norms.vocabulary)
    return training_grid(histories, norms, every_days=plan.every_days, until=plan.until, since=plan.since)


def snapshot_keys(snapshots: Snapshots) -> dict[str, pa.Array]:
    """deal_id and as_of of each snapshot."""
    return {
        "deal_id": pa.array(snapshots.histories.deal_ids, pa.string()).take(pa.array(snapshots.deal)),
        "as_of": pa.array(snapshots.at).cast(pa.timestamp("us", tz="UTC")),
    }


def snapshot_rows(snapshots: Snapshots) -> pa.Table:
    """One row per snapshot: deal_id, as_of, stage (with its pipeline), traits, course, every signal, patience_days.

    Signals have 32 bits: models learn from no more, so more would be kept for nobody.
    """
    vocabulary = snapshots.norms.vocabulary
    stages = pa.array(vocabulary.stages.keys, pa.string())
    columns = snapshot_keys(snapshots) | {"stage": stages.take(pa.array(snapshots.stage))}
    columns |= {"traits": pa.array(traits(snapshots), pa.string()), "course": pa.array(courses(snapshots), pa.binary())}
    matrix = signal_matrix(snapshots, np.float32)
    for place, name in enumerate(signals_of(vocabulary.declared)):
        columns[name] = pa.array(matrix[:, place])
    columns["patience_days"] = pa.array(snapshots.patience_days.astype(np.float32))
    return pa.table(columns)


def open_deals(histories: Histories, norms: Norms, until: int) -> list[str]:
    """Ids of the deals that were open as known before an instant."""
    still = now(histories, norms, until)
    return histories.deal_ids[still.deal].tolist()
