"""The norms: what crosses deals, as of any instant.

Win rates of an owner or a segment, an owner's load, the usual time in a stage or until an answer. They are made once
from a company's whole history and, asked for a past instant, answer only from what was known before it.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.exchange import rates_before, rates_of
from features.facts import Facts, FloatColumn, IntColumn
from features.histories import Histories
from features.norm_facts import MILLION, Columns, NormFacts, norm_facts
from features.tally import Moments, Tally
from features.usual_times import UsualTimes
from features.vocabulary import Vocabulary

PRIOR_DEALS = 20
"""How many deals' worth of the whole's rate a group's rate is mixed with; a group of three deals says little."""
MEDIAN, PATIENCE = 50, 80
"""Percentiles of the times to advance from a stage: the usual time, and the patience before a deal has stalled."""


@dataclass(frozen=True)
class Norms:
    """What crosses deals. ``closed`` counts won and closed deals by owner, segment, stage passed and so on."""

    vocabulary: Vocabulary
    closed: dict[str, Tally]
    owner_load: Tally
    amounts: dict[str, Tally]
    days_to_advance: dict[int, UsualTimes]
    days_to_reply: UsualTimes
    rates: Facts

    def shrunken_win_rate(self, what: str, group: IntColumn, moments: Moments) -> FloatColumn:
        """Share won of the group's deals closed before, mixed with ``PRIOR_DEALS`` of all deals' rate.

        Returns
        -------
        array of shape (n,), in [0, 1]
            NaN while no deal at all was closed. (Beta-binomial shrinkage; Efron and Morris, 1975.)
        """

        def rate(group: IntColumn, at: IntColumn) -> FloatColumn:
            won, closed = self.closed[what].before(group, at, "won", "closed")
            all_won, all_closed = self.closed["all"].before(np.zeros_like(group), at, "won", "closed")
            overall = np.divide(all_won, all_closed, out=np.full(len(at), np.nan), where=all_closed > 0)
            return (won + PRIOR_DEALS * overall) / (closed + PRIOR_DEALS)

        return moments.asked(("win rate", what), rate, group, self.closed[what].n_groups)

    def closed_before(self, what: str, name: str, group: IntColumn, moments: Moments) -> FloatColumn:
        """How many of the group's deals were known ``won`` (or ``closed``, won and lost)."""
        tally = self.closed[what]
        counts = moments.asked((name, what), lambda group, at: tally.before(group, at, name)[0], group, tally.n_groups)
        return counts.astype(np.float64)

    def open_before(self, owner: IntColumn, moments: Moments) -> FloatColumn:
        """How many open deals each owner had."""
        load = self.owner_load
        return moments.asked("load", lambda group, at: load.before(group, at, "open")[0], owner, load.n_groups).astype(
            float
        )

    def typical_amount(self, what: str, group: IntColumn, moments: Moments) -> FloatColumn:
        """Geometric mean of the first amounts of the group's deals known before; NaN where there were none."""

        def typical(group: IntColumn, at: IntColumn) -> FloatColumn:
            logs, count = self.amounts[what].before(group, at, "log_amount", "count")
            return np.exp(np.divide(logs, count * MILLION, out=np.full(len(at), np.nan), where=count > 0))

        return moments.asked(("amount", what), typical, group, self.amounts[what].n_groups)

    def usual_days(self, times: UsualTimes, group: IntColumn, moments: Moments) -> FloatColumn:
        """A quantile of times at the start of the week; NaN before enough were known."""
        return moments.asked(id(times), times.before, group, times.n_groups)

    def rate(self, currency: IntColumn, moments: Moments) -> FloatColumn:
        """The last rate of each currency to the reporting currency; NaN where there is none."""
        return moments.asked(
            "rate", lambda group, at: rates_before(self.rates, group, at), currency, self.rates.n_groups
        )


def norms_of(histories: Histories, fx_rates: pd.DataFrame, reporting_currency: str) -> Norms:
    """Make the norms from all deals of a company."""
    vocabulary = histories.vocabulary
    rates = rates_of(fx_rates, vocabulary.names["currency"], reporting_currency)
    return norms_from(norm_facts(histories, rates), vocabulary, rates)


def norms_from(facts: NormFacts, vocabulary: Vocabulary, rates: Facts) -> Norms:
    """Make the norms of a company from what its deals add to them; names are numbered as in ``vocabulary``."""
    names, n_stages = vocabulary.names, len(vocabulary.stages.names)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of it is sorting, for which numpy lets go of Python's lock
        tables = dict(zip(facts.tables, pool.map(_by_time, facts.tables.values()), strict=True))
        closings, load, amounts = (tables[name] for name in ("closings", "load", "amounts"))
        groups = {"all": (np.zeros_like(closings["closed"]), 1, closings)}
        groups |= {name: (closings[name], len(names[name]), closings) for name in closings.keys() & names.keys()}
        for name, of_owner in vocabulary.groups_of_owner.items():
            groups[name] = of_owner[closings["owner"]], len(names[name]), closings
        for table in (name for name in tables if name.startswith("passed_")):
            what = table.removeprefix("passed_")
            groups[what] = tables[table][what], len(names.get(what, vocabulary.stages.names)), tables[table]
        closed = dict(zip(groups, pool.map(_closed, *zip(*groups.values(), strict=True)), strict=True))
        advances = {
            percent: pool.submit(UsualTimes.of, tables["advances"], "stage", n_stages, percent)
            for percent in (MEDIAN, PATIENCE)
        }
        replies = pool.submit(UsualTimes.of, tables["replies"], "pipeline", len(names["pipeline"]), MEDIAN)
        first = {"log_amount": amounts["log_amount"], "count": np.ones(len(amounts["owner"]), np.int8)}
        return Norms(
            vocabulary,
            closed,
            Tally.of(load["owner"], load["known_at"], len(names["owner"]), open=load["open"]),
            {
                name: Tally.of(amounts[name], amounts["known_at"], len(names[name]), **first)
                for name in ("owner", "size")
            },
            {percent: times.result() for percent, times in advances.items()},
            replies.result(),
            rates,
        )


def _closed(group: NDArray, n_groups: int, table: Columns) -> Tally:
    return Tally.of(group, table["known_at"], n_groups, won=table["won"], closed=table["closed"])


def _by_time(table: Columns) -> Columns:
    """The rows as they became known, so that each of the many groupings need not sort them anew."""
    if "known_at" not in table:
        return table
    order = np.argsort(table["known_at"], kind="stable")
    return {name: values[order] for name, values in table.items()}
