"""The scorer: everything that is needed to score a deal, learned, saved and loaded as one.

On disk it is plain files: ``card.json`` (signals, rates, calibration, dates) and LightGBM's own text
(``win.txt``, ``win.beyond.txt`` and so for ``stall``). No pickle: anybody can read what will be loaded.
"""

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd

from crm.errors import NoModelError
from features.declared import Declared
from features.facts import FloatColumn
from models.arithmetic import at_days
from models.calibration import Calibration
from models.closing_time import KNOTS_DAYS, ClosingTime
from models.course import COURSE, READINGS, TRAITS, Course
from models.line import Line
from models.members import BEYOND, TREES, Members
from models.outlook import Outlook, outlook
from models.probability import ProbabilityModel
from models.rungs import StageRate

FORMAT = 8
_ENDINGS = {TREES: ".txt", BEYOND: ".beyond.txt"}
"""Of the names of the files of a model's trees."""
BESIDE = ("arithmetic.py", "course_filter.py")
"""Code that a saved scorer carries along."""


@dataclass(frozen=True)
class Scorer:
    """The three models and what they were made from.

    Attributes
    ----------
    course : how the deals' courses are read; None where no model reads them
    trained_until : day (YYYY-MM-DD); nothing known from that day on was used
    patience : minimum, maximum and default days of the stall window
    note : empty, or why there is no model: "not enough data: ..."
    """

    win: ProbabilityModel
    stall: ProbabilityModel
    closing: ClosingTime
    patience: tuple[float, float, float]
    trained_until: str
    note: str = ""
    course: Course | None = None

    @property
    def version(self) -> str:
        """Digest of all that decides a score: the same data, code and seed give the same version."""
        return hashlib.sha256("".join(self.files().values()).encode()).hexdigest()[:12]

    @property
    def inputs(self) -> list[str]:
        """The columns of a table of ``features/pipeline.py`` that it reads."""
        signals = [name for name in self.win.signals if name not in READINGS]
        return ["stage", "patience_days", "as_of_day", *([TRAITS, COURSE] if self.course else []), *signals]

    def read(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """A table of ``features/pipeline.py`` with what its courses say, as the models look at it."""
        return self.course.read(snapshots) if self.course else snapshots

    def outlook(self, snapshots: pd.DataFrame) -> Outlook:
        """What lies ahead of each snapshot's deal, as one whole."""
        snapshots = self.read(snapshots)
        win, stalled = self.win.predict(snapshots), self.stall.predict(snapshots)
        return outlook(win, self.closing.predict(snapshots), stalled, self.patience_days(snapshots))

    def patience_days(self, snapshots: pd.DataFrame) -> FloatColumn:
        """Days of patience of each snapshot, within the bounds."""
        low, high, default = self.patience
        return np.clip(np.nan_to_num(snapshots["patience_days"].to_numpy(np.float64), nan=default), low, high)

    def predictions(self, snapshots: pd.DataFrame) -> pd.DataFrame:
        """One row per snapshot, all in [0, 1].

        ``win_probability``, ``won_within_1d`` to ``_728d``, ``lost_within_1d`` to ``_728d``, ``stall_risk``,
        ``lost_in_patience`` and ``moved_in_patience``.
        """
        ahead = self.outlook(snapshots)
        columns: dict[str, FloatColumn] = {"win_probability": ahead.win}
        for name, within in (("won", ahead.won_within), ("lost", ahead.lost_within)):
            columns |= {
                f"{name}_within_{days}d": at_days(within, ahead.knots, np.full(len(within), float(days)))
                for days in KNOTS_DAYS
            }
        columns |= {"stall_risk": ahead.stalled, "lost_in_patience": ahead.lost_in_patience}
        return pd.DataFrame(columns | {"moved_in_patience": ahead.moved})

    def files(self) -> dict[str, str]:
        """The scorer as texts by file name."""
        card = {
            "format": FORMAT,
            "trained_until": self.trained_until,
            "note": self.note,
            "patience": list(self.patience),
            "declared": self.win.declared.document(),
            "win": _card(self.win),
            "stall": _card(self.stall),
            "closing": self.closing.card_,
            "course": self.course.card if self.course else None,
        }
        texts = {"card.json": json.dumps(card, indent=1, sort_keys=True, allow_nan=False)}
        for event, pooled in (("win", self.win), ("stall", self.stall)):
            for name, model in [(event, pooled), *_own(event, pooled)]:
                for member, booster in model.members.boosters.items():
                    texts[f"{name}{_ENDINGS[member]}"] = _text(booster)
        return texts

    def save(self, folder: Path) -> None:
        """Write the files into ``folder``, which is made if it is not there, and the code that reads them."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files().items():
            (folder / name).write_text(text, encoding="utf-8")
        for name in BESIDE:
            shutil.copy(Path(__file__).parent / name, folder / name)


def load_scorer(folder: Path) -> Scorer:
    """Load what ``Scorer.save`` wrote; raises ``NoModelError`` where it is not there or of another format."""
    path = folder / "card.json"
    if not path.exists():
        raise NoModelError(f"there is no scorer in {folder}; train one with `plumbline train`")
    card = json.loads(path.read_text(encoding="utf-8"))
    if card["format"] != FORMAT:
        raise NoModelError(
            f"the scorer's {path.name} has format {card['format']}, this version reads {FORMAT}; train a new scorer"
        )
    closing = ClosingTime()
    closing.card_ = card["closing"]
    low, high, default = card["patience"]
    declared = Declared.of_document(card["declared"])
    return Scorer(
        win=_model(card["win"], declared, folder, "win"),
        stall=_model(card["stall"], declared, folder, "stall"),
        closing=closing,
        patience=(low, high, default),
        trained_until=card["trained_until"],
        note=card["note"],
        course=Course(card["course"]) if card["course"] else None,
    )


def _text(booster: lgb.Booster) -> str:
    """LightGBM's text without the number of threads: it decides nothing, so it must not change the version."""
    text: str = booster.model_to_string(num_iteration=booster.best_iteration)
    return re.sub(r"^\[num_threads: \d+\]\n", "", text, flags=re.MULTILINE)


def _card(model: ProbabilityModel) -> dict[str, Any]:
    rate, fitted = model.stage_rate, model.calibration
    return {
        "signals": list(model.signals),
        "stage_signal": model.stage_signal,
        "stage_rate": {"prior": rate.prior, "base": rate.base_, "by_stage": rate.rate_, "n_deals": rate.n_deals_},
        "line": model.members.line.document() if model.members.line else None,
        "calibration": {
            "slopes": dict(fitted.slopes),
            "intercept": fitted.intercept,
            "covariance": [list(row) for row in fitted.covariance],
        },
        "typical": model.typical,
        "own": {pipeline: _card(own) for pipeline, own in model.own.items()},
    }


def _own(event: str, pooled: ProbabilityModel) -> list[tuple[str, ProbabilityModel]]:
    """A pipeline's own models by the name of their file; a pipeline's name may hold what a file's may not."""
    return [(f"{event}.{place}", model) for place, model in enumerate(pooled.own.values())]


def _booster(path: Path) -> lgb.Booster | None:
    return lgb.Booster(model_str=path.read_text(encoding="utf-8")) if path.exists() else None


def _model(card: dict[str, Any], declared: Declared, folder: Path, name: str) -> ProbabilityModel:
    rate = StageRate(card["stage_rate"]["prior"])
    rate.base_, rate.rate_ = card["stage_rate"]["base"], card["stage_rate"]["by_stage"]
    rate.n_deals_ = card["stage_rate"]["n_deals"]
    fitted = card["calibration"]
    return ProbabilityModel(
        signals=tuple(card["signals"]),
        stage_rate=rate,
        stage_signal=card["stage_signal"],
        members=Members(
            Line.of_document(card["line"]) if card["line"] else None,
            _booster(folder / f"{name}{_ENDINGS[TREES]}"),
            _booster(folder / f"{name}{_ENDINGS[BEYOND]}"),
        ),
        calibration=Calibration(
            fitted["slopes"], fitted["intercept"], tuple(tuple(row) for row in fitted["covariance"])
        ),
        typical=card["typical"],
        declared=declared,
        own={
            pipeline: _model(own, declared, folder, f"{name}.{place}")
            for place, (pipeline, own) in enumerate(card["own"].items())
        },
    )
