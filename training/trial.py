"""A freshly trained scorer before the gate: the contest with the champion, the verdict, and all that a run logs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from crm.errors import NoModelError, NotEnoughDataError, RegistryError
from features.declared import Declared
from models.registry import CHAMPION, load_registered, registered, run_text
from models.runs import Training
from models.scorer import Scorer
from training.contest import Contest, Contestant, contest, metrics_of
from training.dataset import Dataset
from training.gate import CHALLENGER, Verdict, gate
from training.invariants import broken_rules
from training.metrics import METRICS
from training.model_card import model_card
from training.plan import Plan
from training.plan_file import plan_of, plan_text
from training.segments import as_metrics, by_segment, segments

_TITLES = {"win": "Win probability, newest deals", "stall": "Stall risk, newest deals"}


@dataclass(frozen=True)
class Champion:
    """The champion in office: its version, and its scorer and plan, each None where it cannot be read."""

    version: str
    scorer: Scorer | None
    plan: Plan | None
    note: str = ""


@dataclass(frozen=True)
class Trial:
    """What the contest showed, and the verdict."""

    contest: Contest | None
    metrics: pd.DataFrame
    by_segment: pd.DataFrame
    verdict: Verdict
    suspicions: tuple[str, ...] = ()


def champion_in_office(tracking_uri: str) -> Champion | None:
    """The registry's champion; None where there is none. One that this version cannot read is told by its note."""
    try:
        found = registered(tracking_uri, CHAMPION)
    except NoModelError:
        return None
    plan = plan_of(run_text(tracking_uri, found.run_id, "plan.json"))
    try:
        return Champion(found.version, load_registered(tracking_uri, CHAMPION), plan)
    except (NoModelError, RegistryError) as error:  # of another format, or damaged: no reason not to train a better one
        return Champion(found.version, None, plan, f"The champion cannot be read: {error}.")


def trial(
    scorer: Scorer,
    dataset: Dataset,
    plan: Plan,
    champion: Champion | None = None,
    *,
    dataset_with: Callable[[Declared], Dataset] | None = None,
    suspicions: tuple[str, ...] = (),
) -> Trial:
    """Try a scorer that ``plan`` gave on ``dataset``, beside the champion where there is one.

    Parameters
    ----------
    dataset_with : makes the same snapshots with the signals of another declaration, for a champion that has one
    suspicions : what speaks against declared columns that the user vouches for
    """
    found, note = _contest(dataset, plan, champion, dataset_with)
    groups = segments(dataset)
    rows = groups[found.rows].reset_index(drop=True) if found else groups.head(0)
    verdict = gate(
        found,
        dataset.table.loc[found.rows if found else [], "stage"].reset_index(drop=True),
        champion_version=champion.version if champion else "",
        broken=broken_rules(scorer, dataset, plan.booster.seed),
        note=note,
        seed=plan.booster.seed,
    )
    segment_figures = by_segment(found, rows, CHALLENGER, plan.booster.seed) if found else pd.DataFrame()
    return Trial(found, metrics_of(found.judged if found else {}), segment_figures, verdict, suspicions)


def training_record(scorer: Scorer, dataset: Dataset, plan: Plan, tried: Trial) -> Training:
    """All that the run of a training logs besides the scorer."""
    # shap takes seconds to import; those who only want the data set do not wait for it.
    from training.figures import reliability_figure, signals_figure

    figures = {
        f"reliability_{event}": reliability_figure(judged, _TITLES[event])
        for event, judged in (tried.contest.judged.items() if tried.contest else ())
        if event in set(tried.metrics["event"])
    }
    if not scorer.win.is_rate:
        figures["signals_win"] = signals_figure(scorer, dataset.table, plan.booster.seed)
    return Training(
        parameters=plan.parameters() | {"n_snapshots": len(dataset.at), "n_signals": len(dataset.signals)},
        metrics=_flat(tried.metrics) | (as_metrics(tried.by_segment) if len(tried.by_segment) else {}),
        figures=figures,
        tables={"holdout_metrics": tried.metrics, "by_segment": tried.by_segment},
        texts={
            "plan.json": plan_text(plan),
            "gate.json": tried.verdict.text(),
            "model_card.md": model_card(
                scorer, dataset, plan, tried.metrics, tried.by_segment, tried.verdict, tried.suspicions
            ),
        },
        data=dataset.table,
        example=dataset.table[scorer.inputs].head(3),
        tags=gate_tags(tried.verdict),
    )


def gate_tags(verdict: Verdict) -> Mapping[str, str]:
    """The verdict as tags of a registered version."""
    return {
        "gate": "passed" if verdict.passed else "failed",
        "gate_says": verdict.says[:4_900],  # MLflow takes no longer ones
        "gate_against": f"{verdict.against} {verdict.champion_version}".strip(),
        "gate_champion_version": verdict.champion_version,
    }


def _contest(
    dataset: Dataset,
    plan: Plan,
    champion: Champion | None,
    dataset_with: Callable[[Declared], Dataset] | None,
) -> tuple[Contest | None, str]:
    """The contest, without the champion where it cannot take part; and why it cannot."""
    challenger = Contestant(CHALLENGER, dataset, None, plan)
    note = champion.note if champion else ""
    if champion and champion.scorer:
        declared = champion.scorer.win.declared
        theirs = dataset if declared == dataset.declared or dataset_with is None else dataset_with(declared)
        try:
            return contest([challenger, Contestant(CHAMPION, theirs, champion.scorer, champion.plan)], plan), ""
        except NotEnoughDataError as error:
            note = f"The champion was not judged: {error}."
    try:
        return contest([challenger], plan), note
    except NotEnoughDataError:
        return None, note


def _flat(metrics: pd.DataFrame) -> dict[str, float]:
    """Metrics by names such as ``win_log_loss`` (the scorer trained) and ``win_log_loss_stage_rate``."""
    flat: dict[str, float] = {}
    for row in metrics.to_dict("records"):
        suffix = "" if row["model"] == CHALLENGER else "_" + str(row["model"]).replace(" ", "_")
        flat |= {f"{row['event']}_{name}{suffix}": float(row[name]) for name in METRICS}
    return flat
