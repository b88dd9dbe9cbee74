"""How far a forecast may miss by the luck of single deals: the same draws for every level, so that levels add up."""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.fiscal import Period
from reports.forecast_deals import chances_at_bounds

N_DRAWS = 10_000
# Deals drawn at once; with 10,000 draws each that is 32 MB of random numbers.
_DEALS_AT_ONCE = 400


def owner_draws(
    deals: pd.DataFrame, periods: Sequence[Period], as_of: datetime, seed: int
) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Draw, for each owner in turn, what the open deals may bring in each period.

    Each draw of a deal is one moment of winning, spread as its score says, so it falls into one of
    the periods at most. Deals are drawn independently, in the order of team, owner and deal_id.

    Yields
    ------
    team, owner_id, array of shape (n_periods, N_DRAWS) in whole cents
    """
    rng = np.random.default_rng(seed)
    drawn = deals.dropna(subset=["cents", "win_within"])
    for (team, owner_id), own in drawn.groupby(["team", "owner_id"]):
        bounds = np.stack([chances_at_bounds(own["win_within"], period, as_of) for period in periods])
        yield str(team), str(owner_id), _sums(bounds, own["cents"].to_numpy(np.float64), rng)


def _sums(bounds: NDArray, cents: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sum of the deals won in each period, draw by draw; ``bounds`` has shape (n_periods, n_deals, 2)."""
    sums = np.zeros((len(bounds), N_DRAWS))
    for first in range(0, len(cents), _DEALS_AT_ONCE):
        part = slice(first, first + _DEALS_AT_ONCE)
        moment = rng.random((N_DRAWS, len(cents[part])))
        for k, bound in enumerate(bounds[:, part]):
            won = (bound[:, 0] <= moment) & (moment < bound[:, 1])
            sums[k] += won @ cents[part]
    return sums
