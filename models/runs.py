"""A training run as MLflow keeps it: parameters, data set, metrics, figures, tables, model card, and the scorer."""

import hashlib
import math
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature
from mlflow.utils.git_utils import get_git_commit

from models.last_good import digest
from models.registry import MODEL, register
from models.scorer import Scorer
from models.tracking import connect, in_one_sentence

_PROJECT = Path(__file__).parents[1]
_PYFUNC = Path(__file__).with_name("pyfunc_scorer.py")
_NEEDS = ("mlflow", "lightgbm", "numba", "numpy", "pandas")


@dataclass(frozen=True)
class Logged:
    """Where a training run ended up."""

    run_id: str
    model_version: str


@dataclass(frozen=True)
class Training:
    """What one training run leaves behind besides its scorer.

    Attributes
    ----------
    figures : matplotlib's, by name
    texts : files by name, such as ``model_card.md``
    data : the table of signals; its digest and schema are logged, not its rows
    example : a few rows as the logged model reads them
    tags : of the registered version
    """

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    figures: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    texts: Mapping[str, str]
    data: pd.DataFrame
    example: pd.DataFrame
    tags: Mapping[str, str] = field(default_factory=dict)


def log_challenger(tracking_uri: str, scorer: Scorer, training: Training) -> Logged:
    """Log a run with its scorer and register it under the alias ``challenger``; raises ``RegistryError``."""
    with in_one_sentence():
        connect(tracking_uri)
        with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
            _log_origin(scorer, training)
            scorer.save(Path(folder) / "scorer")
            tags = dict(training.tags) | {
                "scorer_version": scorer.version,
                "trained_until": scorer.trained_until,
                "files_digest": digest(Path(folder) / "scorer"),
            }
            model = _log_model(scorer, training.example, Path(folder) / "scorer")
            _log_quality(training, model.model_id)
            return Logged(run.info.run_id, register(model.model_uri, run.info.run_id, tags, model.model_id))


@contextmanager
def logged_run(
    tracking_uri: str, name: str, parameters: Mapping[str, object], *, nested: bool = False
) -> Iterator[None]:
    """Log what is done meanwhile as one run; within ``mlflow run``, the run that it has made.

    Names of parameters begin with the run's own (``drift.until``), for ``mlflow run`` has logged what it was given.
    """
    with in_one_sentence():
        connect(tracking_uri)
        with mlflow.start_run(run_name=name, nested=nested):
            mlflow.set_tags({"command": name, "code_version": code_version()})
            mlflow.log_params({f"{name.split()[0]}.{key}": value for key, value in parameters.items()})
            yield


def log_results(
    metrics: Mapping[str, float] | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
    texts: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    files: Sequence[Path] = (),
) -> None:
    """Add metrics, tables (as CSV), texts by file name, tags and files to the run under way."""
    mlflow.log_metrics(dict(metrics or {}))
    mlflow.set_tags(dict(tags or {}))
    for name, table in (tables or {}).items():
        mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
    for name, text in (texts or {}).items():
        mlflow.log_text(text, name)
    for file in files:
        mlflow.log_artifact(str(file))


def log_curves(curves: Mapping[int, Mapping[str, float]]) -> None:
    """Add metrics by name at each step of a curve, such as weeks to go; NaN is left out."""
    for step, values in curves.items():
        mlflow.log_metrics({name: value for name, value in values.items() if not math.isnan(value)}, step=step)


def code_version() -> str:
    """The commit of the project's folder where it is a repository, else the version of the package."""
    commit = get_git_commit(str(_PROJECT)) if (_PROJECT / ".git").exists() else None
    if commit:
        return str(commit)
    try:
        return version("plumbline")
    except PackageNotFoundError:
        return "unknown"


def data_digest(data: pd.DataFrame) -> str:
    """A digest of every value and column name of a table, 16 characters; the same rows give the same."""
    values = pd.util.hash_pandas_object(data, index=False).to_numpy()
    return hashlib.sha256(values.tobytes() + "\0".join(data.columns).encode()).hexdigest()[:16]


def _log_origin(scorer: Scorer, training: Training) -> None:
    mlflow.log_params(dict(training.parameters))
    mlflow.set_tags({"scorer_version": scorer.version, "note": scorer.note, "code_version": code_version()})
    mlflow.set_tags(dict(training.tags))
    mlflow.log_input(_described(training.data), context="training")


def _log_quality(training: Training, model_id: str) -> None:
    """To be called once the model is logged: metrics that are in the run before are linked to it by a request each."""
    mlflow.log_metrics(dict(training.metrics), model_id=model_id)
    log_results(tables=training.tables, texts=training.texts)
    for name, figure in training.figures.items():
        mlflow.log_figure(figure, f"figures/{name}.png")


def _described(data: pd.DataFrame) -> Any:
    """The data set as MLflow describes it; its schema knows no time zones, and all ours are UTC."""
    naive = {name: column.dt.tz_convert(None) for name, column in data.select_dtypes("datetimetz").items()}
    return from_pandas(data.assign(**naive), name="snapshots", digest=data_digest(data))


def _log_model(scorer: Scorer, example: pd.DataFrame, folder: Path) -> Any:
    signature = infer_signature(example, scorer.predictions(example))
    with _without_bytecode():
        return mlflow.pyfunc.log_model(
            name="scorer",
            python_model=str(_PYFUNC),
            artifacts={"scorer": str(folder)},
            signature=signature,
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in _NEEDS],
            metadata={"scorer_version": scorer.version, "trained_until": scorer.trained_until, "model": MODEL},
        )


@contextmanager
def _without_bytecode() -> Iterator[None]:
    """MLflow tries a model before it stores it; compiled code left by that, with our paths in it, is not to be kept."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = before
