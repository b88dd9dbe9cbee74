"""How fast are scores with their reasons, and what does the trees' shape cost? ``make bench-reasons``, 7 minutes.

A simulated company of 20,000 deals. Trees learn from its first 65 % what training would have them learn, the next 15 %
choose their number and calibrate, the rest judges. Speed is a core's: processor time of one thread, for 20,000 rows in
one batch, win and stall together.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median

import lightgbm as lgb
import numpy as np
import pandas as pd

from benchmarks.features import simulated
from benchmarks.features_runs import CURRENCY, loaded
from benchmarks.results import write_figures
from crm.simulate import DEMO_END
from features.facts import DAY, BoolColumn
from features.labels import Patience
from models.arithmetic import probability
from models.boosting import BoosterPlan, Examples
from models.calibration import fit_calibration
from models.course import READINGS
from models.members import BEYOND, TREES, fit_blocks, fit_members
from models.probability import ProbabilityModel
from models.reasons import points, reasons
from models.rungs import StageRate
from models.tree_reasons import contributions
from models.tree_tables import TreeTables, tables
from training.blocks import taught, trees
from training.dataset import Dataset, build_dataset
from training.metrics import measure
from training.plan import Plan
from training.targets import EVENTS, Event, target

DEPLOYED = "as deployed"
UNCONSTRAINED = "31 leaves, 400 trees"
SHAPES: dict[str, BoosterPlan | None] = {
    DEPLOYED: None,
    UNCONSTRAINED: BoosterPlan(num_leaves=31),
    "31 leaves": BoosterPlan(num_leaves=31),
    "15 leaves, slow": BoosterPlan(learning_rate=0.03, max_rounds=600),
    "15 leaves, depth 5, slow": BoosterPlan(max_depth=5, learning_rate=0.03, max_rounds=600),
    "16 leaves, depth 4, slow": BoosterPlan(num_leaves=16, max_depth=4, learning_rate=0.03, max_rounds=600),
    "8 leaves": BoosterPlan(num_leaves=8),
    "8 leaves, depth 3": BoosterPlan(num_leaves=8, max_depth=3),
}
"""All stop early but the unconstrained one; None is whatever training takes."""
PLAN = Plan(train_until=DEMO_END)

SPLIT = (0.65, 0.8)
EMBARGO_DAYS = 7
ROWS, ROWS_SLOWLY = 20_000, 1_000
REPEATS = 3


@dataclass(frozen=True)
class Fitted:
    """The two models of one shape, and their log losses on the rows that judge."""

    models: dict[Event, ProbabilityModel]
    log_loss: dict[Event, float]

    @property
    def boosters(self) -> list[lgb.Booster]:
        return [booster for model in self.models.values() for booster in model.members.boosters.values()]


def dataset() -> Dataset:
    """Every weekly snapshot of the simulated company."""
    frames = {name: table.to_pandas() for name, table in loaded(str(simulated(20_000))).items()}
    until = datetime.combine(DEMO_END, datetime.min.time(), UTC)
    return build_dataset(frames, until=until, every_days=7, patience=Patience(), reporting_currency=CURRENCY)


def cuts(data: Dataset) -> tuple[int, int]:
    """Instants at which learning ends and judging begins."""
    first = int(data.at.min())
    early, late = (first + int(share * (data.until - first)) for share in SPLIT)
    return early, late


def judging(data: Dataset) -> BoolColumn:
    return data.at >= cuts(data)[1] + EMBARGO_DAYS * DAY


def fitted(
    data: Dataset, table: pd.DataFrame, learned: dict[Event, Examples], shape: BoosterPlan | None, *, stops: bool
) -> Fitted:
    """Trees of one shape for both events, from nothing and beyond the line as in a scorer."""
    models: dict[Event, ProbabilityModel] = {}
    losses: dict[Event, float] = {}
    early, late = cuts(data)
    judged = judging(data)
    for event in EVENTS:
        past = learned[event]
        plan = shape or trees(PLAN, event, past)
        between = (data.at >= early + EMBARGO_DAYS * DAY) & (data.at < late)
        known = target(data, event, late, between)
        later = replace(past, happened=known.happened, weight=known.weight)
        sorts = (TREES, BEYOND)
        n_rounds = fit_blocks([(past, later, plan)])[1] if stops else dict.fromkeys(sorts, plan.max_rounds)
        members = fit_members(sorts, past, plan, n_rounds)
        raw = {name: said for name, said in members.raw(later.signals[:]).items() if name in sorts}
        slopes = fit_calibration(raw, later.happened, later.weight, later.deal, np.zeros_like(later.deal))
        if len(slopes.slopes) < len(sorts):
            members = fit_members(slopes.slopes, past, plan, n_rounds)
        models[event] = ProbabilityModel(tuple(past.names), StageRate(), "stage_position", members, slopes)
        known = target(data, event, data.until, judged)
        said = {"trees": models[event].predict(table)}
        losses[event] = measure(known.happened, known.weight, said)["trees"]["log_loss"]
    return Fitted(models, losses)


def score_and_reasons(models: dict[Event, ProbabilityModel], rows: pd.DataFrame) -> None:
    """Probabilities with what each signal adds to them, which sum to them."""
    for model in models.values():
        base, added = model.contributions(rows)
        start, shares = points(base, added)
        assert np.allclose(start + shares.sum(axis=1), probability(base + added.sum(axis=1)), atol=1e-12)


def per_second(work: Callable[[], object], n: int) -> float:
    """Rows a second of processor time, median of several, after one that warms up."""
    work()
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return n / median(times)


def made(boosters: list[lgb.Booster]) -> list[TreeTables]:
    found = [tables(booster) for booster in boosters]
    assert None not in found, "the tables of a benchmarked shape must fit"
    return [one for one in found if one]


def trees_only(found: Fitted, matrix: np.ndarray) -> tuple[float, float, float]:
    """Rows a second by tables and by LightGBM, win and stall together; the largest difference between the two."""
    by_tables = made(found.boosters)
    few = matrix[:ROWS_SLOWLY]
    ours = per_second(lambda: [contributions(one, matrix) for one in by_tables], len(matrix))
    theirs = per_second(
        lambda: [one.predict(few, pred_contrib=True, num_threads=1) for one in found.boosters], len(few)
    )
    differences = [
        np.abs(contributions(one, few) - np.asarray(booster.predict(few, pred_contrib=True))).max()
        for one, booster in zip(by_tables, found.boosters, strict=True)
    ]
    return ours, theirs, float(max(differences))


def cost(found: Fitted, other: Fitted) -> float:
    """Relative log loss above another shape's, of the event where it is the most; negative where it is below."""
    return max(found.log_loss[event] / other.log_loss[event] - 1 for event in EVENTS)


def compared(
    data: Dataset, table: pd.DataFrame, matrix: np.ndarray
) -> tuple[dict[str, Fitted], dict[str, tuple[float, float, float]]]:
    """Fit and time every shape, a line of the table each."""
    shapes, speeds = {}, {}
    learned = {event: taught(data, PLAN, event, cuts(data)[0], reads=True) for event in EVENTS}
    print("deals/s: contributions of win and stall, one core\n")
    print("| shape | trees | tables, MB | log loss win | log loss stall | deals/s | by pred_contrib | times |")
    print("|---|---|---|---|---|---|---|---|")
    for name, plan in SHAPES.items():
        found = shapes[name] = fitted(data, table, learned, plan, stops=name != UNCONSTRAINED)
        ours, theirs, _ = speeds[name] = trees_only(found, matrix)
        n_trees = " + ".join(str(one.num_trees()) for one in found.boosters)
        size = sum(one.table.nbytes for one in made(found.boosters)) / 1e6
        losses = " | ".join(f"{found.log_loss[event]:.4f}" for event in EVENTS)
        print(
            f"| {name} | {n_trees} | {size:.1f} | {losses} | {ours:,.0f} | {theirs:,.0f} | {ours / theirs:.1f} |",
            flush=True,
        )
    return shapes, speeds


def main() -> None:
    """Fit every shape, time it, print and write the figures."""
    data = dataset()
    course = data.courses.learned(cuts(data)[0], PLAN.booster.seed)
    assert course, "the courses of so many deals can be read"
    asked = data.table[judging(data)].sample(ROWS, random_state=0).reset_index(drop=True)
    rows = course.read(asked)
    shapes, speeds = compared(data, course.read(data.table), rows[[*data.signals, *READINGS]].to_numpy(np.float32))
    deployed = shapes[DEPLOYED]
    started = time.process_time()
    made(deployed.boosters)
    table_s = time.process_time() - started
    some = rows.head(ROWS_SLOWLY)
    sentences = per_second(
        lambda: [reasons(model, course.read(asked.head(ROWS_SLOWLY))) for model in deployed.models.values()], len(some)
    )
    figures = {
        "deals_per_s_score_and_reasons": per_second(
            lambda: score_and_reasons(deployed.models, course.read(asked)), len(rows)
        ),
        "deals_per_s_with_sentences": sentences,
        "deals_per_s_contributions": speeds[DEPLOYED][0],
        "deals_per_s_pred_contrib": speeds[DEPLOYED][1],
        "times_pred_contrib": speeds[DEPLOYED][0] / speeds[DEPLOYED][1],
        "deals_per_s_unconstrained": speeds[UNCONSTRAINED][0],
        "deals_per_s_unconstrained_pred_contrib": speeds[UNCONSTRAINED][1],
        "logloss_cost": cost(deployed, shapes[UNCONSTRAINED]),
        "logloss_cost_stopped_early": cost(deployed, shapes["31 leaves"]),
        "making_tables_s": table_s,
    }
    print(f"\nlargest difference from pred_contrib: {max(found[2] for found in speeds.values()):.1e}")
    for name, value in figures.items():
        print(f"{name:<40} {value:,.4f}")
    print(write_figures("reasons", figures))


if __name__ == "__main__":
    main()
