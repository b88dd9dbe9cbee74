"""The backtest: what we would have forecast for past periods, and what came (MLproject entry point ``backtest``).

Scorers are trained at each period's start with fewer blocks and trees than ``plumbline train`` takes (``quick``),
so that years are replayed in minutes; with more, forecasts would be a little better, never worse on purpose.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pandas as pd
import typer

from crm.errors import NotEnoughDataError
from crm.fiscal import Period, fiscal_calendar
from crm.settings import Settings
from crm.store import open_store
from features.declared import load_declared
from features.labels import Patience
from models.boosting import BoosterPlan
from reports.interval_calibration import IntervalCalibration, calibrate, learn_factors, measured_coverage
from training.book import Past, past_of
from training.entry_point import run
from training.forecast_errors import OURS, errors
from training.moments import day_or_today, midnight
from training.naive_forecasts import NAIVE
from training.own_columns import refuse_leaks
from training.periods import past_periods
from training.plan import Plan
from training.replay import Progress, replay
from training.train import dataset_of
from training.week_forecast import MIDPOINTS, MONEY, QUANTILES

WARM_UP_WEEKS = 26
"""History before the first period that is replayed."""
EARLIER_PERIODS = 2
"""So many periods must have taught the widths of intervals before one is judged."""
BY = ("level", "weeks_to_go")
_MONEY = [*MONEY, "raw_p10", "raw_p90", *NAIVE, "settled", "actual"]


@dataclass(frozen=True)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    forecasts : every forecast, money in cents, its quantiles as issued: scaled by what earlier periods had taught
    judged : those of periods with at least ``EARLIER_PERIODS`` before them
    errors : measures by level and weeks to go, of us and of every naive rule
    calibration : what to scale the next forecasts with, and what coverage was measured
    """

    forecasts: pd.DataFrame
    judged: pd.DataFrame
    errors: pd.DataFrame
    calibration: IntervalCalibration


def quick(plan: Plan) -> Plan:
    """The same plan with two blocks and up to 120 trees."""
    booster = replace(plan.booster, max_rounds=120, learning_rate=0.12)
    return replace(plan, few_closed=0, fold_starts=(0.6, 0.8), booster=booster)


def backtest(
    past: Past,
    plan: Plan,
    periods: Sequence[Period],
    *,
    weeks_before: int = 0,
    progress: Progress = lambda _: None,
) -> Backtest:
    """Replay, calibrate one period after the other, and measure."""
    replayed = replay(past, plan, periods, weeks_before=weeks_before, progress=progress)
    if replayed.groupby("level")["id"].nunique().max() == 1:  # one group is the whole, said twice
        replayed = replayed[replayed["level"] == "whole"]
    issued = calibrate(replayed, list(QUANTILES))
    forecasts = replayed.assign(raw_p10=replayed["p10"], raw_p90=replayed["p90"], **issued)
    judged = forecasts[forecasts["n_earlier"] >= EARLIER_PERIODS]
    if judged.empty:
        raise NotEnoughDataError(
            f"{replayed['period'].nunique()} past periods could be replayed, and more than {EARLIER_PERIODS} are "
            "needed to judge the last; import more history, or take shorter periods with --weeks"
        )
    calibration = IntervalCalibration(learn_factors(replayed), measured_coverage(judged))
    return Backtest(forecasts, judged, errors(judged, NAIVE, MIDPOINTS, BY), calibration)


def headline(found: Backtest, weeks_to_go: int = 4, level: str = "whole") -> dict[str, float]:
    """Coverage over all that was judged; WAPE at so many weeks to go, and that of the best naive rule there."""
    rows = found.errors[(found.errors["level"] == level) & (found.errors["weeks_to_go"] == weeks_to_go)]
    off = rows.set_index("method")["wape"]
    n = sum(one.n_forecasts for one in found.calibration.coverage.values())
    held = sum(one.share * one.n_forecasts for one in found.calibration.coverage.values())
    return {
        "coverage_p10_p90": held / n,
        f"wape_{weeks_to_go}w": float(off[OURS]),
        f"wape_{weeks_to_go}w_best_naive": float(off.drop(OURS).min()),
    }


def wape_table(found: Backtest, level: str = "whole") -> str:
    """A Markdown table: a row per weeks to go, our measures, and every naive rule's WAPE; the lowest WAPE is bold."""
    names = [OURS, *NAIVE]
    head = ["weeks to go", "n", *(name.replace("_", " ") for name in names), "bias", "CRPS", "P10–P90 held", "raw"]
    lines = [_line(head), "|" + "---|" * len(head)]
    for weeks, rows in found.errors[found.errors["level"] == level].groupby("weeks_to_go", sort=False):
        by_method = rows.set_index("method")
        off, ours = by_method["wape"].reindex(names), by_method.loc[OURS]
        cells = ["–" if value != value else f"{value:.1%}" for value in off]
        cells = [f"**{cell}**" if value == off.min() else cell for cell, value in zip(cells, off, strict=True)]
        rest = [f"{ours['bias']:+.1%}", f"{ours['crps']:.1%}", f"{ours['coverage']:.0%}", f"{ours['raw_coverage']:.0%}"]
        lines.append(_line([str(weeks), str(int(ours["n"])), *cells, *rest]))
    return "\n".join(lines)


def write(found: Backtest, folder: Path, currency: str) -> list[Path]:
    """Write forecasts and errors as CSV (money in units), the calibration as JSON, the fan chart as SVG and PNG."""
    from training.fan_chart import fan_chart

    folder.mkdir(parents=True, exist_ok=True)
    units = found.forecasts.assign(**{name: found.forecasts[name] / 100 for name in _MONEY})
    units.to_csv(folder / "forecasts.csv", index=False, float_format="%.2f")
    found.errors.to_csv(folder / "errors.csv", index=False, float_format="%.6f")
    text = json.dumps(found.calibration.document(), indent=1)
    (folder / "interval_calibration.json").write_text(text + "\n", encoding="utf-8")
    figure = fan_chart(found.judged, currency)
    for kind in ("svg", "png"):
        figure.savefig(folder / f"fan_chart.{kind}", dpi=110, metadata={"Date": None} if kind == "svg" else None)
    names = ("forecasts.csv", "errors.csv", "interval_calibration.json", "fan_chart.svg", "fan_chart.png")
    return [folder / name for name in names]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(
    until: str = typer.Option("", help="Replay periods that ended by this day (YYYY-MM-DD); today where not given."),
    weeks: int = typer.Option(0, min=0, help="Length of a period in weeks; 0 for fiscal quarters."),
    weeks_before: int = typer.Option(0, min=0, help="Also forecast from so many Mondays before each period."),
    patience_minimum_days: float = typer.Option(7, min=0, max=90, help="Lower bound of the stall window."),
    seed: int = typer.Option(0, min=0),
) -> None:
    """Replay past periods and say how far the forecasts were off, beside what naive rules would have said."""
    settings = Settings()
    tables, declared = open_store(settings.store_url).read_all(), load_declared(settings.signals)
    plan = Plan(
        train_until=day_or_today(until),
        reporting_currency=settings.reporting_currency,
        patience=Patience(minimum_days=patience_minimum_days),
        booster=BoosterPlan(seed=seed),
        declared=declared,
    )
    refuse_leaks(tables, declared, midnight(plan.train_until))
    past = past_of(dataset_of(tables, plan), tables)
    since = tables["deals"]["created_at"].min().date() + timedelta(weeks=WARM_UP_WEEKS)
    calendar = fiscal_calendar(tables["calendar"])
    periods = past_periods(since, plan.train_until, weeks=weeks, calendar=calendar)
    found = backtest(past, quick(plan), periods, weeks_before=weeks_before, progress=typer.echo)
    for level in found.errors["level"].unique()[::-1]:
        typer.echo(f"\n{level}: WAPE of {found.judged['period'].nunique()} periods\n\n{wape_table(found, level)}")
    typer.echo("")
    for name, value in headline(found, min(4, int(found.judged["weeks_to_go"].max()))).items():
        typer.echo(f"{name}: {value:.3f}")
    for path in write(found, settings.build_dir / "backtest", settings.reporting_currency):
        typer.echo(path)


if __name__ == "__main__":
    run(main)
