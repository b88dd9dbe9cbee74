"""How much money a group of deals may bring in a period: the whole distribution, not only its mean.

Each deal is won in the period with its own chance and then brings its amount, or one spread around it; a common shock
(``reports/shocks.py``) moves all chances together. Given the shock the number won is Poisson-binomial, and
the money a weighted sum of Bernoulli variables. Three ways lead to its distribution; the group decides which:

- *every combination*, for up to ten deals with fixed amounts and nothing else: exact;
- *a lattice*, where all amounts are multiples of one sum and few multiples are within reach, as with list prices:
  the characteristic function at as many frequencies as there are points gives each point's probability (Hong 2013);
- *a Fourier series* otherwise (Fang and Oosterlee 2008). "Nothing is won" and "this deal alone is won" are taken out
  before and put back as the steps they are, so that small groups keep them where they matter.

Money is in cents throughout. Amounts may be negative: credits.
"""

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from reports import spectra
from reports.money_quantiles import MoneySum, shifted
from reports.money_series import every_combination, lattice, series
from reports.new_business import NewBusiness
from reports.shocks import COARSE, NEVER, Shock, chances_given_shock, shifts

N_EXACT = 10
"""Up to so many uncertain deals every combination is listed: 1,024 of them."""

WINS_RESOLVED = 7.0
"""So many wins of typical size need one block of frequencies or two; fewer wins have finer steps and take more."""

MAX_BLOCKS, AFFORDED = 32, 160
"""Never more than 32 blocks; and no fewer than make 160 with the number of deals."""

ALIAS = 1e-3
"""The size of a characteristic function at which the spacing of the shock's nodes does not show."""

ENOUGH, FINEST = 0.7, 0.05
"""Nodes need not lie nearer than 0.7 standard deviations of the shock where it moves the sum in a straight line, nor,
where it gets steeper, than this over the square of how much; nor than 0.05. (Measured on 50,000 deals: within 0.15 %
for scales up to 0.6, within 2 % for 1.2.)"""

FULL_LATTICE, MAX_LATTICE = 500, 2000
"""A lattice of up to 500 points holds all that may come, one of up to 2,000 all but a few millionths."""

MARGIN = 0.02
"""Room left beyond the ends of a distribution, relative to its width."""

SPACING, SPACING_OF_ONE, FACTOR_REACH = 0.9, 0.04, 3.6
"""Spacing of the nodes of a spread amount, in standard deviations of its logarithm: many deals smooth each other's
nodes; of one deal alone they show as steps, and have to be near each other. No nodes beyond ``FACTOR_REACH``."""

NEGLIGIBLE = 0.01
"""Spread deals that together vary by less than this of the whole standard deviation bring their mean: a series cannot
show a spike so narrow, and moves the money of the others where it tries."""


@dataclass(frozen=True)
class _Uncertain:
    """The deals that may or may not be won, ordered by the size of their amounts, and what is certain."""

    amount: NDArray[np.float64]
    sigma: NDArray[np.float64]
    chance: NDArray[np.float64]
    place: NDArray[np.int64]
    certain: float


def money_sum(
    amount: NDArray[np.float64],
    chance: NDArray[np.float64],
    shock: Shock,
    amount_spread: NDArray[np.float64] | None = None,
    new: NewBusiness | None = None,
    given: NDArray[np.float64] | None = None,
) -> MoneySum:
    """Return the distribution of what deals bring in one period.

    Parameters
    ----------
    amount : array of shape (n_deals,), cents
        What each brings if it is won.
    chance : array of shape (n_deals,)
        P(won in the period), in [0, 1]; its mean over the shock.
    amount_spread
        Standard deviation of the final amount relative to ``amount``, which is its mean (lognormal); none without it.
    new
        What deals that are not created yet bring on top, independently.
    given
        ``chances_given_shock`` at the coarse nodes, where the caller has them already.

    Examples
    --------
    >>> one = money_sum(np.array([100_00.0, 50_00.0]), np.array([0.5, 0.2]), Shock())
    >>> one.at.tolist(), one.share.round(3).tolist()
    ([0.0, 5000.0, 10000.0, 15000.0], [0.4, 0.1, 0.4, 0.1])
    """
    deals = _uncertain(amount, chance, amount_spread)
    new = new if new is not None and new.variance > 0 else None
    only_fixed = new is None and not deals.sigma.any()
    moved, weight = shifts(shock)
    near = given[deals.place] if given is not None else chances_given_shock(deals.chance, moved, weight)
    if only_fixed and len(deals.amount) <= N_EXACT:
        near, weight = _nearer(deals, near, shock, COARSE / 2)  # so few are not smooth enough for coarse nodes
        return shifted(every_combination(deals.amount, near, weight), deals.certain)
    known = spectra.outline(deals.amount, deals.sigma, near, weight)
    spacing = _spacing(deals.amount, near, known)
    if spacing < COARSE:
        near, weight = _nearer(deals, near, shock, spacing)
    found = _of_fixed(deals, near, weight, known) if only_fixed else _of_spread(deals, near, weight, known, new)
    return shifted(found, deals.certain)


def _nearer(deals: _Uncertain, near: NDArray, shock: Shock, spacing: float) -> tuple[NDArray, NDArray]:
    """The chances at nodes so far apart, and the nodes' weights, from those at the coarse ones."""
    moved, weight = shifts(shock, spacing)
    return chances_given_shock(deals.chance, moved, weight, unmoved=near[:, near.shape[1] // 2]), weight


def _of_fixed(deals: _Uncertain, near: NDArray, weight: NDArray, known: spectra.Outline) -> MoneySum:
    """Deals with fixed amounts: on a lattice if there is one, else as a series."""
    bounds = max(known.low, known.lowest), min(known.high, known.highest)
    unit = _unit(deals.amount)
    if known.high - known.low < FULL_LATTICE * unit:
        bounds = known.low, known.high
    if bounds[1] - bounds[0] < MAX_LATTICE * unit:
        return lattice(deals.amount, near, weight, bounds, unit)
    return _as_series(deals, near, weight, known, None, bounds)


def _of_spread(
    deals: _Uncertain, near: NDArray, weight: NDArray, known: spectra.Outline, new: NewBusiness | None
) -> MoneySum:
    """Deals with spread amounts, or new business beside them: nothing bounds these from above."""
    known = _with(known, new)
    lowest = max(0.0, known.lowest) if known.low >= 0 else known.lowest
    return _as_series(deals, near, weight, known, new, (lowest, known.highest))


def _as_series(
    deals: _Uncertain,
    near: NDArray,
    weight: NDArray,
    known: spectra.Outline,
    new: NewBusiness | None,
    bounds: tuple[float, float],
) -> MoneySum:
    # Fewer wins of typical size have finer steps, and few deals are quickly done.
    n_blocks = max(2, round(WINS_RESOLVED * known.squares / known.sizes**2), AFFORDED // max(1, len(deals.amount)))
    n_blocks = min(MAX_BLOCKS, n_blocks)
    # Room for what a series smears over its ends.
    margin = MARGIN * (bounds[1] - bounds[0])
    bounds = bounds[0] - margin, bounds[1] + margin
    return series((deals.amount, deals.sigma, near), weight, _factors(deals), new, bounds, n_blocks)


def _uncertain(amount: NDArray, chance: NDArray, amount_spread: NDArray | None) -> _Uncertain:
    sigma = np.zeros(len(amount)) if amount_spread is None else np.sqrt(np.log1p(np.square(amount_spread)))
    surely = (chance >= 1) & (sigma == 0)
    open_ended = np.flatnonzero((chance >= NEVER) & ~surely & (amount != 0))
    place = open_ended[np.argsort(np.abs(amount[open_ended]), kind="stable")]
    certain = float(amount[surely].sum())
    if sigma.any():
        deviation = np.abs(amount) * np.sqrt(chance * (np.exp(sigma**2) - chance))
        hardly = np.cumsum(deviation[place]) <= NEGLIGIBLE * np.linalg.norm(deviation[place])
        certain += float((amount * chance)[place[hardly]].sum())
        place = place[~hardly]
    return _Uncertain(amount[place], sigma[place], chance[place], place, certain)


def _spacing(amount: NDArray, chance: NDArray, known: spectra.Outline) -> float:
    """How near each other the nodes of the shock must lie, so that the steps from one to the next do not show.

    A spacing brings back the characteristic function from ``2 pi / (spacing * slope)`` on, where the slope is
    that of the mean over the nodes. Either the deals' own luck hides it there, or it lies beyond all that matters.
    """
    spacing, slope = COARSE, known.slope / COARSE
    while slope > 0 and spacing > max(FINEST, ENOUGH * known.shared / slope**2):
        if spectra.modulus(amount, chance[:, known.steepest], 2 * pi / (spacing * slope)) <= ALIAS:
            break
        spacing /= 2
    return spacing


def _with(known: spectra.Outline, new: NewBusiness | None) -> spectra.Outline:
    """What is known of the deals together with new business."""
    if new is None:
        return known
    deviation = sqrt(new.variance)
    far = deviation * spectra.reach(abs(new.third) / deviation**3, spectra.MILLIONTH)
    return known._replace(
        sizes=known.sizes + abs(new.mean),
        squares=known.squares + new.variance,
        low=min(known.low, new.amount),
        lowest=known.lowest + new.mean - far,
        highest=known.highest + new.mean + far,
    )


def _unit(amount: NDArray) -> float:
    """The largest sum of which all amounts are whole multiples; 0 where they are not whole cents."""
    whole = amount.astype(np.int64)
    return float(np.gcd.reduce(whole)) if (whole == amount).all() else 0.0


def _factors(deals: _Uncertain) -> tuple[NDArray, NDArray]:
    """What the amounts may be multiplied with, by deal, and the probabilities of these; the mean is 1."""
    if not deals.sigma.any():
        return np.ones((len(deals.sigma), 1)), np.ones(1)
    parts = np.abs(deals.amount) * deals.chance
    alike = parts.sum() ** 2 / (parts @ parts)  # as many deals of equal weight are as uneven
    spacing = min(SPACING, SPACING_OF_ONE * alike)
    steps = int(FACTOR_REACH / spacing)
    nodes = np.arange(-steps, steps + 1) * spacing
    share = np.exp(-0.5 * nodes**2)
    share /= share.sum()
    factor = np.exp(deals.sigma[:, None] * nodes)
    return factor / (factor @ share)[:, None], share
