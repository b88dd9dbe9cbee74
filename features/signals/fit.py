"""Fit: how deals like this one have ended, and what this account bought before. All as of then."""

from functools import partial

from features.facts import FloatColumn
from features.signals.declaration import signal
from features.snapshots import Snapshots


def _segment_win_rate(at: Snapshots, segment: str) -> FloatColumn:
    """Share won of the deals of the same segment closed before, shrunken toward all deals."""
    return at.norms.shrunken_win_rate(segment, at.static(segment), at.moments)


for _segment, _words in (
    ("source", "from this source"),
    ("deal_type", "of this type"),
    ("industry", "in this industry"),
    ("size", "with customers of this size"),
    ("region", "in this region"),
):
    signal(
        name=f"{_segment}_win_rate",
        group="fit",
        unit="rate",
        expect="more is better",
        says=f"About {{value}} of deals {_words} are won",
        says_none="No deal has closed yet",
    )(partial(_segment_win_rate, segment=_segment))


@signal(
    topic="account history",
    group="fit",
    unit="deals",
    expect="more is better",
    says="{value} won with this account before",
)
def account_won(at: Snapshots) -> FloatColumn:
    """Deals won with the same account before each snapshot."""
    return at.once("account won", lambda: at.norms.closed_before("account", "won", at.static("account"), at.moments))


@signal(
    topic="account history",
    group="fit",
    unit="deals",
    expect="less is better",
    says="{value} lost with this account before",
)
def account_lost(at: Snapshots) -> FloatColumn:
    """Deals lost with the same account before each snapshot."""
    return at.norms.closed_before("account", "closed", at.static("account"), at.moments) - account_won(at)
