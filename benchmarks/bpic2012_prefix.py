"""The published protocol on a real bank's loan cases, by our signals and our ladder: ``make bench-bpic2012-prefix``.

Three questions of every prefix of a case: will the offer be accepted, declined, cancelled (Teinemaa et al., 2019)? The
protocol looks ahead twice: it judges prefixes that hold the answer, and learns how cases ended that were open at the
split. So a strict variant stands beside it, without either; closed cases stand for those like them that were open.
Everything is chosen on training cases, by blocks in the order of their start.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.ladder import Fold, Ladder, climb
from benchmarks.prefixes import TASKS, Prefixes, prefixes_of
from benchmarks.results import data_or_skip, write_figures
from features.facts import DAY, BoolColumn, FloatColumn
from features.labels import Labels
from models.boosting import BoosterPlan, Examples
from training.dataset import censoring_weights
from training.metrics import measure

PUBLISHED = {"accepted": (0.678, 0.21), "declined": (0.566, 0.15), "cancelled": (0.709, 0.16)}
FORESTS = {"accepted": (0.700, 0.207, 0.655), "declined": (0.620, 0.143, 0.561), "cancelled": (0.704, 0.158, 0.661)}
"""The best published weighted AUC and Brier, and what plain forests on counts of events reach, the strict AUC too."""
BLOCKS = (0.6, 0.8)
"""Shares of the training cases, by their start, at which inner blocks begin."""
PLANS = (
    BoosterPlan(),
    BoosterPlan(num_leaves=8, min_data_in_leaf=300, feature_fraction=0.3, lambda_l2=50),
)
"""Shapes to choose among; many rows are of few cases, so leaves may have to be large."""
VARIANTS = ("published", "strict")


def learned(prefixes: Prefixes, end: str, split: int, *, strict: bool) -> Examples:
    """The training prefixes; strictly, only undecided ones of cases whose end was known at the split."""
    happened = (prefixes.ends == end).astype(np.float64)
    weight = np.ones(len(happened))
    if strict:
        closed = np.where(prefixes.closed_at < split, happened, np.nan)
        days_to_close, days_seen = ((end_at - prefixes.at) / DAY for end_at in (prefixes.closed_at, split))
        seen = Labels(closed, days_to_close, days_seen, np.full(len(closed), np.nan))
        weight = censoring_weights(seen, ~prefixes.decided)
    return Examples(prefixes.signals, happened, weight, prefixes.case, prefixes.names)


def blocks(prefixes: Prefixes, *, strict: bool) -> list[Fold]:
    """The protocol again within the training cases: each block is judged by what was known at its start."""
    began = np.full(prefixes.case.max() + 1, 2**62)
    np.minimum.at(began, prefixes.case, prefixes.at)
    start = began[prefixes.case]
    cuts = [int(np.quantile(began, share)) for share in BLOCKS]
    folds = []
    for cut, until in zip(cuts, [*cuts[1:], 2**62], strict=True):
        learn = (start < cut) & (prefixes.at < cut)
        folds.append((learn & (prefixes.closed_at < cut) if strict else learn, (start >= cut) & (start < until)))
    return folds


def by_length(prefixes: Prefixes, happened: FloatColumn, said: FloatColumn) -> Iterator[tuple[int, int, float]]:
    """Length, number of cases and AUC, of every length at which both outcomes came."""
    for length in np.unique(prefixes.length):
        rows = prefixes.length == length
        if 0 < happened[rows].sum() < rows.sum():
            yield int(length), int(rows.sum()), float(roc_auc_score(happened[rows], said[rows]))


def weighted_auc(prefixes: Prefixes, happened: FloatColumn, said: FloatColumn) -> float:
    """Mean of the AUCs by prefix length, each with as much weight as it has cases."""
    _, cases, auc = zip(*by_length(prefixes, happened, said), strict=True)
    return float(np.average(auc, weights=cases))


def one(task: str, train: Prefixes, test: Prefixes, split: int, *, strict: bool) -> tuple[Ladder, dict[str, float]]:
    """Learn one task in one variant, and judge it."""
    examples = learned(train, TASKS[task], split, strict=strict)
    ladder = climb(examples, blocks(train, strict=strict), PLANS, train.at)
    judged: BoolColumn = ~test.decided if strict else np.ones(len(test.case), bool)
    rows = test.rows(judged)
    happened, said = (rows.ends == TASKS[task]).astype(np.float64), ladder.predict(rows.signals)
    found = measure(happened, np.ones(len(happened)), {"ours": said})["ours"]
    return ladder, found | {"wauc": weighted_auc(rows, happened, said)}


def main() -> None:
    """Learn and judge every task in both variants; print a table and write the figures."""
    started = time.process_time()
    prefixes, n_train, split = prefixes_of(data_or_skip("bpic2012"))
    train, test = prefixes.rows(prefixes.case < n_train), prefixes.rows(prefixes.case >= n_train)
    print(
        f"{len(train.case):,} prefixes to learn from, {len(test.case):,} to judge, of which {test.decided.mean():.1%}"
    )
    print(f"are decided already; {len(prefixes.names)} signals, {time.process_time() - started:.0f} s\n")
    print("| task | variant | rung | weighted AUC | pooled AUC | Brier | ECE | forests here | published |")
    print("|" + "---|" * 9)
    figures: dict[str, float] = {}
    jobs = [(task, variant) for task in TASKS for variant in VARIANTS]
    with ThreadPoolExecutor() as pool:
        answers = pool.map(lambda job: one(job[0], train, test, split, strict=job[1] == "strict"), jobs)
        for (task, variant), (ladder, found) in zip(jobs, answers, strict=True):
            strict = variant == "strict"
            forest = f"{FORESTS[task][2]:.3f}" if strict else f"{FORESTS[task][0]:.3f} / {FORESTS[task][1]:.3f}"
            theirs = "" if strict else f"{PUBLISHED[task][0]:.3f} / {PUBLISHED[task][1]:.2f}"
            cells = [f"{found[name]:.3f}" for name in ("wauc", "auc", "brier", "ece")]
            rung = f"{ladder.rung}, {' + '.join(map(str, ladder.n_rounds.values()))} x {ladder.plan.num_leaves}"
            print("| " + " | ".join([task, variant, rung, *cells, forest, theirs]) + " |", flush=True)
            called = f"{task}_strict" if strict else task
            figures |= {f"{called}_{name}": found[name] for name in ("wauc", "auc", "brier", "ece")}
    print(f"\n{time.process_time() - started:.0f} s of processor time")
    print(write_figures("bpic2012_prefix", figures))


if __name__ == "__main__":
    main()
