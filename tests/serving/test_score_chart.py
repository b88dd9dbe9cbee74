"""The drawing of a deal's scores over time."""

from datetime import UTC, datetime, timedelta

from serving.insight_schemas import PastScore
from serving.score_chart import score_chart

START = datetime(2026, 6, 15, tzinfo=UTC)


def past(week: int, win: float, version: str = "1", *, bounds: bool = True) -> PastScore:
    low, high = (win - 0.1, win + 0.1) if bounds else (None, None)
    at = START + timedelta(weeks=week)
    return PastScore(as_of=at, model_version=version, win_probability=win, win_low=low, win_high=high)


def test_a_change_of_model_is_marked_where_the_new_one_first_scored():
    drawn = score_chart([past(0, 0.2), past(1, 0.3), past(2, 0.5, "2"), past(3, 0.6, "2"), past(4, 0.5, "2")])
    assert drawn is not None
    assert drawn.count('class="rule"') == 1
    assert '<line class="rule" x1="55.00%"' in drawn  # in the middle of a drawing from 13 to 97 %
    assert 'points="0.0,800.0 250.0,700.0 500.0,500.0 750.0,400.0 1000.0,500.0"' in drawn


def test_it_says_in_words_from_when_to_when_and_how_high():
    drawn = score_chart([past(0, 0.2), past(4, 0.5)])
    assert drawn is not None
    assert 'aria-label="Win probability of 2 scores from 15 Jun 2026, 20%, to 13 Jul 2026, 50%"' in drawn
    assert ">15 Jun<" in drawn
    assert ">13 Jul<" in drawn


def test_one_instant_is_no_history():
    assert score_chart([]) is None
    assert score_chart([past(0, 0.2)]) is None
    assert score_chart([past(0, 0.2), past(0, 0.3, "2")]) is None


def test_scores_without_bounds_have_no_band():
    drawn = score_chart([past(0, 0.2, bounds=False), past(1, 0.3, bounds=False)])
    assert drawn is not None
    assert "band" not in drawn
