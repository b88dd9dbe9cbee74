"""Settings: what cannot be used is named in one sentence, not in pydantic's report."""

import pytest

from crm.errors import SettingsError
from crm.settings import Settings


@pytest.mark.parametrize("port", ["abc", "0", "65536", "-1", ""])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("PLUMBLINE_PORT", port)
    with pytest.raises(SettingsError, match=rf'PLUMBLINE_PORT is "{port}"; set it to a number from 1 to 65535'):
        Settings()


def test_a_currency_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLUMBLINE_REPORTING_CURRENCY", "EURO")
    with pytest.raises(SettingsError, match='PLUMBLINE_REPORTING_CURRENCY is "EURO"; set it to a code of ISO 4217'):
        Settings()


@pytest.mark.parametrize("days", ["6", "-1", "four", "", "30.5"])
def test_days_that_are_too_few_to_tell_what_moved_are_refused(monkeypatch: pytest.MonkeyPatch, days: str) -> None:
    monkeypatch.setenv("PLUMBLINE_KEEP_DAILY_DAYS", days)
    with pytest.raises(
        SettingsError, match=rf'KEEP_DAILY_DAYS is "{days}"; set it to a whole number of days, 7 or more'
    ):
        Settings()


def test_every_point_is_kept_for_four_months_where_nothing_is_said() -> None:
    assert Settings().keep_daily_days == 120
