"""``/v1/reports/accuracy``: how right the ledger's forecasts, scores and risks were, for programs."""

from typing import Annotated, Any

import pandas as pd
from fastapi import APIRouter, Query

from reports.accuracy import Accuracy
from reports.accuracy_tables import METHODS, spans
from reports.forecast_accuracy import OURS
from serving import answers
from serving.accuracy_schemas import (
    AccuracyAnswer,
    ByMethod,
    ForecastErrors,
    JudgedForecasts,
    JudgedRisks,
    JudgedScores,
    ModelAccuracy,
    Reliability,
    RiskCame,
    SaidAndCame,
)
from serving.forecast_schemas import Level
from serving.services import Needs
from serving.view import View

router = APIRouter(tags=["reports"])

_MONEY = (
    "expected",
    "p10",
    "p50",
    "p90",
    "stage_weighted",
    "committed",
    "run_rate",
    "last_period",
    "last_year",
    "came",
)
_PLAIN = ("period", "as_of", "model_version", "replayed", "weeks_to_go", "id")


@router.get("/v1/reports/accuracy", summary="How right forecasts and scores were")
def accuracy_report(
    services: Needs,
    level: Annotated[Level, Query(description="Forecasts of the whole, or of each group of this kind.")] = "whole",
) -> AccuracyAnswer:
    """Return what was said, what reps and simple rules said, and what came, read from the ledger.

    Forecasts are judged once their period has ended; scores once they are old enough for most deals to have closed;
    risks once the patience of the deal's stage has passed.
    """
    view = services.latest.required()
    return accuracy_answer(services.judged.of(view), view, level)


def accuracy_answer(found: Accuracy, view: View, level: Level) -> AccuracyAnswer:
    """Write the report, with the forecasts of one level."""
    said = found.said[found.said["level"] == level].to_dict("records")
    return AccuracyAnswer(
        as_of=view.as_of,
        model_version=view.model_version,
        reporting_currency=found.currency,
        forecasts=JudgedForecasts(
            note=found.forecasts_note or None,
            next_period=found.next_period,
            next_end=found.next_end,
            level=level,
            errors=[_errors(line) for line in spans(found.forecasts, level)],
            said=[_said(row, found.currency) for row in said],
        ),
        scores=_scores(found),
        risks=_risks(found),
    )


def _errors(line: dict[str, Any]) -> ForecastErrors:
    by_method = {"plumbline" if method == OURS else method: line["wape"][method] for method in METHODS}
    return ForecastErrors(**line | {"wape": ByMethod(**by_method)})


def _said(row: dict[Any, Any], currency: str) -> SaidAndCame:
    return SaidAndCame(
        **{name: row[name] for name in _PLAIN},
        **{name: answers.money(None if pd.isna(row[name]) else row[name], currency) for name in _MONEY},
        start=row["period_start"],
        end=row["period_end"],
        name=row["id"] if pd.isna(row["name"]) else row["name"],
    )


def _scores(found: Accuracy) -> JudgedScores:
    scores = found.scores
    models = [row | {"model_version": row["model_version"] or None} for row in scores.models.to_dict("records")]
    return JudgedScores(
        note=found.scores_note or None,
        n_scores=scores.n_scores,
        n_open=scores.n_open,
        ripe_days=answers.finite(scores.ripe_days),
        n_ripe=scores.n_ripe,
        n_ripe_open=scores.n_ripe_open,
        n_replayed=scores.n_replayed,
        models=[ModelAccuracy(**row) for row in models],
        reliability=[Reliability(**row) for row in _bins(scores.bins)],
    )


def _risks(found: Accuracy) -> JudgedRisks:
    risks = found.risks
    return JudgedRisks(
        note=found.risks_note or None,
        n_scores=risks.n_scores,
        n_judged=risks.n_judged,
        bins=[RiskCame(**row) for row in _bins(risks.bins)],
    )


def _bins(bins: pd.DataFrame) -> list[dict[Any, Any]]:
    return bins.rename(columns={"from": "from_share", "to": "to_share"}).to_dict("records")
