"""Everything that decides the outcome of one training run; logged with it."""

from dataclasses import asdict, dataclass, field
from datetime import date

from features.declared import NOTHING, Declared
from features.labels import Patience
from models.boosting import BoosterPlan


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes
    ----------
    train_until : day; nothing known from its start (UTC) on is used
    snapshot_days : 7 for a snapshot each Monday, 1 for each day
    embargo_days : left out between what is learned from and what it is judged on
    fold_starts : where the later blocks begin, as shares of the time covered; the last block is the holdout
    few_closed, fold_starts_of_few : fewer closed deals than that tell less each, so more blocks judge the rungs
    minimum_closed, minimum_of_each : closed deals needed, in all and of each outcome, before more than rates is learned
    closed_of_own : closed deals of a pipeline from which on a model of its own is tried
    stage_prior : snapshots' worth of the base rate mixed into each stage's
    declared : attributes, fields and activities of the company's own that become signals
    """

    train_until: date
    snapshot_days: int = 7
    embargo_days: int = 7
    fold_starts: tuple[float, ...] = (0.5, 0.65, 0.8)
    few_closed: int = 5_000
    fold_starts_of_few: tuple[float, ...] = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    minimum_closed: int = 40
    minimum_of_each: int = 5
    closed_of_own: int = 1_000
    stage_prior: float = 20
    reporting_currency: str = "EUR"
    patience: Patience = field(default_factory=Patience)
    booster: BoosterPlan = field(default_factory=BoosterPlan)
    declared: Declared = NOTHING

    def parameters(self) -> dict[str, object]:
        """All of it as flat names and values."""
        own = [*(one.key for one in self.declared.customs), *self.declared.activities]
        flat: dict[str, object] = {}
        for name, value in (asdict(self) | {"declared": ", ".join(own)}).items():
            if isinstance(value, dict):
                flat |= {f"{name}.{inner}": inner_value for inner, inner_value in value.items()}
            else:
                flat[name] = value
        return flat
