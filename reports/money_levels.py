"""What open deals and new business may bring, by owner, team and whole, in each period; and what if one deal goes.

Means are sums of whole cents, rounded deal by deal: they add up at every level. Distributions do not add up,
nor may they: not all owners have their bad quarter at once, unless the shock says so.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.money_quantiles import MoneySum, chance_to_reach, quantiles
from reports.money_sums import money_sum
from reports.new_business import NewBusiness, together
from reports.shocks import Shock, chances_given_shock, shifts

WHOLE = ("whole", "")
"""The group of all deals; it is always there."""

Group = tuple[str, str]
"""Level and id, such as ``("team", "North")``."""


@dataclass(frozen=True)
class NewPart:
    """New business, period by period; it counts in the groups that ``groups`` names, and in the whole if it says so."""

    groups: Mapping[str, str]
    periods: Sequence[NewBusiness | None]
    in_whole: bool = True


@dataclass(frozen=True)
class OpenMoney:
    """Open deals, in columns; made and checked by ``open_money``.

    Attributes
    ----------
    amount : cents, none missing
    amount_spread : standard deviation of the final amount relative to ``amount``
    imputed : whether the amount is a guess, because the deal has none
    chance : P(won in the period), shape (n_deals, n_periods)
    groups : by level, such as owner or region, the id of each deal's group
    new : business not yet created
    nested : by level at which a deal counts in several groups, such as manager, the rows of each group
    """

    deal_id: NDArray[np.object_]
    amount: NDArray[np.float64]
    amount_spread: NDArray[np.float64]
    imputed: NDArray[np.bool_]
    chance: NDArray[np.float64]
    groups: Mapping[str, NDArray[np.object_]]
    new: Sequence[NewPart] = ()
    nested: Mapping[str, Mapping[str, NDArray[np.int64]]] = field(default_factory=dict)


def open_money(
    deals: pd.DataFrame,
    chance: NDArray[np.float64],
    levels: Sequence[str] = ("owner", "team"),
    new: Sequence[NewPart] = (),
    nested: Mapping[str, Mapping[str, NDArray[np.int64]]] | None = None,
) -> OpenMoney:
    """Check open deals and return them in columns.

    Parameters
    ----------
    deals
        One row per deal: ``deal_id``, ``cents`` and a column for each of ``levels``; ``amount_spread`` and
        ``imputed`` where there are such.
    chance : array of shape (n_deals, n_periods)

    Raises
    ------
    ValueError
        An amount is missing: it must be imputed and marked, for left out it would count as nothing. Or what
        should be a chance is none.
    """
    ids = deals["deal_id"].to_numpy(object)
    cents = deals["cents"].to_numpy(np.float64)
    zero = pd.Series(0.0, deals.index)
    spread = deals.get("amount_spread", zero).to_numpy(np.float64)
    chance = np.asarray(chance, np.float64)
    _refuse(
        ids, ~np.isfinite(cents), "has no amount", "Impute one and mark it as imputed; it is not to count as nothing"
    )
    _refuse(ids, ~(np.isfinite(spread) & (spread >= 0)), "has no amount_spread of 0 or more", "Pass 0 for none")
    wrong = ~((chance >= 0) & (chance <= 1)).all(axis=1) | ~(chance.sum(axis=1) <= 1 + 1e-9)
    _refuse(ids, wrong, "has chances that are not between 0 and 1, in each period and in all", "Check the scores")
    return OpenMoney(
        ids,
        cents,
        spread,
        deals.get("imputed", zero).to_numpy(bool),
        chance,
        {level: deals[level].to_numpy(object) for level in levels},
        new,
        nested or {},
    )


def _refuse(ids: NDArray, wrong: NDArray, what: str, remedy: str) -> None:
    if wrong.any():
        names = ", ".join(map(str, ids[wrong][:3])) + (", ..." if wrong.sum() > 3 else "")
        raise ValueError(f"Deal {ids[wrong][0]} {what}; so it is with {wrong.sum()} of {len(ids)} ({names}). {remedy}.")


def sums_by_group(money: OpenMoney, shock: Shock, *, with_whole: bool = True) -> list[dict[Group, MoneySum]]:
    """Return the distribution of every group, and of the whole, in each period.

    Without the whole where rows are parts of deals, as by product: parts of one deal do not go different ways.

    Examples
    --------
    >>> deals = pd.DataFrame({"deal_id": ["D1", "D2"], "cents": [100.0, 50.0], "owner": ["Ann", "Bob"]})
    >>> sums = sums_by_group(open_money(deals, [[0.5], [0.2]], levels=["owner"]), Shock())
    >>> quantiles(sums[0]["whole", ""], [0.5, 0.9]).tolist(), quantiles(sums[0]["owner", "Bob"], [0.9]).tolist()
    ([50.0, 100.0], [50.0])
    """
    members = _members(money)
    if not with_whole:
        del members[WHOLE]
    found = []
    for period in range(money.chance.shape[1]):
        given = chances_given_shock(money.chance[:, period], *shifts(shock))
        new, sums = _new_by_group(money, period), dict[Group, MoneySum]()
        known: dict[tuple[bytes, str], MoneySum] = {}
        for group, rows in members.items():
            # A team and its manager, the only pipeline and the whole: one distribution under two names.
            alike = (_numbered(money, rows).tobytes(), _written(new.get(group)))
            if alike not in known:
                known[alike] = _sum(money, rows, period, shock, new.get(group), given[rows])
            sums[group] = known[alike]
        found.append(sums)
    return found


def _numbered(money: OpenMoney, rows: NDArray | slice) -> NDArray:
    return np.arange(len(money.amount)) if isinstance(rows, slice) else rows


def _written(new: NewBusiness | None) -> str:
    return f"{new.n_won:.9g} {new.amount} {new.spread}" if new else ""


def money_table(
    money: OpenMoney,
    sums: Sequence[Mapping[Group, MoneySum]],
    levels: Mapping[str, float],
    quotas: Mapping[tuple[str, str, int], float] | None = None,
) -> pd.DataFrame:
    """Return the figures of every group and period.

    Parameters
    ----------
    levels
        Name and probability of each quantile, such as ``{"p10": 0.1}``.
    quotas
        By level, id and number of the period, in cents: what is to be won of open deals and new business.

    Returns
    -------
    DataFrame, one row per period (numbered from 0) and group
        ``open_cents``, ``new_cents`` and their sum ``expected_cents`` in whole cents (integers), ``n_deals``,
        ``n_imputed``, the quantiles in cents, and ``reach_chance``, P(sum >= quota), NaN without a quota.
    """
    expected = np.rint(money.chance * money.amount[:, None]).astype(np.int64)
    rows = []
    for period, groups in enumerate(sums):
        parts = _parts(money, period)
        for (level, name), rows_of in _members(money).items():
            found = groups[level, name]
            open_cents, new_cents = int(expected[rows_of, period].sum()), _new_cents(parts.get((level, name), []))
            quota = (quotas or {}).get((level, name, period), np.nan)
            rows.append({
                **{"period": period, "level": level, "id": name, "n_deals": len(expected[rows_of])},
                **{"n_imputed": int(money.imputed[rows_of].sum()), "open_cents": open_cents, "new_cents": new_cents},
                "expected_cents": open_cents + new_cents,
                **dict(zip(levels, quantiles(found, list(levels.values())), strict=True)),
                "reach_chance": chance_to_reach(found, quota) if quota == quota else np.nan,
            })  # fmt: skip
    return pd.DataFrame(rows)


def money_if(
    money: OpenMoney, group: Group, period: int, shock: Shock, lost: Collection[str] = (), won: Collection[str] = ()
) -> MoneySum:
    """Return a group's distribution in one period if some deals were lost, or won in that period, for certain.

    The shock is left as it is: one deal's fate is not taken as a sign of how the others will go.
    """
    unknown = sorted({*lost, *won} - set(money.deal_id))
    if unknown:
        raise ValueError(f"There is no open deal {', '.join(unknown[:3])} among the {len(money.deal_id)}.")
    rows = _members(money)[group]
    chance = money.chance.copy()
    chance[np.isin(money.deal_id, list(lost))] = 0
    chance[np.isin(money.deal_id, list(won)), period] = 1
    return _sum(replace(money, chance=chance), rows, period, shock, _new_by_group(money, period).get(group), None)


def _sum(
    money: OpenMoney,
    rows: NDArray | slice,
    period: int,
    shock: Shock,
    new: NewBusiness | None,
    given: NDArray[np.float64] | None,
) -> MoneySum:
    spread = money.amount_spread[rows]
    return money_sum(
        money.amount[rows], money.chance[rows, period], shock, spread if spread.any() else None, new, given
    )


def _members(money: OpenMoney) -> dict[Group, NDArray | slice]:
    """The rows of every group, the whole first; and of groups that only have new business, none."""
    found: dict[Group, NDArray | slice] = {WHOLE: slice(None)}
    nobody = np.empty(0, np.int64)
    only_new = defaultdict[str, set[str]](set)
    for part in money.new:
        for level, name in part.groups.items():
            only_new[level].add(name)
    for level, ids in money.groups.items():
        rows = dict(pd.Series(ids, dtype=object).groupby(ids).indices)
        found |= {(level, str(name)): rows.get(name, nobody) for name in sorted(rows.keys() | only_new[level])}
    for level, members in money.nested.items():
        found |= {(level, name): members.get(name, nobody) for name in sorted(members.keys() | only_new[level])}
    return found


def _parts(money: OpenMoney, period: int) -> dict[Group, list[NewBusiness]]:
    found = defaultdict[Group, list[NewBusiness]](list)
    for part in money.new:
        business = part.periods[period]
        if business is not None:
            for group in (*part.groups.items(), *((WHOLE,) if part.in_whole else ())):
                found[group].append(business)
    return found


def _new_by_group(money: OpenMoney, period: int) -> dict[Group, NewBusiness | None]:
    return {group: together(parts) for group, parts in _parts(money, period).items()}


def _new_cents(parts: Sequence[NewBusiness]) -> int:
    return sum(round(part.mean) for part in parts)
