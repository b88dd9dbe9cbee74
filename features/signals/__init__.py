"""Every signal, group by group. Importing this package declares them all in ``SIGNALS``."""

from features.signals import engagement, fit, momentum, money, people, timing
from features.signals.declaration import SIGNALS, Signal

__all__ = ["SIGNALS", "Signal", "engagement", "fit", "momentum", "money", "people", "timing"]
