"""Where trained scorers are kept: MLflow's tracking and its model registry. The one place that talks to MLflow."""

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from crm.errors import NoModelError, RegistryError
from models.scorer import Scorer, load_scorer

MODEL = "plumbline-scorer"
CHAMPION = "champion"
EXPERIMENT = "plumbline"
_PYFUNC = Path(__file__).with_name("pyfunc_scorer.py")
_NEEDS = ("mlflow", "lightgbm", "numpy", "pandas")


@dataclass(frozen=True)
class Logged:
    """Where a training run ended up."""

    run_id: str
    model_version: str


@dataclass(frozen=True)
class Training:
    """What one training run leaves behind besides its scorer; figures are matplotlib's."""

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    figures: Mapping[str, Any]
    tables: Mapping[str, pd.DataFrame]
    example: pd.DataFrame


def log_and_promote(tracking_uri: str, scorer: Scorer, training: Training) -> Logged:
    """Log a run with its scorer, register it, and move the alias ``champion``; raises ``RegistryError``."""
    with _sentence():
        return _logged(tracking_uri, scorer, training)


def _logged(tracking_uri: str, scorer: Scorer, training: Training) -> Logged:
    _connect(tracking_uri)
    with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
        mlflow.log_params(dict(training.parameters))
        mlflow.set_tags({"scorer_version": scorer.version, "rung": scorer.win.rung, "note": scorer.note})
        mlflow.log_metrics(dict(training.metrics))
        for name, figure in training.figures.items():
            mlflow.log_figure(figure, f"figures/{name}.png")
        for name, table in training.tables.items():
            mlflow.log_text(table.to_csv(index=False), f"tables/{name}.csv")
        scorer.save(Path(folder) / "scorer")
        logged = _log_model(scorer, training.example, Path(folder) / "scorer")
        return Logged(run.info.run_id, _promote(logged.model_uri, run.info.run_id))


def load_champion(tracking_uri: str) -> Scorer:
    """Load the scorer that the alias ``champion`` points to.

    Raises
    ------
    NoModelError
        There is none.
    RegistryError
        MLflow cannot be reached.
    """
    database = _sqlite_file(tracking_uri)
    if database and not database.exists():  # MLflow would make one, slowly, only to find it empty
        raise _no_champion()
    with _sentence():
        _use(tracking_uri)
        found = _champion_version()
        with tempfile.TemporaryDirectory() as folder:
            uri = f"models:/{MODEL}/{found.version}"
            local = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)
            return load_scorer(Path(local) / "artifacts" / "scorer")


def _champion_version() -> Any:
    try:
        return mlflow.MlflowClient().get_model_version_by_alias(MODEL, CHAMPION)
    except MlflowException as error:
        # What MLflow says of a model, and of an alias, that is not there; of anything else it says something else.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise _no_champion() from error
        raise


@contextmanager
def _sentence() -> Iterator[None]:
    """Turn what MLflow raises into a ``RegistryError``; its text is not quoted, it may hold a password."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise RegistryError(
            "MLflow cannot be reached or used; check MLFLOW_TRACKING_URI, "
            "and that the server or the file it names is there and lets this user in"
        ) from error


def _no_champion() -> NoModelError:
    return NoModelError(
        f"there is no model {MODEL} with the alias {CHAMPION} at the tracking server; train one with "
        "`plumbline train`, or set MLFLOW_TRACKING_URI to where it is"
    )


def _sqlite_file(tracking_uri: str) -> Path | None:
    """The file of an embedded tracking database; None for a server."""
    database = make_url(tracking_uri).database if tracking_uri.startswith("sqlite:") else None
    if database and Path(database).is_dir():  # MLflow would try for minutes
        raise RegistryError(f"{database} is a folder; name a file in MLFLOW_TRACKING_URI, such as {database}/mlflow.db")
    return Path(database).resolve() if database else None


def _use(tracking_uri: str) -> None:
    """Point MLflow to the server, and keep its progress bars and notices out of our users' terminal."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own default waits for four minutes before it says that nobody answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)


def _connect(tracking_uri: str) -> None:
    """Use the tracking server; inside ``mlflow run`` the run and its experiment are given already."""
    database = _sqlite_file(tracking_uri)
    if database:
        database.parent.mkdir(parents=True, exist_ok=True)
    _use(tracking_uri)
    if "MLFLOW_RUN_ID" in os.environ or mlflow.get_experiment_by_name(EXPERIMENT):
        if "MLFLOW_RUN_ID" not in os.environ:
            mlflow.set_experiment(EXPERIMENT)
        return
    place = (database.parent / "mlartifacts").as_uri() if database else None
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(EXPERIMENT, artifact_location=place))


def _promote(model_uri: str, run_id: str) -> str:
    """Register a logged model and let the alias point to it; returns its number in the registry."""
    client = mlflow.MlflowClient()
    if not client.search_registered_models(filter_string=f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    registered = client.create_model_version(MODEL, source=model_uri, run_id=run_id)
    client.set_registered_model_alias(MODEL, CHAMPION, registered.version)
    return str(registered.version)


def _log_model(scorer: Scorer, example: pd.DataFrame, folder: Path) -> Any:
    signature = infer_signature(example, scorer.predictions(example))
    return mlflow.pyfunc.log_model(
        name="scorer",
        python_model=str(_PYFUNC),
        artifacts={"scorer": str(folder)},
        signature=signature,
        input_example=example,
        pip_requirements=[f"{package}=={version(package)}" for package in _NEEDS],
        metadata={"scorer_version": scorer.version, "trained_until": scorer.trained_until},
    )
