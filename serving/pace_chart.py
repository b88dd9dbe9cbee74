"""The pace of a quarter drawn: what was won by each day of it, as a line beside those of earlier quarters."""

from dataclasses import dataclass

from reports.axis import axis_ticks
from serving.people_schemas import EarlierPace, PaceAnswer, PacePoint

HEIGHT, TOP = 190, 16
"""Of the plot, and of the room above it for the topmost label, in pixels."""
_LABELS_EVERY_WEEKS = 2
_WORDS = {0: "last quarter", 3: "a year ago"}
_KINDS = {0: "last", 3: "year"}


@dataclass(frozen=True)
class Curve:
    """One quarter's line: its name, what it is in words (empty for most), how it looks, and its points for SVG."""

    name: str
    words: str
    kind: str
    points: str


@dataclass(frozen=True)
class PaceChart:
    """Where everything goes: heights in pixels from the top, places along the quarter in percent of the width."""

    top: int
    height: int
    curves: list[Curve]
    ticks: list[tuple[float, float]]
    weeks: list[tuple[int, float]]
    now: float


def told(answer: PaceAnswer) -> list[tuple[str, EarlierPace]]:
    """Return the earlier quarters that are told in words, with the words: the last one, and a year ago."""
    earlier = answer.rows[0].earlier
    return [(words, earlier[place]) for place, words in _WORDS.items() if place < len(earlier)]


def pace_chart(answer: PaceAnswer) -> PaceChart:
    """Place the whole's curves; that of this quarter comes last, so that it lies on top."""
    whole = answer.rows[0]
    curves = [(answer.period.name, "so far", "this", whole.curve)]
    curves += [
        (one.period, _WORDS.get(place, ""), _KINDS.get(place, "other"), one.curve)
        for place, one in enumerate(whole.earlier)
    ]
    length = max(point.day for *_, points in curves for point in points)
    ticks = axis_ticks(max(float(point.won.amount) for *_, points in curves for point in points))
    n_weeks = int(length // 7)
    return PaceChart(
        top=TOP,
        height=HEIGHT,
        curves=[
            Curve(name, words, kind, _points(points, length, ticks[-1])) for name, words, kind, points in curves[::-1]
        ],
        ticks=[(tick, TOP + HEIGHT * (1 - tick / ticks[-1])) for tick in ticks],
        weeks=[(week, 700 * week / length) for week in range(0, n_weeks + 1, _LABELS_EVERY_WEEKS)],
        now=100 * answer.elapsed_days / length,
    )


def _points(points: list[PacePoint], length: float, top: float) -> str:
    """Percent of the width and pixels from the top; what credits pull below zero is drawn at zero."""
    places = ((100 * point.day / length, HEIGHT * (1 - max(0.0, float(point.won.amount)) / top)) for point in points)
    return " ".join(f"{x:.2f},{y:.1f}" for x, y in places)
