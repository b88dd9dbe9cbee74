"""Every prefix of a bank's loan cases as snapshots of our kernel: the rows of a published protocol.

It (Teinemaa et al., 2019) keeps the cases whose last event on an offer accepts, cancels or declines it, learns from the
first 80 % of them by their start, and drops what happened in them once the first test case had begun.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from crm.importer import import_files
from crm.mapping import load_mapping
from crm.store import open_store
from features.declared import CATEGORY, Custom, Declared
from features.facts import DAY, BoolColumn, FloatColumn, IntColumn
from features.histories import Histories
from features.norms import Norms, norms_of
from features.pipeline import signal_matrix
from features.signals import signals_of
from features.snapshots import Snapshots
from features.vocabulary import Vocabulary

TASKS = {"accepted": "O_ACCEPTED", "declined": "O_DECLINED", "cancelled": "O_CANCELLED"}
"""What a case's last event on an offer is, by the name of the task."""
CLOSING = ("A_APPROVED", "A_REGISTERED", "A_ACTIVATED", "A_DECLINED", "A_CANCELLED")
TRAIN_SHARE = 0.8
LONGEST = 40
EVENT = "event"
"""A field of ours that holds the last event, activity and lifecycle, so that every event is counted by declaration."""
FROM_NORMS = ("_win_rate", "_vs_norm", "_vs_owner", "_vs_size")
DRIFTING = ("owner_closed_deals", "owner_open_deals", "days_to_quarter_end")
"""Ends of the names of signals made from norms, and signals that only grow with the log: all left out.

Norms are of training cases alone, so they stand still from the split on, and the log is four months long. On blocks of
training cases every task had a lower log loss, or as low a one, without them.
"""


@dataclass(frozen=True)
class Prefixes:
    """One entry per prefix of 1 to 40 events, by case and length.

    Attributes
    ----------
    case : number of the case, in the order in which cases began
    length : events of the prefix
    at : instant just after its last event, microseconds since 1970 UTC
    decided : whether the prefix already holds an event that decides the case
    ends : what the case's last event on an offer is
    closed_at : when each prefix's case was decided, microseconds
    signals : float32, in the order of ``names``
    """

    case: IntColumn
    length: IntColumn
    at: IntColumn
    decided: BoolColumn
    ends: np.ndarray
    closed_at: IntColumn
    signals: np.ndarray
    names: list[str]

    def rows(self, rows: BoolColumn) -> "Prefixes":
        """Some of the prefixes."""
        parts = {name: value[rows] for name, value in vars(self).items() if name != "names"}
        return replace(self, **parts)


def events_of(folder: Path) -> pd.DataFrame:
    """The events of the cases that the protocol keeps, cases in the order of their start.

    Events of one instant are told apart by a microsecond each, in their order, so that a prefix sees its own only.
    """
    events = pd.read_csv(folder / "bpic2012_events.csv.gz", dtype={"case_id": "str", "resource": "str"})
    events["timestamp"] = pd.to_datetime(events["timestamp"]) + pd.to_timedelta(events["event_idx"], unit="us")
    offers = events[events["activity"].str.startswith("O_")].groupby("case_id")["activity"].last()
    kept = events[events["case_id"].isin(offers[offers.isin(TASKS.values())].index)]
    start = kept.groupby("case_id")["timestamp"].min().sort_values(kind="stable")
    kept = kept.assign(case=pd.Index(start.index).get_indexer(kept["case_id"]), ends=kept["case_id"].map(offers))
    return kept.sort_values(["case", "event_idx"], ignore_index=True)


def tables_of(events: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """Import events as a user would, and add one field that names every event."""
    with TemporaryDirectory() as scratch:
        columns = ["case_id", "event_idx", "activity", "lifecycle", "timestamp", "resource"]
        events[columns].to_csv(Path(scratch) / "bpic2012_events.csv", index=False)
        cases = pd.read_csv(folder / "bpic2012_cases.csv.gz", dtype={"case_id": "str"})
        cases = cases[cases["case_id"].isin(events["case_id"])]
        cases[["case_id", "amount_req"]].to_csv(Path(scratch) / "bpic2012_cases.csv", index=False)
        store = open_store(f"sqlite:///{scratch}/bpic2012.db")
        files = [Path(scratch) / "bpic2012_events.csv", Path(scratch) / "bpic2012_cases.csv"]
        rejects = Path(scratch) / "rejects.csv"
        import_files(files, store, mapping=load_mapping("bpic2012"), rejects_path=rejects)
        tables = store.read_all()
        store.close()
    tables["deal_changes"] = pd.concat([tables["deal_changes"], _named(events)], ignore_index=True)
    return tables


def _named(events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "deal_id": events["case_id"],
            "field": EVENT,
            "changed_at": events["timestamp"].astype("datetime64[us, UTC]"),
            "seq": np.int64(0),
            "new_value": events["activity"] + " " + events["lifecycle"],
            "known_at": events["timestamp"].astype("datetime64[us, UTC]"),
        }
    )


def declared(events: pd.DataFrame) -> Declared:
    """What a company would declare: every kind of event counted, work by its activity, the next step."""
    names = sorted((events["activity"] + " " + events["lifecycle"]).unique())
    customs = (
        Custom("field", EVENT, CATEGORY, counts=tuple(names)),
        Custom("field", "offer", CATEGORY),
        Custom("field", "next_step", CATEGORY),
    )
    return Declared(customs, tuple(sorted(name for name in events["activity"].unique() if name.startswith("W_"))))


def prefixes_of(folder: Path) -> tuple[Prefixes, int, int]:
    """All prefixes with their signals; the number of training cases, and the instant of the split."""
    events = events_of(folder)
    at = events["timestamp"].astype("int64").to_numpy() + 1
    n_train = int(TRAIN_SHARE * (events["case"].max() + 1))
    split = int(at[np.searchsorted(events["case"], n_train)] - 1)
    is_training = (events["case"] < n_train).to_numpy()
    seen = ~is_training | (at - 1 < split)  # of the training cases nothing from the split on
    tables = tables_of(events[seen], folder)
    own = declared(events)
    vocabulary = Vocabulary.from_tables(tables, own)
    histories = Histories.from_tables(tables, vocabulary)
    norms = _norms(events[is_training & seen], tables, vocabulary)
    length = events["event_idx"].to_numpy() + 1
    rows = seen & (length <= LONGEST)
    deal = pd.Index(histories.deal_ids).get_indexer(events["case_id"])
    snapshots = Snapshots(histories, norms, deal[rows].astype(np.int64), at[rows])
    more = _further_columns(events, at)
    ours = pd.DataFrame(signal_matrix(snapshots), columns=list(signals_of(own)))
    ours = ours[[name for name in ours if not name.endswith(FROM_NORMS) and name not in DRIFTING]]
    signals = np.column_stack([ours, *(values[rows] for values in more.values())])
    first_decided, closed_at = _decided(events)
    case = events["case"].to_numpy()
    found = Prefixes(
        case[rows],
        length[rows],
        at[rows],
        (length > first_decided[case])[rows],
        events["ends"].to_numpy(object)[rows],
        closed_at[case][rows],
        signals.astype(np.float32),
        [*ours, *more],
    )
    return found, n_train, split


def _norms(training: pd.DataFrame, tables: dict[str, pd.DataFrame], vocabulary: Vocabulary) -> Norms:
    """Norms from the training events alone: what became of test cases stays unknown."""
    ids = set(training["case_id"])
    mine = {name: tables[name][tables[name]["deal_id"].isin(ids)] for name in ("deals", "deal_changes", "interactions")}
    return norms_of(Histories.from_tables(tables | mine, vocabulary), tables["fx_rates"], "EUR")


def _decided(events: pd.DataFrame) -> tuple[IntColumn, IntColumn]:
    """By case: place of the first event that decides it, and when that was."""
    last_offer = events[events["activity"].isin(TASKS.values()) & (events["activity"] == events["ends"])]
    last_offer = last_offer.groupby("case").tail(1)
    closing = events[events["activity"].isin(CLOSING)].groupby("case").head(1)
    first = pd.concat([last_offer, closing]).sort_values(["case", "event_idx"]).groupby("case").head(1)
    n = int(events["case"].max()) + 1
    place = first.set_index("case")["event_idx"].reindex(range(n), fill_value=10**6)
    instants = first.set_index("case")["timestamp"].astype("int64").reindex(range(n), fill_value=2**62)
    return place.to_numpy(np.int64), instants.to_numpy(np.int64)


def _further_columns(events: pd.DataFrame, at: IntColumn) -> dict[str, FloatColumn]:
    """What the published encodings have and our signals lack: the clock, and gaps between events of any kind."""
    moment = pd.DatetimeIndex(events["timestamp"])
    case = events["case"].to_numpy()

    def gap(back: int) -> FloatColumn:
        before = np.roll(at, back).astype(np.float64)
        before[np.roll(case, back) != case] = np.nan
        before[:back] = np.nan
        return (at - before) / DAY

    return {
        "hour": moment.hour.to_numpy() + moment.minute.to_numpy() / 60,
        "weekday": moment.day_of_week.to_numpy(np.float64),
        "days_since_event": gap(1),
        "days_since_event_but_one": gap(2),
    }
