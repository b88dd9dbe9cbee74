"""Numbers and dates as people read them. Used by the templates only; programs get the plain values."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal

from crm.money import Rate
from serving.schemas import Money

_MINUS = "−"  # the typographic minus, as wide as a plus
_NARROW_SPACE = " "  # keeps a number and its currency on one line


def percent(share: float | None) -> str:
    """Write a share in [0, 1] as whole percent; never claims certainty.

    Examples
    --------
    >>> percent(0.374), percent(0.004), percent(0.999), percent(0.0), percent(None)
    ('37%', '<1%', '>99%', '0%', '–')
    """
    if share is None:
        return "–"
    if 0 < share < 0.01:
        return "<1%"
    if 0.99 < share < 1:
        return ">99%"
    return f"{share:.0%}"


def points(share: float) -> str:
    """Write a difference of shares as signed percentage points.

    Examples
    --------
    >>> points(0.081), points(-0.2), points(0.0002)
    ('+8.1', '−20.0', '0.0')
    """
    text = f"{abs(share) * 100:.1f}"
    if text == "0.0":
        return text
    return ("+" if share > 0 else _MINUS) + text


def money(value: Money | None) -> str:
    """Write an amount with its currency, without cents.

    Examples
    --------
    >>> money(Money(amount="12500.00", currency="EUR")).replace(chr(0x202F), " "), money(None)
    ('EUR 12,500', 'no amount')
    """
    if value is None:
        return "no amount"
    return f"{value.currency}{_NARROW_SPACE}{round(Decimal(value.amount)):,}"


def short_money(amount: float | None) -> str:
    """Write a plain amount to three figures or so, for tables and charts.

    Examples
    --------
    >>> short_money(1_234_567.0), short_money(45_300.0), short_money(950.0), short_money(-2_500.0)
    ('1.23M', '45.3k', '950', '−2.5k')
    """
    if amount is None:
        return "–"
    sign = _MINUS if amount < 0 else ""
    size = abs(amount)
    for unit, name in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{sign}{float(f'{size / unit:.3g}'):,g}{name}"
    return f"{sign}{size:.0f}"


def short_change(amount: float) -> str:
    """Write a change of money to three figures or so, with its sign.

    Examples
    --------
    >>> short_change(34_000.0), short_change(-1_234_567.0), short_change(0.0)
    ('+34k', '−1.23M', '0')
    """
    text = short_money(amount)
    if text.removeprefix(_MINUS) == "0":
        return "0"
    return "+" + text if amount > 0 else text


def cents_change(cents: int) -> str:
    """Write a change in whole cents, to the cent, with its sign.

    Examples
    --------
    >>> cents_change(3_400_050), cents_change(-50), cents_change(0)
    ('+34,000.50', '−0.50', '0.00')
    """
    sign = "+" if cents > 0 else _MINUS if cents < 0 else ""
    return f"{sign}{Decimal(abs(cents)) / 100:,.2f}"


def day(value: date | datetime | str | None) -> str:
    """Write a day, or the day of an instant in UTC.

    Examples
    --------
    >>> day("2026-03-09"), day(None)
    ('9 Mar 2026', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, str):
        value = date.fromisoformat(value)
    return f"{value.day} {value:%b %Y}"


def month_name(value: date) -> str:
    """Write the month of a day, briefly; with its year where a year begins.

    Examples
    --------
    >>> month_name(date(2026, 12, 1)), month_name(date(2027, 1, 1))
    ('Dec', 'Jan 27')
    """
    return f"{value:%b %y}" if value.month == 1 else f"{value:%b}"


def instant(value: datetime) -> str:
    """Write an instant to the minute, in UTC.

    Examples
    --------
    >>> instant(datetime(2026, 3, 9, 7, 5, tzinfo=UTC))
    '9 Mar 2026, 07:05 UTC'
    """
    value = value.astimezone(UTC)
    return f"{day(value)}, {value:%H:%M} UTC"


def days_between(earlier: datetime, later: datetime) -> str:
    """Write the time between two instants in whole days.

    Examples
    --------
    >>> days_between(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, 12, tzinfo=UTC))
    '1 day'
    """
    days = (later - earlier).days
    return "1 day" if days == 1 else f"{days:,} days"


def horizon(days: float) -> str:
    """Write a number of days as people count them.

    Examples
    --------
    >>> horizon(7), horizon(14), horizon(364), horizon(10)
    ('1 week', '2 weeks', '52 weeks', '10 days')
    """
    if days % 7 == 0:
        return "1 week" if days == 7 else f"{days / 7:.0f} weeks"
    return f"{days:.0f} days"


def rates_used(rates: Iterable[Rate]) -> str:
    """Write which exchange rates sums were made with; empty when none was needed.

    Examples
    --------
    >>> rates_used([Rate("USD", "EUR", "2026-03-27", 0.9), Rate("CHF", "EUR", "2026-03-27", 1.0512)])
    ' at the rates of 27 Mar 2026 (USD 0.9, CHF 1.051)'
    """
    by_day: dict[str, list[str]] = {}
    for rate in rates:
        if rate.currency != rate.reporting_currency:
            by_day.setdefault(rate.day, []).append(f"{rate.currency} {rate.rate:.4g}")
    parts = [f"{day(on)} ({', '.join(found)})" for on, found in by_day.items()]
    return f" at the rates of {' and '.join(parts)}" if parts else ""


FILTERS = (
    rates_used,
    percent,
    points,
    money,
    short_money,
    short_change,
    cents_change,
    day,
    month_name,
    instant,
    days_between,
    horizon,
)
