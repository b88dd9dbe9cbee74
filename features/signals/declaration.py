"""How a signal is declared: once, beside the function that computes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from features.facts import FloatColumn
from features.snapshots import Snapshots

Group = Literal["engagement", "momentum", "timing", "money", "people", "fit"]
Expectation = Literal["more is better", "less is better", "depends"]
Compute: TypeAlias = Callable[[Snapshots], FloatColumn]


@dataclass(frozen=True)
class Signal:
    """A feature with a sentence.

    Attributes
    ----------
    says : sentence with ``{value}`` and ``{typical}``, each already written with its unit
    says_none : sentence where the value is missing (NaN); may hold ``{typical}``
    expect : what people expect more of it to do to the chance of winning
    """

    name: str
    group: Group
    unit: str
    expect: Expectation
    says: str
    says_none: str
    compute: Compute

    def sentence(self, value: float, typical: float) -> str:
        """Say ``value`` beside what is ``typical`` among deals won from the same stage; either may be NaN."""
        template = self.says_none if np.isnan(value) else self.says
        head, _, comparison = template.partition("; ")
        if comparison and not np.isnan(typical):
            head = f"{head}; {comparison}"
        return head.format(value=self.written(value), typical=self.written(typical))

    def written(self, value: float) -> str:
        """``value`` in words: shares and rates as percent, small counts without decimals."""
        if np.isnan(value):
            return "none"
        if self.unit in ("share", "rate"):
            return f"{value:.0%}"
        number = f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.1f}"
        unit = self.unit.removesuffix("s") if number == "1" else self.unit
        return f"{number} {unit}".strip()


SIGNALS: dict[str, Signal] = {}
"""Every declared signal by name, in the order of declaration."""


def signal(
    *, group: Group, unit: str, expect: Expectation, says: str, says_none: str = "", name: str = ""
) -> Callable[[Compute], Compute]:
    """Declare the decorated function as a signal, under its own name unless another is given."""

    def declare(compute: Compute) -> Compute:
        called = name or compute.__name__
        SIGNALS[called] = Signal(called, group, unit, expect, says, says_none or says, compute)
        return compute

    return declare
