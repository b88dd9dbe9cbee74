"""Groups of deals, and how a scorer does in each: for whom it works, and for whom it does not."""

from itertools import pairwise

import numpy as np
import pandas as pd

from features.facts import FloatColumn, IntColumn
from training.bounds import losses, mean_with_bounds
from training.contest import Contest, Judged
from training.dataset import Dataset

GROUPED_BY = ("pipeline", "source", "deal_type", "industry", "size", "region")
FEW_DEALS = 30
"""With fewer closed deals nothing is claimed of a segment."""
AGES_DAYS = (30.0, 90.0, 180.0)
"""Where the bands of a deal's age at the snapshot begin, but for the first."""
AT_MOST = 12
"""The largest values of each grouping; the others are pooled."""
TOLERANCE = 0.05
"""Five points between what was said and what came are within what anybody acts upon."""
MISSING, OTHERS = "(missing)", "(others)"
WORKS, FEW, WORSE, OFF = "works", "few deals", "worse than the stage rate", "off by more than luck"


def segments(dataset: Dataset) -> pd.DataFrame:
    """One column per grouping and one row per snapshot: stage, what was known at creation, amount and age then.

    Groupings with a single value are left out; values beyond the ``AT_MOST`` largest are called ``(others)``.
    """
    found = {"stage": dataset.table["stage"].astype(str).reset_index(drop=True)}
    for name in GROUPED_BY:
        values = np.array([*dataset.snapshots.norms.vocabulary.names[name], MISSING], dtype=object)
        named = pd.Series(values[dataset.snapshots.static(name)])
        kept = named.value_counts().index[:AT_MOST]
        if len(kept) > 1:
            found[name] = named.where(named.isin(kept), OTHERS)
    found["amount"] = _banded(dataset.snapshots.amount, quarters_of(dataset.snapshots.amount), "in amount")
    found["age"] = _banded(dataset.table["age_days"].to_numpy(), AGES_DAYS, "days old")
    return pd.DataFrame({name: values for name, values in found.items() if values.nunique() > 1})


def quarters_of(values: FloatColumn) -> tuple[float, ...]:
    """Where the middle three of four bands of equal count begin, on two digits; fewer where values repeat."""
    known = values[~np.isnan(values)]
    if not len(known):
        return ()
    return tuple(sorted({float(f"{edge:.2g}") for edge in np.quantile(known, [0.25, 0.5, 0.75])}))


def _banded(values: FloatColumn, edges: tuple[float, ...], unit: str) -> pd.Series:
    """The band of each value in words, such as ``30 to 90 days old``."""
    if not edges:
        return pd.Series(MISSING, index=range(len(values)))
    words = [
        f"under {edges[0]:,.0f} {unit}",
        *(f"{low:,.0f} to {high:,.0f} {unit}" for low, high in pairwise(edges)),
        f"from {edges[-1]:,.0f} {unit}",
        MISSING,
    ]
    band = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, np.nan_to_num(values), side="right"))
    return pd.Series(np.array(words, dtype=object)[band])


def by_segment(contest: Contest, groups: pd.DataFrame, name: str, seed: int) -> pd.DataFrame:
    """How ``name`` did in every segment of the contest's window.

    Parameters
    ----------
    groups : as ``segments`` gives them, one row per snapshot of the window

    Returns
    -------
    DataFrame, one row per event and segment
        ``said`` and ``came`` in [0, 1]; ``gap`` is said minus came; ``log_loss``; each of these two with bounds of
        95 % over deals; ``log_loss_stage_rate``; ``verdict``, in words.
    """
    rows = [
        {"event": event, "grouping": grouping, "segment": segment}
        | _figures(judged, contest.deal, name, (groups[grouping] == segment).to_numpy(), seed)
        for event, judged in contest.judged.items()
        if name in judged.probabilities and "stage rate" in judged.probabilities
        for grouping in groups
        for segment in sorted(groups[grouping].unique())
    ]
    return pd.DataFrame(rows, columns=["event", "grouping", "segment", *_FIGURES])


_FIGURES = (
    "n_deals", "n_snapshots", "said", "came", "gap", "gap_low", "gap_high",
    "log_loss", "log_loss_low", "log_loss_high", "log_loss_stage_rate", "verdict",
)  # fmt: skip


def _figures(judged: Judged, deal: IntColumn, name: str, member: np.ndarray, seed: int) -> dict[str, object]:
    weight = np.where(member, judged.target.weight, 0.0)
    seen, happened = weight > 0, judged.target.happened
    said, rung = judged.probabilities[name], judged.probabilities["stage rate"]

    def mean(values: FloatColumn) -> tuple[float, float, float]:
        return mean_with_bounds(values, weight, deal, seed)

    gap, loss = mean(said - happened), mean(losses(happened, said))
    worse = mean(losses(happened, said) - losses(happened, rung))
    n_deals = len(np.unique(deal[seen]))
    return {
        "n_deals": n_deals,
        "n_snapshots": int(seen.sum()),
        "said": mean(said)[0],
        "came": mean(happened)[0],
        **dict(zip(("gap", "gap_low", "gap_high"), gap, strict=True)),
        **dict(zip(("log_loss", "log_loss_low", "log_loss_high"), loss, strict=True)),
        "log_loss_stage_rate": mean(losses(happened, rung))[0],
        "verdict": _verdict(n_deals, gap, worse),
    }


def _verdict(n_deals: int, gap: tuple[float, float, float], worse: tuple[float, float, float]) -> str:
    if n_deals < FEW_DEALS:
        return FEW
    if worse[1] > 0:
        return WORSE
    if abs(gap[0]) > TOLERANCE and not gap[1] <= 0 <= gap[2]:
        return OFF
    return WORKS


def as_metrics(found: pd.DataFrame) -> dict[str, float]:
    """Log loss and gap by names such as ``win/stage/Demo/log_loss``; only of segments with enough deals."""
    flat: dict[str, float] = {}
    for row in found[found["verdict"] != FEW].to_dict("records"):
        place = "/".join(_plain(str(row[name])) for name in ("event", "grouping", "segment"))
        flat |= {f"{place}/{figure}": float(row[figure]) for figure in ("log_loss", "gap")}
    return flat


def _plain(name: str) -> str:
    """A name in the letters that MLflow takes for metrics."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-. ") else "_" for letter in name)
