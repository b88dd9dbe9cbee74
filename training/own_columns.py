"""Look at a company's own columns before they become signals, and refuse those that give the outcome away."""

import json
from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from crm.present import present
from features.declared import Declared
from training.late_values import late_first_values
from training.leaks import Leak, find_leaks, refuse


def refuse_leaks(tables: Mapping[str, pd.DataFrame], declared: Declared, as_of: datetime) -> None:
    """Raise ``LeakError`` where a declared column leaks, as far as was known before ``as_of``."""
    refuse(declared_leaks(tables, declared, as_of))


def declared_leaks(tables: Mapping[str, pd.DataFrame], declared: Declared, as_of: datetime) -> list[Leak]:
    """Every reason to refuse a declared column, as far as was known before ``as_of``; none that the user overruled.

    Attributes are judged by their values, for they are taken to be known at the creation. The values of a field are
    only used from when they became known; it is judged by its name, and by whether it has a history at all.
    """
    if not declared.customs:
        return []
    fields = [one.name for one in declared.of("field")]
    no_values = pd.DataFrame({name: [] for name in fields}, dtype=object)
    nobody = pd.Series([], dtype="float64")
    found = find_leaks(no_values, nobody, history=late_first_values(tables), overruled=declared.overruled)
    deals = present(dict(tables), as_of)
    won = deals["stage_category"].map({"won": 1.0, "lost": 0.0})
    documents = tables["deals"].set_index("deal_id")["attributes"].reindex(deals["deal_id"])
    values = [json.loads(text) if isinstance(text, str) else {} for text in documents]
    attributes = pd.DataFrame({one.name: [value.get(one.name) for value in values] for one in declared.of("attribute")})
    return [*found, *find_leaks(attributes, won, overruled=declared.overruled)]
