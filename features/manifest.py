"""A build of snapshots on disk: immutable Parquet files, and one small file that says which of them are the build.

That file is replaced last and whole. So a reader sees the last complete build or the new one, whatever happened to
the process that was writing; what an interrupted one left is swept up by the next.
"""

import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from crm.errors import SchemaError

FORMAT = 3
_CURRENT = "current.json"


@dataclass(frozen=True)
class Manifest:
    """What a build is.

    Attributes
    ----------
    number : counts the builds of a folder
    files : Parquet files of snapshots, sorted by deal and instant within each; names relative to the folder
    labels : Parquet files of what became of them, as known at the end
    n_rows : snapshots in all
    plan : what decided it, as ``SnapshotPlan`` has it
    told : rows of each large table known before the end, to notice that the past was added to
    beside : other files of the build by what they are
    """

    number: int
    plan: dict[str, Any]
    files: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    n_rows: int = 0
    told: dict[str, int] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    format: int = FORMAT


@dataclass(frozen=True)
class BuildFolder:
    """A folder of builds; ``url`` as fsspec writes it: a path, ``s3://bucket/features``, ``memory://features``."""

    url: str

    @property
    def _place(self) -> tuple[fsspec.AbstractFileSystem, str]:
        return fsspec.core.url_to_fs(self.url)

    def current(self) -> Manifest | None:
        """The last complete build; None where there is none, or one that another version made."""
        files, root = self._place
        if not files.exists(f"{root}/{_CURRENT}"):
            return None
        try:
            document = json.loads(files.cat_file(f"{root}/{_CURRENT}"))
        except ValueError as error:
            raise SchemaError(f"{self.url}/{_CURRENT} is damaged; remove the folder and build anew.") from error
        if document.get("format") != FORMAT:
            return None
        return Manifest(**document | {name: tuple(document[name]) for name in ("files", "labels")})

    def begin(self, number: int) -> None:
        """Make the folder of a build, empty: an interrupted one may have left files there."""
        files, root = self._place
        if files.exists(f"{root}/build-{number}"):
            files.rm(f"{root}/build-{number}", recursive=True)
        files.makedirs(f"{root}/build-{number}", exist_ok=True)

    def write_table(self, number: int, name: str, table: pa.Table) -> str:
        """Write one Parquet file of a build; returns its name."""
        files, root = self._place
        path = f"build-{number}/{name}.parquet"
        pq.write_table(table, f"{root}/{path}", filesystem=files, compression="zstd", compression_level=1)
        return path

    def write_bytes(self, number: int, name: str, content: bytes) -> str:
        """Write another file of a build; returns its name."""
        files, root = self._place
        files.pipe_file(f"{root}/build-{number}/{name}", content)
        return f"build-{number}/{name}"

    def finish(self, manifest: Manifest) -> Manifest:
        """Make a build the current one, then sweep up what no build needs."""
        files, root = self._place
        new = f"{root}/{_CURRENT}.new"
        files.pipe_file(new, json.dumps(asdict(manifest), indent=1).encode())
        files.mv(new, f"{root}/{_CURRENT}")
        needed = {name.split("/")[0] for name in (*manifest.files, *manifest.labels, *manifest.beside.values())}
        for path in files.ls(root, detail=False):
            folder = path.rstrip("/").rsplit("/", 1)[-1]
            if folder.startswith("build-") and folder not in needed:
                files.rm(path, recursive=True)
        return manifest

    def read_bytes(self, name: str) -> bytes:
        """A file of a build."""
        files, root = self._place
        return files.cat_file(f"{root}/{name}")

    def read_table(self, name: str) -> pa.Table:
        """A Parquet file of a build."""
        return pq.read_table(io.BytesIO(self.read_bytes(name)))

    def dataset(self, names: Sequence[str]) -> ds.Dataset:
        """Files of a build as one data set, to be read in batches."""
        files, root = self._place
        return ds.dataset([f"{root}/{name}" for name in names], filesystem=files, format="parquet")
