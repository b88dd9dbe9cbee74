"""What changed, as the API and the page tell it: the bridge of a group, and the deals behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pandas as pd

from reports.change_bridge import AFTER, BEFORE
from reports.change_causes import OWNER_MOVED, PROBABILITY_DOWN, PROBABILITY_UP
from reports.change_sentences import sentence
from reports.forecast_deals import NO_OWNER
from reports.levels import WHOLE
from reports.waterfall import Waterfall, waterfall
from serving import answers
from serving.change_schemas import Bridge, CauseSum, ChangedDeal, ChangePart, DealThen, SignalChange
from serving.changes import Changed, PeriodChanges
from serving.schemas import Money, Owner

_WHOLE = ("whole", "")
_MAIN_CAUSES = 3


@dataclass(frozen=True)
class Asked:
    """Which deals are asked for: those of a group, of an owner or a team at either instant, with a part in a cause."""

    group: tuple[str, str] = _WHOLE
    cause: str | None = None
    owner: str | None = None
    team: str | None = None


def bridges(changed: Changed, period: PeriodChanges, level: str, name: str | None = None) -> list[Bridge]:
    """Write the bridge of every group of a level, or of the one called ``name``; none where there is no such."""
    rows = period.changed.bridge
    rows = rows[(rows["level"] == level) & ((rows["id"] == name) if name is not None else True)]
    groups: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows.itertuples():
        groups.setdefault(row.id, {})[row.cause] = (row.cents, row.n_deals)
    return [_bridge(level, group, sums, changed) for group, sums in groups.items()]


def deals_behind(period: PeriodChanges, asked: Asked) -> list[str]:
    """Return the ids of the deals asked for, those first that changed most, in the one cause where it is given."""
    rows = period.groups.get(asked.group)
    if rows is None:
        return []
    parts = rows[~rows["cause"].isin([BEFORE, AFTER])]
    if asked.cause is not None:
        parts = parts[parts["cause"] == asked.cause]
    cents = parts.groupby("deal_id")["cents"].sum().to_frame()
    deals = period.deals.loc[cents.index]
    for name, wanted in (("owner", asked.owner), ("team", asked.team)):
        if wanted is not None:
            theirs = (deals[f"{name}_from"] == wanted) | (deals[f"{name}_to"] == wanted)
            cents, deals = cents[theirs], deals[theirs]
    return cents.assign(size=-cents["cents"].abs()).sort_values(["size", "deal_id"]).index.tolist()


def steps_of(period: PeriodChanges, group: tuple[str, str] = _WHOLE) -> Waterfall:
    """Lay out the bridge of a group as a chart."""
    rows = period.changed.bridge
    return waterfall(rows[(rows["level"] == group[0]) & (rows["id"] == group[1])])


def in_short(changed: Changed) -> dict[str, Any]:
    """Say since when this quarter's forecast changed by how much, and by which causes most; money in cents."""
    first, *steps, last = steps_of(changed.periods[0]).steps
    causes = sorted((step for step in steps if step.cents), key=lambda step: -abs(step.cents))
    return {
        "since": changed.instants[0],
        "cents": last.cents - first.cents,
        "causes": [(step.cause, step.cents) for step in causes[:_MAIN_CAUSES]],
    }


def signals_behind(period: PeriodChanges, group: tuple[str, str]) -> list[tuple[str, int]]:
    """Return the groups of signals that moved the probabilities of a group's deals, in cents, the largest first."""
    rows = period.groups.get(group, period.changed.lines.head(0))
    moved = rows["deal_id"][rows["cause"].isin([PROBABILITY_UP, PROBABILITY_DOWN])]
    found = period.changed.by_signal
    sums = found[found["deal_id"].isin(moved)].groupby("group")["cents"].sum()
    return sorted(((str(name), int(cents)) for name, cents in sums.items() if cents), key=lambda one: -abs(one[1]))


def changed_deals(changed: Changed, period: PeriodChanges, asked: Asked, deal_ids: Sequence[str]) -> list[ChangedDeal]:
    """Write deals with all their parts in the group asked for."""
    rows = period.groups[asked.group] if deal_ids else period.changed.lines.head(0)
    rows = rows[rows["deal_id"].isin(deal_ids)]
    lines: dict[str, dict[str, int]] = {}
    for deal_id, cause, cents in zip(rows["deal_id"], rows["cause"], rows["cents"].tolist(), strict=True):
        lines.setdefault(deal_id, {})[cause] = cents
    deals = period.deals.loc[list(deal_ids)].to_dict("records")
    return [_deal(deal, lines[deal["deal_id"]], period, changed, asked.cause) for deal in deals]


def money(cents: int, currency: str) -> Money:
    """Write whole cents as money.

    >>> money(-3_400_050, "EUR")
    Money(amount='-34000.50', currency='EUR')
    """
    return Money(amount=f"{Decimal(int(cents)) / 100:.2f}", currency=currency)


def _bridge(level: Any, group: str, sums: dict[str, tuple[int, int]], changed: Changed) -> Bridge:
    before, after = (money(sums.pop(end, (0, 0))[0], changed.currency) for end in (BEFORE, AFTER))
    return Bridge(
        level=level,
        id=group,
        name=WHOLE if level == "whole" else changed.names.get(group, group),
        before=before,
        after=after,
        causes=[
            CauseSum(cause=cause, change=money(cents, changed.currency), n_deals=n)
            for cause, (cents, n) in sums.items()
        ],
    )


def _deal(
    deal: dict[Any, Any], lines: dict[str, int], period: PeriodChanges, changed: Changed, asked: str | None
) -> ChangedDeal:
    deal_id, currency = deal["deal_id"], changed.currency
    parts = {cause: cents for cause, cents in lines.items() if cause not in (BEFORE, AFTER)}
    name = deal["name_from"] if pd.isna(deal["name_to"]) else deal["name_to"]
    # What left a group, or came into it, did that here, whatever else moved the deal.
    cause = OWNER_MOVED if OWNER_MOVED in parts else deal["cause"]
    signals = period.by_signal.get(deal_id, []) if deal["own_cause"] in parts else []
    return ChangedDeal(
        deal_id=deal_id,
        name=deal_id if pd.isna(name) else name,
        cause=cause,
        sentence=sentence(deal, signals, asked or cause),
        change=money(sum(parts.values()), currency),
        parts=[ChangePart(cause=cause, change=money(cents, currency)) for cause, cents in parts.items()],
        by_signal=[SignalChange(group=group, change=money(cents, currency)) for group, cents in signals],
        before=_then(deal, "from", currency),
        after=_then(deal, "to", currency),
        href=f"/v1/deals/{quote(deal_id, safe='')}",
    )


def _then(deal: dict[Any, Any], end: str, currency: str) -> DealThen | None:
    known = {
        name: None if pd.isna(value) else value
        for name in ("stage", "stage_category", "amount", "close_date", "win_probability", "chance")
        for value in [deal[f"{name}_{end}"]]
    }
    if known["stage_category"] is None:
        return None
    owner = None
    if deal[f"owner_{end}"] != NO_OWNER:
        owner = Owner(owner_id=deal[f"owner_{end}"], name=deal[f"owner_name_{end}"], team=deal[f"team_{end}"])
    return DealThen(
        stage=known["stage"],
        stage_category=known["stage_category"],
        amount=answers.money(known["amount"], deal[f"currency_{end}"]),
        close_date=known["close_date"] and date.fromisoformat(known["close_date"]),
        owner=owner,
        probability=known["chance"],
        win_probability=known["win_probability"],
        part=money(deal["before_cents" if end == "from" else "after_cents"], currency),
    )
