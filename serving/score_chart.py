"""How a deal's win probability went: every score as it was issued, with its bounds, and where the model changed."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

from markupsafe import Markup

from reports.line_chart import SHARES, Dot, Line, Scale, line_chart
from serving.insight_schemas import PastScore
from serving.wording import day, percent

_TICKS = 4
_DAY = timedelta(days=1)


def score_chart(scores: Sequence[PastScore]) -> Markup | None:
    """Draw the scores of one deal, the oldest first; None where they are not of two instants at least."""
    if not scores or scores[0].as_of == scores[-1].as_of:
        return None
    first = scores[0].as_of
    at = [(score.as_of - first) / _DAY for score in scores]
    ticks = [(at[-1] * n / (_TICKS - 1), first + at[-1] * n / (_TICKS - 1) * _DAY) for n in range(_TICKS)]
    changed = [
        after for (_, before), (after, score) in pairwise(zip(at, scores, strict=True)) if _differ(before, score)
    ]
    last = scores[-1]
    return line_chart(
        f"Win probability of {len(scores)} scores from {day(first)}, {percent(scores[0].win_probability)}, "
        f"to {day(last.as_of)}, {percent(last.win_probability)}",
        Scale(0.0, at[-1], [(place, f"{when.day} {when:%b}") for place, when in ticks]),
        SHARES,
        [Line("said", [(place, score.win_probability) for place, score in zip(at, scores, strict=True)])],
        band=[
            (place, score.win_low, score.win_high)
            for place, score in zip(at, scores, strict=True)
            if score.win_low is not None and score.win_high is not None
        ],
        dots=[Dot("said", at[-1], last.win_probability)],
        rules=changed,
    )


def _differ(before: PastScore, after: PastScore) -> bool:
    return before.model_version != after.model_version
