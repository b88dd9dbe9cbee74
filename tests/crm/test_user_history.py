"""Who was in which team when: what an import says of users becomes history."""

import os
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.importer import import_files
from crm.present import present
from crm.store import Store, open_store
from crm.store_rows import frame_of
from crm.tables import TABLES
from crm.user_history import NO_CHANGES, changes_seen, users_at

MONTHS = [pd.Timestamp(f"2026-{month:02}-01", tz="UTC").as_unit("us") for month in range(1, 13)]
JAN, FEB, MAR, APR = MONTHS[:4]


def users(**teams: str | None) -> pd.DataFrame:
    rows = {"user_id": list(teams), "team": list(teams.values()), "manager_id": [None] * len(teams)}
    return pd.DataFrame(rows).astype("str")


def team_at(told: pd.DataFrame, changes: pd.DataFrame, as_of: pd.Timestamp) -> str:
    return users_at(told, changes, as_of)["team"].iloc[0]


def test_a_difference_between_two_exports_is_a_change_as_of_the_second():
    told, changes = changes_seen(users(U1="South"), users(U1="North"), NO_CHANGES, MAR)
    assert told["team"].tolist() == ["South"]
    assert changes[["field", "old_value", "new_value", "known_at"]].to_numpy().tolist() == [
        ["team", "North", "South", MAR]
    ]
    assert [team_at(told, changes, at) for at in (FEB, MAR, APR)] == ["North", "North", "South"]


def test_saying_it_again_changes_nothing_and_a_new_user_has_no_history():
    told, changes = changes_seen(users(U1="South"), users(U1="North"), NO_CHANGES, MAR)
    again, none = changes_seen(users(U1="South", U2="East"), told, changes, MAR)
    assert (again["team"].tolist(), len(none)) == (["South", "East"], 0)


def test_an_export_older_than_the_last_change_leaves_the_present_alone():
    told, changes = changes_seen(users(U1="South"), users(U1="North"), NO_CHANGES, MAR)
    old, none = changes_seen(users(U1="North"), told, changes, FEB)
    assert (old["team"].tolist(), len(none)) == (["South"], 0)


def test_an_export_without_teams_says_nothing_of_them():
    told, changes = changes_seen(users(U1="South")[["user_id"]], users(U1="North"), NO_CHANGES, MAR)
    assert (list(told), len(changes)) == (["user_id"], 0)


def test_leaving_a_team_is_a_change_too():
    told, changes = changes_seen(users(U1=None), users(U1="North"), NO_CHANGES, MAR)
    assert team_at(told, changes, FEB) == "North"
    assert pd.isna(team_at(told, changes, APR))


@pytest.mark.slow
@settings(max_examples=15)
@given(st.lists(st.sampled_from(["North", "South", None]), min_size=1, max_size=8))
def test_whatever_exports_said_is_what_the_history_says_of_their_time(teams):
    """Imported in order, each export's team holds from its month to the next."""
    told, changes = users(U1=teams[0]), NO_CHANGES
    for month, team in zip(MONTHS[1:], teams[1:], strict=False):
        told, more = changes_seen(users(U1=team), told, changes, month)
        changes = pd.concat([changes, more], ignore_index=True)
    for n, team in enumerate(teams):
        found = team_at(told, changes, MONTHS[n + 1])
        assert found == team or (team is None and pd.isna(found))


DEALS = "deal_id,pipeline_id,currency,created_at\nD1,new,EUR,2026-01-01T00:00:00Z\nD2,new,EUR,2026-01-01T00:00:00Z\n"
CHANGES = "deal_id,field,changed_at,seq,new_value,known_at\n" + "".join(
    f"{deal},{field},{at}T00:00:00Z,0,{value},{at}T00:00:00Z\n"
    for deal, field, at, value in [
        *(("D1", "owner_id", "2026-01-02", "U1"), ("D1", "stage", "2026-01-02", "Offer")),
        ("D1", "stage", "2026-02-10", "Won"),
        *(("D2", "owner_id", "2026-01-02", "U1"), ("D2", "stage", "2026-01-02", "Offer")),
    ]
)
STAGES = "pipeline_id,stage,position,category\nnew,Offer,1,open\nnew,Won,2,won\n"


@pytest.fixture
def store(tmp_path) -> Store:
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield opened
    opened.close()


def exported(folder: Path, team: str, at: pd.Timestamp) -> Path:
    """A folder of the contract's files, written at an instant."""
    folder.mkdir()
    files = {"deals": DEALS, "deal_changes": CHANGES, "stages": STAGES}
    files["users"] = f"user_id,name,manager_id,team,active\nU1,Ann,,{team},true\n"
    for name, text in files.items():
        path = folder / f"{name}.csv"
        path.write_text(text)
        os.utime(path, (at.timestamp(), at.timestamp()))
    return folder


def test_a_deal_won_counts_for_the_team_of_then_and_an_open_one_for_that_of_now(tmp_path, store):
    for team, at in (("North", FEB), ("South", MAR)):
        import_files([exported(tmp_path / team, team, at)], store, rejects_path=tmp_path / "rejects.csv")
    tables = store.read_all()
    assert tables["users"]["team"].tolist() == ["South"]
    assert present(tables, APR)["team"].tolist() == ["North", "South"]
    assert present(tables, FEB)["team"].tolist() == ["North", "North"]
    report = import_files([tmp_path / "South"], store, rejects_path=tmp_path / "rejects.csv")
    assert report.tables["users"].same == 1
    assert len(store.read("user_changes")) == 1


def test_changes_of_users_can_be_imported_with_their_dates(tmp_path, store):
    folder = exported(tmp_path / "crm", "South", APR)
    lines = "user_id,field,changed_at,seq,old_value,new_value,known_at\n" + (
        "U1,team,2026-02-20T00:00:00Z,0,North,South,2026-02-20T00:00:00Z\n"
        "U1,desk,2026-02-20T00:00:00Z,0,1,2,2026-02-20T00:00:00Z\n"
        "U1,team,2026-02-21T00:00:00Z,0,North,South,2026-02-20T00:00:00Z\n"
    )
    (folder / "user_changes.csv").write_text(lines)
    report = import_files([folder], store, rejects_path=tmp_path / "rejects.csv")
    assert present(store.read_all(), APR)["team"].tolist() == ["North", "South"]
    assert (
        report.rejects["rule"].str.contains("is not one of team, manager_id|cannot be known before").tolist()
        == [True] * 2
    )


def test_without_a_history_users_are_what_they_are():
    empty = frame_of("user_changes", [])
    assert list(empty) == list(TABLES["user_changes"].names)
    assert users_at(users(U1="North"), empty, JAN)["team"].tolist() == ["North"]
