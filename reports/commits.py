"""Commits: what came of the deals that reps committed to, some weeks before the end of past quarters.

Beside the share that was won stands the sum: what was committed over what came, be it from deals that were committed or
not. Above 1 more was promised than came (*optimistic*), below 1 more came than was promised (*sandbagging*).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
from scipy.stats import t

from crm.fiscal import Period
from crm.forecast_categories import COMMIT, categories_of
from crm.money import Rate, cents
from reports.forecast_deals import chances_within, instant
from reports.levels import in_groups, named
from reports.rates import CONFIDENCE, with_rate

WEEKS_BEFORE = (1, 2, 4, 8)
SCORES_AGE = timedelta(weeks=1)
"""How old a score may be to stand for what the model said at an instant."""
OPTIMISTIC, SANDBAGGING = "optimistic", "sandbagging"
LEAST_DEALS = 10
"""Fewer deals than this that were committed or came say nothing of a person, whatever bounds they give."""
_DAY = pd.Timedelta(days=1)
_COUNTS = ("n_committed", "n_won", "n_other", "n_without_amount", "n_scored", "n_scored_won")
_MONEY = ("committed", "committed_won", "other")
_SUMS = (*_COUNTS, *_MONEY, "model_won", "n", "cc", "ww", "cw")


def judged_at(periods: Iterable[Period]) -> list[datetime]:
    """Return the instants at which commits are judged: ``WEEKS_BEFORE`` the end of each period."""
    return [
        (instant(period.end) - timedelta(weeks=weeks)).to_pydatetime() for period in periods for weeks in WEEKS_BEFORE
    ]


def judged_deals(
    then: pd.DataFrame,
    known: pd.DataFrame,
    periods: Sequence[Period],
    rates: Mapping[str, Rate],
    past_scores: pd.DataFrame,
) -> pd.DataFrame:
    """Return the deals that were committed for each past period, or came in it, as seen at each of some instants.

    Parameters
    ----------
    then
        What was known at ``judged_at``; see ``reports.past_deals.open_at``.
    known
        The present of every deal with its groups (``reports.forecast_deals.grouped``) and ``cents``.
    past_scores
        ``deal_id``, ``as_of`` and ``win_within`` of scores issued in the week up to each instant, where there are any.

    Returns
    -------
    DataFrame, one row per period, ``weeks`` before its end, and deal
        ``owner`` and ``team`` as of then; ``is_committed``: open then, committed, and to close in the period;
        ``is_won`` in the rest of it; ``committed`` and ``came`` in whole cents, 0 where not or where there is no
        amount; ``without_amount``; ``chance``, what the model gave a committed deal then, NaN where it said nothing.
    """
    parts = [_judged(then, known, period, weeks, rates, past_scores) for period in periods for weeks in WEEKS_BEFORE]
    return pd.concat(parts, ignore_index=True)


def _judged(
    then: pd.DataFrame,
    known: pd.DataFrame,
    period: Period,
    weeks: int,
    rates: Mapping[str, Rate],
    past_scores: pd.DataFrame,
) -> pd.DataFrame:
    end = instant(period.end)
    at = end - timedelta(weeks=weeks)
    won = known[(known["stage_category"] == "won") & (known["closed_at"] >= at) & (known["closed_at"] < end)]
    rows = then[then["at"] == at].merge(known[["deal_id", "closed_at"]], on="deal_id")
    rows = rows[~(rows["closed_at"] < at)]
    worth = pd.Series(cents(rows["amount"], rows["currency"], rates), rows.index)
    is_committed = (categories_of(rows["category"]) == COMMIT) & rows["close_date"].between(
        str(period.start), str(period.end), inclusive="left"
    )
    rows = rows[["deal_id", "owner", "team"]].assign(
        is_committed=is_committed,
        committed=worth.where(is_committed, 0.0).fillna(0.0),
        without_amount=is_committed & worth.isna(),
        chance=_said(rows["deal_id"], past_scores, at, end).where(is_committed),
    )
    # A deal created since, or reopened, is its present owner's.
    later = won.loc[~won["deal_id"].isin(rows["deal_id"]), ["deal_id", "owner", "team"]]
    rows = pd.concat([rows, later.assign(is_committed=False, committed=0.0, without_amount=False)], ignore_index=True)
    brought = won.set_index("deal_id")["cents"].fillna(0.0)
    rows = rows.assign(is_won=rows["deal_id"].isin(won["deal_id"]), came=rows["deal_id"].map(brought).fillna(0.0))
    return rows[rows["is_committed"] | rows["is_won"]].assign(period=period.name, weeks=weeks)


def _said(deal_id: pd.Series, past_scores: pd.DataFrame, at: datetime, end: datetime) -> pd.Series:
    """P(won by the end of the period) by the last scores issued up to an instant, NaN where there are none."""
    up_to = past_scores[(past_scores["as_of"] <= at) & (past_scores["as_of"] >= at - SCORES_AGE)]
    if up_to.empty:
        return pd.Series(np.nan, deal_id.index)
    issued_at = up_to["as_of"].max()
    last = up_to[up_to["as_of"] == issued_at]
    chance = chances_within(last["win_within"], [(end - issued_at) / _DAY])[:, 0]
    return deal_id.map(pd.Series(chance, last["deal_id"]))


def commits(judged: pd.DataFrame, users: pd.DataFrame, above: Mapping[str, tuple[str, ...]]) -> pd.DataFrame:
    """Return what came of commits over all periods, by weeks before their end, at every level of people.

    Returns
    -------
    DataFrame, one row per ``weeks`` and group
        Counts of deals: ``n_committed``, ``n_won`` of them, and ``n_other``, won without having been committed;
        ``n_without_amount`` of the committed. Money in units of the reporting currency: ``committed``,
        ``committed_won`` (what the committed ones brought) and ``other``. ``won_rate`` with bounds and pooled
        (``reports/rates.py``). ``ratio`` is what was committed over what came, with ``ratio_low`` and
        ``ratio_high``; ``verdict`` is ``OPTIMISTIC`` or ``SANDBAGGING`` where the bounds exclude 1, else missing: not
        enough to tell. ``model_rate`` is what the model gave ``n_scored`` committed deals on average, and
        ``scored_won_rate`` how many of those were won. ``name`` and ``team``.
    """
    own, won, both = judged["is_committed"], judged["is_won"], judged["is_committed"] & judged["is_won"]
    is_scored = judged["chance"].notna()
    rows = judged[["weeks", "owner", "team", "committed"]].assign(
        n_committed=own.astype(int),
        n_won=both.astype(int),
        n_other=(won & ~own).astype(int),
        n_without_amount=judged["without_amount"].astype(int),
        committed_won=judged["came"].where(own, 0.0),
        other=judged["came"].where(~own, 0.0),
        n_scored=is_scored.astype(int),
        n_scored_won=(is_scored & won).astype(int),
        model_won=judged["chance"].fillna(0.0),
        n=1,
        cc=judged["committed"] ** 2,
        ww=judged["came"] ** 2,
        cw=judged["committed"] * judged["came"],
    )
    sums = in_groups(rows, above).groupby(["weeks", "level", "id"], sort=False)[list(_SUMS)].sum().reset_index()
    sums = with_rate(sums.astype(dict.fromkeys(_COUNTS, "int64")), "won", "n_won", "n_committed", ["weeks", "level"])
    sums = sums.assign(**_ratio(sums), **{name: sums[name] / 100 for name in _MONEY})
    scored = sums["n_scored"].where(sums["n_scored"] > 0)
    sums = sums.assign(model_rate=sums["model_won"] / scored, scored_won_rate=sums["n_scored_won"] / scored)
    return named(sums.drop(columns=["model_won", "n_scored_won", "n", "cc", "ww", "cw"]), users)


def _ratio(sums: pd.DataFrame) -> dict[str, pd.Series]:
    """What was committed over what came, with its bounds: linearised in the logarithm, by deal (Cochran, 1977, ch. 6).

    One large deal can be most of either sum; its square in the variance makes the bounds wide then.
    """
    promised, came = sums["committed"], sums["committed_won"] + sums["other"]
    some = (promised > 0) & (came > 0)
    promised, came = promised.where(some), came.where(some)
    variance = sums["cc"] / promised**2 + sums["ww"] / came**2 - 2 * sums["cw"] / (promised * came)
    enough = sums["n"] >= LEAST_DEALS
    quantile = t.ppf(0.5 + CONFIDENCE / 2, (sums["n"] - 1).clip(lower=1))
    spread = np.exp(quantile * np.sqrt(variance.clip(lower=0))).where(enough)
    ratio = promised / came
    low, high = ratio / spread, ratio * spread
    verdict = pd.Series(pd.NA, sums.index, dtype="str").mask(low > 1, OPTIMISTIC).mask(high < 1, SANDBAGGING)
    return {"ratio": ratio, "ratio_low": low, "ratio_high": high, "verdict": verdict}
