"""What a company's history says about its forecast: deals to come, how amounts change, good and bad quarters."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from crm.fiscal import fiscal_calendar
from crm.money import Rate, cents
from crm.present import present
from crm.user_history import NO_CHANGES, users_at
from reports.final_amounts import FinalAmounts, learn_final_amounts
from reports.forecast_deals import grouped, stage_key
from reports.measured_widths import MeasuredWidths
from reports.new_deals import Creation, learn_creation
from reports.new_parts import parts_by_level
from reports.past_shock import learn_shock
from reports.past_stages import stage_entries
from reports.shock_fit import ShockFit
from reports.shocks import Shock


@dataclass(frozen=True)
class Learned:
    """What was learned from what was known before ``as_of``.

    Attributes
    ----------
    creation : how many deals come, and what they bring
    parts : by level, such as owner or product, the part of it that each group takes; each level's sum to 1
    final : what amounts become until deals are won
    shock : how far a good or bad quarter moves all deals, judged by their stages
    widths : of the ranges, as measured by a backtest; None before there was one
    """

    as_of: datetime
    creation: Creation
    parts: Mapping[str, Mapping[str, float]]
    final: FinalAmounts
    shock: ShockFit
    widths: MeasuredWidths | None = None

    @property
    def common_shock(self) -> Shock:
        """The shock to compute ranges with: that of the backtest which measured them, as widths are of such ranges."""
        return self.widths.shock if self.widths else self.shock.shock


def learn(
    tables: Mapping[str, pd.DataFrame],
    as_of: datetime,
    rates: Mapping[str, Rate],
    *,
    known: pd.DataFrame | None = None,
    widths: MeasuredWidths | None = None,
) -> Learned:
    """Learn from what was known before ``as_of``.

    Parameters
    ----------
    tables
        Every table of the contract; deals without amount or rate tell of numbers and times, not of money.
    known
        ``present(tables, as_of)``, where the caller has it already.
    """
    deals = grouped(present(tables, as_of) if known is None else known)
    deals = deals.assign(won=deals["stage_category"] == "won", cents=cents(deals["amount"], deals["currency"], rates))
    users = users_at(tables["users"], tables.get("user_changes", NO_CHANGES), as_of)
    return Learned(
        as_of=as_of,
        creation=learn_creation(deals, as_of, fiscal=fiscal_calendar(tables["calendar"])),
        parts=parts_by_level(deals, users, tables["line_items"], as_of),
        final=learn_final_amounts(_past_amounts(deals[deals["won"]], tables["deal_changes"], as_of, rates)),
        shock=learn_shock(tables["deal_changes"], deals, tables["stages"], as_of, rates),
        widths=widths,
    )


def _past_amounts(won: pd.DataFrame, changes: pd.DataFrame, as_of: datetime, rates: Mapping[str, Rate]) -> pd.DataFrame:
    """Of each won deal the amount at each stage it entered, and in the end; both at the same rate."""
    entries = stage_entries(changes, won["deal_id"], as_of)
    final = won[["deal_id", "pipeline_id", "currency", "stage", "cents"]].rename(columns={"stage": "last_stage"})
    rows = entries.merge(final.rename(columns={"cents": "final_cents"}), on="deal_id")
    rows = rows[rows["stage"] != rows["last_stage"]]
    return pd.DataFrame({
        "deal_id": rows["deal_id"],
        "stage": stage_key(rows),
        "cents": cents(rows["amount"], rows["currency"], rates),
        "final_cents": rows["final_cents"],
    })  # fmt: skip
