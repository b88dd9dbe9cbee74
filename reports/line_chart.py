"""A line chart as one SVG element that a page's own style sheet colours: no script, no font, no inline style.

Its width is its container's: places along it are in percent, so texts keep their size on a phone. Lines and bands lie
in a stretched drawing of their own, whose strokes the style sheet keeps from stretching (``vector-effect``).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from reports.axis import axis_ticks

_LEFT, _WIDTH = 13.0, 84.0
"""Of the drawing, in percent of the whole; the rest is for the scales' texts."""
_TOP, _BELOW = 8, 24
"""Above and below the drawing, in pixels."""
_UNITS = ((1e9, "bn"), (1e6, "M"), (1e3, "k"), (1.0, ""))

Point = tuple[float, float]


@dataclass(frozen=True)
class Scale:
    """From ``low`` to ``high``, or backwards where ``high`` lies below ``low``; ``ticks`` are places with texts."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]]

    def share(self, value: float) -> float:
        """Where a value lies: 0 at ``low``, 1 at ``high``."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Line:
    """Points joined by straight lines, but for those that are NaN; ``kind`` is what the style sheet knows it by."""

    kind: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Dot:
    """A point, with bounds where both are given."""

    kind: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def line_chart(
    label: str,
    x: Scale,
    y: Scale,
    lines: Iterable[Line] = (),
    *,
    band: Sequence[tuple[float, float, float]] = (),
    dots: Iterable[Dot] = (),
    rules: Iterable[float] = (),
    height: int = 150,
) -> Markup:
    """Draw lines over a band (x, low, high), dots with their bounds, and upright rules.

    Parameters
    ----------
    label
        What is to be seen, in words, for those who cannot see it.
    height
        Of the drawing, in pixels.
    """
    places = _Places(x, y, height)
    stretched = [_shape("polygon", "band", places, _around(band))] if len(band) > 1 else []
    stretched += [_shape("polyline", line.kind, places, _known(line.points)) for line in lines]
    return Markup(
        '<svg class="plot" width="100%" height="{whole}" role="img" aria-label="{label}">{grid}'
        '<svg x="{left}%" y="{top}" width="{width}%" height="{height}" viewBox="0 0 1000 1000" '
        'preserveAspectRatio="none" aria-hidden="true">{stretched}</svg>{rules}{dots}</svg>'
    ).format(
        **{"whole": height + _TOP + _BELOW, "label": label, "left": _LEFT, "top": _TOP, "width": _WIDTH},
        height=height,
        grid=_joined([*(places.x_tick(*tick) for tick in x.ticks), *(places.y_tick(*tick) for tick in y.ticks)]),
        stretched=_joined(stretched),
        rules=_joined(places.upright("rule", at, y.low, y.high) for at in rules),
        dots=_joined(places.dot(dot) for dot in dots),
    )


def money_scale(largest: float) -> Scale:
    """A scale of money from 0 to at least ``largest``, its ticks in one unit.

    >>> money_scale(870_000.0).ticks[1]
    (200000.0, '0.2M')
    """
    ticks = axis_ticks(largest)
    size, name = next(unit for unit in _UNITS if ticks[-1] >= unit[0])
    return Scale(0.0, ticks[-1], [(tick, f"{tick / size:g}{name}" if tick else "0") for tick in ticks])


SHARES = Scale(0.0, 1.0, [(share / 4, f"{25 * share}%") for share in range(5)])
"""From nothing to certainty."""


@dataclass(frozen=True)
class _Places:
    """Where values lie in the drawing."""

    x: Scale
    y: Scale
    height: int

    def across(self, value: float) -> float:
        return _LEFT + _WIDTH * self.x.share(value)

    def down(self, value: float) -> float:
        return _TOP + self.height * (1 - self.y.share(value))

    def stretched(self, point: Point) -> str:
        return f"{1000 * self.x.share(point[0]):.1f},{1000 * (1 - self.y.share(point[1])):.1f}"

    def upright(self, kind: str, at: float, low: float, high: float) -> Markup:
        return _line(kind, (self.across(at), self.down(low)), (self.across(at), self.down(high)))

    def dot(self, dot: Dot) -> Markup:
        bounds = Markup("")
        if dot.low is not None and dot.high is not None:
            bounds = self.upright(f"{dot.kind} bounds", dot.x, dot.low, dot.high)
        return bounds + Markup('<circle class="{}" cx="{:.2f}%" cy="{:.1f}" r="3.5"></circle>').format(
            dot.kind, self.across(dot.x), self.down(dot.y)
        )

    def x_tick(self, at: float, text: str) -> Markup:
        return Markup('<text x="{:.2f}%" y="{}" text-anchor="middle">{}</text>').format(
            self.across(at), _TOP + self.height + 18, text
        )

    def y_tick(self, at: float, text: str) -> Markup:
        line = _line("grid", (_LEFT, self.down(at)), (_LEFT + _WIDTH, self.down(at)))
        return line + Markup('<text x="{:.2f}%" y="{:.1f}" text-anchor="end">{}</text>').format(
            _LEFT - 1.5, self.down(at) + 4, text
        )


def _line(kind: str, start: Point, end: Point) -> Markup:
    return Markup('<line class="{}" x1="{:.2f}%" y1="{:.1f}" x2="{:.2f}%" y2="{:.1f}"></line>').format(
        kind, *start, *end
    )


def _shape(tag: str, kind: str, places: _Places, points: Sequence[Point]) -> Markup:
    drawn = " ".join(places.stretched(point) for point in points)
    return Markup('<{tag} class="{kind}" points="{points}"></{tag}>').format(tag=tag, kind=kind, points=drawn)


def _around(band: Sequence[tuple[float, float, float]]) -> list[Point]:
    return [(x, high) for x, _, high in band] + [(x, low) for x, low, _ in reversed(band)]


def _known(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if not math.isnan(point[1])]


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)
