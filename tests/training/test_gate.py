"""The gate, on cases that one can check by eye."""

import json

import numpy as np
import pandas as pd
import pytest

from training.contest import Contest, Judged
from training.gate import Check, Verdict, gate
from training.targets import Target

N = 600
STAGES = pd.Series(np.where(np.arange(N) % 2, "Demo", "Offer"))


def contest_of(challenger: float | np.ndarray, *, seed: int = 0, n: int = N, **others: float | np.ndarray) -> Contest:
    """A contest on deals of one snapshot each, of which a third is won and a third stalls, whatever the stage."""
    rng = np.random.default_rng(seed)
    came = (rng.random(n) < 1 / 3).astype(float)
    said = {"stage rate": 1 / 3, "challenger": challenger} | others
    probabilities = {name: np.broadcast_to(np.asarray(p, float), n).copy() for name, p in said.items()}
    target = Target(came, np.ones(n))
    judged = {event: Judged(target, dict(probabilities)) for event in ("win", "stall")}
    return Contest(0, np.ones(n, bool), np.arange(n), judged, {"challenger": "by its rehearsal"})


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if not check.passed]


def test_one_that_says_what_came_passes() -> None:
    verdict = gate(contest_of(1 / 3, champion=1 / 3), STAGES, champion_version="4")
    assert verdict.passed
    assert verdict.says.startswith("The gate is passed.")
    assert (verdict.against, verdict.champion_version) == ("champion", "4")


def test_one_that_is_worse_beyond_noise_fails_and_the_figures_say_so() -> None:
    verdict = gate(contest_of(0.6, champion=1 / 3), STAGES, champion_version="4")
    assert "log loss, win probability" in failed(verdict)
    figures = verdict.checks[0].figures
    assert 0 < figures["low"] < figures["difference"] < figures["high"]
    assert figures["difference"] == pytest.approx(figures["challenger"] - figures["champion"])
    assert verdict.says.startswith("The gate is not passed; the champion stays as it is. The log loss of its win")


def test_one_that_is_worse_within_noise_passes() -> None:
    wavering = 1 / 3 + np.random.default_rng(2).normal(0, 0.05, N)
    verdict = gate(contest_of(wavering, champion=1 / 3), STAGES, champion_version="4")
    figures = verdict.checks[0].figures
    assert figures["low"] < 0 < figures["difference"] < figures["high"]
    assert verdict.passed


def test_fewer_deals_mean_more_noise() -> None:
    few = gate(contest_of(0.45, n=40, champion=1 / 3), STAGES[:40], champion_version="4")
    assert few.checks[0].passed
    many = gate(contest_of(0.45, n=6_000, champion=1 / 3), pd.Series(["Demo"] * 6_000), champion_version="4")
    assert not many.checks[0].passed


def test_snapshots_of_one_deal_count_as_one() -> None:
    """The same 600 snapshots of ten deals tell no more than ten deals do."""
    found = contest_of(0.45, champion=1 / 3)
    assert not gate(found, STAGES, champion_version="4").checks[0].passed
    of_ten = Contest(found.start, found.rows, np.arange(N) // 60, found.judged, found.how)
    came = np.repeat([1.0, 0, 0, 1, 0, 0, 1, 0, 0, 0], 60)
    for judged in of_ten.judged.values():
        judged.target.happened[:] = came
    assert gate(of_ten, STAGES, champion_version="4").checks[0].passed


def test_a_stage_outside_of_its_band_fails_and_is_named() -> None:
    off_in_demo = np.where(STAGES == "Demo", 0.6, 1 / 3)
    verdict = gate(contest_of(off_in_demo, champion=0.9), STAGES, champion_version="4")
    assert failed(verdict) == ["calibration by stage, win probability", "calibration by stage, stall risk"]
    assert "off in 1 of 2 stages: Demo (said 60%, came" in verdict.says
    band = verdict.checks[2].figures["Demo"]
    assert band["said"] > band["high"] > band["came"] > band["low"]
    assert band["n_effective"] == band["n_deals"] == N / 2


def test_a_first_champion_must_not_be_worse_than_the_stage_rate() -> None:
    assert gate(contest_of(1 / 3), STAGES).against == "stage rate"
    assert "log loss, win probability" in failed(gate(contest_of(0.6), STAGES))


def test_a_champion_that_could_not_be_judged_is_said_to_be_so() -> None:
    verdict = gate(contest_of(1 / 3), STAGES, champion_version="4", note="The champion cannot be read.")
    assert verdict.against == "stage rate"
    assert verdict.how["note"] == "The champion cannot be read."


def test_leaks_and_broken_rules_fail_whatever_the_figures() -> None:
    verdict = gate(contest_of(1 / 3), STAGES, leaks=['"lost_reason" leaks.'], broken=["win_probability is above 1"])
    assert failed(verdict) == ["leaks", "invariants"]
    assert '"lost_reason" leaks. It breaks a rule: win_probability is above 1.' in verdict.says


def test_where_nothing_can_be_told_it_says_so_and_does_not_fail() -> None:
    verdict = gate(None, STAGES[:0])
    assert verdict.passed
    assert "Too few deals have ended to compare the win probability with the stage rate." in verdict.says
    one_outcome = contest_of(1 / 3)
    for judged in one_outcome.judged.values():
        judged.target.happened[:] = 1
    assert gate(one_outcome, STAGES).passed


def test_the_same_contest_gives_the_same_verdict_and_it_is_kept_whole() -> None:
    one, other = (gate(contest_of(0.4, champion=0.35), STAGES, champion_version="4", seed=3) for _ in range(2))
    assert one.text() == other.text()
    kept = json.loads(one.text())
    assert kept["passed"] == one.passed
    assert [check["name"] for check in kept["checks"]] == [check.name for check in one.checks]
    assert {"low", "high", "difference", "n_deals"} <= set(kept["checks"][0]["figures"])


def test_what_failed_is_said_first() -> None:
    verdict = Verdict("champion", "1", "", {}, (Check("a", True, "Fine."), Check("b", False, "Bad.")))
    assert verdict.says == "The gate is not passed; the champion stays as it is. Bad. Fine."


def test_where_there_is_no_champion_yet_none_is_said_to_stay() -> None:
    verdict = Verdict("stage rate", "", "", {}, (Check("b", False, "Bad."),))
    assert verdict.lines == ["The gate is not passed; there is no champion yet.", "Bad."]
