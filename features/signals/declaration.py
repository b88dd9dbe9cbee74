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
    topic : signals that say nearly the same (emails in 14 and in 30 days) share one, and make one reason
    says : sentence with ``{value}`` and ``{typical}``, each already written with its unit
    says_none : sentence where the value is missing (NaN); may hold ``{typical}``
    expect : what people expect more of it to do to the chance of winning
    """

    name: str
    topic: str
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
        usual = f"{self.number(typical)} days" if self.unit == "days" else self.number(typical)
        return head.format(value=self.written(value), typical=usual)

    def written(self, value: float) -> str:
        """``value`` with its unit."""
        number = self.number(value)
        unit = _SINGULAR.get(self.unit, self.unit) if number == "1" else self.unit
        return number if self.unit in ("share", "rate") else f"{number} {unit}".strip()

    def number(self, value: float) -> str:
        """``value`` without its unit: shares and rates as percent, decimals only where they matter."""
        if self.unit in ("share", "rate"):
            return f"{value:.0%}"
        return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.1f}"


_SINGULAR = {
    "days": "day",
    "emails from the customer": "email from the customer",
    "emails to the customer": "email to the customer",
    "calls from the customer": "call from the customer",
    "calls to the customer": "call to the customer",
    "meetings": "meeting",
    "interactions": "interaction",
    "contacts": "contact",
    "forward moves": "forward move",
    "moves back": "move back",
    "stages": "stage",
    "pushes": "push",
    "changes": "change",
    "deals": "deal",
    "open deals": "open deal",
    "closed deals": "closed deal",
}

SIGNALS: dict[str, Signal] = {}
"""Every declared signal by name, in the order of declaration."""


def signal(
    *, group: Group, unit: str, expect: Expectation, says: str, says_none: str = "", name: str = "", topic: str = ""
) -> Callable[[Compute], Compute]:
    """Declare the decorated function as a signal, under its own name and as its own topic unless others are given."""

    def declare(compute: Compute) -> Compute:
        called = name or compute.__name__
        SIGNALS[called] = Signal(called, topic or called, group, unit, expect, says, says_none or says, compute)
        return compute

    return declare
