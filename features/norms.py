"""The norms: what crosses deals, as of any instant.

Win rates of an owner or a segment, an owner's load, the usual time in a stage. They are made once from
a company's whole history and asked for a past instant, answer only from what was known before it.
Running sums are kept in integers: a later fact cannot change even the rounding of an earlier answer.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.facts import DAY, Facts, FloatColumn, IntColumn
from features.histories import OPEN, STATIC, Histories, Vocabulary
from features.moves import Moves, stage_moves

PRIOR_DEALS = 20
"""How many deals' worth of the whole's rate a group's rate is mixed with; a group of three deals says little."""

MONDAY = 4 * DAY
"""1970-01-05 was a Monday; weeks are counted from it so that they never shift with the data."""

_MICRO = 1_000_000


@dataclass(frozen=True)
class Tally:
    """Integer amounts that became known over time, by group; their sums before any instant."""

    facts: Facts
    totals: dict[str, IntColumn]

    @classmethod
    def of(cls, group: NDArray, known_at: NDArray, n_groups: int, **values: NDArray) -> "Tally":
        """Sum ``values`` (integers) by group; entries of no group (-1) are left out."""
        facts = Facts.sorted(group, known_at, n_groups, values)
        return cls(facts, {name: facts.running(column) for name, column in facts.columns.items()})

    def before(self, name: str, group: IntColumn, at: IntColumn) -> IntColumn:
        """Sum of ``name`` over what ``group`` had before ``at``; 0 for no group."""
        known = np.maximum(group, 0)
        total = self.totals[name]
        if not self.facts.n_groups:
            return np.zeros(len(at), np.int64)
        found = total[self.facts.before(known, at)] - total[self.facts.start[known]]
        return np.where(group >= 0, found, 0)


@dataclass(frozen=True)
class WeeklyQuantile:
    """A quantile of the values known before each week's start, by group, all groups together in the last row.

    ``weeks`` are the starts of the weeks that follow one with a new value.
    """

    weeks: IntColumn
    value: FloatColumn

    @classmethod
    def of(
        cls, group: NDArray, known_at: NDArray, values: NDArray, n_groups: int, quantile: float, minimum: int = 20
    ) -> "WeeklyQuantile":
        """Take the quantile week by week; a group with fewer than ``minimum`` values uses all, or NaN."""
        if not len(values):
            return cls(np.zeros(1, np.int64), np.full((n_groups + 1, 1), np.nan))
        weeks = MONDAY + (np.unique((known_at - MONDAY) // (7 * DAY)) + 1) * 7 * DAY
        order = np.argsort(known_at, kind="stable")
        group, known_at, values = group[order], known_at[order], values[order]
        value = np.full((n_groups + 1, len(weeks)), np.nan)
        for row in range(n_groups, -1, -1):
            member = np.ones(len(group), bool) if row == n_groups else group == row
            mine, until = values[member], np.searchsorted(known_at[member], weeks)
            if row < n_groups:
                value[row] = value[n_groups]
            for week in np.flatnonzero(until >= minimum):
                value[row, week] = np.quantile(mine[: until[week]], quantile)
        return cls(weeks, value)

    def before(self, group: IntColumn, at: IntColumn) -> FloatColumn:
        """The quantile at the last week start not after ``at``; NaN before there were enough values."""
        week = np.searchsorted(self.weeks, at, side="right") - 1
        return np.where(week >= 0, self.value[group, np.maximum(week, 0)], np.nan)


@dataclass(frozen=True)
class Norms:
    """What crosses deals. ``closed`` counts won and closed deals by owner, segment, stage passed and so on."""

    vocabulary: Vocabulary
    closed: dict[str, Tally]
    owner_load: Tally
    amounts: dict[str, Tally]
    days_to_advance: dict[float, WeeklyQuantile]
    rates: Facts

    def shrunken_win_rate(self, what: str, group: IntColumn, at: IntColumn) -> FloatColumn:
        """Share won of the group's deals closed before ``at``, mixed with ``PRIOR_DEALS`` of all deals' rate.

        Returns
        -------
        array of shape (n,), in [0, 1]
            NaN while no deal at all was closed. (Beta-binomial shrinkage; Efron and Morris, 1975.)
        """
        won, closed = (self.closed[what].before(name, group, at) for name in ("won", "closed"))
        everyone = np.zeros_like(group)
        all_won, all_closed = (self.closed["all"].before(name, everyone, at) for name in ("won", "closed"))
        overall = np.divide(all_won, all_closed, out=np.full(len(at), np.nan), where=all_closed > 0)
        return (won + PRIOR_DEALS * overall) / (closed + PRIOR_DEALS)

    def typical_amount(self, what: str, group: IntColumn, at: IntColumn) -> FloatColumn:
        """Geometric mean of the first amounts of the group's deals known before ``at``; NaN where there were none."""
        tally = self.amounts[what]
        logs, count = tally.before("log_amount", group, at), tally.before("count", group, at)
        return np.exp(np.divide(logs, count * _MICRO, out=np.full(len(at), np.nan), where=count > 0))

    def in_reporting_currency(self, amount: FloatColumn, currency: IntColumn, at: IntColumn) -> FloatColumn:
        """Convert with the last rate known before ``at``; NaN where there is none."""
        if not len(self.rates):
            return np.full(len(amount), np.nan)
        known = np.maximum(currency, 0)
        last = self.rates.before(known, at) - 1
        found = (currency >= 0) & (last >= self.rates.start[known])
        return amount * np.where(found, self.rates.columns["rate"][np.maximum(last, 0)], np.nan)


def norms_of(histories: Histories, fx_rates: pd.DataFrame, reporting_currency: str) -> Norms:
    """Make the norms from all deals of a company."""
    moves = stage_moves(histories)
    vocabulary = histories.vocabulary
    rates = _rates(fx_rates, vocabulary.names["currency"], reporting_currency)
    closed, load = _closed(histories, moves), _owner_load(histories)
    norms = Norms(vocabulary, closed, load, {}, _advances(histories, moves), rates)
    norms.amounts.update(_amounts(histories, norms))
    return norms


def owner_of(histories: Histories, deal: IntColumn, at: IntColumn) -> IntColumn:
    """Number of each deal's owner as known before ``at``; -1 for none."""
    return _in_effect(histories.owner, "value", deal, at)


def _in_effect(facts: Facts, column: str, deal: IntColumn, at: IntColumn) -> IntColumn:
    """``column`` of the change of each deal in effect as known before ``at``; -1 for none."""
    if not len(facts):
        return np.full(len(deal), -1)
    last = facts.before(deal, at) - 1
    latest = facts.columns["latest"][np.maximum(last, 0)]
    return np.where(last >= facts.start[deal], facts.columns[column][latest], -1)


def _closed(histories: Histories, moves: Moves) -> dict[str, Tally]:
    """Tallies of closed deals by every group that a win rate is asked of; a deal that reopens leaves them again."""
    facts, vocabulary = moves.facts, histories.vocabulary
    closing, reopening = np.flatnonzero(moves.closing), np.flatnonzero(moves.reopened >= 0)
    place = np.concatenate([closing, moves.reopened[reopening]])
    known_at = facts.known_at[np.concatenate([closing, reopening])]
    closed = np.repeat([1, -1], [len(closing), len(reopening)])
    won = closed * moves.won[place]
    deal = facts.group[place]
    owner = owner_of(histories, deal, facts.known_at[place] + 1)
    team = vocabulary.team_of_owner[owner] if len(vocabulary.team_of_owner) else owner
    groups = {name: histories.static[name][deal] for name in STATIC}
    groups |= {"owner": owner, "team": np.where(owner >= 0, team, -1)}
    tallies = {
        name: Tally.of(group, known_at, len(vocabulary.names[name]), won=won, closed=closed)
        for name, group in groups.items()
    }
    tallies["all"] = Tally.of(np.zeros_like(deal), known_at, 1, won=won, closed=closed)
    entries = pd.DataFrame({"deal": deal, "place": place, "at": known_at, "won": won, "closed": closed})
    tallies["stage"] = _stages_passed(facts, entries, len(vocabulary.stages.names))
    return tallies


def _stages_passed(facts: Facts, entries: pd.DataFrame, n_stages: int) -> Tally:
    """For every closing, one entry per stage that the deal was known to have been in before."""
    visited = pd.DataFrame({"deal": facts.group, "stage": facts.columns["new"], "visited": np.arange(len(facts))})
    both = visited.merge(entries, on="deal")
    both = both[both["visited"] < both["place"]].drop_duplicates(["stage", "place", "closed"])
    stage, known_at, won, closed = (both[name].to_numpy(np.int64) for name in ("stage", "at", "won", "closed"))
    return Tally.of(stage, known_at, n_stages, won=won, closed=closed)


def _owner_load(histories: Histories) -> Tally:
    """Open deals by owner: one up when an owner gets an open deal, one down when it leaves them or closes."""
    parts = [pd.DataFrame({"deal": facts.group, "at": facts.known_at}) for facts in (histories.stage, histories.owner)]
    news = pd.concat(parts).drop_duplicates().sort_values(["deal", "at"])
    deal, at = news["deal"].to_numpy(np.int64), news["at"].to_numpy(np.int64)
    stage = _in_effect(histories.stage, "new", deal, at + 1)
    is_open = histories.vocabulary.stages.category[stage] == OPEN
    holder = np.where(is_open, owner_of(histories, deal, at + 1), -1)
    before = np.where(deal == np.roll(deal, 1), np.roll(holder, 1), -1)
    before[:1] = -1
    change = np.repeat([1, -1], len(at))
    n_owners = len(histories.vocabulary.names["owner"])
    return Tally.of(np.concatenate([holder, before]), np.concatenate([at, at]), n_owners, open=change)


def _advances(histories: Histories, moves: Moves) -> dict[float, WeeklyQuantile]:
    """Median and 80th percentile of the days until a forward move, by the stage left."""
    forward = moves.forward & (moves.days >= 0)
    stage, at, days = moves.origin[forward], moves.facts.known_at[forward], moves.days[forward]
    n_stages = len(histories.vocabulary.stages.names)
    return {q: WeeklyQuantile.of(stage, at, days, n_stages, q) for q in (0.5, 0.8)}


def _amounts(histories: Histories, norms: Norms) -> dict[str, Tally]:
    """Logarithms of first amounts in the reporting currency (millionths, as integers) by owner and size."""
    facts = histories.amount
    first = facts.start[:-1][np.diff(facts.start) > 0]
    deal, at = facts.group[first], facts.known_at[first]
    amount = norms.in_reporting_currency(facts.columns["value"][first], histories.static["currency"][deal], at)
    good = amount > 0
    deal, at, logs = deal[good], at[good], np.round(np.log(amount[good]) * _MICRO).astype(np.int64)
    groups = {"owner": owner_of(histories, deal, at + 1), "size": histories.static["size"][deal]}
    names = histories.vocabulary.names
    return {
        name: Tally.of(group, at, len(names[name]), log_amount=logs, count=np.ones_like(logs))
        for name, group in groups.items()
    }


def _rates(fx_rates: pd.DataFrame, currencies: list[str], reporting_currency: str) -> Facts:
    """Rates to the reporting currency, as quoted or as the inverse of a quote, by the vocabulary's currencies.

    A day's rate is known at the day's last microsecond, as in ``crm/money.py``.
    """
    given = fx_rates[(fx_rates["rate"] > 0) & (fx_rates["currency"] != fx_rates["quote_currency"])]
    direct = given[given["quote_currency"] == reporting_currency]
    inverse = given[given["currency"] == reporting_currency]
    inverse = inverse.assign(currency=inverse["quote_currency"], rate=1 / inverse["rate"])
    # Of two on one day the direct quote holds, which therefore comes last.
    both = pd.concat([inverse, direct])
    day = pd.to_datetime(both["day"], format="%Y-%m-%d").to_numpy("datetime64[us]").astype(np.int64)
    code = pd.Index(currencies, dtype=object).get_indexer([*both["currency"], reporting_currency])
    known_at = np.append(day + DAY - 1, np.iinfo(np.int64).min)
    rate = np.append(both["rate"].to_numpy(np.float64), 1.0)
    return Facts.sorted(code, known_at, len(currencies), {"rate": rate})
