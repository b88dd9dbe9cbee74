"""The last good copy of the champion on this machine: what is served while the registry cannot be reached.

One archive, written beside and moved into place, so that it is either the old one or the new one, never half.
"""

import hashlib
import os
import tempfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from crm.errors import NoModelError, RegistryError
from models.scorer import Scorer, load_scorer

ARCHIVE = "champion.zip"


def digest(folder: Path) -> str:
    """SHA-256 of a saved scorer's files, names and bytes; one changed byte gives another.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     digest(Path(folder))[:8]
    'e3b0c442'
    """
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


def read_scorer(folder: Path, what: str, expected_digest: str = "") -> Scorer:
    """Load a saved scorer, and say in one sentence where its files are damaged.

    Parameters
    ----------
    what : what is loaded, for the sentence: "version 3"
    expected_digest : as ``digest`` gave it when the scorer was saved; not checked where empty

    Raises
    ------
    RegistryError
        A file is damaged or missing.
    NoModelError
        There is no scorer, or one of a format that this version does not read.
    """
    if expected_digest and digest(folder) != expected_digest:
        raise _damaged(what)
    try:
        return load_scorer(folder)
    except NoModelError:
        raise
    except Exception as error:  # whatever JSON, LightGBM or numpy say of a file that is not what it was
        raise _damaged(what) from error


def remember(scorer: Scorer, build_dir: Path) -> None:
    """Keep a copy of ``scorer`` as the last good one."""
    build_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build_dir) as folder:
        files, archive = Path(folder) / "scorer", Path(folder) / ARCHIVE
        scorer.save(files)
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
            for path in sorted(path for path in files.rglob("*") if path.is_file()):
                written.write(path, path.relative_to(files).as_posix())
        with archive.open("rb+") as file:
            os.fsync(file.fileno())
        archive.replace(build_dir / ARCHIVE)


def recall(build_dir: Path) -> tuple[Scorer, datetime] | None:
    """The last good copy and when it was kept; None where there is none, or it is damaged too."""
    archive = build_dir / ARCHIVE
    try:
        with zipfile.ZipFile(archive) as kept, tempfile.TemporaryDirectory() as folder:
            if kept.testzip():
                return None
            kept.extractall(folder)
            return read_scorer(Path(folder), str(archive)), datetime.fromtimestamp(archive.stat().st_mtime, UTC)
    except (OSError, zipfile.BadZipFile, NoModelError, RegistryError):
        return None


def _damaged(what: str) -> RegistryError:
    return RegistryError(
        f"the files of {what} of the model are damaged or not complete; restore them, "
        "go back with `plumbline promote --rollback`, or train anew with `plumbline train`"
    )
