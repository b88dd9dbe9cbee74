"""The records of a CSV file: each with its line, and for each line that is no record the reason why."""

import csv
from collections.abc import Iterator


class Feed:
    """Lines with their numbers, where all lines of a spoiled record but its first can be given back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._returned: list[str] = []
        self._taken: list[str] = []
        self.number, self.started = 0, 0
        self.first, self.last = "", ""

    def __iter__(self) -> "Feed":
        return self

    def __next__(self) -> str:
        line = self._returned.pop() if self._returned else next(self._source)
        self.number += 1
        if not self._taken:
            self.started, self.first = self.number, line
        self._taken.append(line)
        self.last = line
        return line

    def begin(self) -> None:
        """A new record begins with the next line."""
        self._taken = []

    def give_back(self) -> bool:
        """Return all but the first line of the record, to be read again; tells whether there were any."""
        rest = self._taken[1:]
        self._returned.extend(reversed(rest))
        self.number -= len(rest)
        return bool(rest)


def records(feed: Feed, delimiter: str, width: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each record with the number of its first line: its fields, or the sentence that says why it is none.

    A quote that is never closed swallows lines that are fine; so only a spoiled record's first line is
    refused, and reading goes on with the next one.
    """
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.begin()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            quote = feed.give_back() or "end of data" in str(error)
            what = "a quote is opened and not closed" if quote else f"it is not CSV ({error})"
            yield feed.started, f"{what}; write every quote inside a value twice and close the value"
            continue
        if len(fields) == width or not fields:
            yield feed.started, fields
            continue
        feed.give_back()
        cut = not feed.first.endswith(("\n", "\r")) and len(fields) < width
        yield feed.started, _wrong_width(len(fields), width, cut=cut)


def _wrong_width(found: int, width: int, *, cut: bool) -> str:
    if cut:
        return f"the file ends in the middle of this line: {found} of {width} values; export it again"
    hint = "quote values that hold the delimiter" if found > width else "every line needs a value for every column"
    return f"the line has {found} values where the header has {width} columns; {hint}"
