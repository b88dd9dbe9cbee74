"""From counts to laws: shares and rates, drawn towards simpler ones as far as few facts tell."""

import numpy as np

from features.facts import FloatColumn
from models.course_filter import STAY, softmax


def shares(counts: FloatColumn) -> FloatColumn:
    """Shares that sum to 1 along the last axis."""
    return counts / counts.sum(axis=-1, keepdims=True)


def factored(counts: FloatColumn, expected: FloatColumn, axes: tuple[int, ...]) -> FloatColumn:
    """How many times what was expected came, as a product of a factor along each of ``axes``.

    By iterative proportional fitting (Deming and Stephan, 1940); the other axes are each fitted by themselves.
    """
    found = np.ones(counts.shape)
    for _ in range(5):
        for axis in axes:
            others = tuple(one for one in axes if one != axis)
            came, meant = (one.sum(axis=others, keepdims=True) + 1 for one in (counts, expected * found))
            found = found * came / meant
    return found


def rates(counts: FloatColumn, expected: FloatColumn, axes: tuple[int, ...], weight: float) -> FloatColumn:
    """How many times what was expected came, drawn towards a product of factors by ``weight`` expected facts."""
    return (counts + weight * factored(counts, expected, axes)) / (expected + weight)


def drawn_shares(counts: FloatColumn, usual: FloatColumn, axes: tuple[int, ...], weight: float) -> FloatColumn:
    """Shares along the last axis, drawn towards a product of ``usual`` ones and factors by ``weight`` counts."""
    expected = usual * counts.sum(axis=-1, keepdims=True)
    return shares(counts + weight * shares(usual * factored(counts, expected, axes)))


def of_changes(counts: FloatColumn) -> FloatColumn:
    """Shares of ways to change something, by sort of move; on days without a move of those that do, and 1 for none."""
    found = shares(counts)
    found[..., STAY, :, 1:] = shares(counts[..., STAY, :, 1:])
    found[..., STAY, :, 0] = 1.0
    return found


class Logit:
    """Multinomial logit of fractional labels, by steps under a bound of its curvature (Böhning, 1992).

    Attributes
    ----------
    coefficients : the constant first; shape (1 + n_traits, n_kinds)
    """

    def __init__(self, given: FloatColumn, n_kinds: int, ridge: float) -> None:
        """``given``: traits; shape (n_deals, n_traits)."""
        self._given = np.column_stack([np.ones(len(given)), given])
        n = self._given.shape[1]
        self._penalty = np.append(1e-9, np.full(n - 1, ridge))[:, None]
        self._inverse = np.linalg.inv(0.25 * self._given.T @ self._given + np.diag(self._penalty[:, 0]))
        self.coefficients = np.zeros((n, n_kinds))

    def said(self) -> FloatColumn:
        """P(kind) of each deal."""
        return softmax(self._given @ self.coefficients)

    def learn(self, wanted: FloatColumn) -> None:
        """Go three steps towards P(kind) as it is ``wanted`` of each deal; shape (n_deals, n_kinds)."""
        for _ in range(3):
            slope = self._given.T @ (wanted - self.said()) - self._penalty * self.coefficients
            self.coefficients = self.coefficients + self._inverse @ slope
