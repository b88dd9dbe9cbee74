"""Every signal, group by group. Importing this package declares them all in ``SIGNALS``."""

from functools import cache

from features.declared import Declared
from features.signals import engagement, fit, momentum, money, people, sequence, timing
from features.signals.declaration import SIGNALS, Signal
from features.signals.own import own_signals

__all__ = ["SIGNALS", "Signal", "engagement", "fit", "momentum", "money", "people", "sequence", "signals_of", "timing"]


@cache
def signals_of(declared: Declared) -> dict[str, Signal]:
    """Every signal by name, those that a company declared last."""
    return SIGNALS | own_signals(declared)
