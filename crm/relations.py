"""The rules between tables: known deals, known stages, and an order of instants that can be true.

A deal that closes before it is created is refused as a whole: without its closing it would stand open for ever,
and with it every duration would be nonsense. Where such a closing arrives for a deal that is stored already, the
change alone is refused. References to accounts, contacts and users that are not there are kept, and told as warnings:
exports often come without those tables.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.kinds import INSTANT, parsed
from crm.origins import ORIGIN
from crm.rejects import did_you_mean, joined, refused
from crm.store import Store
from crm.tables import AMOUNT, CLOSE_DATE, STAGE, Kind

OF_DEALS = ("deal_changes", "interactions", "line_items")
_KINDS: dict[str, Kind] = {AMOUNT: "decimal", CLOSE_DATE: "date"}
_REFERENCES = (
    ("deals", "account_id", "accounts"),
    ("contacts", "account_id", "accounts"),
    ("interactions", "contact_id", "contacts"),
    ("interactions", "user_id", "users"),
    ("user_changes", "user_id", "users"),
)
# Asked for by id up to here; with more, reading the whole table is quicker than naming them.
_FEW_IDS = 1_000
CALLED = {"new_value": "_value_in", "changed_at": "_date_in"}
"""Columns that facts of a mapped file carry along: what the file calls their value and their date."""


@dataclass(frozen=True)
class Known:
    """What the store holds that an import may refer to."""

    deals: pd.DataFrame
    stages: pd.DataFrame


def known_before(store: Store | None, deal_ids: pd.Series) -> Known:
    """Read from the store the deals that are spoken of, and every stage."""
    if store is None:
        deals = pd.DataFrame({"deal_id": [], "pipeline_id": [], "created_at": []}, dtype="str")
        deals["created_at"] = deals["created_at"].astype(INSTANT)
        return Known(deals, pd.DataFrame({"pipeline_id": [], "stage": [], "category": []}, dtype="str"))
    return Known(of_deals(store, "deals", deal_ids), store.read("stages"))


def of_deals(store: Store, table: str, ids: pd.Series) -> pd.DataFrame:
    """The stored rows of one table about these deals."""
    if len(ids) <= _FEW_IDS:
        return store.read(table, deal_ids=ids.tolist())
    stored = store.read(table)
    return stored[stored["deal_id"].isin(ids)]


def without_broken_relations(
    tables: dict[str, pd.DataFrame], known: Known, refused_deals: pd.Series
) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Refuse the rows that break a rule between tables, and whatever hangs on them, until none is left.

    A line of a file is loaded whole or refused whole: where one line feeds several tables, refusing
    its row in one of them takes its rows in the others along.

    Parameters
    ----------
    refused_deals
        Ids of deals that were refused already, so that a reject of what hangs on them can say so.

    Returns
    -------
    tables, rejects
    """
    found: list[pd.DataFrame] = []
    gone = refused_deals
    while True:
        rejects = joined(_broken(tables, known, gone))
        if rejects.empty:
            return tables, joined(found)
        found.append(rejects)
        before = tables.get("deals")
        tables = without_lines(tables, rejects[ORIGIN])
        if before is not None:
            lost = before.loc[~before[ORIGIN].isin(tables["deals"][ORIGIN]), "deal_id"]
            gone = pd.concat([gone, lost])


def without_lines(tables: dict[str, pd.DataFrame], lines: pd.Series) -> dict[str, pd.DataFrame]:
    """The tables without every row that came from one of these lines."""
    if lines.empty:
        return tables
    return {name: rows[~rows[ORIGIN].isin(lines)] for name, rows in tables.items()}


def loose_references(tables: dict[str, pd.DataFrame], store: Store | None) -> Iterator[str]:
    """A warning for each kind of reference to an account, contact or user that nobody brought."""
    for table, column, target in _REFERENCES:
        if table not in tables or column not in tables[table]:
            continue
        asked = tables[table][column].dropna().drop_duplicates()
        loose = asked[~asked.isin(tables[target][column])] if target in tables else asked
        if len(loose) and store is not None:
            loose = loose[~loose.isin(store.read(target)[column])]
        if len(loose):
            few = f"{len(loose)} values are in no row of {target} ({', '.join(loose.head(3))})"
            yield f"{table}.{column}: {few}; import {target} to name them."


def _broken(tables: dict[str, pd.DataFrame], known: Known, gone: pd.Series) -> Iterator[pd.DataFrame]:
    parts = [rows for rows in (tables.get("deals"), known.deals) if rows is not None and len(rows)]
    deals = pd.concat(parts) if parts else known.deals
    deals = deals.drop_duplicates("deal_id").set_index("deal_id")
    for name in OF_DEALS:
        if name in tables:
            yield _of_unknown_deals(name, tables[name], deals.index, gone)
    if (moves := tables.get("user_changes")) is not None:
        yield _known_too_early(moves)
    if (changes := tables.get("deal_changes")) is not None and len(changes):
        changes = changes[changes["deal_id"].isin(deals.index)]
        categories = _categories(tables.get("stages"), known.stages)
        yield _of_the_wrong_kind(changes)
        yield _known_too_early(changes)
        yield _in_unknown_stages(changes, deals, categories)
        yield from _before_creation(changes, deals, categories, tables.get("deals"))


def _of_unknown_deals(table: str, rows: pd.DataFrame, deals: pd.Index, gone: pd.Series) -> pd.DataFrame:
    bad = rows[~rows["deal_id"].isin(deals)]
    was_refused = bad["deal_id"].isin(gone).tolist()
    rules = [
        f'deal_id "{deal}" was refused, and so is its row in {table}; mend the deal and import both again'
        if refused_
        else f'deal_id "{deal}" is no deal of this import or of the store; import the deal with it'
        for deal, refused_ in zip(bad["deal_id"], was_refused, strict=True)
    ]
    return refused(bad[ORIGIN].to_numpy(), "deal_id", bad["deal_id"].tolist(), rules)


def _called(changes: pd.DataFrame, column: str) -> str | list[str]:
    """What the file calls a column of these changes, where a mapping gave it another name."""
    return changes[CALLED[column]].fillna(column).tolist() if CALLED[column] in changes else column


def _of_the_wrong_kind(changes: pd.DataFrame) -> pd.DataFrame:
    parts = []
    for field, kind in _KINDS.items():
        values = changes.loc[changes["field"] == field, "new_value"]
        read = parsed(values, kind)
        origin = changes.loc[values.index, ORIGIN].to_numpy()[read.bad]
        called = _called(changes.loc[values.index[read.bad]], "new_value")
        parts.append(refused(origin, called, values[read.bad].tolist(), read.sentences(field, values)))
    return joined(parts)


def _known_too_early(changes: pd.DataFrame) -> pd.DataFrame:
    bad = changes[changes["known_at"] < changes["changed_at"]]
    rules = [
        f"known_at {known} is before changed_at {changed}; a change cannot be known before it happens"
        for known, changed in zip(bad["known_at"], bad["changed_at"], strict=True)
    ]
    return refused(bad[ORIGIN].to_numpy(), "known_at", bad["known_at"].tolist(), rules)


def _categories(*stages: pd.DataFrame | None) -> pd.Series:
    """The category of each stage, by pipeline and stage; the import's word counts before the store's."""
    parts = [rows[["pipeline_id", "stage", "category"]] for rows in stages if rows is not None and len(rows)]
    if not parts:
        return pd.Series([], dtype="str", index=pd.MultiIndex.from_arrays([[], []]))
    return pd.concat(parts).drop_duplicates(["pipeline_id", "stage"]).set_index(["pipeline_id", "stage"])["category"]


def _in_unknown_stages(changes: pd.DataFrame, deals: pd.DataFrame, categories: pd.Series) -> pd.DataFrame:
    moves = changes[changes["field"] == STAGE]
    pipelines = deals["pipeline_id"].reindex(moves["deal_id"]).set_axis(moves.index)
    known = pd.MultiIndex.from_arrays([pipelines, moves["new_value"]]).isin(categories.index)
    bad, pipelines = moves[~known], pipelines[~known]
    rules = [
        _unknown_stage(stage, pipeline, categories) for stage, pipeline in zip(bad["new_value"], pipelines, strict=True)
    ]
    return refused(bad[ORIGIN].to_numpy(), _called(bad, "new_value"), bad["new_value"].tolist(), rules)


def _unknown_stage(stage: str | float, pipeline: str, categories: pd.Series) -> str:
    if pd.isna(stage):
        return "the stage is missing; every change of stage needs one"
    stages = [name for at, name in categories.index if at == pipeline]
    if not stages:
        return f'pipeline "{pipeline}" has no stages; add them to the table stages or to the mapping'
    hint = did_you_mean(str(stage), stages)
    return f'stage "{stage}" is not one of pipeline "{pipeline}"{hint}; add it to the table stages or to the mapping'


def _before_creation(
    changes: pd.DataFrame, deals: pd.DataFrame, categories: pd.Series, brought: pd.DataFrame | None
) -> Iterator[pd.DataFrame]:
    """Changes dated before their deal's creation; where that closes a deal of this import, the deal as well."""
    created = deals["created_at"].reindex(changes["deal_id"]).set_axis(changes.index)
    early = (changes["changed_at"] < created).to_numpy()
    bad, created = changes[early], created[early]
    if bad.empty:
        return
    moves = pd.MultiIndex.from_arrays([deals["pipeline_id"].reindex(bad["deal_id"]), bad["new_value"]])
    closes = (
        (bad["field"] == STAGE) & np.isin(categories.reindex(moves).to_numpy(dtype=object), ["won", "lost"])
    ).tolist()
    rules = [
        f"the deal closes ({changed}) before it is created ({at}); correct one of the two"
        if closing
        else f"{field} changes ({changed}) before the deal is created ({at}); correct one of the two"
        for field, changed, at, closing in zip(bad["field"], bad["changed_at"], created, closes, strict=True)
    ]
    yield refused(bad[ORIGIN].to_numpy(), _called(bad, "changed_at"), bad["changed_at"].tolist(), rules)
    if brought is not None:
        by_deal = dict(zip(bad["deal_id"][closes], np.array(rules)[closes], strict=True))
        whole = brought[brought["deal_id"].isin(by_deal)]
        sentences = [by_deal[deal] for deal in whole["deal_id"]]
        yield refused(whole[ORIGIN].to_numpy(), "created_at", whole["created_at"].tolist(), sentences)
