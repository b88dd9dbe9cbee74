"""Event logs as CRM history: one case is one deal; its events are changes of stage and owner, and interactions.

A log carries its whole history, so nothing is compared with the store: the same log gives the same rows, and a
longer one gives those and more.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from crm.blocks import Progress
from crm.brought import Brought, Piece
from crm.errors import SchemaError
from crm.eventlog_mapping import EventInteraction, EventLogMapping
from crm.export import stages_piece
from crm.files import TABLE_SUFFIXES, CsvFormat, read_rows
from crm.mapped_values import Source
from crm.mapping_parts import Lookup
from crm.origins import ORIGIN
from crm.rejects import did_you_mean, joined, refused
from crm.source_files import given_files, matching, missing_file
from crm.tables import AMOUNT, NEXT_STEP, OWNER, STAGE
from crm.written_dates import instants
from crm.xes import Log, read_xes

_XES = (".xes", ".xes.gz")


def read_event_log(sources: Sequence[Path], mapping: EventLogMapping, progress: Progress | None = None) -> Brought:
    """Read a log, XES or CSV, and tell it in the contract's tables.

    Raises
    ------
    SchemaError
        No file fits the mapping, or one lacks a column that it names.
    """
    brought = Brought(whole_history=True)
    files = given_files(sources)
    paths = next((found for pattern in mapping.events if (found := matching(files, pattern))), None)
    if paths is None:
        raise missing_file(files, mapping.events[0])
    logs = [_read(path, files, mapping, brought, progress) for path in paths]
    brought.rejects.extend(log.rejects for log in logs)
    _say_what_is_not_read(files, brought)
    path, cases = paths[0], pd.concat([log.cases for log in logs], ignore_index=True)
    dates = ("iso",) if path.name.endswith(_XES) else mapping.dates  # XES has but one form
    events = pd.concat([log.events for log in logs], ignore_index=True)
    events = _known_events(events, dates, mapping, brought)
    brought.pieces.append(stages_piece(mapping.stages, mapping.pipeline, brought))
    brought.pieces.append(Piece("users", _users(events), path))
    brought.pieces.append(Piece("deals", _deals(events, mapping), path))
    brought.pieces.append(Piece("interactions", _interactions(events, mapping, brought), path))
    brought.facts.append(Piece("deal_changes", _facts(events, cases, mapping), path))
    return brought


def _read(path: Path, files: list[Path], mapping: EventLogMapping, brought: Brought, progress: Progress | None) -> Log:
    number = brought.number(path)
    if path.name.endswith(_XES):
        log = read_xes(path, number, mapping.amount.attribute if mapping.amount else None, progress)
        brought.n_read[path] = len(log.events)
        return log
    source = _source(path, number, mapping, brought, progress)
    names = mapping.columns.model_dump()
    columns = {"at": names.pop("timestamp"), **names}
    given = {name: source.text(column) for name, column in columns.items() if column is not None}
    events = pd.DataFrame(given, index=source.rows.index, columns=["case", "activity", "at", "resource", "lifecycle"])
    events = events.astype("str").assign(**{ORIGIN: source.rows[ORIGIN]})
    return Log(events, _cases(files, mapping, brought, progress), joined([]))


def _source(path: Path, number: int, mapping: EventLogMapping, brought: Brought, progress: Progress | None) -> Source:
    read = read_rows(path, number, CsvFormat(mapping.encoding, mapping.delimiter), progress)
    brought.n_read[path] = read.n_read
    brought.rejects.append(read.rejects)
    brought.warnings.extend(read.warnings)
    return Source(read.rows, mapping, str(path), _no_lookup)


def _no_lookup(lookup: Lookup) -> pd.Series:
    raise SchemaError(f"An event log has no lookups, but one in {lookup.file} was asked for.")


def _cases(files: list[Path], mapping: EventLogMapping, brought: Brought, progress: Progress | None) -> pd.DataFrame:
    """The amount of each case, from the table of cases beside a CSV of events."""
    cases = pd.DataFrame({"case": [], "attribute": [], ORIGIN: []}).astype({ORIGIN: "int64"})
    if mapping.amount is None:
        return cases
    paths = [path for pattern in mapping.cases for path in matching(files, pattern)]
    if not paths:
        looked_for = " or ".join(mapping.cases) or "a table of cases"
        brought.warnings.append(f"No file {looked_for} was given, so deals have no amount.")
    for path in paths[:1]:
        source = _source(path, brought.number(path), mapping, brought, progress)
        amount, case = source.text(mapping.amount.column), source.text(mapping.columns.case)
        cases = pd.DataFrame({"case": case, "attribute": amount, ORIGIN: source.rows[ORIGIN]})
    return cases


def _say_what_is_not_read(files: list[Path], brought: Brought) -> None:
    unread = [
        path.name for path in files if path not in brought.n_read and path.name.endswith((*_XES, *TABLE_SUFFIXES))
    ]
    if unread:
        brought.warnings.append(f"Not read, as the log is whole without them: {', '.join(unread)}.")


def _known_events(
    events: pd.DataFrame, dates: Sequence[str], mapping: EventLogMapping, brought: Brought
) -> pd.DataFrame:
    """The events that say what happened to what and when, in order; the others are refused."""
    at, why = instants(events["at"], dates, mapping.time_zone)
    lines = events[ORIGIN].to_numpy()
    bad = why.notna().to_numpy()
    unread = [f'timestamp "{value}" {reason}' for value, reason in zip(events["at"][bad], why[bad], strict=True)]
    found = [refused(lines[bad], "timestamp", events["at"][bad].tolist(), unread)]
    for name in ("case", "activity", "at"):
        absent = events[name].isna().to_numpy()
        called = "timestamp" if name == "at" else name
        rule = f"{called} is missing; every event needs one"
        found.append(refused(lines[absent], called, [None] * int(absent.sum()), [rule] * int(absent.sum())))
    strange = ~events["activity"].isin(mapping.activities) & events["activity"].notna()
    rules = {name: _no_place(name, mapping) for name in events.loc[strange, "activity"].unique()}
    names = events.loc[strange, "activity"]
    found.append(refused(lines[strange.to_numpy()], "activity", names.tolist(), names.map(rules).tolist()))
    rejects = joined(found)
    brought.rejects.append(rejects)
    kept = events.assign(at=at)[~events[ORIGIN].isin(rejects[ORIGIN])]
    kept = kept.sort_values(["case", "at"], kind="stable", ignore_index=True)
    return kept.assign(lifecycle=kept["lifecycle"].str.lower())


def _no_place(activity: str, mapping: EventLogMapping) -> str:
    hint = did_you_mean(activity, mapping.activities)
    where = "list it under a stage, interactions, fields or ignored"
    return f'activity "{activity}" has no place in the mapping{hint}; {where}'


def _in(lifecycle: pd.Series, transitions: tuple[str, ...]) -> pd.Series:
    return lifecycle.isin([name.lower() for name in transitions])


def _deals(events: pd.DataFrame, mapping: EventLogMapping) -> pd.DataFrame:
    first = events.drop_duplicates("case")
    name = [mapping.deal_name.replace("{case}", case) for case in first["case"]]
    return pd.DataFrame(
        {
            "deal_id": first["case"],
            "name": pd.Series(name, index=first.index, dtype="str"),
            "pipeline_id": mapping.pipeline,
            "currency": mapping.currency,
            "created_at": first["at"],
            ORIGIN: first[ORIGIN],
        }
    )


def _users(events: pd.DataFrame) -> pd.DataFrame:
    first = events.dropna(subset="resource").sort_values(ORIGIN).drop_duplicates("resource")
    people = first[["resource", ORIGIN]].rename(columns={"resource": "user_id"})
    return people.assign(name=people["user_id"], active=True)


def _facts(events: pd.DataFrame, cases: pd.DataFrame, mapping: EventLogMapping) -> pd.DataFrame:
    """What each event says of its deal: the stage entered, who works on it, the next step, the fields mapped."""
    done = events[~_in(events["lifecycle"], (*mapping.lifecycle.schedules, *mapping.lifecycle.starts))]
    stages = {activity: stage.stage for stage in mapping.stages for activity in stage.activities}
    work = {activity for one in mapping.interactions for activity in one.activities}
    planned = events[_in(events["lifecycle"], mapping.lifecycle.schedules) & events["activity"].isin(work)]
    parts = [
        _said(done, STAGE, done["activity"].map(stages)),
        _said(events, OWNER, events["resource"]),
        _said(planned, NEXT_STEP, planned["activity"]),
        *(
            _said(done, name, done["activity"].where(done["activity"].isin(one)))
            for name, one in mapping.fields.items()
        ),
    ]
    created = events.drop_duplicates("case").set_index("case")["at"]
    amounts = cases[cases["case"].isin(created.index)].dropna(subset="attribute").rename(columns={"attribute": "value"})
    amounts = amounts.assign(at=created.reindex(amounts["case"]).set_axis(amounts.index), resource=None)
    parts.append(_said(amounts, AMOUNT, amounts["value"]))
    return pd.concat(parts, ignore_index=True)


def _said(events: pd.DataFrame, field: str, values: pd.Series) -> pd.DataFrame:
    """One fact per event with a value; the order of the events orders facts of one instant."""
    facts = pd.DataFrame(
        {
            "deal_id": events["case"],
            "field": field,
            "changed_at": events["at"],
            "seq": np.arange(len(events)),
            "new_value": values.astype("str"),
            "changed_by": events["resource"],
            ORIGIN: events[ORIGIN],
        }
    )
    return facts[facts["new_value"].notna()].assign(at="date", first="export")


def _interactions(events: pd.DataFrame, mapping: EventLogMapping, brought: Brought) -> pd.DataFrame:
    """One interaction per completed piece of work.

    It is known when it is completed, and so is its duration. Work that was begun and not completed is none yet:
    whether it ever will be is not known at its start.
    """
    of_activity = {activity: one for one in mapping.interactions for activity in one.activities}
    work = events[events["activity"].isin(of_activity)]
    starts, ends = _in(work["lifecycle"], mapping.lifecycle.starts), _in(work["lifecycle"], mapping.lifecycle.completes)
    work = work.assign(starts=starts, ends=ends | work["lifecycle"].isna())[starts | ends | work["lifecycle"].isna()]
    begun = work["at"].where(work["starts"]).groupby([work["case"], work["activity"]], sort=False).shift()
    left = int(work["starts"].sum() - (work["ends"] & begun.notna()).sum())
    if left:
        brought.warnings.append(f"{left:,} pieces of work were begun and not completed; they are no interactions.")
    done = work[work["ends"]]
    begun = begun[done.index]
    return _told(done, begun, of_activity)


def _told(done: pd.DataFrame, begun: pd.Series, of_activity: dict[str, EventInteraction]) -> pd.DataFrame:
    microseconds = done["at"].astype("int64").astype("str")
    ids = done["case"] + " " + done["activity"] + " " + microseconds
    again = ids.groupby(ids).cumcount()
    ids = ids.where(again == 0, ids + " " + (again + 1).astype("str"))
    return pd.DataFrame(
        {
            "interaction_id": ids,
            "deal_id": done["case"],
            "kind": done["activity"].map({name: one.kind for name, one in of_activity.items()}),
            "direction": done["activity"].map({name: one.direction for name, one in of_activity.items()}).astype("str"),
            "occurred_at": begun.where(begun.notna(), done["at"]),
            "known_at": done["at"],
            "user_id": done["resource"],
            "duration_s": (done["at"] - begun).dt.total_seconds(),
            "outcome": done["activity"],
            ORIGIN: done[ORIGIN],
        }
    )
