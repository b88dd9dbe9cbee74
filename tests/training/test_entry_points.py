"""The commands as a data scientist runs them: through MLflow, each in a process of its own, and by hand."""

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import plumbline
from crm.simulate import Simulation
from crm.store import open_store
from features.manifest import BuildFolder
from features.signals import SIGNALS
from models.scorer import Scorer
from tests.mlflow_server import running
from training.dataset import Dataset

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("mlflow_left_as_found")]

ROOT = Path(__file__).resolve().parents[2]
Ran = subprocess.CompletedProcess[str]
Command = Callable[..., Ran]


def environment(place: Path) -> dict[str, str]:
    """Where the store and the registry of a test lie; the commands are those of this very environment."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PLUMBLINE_STORE_URL": f"sqlite:///{place}/plumbline.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db",
        "MLFLOW_EXPERIMENT_NAME": "plumbline",
        "PLUMBLINE_BUILD_DIR": str(place),
    }


def command_in(place: Path) -> Command:
    """Run a command from the project's root against the store and the registry in ``place``."""

    def run(*words: str) -> Ran:
        done = subprocess.run(words, cwd=ROOT, env=environment(place), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


def said_here(place: Path, *words: str, fails: bool = False) -> str:
    """What ``plumbline`` says, run in this very process: the modules are loaded already."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
        for name, value in environment(place).items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["plumbline", *words])
        with pytest.raises(SystemExit) as ended:
            plumbline.main()
    assert bool(ended.value.code) == fails, said.getvalue()
    return said.getvalue()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, small_company: Simulation) -> Path:
    """A folder with the company's store, on which `plumbline train` was run."""
    folder = tmp_path_factory.mktemp("place")
    store = open_store(f"sqlite:///{folder}/plumbline.db")
    for name, rows in small_company.tables.items():
        store.write(name, rows)
    store.close()
    said = said_here(folder, "train", "--until", "2026-11-16")
    assert f"champion: version 1 ({champion(folder).version})" in said
    return folder


@pytest.fixture(scope="module")
def command(place: Path) -> Command:
    """Run a command against that folder."""
    return command_in(place)


def mlflow_run(entry_point: str, **parameters: str) -> list[str]:
    """``mlflow run`` of an entry point, in the environment that is there."""
    given = [word for name, value in parameters.items() for word in ("-P", f"{name}={value}")]
    return ["mlflow", "run", ".", "-e", entry_point, "--env-manager", "local", *given]


@pytest.fixture
def project_run(place: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The same through MLflow's Python interface, which starts the entry point alike; gives what it printed."""
    import mlflow

    def run(entry_point: str, **parameters: str) -> str:
        mlflow.set_tracking_uri(None)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment(place).items():
                patch.setenv(name, value)
            mlflow.projects.run(str(ROOT), entry_point, parameters=parameters, env_manager="local")
        return capfd.readouterr().out

    return run


def champion(place: Path) -> Scorer:
    """The champion in the folder's registry."""
    from models.registry import load_champion

    return load_champion(f"sqlite:///{place}/mlflow.db")


def served(place: Path) -> AbstractContextManager[str]:
    """Serve the champion with ``mlflow models serve``; gives its address."""
    words = ["mlflow", "models", "serve", "-m", "models:/plumbline-scorer@champion", "--env-manager", "local"]
    return running(words, place, environment(place))


def test_plumbline_train_registers_the_champion(place: Path) -> None:
    found = champion(place)
    assert "lightgbm" in found.win.rung
    assert (found.trained_until, found.note) == ("2026-11-16", "")


def test_mlflow_run_trains_with_a_plan_and_only_registers_where_asked(
    place: Path, command: Command, tmp_path: Path
) -> None:
    import mlflow

    (tmp_path / "plan.yaml").write_text("booster: {num_leaves: 5}")
    plan = str(tmp_path / "plan.yaml")
    done = command(*mlflow_run("train", until="2026-11-16", plan=plan, promote="no-promote"))
    assert "challenger: version 2 is registered" in done.stdout
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place}/mlflow.db")
    registered = client.get_model_version_by_alias("plumbline-scorer", "challenger")
    run = client.get_run(registered.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["mlflow.project.entryPoint"] == "train"
    assert run.data.params["booster.num_leaves"] == "5"
    assert "win_log_loss_stage_rate" in run.data.metrics
    assert client.get_model_version_by_alias("plumbline-scorer", "champion").version == 1


def test_mlflow_run_compares_and_promotes_and_goes_back(place: Path, project_run: Callable[..., str]) -> None:
    said = project_run("compare", until="2026-11-16", versions="champion 2")
    assert "champion (version 1): judged by its rehearsal" in said
    before = champion(place).version
    project_run("promote", how="force", version="2", reason="to see")
    assert champion(place).version != before
    assert "champion: version 1 (rollback, by" in said_here(place, "promote", "--rollback")
    assert champion(place).version == before


def test_mlflow_run_looks_for_drift_and_finds_none(place: Path, project_run: Callable[..., str]) -> None:
    said = project_run("drift", until="2026-11-16")
    assert "Recommendation: nothing to do." in said
    assert json.loads((place / "drift" / "drift.json").read_text())["to_blame"] == []


def test_mlflow_run_tunes_in_nested_runs_and_writes_a_plan_for_train(
    place: Path, project_run: Callable[..., str]
) -> None:
    import mlflow

    said = project_run("tune", until="2026-11-16", trials="1")
    assert "1 trials run, 0 were there already" in said
    assert "booster:" in (place / "plan.yaml").read_text()
    client = mlflow.MlflowClient(tracking_uri=f"sqlite:///{place}/mlflow.db")
    experiment = client.get_experiment_by_name("plumbline").experiment_id
    (trial,) = client.search_runs([experiment], "tags.mlflow.runName = 'trial 0'")
    assert trial.data.metrics["blocks"] == 3
    assert client.get_run(trial.data.tags["mlflow.parentRunId"]).data.tags["mlflow.project.entryPoint"] == "tune"
    again = said_here(place, "tune", "--until", "2026-11-16", "--trials", "1")
    assert "0 trials run, 1 were there already" in again


def test_mlflow_run_evaluates_and_leaves_nothing_in_the_project(place: Path, project_run: Callable[..., str]) -> None:
    said = project_run("evaluate", until="2026-11-16")
    assert "not enough data: no deal was won and lost since" in said
    assert {path.name for path in place.iterdir() if path.is_dir()} == {"mlartifacts", "drift"}
    assert not (ROOT / "mlruns").exists()


def test_mlflow_run_writes_the_snapshots(
    project_run: Callable[..., str], tmp_path: Path, small_dataset: Dataset
) -> None:
    project_run("features", until="2026-11-16", out=str(tmp_path / "features"))
    folder = BuildFolder(str(tmp_path / "features"))
    built = folder.current()
    rows = folder.dataset(built.files).to_table().to_pandas()
    signals = small_dataset.signals
    assert np.array_equal(rows[signals].to_numpy(), small_dataset.table[signals].to_numpy(np.float32), equal_nan=True)
    labels = folder.dataset(built.labels).to_table().to_pandas()
    keys = ["deal_id", "as_of"]
    assert labels[keys].equals(rows[keys])
    seen = small_dataset.labels(small_dataset.until)
    for name in ("won", "days_to_close", "stalled"):
        np.testing.assert_array_equal(labels[name], getattr(seen, name))


def test_mlflow_run_scores_into_the_ledger(place: Path, project_run: Callable[..., str]) -> None:
    project_run("score", as_of="2026-11-16")
    store = open_store(f"sqlite:///{place}/plumbline.db")
    scores = store.read("scores")
    store.close()
    scores = scores[scores["as_of"] == pd.Timestamp("2026-11-16", tz="UTC")]
    assert len(scores) > 20
    assert set(scores["model_version"]) == {champion(place).version}


def test_no_instant_before_the_training_is_scored(place: Path) -> None:
    said = said_here(place, "score", "--weekly-since", "2026-11-02", "--as-of", "2026-11-16", fails=True)
    assert "known until 2026-11-16, so it cannot say what would have been said on 2026-11-02" in said
    assert len(said.splitlines()) == 1


def test_mlflow_serves_the_champion_with_the_same_answers(place: Path, small_dataset: Dataset) -> None:
    rows = small_dataset.table[["stage", "patience_days", "as_of_day", *SIGNALS]].tail(5).reset_index(drop=True)
    with_nulls = json.loads(rows.to_json(orient="split", double_precision=15))
    body = json.dumps({"dataframe_split": {"columns": with_nulls["columns"], "data": with_nulls["data"]}}).encode()
    with served(place) as url:
        request = urllib.request.Request(f"{url}/invocations", body, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            said = pd.DataFrame(json.load(answer)["predictions"])
    ours = champion(place).predictions(rows)
    assert list(said.columns) == list(ours.columns)
    assert said.to_numpy() == pytest.approx(ours.to_numpy(), abs=1e-9)


def test_without_a_model_the_command_says_what_to_do_in_one_sentence(tmp_path: Path) -> None:
    said = said_here(tmp_path, "score", fails=True)
    assert said.startswith("plumbline: there is no model plumbline-scorer with the alias champion")
    assert len(said.splitlines()) == 1


def test_an_empty_store_is_said_to_be_empty_in_one_sentence(tmp_path: Path) -> None:
    said = said_here(tmp_path, "train", fails=True)
    assert said == "plumbline: the store holds no deals; import some first with `plumbline import`\n"


def test_a_day_that_is_none_is_refused_without_a_traceback(tmp_path: Path) -> None:
    said = said_here(tmp_path, "train", "--until", "16.11.2026", fails=True)
    assert "is not a day" in said
    assert "Traceback" not in said
