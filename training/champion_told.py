"""What the champion says of deals as they were at an earlier instant: so a new model's part in a change can be told."""

from collections.abc import Callable, Sequence
from datetime import datetime

import pandas as pd

from crm.errors import PlumblineError
from crm.store import Store
from features.grid import now
from features.histories import instant
from models.scorer import Scorer
from models.scoring import company_histories, score_snapshots
from reports.changed_forecast import Ask


def champion_told(store: Store, reporting_currency: str, load: Callable[[], Scorer]) -> Ask:
    """Return what asks the champion; it has no answer where another version is asked for, or none can be loaded.

    ``load`` loads it, which takes seconds and is done only when it is asked.
    """

    def ask(as_of: datetime, deal_ids: Sequence[str], version: str) -> pd.DataFrame | None:
        try:
            scorer = load()
        except PlumblineError:
            return None
        if scorer.version != version:
            return None
        histories, norms = company_histories(scorer, store.read_all(), reporting_currency)
        scores = score_snapshots(scorer, now(histories, norms, instant(as_of)))
        return scores[scores["deal_id"].isin(deal_ids)]

    return ask
