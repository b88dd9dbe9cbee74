"""The future cannot be seen: what became known at or after an instant changes no signal, norm or row as of it."""

from zlib import crc32

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings

from features.course import courses
from features.facts import DAY, Facts
from features.grid import training_grid
from features.histories import Histories
from features.pipeline import signal_matrix
from features.signals import SIGNALS
from features.traits import traits
from features.usual_times import UsualTimes

NORMED = {"days_in_stage_vs_norm", "days_unanswered_vs_norm"}
UNTOUCHED = {"age_days", "days_to_quarter_end", "days_to_next_meeting", *NORMED}
"""Signals that the wrong comparison does not reach: two read no facts, two have no norm in so small a company,
and bookings are compared where the signal is computed."""


def seen(histories, norms, until):
    """Every signal of every daily snapshot up to ``until`` (included) and what stands beside, by deal and instant."""
    grid = training_grid(histories, norms, every_days=1, until=until + 1)
    texts = [[float(crc32(one)) for one in courses(grid)], [float(crc32(one.encode())) for one in traits(grid)]]
    matrix = np.column_stack([signal_matrix(grid), grid.patience_days, *texts])
    keys = zip(histories.deal_ids[grid.deal].tolist(), grid.at.tolist(), strict=True)
    return dict(zip(keys, matrix.view(np.int64), strict=True))


def leaks(known, futures, cut):
    """Names of what differs between companies that differ in their future only."""
    first, *others = (seen(*known(tables), cut) for tables in futures)
    names = np.array([*SIGNALS, "patience", "course", "traits"])
    found = set()
    for other in others:
        if first.keys() != other.keys():
            found.add("rows")
        for key in first.keys() & other.keys():
            found |= set(names[first[key] != other[key]].tolist())
    return found


def found_in(known, companies, cut, examples):
    """What leaks in that many random companies."""
    found = set()

    @settings(max_examples=examples, phases=[Phase.generate])
    @given(futures=companies)
    def look(futures):
        found.update(leaks(known, futures, cut))

    look()
    return found


def look_one_microsecond_too_far(monkeypatch):
    """The wrong kernel: ``known_at <= at``."""
    honest = Facts.before
    monkeypatch.setattr(Facts, "before", lambda facts, group, at: honest(facts, group, at + 1))


def look_to_the_end_of_the_week(monkeypatch):
    """Norms of the week that has only begun."""
    honest = UsualTimes.before
    monkeypatch.setattr(UsualTimes, "before", lambda norm, group, at: honest(norm, group, at + 7 * DAY))


def know_events_when_they_happen(monkeypatch):
    """The wrong histories: what was entered late is taken to have been known at once."""
    honest = Histories.from_tables.__func__

    def from_tables(cls, tables, vocabulary=None):
        changes = tables["deal_changes"].assign(known_at=tables["deal_changes"]["changed_at"])
        return honest(cls, {**tables, "deal_changes": changes}, vocabulary)

    monkeypatch.setattr(Histories, "from_tables", classmethod(from_tables))


@pytest.mark.slow
def test_the_future_cannot_be_seen(known, companies, cut):
    assert found_in(known, companies, cut, examples=10) == set()


def test_a_kernel_that_compares_with_at_most_is_found(known, companies, cut, monkeypatch):
    look_one_microsecond_too_far(monkeypatch)
    assert found_in(known, companies, cut, examples=3)


DEALS = """
deal_id | pipeline_id | account_id | source | deal_type | currency | created_at
D1      | new         | A1         | web    | first     | EUR      | 2024-01-08
D2      | new         | A1         | web    | first     | EUR      | 2024-01-09
D3      | new         | A1         | web    | first     | EUR      | 2024-01-10
D4      | new         | A1         | web    | first     | USD      | 2024-01-11
"""
CHANGES = """
deal_id | field      | seq | old_value  | new_value  | changed_at
D1      | stage      | 0   |            | Offer      | 2024-01-08
D2      | stage      | 0   |            | Terms      | 2024-01-09
D3      | stage      | 0   |            | Demo       | 2024-01-10
D4      | stage      | 0   |            | Demo       | 2024-01-11
D1      | stage      | 0   | Offer      | Demo       | 2024-02-01
D1      | owner_id   | 0   |            | U1         | 2024-01-08
D2      | owner_id   | 0   |            | U2         | 2024-01-09
D3      | owner_id   | 0   |            | U1         | 2024-01-10
D4      | owner_id   | 0   |            | U1         | 2024-01-11
D1      | amount     | 0   |            | 1000       | 2024-01-08
D1      | close_date | 0   |            | 2024-03-01 | 2024-01-08
"""
ON_THE_CUT = (
    CHANGES
    + """\
D1      | stage      | 0   | Demo       | Terms      | 2024-03-04
D2      | stage      | 0   | Terms      | Demo       | 2024-03-04
D3      | stage      | 0   | Demo       | Won        | 2024-03-04
D4      | stage      | 0   | Demo       | Lost       | 2024-03-04
D2      | owner_id   | 0   | U2         | U1         | 2024-03-04
D1      | amount     | 0   | 1000       | 1500       | 2024-03-04
D4      | amount     | 0   |            | 9000       | 2024-03-04
D1      | close_date | 0   | 2024-03-01 | 2024-04-01 | 2024-03-04
D2      | close_date | 0   |            | 2024-04-01 | 2024-03-04
"""
)
TALKS_ON_THE_CUT = """
interaction_id | deal_id | kind    | direction | contact_id | user_id | occurred_at | known_at
I1             | D1      | email   | inbound   | C1         | U1      | 2024-03-04  | 2024-03-04
I2             | D1      | email   | outbound  | C2         | U2      | 2024-03-04  | 2024-03-04
I3             | D1      | call    | inbound   | C2         |         | 2024-03-01  | 2024-03-04
I4             | D1      | call    | outbound  |            |         | 2024-03-01  | 2024-03-04
I5             | D1      | meeting |           | C2         |         | 2024-03-04  | 2024-03-04
I6             | D1      | meeting |           |            |         | 2024-03-09  | 2024-03-04
I7             | D1      | note    |           |            |         | 2024-03-04  | 2024-03-04
I8             | D1      | task    |           |            |         | 2024-03-04  | 2024-03-04
"""


def leaks_on_the_cut(company, known, cut):
    """What differs once facts of every kind became known exactly at the instant."""
    crowd = company(deals=DEALS, deal_changes=CHANGES)
    return leaks(known, (crowd, company(deals=DEALS, deal_changes=ON_THE_CUT, interactions=TALKS_ON_THE_CUT)), cut)


def test_facts_exactly_on_the_instant_are_not_seen_by_any_signal(company, known, cut):
    assert leaks_on_the_cut(company, known, cut) == set()


def test_facts_exactly_on_the_instant_find_every_signal_that_compares_with_at_most(company, known, cut, monkeypatch):
    look_one_microsecond_too_far(monkeypatch)
    assert {*SIGNALS, "rows"} - leaks_on_the_cut(company, known, cut) == UNTOUCHED


@pytest.mark.slow
def test_the_future_cannot_be_seen_in_many_companies(known, companies, cut):
    assert found_in(known, companies, cut, examples=60) == set()


@pytest.mark.slow
def test_norms_of_a_week_that_has_only_begun_are_found(known, companies, cut, monkeypatch):
    look_to_the_end_of_the_week(monkeypatch)
    found = found_in(known, companies, cut, examples=20)
    assert {"days_in_stage_vs_norm", "patience"} <= found <= {"patience", *NORMED}


@pytest.mark.slow
def test_a_kernel_that_knows_events_when_they_happen_is_found(known, companies, cut, monkeypatch):
    know_events_when_they_happen(monkeypatch)
    assert {"stage_position", "amount", "pushes", "owner_changes"} <= found_in(known, companies, cut, examples=20)


@pytest.mark.slow
def test_the_future_of_the_demo_cannot_be_seen(known, demo, at):
    instants = [pd.Timestamp("2025-03-03", tz="UTC"), pd.Timestamp("2026-06-15", tz="UTC")]
    for instant in instants:
        poisoned = {name: poison(name, rows, instant) for name, rows in demo.items()}
        assert leaks(known, (demo, poisoned), at(instant.isoformat()[:10])) == set()


def poison(name, rows, instant):
    """The demo with every later fact made another: half are gone, amounts and stages swapped, owners changed."""
    time = {"deals": "created_at", "deal_changes": "known_at", "interactions": "known_at"}.get(name)
    if name == "fx_rates":
        return rows.assign(rate=rows["rate"].where(rows["day"] < instant.date().isoformat(), 7.0))
    if time is None:
        return rows
    later = rows[rows[time] >= instant]
    kept = later[np.arange(len(later)) % 2 == 0].copy()
    for column in kept.columns.intersection(["new_value", "kind", "direction", "contact_id", "source"]):
        same = kept["field"] if name == "deal_changes" else np.zeros(len(kept))
        kept[column] = kept.groupby(np.asarray(same))[column].transform(lambda values: values.to_numpy()[::-1])
    if time == "known_at":
        kept[time] = pd.Series(kept[time]).where(np.arange(len(kept)) % 3 > 0, instant)
    return pd.concat([rows[rows[time] < instant], kept])
