"""Values of each kind of the contract, from text (CSV) or from typed columns (Parquet); never by guessing.

Each parser returns the column in the contract's dtype, missing where a value cannot be read, and the
sentence for those values: ``{column} "{value}" is not ...; write ...``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from crm.tables import Kind

INSTANT = pd.DatetimeTZDtype("us", "UTC")
# Earlier or later is a typing error (the year 0206), and nanosecond instants would overflow.
_FIRST, _LAST = pd.Timestamp("1900-01-01", tz="UTC"), pd.Timestamp("2200-01-01", tz="UTC")
_ZONE = r"(?:[Zz]|[+-]\d{2}:?\d{2})"
_INSTANT = rf"\d{{4}}-\d{{2}}-\d{{2}}[Tt ]\d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d{{1,6}})?)?{_ZONE}"
_DECIMAL = r"-?(?:0|[1-9]\d*)(?:\.\d+)?"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_FLAGS = {"true": True, "t": True, "yes": True, "1": True, "false": False, "f": False, "no": False, "0": False}


@dataclass(frozen=True)
class Parsed:
    """A column in the contract's dtype, which values could not be read, and what they are not."""

    values: pd.Series
    bad: np.ndarray
    rule: str

    def sentences(self, column: str, raw: pd.Series) -> list[str]:
        """One sentence per unreadable value."""
        return [f'{column} "{value}" {self.rule}' for value in raw[self.bad]]


def parsed(values: pd.Series, kind: Kind) -> Parsed:
    """Read a column of text, or of a type near to it, as a kind of the contract.

    >>> amounts = pd.Series(["12500", "12,5k"])
    >>> parsed(amounts, "decimal").sentences("amount", amounts)
    ['amount "12,5k" is not a number; write 12500 or 12500.50']
    """
    return _PARSERS[kind](values)


def as_text(values: pd.Series) -> pd.Series:
    """A column as text, missing where it is missing; whole floats are written without ``.0``."""
    if isinstance(values.dtype, pd.StringDtype):
        return values
    missing = values.isna()
    if pd.api.types.is_float_dtype(values.dtype):
        plain = [np.format_float_positional(value, trim="-") for value in values[~missing]]
    elif isinstance(values.dtype, pd.DatetimeTZDtype | np.dtypes.DateTime64DType):
        plain = [value.isoformat() for value in values[~missing]]
    else:
        plain = [str(value) for value in values[~missing]]
    text = pd.Series(None, index=values.index, dtype="str")
    text[~missing] = pd.array(plain, dtype="str")
    return text


def _matched(values: pd.Series, pattern: str) -> tuple[pd.Series, np.ndarray]:
    """The text where it matches as a whole, else missing; and where it is there and does not match."""
    text = as_text(values)
    fits = text.str.fullmatch(pattern).fillna(False).to_numpy(dtype=bool)
    return text.where(fits), ~fits & text.notna().to_numpy()


def _text(values: pd.Series) -> Parsed:
    text = as_text(values)
    nul = text.str.contains("\x00", regex=False).fillna(False).to_numpy(dtype=bool)
    return Parsed(text.mask(nul) if nul.any() else text, nul, "holds a NUL character; remove it")


def _instant(values: pd.Series) -> Parsed:
    rule = "is not an instant with a time zone; write 2026-03-31T14:05:00Z"
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        utc = values.dt.tz_convert("UTC")
        at = utc.dt.as_unit("us")
        finer = (at != utc).to_numpy() & at.notna().to_numpy()
        return _in_range(at.mask(finer) if finer.any() else at, finer, "is finer than a microsecond; round it")
    text, bad = _matched(values, _INSTANT)
    at = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce").dt.as_unit("us")
    return _in_range(at, bad | (at.isna() & text.notna()).to_numpy(), rule)


def _in_range(at: pd.Series, bad: np.ndarray, rule: str) -> Parsed:
    outside = at.notna().to_numpy() & ~at.between(_FIRST, _LAST, inclusive="left").to_numpy()
    if outside.any():
        return Parsed(at.mask(outside), bad | outside, f"{rule}, in a year from 1900 to 2199")
    return Parsed(at, bad, rule)


def _date(values: pd.Series) -> Parsed:
    text, bad = _matched(values, r"\d{4}-\d{2}-\d{2}")
    day = pd.to_datetime(text, format="%Y-%m-%d", errors="coerce")
    absent = (day.isna() & text.notna()).to_numpy()
    return Parsed(text.mask(absent), bad | absent, "is not a date; write 2026-03-31")


def _decimal(values: pd.Series) -> Parsed:
    text, bad = _matched(values, _DECIMAL)
    return Parsed(text, bad, "is not a number; write 12500 or 12500.50")


def _number(values: pd.Series) -> Parsed:
    rule = "is not a number; write 12500 or 12500.50"
    if pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype):
        number = values.astype("float64")
        endless = np.isinf(number.to_numpy())
        return Parsed(number.mask(endless), endless, rule)
    text, bad = _matched(values, _NUMBER)
    number = pd.to_numeric(text).astype("float64")
    endless = np.isinf(number.to_numpy())
    return Parsed(number.mask(endless), bad | endless, rule)


def _integer(values: pd.Series) -> Parsed:
    number = _number(values)
    # Above 2^53 a float no longer tells whole numbers apart.
    broken = number.values.notna() & ((number.values % 1 != 0) | (number.values.abs() > 2**53))
    bad = number.bad | broken.to_numpy()
    return Parsed(number.values.mask(bad).astype("Int64"), bad, "is not a whole number; write 12")


def _flag(values: pd.Series) -> Parsed:
    rule = "is neither true nor false; write true or false"
    if pd.api.types.is_bool_dtype(values.dtype):
        return Parsed(values.astype("boolean"), np.zeros(len(values), dtype=bool), rule)
    text = as_text(values)
    flag = text.str.lower().map(_FLAGS).astype("boolean")
    return Parsed(flag, (flag.isna() & text.notna()).to_numpy(), rule)


_PARSERS: dict[Kind, Callable[[pd.Series], Parsed]] = {
    "text": _text,
    "json": _text,
    "instant": _instant,
    "date": _date,
    "decimal": _decimal,
    "number": _number,
    "integer": _integer,
    "flag": _flag,
}
