"""What one set of deals adds to the norms: a few columns of integers, each known at an instant.

Those of the parts of a company, put together, are those of the company; and those known before an instant never
change. So norms are made part by part, on any number of machines, and a new day only adds to them.
"""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features import scans
from features.arrow import codes
from features.exchange import in_reporting_currency
from features.facts import DAY, Facts, FloatColumn, IntColumn
from features.histories import Histories, in_force
from features.moves import Moves, stage_moves
from features.talks import INBOUND
from features.usual_times import time_bins
from features.vocabulary import OPEN, STATIC, merged

Columns = dict[str, NDArray]
MILLION = 1_000_000


@dataclass(frozen=True)
class NormFacts:
    """Columns by table; a column called after a kind of name holds numbers of those names.

    ``closings``: one row per closing (or, with -1, per closing taken back): known_at, won, closed, owner, statics.
    ``passed_...``: the same for every stage, or value of a declared field, that the deal had been in before.
    ``load``: owner, known_at and by how many their open deals changed.
    ``amounts``: first amounts: owner, size, known_at and the logarithm in millionths.
    ``advances``, ``replies``: how many took how long: stage or pipeline, day (from 1970), bin and count.
    """

    names: dict[str, list[str]]
    tables: dict[str, Columns]

    def between(self, since: int | None, until: int) -> "NormFacts":
        """Those known from one midnight (from ever for None) until another, microseconds since 1970 UTC."""
        kept = {}
        for name, columns in self.tables.items():
            known_at = columns["day"].astype(np.int64) * DAY if "day" in columns else columns["known_at"]
            mine = (known_at < until) & (known_at >= (known_at.min(initial=0) if since is None else since))
            kept[name] = {column: values[mine] for column, values in columns.items()}
        return NormFacts(self.names, kept)

    def to_bytes(self) -> bytes:
        """As one file (numpy's npz, no pickle)."""
        file = io.BytesIO()
        flat: dict[str, Any] = {"names": np.frombuffer(json.dumps(self.names).encode(), np.uint8)}
        for table, columns in self.tables.items():
            flat |= {f"{table}.{column}": values for column, values in columns.items()}
        np.savez(file, **flat)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "NormFacts":
        """What ``to_bytes`` gave."""
        tables: dict[str, Columns] = {}
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            names = json.loads(file["names"].tobytes())
            for key in file.files:
                if key != "names":
                    table, column = key.split(".")
                    tables.setdefault(table, {})[column] = file[key]
        return cls(names, tables)


def together(parts: Sequence[NormFacts]) -> NormFacts:
    """Put the parts of a company together, under one numbering of names."""
    names = merged([part.names for part in parts])
    others = {what: some for what, some in names.items() if any(some != part.names[what] for part in parts)}
    every = [_renumbered(part.tables, places) for part, places in zip(parts, _places(parts, others), strict=True)]
    tables = {
        table: {name: np.concatenate([part[table][name] for part in every]) for name in columns}
        for table, columns in every[0].items()
    }
    return NormFacts(names, tables)


def numbered(facts: NormFacts, names: Mapping[str, list[str]]) -> NormFacts:
    """The same under another numbering, which has all their names and may have more."""
    mine = {what: names[what] for what in facts.names}
    others = {what: some for what, some in mine.items() if some != facts.names[what]}
    return NormFacts(mine, _renumbered(facts.tables, _places([facts], others)[0]))


def _places(parts: Sequence[NormFacts], names: Mapping[str, list[str]]) -> list[dict[str, IntColumn]]:
    """Of each part the places of its names among ``names``, and -1 at the end, by what they name.

    The names of all parts are looked up at once: to make those of a whole company ready takes longer than to look.
    """
    found: list[dict[str, IntColumn]] = [{} for _ in parts]
    for what, whole in names.items():
        own = [part.names[what] for part in parts]
        place = codes(list(chain.from_iterable(own)), whole, np.int32)
        for of_part, places in zip(found, np.split(place, np.cumsum([*map(len, own)])[:-1]), strict=True):
            of_part[what] = np.append(places, np.int32(-1))
    return found


def _renumbered(tables: Mapping[str, Columns], places: Mapping[str, IntColumn]) -> dict[str, Columns]:
    return {
        table: columns | {what: places[what][columns[what]] for what in columns.keys() & places.keys()}
        for table, columns in tables.items()
    }


def norm_facts(histories: Histories, rates: Facts) -> NormFacts:
    """What these deals add to the norms; ``rates`` are those of their vocabulary (``features/exchange.py``)."""
    moves, declared = histories.once("moves", lambda: stage_moves(histories)), histories.vocabulary.declared
    closings = _closings(histories, moves)
    tables = {"closings": closings.columns, "passed_stage": _passed(closings, histories.stage, "new", "stage")}
    for one in declared.categories("field"):
        tables[f"passed_{one.key}"] = _passed(closings, histories.fields[one.key], "value", one.key)
    tables |= {
        "load": _load(histories),
        "amounts": _amounts(histories, rates),
        "advances": _advances(moves),
        "replies": _replies(histories),
    }
    grouped = (*STATIC, "owner", *(one.key for one in declared.categories()))
    return NormFacts({name: histories.vocabulary.names[name] for name in grouped}, tables)


@dataclass(frozen=True)
class _Closings:
    """Closings and those taken back; of each the deal, and the position of the closing among the changes of stage."""

    columns: Columns
    deal: IntColumn
    place: IntColumn
    changes: Facts


def _closings(histories: Histories, moves: Moves) -> _Closings:
    """A deal that reopens leaves its groups again, as it had entered them."""
    facts = moves.facts
    closing, reopening = np.flatnonzero(moves.closing), np.flatnonzero(moves.reopened >= 0)
    place = np.concatenate([closing, moves.reopened[reopening]])
    closed = np.repeat([1, -1], [len(closing), len(reopening)])
    deal = facts.group[place]
    columns = {
        "known_at": facts.known_at[np.concatenate([closing, reopening])],
        "won": (closed * moves.won[place]).astype(np.int8),
        "closed": closed.astype(np.int8),
        "owner": in_force(histories.owner, "value", deal, facts.known_at[place] + 1).astype(np.int32),
    }
    for name in (*STATIC, *(one.key for one in histories.vocabulary.declared.categories("attribute"))):
        columns[name] = histories.static[name][deal].astype(np.int32)
    return _Closings(columns, deal, place, facts)


def _passed(closings: _Closings, facts: Facts, column: str, called: str) -> Columns:
    """For every closing, one row per stage (or value of a field) that the deal was known to have been in before it."""
    deal, place = closings.deal, closings.place
    end = place if facts is closings.changes else facts.before(deal, closings.changes.known_at[place])
    first = facts.start[deal]
    closing = np.repeat(np.arange(len(place)), end - first)
    position = np.arange(len(closing)) - np.repeat(np.cumsum(end - first) - end, end - first)
    value = facts.columns[column][position]
    once = scans.first_of_each(closing, value, int(value.max(initial=-1)) + 1)
    of_closing = {name: closings.columns[name][closing[once]] for name in ("known_at", "won", "closed")}
    return {called: value[once].astype(np.int32), **of_closing}


def _load(histories: Histories) -> Columns:
    """Open deals by owner: one up when an owner gets an open deal, one down when it leaves them or closes."""
    stage, owner = histories.stage, histories.owner
    deals, known_at = (
        np.concatenate([getattr(facts, name) for facts in (stage, owner)]) for name in ("group", "known_at")
    )
    news = Facts.sorted(deals, known_at, len(histories), {})
    new = np.append(True, (np.diff(news.group) > 0) | (np.diff(news.known_at) > 0))[: len(news)]
    deal, at = news.group[new], news.known_at[new]
    is_open = histories.vocabulary.stages.category[in_force(stage, "new", deal, at + 1)] == OPEN
    holder = np.where(is_open, in_force(owner, "value", deal, at + 1), -1)
    before = np.where(deal == np.roll(deal, 1), np.roll(holder, 1), -1)
    before[:1] = -1
    changed = holder != before
    holder, before, at = holder[changed], before[changed], at[changed]
    return {
        "owner": np.concatenate([holder, before]).astype(np.int32),
        "known_at": np.concatenate([at, at]),
        "open": np.repeat([1, -1], len(at)).astype(np.int8),
    }


def _amounts(histories: Histories, rates: Facts) -> Columns:
    facts = histories.amount
    first = facts.start[:-1][np.diff(facts.start) > 0]
    deal, at = facts.group[first], facts.known_at[first]
    amount = in_reporting_currency(rates, facts.columns["value"][first], histories.static["currency"][deal], at)
    good = amount > 0
    deal, at = deal[good], at[good]
    return {
        "owner": in_force(histories.owner, "value", deal, at + 1).astype(np.int32),
        "size": histories.static["size"][deal].astype(np.int32),
        "known_at": at,
        "log_amount": np.round(np.log(amount[good]) * MILLION).astype(np.int64),
    }


def _advances(moves: Moves) -> Columns:
    """Times until a forward move, by the stage left."""
    forward = moves.forward & (moves.days >= 0)
    return _counted("stage", moves.origin[forward], moves.facts.known_at[forward], moves.days[forward])


def _replies(histories: Histories) -> Columns:
    """Times until the customer answered, by pipeline."""
    facts = histories.interactions
    answers = (facts.columns["reply_us"] >= 0) & (facts.columns["direction"] == INBOUND)
    deal = facts.group[answers]
    # A letter may be older than the deal it is filed under, and tells the others nothing before that deal exists.
    known_at = np.maximum(facts.known_at[answers], histories.created_at[deal])
    pipeline = histories.static["pipeline"][deal]
    return _counted("pipeline", pipeline, known_at, facts.columns["reply_us"][answers] / DAY)


def _counted(called: str, group: IntColumn, known_at: IntColumn, days: FloatColumn) -> Columns:
    """How many times of each length became known on each day, by group; no group (-1) is left out."""
    named = group >= 0
    columns = {called: group[named], "day": known_at[named] // DAY, "bin": time_bins(days[named])}
    first = {name: int(values.min(initial=0)) for name, values in columns.items()}
    shape = [int(values.max(initial=0)) - first[name] + 1 for name, values in columns.items()]
    places = np.ravel_multi_index([values - first[name] for name, values in columns.items()], shape)
    found, count = np.unique(places, return_counts=True)
    counted = {name: values + first[name] for name, values in zip(columns, np.unravel_index(found, shape), strict=True)}
    return {name: values.astype(np.int32) for name, values in (counted | {"count": count}).items()}
