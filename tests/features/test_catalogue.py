"""The catalogue of signals, read as a sales rep would."""

import inspect
import re
from functools import partial
from typing import get_args

import numpy as np
import pytest

from features.catalogue import FILE, catalogue
from features.signals import SIGNALS
from features.signals.declaration import Expectation, Group

NAN = np.nan
each = pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)


def test_at_least_thirty_signals_fill_all_groups():
    assert len(SIGNALS) >= 30
    assert {signal.group for signal in SIGNALS.values()} == set(get_args(Group)) - {"own", "course"}


@each
def test_a_signal_is_declared_in_full(signal):
    assert signal.topic
    assert signal.expect in get_args(Expectation)
    assert signal.unit or signal.words or "stage_position" in signal.name
    if not isinstance(signal.compute, partial):
        assert inspect.getdoc(signal.compute)
        assert signal.compute.__name__ == signal.name


ODD = re.compile(r"\bnan\b|\bNone\b|[{}]|  | ;|[. ;]$|(^|[^\d.,])(0|1) (days|emails|calls|interactions|contacts)\b")


@each
def test_a_sentence_reads_well_whatever_the_value(signal):
    places = (NAN, *range(len(signal.words)))
    for value in places if signal.words else (NAN, 0, 0.04, 0.4, 1, 2.5, 23, 1234567, -0.5, -3):
        for typical in (NAN, 0, 0.4, 1, 6, -2):
            sentence = signal.sentence(value, typical)
            assert sentence[0].isupper() or sentence[0].isdigit() or value < 0
            assert not ODD.search(sentence), sentence
            assert "-" not in sentence or (value < 0 and not signal.says_below)
            assert len(sentence) <= 130


@each
def test_a_comparison_is_made_only_where_there_is_one(signal):
    assert ";" not in signal.sentence(3.0, NAN)


@pytest.mark.parametrize(
    ("name", "value", "typical", "sentence"),
    [
        ("days_unanswered", 23, 6, "No reply for 23 days; deals won from this stage were answered within 6 days"),
        ("days_unanswered", 1, 0.3, "No reply for 1 day; deals won from this stage were answered within a day"),
        ("days_unanswered", 0, 6, "The customer spoke last"),
        ("inbound_emails_14d", 1, 2, "1 email from the customer in 14 days; deals won from this stage had 2"),
        ("inbound_emails_14d", 0, 2, "No emails from the customer in 14 days; deals won from this stage had 2"),
        ("meetings_30d", 0, NAN, "No meetings in 30 days"),
        ("interactions_trend_14d", 5, NAN, "5 interactions more in the last 14 days than in the 14 before"),
        ("interactions_trend_14d", -1, NAN, "1 interaction fewer in the last 14 days than in the 14 before"),
        ("interactions_trend_14d", 0, NAN, "As many interactions in the last 14 days as in the 14 before"),
        ("days_since_last_meeting", NAN, 6, "No meeting yet; deals won from this stage met within 6 days"),
        ("days_to_next_meeting", 0.25, NAN, "The next meeting is in less than a day"),
        ("days_to_close_date", 12, 20, "The close date is 12 days away; 20 days in deals won from this stage"),
        ("days_to_close_date", 12, -3, "The close date is 12 days away"),
        ("days_to_close_date", -0.4, 20, "The close date is today"),
        ("days_to_close_date", -3, 20, "The close date was 3 days ago"),
        ("days_to_close_date", NAN, 20, "There is no close date"),
        ("overdue_days", 0, NAN, "The close date has not passed"),
        ("overdue_days", 2, NAN, "The close date is overdue by 2 days"),
        ("pushes", 0, 1, "No pushes of the close date so far; 1 in deals won from this stage"),
        ("pushes", 1, 0, "1 push of the close date so far; 0 in deals won from this stage"),
        ("owner_win_rate", 0.284, NAN, "Its owner wins about 28% of deals"),
        ("owner_win_rate", 0.004, NAN, "Its owner wins about 0.4% of deals"),
        ("stage_win_rate", NAN, NAN, "No deal has closed yet"),
        ("days_in_stage_vs_norm", 2.3, 1.1, "In this stage for 2.3 times the usual time; 1.1 in deals won from it"),
        (
            "amount",
            1234567.8,
            20000,
            "The amount is 1,234,568 in the reporting currency; 20,000 in deals won from this stage",
        ),
        ("amount_vs_owner", NAN, 1, "The amount, or what this owner usually sells, is not known yet"),
        ("owner_open_deals", 1, 14, "Its owner works on 1 open deal at once; 14 in deals won from this stage"),
        ("account_won", 0, NAN, "No deals won with this account before"),
        ("days_in_stage", 9.97, NAN, "10 days in this stage"),
        ("age_days", 0.5, NAN, "The deal is less than a day old"),
    ],
)
def test_sentences(name, value, typical, sentence):
    assert SIGNALS[name].sentence(value, typical) == sentence


def test_the_catalogue_in_the_docs_is_fresh():
    assert FILE.read_text(encoding="utf-8") == catalogue(), "run `make signals`"


@each
def test_the_catalogue_says_how_a_signal_is_computed(signal):
    row = next(line for line in catalogue().splitlines() if line.startswith(f"| `{signal.name}` |"))
    assert all(cell.strip() or place in (3,) for place, cell in enumerate(row.split("|")[1:-1], start=1)), row
