"""Which calibration loses least on later deals, and whose bounds hold what they say? ``make bench-calibration``.

Members learn from early deals, every way calibrates on the same deals of a middle block, and the rest judges. "stacked
none" is ours: all the others come on top of it. Of few deals several draws are taken, so that luck does not decide.
Bounds are asked whether the share won in each tenth of the scores lies between them: in eight of ten tenths it should.
That share is itself uncertain, and that is allowed for.
"""

import time

import numpy as np

from benchmarks.calibration_rows import SETS, Rows, rows_of
from benchmarks.calibrators import WAYS, bootstrap_bounds, venn_abers_bounds
from benchmarks.results import write_figures
from features.facts import FloatColumn
from models.calibration import Z80, Calibration, fit_calibration
from models.members import TREES
from training.metrics import measure

SIZES = {200: 20, 1_000: 10, 10_000: 3}
"""Deals to calibrate on, and how often so many are drawn."""
STACKED, OURS = "stacked", "plumbline"
N_BINS = 10
N_RESAMPLES = 40
EMBARGO_DAYS = {"bpic": 1, "crm": 7}
Bounds = tuple[FloatColumn, FloatColumn]


def draws(rows: Rows) -> list[tuple[int, int, Rows]]:
    """Number of deals wanted, draw, and the rows of the deals drawn; each size up to what there is, and all."""
    deals, found = np.unique(rows.deal), []
    for size, times in SIZES.items():
        if size <= len(deals):
            for draw in range(times):
                drawn = np.random.default_rng([size, draw]).choice(deals, size, replace=False)
                found.append((size, draw, rows.of_deals(drawn)))
    return [*found, (0, 0, rows)]


def stacked(rows: Rows) -> Calibration:
    """The product's own."""
    return fit_calibration(rows.raw, rows.happened, rows.weight, rows.deal, rows.period)


def judged_ways(taught: Rows, later: Rows) -> dict[str, dict[str, float]]:
    """Metrics of every way on the trees' log-odds, and on both sorts' stacked as we do, at our level."""
    stack = stacked(taught)
    scores = {
        TREES: (taught.raw[TREES], later.raw[TREES]),
        STACKED: (stack.log_odds(taught.raw), stack.log_odds(later.raw)),
    }
    said = {}
    for score, (mine, theirs) in scores.items():
        for name, way in WAYS.items():
            said[f"{score} {name}"] = way(mine, taught.happened, taught.weight)(theirs)
    return measure(later.happened, later.weight, said)


def judged_bounds(taught: Rows, later: Rows, tenth: FloatColumn, seed: int) -> dict[str, tuple[float, float]]:
    """Share of tenths whose share won lies within the bounds, and the bounds' mean width, by way."""
    stack = stacked(taught)
    venn = venn_abers_bounds(stack.log_odds(taught.raw), taught.happened, taught.weight)
    resampled = bootstrap_bounds(taught.raw, taught.happened, taught.weight, taught.deal, N_RESAMPLES, seed)
    found: dict[str, Bounds] = {
        OURS: stack.bounds(later.raw),
        "venn_abers": venn(stack.log_odds(later.raw)),
        "bootstrap": resampled(later.raw),
    }
    return {name: (covered(later, tenth, bounds), width(later, bounds)) for name, bounds in found.items()}


def covered(later: Rows, tenth: FloatColumn, bounds: Bounds) -> float:
    """Share of tenths covered; half the width and the share's own noise add up as independent errors do."""
    hits = []
    for number in range(N_BINS):
        rows = later.only(tenth == number)
        low, high = (np.average(side[tenth == number], weights=rows.weight) for side in bounds)
        share, noise = share_won(rows)
        half = (high - low) / 2
        hits.append(abs(share - (low + high) / 2) <= np.hypot(half, Z80 * noise))
    return float(np.mean(hits))


def share_won(rows: Rows) -> tuple[float, float]:
    """Share won, and its standard error with deals as pieces of evidence."""
    share = float(np.average(rows.happened, weights=rows.weight))
    of_deal = np.unique(rows.deal, return_inverse=True)[1]
    by_deal = np.bincount(of_deal, weights=rows.weight * (rows.happened - share))
    return share, float(np.sqrt((by_deal**2).sum()) / rows.weight.sum())


def width(later: Rows, bounds: Bounds) -> float:
    return float(np.average(bounds[1] - bounds[0], weights=later.weight))


def tenths(score: FloatColumn) -> FloatColumn:
    """Which tenth of the scores each row lies in."""
    return np.searchsorted(np.quantile(score, np.arange(1, N_BINS) / N_BINS), score, side="right")


def on_one(name: str) -> dict[str, float]:
    """Every size on one data set: print two tables, give the figures."""
    taught, later = rows_of(SETS[name](), EMBARGO_DAYS[name])
    n_deals = len(np.unique(taught.deal))
    print(f"\n{name}: {n_deals:,} deals to calibrate on, {len(np.unique(later.deal)):,} to judge")
    ways: dict[int, list[dict[str, dict[str, float]]]] = {}
    bounds: dict[int, list[dict[str, tuple[float, float]]]] = {}
    whole = stacked(taught)
    tenth, at_same_time = tenths(whole.log_odds(later.raw)), tenths(whole.log_odds(taught.raw))
    for size, draw, some in draws(taught):
        ways.setdefault(size or n_deals, []).append(judged_ways(some, later))
        found = judged_bounds(some, later, tenth, draw)
        rest = ~np.isin(taught.deal, some.deal)
        if len(np.unique(taught.deal[rest])) >= 500:
            others = judged_bounds(some, taught.only(rest), at_same_time[rest], draw)
            found |= {f"{way}, same time": value for way, value in others.items()}
        bounds.setdefault(size or n_deals, []).append(found)
    return told_ways(name, ways) | told_bounds(name, bounds)


def told_ways(name: str, ways: dict[int, list[dict[str, dict[str, float]]]]) -> dict[str, float]:
    figures = {}
    print(f"\n| log loss / ECE | {' | '.join(f'{size:,} deals' for size in ways)} |\n|{'---|' * (len(ways) + 1)}")
    for way in next(iter(ways.values()))[0]:
        cells = []
        for size, found in ways.items():
            loss, ece = (float(np.mean([one[way][metric] for one in found])) for metric in ("log_loss", "ece"))
            cells.append(f"{loss:.4f} / {ece:.4f}")
            key = f"{name}_{way.replace(' ', '_')}_{size}"
            figures |= {f"{key}_logloss": loss, f"{key}_ece": ece}
        print(f"| {way} | {' | '.join(cells)} |")
    return figures


def told_bounds(name: str, bounds: dict[int, list[dict[str, tuple[float, float]]]]) -> dict[str, float]:
    figures = {}
    print(f"\n| coverage / width | {' | '.join(f'{size:,} deals' for size in bounds)} |\n|{'---|' * (len(bounds) + 1)}")
    for way in next(iter(bounds.values()))[0]:
        cells = []
        for size, found in bounds.items():
            values = [one[way] for one in found if way in one]
            coverage, wide = np.mean(values, axis=0) if values else (np.nan, np.nan)
            cells.append(f"{coverage:.0%} / {wide:.3f}" if values else "")
            if values:
                key = f"{name}_{way.replace(', ', '_').replace(' ', '_')}_{size}"
                figures |= {f"{key}_coverage": float(coverage), f"{key}_width": float(wide)}
        print(f"| {way} | {' | '.join(cells)} |", flush=True)
    return figures


def main() -> None:
    """Compare on both data sets and write the figures."""
    started, figures = time.process_time(), {}
    for name in SETS:
        figures |= on_one(name)
    print(f"\n{time.process_time() - started:.0f} s of processor time")
    print(write_figures("calibration", figures))


if __name__ == "__main__":
    main()
