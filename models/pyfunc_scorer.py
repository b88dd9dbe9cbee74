"""The scorer as MLflow serves it: a file that needs lightgbm, numpy, numba, pandas and mlflow, nothing of this project.

MLflow stores this file beside the scorer's plain files and runs it when the model is loaded, so that a logged
model keeps working whatever becomes of the code that made it. Among those files are copies of ``models/arithmetic.py``
and ``models/course_filter.py``, loaded under no name: two models in one process each compute by their own lines. It
reads a table with ``stage``, ``patience_days``, ``as_of_day`` (days since 1970, UTC), one column per signal and, where
the scorer reads courses, ``traits`` and ``course``;
``tests/models/test_registry.py`` holds it to the same answers as ``models/scorer.py``.
"""

import json
import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel


class PyfuncScorer(PythonModel):
    """Win probability, P(won and lost within some days) and stall risk, with bounds, for rows of signals."""

    def load_context(self, context: Any) -> None:
        """Read the card, the arithmetic and the trees from the model's own folder."""
        folder = Path(context.artifacts["scorer"])
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        self.arithmetic, self.filter = (_module(folder / name) for name in ("arithmetic.py", "course_filter.py"))
        self.trees = {path.stem: lgb.Booster(model_file=str(path)) for path in folder.glob("*.txt")}

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row of probabilities per row of ``model_input``."""
        if self.card["course"]:
            model_input = model_input.assign(**self._readings(model_input, self.card["course"]))
        win, stalled = (self._probability(event, self.card[event], model_input) for event in ("win", "stall"))
        closing = self.card["closing"]
        signals = self.arithmetic.PACE_SIGNALS
        shares = self.arithmetic.closing_shares(
            model_input["stage"].tolist(),
            *(model_input[name].to_numpy(np.float64) for name in ("days_to_close_date", "as_of_day")),
            model_input[list(signals)].to_numpy(np.float64),
            closing,
        )
        low, high, default = self.card["patience"]
        patience = np.clip(np.nan_to_num(model_input["patience_days"].to_numpy(np.float64), nan=default), low, high)
        won, lost, lost_then = self.arithmetic.whole(win, shares, stalled, patience)
        columns = {"win_probability": win}
        for name, within in (("won", won), ("lost", lost)):
            for days in closing["knots_days"]:
                there = np.full(len(within), float(days))
                columns[f"{name}_within_{days}d"] = self.arithmetic.at_days(within, shares[0], there)
        columns |= {"stall_risk": stalled, "lost_in_patience": lost_then}
        return pd.DataFrame(columns | {"moved_in_patience": np.maximum(1 - stalled - lost_then, 0)})

    def _readings(self, rows: pd.DataFrame, card: dict[str, Any]) -> dict[str, np.ndarray]:
        found = self.filter.read(
            rows["course"].tolist(),
            rows["traits"].tolist(),
            card,
        )
        return dict(zip(card["readings"], found.T, strict=True))

    def _probability(self, name: str, card: dict[str, Any], rows: pd.DataFrame) -> np.ndarray:
        found = self._pooled(name, card, rows)
        for place, (pipeline, own) in enumerate(card["own"].items()):
            mine = rows["stage"].str.startswith(f"{pipeline}/").to_numpy()
            found[mine] = self._pooled(f"{name}.{place}", own, rows[mine])
        return found

    def _pooled(self, name: str, card: dict[str, Any], rows: pd.DataFrame) -> np.ndarray:
        slopes, rate = card["calibration"]["slopes"], card["stage_rate"]
        if not slopes:
            if not rate["by_stage"]:
                return np.full(len(rows), np.nan)
            return np.array([rate["by_stage"].get(stage, rate["base"]) for stage in rows["stage"]], dtype=np.float64)
        matrix = rows[card["signals"]].to_numpy(np.float32)
        raw = {}
        if card["line"]:
            raw["logistic"] = card["line"]["intercept"] + self.arithmetic.line_parts(matrix, card["line"]).sum(axis=1)
        if name in self.trees:
            raw["lightgbm"] = self._added(name, matrix)
        if f"{name}.beyond" in self.trees:
            raw["lightgbm beyond logistic"] = raw["logistic"] + self._added(f"{name}.beyond", matrix)
        parts = [slope * raw[name] for name, slope in slopes.items()]
        return self.arithmetic.probability(np.add.reduce(parts) + card["calibration"]["intercept"])

    def _added(self, trees: str, matrix: np.ndarray) -> np.ndarray:
        said = self.trees[trees].predict(matrix, raw_score=True) if len(matrix) else np.empty(0)
        return np.asarray(said, dtype=np.float64)


def _module(path: Path) -> SimpleNamespace:
    """The functions of a file, run without leaving compiled code beside it: the folder's digest must stay."""
    return SimpleNamespace(**runpy.run_path(str(path)))


mlflow.models.set_model(PyfuncScorer())
