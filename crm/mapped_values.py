"""The values that a mapping tells how to read: words replaced, dates in declared formats, decimal commas, lookups."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from crm.errors import SchemaError
from crm.kinds import as_text
from crm.mapping_parts import Format, Lookup, Value
from crm.origins import ORIGIN
from crm.rejects import did_you_mean, refused
from crm.tables import Kind
from crm.written_dates import dates, instants

LookUp = Callable[[Lookup], pd.Series]
"""The column that is taken from another file, indexed by the column it is matched with."""


@dataclass(frozen=True)
class Source:
    """The rows of one mapped file, and what is needed to read values from them."""

    rows: pd.DataFrame
    written: Format
    file: str
    look_up: LookUp

    def column(self, name: str) -> pd.Series:
        """A column of the file, as it stands there."""
        if list(self.rows) == [ORIGIN]:  # an empty file; its reject says so
            return pd.Series([], dtype="str")
        if name not in self.rows:
            has = [str(column) for column in self.rows if column != ORIGIN]
            raise SchemaError(
                f'{self.file} lacks the column "{name}"{did_you_mean(name, has)}; it has {", ".join(has) or "none"}. '
                "Name the column in the mapping as the file does."
            )
        return self.rows[name]

    def text(self, name: str) -> pd.Series:
        """A column as text without spaces around it, missing where it is empty or says that it is missing."""
        text = as_text(self.column(name)).str.strip()
        return text.mask(text.isin(["", *self.written.missing]))


def read_value(value: Value, kind: Kind, source: Source) -> tuple[pd.Series, list[pd.DataFrame]]:
    """Read one mapped value from every row of a file.

    Returns
    -------
    values, rejects
        One value per row, missing where it could not be read; and a reject for each of those.

    Raises
    ------
    SchemaError
        The file lacks the column.
    """
    if value.column is None:
        constant = str(value.constant).lower() if isinstance(value.constant, bool) else str(value.constant)
        return pd.Series(constant, index=source.rows.index, dtype="str"), []
    raw, text = source.column(value.column), source.text(value.column)
    if value.values:
        text = text.where(~text.isin(value.values), text.map(value.values)).astype("str")
    whys = []
    if value.lookup is not None:
        text, why = _looked_up(text, value.lookup, source.look_up(value.lookup))
        whys.append(why)
    typed = not isinstance(raw.dtype, pd.StringDtype)
    values, why = _in_kind(
        text, kind, source.written.model_copy(update={"dates": ("iso",)}) if typed else source.written
    )
    whys.append(why)
    return values, [_refused(source, value.column, raw, why) for why in whys]


def _refused(source: Source, column: str, raw: pd.Series, why: pd.Series) -> pd.DataFrame:
    bad = why.notna().to_numpy()
    sentences = [f'{column} "{value}" {reason}' for value, reason in zip(raw[bad], why[bad], strict=True)]
    return refused(source.rows[ORIGIN].to_numpy()[bad], column, raw[bad].tolist(), sentences)


def _looked_up(text: pd.Series, lookup: Lookup, taken: pd.Series) -> tuple[pd.Series, pd.Series]:
    known = text.isin(taken.index)
    why = pd.Series(None, index=text.index, dtype="str")
    for value in text[~known].dropna().unique():
        hint = did_you_mean(value, taken.index)
        why[text == value] = (
            f"is in no row of {lookup.file} (as {lookup.match}){hint}; add it, or respell it under values"
        )
    return text.map(taken).astype("str"), why


def _in_kind(text: pd.Series, kind: Kind, written: Format) -> tuple[pd.Series, pd.Series]:
    """Values in the form the contract's checks read, and why a value has none."""
    if kind == "instant":
        return instants(text, written.dates, written.time_zone)
    if kind == "date":
        return dates(text, written.dates, written.time_zone)
    if kind in ("decimal", "number", "integer"):
        return _plain_numbers(text, written)
    return text, pd.Series(None, index=text.index, dtype="str")


def _plain_numbers(text: pd.Series, written: Format) -> tuple[pd.Series, pd.Series]:
    point = "," if written.decimal_comma else "."
    group = written.thousands
    whole = rf"(?:\d{{1,3}}(?:[{group}]\d{{3}})+|\d+)" if group else r"\d+"
    fits = text.str.fullmatch(rf"[+-]?{whole}(?:[{point}]\d+)?").fillna(False).to_numpy(dtype=bool)
    plain = text.where(fits).str.replace(group, "", regex=False) if group else text.where(fits)
    plain = (
        plain.str.replace(point, ".", regex=False)
        .str.removeprefix("+")
        .str.replace(r"^(-?)0+(?=\d)", r"\1", regex=True)
    )
    example = "12500,50" if written.decimal_comma else "12500.50"
    why = f"is not a number; write {example}, or say decimal_comma or thousands in the mapping"
    return plain, pd.Series(why, index=text.index, dtype="str").mask(fits | text.isna())
