"""Event logs in XES (IEEE 1849), gzipped or not: one row per event, one per trace; read as a stream."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from lxml import etree

from crm.blocks import Blocks, Progress
from crm.origins import ORIGIN, origins
from crm.rejects import joined, no_rejects, refused, refused_file

EVENT_COLUMNS = ("case", "activity", "at", "resource", "lifecycle")
_KEYS = {"concept:name": 1, "time:timestamp": 2, "org:resource": 3, "lifecycle:transition": 4}


@dataclass(frozen=True)
class Log:
    """The events of a log and its cases, as text, each row with its origin; and what could not be read.

    ``events``: case, activity, at, resource, lifecycle. ``cases``: case and ``attribute``, the one asked for.
    """

    events: pd.DataFrame
    cases: pd.DataFrame
    rejects: pd.DataFrame


def read_xes(path: Path, file: int, attribute: str | None = None, progress: Progress | None = None) -> Log:
    """Read a log, as far as it can be read; a case that the file ends in is left out, as its end is not known.

    Parameters
    ----------
    file
        The file's number in the rows' origins.
    attribute
        An attribute of the trace to keep for each case, such as an amount.
    """
    # External entities could read other files of this machine, so none is resolved.
    parser = etree.XMLPullParser(
        events=("start", "end"), tag="{*}trace", resolve_entities=False, no_network=True, huge_tree=True
    )
    found, blocks, why = _Found(attribute), Blocks(path, progress), None
    try:
        for block in blocks:
            parser.feed(block)
            found.take(parser.read_events())
        parser.close()
    except etree.XMLSyntaxError as error:
        why = blocks.damage or f"{error.msg}"
        found.take(parser.read_events())
    return Log(
        _frame(found.events, EVENT_COLUMNS, file),
        _frame(found.cases, ("case", "attribute"), file),
        _lost(found, why, file),
    )


class _Found:
    """The traces taken so far; each leaves the tree once it is taken, so memory does not grow with the XML."""

    def __init__(self, attribute: str | None) -> None:
        self.attribute = attribute
        self.events: list[tuple] = []
        self.cases: list[tuple] = []
        self.unfinished: etree._Element | None = None

    def take(self, read: etree.iterparse) -> None:
        for when, trace in read:
            self.unfinished = trace if when == "start" else None
            if when == "end":
                self._trace(trace)
                trace.getparent().remove(trace)

    def _trace(self, trace: etree._Element) -> None:
        case = _value(trace, "concept:name")
        attribute = _value(trace, self.attribute) if self.attribute else None
        self.cases.append((case, attribute, trace.sourceline))
        for event in trace.iterchildren("{*}event"):
            row = [case, None, None, None, None, event.sourceline]
            for child in event:
                position = _KEYS.get(child.get("key"))
                if position is not None:
                    row[position] = child.get("value")
            self.events.append(tuple(row))


def _value(element: etree._Element, key: str) -> str | None:
    return next((child.get("value") for child in element if child.get("key") == key), None)


def _frame(rows: list[tuple], names: tuple[str, ...], file: int) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * (len(names) + 1)
    frame = pd.DataFrame({name: pd.Series(values, dtype="str") for name, values in zip(names, columns, strict=False)})
    frame = frame.mask(frame == "")
    frame[ORIGIN] = origins(file, np.array(columns[-1], dtype="int64"))
    return frame


def _lost(found: _Found, why: str | None, file: int) -> pd.DataFrame:
    """What is said of a file that could not be read to its end."""
    if why is None:
        return no_rejects()
    parts = [
        refused_file(
            file, f"the log cannot be read to its end: {why}; cases after the last whole one are lost, export it again"
        )
    ]
    if (trace := found.unfinished) is not None:
        rule = "the file ends in the middle of this case, so none of it is loaded; export the log again"
        origin = origins(file, np.array([trace.sourceline or 0]))
        parts.append(refused(origin, "case", [_value(trace, "concept:name")], [rule]))
    return joined(parts)
