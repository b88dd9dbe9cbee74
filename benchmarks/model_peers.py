"""Are the scores as good as anyone's? Ours beside simple and elaborate models: ``make bench-peers``.

``AUTOGLUON_S`` seconds go to AutoGluon on each data set, 900 where nothing is said, 0 to leave it out; ``SETS`` names
the data sets. Times are processor seconds, of all processes and threads. Log loss is compared deal by deal.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable

import numpy as np

from benchmarks.autogluon_peer import PYTHON, autogluon_said
from benchmarks.luck import log_loss_gap
from benchmarks.maven import nothing_found
from benchmarks.peer_sets import SETS, PeerSet
from benchmarks.results import RESULTS, write_figures
from benchmarks.rivals import OURS, RIVALS
from features.facts import BoolColumn, FloatColumn
from training.metrics import measure

AUTOGLUON, MAVEN = "autogluon", "maven"
Said = tuple[FloatColumn, float, float]
"""Probabilities of every judged row, and processor seconds of fitting and predicting."""


def said_by(name: str, peers: PeerSet) -> Said:
    """What one of our own rivals says of every judged row, split by split."""
    learns = RIVALS[name]

    def one(learn: BoolColumn, judge: BoolColumn) -> Said:
        started = time.process_time()
        says = learns(peers, learn)
        fitted = time.process_time()
        said = says(judge)
        return said, fitted - started, time.process_time() - fitted

    return _over_splits(peers, one)


def said_by_autogluon(peers: PeerSet, seconds: float) -> Said:
    """The same by AutoGluon, its time shared among the splits."""

    def one(learn: BoolColumn, judge: BoolColumn) -> Said:
        said, used = autogluon_said(peers, learn, judge, seconds / len(peers.splits))
        return said, used["fit_s"], used["predict_s"]

    return _over_splits(peers, one)


def _over_splits(peers: PeerSet, one: Callable[[BoolColumn, BoolColumn], Said]) -> Said:
    probabilities, fit_s, predict_s = np.full(len(peers.happened), np.nan), 0.0, 0.0
    for learn, judge in peers.splits:
        probabilities[judge], fitting, predicting = one(learn, judge)
        fit_s, predict_s = fit_s + fitting, predict_s + predicting
    return probabilities, fit_s, predict_s


def compared(peers: PeerSet, seconds: float) -> dict[str, dict[str, float]]:
    """Figures of every model on one data set."""
    said = {name: said_by(name, peers) for name in RIVALS if peers.stage is not None or name != "stage_rate"}
    if seconds:
        try:
            said[AUTOGLUON] = said_by_autogluon(peers, seconds)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            print(f"skipped: AutoGluon on {peers.name}, for it failed: {str(error).splitlines()[-1]}")
    judged = np.logical_or.reduce([judge for _, judge in peers.splits])
    weight = np.where(judged, peers.judging_weight, 0)
    probabilities = {name: one[0] for name, one in said.items()}
    found = measure(peers.happened, weight, probabilities)
    for name, (_, fit_s, predict_s) in said.items():
        gap, noise = log_loss_gap(peers.happened, weight, peers.deal, probabilities[OURS], probabilities[name])
        found[name] |= {"fit_s": fit_s, "predict_s": predict_s, "gap": gap, "noise": noise}
    return found


def printed(found: dict[str, dict[str, float]]) -> str:
    """A Markdown table, a row per model."""
    lines = [
        "| model | log loss | ours less it, ± 2 standard errors | Brier | ECE | AUC | fit, s | predict, s |",
        "|" + "---|" * 8,
    ]
    for name, one in found.items():
        gap = "" if name == OURS else f"{one['gap']:+.4f} ± {2 * one['noise']:.4f}"
        shown = [f"{one['log_loss']:.4f}", gap, *(f"{one[metric]:.4f}" for metric in ("brier", "ece", "auc"))]
        times = [f"{one['fit_s']:.1f}", f"{one['predict_s']:.2f}"]
        lines.append("| " + " | ".join([name, *shown, *times]) + " |")
    return "\n".join(lines)


def flat(name: str, found: dict[str, dict[str, float]]) -> dict[str, float]:
    """Figures by ``<set>_<model>_<figure>``."""
    renamed = {"log_loss": "logloss", "gap": "logloss_ours_less_it", "noise": "logloss_ours_less_it_se"}
    return {
        f"{name}_{model}_{renamed.get(figure, figure)}": value
        for model, one in found.items()
        for figure, value in one.items()
    }


def autogluon_seconds() -> float:
    """How long AutoGluon may take on each data set; 0 where it is not there."""
    seconds = float(os.environ.get("AUTOGLUON_S", "900"))
    if seconds and not PYTHON.exists():
        print("skipped: AutoGluon could not be installed, or has not been: make build/autogluon-venv/ready")
        return 0
    return seconds


def kept_figures() -> dict[str, float]:
    """Figures of an earlier run, which one on some of the data sets only adds to."""
    path = RESULTS / "peers.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main() -> None:
    """Compare on every data set, print and write the figures."""
    seconds = autogluon_seconds()
    names = os.environ.get("SETS", ",".join([*SETS, MAVEN])).split(",")
    figures: dict[str, float] = {}
    for name in (one for one in names if one in SETS):
        peers = SETS[name]()
        found = compared(peers, seconds)
        rows = int((peers.judging_weight > 0)[np.logical_or.reduce([judge for _, judge in peers.splits])].sum())
        print(f"\n{name}: {rows:,} rows judged, AutoGluon had {seconds:.0f} s\n\n{printed(found)}", flush=True)
        figures |= flat(name, found)
    if MAVEN in names:
        figures |= nothing_found()
    print(write_figures("peers", (kept_figures() if "SETS" in os.environ else {}) | figures))


if __name__ == "__main__":
    main()
