"""The quality report, put together from what was known before an instant and from the open deals' signals."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from features.declared import NOTHING, Declared
from features.grid import now
from features.histories import Histories, instant
from features.norms import norms_of
from features.pipeline import snapshot_table
from features.vocabulary import Vocabulary
from reports.quality.extent import Extent, extent
from reports.quality.fields import Fill, fields
from reports.quality.findings import Finding
from reports.quality.history import deals_without_history
from reports.quality.known import known_before
from reports.quality.lateness import Lateness, lateness
from reports.quality.management import impossible_management
from reports.quality.moves import impossible_moves
from reports.quality.orders import changes_out_of_order, interactions_out_of_order
from reports.quality.signals import Coverage, coverage
from reports.quality.verdicts import Verdict, verdicts


@dataclass(frozen=True)
class Quality:
    """What an import is worth, in the order in which whoever connected a CRM needs it; plain values throughout."""

    as_of: datetime
    verdicts: tuple[Verdict, ...]
    extent: Extent
    without_history: tuple[Finding, ...]
    orders: tuple[Finding, ...]
    lateness: tuple[Lateness, ...]
    fields: tuple[Fill, ...]
    signals: tuple[Coverage, ...]


def quality(
    tables: Mapping[str, pd.DataFrame], signals: pd.DataFrame, as_of: datetime, declared: Declared = NOTHING
) -> Quality:
    """Measure what was known before ``as_of``.

    Parameters
    ----------
    tables
        Every table of the contract but the ledgers, by name; each may be empty.
    signals
        The signals of the deals open at ``as_of``, one row per deal: what ``open_signals`` returns.
    """
    known = known_before(tables, as_of)
    size, past, late = extent(known), deals_without_history(known), lateness(known)
    orders = (
        *interactions_out_of_order(known),
        *changes_out_of_order(known),
        *impossible_moves(known),
        *impossible_management(known.tables["users"]),
    )
    fills, covered = fields(known), coverage(signals, declared)
    judged = verdicts(size, past, orders, late, fills, covered)
    return Quality(as_of, judged, size, past, orders, late, fills, covered)


def open_signals(
    tables: Mapping[str, pd.DataFrame], as_of: datetime, reporting_currency: str, declared: Declared = NOTHING
) -> pd.DataFrame:
    """Every signal of every deal open at ``as_of``: deal_id, as_of, stage, and a column per signal."""
    histories = Histories.from_tables(tables, Vocabulary.from_tables(tables, declared))
    norms = norms_of(histories, tables["fx_rates"], reporting_currency)
    return snapshot_table(now(histories, norms, instant(as_of)))
