"""Labels: what became of a snapshot's deal, as far as the cut-off lets us see."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings

from features.facts import DAY
from features.labels import Patience, labels
from features.snapshots import Snapshots

DEALS = """
deal_id | pipeline_id | currency | created_at
D1      | new         | EUR      | 2024-01-01
"""
HEADER = "deal_id | field | seq | old_value | new_value | changed_at | known_at\n"


def changes(*moves):
    """Stage changes of one deal: ``Offer 2024-01-10``, or ``Offer 2024-01-10 2024-01-12`` where entered late."""
    rows = [[*move.split(), None][:3] for move in moves]
    return HEADER + "\n".join(
        f"D1 | stage | {seq} | | {stage} | {changed} | {known or ''}"
        for seq, (stage, changed, known) in enumerate(rows)
    )


@pytest.fixture
def label(company, known, at):
    """Labels of one deal as of 2024-02-01, with twenty days of patience unless told."""

    def _label(*moves, cutoff="2024-06-01", patience=20.0, as_of="2024-02-01"):
        tables = company(deals=DEALS, deal_changes=changes("Demo 2024-01-01", *moves))
        snapshots = Snapshots(*known(tables), np.array([0]), np.array([at(as_of)]))
        found = labels(snapshots, np.array([patience]), at(cutoff))
        return found.won[0], found.days_to_close[0], found.stalled[0]

    return _label


NAN = np.nan


@pytest.mark.parametrize(
    ("moves", "won", "days_to_close", "stalled"),
    [
        pytest.param([], NAN, NAN, 1, id="nothing happens: stalled"),
        pytest.param(["Offer 2024-02-10"], NAN, NAN, 0, id="a later stage is a forward move"),
        pytest.param(["Won 2024-02-10"], 1, 9, 0, id="won counts as forward"),
        pytest.param(["Lost 2024-02-10"], 0, 9, 0, id="lost within patience is lost, not stalled"),
        pytest.param(["Lost 2024-02-22"], 0, 21, 1, id="lost after it had stalled"),
        pytest.param(["Won 2024-02-22"], 1, 21, 1, id="won after it had stalled"),
        pytest.param(["Offer 2024-02-01"], NAN, NAN, 0, id="a move at the very instant belongs to the future"),
        pytest.param(["Offer 2024-02-21"], NAN, NAN, 1, id="a move when patience ends comes too late"),
        pytest.param(["Lost 2024-02-10", "Demo 2024-02-12"], NAN, NAN, 0, id="reopened: open again at the cut-off"),
        pytest.param(["Lost 2024-02-10", "Demo 2024-03-01", "Won 2024-03-05"], 1, 33, 0, id="reopened, then won"),
        pytest.param(["Won 2024-02-10", "Lost 2024-03-05"], 0, 33, 0, id="the last closing holds"),
        pytest.param(["Offer 2024-02-10 2024-03-20"], NAN, NAN, 0, id="entered after patience, moved within it"),
        pytest.param(["Lost 2024-01-20 2024-02-10"], 0, -12, 0, id="had closed before, entered after: not stalled"),
    ],
)
def test_what_became_of_a_deal(label, moves, won, days_to_close, stalled):
    np.testing.assert_equal(label(*moves), (won, days_to_close, stalled))


def test_a_return_and_the_way_back_to_the_same_stage_is_no_forward_move(label):
    before = ["Offer 2024-01-10"]
    assert label(*before, "Demo 2024-02-05", "Offer 2024-02-10")[2] == 1
    assert label(*before, "Demo 2024-02-05", "Terms 2024-02-10")[2] == 0


def test_a_late_entry_of_an_older_stage_is_no_forward_move(label):
    assert label("Terms 2024-01-10", "Offer 2024-01-20", "Terms 2024-01-15 2024-02-05")[2] == 1


def test_a_window_that_passes_the_cut_off_is_censored_not_negative(label):
    assert np.isnan(label(cutoff="2024-02-20T23:59:59.999999")[2])
    assert label(cutoff="2024-02-21")[2] == 1
    assert np.isnan(label("Offer 2024-02-05", cutoff="2024-02-10")[2])


def test_the_cut_off_excludes_what_is_known_at_it(label):
    assert np.isnan(label("Won 2024-02-10", cutoff="2024-02-10")[0])
    assert label("Won 2024-02-10", cutoff="2024-02-10T00:00:00.000001")[0] == 1
    assert np.isnan(label("Won 2024-02-10 2024-04-01", cutoff="2024-04-01")[0])
    assert label("Offer 2024-02-10 2024-04-01", cutoff="2024-04-01")[2] == 1


def test_days_seen_reach_from_the_snapshot_to_the_cut_off(company, known, at):
    tables = company(deals=DEALS, deal_changes=changes("Demo 2024-01-01"))
    snapshots = Snapshots(*known(tables), np.array([0]), np.array([at("2024-02-01")]))
    assert labels(snapshots, np.array([7.0]), at("2024-03-01T12:00")).days_seen.tolist() == [29.5]


@pytest.mark.parametrize(("known_days", "patience"), [(np.nan, 30), (1, 7), (20.5, 20.5), (400, 90)])
def test_patience_keeps_within_its_bounds(company, known, at, monkeypatch, known_days, patience):
    tables = company(deals=DEALS, deal_changes=changes("Demo 2024-01-01"))
    snapshots = Snapshots(*known(tables), np.array([0]), np.array([at("2024-02-01")]))
    monkeypatch.setattr(Snapshots, "patience_days", np.array([float(known_days)]))
    assert Patience().of(snapshots).tolist() == [patience]


@pytest.mark.slow
def test_no_label_depends_on_what_is_known_at_or_after_the_cut_off(weekly, companies, cut):
    @settings(max_examples=6, phases=[Phase.generate])
    @given(futures=companies)
    def holds(futures):
        seen = []
        for tables in futures:
            grid = weekly(tables, cut + 1)
            found = labels(grid, np.full(len(grid), 14.0), cut)
            columns = np.column_stack([found.won, found.days_to_close, found.days_seen, found.stalled])
            ids = grid.histories.deal_ids[grid.deal].tolist()
            seen.append(
                {key: row.tobytes() for key, row in zip(zip(ids, grid.at.tolist(), strict=True), columns, strict=True)}
            )
        assert seen[0] == seen[1] == seen[2]

    holds()


@pytest.mark.slow
def test_labels_of_the_demo_agree_with_loops_over_rows(weekly, demo, at):
    cutoff, grid = at("2026-06-01"), weekly(demo, at("2026-05-25"))
    found = labels(grid, np.full(len(grid), 21.0), cutoff)
    stages = demo["stages"].set_index("stage")
    changes = demo["deal_changes"].query("field == 'stage'").sort_values(["changed_at", "seq"])
    changes = changes[changes["known_at"].astype("int64") < cutoff]
    rows = dict(iter(changes.groupby("deal_id")))
    for place in np.random.default_rng(1).permutation(len(grid))[:300]:
        at_us, mine = int(grid.at[place]), rows[grid.histories.deal_ids[grid.deal[place]]]
        changed, known_at = (mine[name].astype("int64").to_numpy() for name in ("changed_at", "known_at"))
        category = stages["category"].loc[mine["new_value"]].to_numpy()
        position = stages["position"].loc[mine["new_value"]].to_numpy()
        outcome = {"open": np.nan, "won": 1.0, "lost": 0.0}[category[-1]]
        np.testing.assert_equal(found.won[place], outcome)
        current = np.flatnonzero(known_at < at_us)[-1]
        news = (np.arange(len(mine)) > current) & (changed < at_us + 21 * DAY)
        forward = news & ((category == "won") | ((category == "open") & (position > position[current])))
        stalled = not forward.any() and not (news & (category == "lost")).any()
        np.testing.assert_equal(found.stalled[place], np.nan if at_us + 21 * DAY > cutoff else float(stalled))
