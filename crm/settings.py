"""Where things are: the one reader of the environment. Read once at the edge, then passed as values."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from crm.currencies import CURRENCIES
from crm.errors import SettingsError

FEWEST_DAYS_KEPT = 7


class Settings(BaseSettings):
    """Where the store, the registry and the outputs are, who may come in, and how long every score is kept.

    Every value comes from an environment variable of the same name with the prefix
    ``PLUMBLINE_`` (``PLUMBLINE_STORE_URL``), except ``MLFLOW_TRACKING_URI``, which
    keeps the name that MLflow's own tools read.

    Raises
    ------
    SettingsError
        The port is not a number from 1 to 65535, the currency is not one of ISO 4217, or the days for which every
        point of the ledger is kept are fewer than a week.
    """

    model_config = SettingsConfigDict(env_prefix="PLUMBLINE_", frozen=True)

    build_dir: Path = Path("build")
    store_url: str = "sqlite:///build/plumbline.db"
    tracking_uri: str = Field("sqlite:///build/mlflow.db", validation_alias="MLFLOW_TRACKING_URI")
    reporting_currency: str = "EUR"
    signals: Path | None = None
    api_key: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    keep_daily_days: int = 120

    # What is no ValueError passes through pydantic as it is: our sentence instead of its report.
    @field_validator("port", mode="before")
    @classmethod
    def _port(cls, given: object) -> object:
        if not str(given).isdecimal() or not 0 < int(str(given)) < 65_536:
            raise SettingsError(f'PLUMBLINE_PORT is "{given}"; set it to a number from 1 to 65535.')
        return given

    @field_validator("keep_daily_days", mode="before")
    @classmethod
    def _keep_daily_days(cls, given: object) -> object:
        if not str(given).isdecimal() or int(str(given)) < FEWEST_DAYS_KEPT:
            raise SettingsError(
                f'PLUMBLINE_KEEP_DAILY_DAYS is "{given}"; set it to a whole number of days, {FEWEST_DAYS_KEPT} or more:'
                " what moved in a week is told by comparing with a week ago."
            )
        return given

    @field_validator("reporting_currency")
    @classmethod
    def _reporting_currency(cls, given: str) -> str:
        if given not in CURRENCIES:
            raise SettingsError(
                f'PLUMBLINE_REPORTING_CURRENCY is "{given}"; set it to a code of ISO 4217, such as EUR or USD.'
            )
        return given
