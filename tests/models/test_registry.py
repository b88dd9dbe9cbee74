"""The registry: what is logged can be read, loaded and served without this project; the champion moves as one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crm.errors import NoModelError, RegistryError
from features.signals import SIGNALS
from models.scorer import Scorer
from training.dataset import Dataset
from training.fit import Fit
from training.plan import Plan
from training.plan_file import plan_of
from training.trial import Trial, training_record, trial

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("mlflow_left_as_found")]

CHAMPION_URI = "models:/plumbline-scorer@champion"
INPUTS = ["stage", "patience_days", "as_of_day", "traits", "course", *SIGNALS]


@pytest.fixture(scope="module")
def tried(fitted: Fit, dataset: Dataset, plan: Plan) -> Trial:
    """The shared scorer at the gate, where it is the first."""
    return trial(fitted.scorer, dataset, plan)


def log_and_promote(uri: str, scorer: Scorer, dataset: Dataset, plan: Plan, tried: Trial) -> str:
    """Log a scorer, register it and make it the champion; returns its number."""
    from models.registry import promote
    from models.runs import log_challenger
    from training.promote import by_the_gate

    logged = log_challenger(uri, scorer, training_record(scorer, dataset, plan, tried))
    promote(uri, by_the_gate(logged.model_version, tried.verdict.says))
    return logged.model_version


@pytest.fixture(scope="module")
def tracking_uri(
    tmp_path_factory: pytest.TempPathFactory, fitted: Fit, dataset: Dataset, plan: Plan, tried: Trial
) -> str:
    """A registry of its own, to which the shared scorer was logged."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('tracking')}/deep/mlflow.db"
    log_and_promote(uri, fitted.scorer, dataset, plan, tried)
    return uri


@pytest.fixture(scope="module")
def rows(dataset: Dataset) -> pd.DataFrame:
    """Some snapshots as the logged model reads them."""
    return dataset.table[INPUTS].sample(40, random_state=4).reset_index(drop=True)


def run_of(tracking_uri: str):
    """The newest run of the project's experiment."""
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("plumbline")
    return client, client.search_runs([experiment.experiment_id], order_by=["attributes.start_time DESC"])[0]


def test_the_run_says_how_it_was_trained(tracking_uri: str, plan: Plan, dataset: Dataset) -> None:
    _, run = run_of(tracking_uri)
    told = {name: str(value) for name, value in plan.parameters().items()}
    assert told.items() <= run.data.params.items()
    assert run.data.params["n_snapshots"] == str(len(dataset.at))


def test_metrics_stand_beside_those_of_every_rung(tracking_uri: str) -> None:
    _, run = run_of(tracking_uri)
    in_all = {
        f"{event}_{metric}{model}"
        for event in ("win", "stall")
        for metric in ("log_loss", "brier", "ece", "auc")
        for model in ("", "_stage_rate", "_base_rate")
    }
    by_segment = {name for name in run.data.metrics if "/" in name}
    assert set(run.data.metrics) - by_segment == in_all
    assert {"win/stage/new-sales_Discovery/log_loss", "stall/source/website/gap"} <= by_segment


def test_figures_and_the_table_of_metrics_are_kept(tracking_uri: str) -> None:
    client, run = run_of(tracking_uri)
    kept = {file.path for folder in ("figures", "tables") for file in client.list_artifacts(run.info.run_id, folder)}
    assert kept == {
        "figures/reliability_win.png",
        "figures/reliability_stall.png",
        "figures/signals_win.png",
        "tables/holdout_metrics.csv",
        "tables/by_segment.csv",
    }


def test_the_model_card_the_plan_and_the_verdict_are_kept(tracking_uri: str, tried: Trial, plan: Plan) -> None:
    from models.registry import run_text

    _, run = run_of(tracking_uri)
    kept = {name: run_text(tracking_uri, run.info.run_id, name) for name in ("model_card.md", "plan.json", "gate.json")}
    assert plan_of(kept["plan.json"]) == plan
    assert json.loads(kept["gate.json"]) == json.loads(tried.verdict.text())
    assert kept["model_card.md"].startswith("# Plumbline scorer ")
    assert run_text(tracking_uri, run.info.run_id, "none.txt") == ""


def test_the_data_set_is_logged_by_digest_and_schema_and_the_code_by_its_version(
    tracking_uri: str, dataset: Dataset
) -> None:
    from models.runs import data_digest

    _, run = run_of(tracking_uri)
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == data_digest(dataset.table)
    assert set(SIGNALS) <= {column["name"] for column in json.loads(used.dataset.schema)["mlflow_colspec"]}
    assert run.data.tags["code_version"]


def test_one_changed_value_is_another_data_set(dataset: Dataset) -> None:
    from models.runs import data_digest

    other = dataset.table.copy()
    other.loc[5, "amount"] = 1.5
    assert data_digest(other) != data_digest(dataset.table)
    assert data_digest(dataset.table.copy()) == data_digest(dataset.table)


def test_a_version_is_tagged_with_the_gates_verdict(tracking_uri: str, tried: Trial, scorer: Scorer) -> None:
    from models.registry import registered

    found = registered(tracking_uri, "champion")
    assert found.tags["gate"] == ("passed" if tried.verdict.passed else "failed")
    assert found.tags["gate_says"] == tried.verdict.says
    assert found.tags["scorer_version"] == scorer.version


def test_artifacts_lie_beside_the_database(tracking_uri: str) -> None:
    _, run = run_of(tracking_uri)
    database = Path(tracking_uri.removeprefix("sqlite:///"))
    assert run.info.artifact_uri.startswith((database.parent / "mlartifacts").as_uri())


def test_the_champion_is_the_scorer_that_was_logged(tracking_uri: str, scorer: Scorer, dataset: Dataset) -> None:
    from models.registry import load_champion

    champion = load_champion(tracking_uri)
    assert champion.version == scorer.version
    assert champion.predictions(dataset.table).equals(scorer.predictions(dataset.table))


def test_mlflow_loads_the_champion_with_the_same_answers(tracking_uri: str, scorer: Scorer, rows: pd.DataFrame) -> None:
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    loaded = mlflow.pyfunc.load_model(CHAMPION_URI)
    pd.testing.assert_frame_equal(loaded.predict(rows), scorer.predictions(rows), check_exact=True)


def test_the_model_knows_its_signature_and_an_example(tracking_uri: str, scorer: Scorer) -> None:
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    loaded = mlflow.pyfunc.load_model(CHAMPION_URI)
    assert loaded.metadata.signature.inputs.input_names() == INPUTS
    assert loaded.metadata.signature.outputs.input_names() == list(scorer.predictions(loaded.input_example).columns)
    assert len(loaded.input_example) == 3


def test_the_logged_files_are_text_and_none_is_a_pickle(
    fitted: Fit, dataset: Dataset, plan: Plan, tried: Trial, tmp_path: Path
) -> None:
    import mlflow

    # A registry that nothing was loaded from yet: MLflow compiles beside a model that it loads from a folder.
    log_and_promote(f"sqlite:///{tmp_path}/tracking/mlflow.db", fitted.scorer, dataset, plan, tried)
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=CHAMPION_URI, dst_path=f"{tmp_path}/model"))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"artifacts/scorer/card.json", "artifacts/scorer/win.txt", "artifacts/scorer/stall.txt"} <= files
    assert not [name for name in files if name.endswith((".pkl", ".pickle"))]
    for name in files:
        (folder / name).read_text("utf-8")


def test_the_model_needs_nothing_of_this_project(
    tracking_uri: str, scorer: Scorer, rows: pd.DataFrame, tmp_path: Path
) -> None:
    rows.to_parquet(tmp_path / "rows.parquet")
    code = """
import sys
root = sys.argv[1]
sys.path = [place for place in sys.path if place.rstrip("/") != root]
import mlflow, pandas
said = mlflow.pyfunc.load_model("models:/plumbline-scorer@champion").predict(pandas.read_parquet("rows.parquet"))
ours = {"crm", "features", "models", "training"} & set(sys.modules)
print(pandas.Series({"ours": sorted(ours), "said": said.to_dict("list")}).to_json(double_precision=15))
"""
    root = str(Path(__file__).resolve().parents[2])
    answer = subprocess.run(
        [sys.executable, "-I", "-c", code, root],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_TRACKING_URI": tracking_uri},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    told = json.loads(answer.stdout.splitlines()[-1])
    assert told["ours"] == []
    ours = scorer.predictions(rows)
    assert list(told["said"]) == list(ours.columns)
    assert np.column_stack(list(told["said"].values())) == pytest.approx(ours.to_numpy(), abs=1e-12)


def test_a_scorer_of_stage_rates_is_served_the_same(
    stage_scorer: Scorer, dataset: Dataset, plan: Plan, rows: pd.DataFrame, tmp_path: Path
) -> None:
    import mlflow

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    little = replace(plan, minimum_of_each=10_000)
    log_and_promote(uri, stage_scorer, dataset, little, trial(stage_scorer, dataset, little))
    loaded = mlflow.pyfunc.load_model(CHAMPION_URI)
    pd.testing.assert_frame_equal(loaded.predict(rows), stage_scorer.predictions(rows), check_exact=True)
    _, run = run_of(uri)
    assert run.data.tags["note"].startswith("not enough data")
    assert run.data.metrics["win_log_loss"] == pytest.approx(run.data.metrics["win_log_loss_stage_rate"], abs=0.02)


def test_a_second_promotion_moves_the_alias_and_each_is_kept(
    fitted: Fit, dataset: Dataset, plan: Plan, tried: Trial, tmp_path: Path
) -> None:
    from models.registry import load_champion, promotions
    from training.promote import roll_back

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    other = replace(fitted.scorer, trained_until="2026-11-17")
    assert [log_and_promote(uri, one, dataset, plan, tried) for one in (fitted.scorer, other)] == ["1", "2"]
    assert load_champion(uri).trained_until == "2026-11-17"
    assert roll_back(uri, "only to try").version == "1"
    assert load_champion(uri).trained_until == fitted.scorer.trained_until
    assert [(one.version, one.how) for one in promotions(uri)] == [("1", "gate"), ("2", "gate"), ("1", "rollback")]
    with pytest.raises(NoModelError, match="no champion before this one"):
        roll_back(uri, "once too often")


def test_damaged_files_of_the_champion_are_said_in_one_sentence(
    fitted: Fit, dataset: Dataset, plan: Plan, tried: Trial, tmp_path: Path
) -> None:
    from models.registry import load_champion

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    log_and_promote(uri, fitted.scorer, dataset, plan, tried)
    (trees,) = (tmp_path / "mlartifacts").rglob("win.txt")
    trees.write_text(trees.read_text("utf-8").replace("leaf_value=0", "leaf_value=1").replace("=-0", "=-1"), "utf-8")
    with pytest.raises(RegistryError, match=r"the files of version 1 of the model are damaged"):
        load_champion(uri)


@pytest.mark.parametrize("folder", ["{}", "file:{}", "file://{}"])
def test_a_folder_of_files_is_refused_with_what_to_write(folder: str, tmp_path: Path) -> None:
    from models.registry import load_champion

    place = tmp_path / "runs"
    with pytest.raises(RegistryError, match=rf"a folder, .*write sqlite:///{place}/mlflow\.db"):
        load_champion(folder.format(place))


def test_an_empty_registry_says_what_to_do(tmp_path: Path) -> None:
    import mlflow

    from models.registry import load_champion

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    assert not mlflow.MlflowClient().search_registered_models()
    with pytest.raises(NoModelError, match=r"no model plumbline-scorer with the alias champion.*`plumbline train`"):
        load_champion(uri)


def test_a_registry_that_is_not_there_is_not_made_by_looking(tmp_path: Path) -> None:
    from models.registry import load_champion

    with pytest.raises(NoModelError, match="train one with `plumbline train`, or set MLFLOW_TRACKING_URI"):
        load_champion(f"sqlite:///{tmp_path}/nowhere/mlflow.db")
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_is_a_folder_or_answers_nothing_is_named_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.registry import load_champion

    with pytest.raises(RegistryError, match="is a folder; name a file in MLFLOW_TRACKING_URI"):
        load_champion(f"sqlite:///{tmp_path}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(RegistryError, match=r"MLflow cannot be reached or used; check MLFLOW_TRACKING_URI") as refusal:
        load_champion("http://user:secret@127.0.0.1:1")
    assert "secret" not in str(refusal.value)
