"""What changed since a week before the latest scores, as a page and as CSV."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crm.errors import NotEnoughDataError
from crm.fiscal import this_and_next_quarter
from crm.store import Store
from reports.change_bridge import AFTER, BEFORE, by_group
from reports.change_causes import CAUSES, NEW_BUSINESS
from reports.change_instants import compared
from reports.change_notes import change_notes
from reports.change_sentences import sentence
from reports.change_signals import groups_of
from reports.changed_forecast import Ask, ForecastAt, changed_forecast, forecast_at
from reports.render import About, changes_html, csv_text
from reports.waterfall import waterfall
from reports.what_changed import WhatChanged

SHOWN_DEALS = 50
_MONEY = {
    **{"before": "before_cents", "after": "after_cents", "change": "cents", "own": "own_cents"},
    **{"exchange_rates": "rates_cents", "usual_growth": "growth_cents", "new_model": "model_cents"},
}
_COLUMNS = (
    *("period", "since", "until", "deal_id", "name", "owner_name", "team", "cause", "sentence", "own_cause"),
    *_MONEY,
)


def change_texts(
    store: Store, tables: Mapping[str, pd.DataFrame], reporting_currency: str, ask: Ask | None = None
) -> dict[str, str]:
    """Return the text of the page and of the CSV file by name; where there is nothing to compare with, they say so.

    ``tables`` are all but the ledgers, as the store has them.
    """
    try:
        instants = compared(store.score_instants())
    except NotEnoughDataError as error:
        empty = pd.DataFrame(columns=list(_COLUMNS), dtype="str")
        return {"what-changed.html": changes_html([], [], str(error)), "what-changed.csv": csv_text(empty)}
    periods = this_and_next_quarter(instants[1], tables["calendar"])
    before, after = (forecast_at(tables, store.scores_at(one), reporting_currency, periods) for one in instants)
    found = changed_forecast(before, after, tables["stages"], ask)
    sections = [_section(changed, change_notes(before, after, k)) for k, changed in enumerate(found)]
    rows = [_csv_rows(changed, k, before, after) for k, changed in enumerate(found)]
    return {
        "what-changed.html": changes_html(sections, [_about(one, reporting_currency) for one in (before, after)]),
        "what-changed.csv": csv_text(pd.concat(rows, ignore_index=True)),
    }


def _told(changed: WhatChanged, most: int | None = None) -> pd.DataFrame:
    """Return the deals, the ``most`` that changed most, with a ``sentence`` each, and what they are called now."""
    groups, deals = groups_of(changed.by_signal), changed.deals.head(len(changed.deals) if most is None else most)
    sentences = [sentence(deal, groups.get(deal["deal_id"], ())) for deal in deals.to_dict("records")]
    latest = {name: deals[f"{name}_to"].fillna(deals[f"{name}_from"]) for name in ("name", "owner_name", "team")}
    return deals.assign(sentence=pd.Series(sentences, index=deals.index, dtype="str"), **latest)


def _section(changed: WhatChanged, notes: list[str]) -> dict[str, Any]:
    whole = changed.bridge[changed.bridge["level"] == "whole"]
    teams = by_group(changed.bridge, "team")
    deals = _told(changed, SHOWN_DEALS)
    return {
        "period": changed.period,
        "waterfall": waterfall(whole),
        "means": CAUSES,
        "teams": sorted(teams.items(), key=lambda team: -abs(team[1].get(AFTER, 0) - team[1].get(BEFORE, 0))),
        "columns": [cause for cause in CAUSES if any(cause in parts for parts in teams.values())],
        "deals": deals.to_dict("records"),
        "n_deals": int((changed.deals["cents"] != 0).sum()),
        "notes": notes,
    }


def _csv_rows(changed: WhatChanged, k: int, before: ForecastAt, after: ForecastAt) -> pd.DataFrame:
    """One row per deal, and one for the deals that are not created yet: the changes sum to that of the forecast."""
    deals = _told(changed)
    rows = deals.assign(**{name: deals[column] / 100 for name, column in _MONEY.items()})
    was, now = (at.basis.new_cents[k].get(("whole", ""), 0) / 100 for at in (before, after))
    to_come: dict[str, float | str] = dict.fromkeys(_MONEY, 0.0)
    to_come |= {"before": was, "after": now, "change": now - was, "own": now - was}
    to_come |= {"deal_id": "", "name": "Deals that are not created yet", "owner_name": "", "team": ""}
    to_come |= {"cause": NEW_BUSINESS, "own_cause": NEW_BUSINESS, "sentence": CAUSES[NEW_BUSINESS]}
    rows = pd.concat([rows, pd.DataFrame([to_come])], ignore_index=True).assign(
        period=changed.period.name, since=before.as_of.isoformat(), until=after.as_of.isoformat()
    )
    return rows[list(_COLUMNS)]


def _about(at: ForecastAt, currency: str) -> About:
    used = [rate for name, rate in sorted(at.rates.items()) if name in set(at.known["currency"]) - {currency}]
    return About(at.as_of, at.model_version, currency, used)
