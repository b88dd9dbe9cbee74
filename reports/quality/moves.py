"""Moves between stages that cannot be: to a stage that is none, from one end to another, before the beginning."""

from reports.quality.findings import Finding, finding
from reports.quality.known import CLOSED, Known

_TO = "to {new_value} on {changed_at:%Y-%m-%d}"


def impossible_moves(known: Known) -> tuple[Finding, ...]:
    """Find closings before creation, moves to unknown stages, and moves on from a closed stage without reopening."""
    moves = known.moves
    closing = moves["category"].isin(CLOSED)
    valid = moves[moves["category"].notna()]
    before = valid.groupby("deal", sort=False)[["new_value", "category"]].shift().add_prefix("from_")
    valid = valid.join(before)
    ended = valid["from_category"].isin(CLOSED) & valid["category"].isin(CLOSED)
    return (
        finding(
            "closings_before_creation",
            "Closings before their deal was created",
            "Correct created_at or the date of the closing: with both, every duration of the deal is wrong.",
            moves[closing & (moves["changed_at"] < moves["created_at"])],
            int(closing.sum()),
            unit="closings",
            what=_TO + ", deal created {created_at:%Y-%m-%d}",
        ),
        finding(
            "moves_to_unknown_stages",
            "Moves to a stage that the deal's pipeline does not have",
            "They are ignored: add the stage to the table stages, or to the mapping.",
            moves[moves["category"].isna()],
            len(moves),
            unit="moves",
            what=_TO + ", pipeline {pipeline_id}",
        ),
        finding(
            "moves_after_closing",
            "Moves from one closed stage straight to another, with no reopening between",
            "The last one counts: check whether deals are closed by mistake, or whether the first stage is no end.",
            valid[ended & (valid["new_value"] != valid["from_new_value"])],
            len(moves),
            unit="moves",
            what="from {from_new_value} " + _TO,
        ),
    )
