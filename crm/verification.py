"""Everything an import brings, held against the contract: what may be written, what is refused, and the counts."""

from dataclasses import dataclass

import pandas as pd

from crm.brought import Brought, Piece
from crm.checks import checked, unique_keys
from crm.history import changes, dated
from crm.import_report import TableCounts
from crm.origins import ORIGIN
from crm.rejects import joined
from crm.relations import OF_DEALS, Known, known_before, of_deals, without_broken_relations, without_lines
from crm.store import Store
from crm.tables import TABLES
from crm.user_history import changes_seen

Tables = dict[str, pd.DataFrame]
_CHANGES, _USER_CHANGES = "deal_changes", "user_changes"


@dataclass(frozen=True)
class Verified:
    """Tables that can be written as they are, in the order in which they may be; counts and rejects."""

    tables: Tables
    counts: dict[str, TableCounts]
    rejects: pd.DataFrame


def verify(brought: Brought, store: Store | None) -> Verified:
    """Check every row by itself, then against the other rows and the store, and make facts into changes."""
    rejects = joined(brought.rejects)
    known = known_before(store, _deal_ids(brought))
    tables, repeated, found = _by_table(brought, rejects[ORIGIN])
    if brought.first_seen and "deals" in tables:
        tables["deals"] = _created_when_first_seen(tables["deals"], known)
    rejects = joined([rejects, *found])
    if brought.facts:
        tables[_CHANGES], found = _facts(brought, tables.get("deals"), known, rejects[ORIGIN])
        rejects = joined([rejects, *found])
    tables = without_lines(tables, rejects[ORIGIN])
    tables, broken = without_broken_relations(tables, known, _refused_deals(brought, rejects[ORIGIN]))
    counts = _counts(brought, tables, repeated)
    if brought.facts:
        tables[_CHANGES] = _history(brought, tables, known, store)
        counts[_CHANGES] = TableCounts(**{**vars(counts[_CHANGES]), "good": len(tables[_CHANGES])})
    tables = {name: rows.drop(columns=ORIGIN) for name, rows in tables.items()}
    if store is not None and brought.exported_at is not None and "users" in tables and _USER_CHANGES not in tables:
        told, stored = tables["users"], (store.read("users"), store.read(_USER_CHANGES))
        tables["users"], moves = changes_seen(told, *stored, brought.exported_at)
        if len(moves):
            tables[_USER_CHANGES], counts[_USER_CHANGES] = moves, TableCounts(good=len(moves))
    ordered = {name: tables[name] for name in TABLES if name in tables}
    return Verified(ordered, counts, joined([rejects, broken]))


def _deal_ids(brought: Brought) -> pd.Series:
    """Every deal that is spoken of."""
    ids = [
        piece.rows["deal_id"].dropna().drop_duplicates().astype("str")
        for piece in [*brought.pieces, *brought.facts]
        if piece.table in ("deals", *OF_DEALS) and "deal_id" in piece.rows
    ]
    return pd.concat(ids).drop_duplicates() if ids else pd.Series([], dtype="str")


def _by_table(brought: Brought, refused_lines: pd.Series) -> tuple[Tables, dict[str, int], list[pd.DataFrame]]:
    """Check each piece by itself, then the keys of each table."""
    parts: dict[str, list[pd.DataFrame]] = {}
    found, repeated = [], {}
    for piece in brought.pieces:
        good = checked(piece.table, _kept(piece, refused_lines), str(piece.file), piece.named)
        parts.setdefault(piece.table, []).append(good.rows)
        found.append(good.rejects)
    tables = {}
    for name, rows in parts.items():
        one = unique_keys(name, pd.concat(rows, ignore_index=True) if len(rows) > 1 else rows[0])
        tables[name], repeated[name] = one.rows, one.n_repeated
        found.append(one.rejects)
    return tables, repeated, found


def _kept(piece: Piece, refused_lines: pd.Series) -> pd.DataFrame:
    return piece.rows[~piece.rows[ORIGIN].isin(refused_lines)] if len(refused_lines) else piece.rows


def _created_when_first_seen(deals: pd.DataFrame, known: Known) -> pd.DataFrame:
    """A deal dated at its first sight keeps that date when it is seen again."""
    stored = known.deals.set_index("deal_id")["created_at"].reindex(deals["deal_id"]).set_axis(deals.index)
    earlier = stored.notna() & (stored < deals["created_at"])
    return deals.assign(created_at=deals["created_at"].mask(earlier, stored).astype(deals["created_at"].dtype))


def _facts(
    brought: Brought, deals: pd.DataFrame | None, known: Known, refused_lines: pd.Series
) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Facts with their instants, checked as the changes they may become."""
    created_at = _created_at(deals, known)
    parts, found = [], []
    for piece in brought.facts:
        rows = dated(_kept(piece, refused_lines).reset_index(drop=True), created_at, brought.exported_at)
        good = checked(_CHANGES, rows, str(piece.file), piece.named)
        parts.append(good.rows.join(rows[[name for name in rows if name not in good.rows]]))
        found.append(good.rejects)
    return pd.concat(parts, ignore_index=True), found


def _created_at(deals: pd.DataFrame | None, known: Known) -> pd.Series:
    parts = [rows[["deal_id", "created_at"]] for rows in (deals, known.deals) if rows is not None and len(rows)]
    if not parts:
        return pd.Series([], index=pd.Index([], dtype="str"), dtype="datetime64[us, UTC]")
    return pd.concat(parts).drop_duplicates("deal_id").set_index("deal_id")["created_at"]


def _refused_deals(brought: Brought, refused_lines: pd.Series) -> pd.Series:
    deals = [piece.rows for piece in brought.pieces if piece.table == "deals" and "deal_id" in piece.rows]
    lost = [rows.loc[rows[ORIGIN].isin(refused_lines), "deal_id"].astype("str") for rows in deals]
    return pd.concat(lost) if lost else pd.Series([], dtype="str")


def _counts(brought: Brought, tables: Tables, repeated: dict[str, int]) -> dict[str, TableCounts]:
    counts = {}
    for name in (name for name in TABLES if name in tables):
        read = sum(len(one.rows) + one.n_unreadable for one in [*brought.pieces, *brought.facts] if one.table == name)
        good, again = len(tables[name]), repeated.get(name, 0)
        counts[name] = TableCounts(read=read, refused=read - good - again, repeated=again, good=good)
    return counts


def _history(brought: Brought, tables: Tables, known: Known, store: Store | None) -> pd.DataFrame:
    """The changes that the facts are, beside what is stored."""
    facts = tables[_CHANGES]
    stored = pd.DataFrame()
    if store is not None and not brought.whole_history:
        stored = of_deals(store, _CHANGES, facts["deal_id"].drop_duplicates())
        _say_if_older(brought, stored)
    stages = pd.concat(
        [rows[["stage", "category"]] for rows in (known.stages, tables.get("stages")) if rows is not None]
    )
    closing = set(stages.loc[stages["category"] != "open", "stage"])
    return changes(facts, stored, _created_at(tables.get("deals"), known), brought.exported_at, closing)


def _say_if_older(brought: Brought, stored: pd.DataFrame) -> None:
    later = stored["known_at"] > brought.exported_at if brought.exported_at else stored["known_at"].isna()
    if later.any():
        brought.warnings.append(
            f"The store holds {int(later.sum())} changes of these deals that are later than this export "
            f"({brought.exported_at}); import exports in the order in which they were made."
        )
