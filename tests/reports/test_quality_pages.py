"""The quality report as files: a page that believes no text, JSON that any reader takes, and the command."""

import json
import re
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

import plumbline
from crm.simulate import simulate
from crm.store import open_store
from reports.quality import open_signals, quality
from reports.render import quality_html
from reports.writing import quality_json, write_quality

AS_OF = datetime(2024, 6, 3, tzinfo=UTC)
EVIL = "<script>alert('x')</script>"
COMPANIES = {
    "empty": {"stages": ""},
    "one deal": {"deals": "deal_id | created_at\nD1 | 2024-01-02"},
    "evil": {
        "deals": f'deal_id | name | created_at | attributes\nD1 | {EVIL} | 2024-01-02 | {{"{EVIL}": null}}\n'
        "D2 | Bolt | 2024-01-02 |",
        "deal_changes": "deal_id | field | changed_at | new_value\nD1 | stage | 2024-01-02 | Demo\n"
        f"D2 | stage | 2024-01-02 | Demo\nD1 | stage | 2024-01-09 | {EVIL}\nD1 | {EVIL} | 2024-01-01 |",
        "interactions": f"interaction_id | deal_id | occurred_at\n{EVIL} | D1 | 2024-01-01",
        "users": f"user_id | name | manager_id\n{EVIL} | {EVIL} | {EVIL}",
    },
}


@pytest.fixture(scope="module", params=COMPANIES)
def measured(request, written):
    tables = written(**COMPANIES[request.param])
    return quality(tables, open_signals(tables, AS_OF, "EUR"), AS_OF)


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def test_the_page_fetches_nothing_runs_nothing_and_shows_texts_as_texts(measured):
    page = quality_html(measured)
    assert "//" not in page
    assert not re.search(r"<(script|link|img|iframe|object)|@import|url\((?!#)|\son\w+=", page)
    assert ("&lt;script&gt;" in page) == (measured.extent.n_users == 1)


def test_the_page_and_the_json_say_the_same(measured):
    page, told = quality_html(measured), json.loads(quality_json(measured), parse_constant=refuse)
    assert told["as_of"] == "2024-06-03T00:00:00+00:00"
    assert f"<b>{told['extent']['n_deals']:,}</b>" in page
    assert len(told["verdicts"]) == page.count('<li class="')
    assert [one["n"] for one in told["orders"]] == [one.n for one in measured.orders]
    assert [one["share"] for one in told["signals"]] == [one.share for one in measured.signals]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a store of a small simulated company."""
    folder = tmp_path_factory.mktemp("place")
    store = open_store(f"sqlite:///{folder}/plumbline.db")
    for name, rows in simulate(200, seed=7).tables.items():
        store.write(name, rows)
    store.close()
    return folder


def test_writing_again_gives_the_same_two_files(place, tmp_path):
    store = open_store(f"sqlite:///{place}/plumbline.db")
    _, paths = write_quality(store, tmp_path / "out", "EUR", datetime(2026, 8, 3, tzinfo=UTC))
    first = [path.read_bytes() for path in paths]
    _, again = write_quality(store, tmp_path / "out", "EUR", datetime(2026, 8, 3, tzinfo=UTC))
    store.close()
    assert [path.read_bytes() for path in again] == first
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["quality.html", "quality.json"]


@pytest.fixture
def command(monkeypatch):
    """Run ``plumbline quality`` against a store."""

    def run(place, *words):
        monkeypatch.setenv("PLUMBLINE_STORE_URL", f"sqlite:///{place}/plumbline.db")
        monkeypatch.setenv("PLUMBLINE_BUILD_DIR", str(place))
        return CliRunner().invoke(plumbline.app, ["quality", *words])

    return run


def test_the_command_says_the_verdicts_and_where_the_report_is(place, command):
    done = command(place, "--as-of", "2026-11-16")
    assert done.exit_code == 0, done.output
    told = json.loads((place / "reports" / "quality.json").read_text(encoding="utf-8"))
    *verdicts, page, data = done.stdout.splitlines()
    assert verdicts == [f"{one['level']:<9}  {one['says']}" for one in told["verdicts"]]
    assert [page, data] == [str(place / "reports" / f"quality.{kind}") for kind in ("html", "json")]
    assert told["extent"]["n_deals"] == 200


def test_the_command_reports_on_an_empty_store_into_any_folder(tmp_path, command):
    done = command(tmp_path, "--out", str(tmp_path / "elsewhere"))
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("attention  No deal was known before this instant")
    assert (tmp_path / "elsewhere" / "quality.html").exists()


def test_an_instant_that_is_none_is_refused_in_a_sentence(tmp_path, command):
    done = command(tmp_path, "--as-of", "yesterday")
    assert done.exit_code != 0
    assert "is not an instant" in done.output
