"""What each signal knows of the deals that are open now, and whether it tells them apart."""

from dataclasses import dataclass

import pandas as pd

from features.declared import NOTHING, Declared
from features.signals import signals_of
from reports.quality.findings import share

# The same for every deal of one day by its nature; it tells days apart, not deals.
OF_THE_DAY = frozenset({"days_to_quarter_end"})


@dataclass(frozen=True)
class Coverage:
    """One signal over the deals open now.

    Attributes
    ----------
    n, share : deals of which it has a value (is not NaN); the share is None where no deal is open
    share_not_zero : deals of which it has a value other than 0, of all open deals
    constant : whether it says the same of every deal (having no value counts as saying something); None where
        fewer than two deals are open
    """

    name: str
    group: str
    unit: str
    n: int
    of: int
    share: float | None
    share_not_zero: float | None
    constant: bool | None

    @property
    def silent(self) -> bool:
        """Whether there are open deals, and it has no value for any of them."""
        return self.share == 0

    @property
    def same_for_all(self) -> bool:
        """Whether it has values that tell no deal from another, though they could."""
        return bool(self.constant) and not self.silent and self.name not in OF_THE_DAY


def coverage(signals: pd.DataFrame, declared: Declared = NOTHING) -> tuple[Coverage, ...]:
    """Measure every signal of a table of open snapshots, one column per signal; in their order."""
    n = len(signals)
    known_signals = signals_of(declared)
    values = signals[list(known_signals)]
    known, not_zero = values.notna().sum(), (values.notna() & (values != 0)).sum()
    distinct = values.nunique(dropna=False)
    return tuple(
        Coverage(
            name=name,
            group=signal.group,
            unit=signal.unit,
            n=int(known[name]),
            of=n,
            share=share(int(known[name]), n),
            share_not_zero=share(int(not_zero[name]), n),
            constant=bool(distinct[name] == 1) if n > 1 else None,
        )
        for name, signal in known_signals.items()
    )
