"""Which pipelines get a model of their own: those with data enough, where it does better than the one for all."""

from dataclasses import replace

import numpy as np

from features.facts import BoolColumn
from models.probability import pipeline_of
from training.blocks import BASE, SCORER, Holdout, Walk
from training.dataset import Dataset
from training.metrics import measure
from training.plan import Plan


def pipelines(dataset: Dataset, plan: Plan) -> dict[str, BoolColumn]:
    """The rows of each pipeline with at least ``plan.closed_of_own`` closed deals, by name; none of one alone."""
    names = sorted(set(dataset.snapshots.norms.vocabulary.stages.pipeline))
    whose = pipeline_of(dataset.table["stage"], names)
    closed = ~np.isnan(dataset.labels(dataset.until).won)
    found = {}
    for place, name in enumerate(names):
        rows = whose == place
        n_closed = len(np.unique(dataset.snapshots.deal[rows & closed]))
        if n_closed >= plan.closed_of_own and not rows.all():
            found[name] = rows
    return found


def is_better(own: Walk, pooled: Walk, rows: BoolColumn) -> bool:
    """Whether a pipeline's own rung had the lower log loss, on the snapshots that both were judged by."""
    if own.rung == BASE:
        return False
    both = (own.judged.weight > 0) & (pooled.judged.weight[rows] > 0)
    said = {"own": own.said, "pooled": pooled.said[rows]}
    found = measure(own.judged.happened, own.judged.weight * both, said)
    return bool(found) and found["own"]["log_loss"] < found["pooled"]["log_loss"]


def with_own(holdout: Holdout, own: Walk, rows: BoolColumn) -> Holdout:
    """The holdout as the scorer answers it: by the pipeline's own model for its deals."""
    said = holdout.probabilities[SCORER].copy()
    mine = own.holdout.rows & holdout.rows[rows]
    said[np.flatnonzero(rows)[mine]] = own.holdout.probabilities[SCORER][mine]
    return replace(holdout, probabilities={**holdout.probabilities, SCORER: said})
