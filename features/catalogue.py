"""The catalogue of signals, ``docs/signals.md``, made from their declarations: ``python -m features.catalogue``."""

import inspect
from functools import partial
from pathlib import Path

from features.declared import Custom, Declared
from features.signals import SIGNALS, Signal
from features.signals.own import own_signals

FILE = Path(__file__).parents[1] / "docs" / "signals.md"
_HEAD = """# Signals

What Plumbline knows of a deal at an instant, from what was known before it. Made from the declarations in
`features/signals/` by `make signals`; a test holds the two together.

Each signal is computed for a deal as of an instant: windows of days count facts with
`as_of - days <= known_at < as_of`. "Typical" in a sentence is the median among past snapshots of deals that were won
from the same stage. Signals of one topic are told as one reason.
"""
_OWN = """## own

Made from what you declare in the file that `PLUMBLINE_SIGNALS` names. For example

```yaml
attributes:
  seats: {type: number, unit: seats}
  competitor: {type: category}
  budget_confirmed: {type: flag, expect: more is better}
fields:
  offer: {type: category, counts: [Sent]}
activities: [demo held]
```

gives
"""
_EXAMPLE = Declared(
    (
        Custom("attribute", "seats", "number", "seats"),
        Custom("attribute", "competitor", "category"),
        Custom("attribute", "budget_confirmed", "flag", expect="more is better"),
        Custom("field", "offer", "category", counts=("Sent",)),
    ),
    ("demo held",),
)


def catalogue() -> str:
    """Return the catalogue as Markdown: a table per group, a row per signal."""
    parts = [_HEAD, f"{len(SIGNALS)} signals come with Plumbline.\n"]
    for group in dict.fromkeys(signal.group for signal in SIGNALS.values()):
        parts += [f"## {group}\n", _table([one for one in SIGNALS.values() if one.group == group])]
    parts += [_OWN, _table(list(own_signals(_EXAMPLE).values()))]
    return "\n".join(parts)


def _table(signals: list[Signal]) -> str:
    rows = [(f"`{one.name}`", one.topic, one.unit, one.expect, _how(one), _said(one)) for one in signals]
    head = ("signal", "topic", "unit", "expected", "how it is computed", "what it says")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows)) + "\n"


def _how(signal: Signal) -> str:
    compute = signal.compute.func if isinstance(signal.compute, partial) else signal.compute
    return " ".join((inspect.getdoc(compute) or "").split())


def _said(signal: Signal) -> str:
    none = "" if signal.says_none.startswith("Not known: ") else signal.says_none
    said = [signal.says, signal.says_zero, signal.says_below, none]
    return " / ".join(dict.fromkeys(sentence for sentence in said if sentence))


if __name__ == "__main__":
    FILE.write_text(catalogue(), encoding="utf-8")
