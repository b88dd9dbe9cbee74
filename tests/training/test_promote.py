"""Promotion in a real registry: the gate's verdict counts, force leaves a trace, rollback is one command."""

from pathlib import Path

import pytest

from crm.errors import GateError, NoModelError
from training.promote import force, main, promote_challenger, roll_back

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("mlflow_left_as_found")]


@pytest.fixture
def uri(tmp_path: Path, template: Path) -> str:
    """A registry without versions; copied, for making one takes MLflow seconds."""
    (tmp_path / "mlflow.db").write_bytes(template.read_bytes())
    return f"sqlite:///{tmp_path}/mlflow.db"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import mlflow

    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_registered_models()
    return path


def challenger(uri: str, gate: str, against: str = "") -> str:
    """Register a version that the gate has judged so, against that champion."""
    from models.registry import register
    from models.tracking import use

    use(uri)
    tags = {"gate": gate, "gate_says": f"The gate says: {gate}.", "gate_champion_version": against}
    return register("file:///nowhere", "", tags)


def in_office(uri: str) -> str:
    from models.registry import registered

    return registered(uri, "champion").version


def test_what_passed_is_promoted_and_is_no_challenger_any_more(uri: str) -> None:
    challenger(uri, "passed")
    done = promote_challenger(uri)
    assert (done.version, done.how, done.why) == ("1", "gate", "The gate says: passed.")
    assert in_office(uri) == "1"
    with pytest.raises(NoModelError, match="no model with the alias challenger"):
        promote_challenger(uri)


def test_what_failed_leaves_the_champion_serving_and_can_be_forced_with_a_trace(uri: str) -> None:
    from models.registry import promotions, registered

    challenger(uri, "passed")
    promote_challenger(uri)
    challenger(uri, "failed", "1")
    with pytest.raises(GateError, match=r"version 2 did not pass.*The gate says: failed\. .*--force --reason"):
        promote_challenger(uri)
    assert in_office(uri) == "1"
    forced = force(uri, "", "the old one counts a stage that is gone")
    assert in_office(uri) == "2"
    assert promotions(uri)[-1] == forced
    trace = registered(uri, "2").tags["promoted_forced"]
    assert forced.by in trace
    assert forced.at in trace
    assert "counts a stage that is gone" in trace


def test_a_verdict_against_another_champion_does_not_count(uri: str) -> None:
    challenger(uri, "passed")
    promote_challenger(uri)
    challenger(uri, "passed", "1")
    first = challenger(uri, "passed", "1")
    force(uri, "2", "first come")
    assert first == "3"
    with pytest.raises(GateError, match=r"version 3 was measured against version 1, .* is now version 2; train again"):
        promote_challenger(uri)


def test_rolled_back_twice_it_is_the_one_before_the_one_before(uri: str) -> None:
    for number in range(3):
        challenger(uri, "passed", str(number or ""))
        promote_challenger(uri)
    assert [roll_back(uri, "bad scores").version for _ in range(2)] == ["2", "1"]
    with pytest.raises(NoModelError, match="no champion before this one"):
        roll_back(uri, "bad scores")


def test_a_champion_promoted_by_other_means_can_be_gone_back_to(uri: str) -> None:
    import mlflow

    challenger(uri, "passed")
    mlflow.MlflowClient(uri).set_registered_model_alias("plumbline-scorer", "champion", "1")
    challenger(uri, "passed", "1")
    promote_challenger(uri)
    assert roll_back(uri, "").version == "1"


def test_the_command_refuses_what_is_not_clear(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    for given, says in (
        (("force", "", "", False), "to force needs --reason"),
        (("gate", "3", "", False), "--version goes with force"),
        (("push", "", "", False), "write gate, force or rollback"),
    ):
        with pytest.raises(typer.BadParameter, match=says):
            main(*given)
