"""A real tracking server, reached over HTTP by ``MLFLOW_TRACKING_URI`` alone; and what is served when it has gone."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crm.errors import NoModelError, RegistryError
from models.scorer import Scorer
from training.dataset import Dataset
from training.plan import Plan
from training.trial import training_record, trial

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("mlflow_left_as_found")]


@contextmanager
def tracking_server(place: Path) -> Iterator[str]:
    """A tracking server of MLflow on a free port; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["mlflow", "server", "--backend-store-uri", f"sqlite:///{place}/server.db", "--workers", "1"]
    words += ["--artifacts-destination", str(place / "artifacts"), "--host", "127.0.0.1", "--port", str(port)]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{inherited['PATH']}"
    with (place / "server.log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=place, env=inherited | {"PATH": path},
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server, place / "server.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    for _ in range(240):
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    pytest.fail(f"{url} does not answer:\n{log.read_text()}")


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
