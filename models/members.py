"""The members of the upper rungs: a line, trees, and trees that go on where a line ends.

A line sees at once what many signals each say a little of; trees see what no line fits. Trees that begin at the line's
log-odds have less left to learn, and err elsewhere than those that begin from nothing. Stacked, both sorts gained more
than either alone on simulated companies of 6,000 and 20,000 deals; with 2,000, and on real histories, they were within
luck of the better one, which was now this sort, now that.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from features.facts import BoolColumn, FloatColumn
from models.boosting import Beside, Block, BoosterPlan, Examples, fit_booster, fit_boosters, raw_scores
from models.line import Line, fit_line

LINE, TREES, BEYOND = "logistic", "lightgbm", "lightgbm beyond logistic"


@dataclass(frozen=True)
class Members:
    """Those that the data carry, the others None; ``beyond`` adds to what ``line`` says."""

    line: Line | None = None
    trees: lgb.Booster | None = None
    beyond: lgb.Booster | None = None

    def raw(self, matrix: FloatColumn) -> dict[str, FloatColumn]:
        """Raw log-odds by each member, one per row of signals."""
        found = {}
        if self.line:
            found[LINE] = self.line.predict(matrix)
        if self.trees:
            found[TREES] = raw_scores(self.trees, matrix)
        if self.beyond:
            found[BEYOND] = found[LINE] + raw_scores(self.beyond, matrix)
        return found

    @property
    def boosters(self) -> dict[str, lgb.Booster]:
        """The boosters there are, by member."""
        return {name: booster for name, booster in ((TREES, self.trees), (BEYOND, self.beyond)) if booster}


def fit_members(names: Iterable[str], learned: Examples, shape: BoosterPlan, n_rounds: Mapping[str, int]) -> Members:
    """Fit the members of these names, the line also where only ``BEYOND`` needs it."""
    line = fit_line(learned) if {LINE, BEYOND} & set(names) else None
    return Members(
        line,
        fit_booster(learned, shape, n_rounds[TREES]) if TREES in names else None,
        fit_booster(line.before_trees(learned), shape, n_rounds[BEYOND]) if line and BEYOND in names else None,
    )


def fit_blocks(blocks: Sequence[Block]) -> tuple[list[Members], dict[str, int]]:
    """Fit all members for each block; and the number of rounds of either sort of trees."""
    lines = [fit_line(past) for past, _, _ in blocks]
    trees, n_trees = fit_boosters(blocks)
    beyond, n_beyond = fit_boosters(
        [
            (line.before_trees(past), later and line.before_trees(later), shape)
            for line, (past, later, shape) in zip(lines, blocks, strict=True)
        ]
    )
    return [Members(*one) for one in zip(lines, trees, beyond, strict=True)], {TREES: n_trees, BEYOND: n_beyond}


def raw_of_blocks(
    members: Sequence[Members], matrices: Sequence[FloatColumn | Beside], rows: Sequence[BoolColumn]
) -> dict[str, FloatColumn]:
    """Raw log-odds of each member for all rows: each block's by its own, of its own matrix; 0 outside all blocks."""
    raw = {name: np.zeros(len(rows[0])) for name in (LINE, TREES, BEYOND)}
    for one, matrix, block in zip(members, matrices, rows, strict=True):
        for name, said in one.raw(matrix[block]).items():
            raw[name][block] = said
    return raw
