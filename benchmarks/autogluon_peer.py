"""AutoGluon as a peer: data handed over as Parquet, answers read back. It has an environment of its own."""

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peer_sets import PeerSet
from benchmarks.results import ROOT
from features.facts import BoolColumn, FloatColumn

PYTHON = ROOT / "build" / "autogluon-venv" / "bin" / "python"
SCRIPT = ROOT / "benchmarks" / "autogluon_run.py"
N_BAGS = 8
GRACE = 5
"""It is stopped after so many times what it was given: the limit is its own, and it passes it at times."""


def autogluon_said(
    peers: PeerSet, learn: BoolColumn, judge: BoolColumn, seconds: float
) -> tuple[FloatColumn, dict[str, float]]:
    """What AutoGluon says of the judged rows, and its processor seconds; kept in ``build/bench`` by data and seconds.

    It is told the weights, and which rows belong together: its inner folds are by deal, for random ones would let it
    see a deal's other snapshots.
    """
    train, test = _handed(peers, learn, peers.learning_happened), _handed(peers, judge, peers.happened)
    train, test = train[train["weight"] > 0], test.drop(columns="fold")
    folder = ROOT / "build" / "bench" / "autogluon" / f"{peers.name}-{_digest(train, test)}-{seconds:.0f}s"
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "figures.json").exists():
        train.to_parquet(folder / "train.parquet", index=False)
        test.to_parquet(folder / "test.parquet", index=False)
        _run(folder, seconds)
    return np.load(folder / "said.npy"), json.loads((folder / "figures.json").read_text())


def _handed(peers: PeerSet, rows: BoolColumn, happened: FloatColumn) -> pd.DataFrame:
    table = peers.columns[rows].reset_index(drop=True).copy()
    return table.assign(
        happened=happened[rows].astype(np.int64), weight=peers.learning_weight[rows], fold=peers.deal[rows] % N_BAGS
    )


def _digest(*tables: pd.DataFrame) -> str:
    found = hashlib.sha256()
    for table in tables:
        found.update(",".join(table.columns).encode())
        found.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return found.hexdigest()[:12]


def _run(folder: Path, seconds: float) -> None:
    command = [str(PYTHON), "-E", str(SCRIPT), str(folder), str(seconds)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=GRACE * seconds + 300, check=False)
    if ran.returncode:
        raise RuntimeError(f"AutoGluon failed on {folder.name}:\n{ran.stderr[-2000:]}")
    (folder / "figures.json").write_text(ran.stdout.splitlines()[-1] + "\n")
