"""Calls: the numbers that people give for a period, rolled up beside the model's number and never mixed into it.

A call is what its author says the group will bring in the whole period, what is won already included: "I call 1.2M".
Forecasters commit to a number, so the number is kept, not its distance from the model's: a distance would carry the
call along with every new score, and nobody said that.

Roll-up: a group's adjusted number is its own call if there is one (of several authors' the latest), else the sum of its
parts' adjusted numbers, from owners up to the whole; an owner without a call counts with what the model expects. Teams
and managers are both groups of owners and may cut across each other: of calls that share owners that for more owners
counts, and of equal ones the higher manager's, a manager's before a team's.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from crm.fiscal import Period
from crm.money import Rate, cents
from reports.levels import PEOPLE

Group = tuple[str, str]
"""Level and id, such as ``("team", "North")``; the whole's id is empty."""


@dataclass(frozen=True)
class Call:
    """A number in force: who called it, for which group, when and why; ``cents`` is None where no rate is known."""

    number: int
    made_at: datetime
    author: str
    group: Group
    cents: int | None
    note: str


@dataclass(frozen=True)
class Adjusted:
    """A group's adjusted number in cents, and the numbers of the calls in it: its own, or those below it."""

    cents: int
    calls: tuple[int, ...] = ()


def calls_in_force(
    adjustments: pd.DataFrame, period: Period, before: datetime, rates: Mapping[str, Rate]
) -> list[Call]:
    """Return the calls for a period that held just before an instant, the latest first.

    An author's later call for the same group supersedes the earlier one; a row without an amount takes it back.

    Parameters
    ----------
    adjustments
        Table ``adjustments``.
    rates
        The rate of each currency into the reporting currency.
    """
    of_period = (adjustments["period_start"] == str(period.start)) & (adjustments["period_end"] == str(period.end))
    rows = adjustments[of_period & (adjustments["made_at"] < before)].sort_values("number", kind="stable")
    rows = rows.assign(group_id=rows["group_id"].fillna(""))
    rows = rows.drop_duplicates(["author", "level", "group_id"], keep="last")
    rows = rows[rows["amount"].notna()].iloc[::-1]
    worth = cents(pd.to_numeric(rows["amount"]), rows["currency"], rates)
    return [
        Call(
            row["number"],
            row["made_at"].to_pydatetime(),
            row["author"],
            (row["level"], row["group_id"]),
            None if pd.isna(one) else int(one),
            row["note"],
        )
        for row, one in zip(rows.to_dict("records"), worth, strict=True)
    ]


def owners_of(forecast: pd.DataFrame, above: Mapping[str, tuple[str, ...]]) -> dict[Group, frozenset[str]]:
    """Return the owners of every group of people in the forecast of one period.

    The whole comes first, then managers, higher ones before those below them, then teams, then owners.
    """
    owners = forecast[forecast["level"] == "owner"]
    managers = {name for chain in above.values() for name in chain}
    height = Counter(name for manager in managers for name in above.get(manager, ()))
    rank = {"whole": 0, "manager": 1, "team": 2, "owner": 3}
    groups = sorted(_groups(forecast), key=lambda group: (rank[group[0]], -height[group[1]], group[1]))
    found: dict[Group, set[str]] = {group: set() for group in groups}
    for owner, team in zip(owners["id"], owners["team"], strict=True):
        over = (("manager", name) for name in above.get(owner, ()))
        for group in (("whole", ""), ("team", team), ("owner", owner), *over):
            found[group].add(owner)
    return {group: frozenset(members) for group, members in found.items()}


def roll_up(
    expected: Mapping[str, int], members: Mapping[Group, frozenset[str]], calls: Iterable[Call]
) -> dict[Group, Adjusted]:
    """Return the adjusted number of every group.

    Parameters
    ----------
    expected
        What the model expects of each owner, in cents.
    members
        The owners of every group, those that go before others first; see ``owners_of``.
    calls
        Those in force; one without a rate, or for a group that is not among ``members``, counts nowhere.

    Examples
    --------
    >>> from datetime import UTC
    >>> call = Call(1, datetime(2026, 3, 30, tzinfo=UTC), "Mia", ("team", "North"), 500, "Two are verbal.")
    >>> owners = {("whole", ""): frozenset({"Ann", "Ben", "Cleo"}), ("team", "North"): frozenset({"Ann", "Ben"})}
    >>> roll_up({"Ann": 100, "Ben": 200, "Cleo": 50}, owners, [call])["whole", ""]
    Adjusted(cents=550, calls=(1,))
    """
    place = {group: number for number, group in enumerate(members)}
    usable = [call for call in calls if call.cents is not None and call.group in members]
    ranked = sorted(usable, key=lambda call: (-len(members[call.group]), place[call.group], -call.number))
    return {
        group: _adjusted(group, expected, members, [call for call in ranked if _may_count(call.group, group, place)])
        for group in members
    }


def _may_count(called: Group, group: Group, place: Mapping[Group, int]) -> bool:
    """Whether a call goes upward: not from managers to those below, but from a manager to a team of the same people."""
    return place[called] >= place[group] or (called[0], group[0]) == ("manager", "team")


def _adjusted(
    group: Group, expected: Mapping[str, int], members: Mapping[Group, frozenset[str]], ranked: list[Call]
) -> Adjusted:
    own = [call for call in ranked if call.group == group]
    left, total, counted = set(members[group]), 0, list[int]()
    for call in own or ranked:
        if left and members[call.group] <= left:
            left -= members[call.group]
            total += call.cents or 0
            counted.append(call.number)
    return Adjusted(total + sum(expected[owner] for owner in left), tuple(counted))


def adjusted(forecast: pd.DataFrame, above: Mapping[str, tuple[str, ...]], calls: Iterable[Call]) -> pd.DataFrame:
    """Return what the model expects of every group of people in one period, and the adjusted number beside it.

    Parameters
    ----------
    forecast
        Rows of ``reports.forecast.forecast_rows`` of one period.

    Returns
    -------
    DataFrame, one row per group
        ``level``, ``id``, ``name``, ``team``; ``expected`` and ``adjusted`` in units of the reporting currency; and
        ``calls``, a tuple of the numbers of the calls that make the latter up.
    """
    rows = forecast[forecast["level"].isin(PEOPLE)]
    owners = rows[rows["level"] == "owner"]
    expected = {owner: round(100 * money) for owner, money in zip(owners["id"], owners["expected"], strict=True)}
    found = roll_up(expected, owners_of(rows, above), calls)
    of_row = [found[group] for group in _groups(rows)]
    return rows[["level", "id", "name", "team", "expected"]].assign(
        adjusted=[one.cents / 100 for one in of_row], calls=[one.calls for one in of_row]
    )


def _groups(rows: pd.DataFrame) -> list[Group]:
    return list(zip(rows["level"], rows["id"], strict=True))
