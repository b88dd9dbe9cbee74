"""Invented names of companies and people for the demo CRM; none is taken from a register."""

import numpy as np
import pyarrow as pa

from crm.arrow_columns import chosen, joined

_HEADS = (
    "Nor", "Vel", "Ast", "Bren", "Cal", "Dov", "El", "Far", "Gal", "Hel", "Is", "Jor", "Kel", "Lum", "Mar", "Nev",
    "Or", "Pel", "Quin", "Ros", "Sol", "Tal", "Ul", "Ver", "Wes", "Yar", "Zen", "Arc", "Bor", "Cor", "Del", "Fen",
)  # fmt: skip
_MIDDLES = ("va", "mi", "ri", "to", "an", "el", "do", "ca", "li", "ro", "sa", "ne", "va", "bi", "tu", "ma")
_TAILS = ("nt", "ra", "x", "ris", "dia", "lon", "tec", "via", "nor", "sen", "berg", "wick", "ford", "mar", "tis", "co")
_TRADES = {
    "Manufacturing": ("Werke", "Tools", "Motion", "Components"),
    "Software": ("Systems", "Labs", "Cloud", "Software"),
    "Logistics": ("Logistics", "Freight", "Shipping", "Traders"),
    "Healthcare": ("Health", "Clinics", "Diagnostics", "Care"),
    "Retail": ("Stores", "Retail", "Outfitters", "Markets"),
    "Energy": ("Energy", "Power", "Solar", "Grid"),
    "Finance": ("Capital", "Insurance", "Bank", "Finance"),
    "Education": ("Academy", "Learning", "College", "Institute"),
}
_FIRST = (
    "Ada", "Alma", "Anton", "Ayla", "Bela", "Bruno", "Carla", "Cem", "Clara", "Dario", "Edda", "Elif", "Emil", "Enzo",
    "Fatima", "Felix", "Freya", "Greta", "Hana", "Hugo", "Ida", "Ines", "Ivan", "Jana", "Jonas", "Kaja", "Karim",
    "Lea", "Leon", "Lina", "Luca", "Maja", "Marco", "Mila", "Nadia", "Nils", "Noor", "Olga", "Oscar", "Paula", "Pia",
    "Rafael", "Rosa", "Samir", "Sofia", "Tara", "Theo", "Vera", "Yusuf", "Zoe",
)  # fmt: skip
_LAST = (
    "Adler", "Almeida", "Bakker", "Bauer", "Berger", "Bianchi", "Brandt", "Costa", "Demir", "Dubois", "Eriksen",
    "Farkas", "Fischer", "Garcia", "Haas", "Hansen", "Ivanov", "Jansen", "Kaya", "Keller", "Kowalski", "Lang", "Leroy",
    "Lindqvist", "Lopez", "Maier", "Marino", "Martin", "Moreau", "Nagy", "Nowak", "Olsen", "Petrov", "Quinn", "Ricci",
    "Rossi", "Sato", "Schmid", "Silva", "Sommer", "Steiner", "Svensson", "Torres", "Ulrich", "Varga", "Vogel",
    "Walker", "Weber", "Winter", "Yilmaz",
)  # fmt: skip


def company_names(trade: np.ndarray, industries: tuple[str, ...], rng: np.random.Generator) -> pa.Array:
    """Names such as "Velmira Logistics", one per element of ``trade`` (positions in ``industries``)."""
    n = len(trade)
    trades = [name for industry in industries for name in _TRADES[industry]]
    return joined(
        chosen(_HEADS, rng.integers(len(_HEADS), size=n)),
        chosen(_MIDDLES, rng.integers(len(_MIDDLES), size=n)),
        chosen(_TAILS, rng.integers(len(_TAILS), size=n)),
        " ",
        chosen(trades, 4 * trade + rng.integers(4, size=n)),
    )


def person_names(n: int, rng: np.random.Generator) -> pa.Array:
    """``n`` names of people; some may be equal, as in life."""
    first, last = (chosen(names, rng.integers(len(names), size=n)) for names in (_FIRST, _LAST))
    return joined(first, " ", last)


def distinct_person_names(n: int, rng: np.random.Generator) -> pa.Array:
    """``n`` names of people, all different (2,500 at most)."""
    last, first = np.divmod(rng.choice(len(_FIRST) * len(_LAST), size=n, replace=False), len(_FIRST))
    return joined(chosen(_FIRST, first), " ", chosen(_LAST, last))
