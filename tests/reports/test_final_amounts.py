"""What a deal is worth when it is won: amounts shrink on the way as they did before; none is silently zero."""

import numpy as np
import pandas as pd
import pytest

from reports.final_amounts import learn_final_amounts


def won(n: int, stage: str = "Demo", factor: float = 0.8, first: int = 0) -> pd.DataFrame:
    """Won deals whose amount ended at ``factor`` of what it was in ``stage``."""
    return pd.DataFrame({
        "deal_id": [f"D{first + i}" for i in range(n)],
        "stage": stage,
        "cents": 10_000.0,
        "final_cents": 10_000.0 * factor,
    })  # fmt: skip


def test_the_factor_of_a_stage_comes_back() -> None:
    learned = learn_final_amounts(won(2_000))
    found = learned.expected(pd.Series(["Demo"]), pd.Series([50_000.0]))
    assert found["cents"].tolist() == pytest.approx([40_000], rel=0.01)
    assert not found["imputed"].any()


def test_a_stage_that_few_won_deals_passed_is_drawn_to_all() -> None:
    learned = learn_final_amounts(pd.concat([won(980), won(2, "Offer", 3.0, first=980)]))
    assert 0.8 < learned.factor["Offer"] < 1.3


def test_many_weeks_of_one_deal_are_one_piece_of_evidence() -> None:
    weeks = pd.concat([won(40), *[won(1, factor=5.0, first=40)] * 500], ignore_index=True)
    assert learn_final_amounts(weeks).factor["Demo"] < 1.1


def test_a_missing_amount_gets_the_usual_one_and_a_mark() -> None:
    learned = learn_final_amounts(won(500))
    found = learned.expected(pd.Series(["Demo", "never seen"]), pd.Series([np.nan, np.nan]))
    assert found["imputed"].all()
    assert found["cents"].tolist() == pytest.approx([8_000, 8_000])


def test_without_won_deals_amounts_stay_as_they_are() -> None:
    learned = learn_final_amounts(won(0))
    assert learned.expected(pd.Series(["Demo"]), pd.Series([123.0]))["cents"].tolist() == [123]


def test_a_credit_stays_negative() -> None:
    learned = learn_final_amounts(won(100))
    assert learned.expected(pd.Series(["Demo"]), pd.Series([-1_000.0]))["cents"].tolist() == pytest.approx(
        [-800], abs=5
    )
