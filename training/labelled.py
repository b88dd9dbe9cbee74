"""Labels of snapshots as columns, for a build; in a module of its own, so that every process finds it by its name."""

from numpy.typing import NDArray

from features.labels import Patience, labels
from features.snapshots import Snapshots


def labelled(snapshots: Snapshots, cutoff: int) -> dict[str, NDArray]:
    """Labels as known before ``cutoff``, by name, one entry per snapshot; NaN where censored."""
    seen = labels(snapshots, Patience().of(snapshots), cutoff)
    return {"won": seen.won, "days_to_close": seen.days_to_close, "stalled": seen.stalled}
