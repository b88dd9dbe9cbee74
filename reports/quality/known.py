"""What was known before an instant, with each deal's name, creation and closing beside its facts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crm.tables import STAGE

CLOSED = ("won", "lost")
_OF_DEAL = ("name", "pipeline_id", "created_at")


@dataclass(frozen=True)
class Known:
    """The tables as known before ``as_of``.

    Attributes
    ----------
    tables : every table of the contract; deals, changes and interactions only where known
    deals : one row per deal, with ``category`` (open, won or lost; missing without a stage), ``closed_at`` and
        ``closing_known_at`` (both NaT unless closed now), ``first_open_at`` (since when it was known to be open)
    changes : one row per change, with ``deal`` (its deal's place), and its deal's ``name``, ``pipeline_id`` and
        ``created_at``
    moves : the changes of stage, by deal in the order in which they took effect, with the ``category`` of the new
        stage; missing where the deal's pipeline has no such stage
    interactions : one row per interaction, with ``deal``, and its deal's ``name``, ``created_at`` and ``closed_at``
    n_left_out : changes and interactions that became known later, or whose deal is not among the deals
    """

    as_of: datetime
    tables: Mapping[str, pd.DataFrame]
    deals: pd.DataFrame
    changes: pd.DataFrame
    moves: pd.DataFrame
    interactions: pd.DataFrame
    n_left_out: int

    def has(self, rows: pd.DataFrame) -> NDArray[np.bool_]:
        """Whether each deal has one of these rows (changes, moves or interactions)."""
        found = np.zeros(len(self.deals), bool)
        found[rows["deal"]] = True
        return found


def known_before(tables: Mapping[str, pd.DataFrame], as_of: datetime) -> Known:
    """Keep the deals created, and the facts known, before ``as_of``."""
    deals = tables["deals"]
    deals = deals[deals["created_at"] < as_of].reset_index(drop=True)
    all_changes, all_interactions = tables["deal_changes"], tables["interactions"]
    changes = _facts(all_changes, deals, as_of, _OF_DEAL)
    moves = _moves(changes, tables["stages"])
    states = _with_states(deals, moves)
    interactions = _facts(all_interactions, states, as_of, ("name", "created_at", "closed_at"))
    return Known(
        as_of=as_of,
        tables={**tables, "deals": deals, "deal_changes": changes, "interactions": interactions},
        deals=states,
        changes=changes,
        moves=moves,
        interactions=interactions,
        n_left_out=len(all_changes) + len(all_interactions) - len(changes) - len(interactions),
    )


def _facts(rows: pd.DataFrame, deals: pd.DataFrame, as_of: datetime, of_deal: tuple[str, ...]) -> pd.DataFrame:
    """The rows known before ``as_of`` about one of the deals, with columns of that deal."""
    place = pd.Index(deals["deal_id"]).get_indexer(rows["deal_id"])
    keep = (rows["known_at"] < as_of).to_numpy() & (place >= 0)
    columns = {name: deals[name].array[place[keep]] for name in of_deal}
    return rows[keep].reset_index(drop=True).assign(deal=place[keep], **columns)


def _moves(changes: pd.DataFrame, stages: pd.DataFrame) -> pd.DataFrame:
    moves = changes[changes["field"] == STAGE].sort_values(["deal_id", "changed_at", "seq"], ignore_index=True)
    categories = stages[["pipeline_id", "stage", "category"]].rename(columns={"stage": "new_value"})
    return moves.merge(categories, on=["pipeline_id", "new_value"], how="left")


def _with_states(deals: pd.DataFrame, moves: pd.DataFrame) -> pd.DataFrame:
    """The deals with the state that their last move left them in; a move to an unknown stage says nothing."""
    last = moves[moves["category"].notna()].drop_duplicates("deal", keep="last").set_index("deal")
    closing = last[last["category"].isin(CLOSED)]
    first_open = moves[moves["category"] == "open"].groupby("deal")["known_at"].min().reindex(deals.index)
    return deals.assign(
        category=last["category"],
        closed_at=closing["changed_at"],
        closing_known_at=closing["known_at"],
        # Nothing of a deal is known before the deal itself is.
        first_open_at=first_open.clip(lower=deals["created_at"]),
    )
