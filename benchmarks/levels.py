"""At which level should a score start into the time to come? Rules compared from many instants: ``make bench-levels``.

At each instant of a history a scorer walks through what was known then, as in training; slopes are fitted on its
blocks, and each rule says where the intercept should be. What came after the instant judges: by how much the log loss
lies above that of the best intercept, and how many tenths of the scores lie within the bounds. Simulated companies are
judged by their oracle. What ``make bench-peers`` judges on comes after all of it: no level was chosen on that.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from benchmarks import bpic2012, peer_sets
from benchmarks.calibration import covered, tenths
from benchmarks.calibration_rows import Rows
from benchmarks.encoding import WinRates
from benchmarks.features_runs import CURRENCY
from benchmarks.ladder import folds_in_order, only, out_of_fold
from benchmarks.results import data_or_skip, write_figures
from crm.simulate import DEMO_END, simulate
from features.facts import FloatColumn
from features.labels import Patience
from models.arithmetic import probability
from models.boosting import BoosterPlan, Examples
from models.calibration import Calibration, _level, fit_calibration
from models.members import BEYOND, TREES, fit_members
from training.blocks import _Blocks, examples, reads_courses, taught, trees
from training.dataset import Dataset, build_dataset
from training.metrics import calibration_error
from training.plan import Plan
from training.targets import target

INSTANTS = (0.5, 0.6, 0.7, 0.8)
"""As shares of a history's time; the fifth of the time after each judges."""
COMPANIES = {600: 8, 3_000: 4, 12_000: 1}
"""Deals of simulated companies, and how many of each."""


@dataclass(frozen=True)
class Seen:
    """What the members said of the blocks, and, having learned from everything known, of what came."""

    blocks: Rows
    later: Rows


def at_instant(dataset: Dataset, plan: Plan, share: float, best: FloatColumn | None = None) -> Seen:
    """What a training at that share of the time sees; ``best``: the oracle's probabilities, to judge by."""
    first, span = int(dataset.at.min()), dataset.until - int(dataset.at.min())
    cut = first + int(share * span)
    past = dataset.before(cut)
    blocks = _Blocks(past, plan, "win", reads_courses(past, plan))
    n, (raw, n_rounds) = len(past.at), blocks.members_said()
    period = np.full(n, -1)
    for number, rows in enumerate(blocks.rows):
        period[rows] = number
    known = target(past, "win", cut, np.ones(n, bool))
    judged = Rows(raw, known.happened, known.weight, past.snapshots.deal, period)
    coming = (dataset.at >= cut) & (dataset.at < cut + int(0.2 * span))
    came = target(dataset, "win", dataset.until, coming)
    happened, weight = (came.happened, came.weight) if best is None else (best, coming.astype(np.float64))
    learned, used = taught(past, plan, "win", cut, reads=blocks.reads), weight > 0
    readings = dataset.courses.readings(cut, plan.booster.seed) if blocks.reads else None
    shape = trees(plan, "win", learned)
    said = _said(learned, examples(dataset, came, readings).signals[used], shape, n_rounds)
    deal = dataset.snapshots.deal[used]
    closed = (period >= 0) & (known.weight > 0)
    return Seen(judged.only(closed), Rows(said, happened[used], weight[used], deal, np.zeros_like(deal)))


def _said(
    learned: Examples, signals: FloatColumn, plan: BoosterPlan, n_rounds: dict[str, int]
) -> dict[str, FloatColumn]:
    return fit_members((TREES, BEYOND), learned, plan, n_rounds).raw(signals)


def bank() -> Iterator[Seen]:
    """The first 70 % of a bank's loan sales, snapshots weekly and daily."""
    tables = bpic2012.tables_of_log(data_or_skip("bpic2012"))
    cut = bpic2012.split(tables)[0]
    for every_days in (7, 1):
        dataset = bpic2012.dataset_of(tables, cut, every_days)
        for share in INSTANTS:
            yield at_instant(dataset, bpic2012.plan_of(cut, every_days), share)


def opportunities() -> Iterator[Seen]:
    """The first 80 % of 78,025 opportunities, by their number."""
    peers = peer_sets.ibm()
    learn = peers.splits[0][0]
    columns, happened, deal = peers.columns[learn].reset_index(drop=True), peers.happened[learn], peers.deal[learn]
    place, plan = pd.Series(peers.order[learn]).rank(pct=True).to_numpy(), BoosterPlan()
    for share in INSTANTS:
        past, coming = place <= share, (place > share) & (place <= share + 0.2)
        rates = WinRates()
        signals = rates.fit_transform(columns[past], happened[past], deal[past])
        learned = Examples(signals, happened[past], np.ones(past.sum()), deal[past], rates.names(columns))
        folds = folds_in_order(place[past])
        pasts, period = [only(learned, before) for before, _ in folds], np.full(len(signals), -1)
        _, n_rounds, said_of_past = out_of_fold(learned, pasts, folds, plan)
        for number, (_, judged) in enumerate(folds):
            period[judged] = number
        of_past = Rows(said_of_past, learned.happened, learned.weight, learned.deal, period)
        said = _said(learned, rates.transform(columns[coming]), plan, n_rounds)
        later = Rows(said, happened[coming], np.ones(coming.sum()), deal[coming], np.zeros(coming.sum(), np.int64))
        yield Seen(of_past.only(period >= 0), later)


def companies(n_deals: int) -> Iterator[Seen]:
    """Simulated companies of so many deals; none is the one that ``make bench-truth`` reports on."""
    until = datetime.combine(DEMO_END, datetime.min.time(), UTC)
    for seed in range(COMPANIES[n_deals]):
        made = simulate(n_deals, seed)
        dataset = build_dataset(
            made.tables, until=until, every_days=7, patience=Patience(), reporting_currency=CURRENCY
        )
        best = dataset.table[["deal_id", "as_of"]].merge(made.oracle, how="left", on=["deal_id", "as_of"])
        for share in INSTANTS:
            yield at_instant(dataset, Plan(train_until=DEMO_END), share, best["win_probability"].to_numpy())


SETS: dict[str, Callable[[], Iterator[Seen]]] = {
    "bank": bank,
    "opportunities": opportunities,
    **{f"company_{n_deals}": lambda n_deals=n_deals: companies(n_deals) for n_deals in COMPANIES},
}


def levels(stack: Calibration, rows: Rows) -> dict[str, float]:
    """What each rule says where the intercept should be."""
    fitted = _best_level(stack, rows)
    newest = _best_level(stack, rows.only(rows.period == rows.period.max()))
    return {"own": stack.intercept, "fitted": fitted, "half-way": (stack.intercept + fitted) / 2, "newest": newest}


def _best_level(stack: Calibration, rows: Rows) -> float:
    """The intercept of maximum likelihood: what is said on average is what came."""
    share = float(np.average(rows.happened, weights=rows.weight))
    return _level(stack.log_odds(rows.raw) - stack.intercept, share, rows.weight)


def judged(seen: Seen) -> dict[str, float] | None:
    """Figures of one instant; None where no member counts."""
    blocks, later = seen.blocks, seen.later
    stack = fit_calibration(
        {name: blocks.raw[name] for name in (TREES, BEYOND)}, blocks.happened, blocks.weight, blocks.deal, blocks.period
    )
    if not stack.slopes:
        return None
    score, found = stack.log_odds(later.raw) - stack.intercept, dict[str, float]()
    least = _loss(later, score + _best_level(stack, later))
    for name, level in levels(stack, blocks).items():
        found[f"{name}_excess"] = _loss(later, score + level) - least
        found[f"{name}_ece"] = calibration_error(later.happened, probability(score + level), later.weight)
    return found | {"own_coverage": covered(later, tenths(score), stack.bounds(later.raw))}


def _loss(rows: Rows, log_odds: FloatColumn) -> float:
    """Log loss, also of outcomes that are probabilities."""
    return float(np.average(np.logaddexp(0, log_odds) - rows.happened * log_odds, weights=rows.weight))


def main() -> None:
    """Every rule on every set; print a table and write the figures."""
    figures: dict[str, float] = {}
    print(
        "| history | instants | log loss above the best level's: own / fitted / half-way / newest | ECE | bounds held |"
    )
    print("|---|---|---|---|---|")
    for name in os.environ.get("SETS", ",".join(SETS)).split(","):
        found = pd.DataFrame([one for one in map(judged, SETS[name]()) if one])
        mean = found.mean()
        rules = [column.removesuffix("_excess") for column in found if column.endswith("_excess")]
        excess, ece = (" / ".join(f"{mean[f'{rule}_{what}']:.4f}" for rule in rules) for what in ("excess", "ece"))
        print(f"| {name} | {len(found)} | {excess} | {ece} | {mean['own_coverage']:.0%} |", flush=True)
        figures |= {f"{name}_{figure}": float(value) for figure, value in mean.items()}
    print(write_figures("levels", figures))


if __name__ == "__main__":
    main()
