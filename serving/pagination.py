"""Pages of a long list: an opaque cursor that holds how far one has read, and of which batch of scores."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlencode

from serving.problems import Problem, refused
from serving.view import View

Item = TypeVar("Item")


@dataclass(frozen=True)
class Cursor:
    """How many items were read, of the list made from which scores."""

    offset: int
    batch: str

    def text(self) -> str:
        """Write as one word that fits into an address.

        Examples
        --------
        >>> Cursor.read(Cursor(50, "7@2026-03-30").text())
        Cursor(offset=50, batch='7@2026-03-30')
        """
        return base64.urlsafe_b64encode(json.dumps([self.offset, self.batch]).encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor":
        """Read what ``text`` wrote; answers 422 for anything else."""
        try:
            offset, batch = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            if not (isinstance(offset, int) and offset >= 0 and isinstance(batch, str)):
                raise ValueError
        except (ValueError, TypeError, binascii.Error):
            error = {
                "loc": ("query", "cursor"),
                "type": "cursor",
                "input": text,
                "msg": "this is not a cursor that came from here",
                "remedy": "follow the address in `next` unchanged, or leave the cursor out to start again",
            }
            raise refused([error]) from None
        return cls(offset, batch)


def batch_name(view: View) -> str:
    """Name the batch of scores that ``view`` was made from."""
    return f"{view.model_version}@{view.as_of.isoformat()}"


def start_of(cursor: str | None, view: View) -> int:
    """Return how many items to skip; answers 409 when the scores were renewed since the first page."""
    if cursor is None:
        return 0
    read = Cursor.read(cursor)
    if read.batch != batch_name(view):
        raise Problem(
            409,
            "The deals were scored anew while you were reading the pages, so their order changed.",
            "Start again without a cursor.",
        )
    return read.offset


def next_address(
    path: str, filters: Mapping[str, str | None], items: Sequence[Item], start: int, limit: int, view: View
) -> str | None:
    """Return the address of the page after this one, with the same filters; None when this is the last."""
    if start + limit >= len(items):
        return None
    kept = {name: value for name, value in filters.items() if value is not None}
    query = kept | {"limit": str(limit), "cursor": Cursor(start + limit, batch_name(view)).text()}
    return f"{path}?{urlencode(query)}"
