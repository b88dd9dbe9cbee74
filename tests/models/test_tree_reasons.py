"""Contributions by tables: LightGBM's own to 1e-9, whatever the trees and the rows look like."""

import subprocess
import sys

import lightgbm as lgb
import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.errors import SchemaError
from models import course_filter
from models.tree_kernel import BLOCK
from models.tree_reasons import contributions, explain
from models.tree_tables import leaf_table, tables

pytestmark = pytest.mark.slow

ODD = [np.nan, 0.0, -0.0, 1e-36, -1e-35, 1e-35, np.inf, -np.inf, 0.5, -1.0, -0.5, 31.7, 32.0, 1e6, 5e9]
QUIET = {"verbosity": -1, "num_threads": 1, "deterministic": True, "force_col_wise": True, "seed": 0}


def rows(seed: int, n: int, n_signals: int, *, missing: float, whole: float) -> np.ndarray:
    """Signals of which some are missing, some are small whole numbers, some are constant."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(n, n_signals))
    rounded = rng.random(n_signals) < whole
    matrix[:, rounded] = np.round(matrix[:, rounded])
    matrix[:, rng.random(n_signals) < 0.1] = 1.0
    matrix[rng.random(matrix.shape) < missing] = np.nan
    return matrix


def grown(
    matrix: np.ndarray, seed: int = 0, rounds: int = 8, categorical: tuple[int, ...] = (), **shape
) -> lgb.Booster:
    """A booster on an outcome that depends on the first signals, alone and together."""
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(matrix)
    pull = known[:, 0] + known[:, -1] * known[:, 0] - np.isnan(matrix).sum(axis=1) + rng.logistic(size=len(matrix))
    data = lgb.Dataset(
        matrix,
        (pull > np.median(pull)).astype(float),
        weight=rng.random(len(matrix)) + 0.5,
        categorical_feature=list(categorical),
        params={"verbosity": -1},
    )
    return lgb.train({"objective": "binary", "min_data_in_leaf": 5, **QUIET, **shape}, data, rounds)


def with_odd_values(matrix: np.ndarray, seed: int) -> np.ndarray:
    """The rows, with values among them that no training row had."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(matrix.shape) < 0.2, rng.choice(ODD, matrix.shape), matrix)


def assert_as_lightgbm(booster: lgb.Booster, matrix: np.ndarray) -> None:
    made = tables(booster)
    assert made
    found = contributions(made, matrix)
    np.testing.assert_allclose(found, booster.predict(matrix, pred_contrib=True), rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), booster.predict(matrix, raw_score=True), rtol=0, atol=1e-9)


def test_a_stump_gives_all_to_its_signal():
    matrix = np.repeat([[0.0, 7.0], [1.0, 7.0]], [30, 10], axis=0)
    booster = lgb.train(
        {"objective": "regression", "lambda_l2": 0.0, "learning_rate": 1.0, "min_data_in_leaf": 1, **QUIET},
        lgb.Dataset(matrix, matrix[:, 0] * 8, params={"verbosity": -1}),
        1,
    )
    made = tables(booster)
    assert made
    assert contributions(made, matrix[[0, -1]]) == pytest.approx(np.array([[-2.0, 0.0, 2.0], [6.0, 0.0, 2.0]]))


def test_a_leaf_behind_two_signals_shares_its_value_as_shapley_would():
    first, second = 0.5, 0.25
    table = leaf_table(np.array([first, second]), 1.0)
    # Both met: the value rises from 1/8 by way of 1/4 or of 1/2 to 1; the mean over the two orders.
    by_hand = [((1 / 4 - 1 / 8) + (1 - 1 / 2)) / 2, ((1 / 2 - 1 / 8) + (1 - 1 / 4)) / 2]
    assert [(1 / first - 1) * table[0b10], (1 / second - 1) * table[0b01]] == pytest.approx(by_hand)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    n=st.integers(20, 400),
    n_signals=st.integers(1, 12),
    missing=st.sampled_from([0.0, 0.1, 0.6]),
    num_leaves=st.integers(2, 31),
    max_depth=st.sampled_from([-1, 1, 3, 6]),
    use_missing=st.booleans(),
    zero_as_missing=st.booleans(),
    kind=st.sampled_from([np.float32, np.float64]),
)
def test_equals_lightgbm(seed, n, n_signals, missing, num_leaves, max_depth, use_missing, zero_as_missing, kind):
    matrix = rows(seed, n, n_signals, missing=missing, whole=0.5).astype(kind)
    shape = {"num_leaves": num_leaves, "max_depth": max_depth}
    booster = grown(matrix, seed, use_missing=use_missing, zero_as_missing=zero_as_missing, **shape)
    assert_as_lightgbm(booster, with_odd_values(matrix, seed).astype(kind))


@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), missing=st.sampled_from([0.0, 0.2]), n_categories=st.integers(3, 70))
def test_equals_lightgbm_on_categories(seed, missing, n_categories):
    matrix = rows(seed, 400, 4, missing=missing, whole=0.0)
    rng = np.random.default_rng(seed)
    for place in (0, 2):
        matrix[:, place] = np.where(np.isnan(matrix[:, place]), np.nan, rng.integers(0, n_categories, len(matrix)))
    free = {"cat_smooth": 1.0, "cat_l2": 1.0, "min_data_per_group": 5, "max_cat_to_onehot": 2}
    booster = grown(matrix, seed, categorical=(0, 2), num_leaves=8, **free)
    assert "num_cat=0" not in booster.model_to_string().split("Tree=1")[0]
    assert_as_lightgbm(booster, with_odd_values(matrix, seed))


def test_deep_trees_ask_the_same_signals_again():
    matrix = rows(1, 3000, 3, missing=0.1, whole=0.0)
    booster = grown(matrix, rounds=20, num_leaves=200, min_data_in_leaf=1)
    made = tables(booster)
    assert made
    assert np.diff(made.part_start).max() <= 3 < np.diff(made.split_start).max()
    assert_as_lightgbm(booster, matrix)


def test_deep_trees_ask_many_signals():
    matrix = rows(2, 3000, 40, missing=0.0, whole=0.0)
    booster = grown(matrix, rounds=20, num_leaves=63, min_data_in_leaf=5)
    made = tables(booster)
    assert made
    assert np.diff(made.part_start).max() >= 10
    assert_as_lightgbm(booster, matrix)


def test_trees_that_never_split_give_only_the_base():
    matrix = rows(3, 50, 2, missing=0.0, whole=0.0)
    booster = grown(matrix, min_data_in_leaf=40)
    assert_as_lightgbm(booster, matrix)
    assert not explain(booster, tables(booster), matrix)[:, :-1].any()


def test_only_the_best_rounds_count():
    matrix = rows(4, 400, 5, missing=0.1, whole=0.0)
    booster = grown(matrix, rounds=12)
    booster.best_iteration = 5
    made = tables(booster)
    assert made
    assert len(made.split_start) - 1 == 5
    assert_as_lightgbm(booster, matrix)


@pytest.mark.parametrize("n", [1, BLOCK, BLOCK + 1])
def test_any_number_of_rows(n):
    matrix = rows(5, BLOCK + 1, 6, missing=0.1, whole=0.3)
    assert_as_lightgbm(grown(matrix), matrix[:n])


def test_a_row_is_explained_alike_alone_and_among_others():
    matrix = rows(6, 50, 6, missing=0.1, whole=0.3)
    made = tables(grown(matrix))
    assert made
    alone = [contributions(made, matrix[[place]]) for place in range(len(matrix))]
    np.testing.assert_array_equal(np.concatenate(alone), contributions(made, matrix))


@pytest.mark.parametrize("largest", [10**9, 0])
def test_no_rows_no_contributions(largest):
    matrix = rows(7, 100, 6, missing=0.1, whole=0.3)
    booster = grown(matrix)
    assert explain(booster, tables(booster, largest), matrix[:0]).shape == (0, 7)


def test_tables_that_would_be_too_large_are_not_made():
    matrix = rows(8, 400, 6, missing=0.1, whole=0.3)
    booster = grown(matrix)
    made = tables(booster)
    assert made
    assert tables(booster, len(made.table)) is not None
    assert tables(booster, len(made.table) - 1) is None
    np.testing.assert_array_equal(explain(booster, None, matrix), booster.predict(matrix, pred_contrib=True))


@pytest.mark.parametrize(
    "shape",
    [
        {"objective": "multiclass", "num_class": 2},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"linear_tree": True},
    ],
    ids=["several classes", "averaged trees", "linear leaves"],
)
def test_what_is_no_sum_of_trees_is_left_to_lightgbm(shape):
    matrix = rows(9, 200, 3, missing=0.0, whole=0.0)
    assert tables(grown(matrix, **shape)) is None


def test_another_number_of_signals_is_refused():
    matrix = rows(10, 100, 6, missing=0.1, whole=0.3)
    made = tables(grown(matrix))
    assert made
    with pytest.raises(SchemaError, match=r"read 6 signals and were given 5.*build it with the signals"):
        contributions(made, matrix[:, :5])


def test_the_kernel_is_compiled_only_to_explain():
    code = "import sys, models.tree_reasons; sys.exit('models.tree_kernel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_it_compiles_where_no_folder_can_be_written(monkeypatch):
    real = numba.njit

    def read_only(*, nogil, cache=False):
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return real(nogil=nogil)

    monkeypatch.setattr(numba, "njit", read_only)
    assert course_filter.compiled(lambda value: value + 1)(1) == 2
