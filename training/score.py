"""Score every open deal and write the scores to the ledger (MLproject entry point ``score``)."""

from datetime import datetime

import typer

from crm.settings import Settings
from crm.store import Store, open_store
from crm.tables import LEDGERS, TABLES
from models.registry import load_champion
from models.scorer import Scorer
from models.scoring import score_company
from training.entry_point import run
from training.moments import instant_or_now


def score_open_deals(store: Store, scorer: Scorer, as_of: datetime, reporting_currency: str) -> tuple[int, int]:
    """Append the scores of all deals open as of an instant; returns the deals scored, and the rows that were new."""
    tables = store.arrow([name for name in TABLES if name not in LEDGERS])
    scores = score_company(scorer, tables, as_of, reporting_currency)
    return len(scores), store.append("scores", scores)


def main(
    as_of: str = typer.Option("", help="Score as of this instant (ISO 8601, UTC where not said); now if not given."),
) -> None:
    """Score every open deal with the champion."""
    settings = Settings()
    instant = instant_or_now(as_of)
    store = open_store(settings.store_url)
    scorer = load_champion(settings.tracking_uri)
    scored, new = score_open_deals(store, scorer, instant, settings.reporting_currency)
    typer.echo(f"{scored:,} open deals scored as of {instant:%Y-%m-%d %H:%M} UTC by {scorer.version}; {new:,} rows new")


if __name__ == "__main__":
    run(main)
