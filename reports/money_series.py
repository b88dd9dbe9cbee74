"""From the characteristic function of a sum of money back to its distribution: by a lattice, or by a Fourier series."""

from functools import lru_cache
from math import pi

import numpy as np
from numpy.typing import NDArray

from reports import spectra
from reports.money_quantiles import MoneySum, steps
from reports.new_business import NewBusiness, amounts_of, nothing_won

WORTH_A_STEP = 1e-4
"""From this probability of "nothing is won" on it is kept as a step, and so is every deal won alone."""

GONE = 1e-5
"""A characteristic function below this at a few frequencies in a row has died out; what the shock's evenly spaced nodes
bring back of it further on is not real."""

N_CELLS = 512
"""Least number of cells of the smooth part: 50 in a standard deviation, so straight lines in them are off by 1e-5."""

FILTER_ORDER = 8
"""Of the exponential filter (Gottlieb and Shu 1997) that damps the last frequencies where these have not died out."""


def every_combination(
    amount: NDArray[np.float64], chance: NDArray[np.float64], weight: NDArray[np.float64]
) -> MoneySum:
    """List what every set of deals brings, with its probability; ``chance`` is by deal and node."""
    at, share = np.zeros(1), np.ones((1, len(weight)))
    for cents, given in zip(amount, chance, strict=True):
        at = np.append(at, at + cents)
        share = np.vstack([share * (1 - given), share * given])
    found = share @ weight
    return steps(at, found / found.sum())  # how the weights' sum is rounded depends on the processor


def lattice(
    amount: NDArray[np.float64],
    chance: NDArray[np.float64],
    weight: NDArray[np.float64],
    bounds: tuple[float, float],
    unit: float,
) -> MoneySum:
    """Give the probability of each multiple of ``unit`` within ``bounds``; all amounts are multiples of it."""
    low = np.floor(bounds[0] / unit)
    n_points = int(np.ceil(bounds[1] / unit) - low) + 1
    n_blocks = -(-(n_points // 2 + 1) // spectra.BLOCK)
    n_points = 2 * n_blocks * spectra.BLOCK - 1
    fixed, one = np.ones((len(amount), 1)), np.ones(1)
    step = 2 * pi / (n_points * unit)
    total, _, _ = spectra.spectrum(amount, 0 * amount, chance, weight, fixed, one, np.empty(0), step, n_blocks, 0.0)
    turned = np.conj(total) * np.exp(1j * step * unit * low * np.arange(len(total)))
    return steps((low + np.arange(n_points)) * unit, np.fft.irfft(turned, n_points))


def series(
    deals: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    weight: NDArray[np.float64],
    factors: tuple[NDArray[np.float64], NDArray[np.float64]],
    new: NewBusiness | None,
    bounds: tuple[float, float],
    n_blocks: int,
) -> MoneySum:
    """Give the distribution of deals (amount, spread of its logarithm, chance by node) and of new business."""
    amount, sigma, chance = deals
    low, length = bounds[0], bounds[1] - bounds[0]
    step = 2 * pi / length
    none, single = spectra.nothing_and_single(chance, weight)
    if none * nothing_won(new) < WORTH_A_STEP or len(factors[1]) > 1:
        single = np.empty(0)
    total, lone, n = spectra.spectrum(amount, sigma, chance, weight, *factors, single, step, n_blocks, GONE)
    frequency = step * np.arange(n)
    smooth = total[:n]
    if new is not None:
        smooth = smooth * _new_business(new, step, n)
    at, share = np.empty(0), np.empty(0)
    if none * nothing_won(new) >= WORTH_A_STEP:
        at, share = np.append(0.0, amount[: len(single)]), np.append(none, single) * nothing_won(new)
        smooth = smooth - nothing_won(new) * (none + lone[:n])
    if n == len(total):
        smooth = smooth * _damped(n)
    return _inverted(smooth * np.exp(-1j * frequency * low), low, length, at, share)


def _new_business(new: NewBusiness, step: float, n: int) -> NDArray[np.complex128]:
    amounts, share = amounts_of(new)
    return np.exp(new.n_won * (spectra.mixture(amounts, share, step, n) - 1))


def _inverted(
    smooth: NDArray[np.complex128], low: float, length: float, at: NDArray[np.float64], share: NDArray[np.float64]
) -> MoneySum:
    """Integrate the series cell by cell: the n-th coefficient over a cell is the coefficient times a sinc."""
    n_cells = max(N_CELLS, 2 * len(smooth))
    mass = np.fft.irfft(np.conj(smooth) * _over_a_cell(len(smooth), n_cells), n_cells)
    upto = np.append(0, np.cumsum(mass))
    whole = max(0.0, 1 - share.sum())
    # A cut-off series swings around the truth; probability does not fall. Halfway between the highest so far and the
    # lowest to come keeps to the middle of the swings.
    upto = (np.maximum.accumulate(upto) + np.minimum.accumulate(upto[::-1])[::-1]) / 2
    upto = np.clip(upto, 0, whole)
    upto[-1] = whole
    order = np.argsort(at, kind="stable")
    return MoneySum(at[order], share[order], low, length / n_cells, upto)


@lru_cache(maxsize=32)
def _over_a_cell(n: int, n_cells: int) -> NDArray[np.complex128]:
    part = np.arange(n) / n_cells
    return np.exp(1j * pi * part) * np.sinc(part)


@lru_cache(maxsize=32)
def _damped(n: int) -> NDArray[np.float64]:
    return np.exp(-36 * (np.arange(n) / n) ** FILTER_ORDER)
