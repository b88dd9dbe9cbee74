"""Signals by Featuretools: ``python featuretools_signals.py CRM_FOLDER GRID.parquet OUT.parquet [--deals 200]``.

One cutoff time per row of the grid and one training window per length of window; a fact counts where
``cutoff - days <= known_at < cutoff``, which is what ``include_cutoff_time=False`` means. What is counted or dated has
a column of its own, so that each pass sums all of them at once: the fastest way that we know. ``--by-the-book`` uses
``where`` clauses, ``TimeSinceLast`` and ``AvgTimeBetween``, as its manual does; the figures are the same.

Runs in an environment of its own (``make build/peers-venv/ready``), without this project's packages. Prints one line of
JSON, as ``polars_signals.py`` does; where the time limit ends it, what it had finished by then.
"""

import argparse
import time
import warnings
from pathlib import Path

import featuretools as ft
import numpy as np
import pandas as pd
from featuretools.primitives import AvgTimeBetween, Count, Max, Min, NumUnique, Sum, TimeSinceLast
from peer_report import report

DAY_US = 86_400_000_000
WINDOWS = (7, 14, 30, 90)
COUNTED = (
    "inbound_emails",
    "outbound_emails",
    "inbound_calls",
    "outbound_calls",
    "meetings",
    "notes",
    "tasks",
)
INSTANTS_AT_A_TIME = 4
"""Cutoffs are given in batches of this many instants, between which the time limit is looked at."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Signals of a grid's rows, by Featuretools with cutoff times.")
    parser.add_argument("crm_folder", type=Path, help="the tables of the contract as Parquet")
    parser.add_argument("grid", type=Path, help="Parquet with the columns deal_id and as_of")
    parser.add_argument("out", type=Path)
    parser.add_argument("--deals", type=int, help="the first so many deals of the grid; all of them if not given")
    parser.add_argument("--time-limit", type=float, default=570, help="seconds after which no batch is begun")
    parser.add_argument("--by-the-book", action="store_true", help="where clauses in place of columns to be summed")
    given = parser.parse_args()
    warnings.filterwarnings("ignore")  # of pandas' coming versions, once per pass

    started = time.perf_counter()
    grid = _grid(given.grid, given.deals)
    tables = _read(given.crm_folder, grid["deal_id"].unique())
    loaded = time.perf_counter()
    company = entity_set(tables)
    found, finished = signals(company, grid, limit=loaded + given.time_limit, by_the_book=given.by_the_book)
    done = time.perf_counter()
    found.to_parquet(given.out, index=False)
    n_deals, names = int(grid["deal_id"].nunique()), list(found.columns[2:])
    peer = f"featuretools {ft.__version__}"
    report(peer, started, loaded, done, len(found), names, deals=n_deals, finished=finished)


def _grid(path: Path, n_deals: int | None) -> pd.DataFrame:
    grid = pd.read_parquet(path)
    return grid[grid["deal_id"].isin(grid["deal_id"].unique()[:n_deals])]


def _read(folder: Path, deal_ids: np.ndarray) -> dict[str, pd.DataFrame]:
    """The tables that these signals need, of the deals of the grid."""
    columns = {
        "deals": ["deal_id", "created_at"],
        "deal_changes": ["deal_id", "field", "old_value", "new_value", "known_at"],
        "interactions": ["interaction_id", "deal_id", "kind", "direction", "occurred_at", "known_at", "contact_id"],
    }
    columns["interactions"].append("user_id")
    mine = [("deal_id", "in", list(deal_ids))]
    tables = {name: pd.read_parquet(folder / name, columns=some, filters=mine) for name, some in columns.items()}
    return tables | {"contacts": pd.read_parquet(folder / "contacts.parquet", columns=["contact_id", "seniority"])}


def _instants(values: pd.Series) -> pd.Series:
    return values.dt.tz_convert(None).astype("datetime64[ns]")


def entity_set(tables: dict[str, pd.DataFrame]) -> ft.EntitySet:
    """Deals with their interactions and changes, each at the instant at which it was known."""
    deals = tables["deals"].assign(created_at=_instants(tables["deals"]["created_at"]))
    company = ft.EntitySet("company")
    company.add_dataframe(deals, "deals", index="deal_id")
    talks, changes = _talks(tables["interactions"], tables["contacts"]), _changes(tables["deal_changes"], deals)
    who = dict.fromkeys(("contact_id", "senior_contact_id", "user_id"), "Categorical")
    company.add_dataframe(talks, "talks", index="interaction_id", time_index="known", logical_types=who)
    company.add_dataframe(changes, "changes", index="change", time_index="known")
    company.add_relationship("deals", "deal_id", "talks", "deal_id")
    company.add_relationship("deals", "deal_id", "changes", "deal_id")
    company.add_last_time_indexes()
    return company


def _talks(talks: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    known = np.maximum(_instants(talks["known_at"]), _instants(talks["occurred_at"]))
    at = known.astype("int64") / 1000
    inbound, outbound = talks["direction"] == "inbound", talks["direction"] == "outbound"
    seniors = contacts.loc[contacts["seniority"].isin(["director", "executive"]), "contact_id"]
    senior = talks["contact_id"].isin(seniors)
    which = {"inbound": inbound, "outbound": outbound, "senior": senior}
    for kind in ("email", "call"):
        of_kind = talks["kind"] == kind
        which |= {f"inbound_{kind}s": of_kind & inbound, f"outbound_{kind}s": of_kind & outbound}
    which |= {f"{kind}s": talks["kind"] == kind for kind in ("meeting", "note", "task")}
    return talks[["interaction_id", "deal_id", "contact_id", "user_id"]].assign(
        known=known,
        at=at,
        inbound_at=at.where(inbound),
        meetings_at=at.where(talks["kind"] == "meeting"),
        senior_contact_id=talks["contact_id"].where(senior),
        **{name: chosen.astype("float64") for name, chosen in which.items()},
        **{f"is_{name}": chosen for name, chosen in which.items()},
    )


def _changes(changes: pd.DataFrame, deals: pd.DataFrame) -> pd.DataFrame:
    created = changes["deal_id"].map(deals.set_index("deal_id")["created_at"])
    known = np.maximum(_instants(changes["known_at"]), created)
    dates = changes["field"] == "close_date"
    old, new = (pd.to_datetime(changes[name].where(dates), format="%Y-%m-%d") for name in ("old_value", "new_value"))
    pushed = (new - old).dt.days.clip(lower=0).fillna(0)
    which = {"amounts": changes["field"] == "amount", "owners": changes["field"] == "owner_id", "pushes": pushed > 0}
    return changes[["deal_id"]].assign(
        change=np.arange(len(changes)),
        known=known,
        pushed_days=pushed,
        at=known.astype("int64") / 1000,
        pushes_at=(known.astype("int64") / 1000).where(pushed > 0),
        **{name: chosen.astype("float64") for name, chosen in which.items()},
        **{f"is_{name}": chosen for name, chosen in which.items()},
    )


class Features:
    """Features of deals under names of ours; by the book, or from columns of their own."""

    def __init__(self, company: ft.EntitySet, by_the_book: bool) -> None:
        self._company, self._by_the_book = company, by_the_book

    def of(self, table: str, column: str, primitive: object, name: str, only: str | None = None) -> ft.Feature:
        """One aggregation; ``only`` names the flag of the rows that it is of."""
        frame = self._company[table].ww
        made = ft.Feature(
            ft.Feature(frame[column]),
            parent_dataframe_name="deals",
            primitive=primitive,
            where=ft.Feature(frame[f"is_{only}"]) == True if only else None,  # noqa: E712
        )
        return made.rename(name)

    def count(self, table: str, which: str) -> ft.Feature:
        if not self._by_the_book:
            return self.of(table, which, Sum, which)
        index = self._company[table].ww.index
        return self.of(table, index, Count, which, which)

    def last(self, table: str, which: str) -> ft.Feature:
        """When the last such fact was known, or how many days ago that was."""
        if not self._by_the_book:
            return self.of(table, f"{which}_at", Max, f"{which} at")
        return self.of(table, "known", TimeSinceLast(unit="days"), f"{which} days", which)

    def gaps(self) -> list[ft.Feature]:
        """What the mean days between interactions, and those since the last, are made from."""
        if not self._by_the_book:
            return [self.of("talks", "at", Max, "talks at"), self.of("talks", "at", Min, "first at")]
        gap, since = AvgTimeBetween(unit="days"), TimeSinceLast(unit="days")
        return [self.of("talks", "known", gap, "gap days"), self.of("talks", "known", since, "talks days")]


def windows(company: ft.EntitySet, by_the_book: bool) -> dict[int | None, list[ft.Feature]]:
    """What is asked of each training window, in days; None is all that was known."""
    make = Features(company, by_the_book)
    everything = make.of("talks", "interaction_id", Count, "interactions")
    counted = [everything, *(make.count("talks", name) for name in COUNTED)]
    asked: dict[int | None, list[ft.Feature]] = dict.fromkeys((*WINDOWS, None), counted)
    asked[28] = [everything]
    asked[90] = [*counted, *(make.count("talks", name) for name in ("inbound", "outbound", "senior"))]
    asked[None] = [
        *counted,
        *make.gaps(),
        make.last("talks", "inbound"),
        make.last("talks", "meetings"),
        make.of("talks", "contact_id", NumUnique, "contacts"),
        make.of("talks", "senior_contact_id", NumUnique, "senior_contacts"),
        make.of("talks", "user_id", NumUnique, "users"),
        *(make.count("changes", name) for name in ("amounts", "owners", "pushes")),
        make.of("changes", "pushed_days", Sum, "pushed_days"),
        make.last("changes", "pushes"),
    ]
    return asked


def signals(company: ft.EntitySet, grid: pd.DataFrame, *, limit: float, by_the_book: bool) -> tuple[pd.DataFrame, bool]:
    """The signals of the grid's rows, and whether all were finished before the clock's ``limit``."""
    asked = windows(company, by_the_book)
    cutoffs = pd.DataFrame({"deal_id": grid["deal_id"].to_numpy(), "time": _instants(grid["as_of"]).to_numpy()})
    instants = np.sort(cutoffs["time"].unique())
    # Any share of them is a fair sample of early and late ones.
    batches = np.array_split(np.random.default_rng(0).permutation(instants), -(-len(instants) // INSTANTS_AT_A_TIME))
    done = []
    for batch in batches:
        if time.perf_counter() > limit:
            break
        some = cutoffs[cutoffs["time"].isin(batch)]
        parts = [_matrix(company, some, features, days) for days, features in asked.items()]
        done.append(pd.concat(parts, axis=1))
    found = _signals_of(pd.concat(done), company["deals"].set_index("deal_id")["created_at"])
    return found.sort_values(["deal_id", "as_of"], ignore_index=True), len(done) == len(batches)


def _matrix(company: ft.EntitySet, cutoffs: pd.DataFrame, features: list[ft.Feature], days: int | None) -> pd.DataFrame:
    matrix = ft.calculate_feature_matrix(
        features,
        company,
        cutoff_time=cutoffs,
        training_window=None if days is None else f"{days} days",
        include_cutoff_time=False,
        cutoff_time_in_index=True,
        n_jobs=1,
    )
    return matrix.add_suffix("_ever" if days is None else f"_{days}d")


def _signals_of(known: pd.DataFrame, created_at: pd.Series) -> pd.DataFrame:
    """The signals that are differences and ratios of what Featuretools gave."""
    deal_id, as_of = known.index.get_level_values(0), known.index.get_level_values(1)
    at = as_of.astype("datetime64[us]").astype("int64").to_numpy()

    def days_since(which: str) -> pd.Series:
        given = f"{which} days_ever"
        return known[given] if given in known else (at - known[f"{which} at_ever"]) / DAY_US

    both = known["inbound_90d"] + known["outbound_90d"]
    ever = {name.removesuffix("_ever"): values for name, values in known.items() if name.endswith("_ever")}
    said = {
        f"{stem}_{window}": known[f"{stem}_{window}"]
        for stem in (*COUNTED, "interactions")
        for window in (*(f"{days}d" for days in WINDOWS), "ever")
    }
    said |= {
        "days_since_last_interaction": days_since("talks"),
        "days_since_last_inbound": days_since("inbound"),
        "days_since_last_meeting": days_since("meetings"),
        "two_way_share_90d": known["inbound_90d"] / both,
        "interactions_trend_14d": 2 * known["interactions_14d"] - known["interactions_28d"],
        "contacts_ever": ever["contacts"].fillna(0),
        "senior_contacts_ever": ever["senior_contacts"].fillna(0),
        "senior_interactions_90d": known["senior_90d"],
        "users_ever": ever["users"].fillna(0),
        "mean_gap_days": ever["gap days"] if "gap days" in ever else _mean_gap_days(ever),
        "amount_changes": (ever["amounts"] - 1).clip(lower=0),
        "owner_changes": (ever["owners"] - 1).clip(lower=0),
        "pushes": ever["pushes"],
        "pushed_days": ever["pushed_days"],
        "days_since_push": days_since("pushes"),
        "age_days": (as_of - created_at.loc[deal_id]).to_numpy() / pd.Timedelta(days=1),
    }
    ids = {"deal_id": np.asarray(deal_id), "as_of": as_of.astype("datetime64[us]").tz_localize("UTC")}
    return pd.DataFrame(ids | {name: np.asarray(values, "float64") for name, values in said.items()})


def _mean_gap_days(ever: dict[str, pd.Series]) -> pd.Series:
    gaps = ever["interactions"] - 1
    return ((ever["talks at"] - ever["first at"]) / gaps / DAY_US).where(gaps > 0)


if __name__ == "__main__":
    main()
