"""The forecast: what is won already, and what the open deals are worth, by owner, team and whole, with its range."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.errors import NotEnoughDataError
from crm.fiscal import Period
from crm.money import Rate
from reports.forecast_deals import MEASURES, OWNER, chances_at_bounds, contributions, open_deals, won_deals
from reports.forecast_draws import owner_draws

QUANTILES = {"p10": 0.1, "p50": 0.5, "p90": 0.9}
WHOLE = "Whole company"
COLUMNS = (
    *("period", "period_start", "period_end", "level", "id", "name", "team"),
    *("closed", "open_expected", "expected", *QUANTILES, "stage_weighted"),
    *("n_open", "n_without_amount", "n_without_score", "n_without_stage_probability"),
    *("n_won", "n_won_without_amount"),
)
_MONEY = ("closed", "open_expected", "expected", *QUANTILES, "stage_weighted")


def forecast(
    present: pd.DataFrame,
    scores: pd.DataFrame,
    stages: pd.DataFrame,
    rates: Mapping[str, Rate],
    periods: Sequence[Period],
    seed: int = 0,
) -> pd.DataFrame:
    """Forecast the money won in each period, as seen at the scores' ``as_of``.

    The ranges cover the luck of single deals, drawn independently; not yet what hits all deals at once (a bad
    quarter, a new competitor), nor deals that do not exist yet. So they are narrower than they should be.

    Parameters
    ----------
    present
        What was known of every deal at the scores' ``as_of``; see ``crm/present.py``.
    scores
        Rows of table ``scores``, all of one ``as_of``.
    rates
        The rate of each currency into the reporting currency; amounts in others are counted in ``n_without_amount``.
    periods
        Each is forecast on its own; of one that has begun, what is won so far is ``closed``.
    seed
        Of the draws behind ``p10``, ``p50`` and ``p90``; the other figures do not depend on it.

    Returns
    -------
    DataFrame, one row per period and per whole, team or owner (``level``)
        Money in units of the reporting currency, exact to the cent: ``closed`` is won in the period before
        ``as_of``; ``open_expected`` the sum over open deals of P(won in the period) x amount; ``expected`` their
        sum; ``p10``, ``p50``, ``p90`` the values that the total stays at or below in 10, 50 and 90 % of the draws;
        ``stage_weighted`` is ``closed`` plus the stage's default probability x amount of the deals whose close
        date lies in the period, NaN where a stage has no default probability. ``n_open`` counts all
        open deals, ``n_without_amount`` those of them that have no amount in the reporting currency and so add nothing.

    Raises
    ------
    NotEnoughDataError
        There are no scores.
    """
    if scores.empty:
        raise NotEnoughDataError("There are no scores to forecast from; run `plumbline score` first.")
    as_of = scores["as_of"].iloc[0].to_pydatetime()
    deals, won = open_deals(present, scores, stages, rates), won_deals(present, rates)
    bounds = chances_at_bounds(deals["win_within"], periods, as_of)
    chances = bounds[:, :, 1] - bounds[:, :, 0]
    ranges = _ranges(owner_draws(deals, bounds, seed))
    tables = [
        _rows(
            period,
            _by_level(contributions(deals, chances[:, k], won, period)),
            {who: part[k] for who, part in ranges.items()},
        )
        for k, period in enumerate(periods)
    ]
    return pd.concat(tables, ignore_index=True)


def _by_level(deals: pd.DataFrame) -> pd.DataFrame:
    """Sums of the deals' contributions: the whole first, then every team, then every owner."""
    whole = deals[MEASURES].sum().to_frame().T.assign(level="whole", id="", name=WHOLE)
    teams = deals.groupby("team")[MEASURES].sum().reset_index().assign(level="team")
    owners = deals.groupby(OWNER)[MEASURES].sum().reset_index().assign(level="owner")
    teams = teams.assign(id=teams["team"], name=teams["team"])
    owners = owners.rename(columns={"owner_id": "id", "owner_name": "name"})
    return pd.concat([whole, teams, owners], ignore_index=True)


def _ranges(draws: Iterable[tuple[str, str, NDArray]]) -> dict[tuple[str, str], NDArray]:
    """Quantiles of what open deals bring, in cents, by level and id; arrays of shape (n_periods, n_quantiles)."""
    found, sums = {}, defaultdict[tuple[str, str], NDArray | float](float)
    for team, owner_id, drawn in draws:
        found["owner", owner_id] = _quantiles(drawn)
        sums["team", team] = sums["team", team] + drawn
        sums["whole", ""] = sums["whole", ""] + drawn
    return found | {who: _quantiles(np.asarray(drawn)) for who, drawn in sums.items()}


def _quantiles(drawn: NDArray) -> NDArray:
    # Values that were drawn, not means of two of them: each is a sum of whole amounts of deals.
    return np.quantile(drawn, list(QUANTILES.values()), axis=1, method="inverted_cdf").T


def _rows(period: Period, sums: pd.DataFrame, ranges: Mapping[tuple[str, str], NDArray]) -> pd.DataFrame:
    """The rows of one period: sums in cents made into money, with the range of each."""
    nothing = np.zeros(len(QUANTILES))
    drawn = np.array([ranges.get(who, nothing) for who in zip(sums["level"], sums["id"], strict=True)])
    rows = sums.assign(
        period=period.name,
        period_start=str(period.start),
        period_end=str(period.end),
        expected=sums["closed"] + sums["open_expected"],
        stage_weighted=(sums["closed"] + sums["open_stage_weighted"]).where(sums["n_without_stage_probability"] == 0),
        **{name: sums["closed"] + drawn[:, k] for k, name in enumerate(QUANTILES)},
    )
    rows[list(_MONEY)] /= 100
    return rows.astype({name: "int64" for name in COLUMNS if name.startswith("n_")})[list(COLUMNS)]
