"""Finding the files that a mapping names, among the folders and files an import was given."""

from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatch
from pathlib import Path

from crm.errors import SchemaError
from crm.rejects import did_you_mean


def given_files(sources: Sequence[Path]) -> list[Path]:
    """Every file among the sources: those named, and those in the folders named.

    Raises
    ------
    SchemaError
        A source is not there.
    """
    files: list[Path] = []
    for source in sources:
        if not source.exists():
            raise SchemaError(f"{source} is not there; name the folder or the files to import.")
        files.extend(sorted(path for path in source.iterdir() if path.is_file()) if source.is_dir() else [source])
    return files


def matching(files: Sequence[Path], pattern: str) -> list[Path]:
    """The files whose name fits the pattern, gzipped or not."""
    return [path for path in files if fnmatch(path.name, pattern) or fnmatch(path.name, f"{pattern}.gz")]


def last_written(files: Sequence[Path]) -> datetime:
    """When the latest of the files was written, to the second."""
    return datetime.fromtimestamp(int(max(path.stat().st_mtime for path in files)), tz=UTC)


def missing_file(files: Sequence[Path], pattern: str) -> SchemaError:
    """The error for a file that the mapping needs and nobody gave."""
    names = [path.name for path in files]
    hint = did_you_mean(pattern, names) or f"; there is {', '.join(names) or 'no file'}"
    return SchemaError(f'No file "{pattern}" among those given{hint}. Give it too, or correct its name in the mapping.')
