"""How much of a difference is luck: snapshots of one deal share its outcome, so deals are the pieces of evidence."""

import numpy as np

from features.facts import FloatColumn, IntColumn
from training.metrics import measure

N_DRAWS = 200


def log_loss_gap(
    happened: FloatColumn, weight: FloatColumn, deal: IntColumn, ours: FloatColumn, theirs: FloatColumn
) -> tuple[float, float]:
    """Our log loss less theirs, on rows with a weight, and the standard error of that."""
    used = weight > 0
    outcome, of_row = happened[used], weight[used]
    losses = [-np.log(np.clip(np.where(outcome == 1, one[used], 1 - one[used]), 1e-9, 1)) for one in (ours, theirs)]
    difference = losses[0] - losses[1]
    mean = float(np.average(difference, weights=of_row))
    by_deal = np.bincount(np.unique(deal[used], return_inverse=True)[1], weights=of_row * (difference - mean))
    return mean, float(np.sqrt((by_deal**2).sum()) / of_row.sum())


def auc_within(happened: FloatColumn, weight: FloatColumn, group: IntColumn, said: FloatColumn) -> float:
    """Mean of the AUCs within groups (months), by their weight: whether like is told from like, whatever the group."""
    found = [(weight[group == one].sum(), _auc(happened, weight, said, group == one)) for one in np.unique(group)]
    weights, aucs = zip(*[(size, auc) for size, auc in found if auc is not None], strict=True)
    return float(np.average(aucs, weights=weights))


def _auc(happened: FloatColumn, weight: FloatColumn, said: FloatColumn, rows: FloatColumn) -> float | None:
    found = measure(happened[rows], weight[rows], {"said": said[rows]})
    return found["said"]["auc"] if found else None


def auc_bounds(
    happened: FloatColumn, weight: FloatColumn, deal: IntColumn, group: IntColumn, said: FloatColumn
) -> tuple[float, float]:
    """Between which such AUCs 95 % of as many deals, drawn with replacement, lie."""
    used = weight > 0
    of_deal = np.unique(deal[used], return_inverse=True)[1]
    n, random = int(of_deal.max()) + 1, np.random.default_rng(0)
    found = []
    for _ in range(N_DRAWS):
        drawn = weight[used] * np.bincount(random.integers(0, n, n), minlength=n)[of_deal]
        found.append(auc_within(happened[used], drawn, group[used], said[used]))
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))
