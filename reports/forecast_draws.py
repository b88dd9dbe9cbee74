"""How far a forecast may miss by the luck of single deals: the same draws for every level, so that levels add up."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

N_DRAWS = 10_000
# Deals drawn at once; with 10,000 draws each that is 16 MB of random numbers.
_DEALS_AT_ONCE = 400


def owner_draws(deals: pd.DataFrame, bounds: NDArray, seed: int) -> Iterator[tuple[str, str, NDArray[np.float64]]]:
    """Draw, for each owner in turn, what the open deals may bring in each period.

    Each draw of a deal is one moment of winning, spread as its score says, so it falls into one of
    the periods at most. Deals are drawn independently, in the order of team, owner and row.

    Parameters
    ----------
    deals
        With ``team``, ``owner_id`` and ``cents``, one row per open deal; see ``open_deals``.
    bounds : array of shape (n_deals, n_periods, 2)
        P(won before the start) and P(won before the end) of each period; see ``chances_at_bounds``.
    seed
        Same seed, same draws.

    Yields
    ------
    team, owner_id, array of shape (n_periods, N_DRAWS) in whole cents
    """
    rng = np.random.default_rng(seed)
    cents = deals["cents"].fillna(0.0).to_numpy(np.float64)
    for (team, owner_id), rows in deals.groupby(["team", "owner_id"]).indices.items():
        yield team, owner_id, _sums(bounds[rows], cents[rows], rng)


def _sums(bounds: NDArray, cents: NDArray, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sum of the deals won in each period, draw by draw."""
    sums = np.zeros((bounds.shape[1], N_DRAWS))
    for first in range(0, len(cents), _DEALS_AT_ONCE):
        part = slice(first, first + _DEALS_AT_ONCE)
        # Single precision is exact to a chance of one in ten million, and takes half the time.
        moment = rng.random((N_DRAWS, len(cents[part])), dtype=np.float32)
        start, end = bounds[part].astype(np.float32).transpose(2, 1, 0)
        for k in range(len(sums)):
            won = (start[k] <= moment) & (moment < end[k])
            sums[k] += won @ cents[part]
    return sums
