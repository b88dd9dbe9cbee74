"""Figures of a training run: reliability beside the rungs, and which signals matter (shap's own plot)."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import shap
from matplotlib.figure import Figure

from models.scorer import Scorer
from training.contest import Judged
from training.metrics import reliability

mpl.use("Agg")

_AT_MOST = 1_000
"""Snapshots drawn in the plot of signals; more only thicken the dots."""


def reliability_figure(holdout: Judged, title: str) -> Figure:
    """What was said against what came, on the holdout, for every model; points are bins of equal count."""
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
    seen = holdout.target.weight > 0
    for name, said in holdout.probabilities.items():
        bins = reliability(holdout.target.happened[seen], said[seen], holdout.target.weight[seen])
        axes.plot(bins[:, 0], bins[:, 1], marker="o", markersize=4, linewidth=1, label=name)
    axes.set(xlabel="said", ylabel="came", title=title, xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def signals_figure(scorer: Scorer, snapshots: pd.DataFrame, seed: int) -> Figure:
    """What each signal adds, over a sample of snapshots, in log-odds."""
    from matplotlib import pyplot as plt

    sample = scorer.read(snapshots.sample(min(_AT_MOST, len(snapshots)), random_state=seed))
    _, added = scorer.win.contributions(sample)
    names = list(scorer.win.signals)
    figure = plt.figure()
    rng = np.random.default_rng(seed)
    shap.summary_plot(added, sample[names].to_numpy(), feature_names=names, max_display=20, show=False, rng=rng)
    figure.tight_layout()
    plt.close(figure)
    return figure
