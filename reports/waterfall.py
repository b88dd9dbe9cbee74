"""A waterfall: from what was to what is, one step per cause, laid out as percent of a chart's width."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import pandas as pd

from reports.axis import round_step
from reports.change_bridge import AFTER, BEFORE


@dataclass(frozen=True)
class Step:
    """One bar: ``start`` and ``size`` are percent of the width; ``kind`` is whole, up or down."""

    cause: str
    cents: int
    n_deals: int
    kind: str
    start: float
    size: float


@dataclass(frozen=True)
class Waterfall:
    """The bars in order, and the axis: money and its place in percent. It need not begin at 0: ``cut`` says so."""

    steps: Sequence[Step]
    ticks: Sequence[tuple[float, float]]
    cut: bool


def waterfall(rows: pd.DataFrame) -> Waterfall:
    """Lay out the rows of one group of a bridge (``cause``, ``cents``, ``n_deals``), in their order.

    The part of the axis below the lowest level is left out where the steps would else be too small to see.

    Examples
    --------
    >>> rows = pd.DataFrame({"cause": ["before", "won", "lost", "after"], "cents": [100_00, 30_00, -10_00, 120_00]})
    >>> found = waterfall(rows.assign(n_deals=1))
    >>> for step in found.steps:
    ...     print(step.cause, step.kind, step.start, step.size)
    before whole 0.0 25.0
    won up 25.0 75.0
    lost down 75.0 25.0
    after whole 0.0 75.0
    >>> found.ticks, found.cut
    ([(90.0, 0.0), (100.0, 25.0), (110.0, 50.0), (120.0, 75.0), (130.0, 100.0)], True)
    """
    counts = dict(zip(rows["cause"], zip(rows["cents"].tolist(), rows["n_deals"].tolist(), strict=True), strict=True))
    before, after = counts.pop(BEFORE, (0, 0)), counts.pop(AFTER, (0, 0))
    levels = list(accumulate((cents for cents, _ in counts.values()), initial=before[0]))
    ticks = _ticks(min(levels) / 100, max(0, *levels) / 100)
    low, width = ticks[0], ticks[-1] - ticks[0]

    def place(cents: float) -> float:
        return 100 * (cents / 100 - low) / width

    zero = place(0) if low <= 0 else 0.0

    def step(cause: str, part: tuple[int, int], kind: str, ends: tuple[float, float]) -> Step:
        return Step(cause, *part, kind, min(ends), abs(ends[1] - ends[0]))

    steps = [
        step(cause, part, "up" if part[0] > 0 else "down", (place(one), place(other)))
        for (cause, part), one, other in zip(counts.items(), levels, levels[1:], strict=False)
    ]
    ends = [step(name, part, "whole", (zero, place(part[0]))) for name, part in ((BEFORE, before), (AFTER, after))]
    return Waterfall([ends[0], *steps, ends[1]], [(tick, place(100 * tick)) for tick in ticks], low > 0)


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers from below ``low`` to at least ``high``; from 0 where that is near."""
    if low == high:
        low, high = min(0.0, low), max(0.0, high, low + 1)
    step = round_step(high - low)
    first = math.floor(low / step)
    first -= first * step == low and first != 0
    if 0 < first <= 2:
        first = 0
    last = math.ceil(high / step - 1e-9)
    return [step * number for number in range(first, last + 1)]
