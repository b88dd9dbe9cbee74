"""How MLflow is reached: a database in a file of this machine, or a server; by ``MLFLOW_TRACKING_URI`` alone."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from crm.errors import RegistryError

EXPERIMENT = "plumbline"


def connect(tracking_uri: str) -> None:
    """Use the tracking server and this project's experiment, made where it is missing.

    Inside ``mlflow run`` the run and its experiment are given already.
    """
    database = database_file(tracking_uri)
    if database:
        database.parent.mkdir(parents=True, exist_ok=True)
    use(tracking_uri)
    if "MLFLOW_RUN_ID" in os.environ or mlflow.get_experiment_by_name(EXPERIMENT):
        if "MLFLOW_RUN_ID" not in os.environ:
            mlflow.set_experiment(EXPERIMENT)
        return
    place = (database.parent / "mlartifacts").as_uri() if database else None
    mlflow.set_experiment(experiment_id=mlflow.create_experiment(EXPERIMENT, artifact_location=place))


def use(tracking_uri: str) -> None:
    """Point MLflow to the server, and keep its progress bars and notices out of our users' terminal."""
    _refuse_folder(tracking_uri)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # MLflow's own default waits for four minutes before it says that nobody answers.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(tracking_uri)


def database_file(tracking_uri: str) -> Path | None:
    """The file of an embedded tracking database; None for a server."""
    database = make_url(tracking_uri).database if tracking_uri.startswith("sqlite:") else None
    if database and Path(database).is_dir():  # MLflow would try for minutes
        raise RegistryError(f"{database} is a folder; name a file in MLFLOW_TRACKING_URI, such as {database}/mlflow.db")
    return Path(database).resolve() if database else None


@contextmanager
def in_one_sentence() -> Iterator[None]:
    """Turn what MLflow raises into a ``RegistryError``; its text is not quoted, it may hold a password."""
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        raise RegistryError(
            "MLflow cannot be reached or used; check MLFLOW_TRACKING_URI, "
            "and that the server or the file it names is there and lets this user in"
        ) from error


def _refuse_folder(tracking_uri: str) -> None:
    """MLflow itself no longer keeps runs as files of a folder, unless told to by a variable of its own."""
    parts = urlsplit(tracking_uri)
    if parts.scheme not in ("", "file") or os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() == "true":
        return
    folder = unquote(parts.path) or "build"
    raise RegistryError(
        f'MLFLOW_TRACKING_URI is "{tracking_uri}", a folder, in which MLflow no longer keeps runs as files; '
        f"write sqlite:///{folder.rstrip('/')}/mlflow.db, and all is kept in that folder "
        "(`mlflow migrate-filestore` takes over what is there)"
    )
