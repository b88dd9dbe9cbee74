"""The tables of the contract that signals are made from, read from a folder of Parquet."""

from pathlib import Path

import polars as pl

_INSTANT = pl.Datetime("us", "UTC")
SCHEMAS = {
    "deals": {
        **dict.fromkeys(("deal_id", "account_id", "pipeline_id", "source", "deal_type", "currency"), pl.String),
        "created_at": _INSTANT,
    },
    "deal_changes": {
        **dict.fromkeys(("deal_id", "field", "old_value", "new_value"), pl.String),
        "seq": pl.Int64,
        **dict.fromkeys(("changed_at", "known_at"), _INSTANT),
    },
    "interactions": {
        **dict.fromkeys(("interaction_id", "deal_id", "kind", "direction", "contact_id", "user_id"), pl.String),
        **dict.fromkeys(("occurred_at", "known_at"), _INSTANT),
    },
    "users": dict.fromkeys(("user_id", "manager_id", "team"), pl.String),
    "accounts": dict.fromkeys(("account_id", "industry", "size", "region"), pl.String),
    "contacts": dict.fromkeys(("contact_id", "seniority"), pl.String),
    "stages": {**dict.fromkeys(("pipeline_id", "stage", "category"), pl.String), "position": pl.Int64},
    "fx_rates": {**dict.fromkeys(("currency", "quote_currency", "day"), pl.String), "rate": pl.Float64},
    "calendar": dict.fromkeys(("setting", "value"), pl.String),
}
"""What is read of each table."""


def read(folder: Path) -> dict[str, pl.DataFrame]:
    """Each table from a file or a folder of files; empty where there is neither."""
    return {name: _read(folder, name) for name in SCHEMAS}


def _read(folder: Path, name: str) -> pl.DataFrame:
    path, columns = folder / f"{name}.parquet", list(SCHEMAS[name])
    if (folder / name).is_dir():
        return pl.read_parquet(folder / name / "*.parquet", columns=columns)
    return pl.read_parquet(path, columns=columns) if path.exists() else pl.DataFrame(schema=SCHEMAS[name])
