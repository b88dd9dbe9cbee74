"""Drawings say where things lie, keep their texts' size, and escape what they are given."""

import re
from xml.etree import ElementTree

import pandas as pd

from reports.accuracy_charts import period_charts, reliability_chart
from reports.line_chart import SHARES, Dot, Line, Scale, line_chart, money_scale

X = Scale(0.0, 10.0, [(0.0, "start"), (10.0, "<end>")])


def test_points_lie_where_their_values_say():
    drawn = line_chart("a line", X, SHARES, [Line("said", [(0.0, 0.0), (10.0, 1.0)])])
    assert 'class="said" points="0.0,1000.0 1000.0,0.0"' in drawn


def test_a_scale_may_run_backwards():
    assert [Scale(13.0, 0.0, []).share(week) for week in (13.0, 6.5, 0.0)] == [0.0, 0.5, 1.0]


def test_a_value_that_is_missing_is_left_out():
    drawn = line_chart("a line", X, SHARES, [Line("commit", [(0.0, float("nan")), (10.0, 0.5)])])
    assert 'class="commit" points="1000.0,500.0"' in drawn


def test_a_drawing_is_well_formed_and_escaped():
    lines, dots = [Line("said", [(0.0, 0.1), (10.0, 0.2)])], [Dot("said", 5.0, 0.5, 0.4, 0.6)]
    band = [(0.0, 0.0, 0.2), (10.0, 0.1, 0.3)]
    drawn = line_chart("a <b> & c", X, SHARES, lines, band=band, dots=dots, rules=[4.0])
    root = ElementTree.fromstring(drawn)  # noqa: S314 (our own)
    assert root.get("aria-label") == "a <b> & c"
    assert "<b>" not in drawn
    assert "&lt;end&gt;" in drawn
    assert "style=" not in drawn


def test_money_is_written_in_one_unit():
    assert [text for _, text in money_scale(2_300_000).ticks] == ["0", "0.5M", "1M", "1.5M", "2M", "2.5M"]
    assert [text for _, text in money_scale(0).ticks] == ["0", "1"]


def test_each_ended_period_has_a_panel_on_one_scale_of_money():
    row = {"level": "whole", "id": "", "expected": 50.0, "p10": 40.0, "p90": 60.0, "stage_weighted": 55.0}
    row |= {"committed": float("nan"), "came": 45.0}
    said = pd.DataFrame([row | {"period": period, "weeks_to_go": week, "p90": top}
                         for period, top in (("Q2", 60.0), ("Q3", 90.0)) for week in (13, 1)])  # fmt: skip
    (first, panel), (second, other) = period_charts(said)
    assert (first, second) == ("Q2", "Q3")
    assert 'aria-label="Q2: 50 said in the last week, 45 came"' in panel
    tops = [re.findall(r'text-anchor="end">([^<]+)<', one) for one in (panel, other)]
    assert tops[0] == tops[1] == ["0", "20", "40", "60", "80", "100"]


def test_reliability_shows_its_bounds():
    bins = pd.DataFrame([{"said": 0.2, "won": 0.25, "won_low": 0.1, "won_high": 0.5}])
    drawn = reliability_chart(bins)
    assert "said 20%, won 25%" in drawn
    assert drawn.count("said bounds") == 1
