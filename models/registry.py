"""The registry: one registered model, whose versions are trained scorers; the alias ``champion`` is what is served.

Every change of champion is kept as a tag of the registered model, so that any of them can be undone and explained.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import mlflow
from mlflow.exceptions import MlflowException

from crm.errors import NoModelError
from models.last_good import read_scorer
from models.scorer import Scorer
from models.tracking import database_file, in_one_sentence, use

MODEL = "plumbline-scorer"
CHAMPION, CHALLENGER = "champion", "challenger"
_PROMOTION = "promotion_"


@dataclass(frozen=True)
class Registered:
    """One version of the model, and what it is tagged with."""

    version: str
    run_id: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Promotion:
    """One change of champion: which version, when (ISO 8601, UTC), by whom, how, and why."""

    version: str
    at: str
    by: str
    how: Literal["gate", "forced", "rollback"]
    why: str


def load_champion(tracking_uri: str) -> Scorer:
    """Load the scorer that the alias ``champion`` points to.

    Raises
    ------
    NoModelError
        There is none.
    RegistryError
        MLflow cannot be reached, or the scorer's files are damaged.
    """
    return load_registered(tracking_uri, CHAMPION)


def load_registered(tracking_uri: str, which: str) -> Scorer:
    """Load a scorer by alias (``champion``, ``challenger``) or number; raises as ``load_champion``."""
    found = registered(tracking_uri, which)
    with in_one_sentence(), tempfile.TemporaryDirectory() as folder:
        uri = f"models:/{MODEL}/{found.version}"
        local = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder)
        files = Path(local) / "artifacts" / "scorer"
        return read_scorer(files, f"version {found.version}", found.tags.get("files_digest", ""))


def registered(tracking_uri: str, which: str) -> Registered:
    """What the registry says of a version, by alias or number; raises as ``load_champion``."""
    database = database_file(tracking_uri)
    if database and not database.exists():  # MLflow would make one, slowly, only to find it empty
        raise _not_there(which)
    with in_one_sentence():
        use(tracking_uri)
        try:
            client = mlflow.MlflowClient()
            by_number = which.isdecimal()
            found = (
                client.get_model_version(MODEL, which) if by_number else client.get_model_version_by_alias(MODEL, which)
            )
        except MlflowException as error:
            # What MLflow says of a model, and of an alias, that is not there; of anything else it says something else.
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise _not_there(which) from error
            raise
        return Registered(str(found.version), str(found.run_id), dict(found.tags))


def run_text(tracking_uri: str, run_id: str, name: str) -> str:
    """A text file that a run has logged, such as ``plan.json``; empty where it has not."""
    with in_one_sentence():
        use(tracking_uri)
        if name not in {file.path for file in mlflow.MlflowClient().list_artifacts(run_id)}:
            return ""
        return str(mlflow.artifacts.load_text(f"runs:/{run_id}/{name}"))


def register(model_uri: str, run_id: str, tags: Mapping[str, str], model_id: str | None = None) -> str:
    """Register a logged model under the alias ``challenger``; returns its number in the registry.

    A server asks for ``model_id``, as MLflow gave it when the model was logged.
    """
    client = mlflow.MlflowClient()
    if not client.search_registered_models(filter_string=f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    made = client.create_model_version(MODEL, source=model_uri, run_id=run_id, tags=dict(tags), model_id=model_id)
    client.set_registered_model_alias(MODEL, CHALLENGER, made.version)
    return str(made.version)


def promote(tracking_uri: str, promotion: Promotion) -> None:
    """Let the alias ``champion`` point to a version, and keep who did it, when and why; raises ``RegistryError``."""
    with in_one_sentence():
        use(tracking_uri)
        client = mlflow.MlflowClient()
        model = client.get_registered_model(MODEL)
        number = sum(name.startswith(_PROMOTION) for name in model.tags) + 1
        if number == 1 and CHAMPION in model.aliases:  # promoted before traces were kept, or by MLflow's own means
            before = Promotion(str(model.aliases[CHAMPION]), promotion.at, "unknown", "gate", "in office before")
            client.set_registered_model_tag(MODEL, f"{_PROMOTION}{number:06d}", json.dumps(asdict(before)))
            number += 1
        kept = json.dumps(asdict(promotion))
        # The trace comes first: a champion without one could not be explained, a trace without a champion can.
        client.set_registered_model_tag(MODEL, f"{_PROMOTION}{number:06d}", kept)
        client.set_model_version_tag(MODEL, promotion.version, f"promoted_{promotion.how}", kept)
        client.set_registered_model_alias(MODEL, CHAMPION, promotion.version)
        if str(model.aliases.get(CHALLENGER, "")) == promotion.version:
            client.delete_registered_model_alias(MODEL, CHALLENGER)


def promotions(tracking_uri: str) -> list[Promotion]:
    """Every change of champion, in order; raises ``RegistryError``."""
    with in_one_sentence():
        use(tracking_uri)
        found = mlflow.MlflowClient().search_registered_models(filter_string=f"name = '{MODEL}'")
        tags: dict[str, Any] = dict(found[0].tags) if found else {}
    return [Promotion(**json.loads(tags[name])) for name in sorted(tags) if name.startswith(_PROMOTION)]


def previous_champion(history: list[Promotion]) -> str:
    """The version that was champion before the present one; a rollback undoes one promotion, the next another.

    Raises
    ------
    NoModelError
        There was none before.

    >>> def promotion(version, how="gate"):
    ...     return Promotion(version, "2026-11-16T09:00:00+00:00", "ann", how, "")
    >>> previous_champion([promotion("1"), promotion("2"), promotion("3")])
    '2'
    >>> previous_champion([promotion("1"), promotion("2"), promotion("3"), promotion("2", "rollback")])
    '1'
    """
    in_force: list[str] = []
    for one in history:
        if one.how == "rollback":
            in_force.pop()
        elif not in_force or in_force[-1] != one.version:
            in_force.append(one.version)
    if len(in_force) < 2:
        raise NoModelError("there was no champion before this one, so there is none to go back to")
    return in_force[-2]


def _not_there(which: str) -> NoModelError:
    named = f"version {which}" if which.isdecimal() else f"model with the alias {which}"
    if which == CHAMPION:
        named = f"model {MODEL} with the alias {which}"
    return NoModelError(
        f"there is no {named} at the tracking server; train one with "
        "`plumbline train`, or set MLFLOW_TRACKING_URI to where it is"
    )
