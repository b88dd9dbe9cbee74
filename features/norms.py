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
from features.histories import STATIC, Histories, Vocabulary, in_effect_before
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
    """A quantile of the values known before each week's start, by group, all groups together in the last row."""

    weeks: IntColumn
    value: FloatColumn

    @classmethod
    def of(
        cls, group: NDArray, known_at: NDArray, values: NDArray, n_groups: int, quantile: float, minimum: int = 20
    ) -> "WeeklyQuantile":
        """Take the quantile week by week; a group with fewer than ``minimum`` values uses all, or NaN."""
        if not len(values):
            return cls(np.zeros(1, np.int64), np.full((n_groups + 1, 1), np.nan))
        first, last = ((int(t) - MONDAY) // (7 * DAY) for t in (known_at.min(), known_at.max()))
        weeks = MONDAY + np.arange(first, last + 2) * 7 * DAY
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
        """Convert with the last rate known before ``at``; NaN where there is none, unchanged if no rates are kept."""
        if not len(self.rates):
            return amount
        known = np.maximum(currency, 0)
        last = self.rates.before(known, at) - 1
        found = (currency >= 0) & (last >= self.rates.start[known])
        return amount * np.where(found, self.rates.columns["rate"][np.maximum(last, 0)], np.nan)


def norms_of(histories: Histories, fx_rates: pd.DataFrame, reporting_currency: str) -> Norms:
    """Make the norms from all deals of a company."""
    moves = stage_moves(histories)
    vocabulary = histories.vocabulary
    rates = _rates(fx_rates, vocabulary.names["currency"], reporting_currency)
    norms = Norms(
        vocabulary, _closed(histories, moves), _owner_load(histories, moves), {}, _advances(histories, moves), rates
    )
    norms.amounts.update(_amounts(histories, norms))
    return norms


def owner_of(histories: Histories, deal: IntColumn, at: IntColumn) -> IntColumn:
    """Number of each deal's owner as known before ``at``; -1 for none."""
    facts = histories.owner
    last = facts.before(deal, at) - 1
    known = last >= facts.start[deal]
    latest = facts.columns["latest"][np.maximum(last, 0)] if len(facts) else last
    return np.where(known, facts.columns["value"][latest], -1) if len(facts) else np.full(len(deal), -1)


def _closed(histories: Histories, moves: Moves) -> dict[str, Tally]:
    """Tallies of closed deals by every group that a win rate is asked of."""
    closing = np.flatnonzero(moves.closing)
    deal, known_at = moves.facts.group[closing], moves.facts.known_at[closing]
    won = moves.won[closing].astype(np.int64)
    vocabulary = histories.vocabulary
    owner = owner_of(histories, deal, known_at + 1)
    team = vocabulary.team_of_owner[owner] if len(vocabulary.team_of_owner) else owner
    groups = {name: histories.static[name][deal] for name in STATIC}
    groups |= {"owner": owner, "team": np.where(owner >= 0, team, -1)}
    tallies = {
        name: Tally.of(group, known_at, len(vocabulary.names[name]), won=won, closed=np.ones_like(won))
        for name, group in groups.items()
    }
    tallies["all"] = Tally.of(np.zeros_like(deal), known_at, 1, won=won, closed=np.ones_like(won))
    tallies["stage"] = _stages_passed(moves, deal, known_at, won, len(vocabulary.stages.names))
    return tallies


def _stages_passed(moves: Moves, deal: IntColumn, known_at: IntColumn, won: IntColumn, n_stages: int) -> Tally:
    """For every closing, one entry per stage that the deal had been in by then."""
    visited = pd.DataFrame({"deal": moves.facts.group, "stage": moves.facts.columns["new"], "at": moves.facts.known_at})
    visited = visited[visited["stage"] >= 0]
    closings = pd.DataFrame({"deal": deal, "closed": known_at, "won": won})
    both = visited.merge(closings, on="deal")
    both = both[both["at"] < both["closed"]].drop_duplicates(["deal", "stage", "closed"])
    columns = [both[name].to_numpy(np.int64) for name in ("stage", "closed", "won")]
    return Tally.of(columns[0], columns[1], n_stages, won=columns[2], closed=np.ones(len(both), np.int64))


def _owner_load(histories: Histories, moves: Moves) -> Tally:
    """Open deals by owner: one up when a deal comes to an owner, one down when it leaves or closes."""
    facts = histories.owner
    value = facts.columns["value"]
    before = in_effect_before(facts)
    comes = facts.columns["latest"] == np.arange(len(facts))
    leaves = comes & (before >= 0)
    closing = np.flatnonzero(moves.closing)
    closed_deal, closed_at = moves.facts.group[closing], moves.facts.known_at[closing]
    closer = owner_of(histories, closed_deal, closed_at + 1)
    group = np.concatenate([value[comes], value[before[leaves]], closer])
    at = np.concatenate([facts.known_at[comes], facts.known_at[leaves], closed_at])
    change = np.concatenate([np.ones(comes.sum()), -np.ones(leaves.sum()), -np.ones(len(closer))]).astype(np.int64)
    return Tally.of(group, at, len(histories.vocabulary.names["owner"]), open=change)


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
    """Daily rates to the reporting currency by the vocabulary's currencies; a day's rate is known at its start."""
    wanted = fx_rates[fx_rates["quote_currency"] == reporting_currency]
    day = pd.to_datetime(wanted["day"], format="%Y-%m-%d").to_numpy("datetime64[us]").astype(np.int64)
    code = pd.Index(currencies, dtype=object).get_indexer(wanted["currency"])
    rate = wanted["rate"].to_numpy(np.float64)
    if reporting_currency in currencies and len(day):
        own = currencies.index(reporting_currency)
        code, day, rate = np.append(code, own), np.append(day, 0), np.append(rate, 1.0)
    return Facts.sorted(code, day, len(currencies), {"rate": rate})
