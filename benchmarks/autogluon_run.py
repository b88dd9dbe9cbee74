"""AutoGluon in its own environment: ``python -E autogluon_run.py FOLDER SECONDS``; knows nothing of this project.

Reads ``train.parquet`` and ``test.parquet``; writes ``said.npy``, the probability of each test row. Its last line is a
JSON object: processor seconds of fitting and of predicting, children included, and how many models it made.
"""

import json
import resource
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from autogluon.tabular import TabularPredictor

LABEL, WEIGHT, GROUP = "happened", "weight", "fold"


def processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    train, test = (pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "test"))
    started = processor_s()
    predictor = TabularPredictor(
        label=LABEL,
        problem_type="binary",
        eval_metric="log_loss",
        sample_weight=WEIGHT,
        groups=GROUP if GROUP in train else None,
        path=str(folder / "models"),
        verbosity=1,
    )
    predictor.fit(train, presets="best_quality", time_limit=seconds, num_cpus=2, dynamic_stacking=False)
    fitted = processor_s()
    said = predictor.predict_proba(test.drop(columns=[LABEL, WEIGHT, GROUP], errors="ignore"))[1].to_numpy()
    predicted = processor_s()
    np.save(folder / "said.npy", said)
    found = {"fit_s": fitted - started, "predict_s": predicted - fitted, "n_models": len(predictor.model_names())}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
