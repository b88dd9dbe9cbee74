"""What the deals of the demo CRM are about: products with quantities, prices and payment terms, as ``line_items``.

They are drawn from a generator of their own, so that nothing else of a simulated CRM depends on them.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from crm.arrow_columns import chosen, decimals
from crm.simulated_openings import Openings
from crm.simulated_people import Accounts
from crm.simulated_tables import Numbering

PRODUCTS = ("GATEWAY", "LICENCE", "ONBOARDING", "SENSOR", "SUPPORT")
HELD_SHARES = (0.45, 0.90, 0.40, 0.35, 0.30)
"""Share of the deals with line items that hold each product."""
PRICE_WEIGHTS = (1.0, 3.0, 0.8, 1.2, 0.7)
"""Roughly how a deal's amount is shared among the products it holds."""
WITHOUT_LINES_SHARE = 0.08

TERMS = (
    *("due on receipt", "Net 14", "net 30", "30 days", "2/10 net 30", "net 60", "net 60 EOM"),
    *("50% upfront, 50% net 60", "monthly", "as agreed"),
)
TERMS_BY_SIZE = (
    (0.20, 0.25, 0.30, 0.10, 0.04, 0.02, 0.00, 0.02, 0.04, 0.01),
    (0.08, 0.12, 0.36, 0.12, 0.08, 0.08, 0.03, 0.05, 0.04, 0.02),
    (0.02, 0.03, 0.28, 0.08, 0.06, 0.22, 0.09, 0.13, 0.05, 0.02),
    (0.00, 0.00, 0.14, 0.04, 0.04, 0.31, 0.16, 0.21, 0.06, 0.02),
)
"""By the account's size; what is left to 1 is not filled in."""
_NOT_FILLED = -1


def line_items_table(
    openings: Openings, accounts: Accounts, numbering: Numbering, rng: np.random.Generator
) -> pa.Table:
    """One row per deal and product; all lines of a deal have the same payment terms."""
    n, n_products = len(openings.day), len(PRODUCTS)
    held = rng.random((n, n_products)) < HELD_SHARES
    held[:, PRODUCTS.index("LICENCE")] |= ~held.any(axis=1)
    held &= (rng.random(n) >= WITHOUT_LINES_SHARE)[:, None]
    quantity = _quantities(openings.seats, rng)
    weight = held * PRICE_WEIGHTS * rng.lognormal(0, 0.3, size=(n, n_products))
    share = weight / np.maximum(weight.sum(axis=1, keepdims=True), 1e-12)
    price = openings.amount[:, None] * share / quantity
    terms = _terms(accounts.size[openings.account], rng)
    deal, product = np.nonzero(held)
    return pa.table({
        "deal_id": numbering.deal_ids(deal),
        "product_id": chosen(PRODUCTS, product),
        "quantity": pc.cast(pa.array(quantity[deal, product]), pa.float64()),
        "unit_price": decimals(price[deal, product]),
        "payment_terms": chosen(TERMS, terms[deal]),
    })  # fmt: skip


def _quantities(seats: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Whole units, at least one: most follow the number of seats, onboarding is in days."""
    per_seat = np.array([0.1, 1.0, 0.0, 0.5, 1.0])
    days = rng.integers(2, 16, size=len(seats))
    quantity = np.ceil(seats[:, None] * per_seat * rng.uniform(0.8, 1.2, size=(len(seats), 1)))
    quantity[:, PRODUCTS.index("ONBOARDING")] = days
    return np.maximum(quantity, 1)


def _terms(size: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Position in ``TERMS``, -1 where nobody filled them in."""
    place = (rng.random(len(size))[:, None] >= np.cumsum(np.array(TERMS_BY_SIZE)[size], axis=1)).sum(axis=1)
    return np.where(place < len(TERMS), place, _NOT_FILLED)
