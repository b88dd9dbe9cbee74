"""How a signal is declared: once, beside the function that computes it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np

from features.declared import Expectation
from features.facts import FloatColumn
from features.snapshots import Snapshots

Group = Literal["engagement", "momentum", "sequence", "timing", "money", "people", "fit", "own", "course"]
Compute: TypeAlias = Callable[[Snapshots], FloatColumn]


@dataclass(frozen=True)
class Said:
    """What a number says of a deal, as a sentence.

    Attributes
    ----------
    topic : signals that say nearly the same (emails in 14 and in 30 days) share one, and make one reason
    says : sentence with ``{value}`` and ``{typical}``, each already written with its unit; what follows
        the semicolon is said only where a typical value is known
    says_none, says_zero, says_below : sentences where the value is missing (NaN), 0, or negative (then ``{value}``
        is written without its sign; the last is empty where a signal cannot be negative)
    expect : what people expect more of it to do to the chance of winning
    words : what each value stands for, where values are places in a list
    """

    name: str
    topic: str
    group: Group
    unit: str
    expect: Expectation
    says: str
    says_none: str
    says_zero: str
    says_below: str
    words: tuple[str, ...] = ()

    def sentence(self, value: float, typical: float) -> str:
        """Say ``value`` beside what is ``typical`` among deals won from the same stage; either may be NaN."""
        head, _, comparison = self._template(value).partition("; ")
        if comparison and typical >= 0:
            head = f"{head}; {comparison}"
        shown = abs(value) if self.says_below else value
        said = head.format(value=self.written(shown), typical=self.usual(typical))
        return said[0].upper() + said[1:]

    def _template(self, value: float) -> str:
        if np.isnan(value):
            return self.says_none
        if self.words:
            return self.says
        # A date that began less than a day ago is today.
        if -1 < value <= 0:
            return self.says_zero
        return self.says_below if value < 0 and self.says_below else self.says

    def written(self, value: float) -> str:
        """``value`` with its unit."""
        if self.words:
            return self.words[int(value)] if value >= 0 else ""
        number = self.number(value)
        if self.unit == "days" and value < 1:
            return "less than a day"
        if number == "0" and self.unit in _SINGULAR:
            number = "no"
        unit = _SINGULAR.get(self.unit, self.unit) if number == "1" else self.unit
        return number if self.unit in ("share", "rate") else f"{number} {unit}".strip()

    def usual(self, typical: float) -> str:
        """``typical`` as a comparison says it: days with their unit, anything else as a number."""
        if self.unit != "days":
            return self.number(typical)
        return "a day" if typical < 1 else self.written(typical)

    def number(self, value: float) -> str:
        """``value`` without its unit: shares and rates as percent, decimals only where they matter."""
        if self.unit in ("share", "rate"):
            return f"{value:,.0%}" if value == 0 or value >= 0.01 else f"{value:.1%}"
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.1f}".removesuffix(".0")


@dataclass(frozen=True)
class Signal(Said):
    """A feature with its sentence."""

    compute: Compute = field(kw_only=True)


_SINGULAR = {
    "days": "day",
    "emails from the customer": "email from the customer",
    "emails to the customer": "email to the customer",
    "calls from the customer": "call from the customer",
    "calls to the customer": "call to the customer",
    "meetings": "meeting",
    "interactions": "interaction",
    "notes": "note",
    "tasks": "task",
    "users": "user",
    "handovers": "handover",
    "moves": "move",
    "directors or executives": "director or executive",
    "contacts": "contact",
    "forward moves": "forward move",
    "moves back": "move back",
    "stages": "stage",
    "stages a month": "stage a month",
    "pushes": "push",
    "times": "time",
    "changes": "change",
    "deals": "deal",
    "open deals": "open deal",
}

SIGNALS: dict[str, Signal] = {}
"""Every declared signal by name, in the order of declaration."""


def said(
    *,
    name: str,
    group: Group,
    unit: str,
    expect: Expectation,
    says: str,
    says_none: str = "",
    says_zero: str = "",
    says_below: str = "",
    topic: str = "",
    words: tuple[str, ...] = (),
) -> Said:
    """A sentence, as its own topic and for all values, unless others are given."""
    others = (says_none or "Not known: " + name.replace("_", " "), says_zero or says, says_below)
    return Said(name, topic or name, group, unit, expect, says, *others, words)


def declared_signal(compute: Compute, *, name: str = "", **saying: Any) -> Signal:
    """A signal under the function's name, unless another is given; takes what ``said`` takes besides."""
    return Signal(**vars(said(name=name or compute.__name__, **saying)), compute=compute)


def signal(**declaration: Any) -> Callable[[Compute], Compute]:
    """Declare the decorated function as a signal; takes what ``declared_signal`` takes."""

    def declare(compute: Compute) -> Compute:
        made = declared_signal(compute, **declaration)
        SIGNALS[made.name] = made
        return compute

    return declare
