"""The ways to say when a deal is won: each gives chances that rise with time up to that of being won at all."""

import numpy as np
import pytest

from benchmarks import closing
from training.dataset import Dataset


@pytest.mark.slow
@pytest.mark.parametrize("way", [closing.ours, closing.hazard])
def test_the_chance_to_be_won_in_time_rises_to_that_of_being_won(
    way: closing.Way, small_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(closing, "N_ROUNDS", 10)
    monkeypatch.setattr(closing, "N_PAIRS", 5_000)
    won, within = way(small_dataset, small_dataset.table.tail(50))
    assert within.shape == (50, len(closing.HORIZONS))
    assert (np.diff(within, axis=1) >= 0).all()
    assert (within[:, -1] <= won + 1e-12).all()
    assert within[:, -1].min() > 0
