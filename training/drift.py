"""Whether the world has moved away from what the champion learned (MLproject entry point ``drift``).

Looked at are every signal, the scores, and the outcomes of scores issued before; what is usual is told by the
training period's own windows (``training/shift.py``, ``training/outcomes.py``). An alarm names the signals to blame and
says what to do: look at the data, where values went missing at once or one source alone has changed; else retrain.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from scipy.stats import t

from crm.errors import NotEnoughDataError
from crm.settings import Settings
from crm.store import open_store
from features.labels import Patience
from models.registry import load_champion
from models.runs import log_results, logged_run
from models.scorer import Scorer
from training.contest import trained_until
from training.dataset import Dataset
from training.entry_point import run
from training.moments import day_or_today, midnight
from training.outcomes import HORIZON_DAYS, Matured, matured_scores, usual_spread
from training.plan import Plan
from training.segments import segments
from training.shift import Shift, shift_of
from training.train import dataset_of
from training.windows import windows

FALSE_ALARMS = 0.05
"""How often all columns together may raise an alarm where nothing has changed."""
NOTHING, LOOK, RETRAIN = "nothing to do", "look at the data", "retrain"
ALARM_CODE = 3


@dataclass(frozen=True)
class Drift:
    """All that was found; ``outcomes_limit`` is the largest usual ``outcomes.z``, on either side."""

    shifts: tuple[Shift, ...]
    outcomes: Matured
    outcomes_limit: float

    @property
    def to_blame(self) -> list[Shift]:
        """Columns further than usual, the furthest first."""
        return sorted((one for one in self.shifts if one.alarms), key=lambda one: -one.distance / one.limit)

    @property
    def outcomes_alarm(self) -> bool:
        """Whether more or fewer deals were won than said, beyond what is usual."""
        return abs(self.outcomes.z) > self.outcomes_limit

    @property
    def recommendation(self) -> str:
        """What to do first."""
        if any(one.of_the_data for one in self.to_blame):
            return LOOK
        return RETRAIN if self.to_blame or self.outcomes_alarm else NOTHING

    def sentences(self) -> list[str]:
        """The finding in plain sentences."""
        blamed = self.to_blame
        found = [f"{len(blamed)} of {len(self.shifts)} signals and scores have moved further than usual."]
        found += [one.sentence for one in blamed]
        if self.outcomes.n_deals:
            kind = "unusual" if self.outcomes_alarm else "within what is usual"
            found.append(
                f"Of {self.outcomes.n_deals:,} deals scored, {self.outcomes.said:.1f} were to be won within "
                f"{HORIZON_DAYS} days, and {self.outcomes.came:.0f} were: {kind}."
            )
        else:
            found.append(f"No score in the ledger is {HORIZON_DAYS} days old, so nothing is said of outcomes yet.")
        return [*found, f"Recommendation: {self.recommendation}."]


def drift(scorer: Scorer, dataset: Dataset, outcomes: Matured, weeks: int) -> Drift:
    """Hold the last ``weeks`` of the data set against the training period; raises ``NotEnoughDataError``."""
    cut = windows(dataset.at, dataset.until, trained_until(scorer), weeks)
    said = scorer.predictions(dataset.table)[["win_probability", "stall_risk"]]
    columns = {name: dataset.table[name] for name in dataset.signals} | {name: said[name] for name in said}
    groups, alpha = segments(dataset).drop(columns="stage"), FALSE_ALARMS / len(columns)
    found = [shift_of(name, values.to_numpy(np.float64), cut, groups, alpha) for name, values in columns.items()]
    spread = usual_spread(scorer, dataset, tuple(rows for rows, _ in cut.past))
    usual = float(t.ppf(1 - FALSE_ALARMS / 2, len(cut.past) - 1)) * spread
    return Drift(tuple(found), outcomes, usual)


def document(found: Drift) -> str:
    """Everything as JSON; missing means are null."""
    shifts = [asdict(one) | {"alarms": one.alarms} for one in found.shifts]
    outcomes = asdict(found.outcomes) | {"z": found.outcomes.z, "limit": found.outcomes_limit}
    whole = {
        "recommendation": found.recommendation,
        "says": found.sentences(),
        "to_blame": [one.name for one in found.to_blame],
        "outcomes": outcomes,
        "shifts": shifts,
    }
    return json.dumps(json.loads(json.dumps(whole), parse_constant=lambda _: None), indent=1, allow_nan=False)


def rendered(found: Drift) -> Table:
    """The columns nearest to or beyond their limits, at most twelve."""
    table = Table(title="signals and scores, by how far they are beyond what is usual", title_justify="left")
    for head in ("signal", "distance", "usual at most", "mean before", "mean now", "missing before", "missing now"):
        table.add_column(head, justify="left" if head == "signal" else "right")
    for one in sorted(found.shifts, key=lambda one: -one.distance / one.limit)[:12]:
        figures = (f"{one.distance:.3f}", f"{one.limit:.3f}", f"{one.mean_before:.4g}", f"{one.mean_now:.4g}")
        name = f"[bold]{one.name}[/bold]" if one.alarms else one.name
        table.add_row(name, *figures, f"{one.missing_before:.0%}", f"{one.missing_now:.0%}")
    return table


def main(
    until: str = typer.Option("", help="Look at the weeks before this day (YYYY-MM-DD); today where not given."),
    weeks: int = typer.Option(4, min=1, max=26, help="How many weeks are looked at."),
    out: str = typer.Option("", help="Folder for drift.json and drift.txt; `drift` in the build folder if not given."),
    fail_on_alarm: bool = typer.Option(False, "--fail-on-alarm", help="End with 3 on an alarm, for schedulers."),
) -> None:
    """Say whether signals, scores or outcomes have drifted, and what to do."""
    settings = Settings()
    scorer, store = load_champion(settings.tracking_uri), open_store(settings.store_url)
    plan = Plan(
        day_or_today(until),
        reporting_currency=settings.reporting_currency,
        patience=Patience(*scorer.patience),
        declared=scorer.win.declared,
    )
    tables = store.read_all()
    try:
        outcomes = matured_scores(store.read("scores"), tables, midnight(plan.train_until), weeks)
        found = drift(scorer, dataset_of(tables, plan), outcomes, weeks)
    except NotEnoughDataError as error:
        typer.echo(f"not enough data: {error}")
        return
    folder = Path(out) if out else settings.build_dir / "drift"
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"drift.json": document(found), "drift.txt": "\n".join(found.sentences()) + "\n"}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    with logged_run(settings.tracking_uri, "drift", {"until": plan.train_until, "weeks": weeks}):
        metrics = {f"drift/{one.name}": one.distance for one in found.shifts} | {"outcomes_z": found.outcomes.z}
        tags = {"recommendation": found.recommendation, "scorer_version": scorer.version}
        log_results(metrics | {"n_alarms": float(len(found.to_blame))}, texts=texts, tags=tags)
    Console(width=None if typer.get_text_stream("stdout").isatty() else 160).print(rendered(found))
    for line in found.sentences():
        typer.echo(line)
    if fail_on_alarm and found.recommendation != NOTHING:
        raise typer.Exit(ALARM_CODE)


if __name__ == "__main__":
    run(main)
