"""Score every open deal, forecast from the scores, and keep both in the ledger (MLproject entry point ``score``)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import typer

from crm.errors import HindsightError
from crm.ledger_weeks import DAY
from crm.settings import Settings
from crm.store import Store, open_store
from crm.tables import ISSUED, LEDGERS, TABLES
from features.grid import now
from features.histories import instant
from models.registry import load_champion
from models.scorer import Scorer
from models.scoring import company_histories, score_snapshots
from reports.forecast_ledger import ledger_forecasts
from reports.measured_widths import widths_as_of
from training.entry_point import run
from training.moments import day_or_today, instant_or_now, midnight


@dataclass(frozen=True)
class Issued:
    """What was issued as of one instant: deals scored, and the rows that are new in the ledgers."""

    as_of: datetime
    n_scored: int
    n_new_scores: int
    n_new_forecasts: int


def issue(
    store: Store, scorer: Scorer, instants: Sequence[datetime], reporting_currency: str, issued_at: datetime
) -> Iterator[Issued]:
    """Append the scores of all deals open as of each instant and the forecast made from them, both or neither.

    The history is read once; as of each instant only what was known before it counts. ``issued_at``, the present, is
    kept with every row: what is said of an instant later than it was is told apart (``crm/replayed.py``).

    Raises
    ------
    HindsightError
        An instant lies before the end of what the scorer learned from; then nothing is appended.
    """
    refuse_hindsight(scorer, instants)
    tables = store.arrow([name for name in TABLES if name not in LEDGERS])
    histories, norms = company_histories(scorer, tables, reporting_currency)
    frames = {name: table.to_pandas() for name, table in tables.items()}
    backtests = store.read("backtests")
    for as_of in instants:
        scores = score_snapshots(scorer, now(histories, norms, instant(as_of)))
        forecasts = ledger_forecasts(frames, scores, reporting_currency, widths_as_of(backtests, as_of))
        with store.transaction():
            new = [
                store.append(name, rows.assign(issued_at=pd.Timestamp(issued_at)))
                for name, rows in (("scores", scores), ("forecasts", forecasts))
            ]
        yield Issued(as_of, len(scores), *new)


def refuse_hindsight(scorer: Scorer, instants: Sequence[datetime]) -> None:
    """Raise ``HindsightError`` where the scorer has seen what came after an instant."""
    trained, first = midnight(date.fromisoformat(scorer.trained_until)), min(instants)
    if first < trained:
        raise HindsightError(
            f"the champion learned from what was known until {trained:%Y-%m-%d}, so it cannot say what would have been "
            f"said on {first:%Y-%m-%d}; score from {trained:%Y-%m-%d} on, or train one with an earlier --until"
        )


def weekly(since: date, until: datetime) -> list[datetime]:
    """Every Monday 00:00 UTC from a day to an instant (excluded), and the instant.

    >>> [f"{as_of:%m-%d %H:%M}" for as_of in weekly(date(2026, 11, 4), instant_or_now("2026-11-17T09:30"))]
    ['11-09 00:00', '11-16 00:00', '11-17 09:30']
    """
    first = midnight(since + timedelta(days=-since.weekday() % 7))
    n_weeks = max(-(-(until - first) // timedelta(weeks=1)), 0)
    return [first + timedelta(weeks=week) for week in range(n_weeks)] + [until]


def thin(store: Store, as_of: datetime, keep_daily_days: int) -> list[str]:
    """Keep each ledger's points of the latest days and one of each week before; says in sentences what went."""
    since = instant(as_of) - keep_daily_days * DAY
    removed = {name: store.thin(name, since) for name in ISSUED}
    return [
        f"{gone.rows:,} {name} of {gone.instants} {'instant' if gone.instants == 1 else 'instants'} more than "
        f"{keep_daily_days} days old removed; the last of each week stay"
        for name, gone in removed.items()
        if gone.instants
    ]


def main(
    as_of: str = typer.Option("", help="Score as of this instant (ISO 8601, UTC where not said); now if not given."),
    weekly_since: str = typer.Option("", help="Also as of each Monday from this day (YYYY-MM-DD) on."),
) -> None:
    """Score every open deal with the champion, and forecast."""
    settings, until = Settings(), instant_or_now(as_of)
    instants = weekly(day_or_today(weekly_since), until) if weekly_since else [until]
    store, scorer = open_store(settings.store_url), load_champion(settings.tracking_uri)
    for issued in issue(store, scorer, instants, settings.reporting_currency, datetime.now(UTC)):
        typer.echo(
            f"{issued.n_scored:,} open deals scored as of {issued.as_of:%Y-%m-%d %H:%M} UTC by {scorer.version}; "
            f"{issued.n_new_scores:,} scores and {issued.n_new_forecasts:,} forecasts new"
        )
    for sentence in thin(store, until, settings.keep_daily_days):
        typer.echo(sentence)


if __name__ == "__main__":
    run(main)
