"""History out of facts: the changes of each deal, made by comparing what an import says with what is stored.

Most CRMs export the present, not the past. So the present is compared with the last value stored, and a difference
becomes a change known at the export; a first sight of a deal gives its first values. Importing an export twice
changes nothing; the next export adds just its differences.
"""

from datetime import datetime

import pandas as pd

from crm.kinds import INSTANT
from crm.origins import ORIGIN
from crm.tables import STAGE

_FIELD = ["deal_id", "field"]
_AT = [*_FIELD, "changed_at"]


def dated(facts: pd.DataFrame, created_at: pd.Series, exported_at: datetime | None) -> pd.DataFrame:
    """Give every fact the instants it lacks.

    Parameters
    ----------
    facts
        Rows of ``deal_changes`` without ``known_at``; ``at`` says what they hold from: ``date`` (their own
        ``changed_at``), ``creation`` or ``export``.
    created_at
        By deal_id.
    exported_at
        The instant of the export, for facts that hold from it.

    Returns
    -------
    The facts with ``changed_at`` and ``known_at``: a fact is known when it happens.
    """
    changed = facts["changed_at"].astype(INSTANT)
    created = created_at.reindex(facts["deal_id"]).set_axis(facts.index).astype(INSTANT)
    changed = changed.mask(facts["at"] == "creation", created)
    if exported_at is not None:
        changed = changed.mask(facts["at"] == "export", pd.Timestamp(exported_at).tz_convert("UTC")).astype(INSTANT)
    return facts.assign(changed_at=changed, known_at=changed)


def changes(
    facts: pd.DataFrame,
    stored: pd.DataFrame,
    created_at: pd.Series,
    exported_at: datetime | None,
    closing: set[str],
) -> pd.DataFrame:
    """The changes that the facts add to the stored ones.

    Parameters
    ----------
    facts
        What ``dated`` returns, checked; ``seq`` orders the facts of one field and instant.
    stored
        The stored ``deal_changes`` of these deals; empty for a source that carries its whole history.
    created_at
        By deal_id.
    closing
        Stages that are won or lost. A deal first seen closed was not closed at its creation: its closing
        is dated at the export.

    Returns
    -------
    Rows of ``deal_changes`` with ``_origin``. A fact that says what held already is no change. A fact that
    contradicts the stored value of its own instant, or comes in before a stored change, is known at the export.
    """
    chain = _chain(_news(facts, stored), stored)
    by_field = chain.groupby(_FIELD, sort=False)["new_value"]
    before = by_field.shift()
    first = by_field.cumcount() == 0
    same = (chain["new_value"] == before) | (chain["new_value"].isna() & before.isna())
    kept = chain["new"] & ~same
    rows = _first_seen(chain[kept].assign(old_value=before[kept]), first[kept], created_at, closing)
    rows = _numbered(rows, stored, exported_at)
    columns = ["deal_id", "field", "changed_at", "seq", "old_value", "new_value", "changed_by", "known_at", ORIGIN]
    return rows[columns].reset_index(drop=True)


def _news(facts: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """The facts that are not stored word for word: same deal, field, instant and value."""
    if stored.empty:
        return facts
    said = [*_AT, "new_value"]
    known = facts[said].merge(stored[said].drop_duplicates(), on=said, how="left", indicator=True)["_merge"] == "both"
    return facts[~known.to_numpy()]


def _chain(facts: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Stored changes and facts of the same fields in order; at one instant the stored ones come first."""
    parts = [facts.assign(new=True)]
    if len(stored):
        parts.insert(0, stored.assign(new=False, at="date", first="export"))
    chain = pd.concat(parts, ignore_index=True)
    # The present comes after whatever else is dated at that very instant.
    chain["last"] = chain["at"] == "export"
    return chain.sort_values([*_AT, "new", "last", "seq"], kind="stable", ignore_index=True)


def _first_seen(rows: pd.DataFrame, first: pd.Series, created_at: pd.Series, closing: set[str]) -> pd.DataFrame:
    """The present of a field never seen before holds since the deal's creation, but for a deal that is closed."""
    closed = (rows["field"] == STAGE) & rows["new_value"].isin(closing)
    since_creation = (rows["at"] == "export") & first & ~closed
    created = created_at.reindex(rows["deal_id"]).set_axis(rows.index).astype(INSTANT)
    known_then = since_creation & (rows["first"] == "creation")
    return rows.assign(
        changed_at=rows["changed_at"].mask(since_creation, created), known_at=rows["known_at"].mask(known_then, created)
    )


def _numbered(rows: pd.DataFrame, stored: pd.DataFrame, exported_at: datetime | None) -> pd.DataFrame:
    """Count the changes of one field at one instant on from those that are stored.

    A change that is dated no later than a stored one of its field came late: earlier exports did not show it.
    """
    rank = rows.groupby(_AT, sort=False).cumcount().astype("int64")
    if stored.empty:
        return rows.assign(seq=rank)
    last = stored.groupby(_AT)["seq"].max().rename("last_seq")
    after = rows[_AT].merge(last, left_on=_AT, right_index=True, how="left")["last_seq"].set_axis(rows.index)
    latest = stored.groupby(_FIELD)["changed_at"].max().rename("latest")
    late = rows["changed_at"] <= rows[_FIELD].merge(latest, on=_FIELD, how="left")["latest"].set_axis(rows.index)
    known = rows["known_at"]
    if exported_at is not None:
        export = pd.Timestamp(exported_at).tz_convert("UTC").as_unit("us")
        known = known.mask(late & (known < export), export)
    return rows.assign(seq=(after.fillna(-1) + 1).astype("int64") + rank, known_at=known)
