"""The backtest: what we would have forecast for past periods, and what came (MLproject entry point ``backtest``).

Scorers are trained at each period's start with fewer trees than ``plumbline train`` takes, and fewer blocks where deals
are few (``quick``), so that years are replayed in minutes; with more, forecasts would be a little better, never worse
on purpose.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pandas as pd
import typer

from crm.errors import NotEnoughDataError
from crm.fiscal import Period, fiscal_calendar
from crm.fiscal_years import FiscalCalendar
from crm.settings import Settings
from crm.store import open_store
from features.declared import load_declared
from features.labels import Patience
from models.boosting import BoosterPlan
from models.runs import log_curves, log_results, logged_run
from reports.interval_calibration import IntervalCalibration, calibrate, learn_factors, measured_coverage
from reports.measured_widths import FISCAL_QUARTERS, MeasuredWidths
from reports.shocks import Shock
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

WARM_UP_WEEKS = (52, 26)
"""History before the first period that is replayed: a year, or some season was never seen; else half of one."""
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
    shock : the common shock to compute them with, as all periods tell it
    """

    forecasts: pd.DataFrame
    judged: pd.DataFrame
    errors: pd.DataFrame
    calibration: IntervalCalibration
    shock: Shock


def replayable(first: date, until: date, *, weeks: int, calendar: FiscalCalendar) -> list[Period]:
    """Past periods to replay, of a history from ``first`` on; what the first year taught would be of another forecast.

    Where too few would be left to judge one, they begin after half a year.
    """
    found: list[Period] = []
    for warm_up in WARM_UP_WEEKS:
        found = past_periods(first + timedelta(weeks=warm_up), until, weeks=weeks, calendar=calendar)
        if len(found) > EARLIER_PERIODS:
            break
    return found


def quick(plan: Plan) -> Plan:
    """The same plan with three blocks, however few deals have closed, and up to 120 trees."""
    booster = replace(plan.booster, max_rounds=120, learning_rate=0.12)
    return replace(plan, few_closed=0, booster=booster)


def backtest(
    past: Past,
    plan: Plan,
    periods: Sequence[Period],
    *,
    weeks_before: int = 0,
    progress: Progress = lambda _: None,
) -> Backtest:
    """Replay, calibrate one period after the other, and measure."""
    found = replay(past, plan, periods, weeks_before=weeks_before, progress=progress)
    replayed = found.forecasts
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
    return Backtest(forecasts, judged, errors(judged, NAIVE, MIDPOINTS, BY), calibration, found.shock)


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


def curves(found: Backtest) -> dict[int, dict[str, float]]:
    """Every measure by weeks to go, under names such as ``whole/plumbline/wape``."""
    rows = found.errors.melt(["level", "weeks_to_go", "method"], var_name="measure")
    names = rows["level"] + "/" + rows["method"] + "/" + rows["measure"]
    return {
        int(weeks): dict(zip(names[own.index], own["value"].astype(float), strict=True))
        for weeks, own in rows.groupby("weeks_to_go")
    }


def measured_widths(found: Backtest, plan: Plan, weeks: int) -> MeasuredWidths:
    """What the live forecast takes from a backtest of periods of so many weeks; 0 for fiscal quarters."""
    return MeasuredWidths(
        last_period_end=found.forecasts["end"].max().date(),
        periods=f"periods of {weeks} weeks" if weeks else FISCAL_QUARTERS,
        n_periods=found.judged["period"].nunique(),
        plan=f"{len(plan.fold_starts)} blocks of time and up to {plan.booster.max_rounds} trees",
        calibration=found.calibration,
        shock=found.shock,
    )


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
    weeks_before: int = typer.Option(
        13, min=0, help="Also forecast from so many Mondays before each period, as the next quarter's forecast is."
    ),
    patience_minimum_days: float = typer.Option(7, min=0, max=90, help="Lower bound of the stall window."),
    seed: int = typer.Option(0, min=0),
) -> None:
    """Replay past periods and say how far the forecasts were off, beside what naive rules would have said.

    What it finds of ranges is appended to the store, and the forecast takes it from there.
    """
    settings = Settings()
    store = open_store(settings.store_url)
    tables, declared = store.read_all(), load_declared(settings.signals)
    plan = quick(
        Plan(
            train_until=day_or_today(until),
            reporting_currency=settings.reporting_currency,
            patience=Patience(minimum_days=patience_minimum_days),
            booster=BoosterPlan(seed=seed),
            declared=declared,
        )
    )
    refuse_leaks(tables, declared, midnight(plan.train_until))
    past = past_of(dataset_of(tables, plan), tables)
    first, calendar = tables["deals"]["created_at"].min().date(), fiscal_calendar(tables["calendar"])
    periods = replayable(first, plan.train_until, weeks=weeks, calendar=calendar)
    found = backtest(past, plan, periods, weeks_before=weeks_before, progress=typer.echo)
    for level in found.errors["level"].unique()[::-1]:
        typer.echo(f"\n{level}: WAPE of {found.judged['period'].nunique()} periods\n\n{wape_table(found, level)}")
    typer.echo("")
    figures = headline(found, min(4, int(found.judged["weeks_to_go"].max())))
    for name, value in figures.items():
        typer.echo(f"{name}: {value:.3f}")
    store.append("backtests", measured_widths(found, plan, weeks).row(datetime.now(UTC)))
    paths = write(found, settings.build_dir / "backtest", settings.reporting_currency)
    for path in paths:
        typer.echo(path)
    given = {"weeks": weeks, "weeks_before": weeks_before, "periods": ", ".join(found.judged["period"].unique())}
    with logged_run(settings.tracking_uri, "backtest", plan.parameters() | given):
        log_results(figures, files=paths)
        log_curves(curves(found))


if __name__ == "__main__":
    run(main)
