"""Days and instants from the command line."""

from datetime import UTC, date, datetime, timedelta

import pytest
import typer

from training.moments import day_or_today, instant_or_now


def test_a_day_is_read() -> None:
    assert day_or_today("2026-11-16") == date(2026, 11, 16)


def test_nothing_written_is_today_and_now() -> None:
    before = datetime.now(UTC)
    assert before <= instant_or_now("") <= before + timedelta(minutes=1)
    assert day_or_today("") in (before.date(), before.date() + timedelta(days=1))


def test_an_instant_without_a_zone_is_in_utc() -> None:
    assert instant_or_now("2026-11-16T09:30") == datetime(2026, 11, 16, 9, 30, tzinfo=UTC)


def test_an_instant_keeps_its_own_zone() -> None:
    assert instant_or_now("2026-11-16T09:30+02:00") == datetime(2026, 11, 16, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize("read", [day_or_today, instant_or_now])
def test_what_is_no_date_is_refused_in_a_sentence(read) -> None:
    with pytest.raises(typer.BadParameter, match=r"'16\.11\.2026' is not an? .*; write it as"):
        read("16.11.2026")
