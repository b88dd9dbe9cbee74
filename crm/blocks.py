"""The bytes of a file, gzipped or not, as far as they can be read; and the lines of text in them."""

import codecs
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from crm.errors import SchemaError

Progress = Callable[[str, int, int], None]
"""Called with a step in words, how much is done and how much there is to do (bytes or rows)."""

_BLOCK_BYTES = 1 << 20
_GZIP = 16 + zlib.MAX_WBITS


class Blocks:
    """The bytes of one file, block by block; after the last block ``damage`` says what kept it from going on.

    A gzip stream that is cut or broken gives all that can be unpacked instead of raising: rows that
    arrived are rows that load.
    """

    def __init__(self, path: Path, progress: Progress | None = None) -> None:
        self.path = path
        self.damage: str | None = None
        self._progress = progress

    def __iter__(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from self._unpacked(self._raw(file)) if self.path.suffix == ".gz" else self._raw(file)
        except OSError as error:
            raise SchemaError(f"{self.path} cannot be read: {error.strerror or error}.") from error

    def _raw(self, file: io.BufferedReader) -> Iterator[bytes]:
        size = self.path.stat().st_size
        while block := file.read(_BLOCK_BYTES):
            if self._progress:
                self._progress(f"reading {self.path.name}", file.tell(), size)
            yield block

    def _unpacked(self, packed: Iterator[bytes]) -> Iterator[bytes]:
        stream = zlib.decompressobj(_GZIP)
        try:
            for block in packed:
                while block:
                    if stream.eof:  # one gzip file may hold several streams, one after the other
                        stream = zlib.decompressobj(_GZIP)
                    yield stream.decompress(block)
                    block = stream.unused_data
        except zlib.error:
            self.damage = "its gzip data are damaged"
            return
        if not stream.eof:
            self.damage = "its gzip data end in the middle"


def lines(blocks: Blocks, encoding: str | None) -> Iterator[str]:
    """The lines of a text file, each with the line end it has.

    Parameters
    ----------
    encoding
        A name Python knows; if missing, UTF-8, or UTF-16 where the file says so in its first bytes.

    Raises
    ------
    SchemaError
        Some bytes are not in that encoding; says in which line, and what to do.
    """
    decoder, rest, done = None, "", 0
    for block in blocks:
        decoder = decoder or codecs.getincrementaldecoder(encoding or _unicode(block))()
        try:
            text = rest + decoder.decode(block)
        except UnicodeDecodeError as error:
            before = rest + error.object[: error.start].decode(error.encoding, "replace")
            raise _not_in(blocks.path, done + len(_split(before + "|")), error, encoding) from error
        parts = _split(text)
        rest = parts.pop() if parts else ""  # it may go on in the next block
        done += len(parts)
        yield from parts
    if decoder and decoder.getstate()[0]:
        blocks.damage = blocks.damage or "it ends inside a character"
    if rest:
        yield from _split(rest)


def _unicode(block: bytes) -> str:
    return "utf-16" if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _split(text: str) -> list[str]:
    # str.splitlines would also break a line at a form feed or a Unicode separator inside a value.
    return list(io.StringIO(text, newline=""))


def _not_in(path: Path, line: int, error: UnicodeDecodeError, encoding: str | None) -> SchemaError:
    found = f"{path} line {line}: byte 0x{error.object[error.start]:02x} is not {encoding or 'UTF-8'}"
    remedy = (
        "name the encoding it was saved in" if encoding else "save it as UTF-8, or name its encoding in a mapping file"
    )
    return SchemaError(f"{found}; {remedy} (`encoding: cp1252` for most exports from Windows).")
