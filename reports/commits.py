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
    spans = _spans(periods, then["at"].dtype)
    committed, came = _committed(then, known, spans, rates, past_scores), _came(known, spans)
    rows = committed.merge(came, on=["period", "weeks", "deal_id"], how="outer", suffixes=("", "_now"))
    judged = pd.DataFrame({
        **{name: rows[name] for name in ("period", "weeks", "deal_id", "chance")},
        # A deal created since then, or reopened, is its present owner's.
        **{name: rows[name].fillna(rows[f"{name}_now"]) for name in ("owner", "team")},
        **{name: rows[name].eq(other=True) for name in ("is_committed", "without_amount")},
        "is_won": rows["came"].notna(),
        **{name: rows[name].fillna(0.0) for name in ("committed", "came")},
    })  # fmt: skip
    return judged[judged["is_committed"] | judged["is_won"]]


def _spans(periods: Sequence[Period], dtype: object) -> pd.DataFrame:
    """One row per instant at which commits are judged, with the period it is in."""
    rows = [
        (one.name, weeks, instant(one.end) - timedelta(weeks=weeks), instant(one.end), str(one.start), str(one.end))
        for one in periods
        for weeks in WEEKS_BEFORE
    ]
    spans = pd.DataFrame(rows, columns=["period", "weeks", "at", "end_at", "first_day", "end_day"])
    return spans.astype({"at": dtype, "end_at": dtype})


def _committed(
    then: pd.DataFrame, known: pd.DataFrame, spans: pd.DataFrame, rates: Mapping[str, Rate], past_scores: pd.DataFrame
) -> pd.DataFrame:
    """Every deal open at each instant, and whether, and for how much, it was committed for the period."""
    rows = then.merge(spans, on="at").merge(known[["deal_id", "closed_at"]], on="deal_id")
    rows = rows[~(rows["closed_at"] < rows["at"])]
    closes_in = (rows["close_date"] >= rows["first_day"]) & (rows["close_date"] < rows["end_day"])
    is_committed = (categories_of(rows["category"]) == COMMIT) & closes_in
    worth = pd.Series(cents(rows["amount"], rows["currency"], rates), rows.index)
    return rows[["period", "weeks", "deal_id", "owner", "team"]].assign(
        is_committed=is_committed,
        committed=worth.where(is_committed, 0.0),
        without_amount=is_committed & worth.isna(),
        chance=_said(rows, spans, past_scores).where(is_committed),
    )


def _came(known: pd.DataFrame, spans: pd.DataFrame) -> pd.DataFrame:
    """Every deal won between each instant and the end of its period, and what it brought."""
    won = known.loc[known["stage_category"] == "won", ["deal_id", "owner", "team", "closed_at", "cents"]]
    rows = won.merge(spans, how="cross")
    rows = rows[(rows["closed_at"] >= rows["at"]) & (rows["closed_at"] < rows["end_at"])]
    return rows[["period", "weeks", "deal_id", "owner", "team"]].assign(came=rows["cents"].fillna(0.0))


def _said(rows: pd.DataFrame, spans: pd.DataFrame, past_scores: pd.DataFrame) -> pd.Series:
    """P(won by the end of the period) by the last scores issued up to each instant, NaN where there are none."""
    chance = pd.Series(np.nan, rows.index)
    for at, end in zip(spans["at"], spans["end_at"], strict=True):
        up_to = past_scores[(past_scores["as_of"] <= at) & (past_scores["as_of"] >= at - SCORES_AGE)]
        if len(up_to):
            last = up_to[up_to["as_of"] == up_to["as_of"].max()].set_index("deal_id")
            said = chances_within(last["win_within"], [(end - last["as_of"].iloc[0]) / _DAY])[:, 0]
            here = rows.index[rows["at"] == at]
            chance[here] = rows.loc[here, "deal_id"].map(pd.Series(said, last.index)).astype("float64")
    return chance


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
