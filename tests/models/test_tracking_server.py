"""A real tracking server, reached over HTTP by ``MLFLOW_TRACKING_URI`` alone; and what is served when it has gone."""

import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from crm.errors import NoModelError, RegistryError
from models.scorer import Scorer
from tests.mlflow_server import running
from training.dataset import Dataset
from training.plan import Plan
from training.trial import training_record, trial

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("mlflow_left_as_found")]


def tracking_server(place: Path) -> AbstractContextManager[str]:
    """A tracking server of MLflow; gives its address."""
    words = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{place}/server.db", "--workers", "1"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    return running([*words, "--artifacts-destination", str(place / "artifacts")], place, inherited | {"PATH": path})


def test_a_server_keeps_and_gives_the_champion_and_its_copy_is_served_when_it_has_gone(
    stage_scorer: Scorer, dataset: Dataset, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.registry import load_champion
    from models.runs import log_challenger
    from serving.champion import champion_or_last_good
    from training.promote import promote_challenger

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    record = training_record(stage_scorer, dataset, plan, trial(stage_scorer, dataset, plan))
    with tracking_server(tmp_path) as uri:
        with pytest.raises(NoModelError, match="no model plumbline-scorer with the alias champion"):
            load_champion(uri)
        log_challenger(uri, stage_scorer, record)
        promote_challenger(uri)
        assert load_champion(uri).version == stage_scorer.version
        assert champion_or_last_good(uri, tmp_path / "build")[1] == ""
    assert list((tmp_path / "artifacts").rglob("card.json"))
    with pytest.raises(RegistryError, match="MLflow cannot be reached"):
        load_champion(uri)
    kept, note = champion_or_last_good(uri, tmp_path / "build")
    assert kept.version == stage_scorer.version
    assert "MLflow cannot be reached" in note
