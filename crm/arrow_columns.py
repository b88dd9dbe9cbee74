"""Columns of the contract made from numbers, at Arrow speed: ids, choices, money, dates and instants."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def numbered(prefix: str, numbers: np.ndarray, width: int) -> pa.Array:
    """Ids such as ``D000012``: a prefix and a number padded with zeros to ``width`` digits.

    >>> numbered("D", np.array([1, 12]), 6).to_pylist()
    ['D000001', 'D000012']
    """
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), width, "0")
    return joined(prefix, digits)


def joined(*parts: pa.Array | str) -> pa.Array:
    """Text columns and constant texts written one after the other; missing where a part is missing.

    >>> joined("<", chosen(["a", "b"], np.array([1, -1])), ">").to_pylist()
    ['<b>', None]
    """
    return pc.binary_join_element_wise(*parts, "")


def chosen(values: Sequence[str] | pa.Array, positions: np.ndarray) -> pa.Array:
    """``values`` at ``positions``; missing where a position is negative.

    >>> chosen(["email", "call"], np.array([1, -1, 0])).to_pylist()
    ['call', None, 'email']
    """
    options = values if isinstance(values, pa.Array) else pa.array(values, pa.string())
    return options.take(pa.array(positions, pa.int64(), mask=positions < 0))


def decimals(amounts: np.ndarray) -> pa.Array:
    """Plain decimals with two digits of non-negative amounts, rounded to the cent.

    >>> decimals(np.array([12500, 0.07])).to_pylist()
    ['12500.00', '0.07']
    """
    cents = np.rint(amounts * 100).astype(np.int64)
    whole, rest = (pc.cast(pa.array(part), pa.string()) for part in np.divmod(cents, 100))
    return pc.binary_join_element_wise(whole, pc.utf8_lpad(rest, 2, "0"), ".")


def dates(days: np.ndarray) -> pa.Array:
    """Dates ``YYYY-MM-DD`` of day numbers counted from 1970-01-01.

    >>> dates(np.array([0, 31])).to_pylist()
    ['1970-01-01', '1970-02-01']
    """
    return pc.cast(pc.cast(pa.array(days, pa.int32()), pa.date32()), pa.string())


def instants(microseconds: np.ndarray) -> pa.Array:
    """Instants of microseconds since 1970 in UTC."""
    return pa.array(microseconds, pa.int64()).cast(pa.timestamp("us", tz="UTC"))
