"""What could not be counted in the forecasts of two instants, in sentences: nobody is to take it for a change."""

from reports.changed_forecast import ForecastAt
from reports.forecast_deals import contributions

_SAID = {
    "n_imputed": ("open deal", "without an amount: counted with the usual one"),
    "n_without_rate": ("open deal", "in a currency without a rate: they add nothing"),
    "n_without_score": ("open deal", "without a score: they add nothing"),
    "n_won_without_amount": ("deal", "won in the period without an amount or a rate: they add nothing"),
}


def change_notes(before: ForecastAt, after: ForecastAt, k: int) -> list[str]:
    """Return what each forecast of period ``k`` could not count as it should, one sentence per kind; none if nothing.

    An example: ``12 open deals without an amount: counted with the usual one (10 before).``
    """
    was, now = _counts(before, k), _counts(after, k)
    return [
        f"{now[name]} {what}{'' if now[name] == 1 else 's'} {how} ({was[name]} before)."
        for name, (what, how) in _SAID.items()
        if was[name] or now[name]
    ]


def _counts(at: ForecastAt, k: int) -> dict[str, int]:
    basis = at.basis
    rows = contributions(basis.deals, basis.chance[:, k], basis.won, basis.periods[k])
    return {name: int(rows[name].sum()) for name in _SAID}
