"""The scorer as MLflow serves it: one file that needs lightgbm, numpy, pandas and mlflow, nothing of this project.

MLflow stores this file beside the scorer's plain files and runs it when the model is loaded, so that a logged
model keeps working whatever becomes of the code that made it. It reads a table with ``stage`` and one column
per signal; ``tests/models/test_registry.py`` holds it to the same answers as ``models/scorer.py``.
"""

import json
from pathlib import Path
from typing import Any

import lightgbm as lgb
import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc import PythonModel


class PyfuncScorer(PythonModel):
    """Win probability, P(won within some days) and stall risk for rows of signals."""

    def load_context(self, context: Any) -> None:
        """Read the card and the trees from the model's own folder."""
        folder = Path(context.artifacts["scorer"])
        self.card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        self.trees = {
            event: lgb.Booster(model_file=str(folder / f"{event}.txt"))
            for event in ("win", "stall")
            if (folder / f"{event}.txt").exists()
        }

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """One row of probabilities per row of ``model_input``."""
        win = self._probability("win", model_input)
        shares = self._closing(model_input)
        knots = enumerate(self.card["closing"]["knots_days"])
        within = {f"won_within_{days}d": win * shares[:, place] for place, days in knots}
        stalled = self._probability("stall", model_input)
        return pd.DataFrame({"win_probability": win, **within, "stall_risk": stalled})

    def _closing(self, rows: pd.DataFrame) -> np.ndarray:
        closing = self.card["closing"]
        if not closing["n_seen"]:
            days = np.nan_to_num(rows["days_to_close_date"].to_numpy(np.float64), nan=0.0)
            return (np.array(closing["knots_days"]) >= days[:, None]).astype(np.float64)
        shares = [closing["by_stage"].get(stage, closing["overall"]) for stage in rows["stage"]]
        return np.array(shares, dtype=np.float64).reshape(len(rows), len(closing["knots_days"]))

    def _probability(self, event: str, rows: pd.DataFrame) -> np.ndarray:
        card = self.card[event]
        if event not in self.trees:
            rate = card["stage_rate"]
            if not rate["by_stage"]:
                return np.full(len(rows), np.nan)
            return np.array([rate["by_stage"].get(stage, rate["base"]) for stage in rows["stage"]], dtype=np.float64)
        if not len(rows):
            return np.empty(0)
        raw = self.trees[event].predict(rows[card["signals"]].to_numpy(np.float32), raw_score=True)
        line = card["calibration"]
        return 1 / (1 + np.exp(-(line["slope"] * np.asarray(raw) + line["intercept"])))


mlflow.models.set_model(PyfuncScorer())
