"""Does the forecast keep its word? ``make bench-backtest`` replays a simulated company and a real log, week by week.

The simulated company has 20,000 deals over three years, and its fiscal quarters are forecast; of the log (BPI Challenge
2012, a bank's loans of five and a half months) periods of four weeks. Each period is judged that has two before it to
learn interval widths from. Forecasts of one period from its weeks are not independent: few periods, wide bounds.
``SIZE=2k`` takes a smaller company; ``ONLY=sim`` or ``ONLY=bpic2012`` one of both.
"""

import os
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from benchmarks import bpic2012, truth
from benchmarks.features_runs import loaded
from benchmarks.results import ROOT, SHARED_DATA, write_figures
from crm.fiscal import USUAL, Period
from crm.simulate import DEMO_END
from features.declared import load_declared
from training.backtest import Backtest, backtest, headline, quick, replayable, wape_table, write
from training.book import Past, past_of
from training.periods import past_periods
from training.plan import Plan

WARM_UP_WEEKS = 3
"""Of the log, which has 23 weeks in all; companies warm up for a year."""
FOUR_WEEKS = 4


def simulated(size: str) -> tuple[Past, Plan, Sequence[Period]]:
    """The company of ``make bench-truth`` and its fiscal quarters."""
    folder = truth.company(truth.SIZES[size])
    plan = Plan(train_until=DEMO_END, declared=load_declared(folder / "signals.yaml"))
    data = truth.dataset(folder, DEMO_END)
    periods = replayable(data.table["as_of"].min().date(), DEMO_END, weeks=0, calendar=USUAL)
    return past_of(data, loaded(str(folder))), plan, periods


def real(folder: Path) -> tuple[Past, Plan, Sequence[Period]]:
    """The bank's log in periods of four weeks; a snapshot a day, for loans take days."""
    tables = bpic2012.tables_of_log(folder)
    _, end = bpic2012.split(tables)
    first = tables["deals"]["created_at"].min().date()
    periods = past_periods(first + timedelta(weeks=WARM_UP_WEEKS), end.date(), weeks=FOUR_WEEKS)
    return past_of(bpic2012.dataset_of(tables, end, 1), tables), bpic2012.plan_of(end, 1), periods


def told(name: str, past: Past, plan: Plan, periods: Sequence[Period]) -> Backtest:
    """Run one backtest, print its tables, and keep its files in ``build/bench``."""
    started = time.perf_counter()
    found = backtest(past, quick(plan), periods, progress=lambda line: print(f"  {line}", flush=True))
    seconds = time.perf_counter() - started
    print(f"\n{name}: {len(found.forecasts):,} forecasts in {seconds:.0f} s; judged: "
          f"{', '.join(found.judged['period'].unique())}")  # fmt: skip
    for level in sorted(found.errors["level"].unique(), reverse=True):
        print(f"\nWAPE, {level}\n\n{wape_table(found, level)}")
    write(found, ROOT / "build" / "bench" / f"backtest-{name}", "EUR")
    return found


def main() -> None:
    """Run both, print tables and figures, and write the figures of those that ran."""
    only, figures = os.environ.get("ONLY", ""), {}
    if only in ("", "sim"):
        found = told("sim", *simulated(os.environ.get("SIZE", "20k")))
        figures |= {f"{name}_sim": value for name, value in headline(found).items()}
    if only in ("", "bpic2012"):
        folder = SHARED_DATA / "bpic2012"
        if folder.is_dir():
            found = told("bpic2012", *real(folder))
            figures |= {f"{name}_bpic2012": value for name, value in headline(found).items()}
        else:
            print(f"skipped: the data set bpic2012 is not in {SHARED_DATA}")
    print()
    for name, value in figures.items():
        print(f"{name}: {value:.4f}")
    print(f"written to {write_figures('backtest', figures)}")


if __name__ == "__main__":
    main()
