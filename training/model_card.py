"""The model card: what a scorer was trained on, for whom it works and for whom it does not; markdown, logged with it.

After Mitchell et al., Model Cards for Model Reporting (2019), as far as figures can fill one in.
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from models.scorer import Scorer
from training.dataset import Dataset
from training.gate import IN_WORDS, Verdict
from training.plan import Plan
from training.segments import FEW, FEW_DEALS, OFF, WORSE

_SAYS = {
    FEW: f"Nothing is claimed of these, for fewer than {FEW_DEALS} of their deals have closed",
    WORSE: "It does worse than the past rate of the stage for",
    OFF: "What it says is off by more than luck, and by more than five points, for",
}


def model_card(
    scorer: Scorer,
    dataset: Dataset,
    plan: Plan,
    metrics: pd.DataFrame,
    by_segment: pd.DataFrame,
    verdict: Verdict,
    suspicions: Sequence[str] = (),
) -> str:
    """The card of a scorer.

    Parameters
    ----------
    metrics : columns event, model, n_snapshots and one for each metric
    by_segment : as ``training/segments.py`` gives it
    suspicions : what speaks against declared columns that the user vouches for
    """
    parts = [
        f"# Plumbline scorer {scorer.version}",
        *_trained_on(scorer, dataset, plan),
        "## Leaks",
        *_leaks(plan, suspicions),
        "## How good it is",
        *_quality(metrics, verdict),
        "## For whom it works, and for whom not",
        *_for_whom(by_segment),
        "## Calibration and fairness by segment",
        *_fairness(by_segment),
        "## The gate",
        *(f"- {'passed' if check.passed else '**not passed**'}: {check.says}" for check in verdict.checks),
        "## What it is not for",
        "- Deals of another company, or of a pipeline without a history: it has learned from this one.\n"
        "- Judging people: a reason is an association in past deals, not a cause, and no verdict on who owns the deal.",
    ]
    return "\n\n".join(parts).replace("\n\n- ", "\n- ") + "\n"


def _trained_on(scorer: Scorer, dataset: Dataset, plan: Plan) -> Iterator[str]:
    won = dataset.labels(dataset.until).won
    deals = dataset.snapshots.deal
    n, n_won, n_lost = (pd.Series(deals[rows]).nunique() for rows in (won == won, won == 1, won == 0))
    n_open = pd.Series(deals).nunique() - n
    first = dataset.table["as_of"].min()
    yield "## What it was trained on"
    yield (
        f"{len(deals):,} snapshots of {n_won:,} won, {n_lost:,} lost and {n_open:,} still open deals, "
        f"from {first:%Y-%m-%d} until {scorer.trained_until} (excluded): nothing known from that day on was used. "
        f"{len(dataset.signals)} signals; a snapshot every {plan.snapshot_days} days."
    )
    if scorer.course:
        yield (
            "Beside the signals it reads the course of each deal, day by day, by a hidden Markov model. Of which kind "
            f"a deal is, it guesses at first from {len(scorer.course.card['traits']):,} traits, its owner among them."
        )
    if scorer.note:
        yield f"**{scorer.note[0].upper()}{scorer.note[1:]}.**"


def _leaks(plan: Plan, suspicions: Sequence[str]) -> Iterator[str]:
    declared = [one.name for one in plan.declared.customs]
    if not declared:
        yield "No column of the company's own was declared, so there was none to look at."
        return
    yield f"Columns of the company's own: {', '.join(declared)}. None gives the outcome away, as far as can be told."
    if plan.declared.overruled:
        yield f"Taken on the user's word to be known at creation: {', '.join(sorted(plan.declared.overruled))}."
    yield from (f"- **Against that word**: {suspicion}." for suspicion in suspicions)


def _quality(metrics: pd.DataFrame, verdict: Verdict) -> Iterator[str]:
    if metrics.empty:
        yield "Too few deals have ended to say."
        return
    yield f"On snapshots since {verdict.window_start}, judged {verdict.how.get('challenger', '')}."
    yield markdown(metrics)


def _for_whom(by_segment: pd.DataFrame) -> Iterator[str]:
    if by_segment.empty:
        yield "Too few deals have ended to say."
        return
    for event, words in IN_WORDS.items():
        found = by_segment[by_segment["event"] == event]
        if found.empty:
            continue
        lines = [f"- {says}: {_names(found, verdict)}." for verdict, says in _SAYS.items() if _names(found, verdict)]
        n_works = int((found["verdict"] == "works").sum())
        yield f"**{words[0].upper()}{words[1:]}** works in {n_works} of {len(found)} segments."
        yield from lines


def _names(found: pd.DataFrame, verdict: str) -> str:
    rows = found[found["verdict"] == verdict]
    return ", ".join(f"{row['grouping']} {row['segment']}" for row in rows.to_dict("records"))


def _fairness(by_segment: pd.DataFrame) -> Iterator[str]:
    if by_segment.empty:
        yield "Too few deals have ended to say."
        return
    yield "The gap is what was said minus what came; bounds are of 95 %, whole deals drawn again."
    shown = pd.DataFrame(
        {
            "what": by_segment["event"].map(IN_WORDS),
            "segment": by_segment["grouping"] + ": " + by_segment["segment"],
            "deals": by_segment["n_deals"],
            "said": by_segment["said"],
            "came": by_segment["came"],
            "gap": _bounded(by_segment, "gap"),
            "log loss": _bounded(by_segment, "log_loss"),
            "of the stage rate": by_segment["log_loss_stage_rate"],
            "verdict": by_segment["verdict"],
        }
    )
    yield markdown(shown)


def _bounded(rows: pd.DataFrame, name: str) -> Sequence[str]:
    return [
        f"{value:.3f} ({low:.3f} to {high:.3f})"
        for value, low, high in zip(rows[name], rows[f"{name}_low"], rows[f"{name}_high"], strict=True)
    ]


def markdown(table: pd.DataFrame) -> str:
    """A table in markdown; numbers to three decimals.

    >>> print(markdown(pd.DataFrame({"a": [1, 2], "b": [0.5, 1.0]})))
    | a | b |
    |---|---|
    | 1 | 0.500 |
    | 2 | 1.000 |
    """
    lines = ["| " + " | ".join(map(str, table)) + " |", "|" + "---|" * len(table.columns)]
    for row in table.itertuples(index=False):
        cells = [f"{value:.3f}" if isinstance(value, float) else f"{value}".replace("|", "/") for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
