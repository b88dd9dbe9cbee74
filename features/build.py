"""Build the snapshots of a company over ranges of deals, on several processes, in bounded memory; or add a new day.

Two walks over the deals. The first gathers what each range adds to the norms, the second computes its snapshots; only
the norms are ever held whole. A new day reads the deals that were open or of which anything became known since, and
adds their new snapshots: those of the past stay as they are, for nothing that becomes known later may change them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pyarrow as pa
from numpy.typing import NDArray

from crm.company_files import empty_table
from features.arrow import Tables, arrow
from features.company import Columns, Company, Range, ranges
from features.manifest import BuildFolder, Manifest
from features.norm_facts import NormFacts, together
from features.norms import Norms
from features.partition import (
    ALL_COLUMNS,
    CHANGE_COLUMNS,
    NORM_COLUMNS,
    SnapshotPlan,
    additions_to_norms,
    norms_of_whole,
    open_deals,
    snapshot_keys,
    snapshot_rows,
    snapshots_of,
)
from features.snapshots import Snapshots
from features.workers import workers

T = TypeVar("T")
Part = Range | list[str]
"""A range of deals, or the ids of some."""
Label = Callable[[Snapshots, int], Mapping[str, NDArray]]
"""Columns of labels, one entry per snapshot, as known before an instant."""
Progress = Callable[[str, int, int], None]
DEALS_PER_RANGE = 10_000
_REFERENCE = ("stages", "users", "accounts", "contacts")


@dataclass(frozen=True)
class Built:
    """A finished build: its manifest, and in words whether it was made anew or added to, and why."""

    manifest: Manifest
    said: str


@dataclass(frozen=True)
class _Work:
    """What a process needs to know to work on a part."""

    company: Company
    small: dict[str, pa.Table]
    folder: BuildFolder
    number: int
    plan: SnapshotPlan

    def tables(self, part: Part, columns: Columns) -> Tables:
        """The tables of some deals, the small ones beside them."""
        large = self.company.of_deals(part, columns) if isinstance(part, list) else self.company.of_range(part, columns)
        left_out = {name: empty_table(name) for name in ALL_COLUMNS.keys() - columns.keys()}
        return self.small | left_out | large


@dataclass(frozen=True)
class _Start:
    """What there is to do: the parts, the earliest snapshot, and what an earlier build has done already."""

    said: str
    parts: list[Part]
    since: int | None = None
    files: tuple[str, ...] = ()
    n_rows: int = 0
    norm_facts: list[NormFacts] = field(default_factory=list)


def build(
    company: Company,
    out: str,
    plan: SnapshotPlan,
    *,
    label: Label | None = None,
    anew: bool = False,
    processes: int = 1,
    deals_per_range: int = DEALS_PER_RANGE,
    progress: Progress = lambda *_: None,
) -> Built:
    """Build the snapshots of all deals into the folder ``out``, or add to the build there where that does as well.

    Parameters
    ----------
    label : a function of a module, which makes columns of labels, written beside; always of all snapshots, for they
        tell what came later
    anew : build everything, whatever is there
    progress : called with a step in words, the parts done, and all parts
    """
    with workers(processes) as run:
        folder, small = BuildFolder(out), company.small()
        before = folder.current()
        work = _Work(company, small, folder, before.number + 1 if before else 1, plan)
        every: list[Part] = list(ranges(company.deal_ids(), deals_per_range))
        why = "as asked" if anew else _why_anew(work, before)
        start = _Start(f"built anew, {why}", every) if why or not before else _addition(work, before, deals_per_range)

        def each(step: str, act: Callable[..., T], parts: list[Part], *shared: Any) -> Iterator[T]:
            return _told(step, run(act, shared, parts), len(parts), progress)

        folder.begin(work.number)
        new = replace(work, plan=replace(plan, since=start.since))
        facts = together([*start.norm_facts, *each("norms", _norm_facts, start.parts, new)] or [_norm_facts(work, [])])
        norms = norms_of_whole(facts, small, plan)
        snapshots = each("snapshots", _write_snapshots, start.parts, new, norms)
        kept = {"norm_facts": folder.write_bytes(work.number, "norm_facts.npz", facts.to_bytes())}
        del facts  # nearly as large as the norms, and the snapshots need the room
        parts = list(snapshots)
        labels = list(each("labels", _write_labels, every, work, norms, label)) if label else []
        manifest = Manifest(
            number=work.number,
            plan=asdict(replace(plan, since=None)) | {"declared": plan.declared.document()},
            files=(*start.files, *(name for name, _, _ in parts)),
            labels=tuple(labels),
            n_rows=start.n_rows + sum(n for _, n, _ in parts),
            told=company.n_told_before(plan.until),
            beside=kept | _write_beside(work, [name for *_, names in parts for name in names]),
        )
        return Built(folder.finish(manifest), start.said)


def _told(step: str, results: Iterator[T], n: int, progress: Progress) -> Iterator[T]:
    """The results, progress told with each; they are under way already, whenever they are asked for."""
    for done, result in enumerate(results, start=1):
        progress(step, done, n)
        yield result


def _why_anew(work: _Work, before: Manifest | None) -> str:
    """Why the build that is there cannot be added to; empty where it can."""
    if before is None:
        return "for there was no build"
    plan = asdict(replace(work.plan, since=None)) | {"declared": work.plan.declared.document()}
    for name, value in plan.items():
        if name != "until" and before.plan.get(name) != value:
            return f"for {name} is another than before"
    until = before.plan["until"]
    if work.plan.until < until:
        return f"for the build there goes on until {_day(until)}"
    if work.company.n_told_before(until) != before.told:
        return f"for the past before {_day(until)} was added to"
    for name in _REFERENCE:
        if not _holds(arrow(work.small, name), work.folder.read_table(before.beside[name])):
            return f"for rows of {name} changed"
    return ""


def _holds(now: pa.Table, then: pa.Table) -> bool:
    """Whether every row of ``then`` stands in ``now`` as it was."""
    both = then.to_pandas().merge(now.to_pandas().drop_duplicates(), how="left", indicator=True)
    return bool((both["_merge"] == "both").all())


def _addition(work: _Work, before: Manifest, deals_per_range: int) -> _Start:
    since = before.plan["until"]
    still_open = work.folder.read_table(before.beside["open_deals"])["deal_id"].to_pylist()
    ids = sorted({*still_open, *work.company.told_since(since)})
    return _Start(
        said=f"added to the build until {_day(since)}",
        parts=[ids[first : first + deals_per_range] for first in range(0, len(ids), deals_per_range)],
        since=since,
        files=before.files,
        n_rows=before.n_rows,
        norm_facts=[NormFacts.from_bytes(work.folder.read_bytes(before.beside["norm_facts"]))],
    )


def _norm_facts(work: _Work, part: Part, _: int = 0) -> NormFacts:
    return additions_to_norms(work.tables(part, NORM_COLUMNS), work.plan)


def _write_snapshots(work: _Work, norms: Norms, part: Part, n: int) -> tuple[str, int, list[str]]:
    """Write the snapshots of a part; returns the file, its rows, and the deals still open at the end."""
    tables = work.tables(part, ALL_COLUMNS)
    snapshots = snapshots_of(tables, norms, work.plan)
    name = work.folder.write_table(work.number, f"snapshots-{n:05}", snapshot_rows(snapshots))
    return name, len(snapshots), open_deals(snapshots.histories, norms, work.plan.until)


def _write_labels(work: _Work, norms: Norms, label: Label, part: Part, n: int) -> str:
    snapshots = snapshots_of(work.tables(part, CHANGE_COLUMNS), norms, work.plan)
    columns = {name: pa.array(values) for name, values in label(snapshots, work.plan.until).items()}
    return work.folder.write_table(work.number, f"labels-{n:05}", pa.table(snapshot_keys(snapshots) | columns))


def _write_beside(work: _Work, still_open: list[str]) -> dict[str, str]:
    """What the next addition needs besides what made the norms."""
    tables = {"open_deals": pa.table({"deal_id": pa.array(sorted(still_open), pa.string())})}
    tables |= {name: arrow(work.small, name) for name in _REFERENCE}
    return {name: work.folder.write_table(work.number, name, table) for name, table in tables.items()}


def _day(instant: int) -> str:
    return f"{datetime.fromtimestamp(instant / 1e6, UTC):%Y-%m-%d}"
