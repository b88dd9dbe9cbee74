"""What a forecast is made of: open deals with their chances and money, what is won, what is to come, quotas."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.errors import NotEnoughDataError
from crm.fiscal import Period
from crm.money import Rate
from crm.user_history import NO_CHANGES, users_at
from reports.forecast_deals import (
    AS_THEY_ARE,
    NO_OWNER,
    NO_TEAM,
    SINGLE_LEVELS,
    chances_in,
    instant,
    open_deals,
    won_deals,
    won_in,
)
from reports.forecast_learned import Learned
from reports.interval_calibration import Width
from reports.managers import managers_above, managers_when, rows_by_manager
from reports.measured_widths import AS_COMPUTED, MeasuredWidths
from reports.money_levels import NewPart, OpenMoney, open_money
from reports.new_business import NewBusiness
from reports.new_parts import cents_by_group
from reports.product_lines import product_lines, split
from reports.quotas import owner_quotas, rolled_up
from reports.shocks import Shock

TABLES = ("stages", "users", "user_changes", "line_items", "quotas", "fx_rates")
"""Tables that are read, besides the present and the scores."""


@dataclass(frozen=True)
class Basis:
    """Everything that the figures are computed from; ``basis_of`` makes it.

    Attributes
    ----------
    deals, won : open and won deals, see ``reports/forecast_deals.py``; ``chain`` is a place in ``chains``
    chains : the managers above owners: of open deals those of now, of won ones those when they were won
    chance : P(won in the part of the period still to come), by open deal and period
    people : one row per owner with deals, a quota or deals to come: ``owner``, ``name``, ``team``
    new_cents : by period, what is to come of deals not created yet, by level and id
    quotas : by period, see ``reports/quotas.py``
    money, by_product : open deals, and their parts by product, with what is to come
    widths : of ranges, as a backtest measured them; None before there was one
    """

    periods: Sequence[Period]
    deals: pd.DataFrame
    won: pd.DataFrame
    chance: NDArray[np.float64]
    line_items: pd.DataFrame
    users: pd.DataFrame
    people: pd.DataFrame
    chains: Sequence[tuple[str, ...]]
    above: Mapping[str, tuple[str, ...]]
    new_cents: Sequence[Mapping[tuple[str, str], int]]
    quotas: Sequence[pd.DataFrame]
    money: OpenMoney
    by_product: OpenMoney
    shock: Shock
    as_of: datetime
    widths: MeasuredWidths | None

    def width(self, level: str, k: int) -> Width:
        """By how much a group's range of period ``k`` is made wider, and how often such ranges held."""
        return self.widths.width(level, self.as_of, self.periods[k].end) if self.widths else AS_COMPUTED


def basis_of(
    present: pd.DataFrame,
    scores: pd.DataFrame,
    tables: Mapping[str, pd.DataFrame],
    rates: Mapping[str, Rate],
    periods: Sequence[Period],
    learned: Learned | None = None,
) -> Basis:
    """Bring together what a forecast is made of; for the arguments see ``reports.forecast.forecast``."""
    if scores.empty:
        raise NotEnoughDataError("There are no scores to forecast from; run `plumbline score` first.")
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    deals = open_deals(present, scores, tables["stages"], rates, learned.final if learned else AS_THEY_ARE)
    won = won_deals(present, rates, tables["fx_rates"])
    chance = chances_in(deals["win_within"], periods, as_of)
    moves = tables.get("user_changes", NO_CHANGES)
    users = users_at(tables["users"], moves, as_of)
    above = managers_above(users)
    chains, numbers = _chains(
        [above.get(owner, ()) for owner in deals["owner"]],
        managers_when(tables["users"], moves, won["owner"], won["closed_at"], as_of),
    )
    deals, won = deals.assign(chain=numbers[: len(deals)]), won.assign(chain=numbers[len(deals) :])
    of_owner = [owner_quotas(tables["quotas"], rates, period) for period in periods]
    to_come = list(learned.parts["owner"]) if learned else []
    people = _people(deals, won, users, [*to_come, *(str(owner) for q in of_owner for owner in q.index)])
    parts, whole = _parts(learned, people, above), _new_business(learned, periods)
    lines = product_lines(tables["line_items"], deals["deal_id"])
    return Basis(
        periods,
        deals,
        won,
        chance,
        tables["line_items"],
        users,
        people,
        chains,
        above,
        [_new_cents(business, parts, people, above) for business in whole],
        [
            rolled_up(
                quota, _counted(people, [deals["owner"], won_in(won, period)["owner"], quota.index, to_come]), above
            )
            for quota, period in zip(of_owner, periods, strict=True)
        ],
        open_money(
            deals,
            chance,
            SINGLE_LEVELS,
            [NewPart({}, whole), *_new_parts(parts, whole, product=False)],
            {"manager": rows_by_manager(deals["owner"].to_numpy(object), above)},
        ),
        _by_product(deals, chance, lines, _new_parts(parts, whole, product=True)),
        learned.common_shock if learned else Shock(),
        as_of,
        learned.widths if learned else None,
    )


def _by_product(deals: pd.DataFrame, chance: NDArray, lines: pd.DataFrame, new: Sequence[NewPart]) -> OpenMoney:
    """The parts of open deals by product: parts of one deal are won together, but no product holds two of them."""
    row = lines["row"].to_numpy()
    parts = deals.iloc[row][["deal_id", "amount_spread", "imputed"]]
    parts = parts.assign(cents=split(deals["cents"].to_numpy(), lines), product=lines["product"].to_numpy())
    return open_money(parts, chance[row], ["product"], new)


def _counted(people: pd.DataFrame, in_some: Sequence[pd.Series | pd.Index | list[str]]) -> pd.DataFrame:
    """The owners whose deals, quotas or deals to come count in a period."""
    owners = set().union(*in_some) - {NO_OWNER}
    return people[people["owner"].isin(owners)]


def _chains(
    of_open: Sequence[tuple[str, ...]], of_won: Sequence[tuple[str, ...]]
) -> tuple[list[tuple[str, ...]], NDArray[np.int64]]:
    """Every chain of managers once, and the number of each deal's."""
    number: dict[tuple[str, ...], int] = {}
    numbers = [number.setdefault(chain, len(number)) for chain in (*of_open, *of_won)]
    return list(number), np.array(numbers, np.int64)


def _people(deals: pd.DataFrame, won: pd.DataFrame, users: pd.DataFrame, more: Sequence[str]) -> pd.DataFrame:
    """Every owner once, ordered by id, in the team of now; what table ``users`` does not say, their deals do."""
    seen = pd.concat([deals, won])[["owner", "owner_name", "team"]].rename(columns={"owner_name": "name"})
    others = pd.DataFrame({"owner": pd.Series(more, dtype="str")})
    named = users[["user_id", "name", "team"]].rename(columns={"user_id": "owner"})
    others = others.merge(named, on="owner", how="left")
    others = others.assign(name=others["name"].fillna(others["owner"]), team=others["team"].fillna(NO_TEAM))
    every = pd.concat([seen, others], ignore_index=True).drop_duplicates("owner")
    # A won deal keeps the team that its owner was in then.
    now = users.set_index("user_id")["team"].reindex(every["owner"]).set_axis(every.index)
    every["team"] = now.fillna(every["team"])
    return every.sort_values("owner", ignore_index=True)


def _parts(
    learned: Learned | None, people: pd.DataFrame, above: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Each group's part of new business, by level; those of teams and managers are sums of their owners'."""
    if learned is None:
        return {}
    return {level: dict(parts) for level, parts in learned.parts.items()} | _summed(
        learned.parts["owner"], people, above
    )


def _summed(
    of_owner: Mapping[str, float], people: pd.DataFrame, above: Mapping[str, tuple[str, ...]]
) -> dict[str, dict[str, float]]:
    """Sums over each team's and each manager's owners."""
    team_of = dict(zip(people["owner"], people["team"], strict=True))
    team, manager = dict[str, float](), dict[str, float]()
    for owner, part in of_owner.items():
        team[team_of[owner]] = team.get(team_of[owner], 0) + part
        for name in above.get(owner, ()):
            manager[name] = manager.get(name, 0) + part
    return {"team": team, "manager": manager}


def _new_business(learned: Learned | None, periods: Sequence[Period]) -> list[NewBusiness | None]:
    if learned is None:
        return [None] * len(periods)
    every = [learned.creation.expected(instant(period.start), instant(period.end)) for period in periods]
    # What is less than a cent in the mean is no business.
    return [new if round(new.mean) != 0 else None for new in every]


def _new_parts(
    parts: Mapping[str, Mapping[str, float]], whole: Sequence[NewBusiness | None], *, product: bool
) -> list[NewPart]:
    return [
        NewPart({level: name}, [new and replace(new, n_won=new.n_won * part) for new in whole], in_whole=False)
        for level, of_level in parts.items()
        if (level == "product") == product
        for name, part in of_level.items()
    ]


def _new_cents(
    whole: NewBusiness | None,
    parts: Mapping[str, Mapping[str, float]],
    people: pd.DataFrame,
    above: Mapping[str, tuple[str, ...]],
) -> dict[tuple[str, str], int]:
    """What is to come in whole cents: one sum, shared out at each level."""
    if whole is None:
        return {}
    total = round(whole.mean)
    shared: dict[str, Mapping[str, float]] = {
        level: cents_by_group(total, of_level) for level, of_level in parts.items() if level not in ("team", "manager")
    }
    shared |= _summed(shared["owner"], people, above)
    found = {(level, name): int(cents) for level, of_level in shared.items() for name, cents in of_level.items()}
    return {("whole", ""): total, **found}
