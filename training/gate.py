"""The gate: whether a challenger may become the champion. Pure; every figure of the verdict is kept.

A challenger passes if, on the newest snapshots (``training/contest.py`` says which, and how both are judged fairly):

- *log loss*: it is not worse than the champion beyond noise: the 95 % interval of the difference, from whole deals
  drawn again, reaches down to 0. Won and stalled are judged apart, and each must pass. A first champion is judged
  against the stage rate. Where both outcomes were not seen, nothing can be told, and this says so instead of failing.
- *calibration*: in every stage, what it said lies inside the band around what came: the bounds of a binomial share
  (Wilson, 98 %) with ``TOLERANCE`` on either side. A stage counts as many deals as its weights are worth.
- *leaks*: no declared column gives the outcome away.
- *invariants*: it breaks no rule of ``training/invariants.py``.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
import pandas as pd

from reports.rates import as_many_alike
from training.bounds import losses, mean_with_bounds
from training.contest import Contest, Judged
from training.luck import share_bounds
from training.segments import TOLERANCE
from training.targets import Event

CHALLENGER, CHAMPION, STAGE_RATE = "challenger", "champion", "stage rate"
IN_WORDS: dict[Event, str] = {"win": "win probability", "stall": "stall risk"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at, and the sentence and figures of what was found."""

    name: str
    passed: bool
    says: str
    figures: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """All checks, and whom the challenger was measured against: ``champion`` (with its version) or ``stage rate``."""

    against: str
    champion_version: str
    window_start: str
    how: dict[str, str]
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the challenger may become the champion."""
        return all(check.passed for check in self.checks)

    @property
    def lines(self) -> list[str]:
        """The verdict in plain sentences, what failed first."""
        stays = "the champion stays as it is" if self.champion_version else "there is no champion yet"
        head = "The gate is passed." if self.passed else f"The gate is not passed; {stays}."
        ordered = sorted(self.checks, key=lambda check: check.passed)
        return [head, *(check.says for check in ordered)]

    @property
    def says(self) -> str:
        """The verdict as one text."""
        return " ".join(self.lines)

    def text(self) -> str:
        """Everything as JSON."""
        return json.dumps({"passed": self.passed, "says": self.says} | asdict(self), indent=1, default=float)


def gate(
    contest: Contest | None,
    stages: pd.Series,
    *,
    champion_version: str = "",
    leaks: Sequence[str] = (),
    broken: Sequence[str] = (),
    note: str = "",
    seed: int = 0,
) -> Verdict:
    """Judge the contestant called ``challenger`` against ``champion``, or against the stage rate where there is none.

    Parameters
    ----------
    contest : None where there is too little history for one
    stages : stage of each snapshot of the contest's window
    leaks, broken : sentences on declared columns that leak, and on invariants that do not hold
    note : why it is no contest with the champion, where there is one
    """
    against = CHAMPION if champion_version and not note else STAGE_RATE
    checks = [
        *(_log_loss(contest, event, against, seed) for event in IN_WORDS),
        *(_calibration(contest, event, stages) for event in IN_WORDS),
        Check("leaks", not leaks, " ".join(leaks) or "No declared column gives the outcome away."),
        Check("invariants", not broken, _listed(broken) or "The scorer breaks no rule."),
    ]
    how = (contest.how if contest else {}) | ({"note": note} if note else {})
    return Verdict(against, champion_version, contest.start_date if contest else "", how, tuple(checks))


def _judged(contest: Contest | None, event: Event, *names: str) -> Judged | None:
    """What was said of the event, where these all said something and both outcomes came."""
    if contest is None:
        return None
    judged = contest.judged[event]
    came = np.unique(judged.target.happened[judged.target.weight > 0])
    return judged if len(came) == 2 and set(names) <= set(judged.probabilities) else None


def _log_loss(contest: Contest | None, event: Event, against: str, seed: int) -> Check:
    name, judged = f"log loss, {IN_WORDS[event]}", _judged(contest, event, CHALLENGER, against)
    if contest is None or judged is None:
        return Check(name, True, f"Too few deals have ended to compare the {IN_WORDS[event]} with the {against}.")
    happened, weight = judged.target.happened, judged.target.weight
    one, other = (losses(happened, judged.probabilities[who]) for who in (CHALLENGER, against))
    difference, low, high = mean_with_bounds(one - other, weight, contest.deal, seed)
    mine, theirs = (float(np.average(loss, weights=weight)) for loss in (one, other))
    worse = "worse beyond noise" if low > 0 else "not worse beyond noise"
    figures = {
        "challenger": mine,
        against: theirs,
        "difference": difference,
        "low": low,
        "high": high,
        "n_deals": len(np.unique(contest.deal[weight > 0])),
        "n_snapshots": int((weight > 0).sum()),
    }
    says = (
        f"The log loss of its {IN_WORDS[event]} is {worse}: {mine:.4f} against {theirs:.4f} of the {against}, "
        f"a difference of {difference:+.4f} ({low:+.4f} to {high:+.4f}) on {figures['n_deals']:,} deals "
        f"since {contest.start_date}."
    )
    return Check(name, low <= 0, says, figures)


def _calibration(contest: Contest | None, event: Event, stages: pd.Series) -> Check:
    name, judged = f"calibration by stage, {IN_WORDS[event]}", _judged(contest, event, CHALLENGER)
    if contest is None or judged is None:
        return Check(name, True, f"Too few deals have ended to judge the calibration of the {IN_WORDS[event]}.")
    found = {
        str(stage): of_stage
        for stage in sorted(stages.unique())
        if (of_stage := _stage(judged, contest, (stages == stage).to_numpy()))
    }
    outside = [stage for stage, figures in found.items() if not figures["low"] <= figures["said"] <= figures["high"]]
    if not outside:
        widest = max(abs(figures["said"] - figures["came"]) for figures in found.values())
        where = f"all {len(found)} stages" if len(found) > 1 else "its only stage"
        says = (
            f"The {IN_WORDS[event]} lies inside the band around what came in {where}, "
            f"{100 * widest:.1f} points from it at most."
        )
    else:
        said = (
            f"{stage} (said {found[stage]['said']:.0%}, came {found[stage]['came']:.0%}, "
            f"band {found[stage]['low']:.0%} to {found[stage]['high']:.0%})"
            for stage in outside
        )
        says = f"The {IN_WORDS[event]} is off in {len(outside)} of {len(found)} stages: {'; '.join(said)}."
    return Check(name, not outside, says, found)


def _stage(judged: Judged, contest: Contest, member: np.ndarray) -> dict[str, float]:
    """Said, came, and the band around it; empty where no deal of the stage has ended."""
    weight = np.where(member, judged.target.weight, 0.0)
    seen = weight > 0
    if not seen.any():
        return {}
    _, place = np.unique(contest.deal[seen], return_inverse=True)
    of_deal = np.bincount(place, weight[seen])
    effective = max(round(as_many_alike(of_deal)), 1)
    said, came = (
        float(np.average(values[seen], weights=weight[seen]))
        for values in (judged.probabilities[CHALLENGER], judged.target.happened)
    )
    low, high = share_bounds(round(came * effective), effective)
    return {
        "n_deals": float(len(of_deal)),
        "n_effective": float(effective),
        "said": said,
        "came": came,
        "low": max(low - TOLERANCE, 0.0),
        "high": min(high + TOLERANCE, 1.0),
    }


def _listed(sentences: Sequence[str]) -> str:
    return f"It breaks a rule: {'; '.join(sentences)}." if sentences else ""
