"""README is true: its commands run, and nothing that a user can set or call is missing from it."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import plumbline
from crm.settings import Settings
from features.signals import SIGNALS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)


def own_crm_commands():
    block = next(block for block in BLOCKS if "plumbline import" in block)
    return [line for line in block.splitlines() if line.startswith("plumbline") and line != "plumbline serve"]


@pytest.mark.slow
def test_the_worked_example_runs_to_the_letter(tmp_path):
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PLUMBLINE_STORE_URL": f"sqlite:///{tmp_path}/plumbline.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "PLUMBLINE_BUILD_DIR": str(tmp_path),
    }
    said = {}
    for command in own_crm_commands():
        done = subprocess.run(shlex.split(command), cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        said[command.split(maxsplit=1)[1]] = done.stdout
    assert "not enough data" in said["train"]
    assert said["score"].startswith("3 open deals scored")
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {
        *(f"{name}.{kind}" for name in ("forecast", "at-risk", "what-changed", "accuracy") for kind in ("html", "csv")),
        *("quality.html", "quality.json", "people.html", "people.csv", "commits.csv", "categories.csv"),
        *("planning.html", "receipts.csv", "units.csv"),
    }


def test_every_make_command_exists():
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z0-9-]+)", README)) <= targets


@pytest.mark.parametrize("setting", [name for name in Settings.model_fields if name != "tracking_uri"])
def test_every_setting_is_explained(setting):
    assert f"`PLUMBLINE_{setting.upper()}`" in README


@pytest.mark.parametrize(
    "command", [command.name or command.callback.__name__ for command in plumbline.app.registered_commands]
)
def test_every_command_is_mentioned(command):
    assert f"plumbline {command}" in README


def test_every_mlproject_entry_point_is_shown():
    project = yaml.safe_load((ROOT / "MLproject").read_text(encoding="utf-8"))
    assert set(re.findall(r"mlflow run \. -e (\w+)", README)) == set(project["entry_points"])


def test_every_route_of_the_api_is_named():
    named = set(re.findall(r"`(?:GET|POST) (/v1/[^`]+)`", README))
    of_a_deal = {f"/v1/deals/{{id}}/{name}" for name in ("history", "moved", "similar", "would-help")}
    of_forecast = {f"/v1/forecast{name}" for name in ("", "/what-if", "/changes", "/categories", "/adjustments")}
    of_reports = {f"/v1/reports/{name}" for name in ("at-risk", "pace", "slips", "commits", "accuracy")}
    to_plan_by = {"/v1/planning/units", "/v1/planning/receipts"}
    assert named == {"/v1/deals", "/v1/deals/{id}", "/v1/score"} | of_a_deal | of_forecast | of_reports | to_plan_by


def test_every_link_to_a_file_leads_to_one():
    for target in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / target).exists(), f"README links to {target}, which is not there"


def test_the_number_of_signals_is_right():
    assert f"{len(SIGNALS)} signals of what was known then" in README


SECTIONS = ("The gate", "Tuning", "Drift", "When the registry cannot be reached", "Snapshots as Parquet", "The API")
OPTIONS = ("--force", "--rollback", "--history", "--no-promote", "--plan", "--fail-on-alarm", "--budget")


@pytest.mark.parametrize("heading", SECTIONS)
def test_what_a_data_scientist_looks_for_has_a_heading(heading):
    assert re.search(rf"^##+ {heading}$", README, flags=re.MULTILINE)


@pytest.mark.parametrize("option", OPTIONS)
def test_options_that_change_what_is_served_are_explained(option):
    assert option in README
