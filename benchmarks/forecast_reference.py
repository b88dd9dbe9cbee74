"""The reference of ``make bench-forecast``: what 1,048,576 draws say, made by nothing that it is to judge.

The shock is drawn once in each of 1,024 equal parts of its distribution (stratified), and given it every deal
1,024 times. 64 draws of a deal are the bits of one word: a chance is compared with 64 random numbers bit by bit, from
the highest, until all are decided, which takes 8 random words on average instead of 64.
"""

import os
import time
from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import special

from benchmarks.forecast_case import LEVELS, SHOCK, Case
from benchmarks.results import ROOT

N_STRATA, N_WORDS = 1024, 16
N_DRAWS = N_STRATA * N_WORDS * 64
CHANCE_BITS = 40


def reference(made: Case, seed: int = 1) -> dict[str, NDArray]:
    """Quantiles of each owner, team and the whole, and half the difference of those of two halves of the draws.

    Arrays of shape (n_groups, n_quarters, n_levels) in cents: ``owner``, ``team``, ``whole``; so with ``_noise``.
    It takes minutes and is kept in ``build/bench``; the draws are made anew where the file is not there.
    """
    path = ROOT / "build" / "bench" / f"forecast-reference-{len(made.amount)}-{N_DRAWS}-{seed}.npz"
    if not path.exists():
        _write(path, _drawn(made, seed))
    with np.load(path) as kept:
        return dict(kept)


def _write(path: Path, arrays: dict[str, NDArray]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part-{os.getpid()}.npz")
    np.savez(part, **arrays)
    part.replace(path)


def _drawn(made: Case, seed: int) -> dict[str, NDArray]:
    rng = np.random.default_rng(seed)
    n_quarters = made.chance.shape[1]
    n_owners, n_teams = made.owner[-1] + 1, made.team[-1] + 1
    counts = {"owner": n_owners, "team": n_teams, "whole": 1}
    found = {
        name + tail: np.zeros((n, n_quarters, len(LEVELS))) for name, n in counts.items() for tail in ("", "_noise")
    }
    start = np.searchsorted(made.owner, np.arange(n_owners + 1))
    team_of = made.team[start[:-1]]
    begun = time.process_time()
    for quarter in range(n_quarters):
        # One number per part, at random within it.
        shift = SHOCK.scale * special.ndtri((np.arange(N_STRATA) + rng.random(N_STRATA)) / N_STRATA)
        whole, team = np.zeros(N_DRAWS), np.zeros(N_DRAWS)
        for owner in range(n_owners):
            part = slice(start[owner], start[owner + 1])
            centre = _centres(made.chance[part, quarter])
            drawn = _owner_draws(centre, made.amount[part], shift, rng.integers(2**63))
            _keep(found, "owner", owner, quarter, drawn)
            team += drawn
            if owner + 1 == n_owners or team_of[owner + 1] != team_of[owner]:
                _keep(found, "team", team_of[owner], quarter, team)
                whole += team
                team[:] = 0
        _keep(found, "whole", 0, quarter, whole)
        print(f"  reference: quarter {quarter + 1}, {time.process_time() - begun:.0f} s of processor time", flush=True)
    return found


def _centres(chance: NDArray) -> NDArray:
    """Log-odds at shock 0 for which the mean over the shock is ``chance``: bisection over 401 nodes."""
    z = np.linspace(-8, 8, 401)
    weight = np.exp(-0.5 * z**2)
    weight /= weight.sum()
    low, high = special.logit(chance) - 5, special.logit(chance) + 5
    for _ in range(45):
        middle = (low + high) / 2
        below = special.expit(middle[:, None] + SHOCK.scale * z) @ weight < chance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return low


def _keep(found: dict[str, NDArray], name: str, group: int, quarter: int, drawn: NDArray) -> None:
    strata = drawn.reshape(N_STRATA, -1)
    # Quantiles of a random half of the strata would carry the shock's own luck; alternate ones do not.
    halves = [np.quantile(strata[k::2], LEVELS) for k in (0, 1)]
    found[name][group, quarter] = np.quantile(drawn, LEVELS, method="inverted_cdf")
    found[name + "_noise"][group, quarter] = (halves[0] - halves[1]) / 2


@numba.njit(nogil=True, cache=True)
def _losses(won: int) -> int:
    """Draws lost before the first that is won: zeros at the low end of a word that is not zero."""
    low = won & (~won + np.uint64(1))
    losses = 0
    for bits, mask in ((32, 0xFFFFFFFF), (16, 0xFFFF), (8, 0xFF), (4, 0xF), (2, 0x3), (1, 0x1)):
        if not low & np.uint64(mask):
            losses += bits
            low >>= np.uint64(bits)
    return losses


@numba.njit(nogil=True, cache=True)
def _owner_draws(centre: NDArray, amount: NDArray, shift: NDArray, seed: int) -> NDArray:
    """Sums of the amounts won, draw by draw, stratum after stratum."""
    sums = np.zeros(len(shift) * N_WORDS * 64)
    state = np.uint64(seed)
    one, full = np.uint64(1), ~np.uint64(0)
    for s in range(len(shift)):
        for i in range(len(centre)):
            p = int((1 / (1 + np.exp(-centre[i] - shift[s]))) * 2.0**CHANCE_BITS)
            for word in range(N_WORDS):
                won, undecided = np.uint64(0), full
                bit = CHANCE_BITS - 1
                while undecided and bit >= 0:
                    state += np.uint64(0x9E3779B97F4A7C15)
                    mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                    mixed ^= mixed >> np.uint64(31)
                    if (p >> bit) & 1:
                        won |= undecided & ~mixed
                        undecided &= mixed
                    else:
                        undecided &= ~mixed
                    bit -= 1
                base = (s * N_WORDS + word) * 64
                place = 0
                while won:
                    skip = _losses(won)
                    place += skip
                    sums[base + place] += amount[i]
                    # In two steps: a word is not to be shifted by all of its 64 bits.
                    won = (won >> np.uint64(skip)) >> one
                    place += 1
    return sums
