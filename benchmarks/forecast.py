"""How fast and how exact are the forecast's ranges, beside draws and normals? ``make bench-forecast``.

50,000 deals of 500 owners in 50 teams, four quarters, lognormal amounts, one shock that all share: P10, P50
and P90 of every owner, team and the whole. Times are processor time on one core, the median of five runs, in a process
that has run once before (numba compiles at the first run and keeps what it compiled). Errors are relative, against
1,048,576 draws.
"""

import os

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")

import time
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from benchmarks.forecast_case import LEVELS, SHOCK, Case, case
from benchmarks.forecast_reference import N_DRAWS, reference
from benchmarks.results import write_figures
from reports.money_levels import OpenMoney, money_if, open_money, sums_by_group
from reports.money_quantiles import quantiles
from reports.shocks import chances_given_shock, shifts

RUNS = 5
NAIVE_DRAWS = 10_000


def ours(made: Case) -> dict[str, NDArray]:
    """Quantiles as the forecast computes them, from a table of deals on."""
    sums = sums_by_group(as_open_money(made), SHOCK)
    counts = {"owner": made.owner[-1] + 1, "team": made.team[-1] + 1, "whole": 1}
    names = {level: [""] if level == "whole" else [f"{n:03}" for n in range(count)] for level, count in counts.items()}
    return {
        level: np.array([[quantiles(period[level, name], LEVELS) for period in sums] for name in names[level]])
        for level in counts
    }


def as_open_money(made: Case) -> OpenMoney:
    """The company as the forecast takes it."""
    groups = {name: np.array([f"{n:03}" for n in range(500)])[getattr(made, name)] for name in ("owner", "team")}
    ids = np.char.add("D", np.arange(len(made.amount)).astype(str))
    return open_money(pd.DataFrame({"deal_id": ids, "cents": made.amount, **groups}), made.chance)


def naive(made: Case, seed: int = 0) -> dict[str, NDArray]:
    """10,000 draws in numpy, owner by owner, the same draws of the shock for all."""
    rng = np.random.default_rng(seed)
    start = np.searchsorted(made.owner, np.arange(made.owner[-1] + 2))
    drawn = np.zeros((len(start) - 1, made.chance.shape[1], NAIVE_DRAWS), np.float32)
    for quarter in range(made.chance.shape[1]):
        moved = np.float32(SHOCK.scale) * rng.standard_normal(NAIVE_DRAWS, dtype=np.float32)
        for owner in range(len(start) - 1):
            part = slice(start[owner], start[owner + 1])
            middle = special.logit(made.chance[part, quarter]).astype(np.float32)
            won = rng.random((NAIVE_DRAWS, len(middle)), dtype=np.float32) < special.expit(moved[:, None] + middle)
            drawn[owner, quarter] = won @ made.amount[part].astype(np.float32)
    teams = np.add.reduceat(drawn, np.searchsorted(made.team[start[:-1]], np.arange(made.team[-1] + 1)))
    levels = {"owner": drawn, "team": teams, "whole": drawn.sum(axis=0, keepdims=True, dtype=np.float64)}
    return {name: np.moveaxis(np.quantile(values, LEVELS, axis=2), 0, 2) for name, values in levels.items()}


def normals(made: Case) -> dict[str, NDArray]:
    """A normal for each node of the shock, mixed; quantiles by bisection."""
    moved, weight = shifts(SHOCK, 0.3)
    found: dict[str, list[NDArray]] = {"owner": [], "team": [], "whole": []}
    for quarter in range(made.chance.shape[1]):
        given = chances_given_shock(made.chance[:, quarter], moved, weight)
        mean, variance = given * made.amount[:, None], given * (1 - given) * made.amount[:, None] ** 2
        for name, group in (("owner", made.owner), ("team", made.team), ("whole", 0 * made.owner)):
            start = np.searchsorted(group, np.arange(group[-1] + 1))
            middle, spread = np.add.reduceat(mean, start), np.sqrt(np.add.reduceat(variance, start))
            low, high = np.zeros((2, len(start), len(LEVELS)))
            high = high + 4 * (middle + 4 * spread).max(axis=1, keepdims=True)
            for _ in range(40):
                half = (low + high) / 2
                reached = special.ndtr((half[..., None] - middle[:, None]) / spread[:, None]) @ weight >= LEVELS
                low, high = np.where(reached, low, half), np.where(reached, half, high)
            found[name].append(high)
    return {name: np.stack(parts, axis=1) for name, parts in found.items()}


def timed(run: Callable[[], dict[str, NDArray]], n_runs: int) -> tuple[dict[str, NDArray], float]:
    """What a run gives, and the median of its processor time."""
    times = []
    for _ in range(n_runs):
        begun = time.process_time()
        found = run()
        times.append(time.process_time() - begun)
    return found, median(times)


def errors(found: dict[str, NDArray], truth: dict[str, NDArray]) -> dict[str, NDArray]:
    """Relative errors, by level."""
    return {name: np.abs(found[name] / truth[name] - 1) for name in found}


def tell(what: str, seconds: float | None, by_level: dict[str, NDArray]) -> None:
    """Print one line: time, then greatest and mean error of all, and the greatest by level."""
    every = np.concatenate([values.ravel() for values in by_level.values()])
    took = f"{seconds:>7.2f} s" if seconds is not None else " " * 9
    parts = "  ".join(f"{name} {values.max():7.3%}" for name, values in by_level.items())
    print(
        f"{what:<32}{took}   max {every.max():7.3%}  mean {every.mean():7.4%}   greatest by level: {parts}", flush=True
    )


def main() -> None:
    made = case()
    truth = reference(made)
    ours(case(2_000, 20, 2))  # numba compiles now, unless it has before
    found, seconds = timed(lambda: ours(made), RUNS)
    judged = errors(found, truth)
    print(f"{len(made.amount):,} deals, 500 owners, 50 teams, the whole; 4 quarters; P10, P50, P90; {N_DRAWS:,} draws")
    tell("Fourier series (ours)", seconds, judged)
    tell("the reference's own noise", None, {name: np.abs(truth[name + "_noise"] / truth[name]) for name in found})
    mixed, mixing = timed(lambda: normals(made), 1)
    tell("mixture of normals", mixing, errors(mixed, truth))
    drawn, drawing = timed(lambda: naive(made), 1)
    tell(f"{NAIVE_DRAWS:,} draws in numpy", drawing, errors(drawn, truth))
    money = as_open_money(made)
    for group in (("owner", "007"), ("team", "007"), ("whole", "")):
        chosen = money.deal_id[-1:] if group[0] == "whole" else money.deal_id[money.groups[group[0]] == group[1]][:1]
        _, asked = timed(lambda group=group, chosen=chosen: {"": money_if(money, group, 0, SHOCK, lost=chosen)}, RUNS)
        print(f"what if one deal is lost: {group[0]:<6} {1000 * asked:7.1f} ms")
    every = np.concatenate([values.ravel() for values in judged.values()])
    path = write_figures("forecast", {
        "quantiles_s": seconds,
        "quantile_error_max": float(every.max()),
        "quantile_error_mean": float(every.mean()),
    })  # fmt: skip
    print(f"written: {path}")


if __name__ == "__main__":
    main()
