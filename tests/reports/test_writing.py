"""`plumbline report`: from a store with scores to files that stand on their own."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from crm.errors import NotEnoughDataError
from crm.present import present
from crm.simulate import simulate
from crm.store import Store, open_store
from reports.writing import write_reports

pytestmark = pytest.mark.slow

AS_OF = pd.Timestamp("2026-08-03", tz="UTC").as_unit("us")


@pytest.fixture(scope="module")
def database(tmp_path_factory, scores_of) -> Path:
    """A scored company, made once and copied for each test."""
    path = tmp_path_factory.mktemp("reports") / "scored.db"
    opened = open_store(f"sqlite:///{path}")
    tables = simulate(120, seed=5).tables
    with opened.transaction():
        for name, rows in tables.items():
            opened.write(name, rows)
    deals = present(tables, AS_OF)
    still_open = deals.loc[deals["stage_category"] == "open", "deal_id"]
    opened.append("scores", scores_of(*({"deal_id": deal_id, "as_of": AS_OF} for deal_id in still_open)))
    opened.close()
    return path


@pytest.fixture
def store(tmp_path: Path, database: Path):
    shutil.copy(database, tmp_path / "plumbline.db")
    opened = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    yield opened
    opened.close()


FILES = ["forecast.html", "forecast.csv", "planning.html", "receipts.csv", "units.csv", "at-risk.html", "at-risk.csv"]
FILES += ["categories.csv", "people.html", "people.csv", "commits.csv", "what-changed.html", "what-changed.csv"]
FILES += ["accuracy.html", "accuracy.csv"]


def test_the_files_are_written_and_agree_with_each_other(store: Store, tmp_path: Path):
    paths = write_reports(store, tmp_path / "out", "EUR")
    assert [path.name for path in paths] == FILES
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)
    forecast = pd.read_csv(paths[1])
    assert (forecast["reporting_currency"] == "EUR").all()
    assert f"{forecast['expected'].iloc[0]:,.2f}" in paths[0].read_text(encoding="utf-8")
    receipts, units, page = pd.read_csv(paths[3]), pd.read_csv(paths[4]), paths[2].read_text(encoding="utf-8")
    assert (receipts["period"].nunique(), units["period"].nunique()) == (6, 6)
    assert f"{receipts['expected'].iloc[0]:,.2f}" in page
    assert all(f">{product}</td>" in page for product in units["product"])
    risky = pd.read_csv(paths[6])
    assert f"{risky['money_at_risk'].sum():,.0f} EUR" in paths[5].read_text(encoding="utf-8")
    assert risky["money_at_risk"].is_monotonic_decreasing
    said, page = pd.read_csv(paths[7]), paths[0].read_text(encoding="utf-8")
    assert f"{said['amount'].iloc[1]:,.0f}" in page[page.index("as the team sees it") :]
    slips, commits = pd.read_csv(paths[9]), pd.read_csv(paths[10])
    whole = slips[(slips["level"] == "whole") & (slips["period"] == "all")].iloc[0]
    people = paths[8].read_text(encoding="utf-8")
    assert f"{whole['slip_rate']:.0%}" in people
    assert f"{commits['committed'].max():,.0f}" in people


def test_what_changed_is_written_from_a_week_before_to_the_cent(store: Store, tmp_path: Path, scores_of):
    before = AS_OF - pd.Timedelta(days=7)
    ids = store.latest_scores()["deal_id"]
    store.append("scores", scores_of(*({"deal_id": deal_id, "as_of": before} for deal_id in ids)))
    paths = {path.name: path for path in write_reports(store, tmp_path / "out", "EUR")}
    rows, page = pd.read_csv(paths["what-changed.csv"]), paths["what-changed.html"].read_text(encoding="utf-8")
    forecast = pd.read_csv(paths["forecast.csv"])
    for period, own in rows.groupby("period"):
        whole = forecast[(forecast["period"] == period) & (forecast["level"] == "whole")].iloc[0]
        assert round(100 * own["after"].sum()) == round(100 * whole["expected"])
        assert round(100 * (own["before"] + own["change"] - own["after"]).sum()) == 0
        assert f"expected {whole['expected']:,.2f}" in page
    assert {"created", "not yet created"} <= set(rows["cause"])
    parts = rows[["own", "exchange_rates", "usual_growth", "new_model"]].sum(axis=1)
    assert (parts - rows["change"]).abs().max() < 0.005
    assert rows["sentence"].notna().all()


def test_with_one_batch_of_scores_what_changed_says_what_to_do(store: Store, tmp_path: Path):
    paths = {path.name: path for path in write_reports(store, tmp_path / "out", "EUR")}
    assert "plumbline score --as-of 2026-07-27" in paths["what-changed.html"].read_text(encoding="utf-8")
    assert pd.read_csv(paths["what-changed.csv"]).empty


def test_writing_again_gives_the_same_bytes(store: Store, tmp_path: Path):
    first = [path.read_bytes() for path in write_reports(store, tmp_path / "out", "EUR")]
    assert [path.read_bytes() for path in write_reports(store, tmp_path / "out", "EUR")] == first


def test_a_currency_without_a_rate_is_said_and_never_counted_as_nothing(store: Store, tmp_path: Path):
    deals = store.read("deals")
    store.write("deals", deals.assign(currency=deals["currency"].replace("GBP", "XTS")))
    page = write_reports(store, tmp_path / "out", "EUR")[0].read_text(encoding="utf-8")
    assert (
        "in XTS, for which no rate to EUR is known on or before 2026-08-02: nothing is expected from them here." in page
    )


def test_a_report_that_cannot_be_put_in_place_leaves_nothing_behind(store: Store, tmp_path: Path):
    (tmp_path / "out" / "forecast.html").mkdir(parents=True)
    with pytest.raises(OSError, match=r"forecast.html"):
        write_reports(store, tmp_path / "out", "EUR")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["forecast.html"]


def test_without_scores_the_remedy_is_named(tmp_path: Path):
    empty = open_store(f"sqlite:///{tmp_path}/plumbline.db")
    with pytest.raises(NotEnoughDataError, match="run `plumbline score` first"):
        write_reports(empty, tmp_path / "out", "EUR")
    empty.close()
