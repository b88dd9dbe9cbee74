"""What would help: what a rep can act on, improvements only, and never a promise."""

import numpy as np
import pandas as pd
import pytest

from features.signals import SIGNALS
from models.scorer import Scorer
from models.would_help import ACTIONABLE, LEAST_GAIN, NO_PROMISE, TOP, Help, would_help


@pytest.fixture(scope="module")
def some(table: pd.DataFrame) -> pd.DataFrame:
    return table.sample(80, random_state=11)


@pytest.fixture(scope="module")
def found(scorer: Scorer, some: pd.DataFrame) -> list[list[Help]]:
    return [would_help(scorer.win, some.iloc[[place]]) for place in range(len(some))]


def test_there_is_something_for_most_deals(found: list[list[Help]]) -> None:
    assert np.mean([len(of_one) > 0 for of_one in found]) > 0.5


def test_only_improvements_are_told_three_at_most_the_largest_first(found: list[list[Help]]) -> None:
    for of_one in found:
        assert len(of_one) <= TOP
        assert all(one.gain >= LEAST_GAIN for one in of_one)
        assert [one.gain for one in of_one] == sorted((one.gain for one in of_one), reverse=True)


def test_only_what_a_rep_can_act_on(found: list[list[Help]]) -> None:
    assert {one.topic for of_one in found for one in of_one} <= set(ACTIONABLE)


def test_what_is_actionable_is_declared_of_real_topics_and_of_none_that_is_given() -> None:
    assert set(ACTIONABLE) <= {signal.topic for signal in SIGNALS.values()}
    groups = {SIGNALS[name].group for name in SIGNALS if SIGNALS[name].topic in ACTIONABLE}
    assert groups == {"engagement", "timing"}
    assert not {"owner record", "amount", "age_days", "size_win_rate", "stage"} & set(ACTIONABLE)


def test_the_score_there_would_be_is_the_models_own(
    scorer: Scorer, some: pd.DataFrame, found: list[list[Help]]
) -> None:
    for place, of_one in enumerate(found):
        row = some.iloc[[place]]
        for one in of_one:
            typical = scorer.win.typical[row["stage"].iloc[0]]
            assert one.typical == typical[one.signal]
            assert one.now == scorer.win.predict(row)[0]
            changed = {name: typical[name] for name in _better(one.topic, row, typical)}
            assert one.then == scorer.win.predict(row.assign(**changed))[0]


def _better(topic: str, row: pd.DataFrame, typical: dict[str, float]) -> list[str]:
    """The topic's signals whose typical value is better than the row's own, said once more."""
    names = []
    for signal in (one for one in SIGNALS.values() if one.topic == topic):
        value, usual = float(row[signal.name].iloc[0]), typical.get(signal.name, np.nan)
        either = topic == "close date" and signal.expect == "depends"
        better = usual < value if signal.expect == "less is better" else (usual != value if either else usual > value)
        if np.isfinite(usual) and (np.isnan(value) or better):
            names.append(signal.name)
    return names


def test_the_sentence_tells_both_scores_and_promises_nothing(found: list[list[Help]]) -> None:
    for one in (one for of_one in found for one in of_one):
        assert f"would be {one.then:.0%} instead of {one.now:.0%}" in one.sentence
        assert one.sentence.endswith(NO_PROMISE)
        assert "won from this stage" in one.sentence
        assert "nan" not in one.sentence.lower().split()


def test_a_deal_that_is_as_won_deals_were_needs_nothing(scorer: Scorer, some: pd.DataFrame) -> None:
    row = some.iloc[[0]]
    typical = scorer.win.typical[row["stage"].iloc[0]]
    usual = {name: value for name, value in typical.items() if name in row and np.isfinite(value)}
    assert would_help(scorer.win, row.assign(**usual)) == []


def test_a_stage_without_won_deals_has_nothing_typical(scorer: Scorer, some: pd.DataFrame) -> None:
    assert would_help(scorer.win, some.head(1).assign(stage="elsewhere/unknown")) == []


def test_a_model_that_knows_the_stage_only_says_nothing(stage_scorer: Scorer, some: pd.DataFrame) -> None:
    assert would_help(stage_scorer.win, some.head(1)) == []
