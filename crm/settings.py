"""Where things are: the one reader of the environment. Read once at the edge, then passed as values."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where the store, the registry and the outputs are, and who may come in.

    Every value comes from an environment variable of the same name with the prefix
    ``PLUMBLINE_`` (``PLUMBLINE_STORE_URL``), except ``MLFLOW_TRACKING_URI``, which
    keeps the name that MLflow's own tools read.
    """

    model_config = SettingsConfigDict(env_prefix="PLUMBLINE_", frozen=True)

    build_dir: Path = Path("build")
    store_url: str = "sqlite:///build/plumbline.db"
    tracking_uri: str = Field("sqlite:///build/mlflow.db", validation_alias="MLFLOW_TRACKING_URI")
    reporting_currency: str = "EUR"
    api_key: SecretStr | None = None
    host: str = "127.0.0.1"
    port: int = 8000
