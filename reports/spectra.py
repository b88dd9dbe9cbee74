"""The compiled part of ``reports/money_sums.py``: the characteristic function of what a group of deals brings.

Deal i is won with chance ``p`` (which depends on the shock) and then brings its amount ``a`` times a factor of mean 1,
so its characteristic function is ``1 - p + p E exp(i t a factor)``. Given the shock deals are independent: theirs is
the product, and over the shock the weighted mean of the products. The innermost loop always runs over frequencies, in
blocks small enough that the products of all nodes stay in the first-level cache.
"""

from math import cos, exp, log, sin, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reports.compiled import compiled

BLOCK = 64
"""Frequencies worked on at once: 13 nodes of them take 13 kB."""

SMALL_ANGLE = 0.25
"""Deals that turn by less than this at a block's last frequency are summed up by their first four cumulants: what is
left out, a fifth cumulant, is below 0.03 % of the second's part in the exponent."""

HARDLY, UNUSUAL = 1e-5, 1e-3
"""Deals that are won with less than ``HARDLY`` do not set the scale of a sum, nor do nodes of less weight than
``UNUSUAL`` the spacing of the nodes."""

MILLIONTH, MOST_SKEWNESS = 4.9, 6.0
"""Where a normal variable ends, but for half a millionth; and the largest skewness that is followed."""

GONE_FOR = 4
"""A characteristic function that is below a bound at so many frequencies in a row is taken to stay there."""


class Outline(NamedTuple):
    """What is known of a sum before its distribution: moments, and how the shock moves its mean.

    Attributes
    ----------
    mean : of the sum
    shared : variance of its mean over the shock
    sizes, squares : sums of p |a| and of p a^2
    low, high : sums of the negative amounts, and of the others
    lowest, highest : between which sums it lies, but for a few millionths; may reach beyond ``low`` and ``high``
    steepest, slope : between which nodes of any weight the mean moves most, and by how much
    """

    mean: float
    shared: float
    sizes: float
    squares: float
    low: float
    high: float
    lowest: float
    highest: float
    steepest: int
    slope: float


@compiled
def outline(amount: NDArray, sigma: NDArray, chance: NDArray, weight: NDArray) -> Outline:
    """Compute all of it in one pass over the deals."""
    n_nodes = len(weight)
    first, second, third = np.zeros(n_nodes), np.zeros(n_nodes), np.zeros(n_nodes)
    sizes = squares = low = high = largest = 0.0
    for i in range(len(amount)):
        a, wide = amount[i], exp(sigma[i] ** 2) if sigma[i] > 0 else 1.0
        square, cube = a * a * wide, a * a * a * wide**3
        middle = chance[i, n_nodes // 2]
        sizes += middle * abs(a)
        squares += middle * square
        low += min(a, 0.0)
        high += max(a, 0.0)
        if middle > HARDLY:
            largest = max(largest, abs(a))
        for k in range(n_nodes):
            p = chance[i, k]
            first[k] += p * a
            second[k] += p * square - (p * a) ** 2
            third[k] += p * cube - 3 * p * p * square * a + 2 * (p * a) ** 3
    mean = (weight * first).sum()
    shared = (weight * (first - mean) ** 2).sum()
    lowest, highest = _ends(first, second, third, weight)
    steepest, slope = n_nodes // 2, 0.0
    for k in range(1, n_nodes):
        if min(weight[k], weight[k - 1]) > UNUSUAL and abs(first[k] - first[k - 1]) > slope:
            steepest, slope = k, abs(first[k] - first[k - 1])
    lowest, highest = min(lowest, mean - largest), max(highest, mean + largest)
    return Outline(mean, shared, sizes, squares, low, high, lowest, highest, steepest, slope)


@compiled
def _ends(mean: NDArray, variance: NDArray, third: NDArray, weight: NDArray) -> tuple[float, float]:
    """Where the sum ends, node by node: the less weight a node has, the less far its own luck has to be followed."""
    lowest, highest = np.inf, -np.inf
    for k in range(len(weight)):
        deviation = sqrt(max(0.0, variance[k]))
        skewness = third[k] / deviation**3 if deviation > 0 else 0.0
        far = sqrt(max(0.0, MILLIONTH**2 + 2 * log(weight[k] / weight.max())))
        lowest = min(lowest, mean[k] - deviation * reach(max(0.0, -skewness), far))
        highest = max(highest, mean[k] + deviation * reach(max(0.0, skewness), far))
    return lowest, highest


@compiled
def reach(skewness: float, far: float) -> float:
    """Deviations above the mean of a Pearson III variable where a normal one is ``far`` (Wilson, Hilferty 1931)."""
    skewness = min(skewness, MOST_SKEWNESS)
    if skewness < 1e-3:
        return far
    return max(far, 2 / skewness * (max(0.0, 1 + skewness * far / 6 - skewness**2 / 36) ** 3 - 1))


@compiled
def modulus(amount: NDArray, chance: NDArray, frequency: float) -> float:
    """Size of the characteristic function of deals with fixed amounts at one frequency."""
    square = 1.0
    for i in range(len(amount)):
        p = chance[i]
        square *= 1 - 2 * p * (1 - p) * (1 - cos(frequency * amount[i]))
        if square < 1e-12:
            break
    return sqrt(square)


@compiled
def nothing_and_single(chance: NDArray, weight: NDArray) -> tuple[float, NDArray]:
    """P(no deal is won), and for each deal P(it alone is won)."""
    n, n_nodes = chance.shape
    left, single = weight.copy(), np.zeros(n)
    for i in range(n):
        most = 0.0
        for k in range(n_nodes):
            left[k] *= 1 - chance[i, k]
            most = max(most, left[k])
        if most < 1e-12:
            return 0.0, single
    for k in range(n_nodes):
        if left[k] < 1e-12:
            left[k] = 0
    for i in range(n):
        for k in range(n_nodes):
            if left[k] > 0:
                single[i] += left[k] * chance[i, k] / (1 - chance[i, k])
    return left.sum(), single


@compiled
def _turns(turn: NDArray, at: NDArray, share: NDArray, real: NDArray, imaginary: NDArray) -> None:
    """Write E exp(i t a factor) at the frequencies of a block; ``at`` moves on to the next block."""
    real[:] = 0
    imaginary[:] = 0
    for m in range(len(share)):
        one, here = turn[m], at[m]
        eight = one * one
        eight *= eight
        eight *= eight
        cosines, sines = np.empty(8), np.empty(8)
        for lane in range(8):
            cosines[lane], sines[lane] = share[m] * here.real, share[m] * here.imag
            here *= one
        c, s = eight.real, eight.imag
        for j in range(0, BLOCK, 8):
            for lane in range(8):
                x, y = cosines[lane], sines[lane]
                real[j + lane] += x
                imaginary[j + lane] += y
                cosines[lane] = x * c - y * s
                sines[lane] = x * s + y * c
        full = eight * eight
        full *= full
        full *= full
        at[m] *= full


@compiled
def mixture(amount: NDArray, share: NDArray, step: float, n: int) -> NDArray:
    """Characteristic function of one amount drawn from several, at the frequencies 0, step, 2 step, ..."""
    found = np.zeros(n + BLOCK, np.complex128)
    turn, at = np.empty(len(amount), np.complex128), np.ones(len(amount), np.complex128)
    for m in range(len(amount)):
        turn[m] = complex(cos(amount[m] * step), sin(amount[m] * step))
    cosine, sine = np.empty(BLOCK), np.empty(BLOCK)
    for first in range(0, n, BLOCK):
        _turns(turn, at, share, cosine, sine)
        for j in range(BLOCK):
            found[first + j] = complex(cosine[j], sine[j])
    return found[:n]


@compiled
def _small_part(amount: NDArray, sigma: NDArray, chance: NDArray, first: float, step: float, product: NDArray) -> None:
    """Multiply in the deals that are small at these frequencies, by their cumulants, node by node."""
    n_nodes = chance.shape[1]
    c1, c2, c3, c4 = np.zeros(n_nodes), np.zeros(n_nodes), np.zeros(n_nodes), np.zeros(n_nodes)
    for i in range(len(amount)):
        a = amount[i]
        # Moments of a lognormal factor of mean 1 (Johnson, Kotz and Balakrishnan 1994).
        wide = exp(sigma[i] ** 2) if sigma[i] > 0 else 1.0
        r2, r3, r4 = a * a * wide, a**3 * wide**3, a**4 * wide**6
        for k in range(n_nodes):
            p = chance[i, k]
            m1, m2, m3, m4 = p * a, p * r2, p * r3, p * r4
            c1[k] += m1
            c2[k] += m2 - m1 * m1
            c3[k] += m3 - 3 * m2 * m1 + 2 * m1 * m1 * m1
            c4[k] += m4 - 4 * m3 * m1 - 3 * m2 * m2 + 12 * m2 * m1 * m1 - 6 * m1 * m1 * m1 * m1
    for k in range(n_nodes):
        for j in range(BLOCK):
            t = first + j * step
            size = exp(min(0.0, -0.5 * c2[k] * t * t + c4[k] * t**4 / 24))
            angle = c1[k] * t - c3[k] * t**3 / 6
            product[k, j] *= complex(size * cos(angle), size * sin(angle))


@compiled
def _multiply(real: NDArray, imaginary: NDArray, chance: NDArray, cosine: NDArray, sine: NDArray) -> None:
    """Multiply one deal into the products, node by node."""
    for k in range(len(chance)):
        p = chance[k]
        q = 1 - p
        x, y = real[k], imaginary[k]
        for j in range(BLOCK):
            c, s = q + p * cosine[j], p * sine[j]
            u, v = x[j], y[j]
            x[j] = u * c - v * s
            y[j] = u * s + v * c


@compiled
def _skip(turn: NDArray, at: NDArray) -> None:
    """Move deals that had no part in a block on to the next."""
    for i in range(turn.shape[0]):
        for m in range(turn.shape[1]):
            full = turn[i, m]
            for _ in range(6):  # BLOCK = 2^6
                full *= full
            at[i, m] *= full


@compiled
def _mix(product: NDArray, weight: NDArray, total: NDArray, gone: int, gone_below: float) -> tuple[int, int]:
    """Write the mean over the nodes until it has died out; how many were written, and for how many it was gone."""
    for j in range(BLOCK):
        value = 0j
        for k in range(len(weight)):
            value += weight[k] * product[k, j]
        gone = gone + 1 if abs(value) < gone_below else 0
        if gone == GONE_FOR:
            return j, gone
        total[j] = value
    return BLOCK, gone


@compiled
def spectrum(
    amount: NDArray,
    sigma: NDArray,
    chance: NDArray,
    weight: NDArray,
    factor: NDArray,
    share: NDArray,
    single: NDArray,
    step: float,
    n_blocks: int,
    gone_below: float,
) -> tuple[NDArray, NDArray, int]:
    """Characteristic function of the sum at the frequencies 0, step, 2 step, ...; and of a deal won alone.

    ``amount`` is ordered by size. ``factor`` has, by deal, the values that the amount's factor may take, with
    the shares ``share``. Returns both functions, zero from the frequency on at which the first was found gone,
    and the number of that frequency.
    """
    n, n_nodes = chance.shape
    n_factors = len(share)
    alone = len(single) > 0
    total = np.zeros(n_blocks * BLOCK, np.complex128)
    lone = np.zeros(n_blocks * BLOCK, np.complex128)
    turn, at = np.empty((n, n_factors), np.complex128), np.ones((n, n_factors), np.complex128)
    for i in range(n):
        for m in range(n_factors):
            angle = amount[i] * factor[i, m] * step
            turn[i, m] = complex(cos(angle), sin(angle))
    real, imaginary = np.empty((n_nodes, BLOCK)), np.empty((n_nodes, BLOCK))
    cosine, sine = np.empty(BLOCK), np.empty(BLOCK)
    gone = 0
    for b in range(n_blocks):
        first = b * BLOCK * step
        last = (b + 1) * BLOCK * step
        n_small = 0
        while not alone and n_small < n and abs(amount[n_small]) * factor[n_small, -1] * last < SMALL_ANGLE:
            n_small += 1
        real[:] = 1
        imaginary[:] = 0
        _skip(turn[:n_small], at[:n_small])
        for i in range(n_small, n):
            _turns(turn[i], at[i], share, cosine, sine)
            if alone:
                for j in range(BLOCK):
                    lone[b * BLOCK + j] += single[i] * complex(cosine[j], sine[j])
            _multiply(real, imaginary, chance[i], cosine, sine)
        product = real + 1j * imaginary
        if n_small:
            _small_part(amount[:n_small], sigma[:n_small], chance[:n_small], first, step, product)
        n_found, gone = _mix(product, weight, total[b * BLOCK : (b + 1) * BLOCK], gone, gone_below)
        if gone == GONE_FOR:
            return total, lone, b * BLOCK + n_found
    return total, lone, n_blocks * BLOCK
