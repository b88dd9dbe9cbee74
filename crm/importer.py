"""The import: files in, checked rows into the store, refused rows into the rejects file; all of it or nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pandas as pd

from crm.blocks import Progress
from crm.brought import Brought
from crm.contract_files import read_contract_files
from crm.eventlog import read_event_log
from crm.eventlog_mapping import EventLogMapping
from crm.export import read_export
from crm.import_report import ImportReport, TableCounts
from crm.mapping import Mapping
from crm.rejects import spelled_out, write_rejects
from crm.relations import loose_references
from crm.store import Store, Written
from crm.verification import verify

_SHOWN_ROWS = 5
_ROWS_PER_WRITE = 100_000


def import_files(
    sources: Sequence[Path],
    store: Store | None,
    *,
    mapping: Mapping | None = None,
    rejects_path: Path,
    dry_run: bool = False,
    exported_at: datetime | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Import files into the store; importing them again changes nothing.

    Parameters
    ----------
    sources
        Files, or folders of them.
    store
        Where rows go, and where the deals and stages are that they may refer to; if missing, nothing is
        written and nothing is known before.
    mapping
        What the files mean (``crm/mapping.py``); if missing, they are named after the contract's tables.
    rejects_path
        Where to write every refused row with the rule it broke; a header alone if there is none.
    dry_run
        Check everything, write nothing to the store.
    exported_at
        When a present-only export was made; if missing, the mapping or the files' times say.

    Raises
    ------
    SchemaError
        A source or a column is missing, or a file's bytes cannot be read as text. Nothing was written.
    StoreError
        The store could not be written; it holds what it held before.
    """
    brought = _brought(sources, mapping, exported_at, progress)
    verified = verify(brought, store)
    tables, warnings = verified.tables, [*brought.warnings, *loose_references(verified.tables, store)]
    told = spelled_out(verified.rejects, brought.files)
    write_rejects(told, rejects_path)
    written = _written(tables, store, progress) if store is not None and not dry_run else {}
    return ImportReport(
        files={str(path): n for path, n in brought.n_read.items()},
        tables={name: _with(counts, written.get(name)) for name, counts in verified.counts.items()},
        rejects=told,
        rejects_path=rejects_path,
        warnings=tuple(warnings),
        dry_run=dry_run or store is None,
        first_rows={name: rows.head(_SHOWN_ROWS) for name, rows in tables.items()} if dry_run else {},
    )


def _brought(
    sources: Sequence[Path], mapping: Mapping | None, exported_at: datetime | None, progress: Progress | None
) -> Brought:
    if mapping is None:
        return read_contract_files(sources, exported_at, progress)
    if isinstance(mapping, EventLogMapping):
        return read_event_log(sources, mapping, progress)
    return read_export(sources, mapping, exported_at, progress)


def _written(tables: dict[str, pd.DataFrame], store: Store, progress: Progress | None) -> dict[str, Written]:
    """Write every table in one transaction, those that others refer to first."""
    written: dict[str, Written] = {}
    done, total = 0, sum(len(rows) for rows in tables.values())
    with store.transaction():
        for name, rows in tables.items():
            for start in range(0, len(rows), _ROWS_PER_WRITE):
                part = store.write(name, rows.iloc[start : start + _ROWS_PER_WRITE])
                written[name] = _sum(written.get(name), part)
                done += min(_ROWS_PER_WRITE, len(rows) - start)
                if progress:
                    progress(f"writing {name}", done, total)
    return written


def _sum(one: Written | None, other: Written) -> Written:
    if one is None:
        return other
    return Written(one.new + other.new, one.changed + other.changed, one.same + other.same)


def _with(counts: TableCounts, written: Written | None) -> TableCounts:
    if written is None:
        return counts
    return replace(counts, new=written.new, changed=written.changed, same=written.same)
