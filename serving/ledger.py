"""What was said of one deal before: its scores as they were issued, and why the latest differs from an earlier one."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from crm.errors import PlumblineError
from crm.replayed import replayed
from models.moved import Cause, Issued, moved
from serving import answers
from serving.insight import OF_A_DEAL
from serving.insight_schemas import Cause as SaidCause
from serving.insight_schemas import Moved, PastScore, ScoreHistory
from serving.schemas import Batch
from serving.services import Services, reference

LOOK_BACK = timedelta(days=7)
_PAST = (
    *("as_of", "model_version", "win_probability", "win_low", "win_high", "stall_risk", "lost_in_patience"),
    *("expected_close_date", "slip_probability", "issued_at", "replayed"),
)


def score_history(services: Services, deal_id: str, limit: int, *, reasons: bool = False) -> ScoreHistory:
    """Return the newest ``limit`` scores of a deal, newest first, with the reasons given then where they are wanted."""
    rows = _issued(services, deal_id)
    told = [_past(row, before, reasons=reasons) for row, before in zip(rows, [None, *rows], strict=False)]
    return ScoreHistory(deal_id=deal_id, total=len(told), scores=told[::-1][:limit])


def why_it_moved(services: Services, deal_id: str, since: date | None = None) -> Moved:
    """Return why the latest score of a deal differs from the last one of ``since`` or before (a day, UTC).

    Where none is that old it is compared with the oldest. ``since`` is a week before the latest where not given.
    """
    rows = _issued(services, deal_id)
    after = rows[-1] if rows else None
    before = _before(rows, since) if after else None
    if after is None or before is None:
        return Moved(deal_id=deal_id, before=None, after=after and _batch(after), points=0.0, causes=[])
    first, last = _score(before), _score(after)
    causes = moved(first, last, services.insight.signals(), _same_facts(services, deal_id, first, last))
    return Moved(
        deal_id=deal_id,
        before=_batch(before),
        after=_batch(after),
        win_before=first.probability,
        win_after=last.probability,
        points=last.probability - first.probability,
        causes=[_said(cause) for cause in causes],
    )


def _issued(services: Services, deal_id: str) -> list[dict[str, Any]]:
    """Rows of the ledger, oldest first; of one instant the one of the model in the lists comes last."""
    view = services.latest.view()
    shown = None if view is None else view.model_version
    rows = services.store.read("scores", deal_ids=[deal_id])
    rows = rows.assign(
        shown=rows["model_version"] == shown, replayed=replayed(rows["as_of"], rows["issued_at"])
    ).sort_values(["as_of", "shown"], kind="stable")
    records = rows.drop(columns="shown").to_dict("records")
    return [{str(name): None if pd.isna(value) else value for name, value in row.items()} for row in records]


def _before(rows: list[dict[str, Any]], since: date | None) -> dict[str, Any] | None:
    last = rows[-1]["as_of"]
    earlier = [row for row in rows[:-1] if row["as_of"] < last]
    day = since or (last - LOOK_BACK).date()
    old = [row for row in earlier if row["as_of"].date() <= day]
    return old[-1] if old else earlier[0] if earlier else None


def _same_facts(services: Services, deal_id: str, before: Issued, after: Issued) -> Issued | None:
    """The earlier facts as the newer model sees them, where it is the one in use; the ledger is left as it is."""
    if before.model_version == after.model_version or _in_use(services) != after.model_version:
        return None
    own = {name: services.store.read(name, deal_ids=[deal_id]) for name in OF_A_DEAL}
    scores = services.champion.score(reference(services) | own, before.as_of)
    return None if scores.empty else _score(scores.iloc[0].to_dict())


def _in_use(services: Services) -> str | None:
    """The version of the model in use; None while there is none: then its part cannot be told apart, that is all."""
    try:
        return services.champion.version()
    except PlumblineError:
        return None


def _score(row: dict[str, Any]) -> Issued:
    as_of = pd.Timestamp(row["as_of"]).to_pydatetime().astimezone(UTC)
    return Issued(as_of, row["model_version"], row["win_probability"], row["win_base"], json.loads(row["win_reasons"]))


def _past(row: dict[str, Any], before: dict[str, Any] | None, *, reasons: bool) -> PastScore:
    change = None if before is None else row["win_probability"] - before["win_probability"]
    risk = answers.at_risk(row["stall_risk"], row["lost_in_patience"])
    told: dict[str, Any] = {name: row[name] for name in _PAST}
    if reasons:
        told |= {name: answers.reasons(row[name]) for name in ("win_reasons", "stall_reasons")}
        told["win_base"] = row["win_base"]
    return PastScore(**told, at_risk=risk, change=change)


def _batch(row: dict[str, Any]) -> Batch:
    as_of: datetime = row["as_of"]
    return Batch(as_of=as_of, model_version=row["model_version"])


def _said(cause: Cause) -> SaidCause:
    return SaidCause(**{name: answers.finite(value) for name, value in vars(cause).items()})
