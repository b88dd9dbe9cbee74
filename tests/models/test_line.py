"""The logistic regression: the coefficients that made the data come back, and few deals give a sane line."""

import numpy as np
import pytest
from scipy.special import expit

from models.arithmetic import LEAST_SHARE, REACH, bent, straightened
from models.boosting import Examples
from models.line import Line, fit_line

NAMES = ["emails", "days", "noise"]


def examples_of(signals: np.ndarray, happened: np.ndarray, deal: np.ndarray | None = None) -> Examples:
    n = len(signals)
    return Examples(signals, happened, np.ones(n), np.arange(n) if deal is None else deal, NAMES[: signals.shape[1]])


def drawn(n: int, seed: int = 0) -> Examples:
    """Log-odds ``-0.5 + 0.8 emails - 0.6 days`` of the bent signals; 0.7 where days are missing."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(size=(n, 3))
    is_missing = rng.random(n) < 0.3
    true = -0.5 + 0.8 * steps[:, 0] + np.where(is_missing, 0.7, -0.6 * steps[:, 1])
    signals = np.sign(steps) * np.expm1(np.abs(steps))
    signals[is_missing, 1] = np.nan
    return examples_of(signals, (rng.random(n) < expit(true)).astype(float))


@pytest.fixture(scope="module")
def line() -> Line:
    """Fitted on 50,000 deals."""
    return fit_line(drawn(50_000))


def test_the_coefficients_that_made_the_data_come_back(line: Line) -> None:
    assert line.intercept == pytest.approx(-0.5, abs=0.06)
    assert line.weight / line.scale == pytest.approx([0.8, -0.6, 0], abs=0.04)


def test_a_missing_value_has_a_part_of_its_own(line: Line) -> None:
    assert line.missing == pytest.approx([0, 0.7, 0], abs=0.06)


def test_a_signal_that_is_missing_only_later_adds_nothing(line: Line) -> None:
    known, unknown = line.predict(np.zeros((1, 3))), line.predict(np.array([[np.nan, 0.0, 0.0]]))
    assert unknown - known == pytest.approx(line.weight[0] * line.center[0] / line.scale[0], abs=1e-12)


def test_base_and_contributions_sum_to_the_log_odds(line: Line) -> None:
    rows = drawn(500, seed=1).signals
    base, added = line.contributions(rows)
    assert base + added.sum(axis=1) == pytest.approx(line.predict(rows), abs=1e-12)


def test_contributions_are_zero_on_average_among_the_rows_learned_from(line: Line) -> None:
    assert line.contributions(drawn(50_000).signals)[1].mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-9)


def test_its_document_gives_it_back_bit_for_bit(line: Line) -> None:
    again, rows = Line.of_document(line.document()), drawn(200, seed=2).signals
    assert again.predict(rows).tolist() == line.predict(rows).tolist()
    assert again.document() == line.document()


def test_beyond_its_reach_a_signal_adds_nothing_more(line: Line) -> None:
    edge = line.center[0] + REACH * line.scale[0]
    far = np.array([[np.expm1(edge), 0, 0], [np.expm1(edge + 1), 0, 0], [1e30, 0, 0]])
    said = line.predict(far)
    assert said == pytest.approx(said[0], abs=1e-9)
    assert said[0] > line.predict(np.array([[np.expm1(edge - 1), 0, 0]]))[0]


def test_the_penalty_keeps_forty_deals_sane_where_a_hundred_signals_say_nothing() -> None:
    rng = np.random.default_rng(3)
    happened = (np.arange(40) % 2).astype(float)
    few = Examples(rng.normal(size=(40, 100)), happened, np.ones(40), np.arange(40), [f"s{i}" for i in range(100)])
    said = expit(fit_line(few).predict(rng.normal(size=(1_000, 100))))
    assert said.min() > 0.2
    assert said.max() < 0.8


def test_copies_of_the_same_deals_snapshots_are_not_more_evidence() -> None:
    few = drawn(60)
    copies = examples_of(np.tile(few.signals, (9, 1)), np.tile(few.happened, 9), np.tile(few.deal, 9))
    assert fit_line(copies).weight == pytest.approx(fit_line(few).weight, abs=1e-3)


def test_a_deal_without_weight_is_not_learned_from() -> None:
    few = drawn(200)
    weight = (np.arange(200) < 150).astype(float)
    part = Examples(few.signals, few.happened, weight, few.deal, NAMES)
    first = examples_of(few.signals[:150], few.happened[:150])
    assert fit_line(part).document() == fit_line(first).document()


def test_constant_and_wholly_missing_signals_say_nothing() -> None:
    few = drawn(200)
    signals = np.column_stack([few.signals[:, 0], np.full(200, 4.0), np.full(200, np.nan)])
    fitted = fit_line(examples_of(signals, few.happened))
    base, added = fitted.contributions(signals)
    assert np.isfinite(base)
    assert np.abs(added[:, 1:]).max() < 1e-6
    assert fitted.scale[1:].tolist() == [1, 1]


def test_a_deal_alone_gets_the_same_bits_as_in_the_batch(line: Line) -> None:
    rows = drawn(40, seed=4).signals
    for matrix in (rows, np.asfortranarray(rows)):
        together = line.predict(matrix).tolist()
        assert together == [line.predict(matrix[[row]])[0] for row in range(len(rows))]


def test_bending_keeps_the_order_and_the_sign() -> None:
    values = np.array([-1e6, -1.0, 0.0, 0.5, 3.0, 1e6])
    assert (np.diff(bent(values)) > 0).all()
    assert np.sign(bent(values)).tolist() == np.sign(values).tolist()


def test_shares_are_seen_as_log_odds_and_the_rest_bent() -> None:
    values = np.array([[0.5, 0.0, 3.0], [0.9, 1.0, np.nan]])
    found = straightened(values, np.array([True, True, False]))
    most = np.log(LEAST_SHARE / (1 - LEAST_SHARE))
    assert found[:, 0] == pytest.approx([0, np.log(9)])
    assert found[:, 1] == pytest.approx([most, -most])
    assert found[:, 2] == pytest.approx(bent(values[:, 2]), nan_ok=True)


def test_what_a_course_says_alone_comes_through_as_it_is() -> None:
    """A line of a well calibrated chance says that chance."""
    rng = np.random.default_rng(3)
    chance = rng.beta(1, 2, 50_000)
    happened = (rng.random(len(chance)) < chance).astype(float)
    ones, deals = np.ones(len(chance)), np.arange(len(chance))
    line = fit_line(Examples(chance[:, None], happened, ones, deals, ["course_win_rate"]))
    some = np.array([[0.03], [0.3], [0.97]])
    assert expit(line.predict(some)) == pytest.approx(some[:, 0], abs=0.01)


def test_a_label_between_counts_as_both_outcomes_with_shares_of_the_weight() -> None:
    few = drawn(200)
    share = np.where(few.happened == 1, 0.7, 0.2)
    between = Examples(few.signals, share, few.weight, few.deal, NAMES)
    both = Examples(
        np.tile(few.signals, (2, 1)),
        np.repeat([1.0, 0.0], 200),
        np.append(share, 1 - share),
        np.tile(few.deal, 2),
        NAMES,
    )
    rows = np.nan_to_num(few.signals)
    assert fit_line(between).predict(rows) == pytest.approx(fit_line(both).predict(rows), abs=1e-3)
