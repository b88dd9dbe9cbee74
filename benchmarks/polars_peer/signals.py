"""From tables and a grid to every signal."""

import polars as pl
from polars_peer import changes, norms, talks
from polars_peer.facts import DAY, key, microseconds
from polars_peer.usual_times import medians


def signals(tables: dict[str, pl.DataFrame], grid: pl.DataFrame, currency: str = "EUR") -> pl.DataFrame:
    """Every signal of each grid row (deal_id, as_of), sorted by both; null or NaN where one has no value."""
    lazy = {name: table.lazy() for name, table in tables.items()}
    currencies = pl.Enum(tables["deals"]["currency"].unique())
    deals = _deals(lazy["deals"], lazy["accounts"], currencies).collect()
    rows, talked, changed = pl.collect_all(
        [
            _rows(grid.lazy(), deals.lazy()),
            talks.numbered(lazy["interactions"], deals.lazy(), tables["contacts"]),
            changes.ordered(lazy["deal_changes"], deals.lazy()),
        ]
    )
    owners = pl.Enum(changed.filter(pl.col("field") == "owner_id")["new_value"].drop_nulls().unique())
    entered = changes.stages(changed.lazy(), lazy["stages"]).collect()
    known = pl.collect_all(
        [
            talks.running(talked.lazy()),
            talks.planned(rows.lazy(), talked.lazy()),
            changes.moves(entered.lazy()),
            changes.amounts(changed.lazy()),
            changes.close_dates(changed.lazy()),
            changes.owners(changed.lazy(), owners),
        ]
    )
    spoken, ahead, *fields = known
    of_talks, of_changes = pl.collect_all(
        [
            talks.asked_of(rows.lazy(), spoken.lazy()),
            changes.asked_of(rows.lazy(), *(one.lazy() for one in fields)),
        ]
    )
    users = _users(lazy["users"], owners).collect()
    moments = _moments(rows.lazy(), of_changes.lazy(), users.lazy()).collect()
    crossing = _crossing(
        fields, entered, spoken, deals, users, norms.rates(lazy["fx_rates"], currencies, currency).collect()
    )
    months = tables["calendar"].filter(pl.col("setting") == "fiscal_year_start_month")["value"]
    parts = [
        rows.lazy().select("deal_id", "as_of", changes.days_to_quarter_end(int(months[-1]) if len(months) else 1)),
        talks.signals_of(of_talks.lazy()),
        ahead.lazy(),
        changes.signals_of(of_changes.lazy()),
        norms.signals_of(norms.asked_of(moments.lazy(), crossing)),
    ]
    return _compared(pl.concat(parts, how="horizontal")).collect()


def _codes(*names: str) -> pl.Expr:
    """Names as integers, which as-of joins tell apart faster; they stand for the same names within one frame only."""
    return pl.col(*names).cast(pl.Categorical).to_physical()


def _deals(deals: pl.LazyFrame, accounts: pl.LazyFrame, currencies: pl.Enum) -> pl.LazyFrame:
    """Deals by number, in the order of their ids, with their groups as codes."""
    return (
        deals.join(accounts, on="account_id", how="left")
        .sort("deal_id")
        .with_row_index("deal")
        .select(
            "deal_id",
            "pipeline_id",
            microseconds("created_at"),
            _codes(*norms.SEGMENTS),
            currency=pl.col("currency").cast(currencies).to_physical(),
            deal=pl.col("deal").cast(pl.Int64),
            account=_codes("account_id"),
            pipeline=_codes("pipeline_id"),
        )
    )


def _rows(grid: pl.LazyFrame, deals: pl.LazyFrame) -> pl.LazyFrame:
    """The grid by deal and instant."""
    return (
        grid.join(deals.drop("pipeline_id"), on="deal_id", maintain_order="left")
        .with_columns(at=microseconds("as_of"))
        .sort("deal", "at")
        .with_columns(key(pl.col("at")))
        .with_row_index("row")
    )


def _users(users: pl.LazyFrame, owners: pl.Enum) -> pl.LazyFrame:
    """Team and manager of each owner, as codes."""
    return users.unique("user_id", keep="first").select(
        _codes("team"), owner=pl.col("user_id").cast(owners, strict=False).to_physical(), manager=_codes("manager_id")
    )


def _moments(rows: pl.LazyFrame, of_changes: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """The grid by instant, with every group to which a row belongs."""
    groups = rows.select("row", "at", "currency", "account", "pipeline", *norms.SEGMENTS)
    together = pl.concat([groups, of_changes.select("stage", "owner")], how="horizontal")
    return together.join(users, on="owner", how="left", maintain_order="left").sort("at")


def _crossing(
    fields: list[pl.DataFrame],
    entered: pl.DataFrame,
    spoken: pl.DataFrame,
    deals: pl.DataFrame,
    users: pl.DataFrame,
    rates: pl.DataFrame,
) -> dict[str, pl.LazyFrame]:
    """What the deals add to the norms."""
    moves, amounts, _, owners = (one.lazy() for one in fields)
    closed = norms.closings(moves, owners, deals.lazy(), users.lazy()).collect().lazy()
    made = {
        "passed": norms.stages_passed(closed, entered.lazy()),
        "load": norms.load(moves, owners),
        "first_amounts": norms.first_amounts(amounts, owners, deals.lazy(), rates.lazy()),
        "medians stage": medians(
            moves.filter("forward", pl.col("days") >= 0).select("known", "days", group="moved_from_stage")
        ),
        "medians pipeline": medians(
            spoken.lazy()
            .filter(pl.col("answer_us").is_not_null())
            .join(deals.lazy(), on="deal")
            .select("known", group="pipeline", days=pl.col("answer_us") / DAY)
        ),
    }
    frames = pl.collect_all(list(made.values()))
    return {"closings": closed, "rates": rates.lazy()} | {
        name: frame.lazy() for name, frame in zip(made, frames, strict=True)
    }


def _compared(found: pl.LazyFrame) -> pl.LazyFrame:
    """Those signals that hold what a deal's own facts say against a norm."""
    first, amount = pl.col("first_amount") * pl.col("rate"), pl.col("amount") * pl.col("rate")
    return found.with_columns(
        amount=amount,
        amount_vs_first=pl.when(first > 0).then(amount / first),
        amount_vs_size=amount / pl.col("typical size"),
        amount_vs_owner=amount / pl.col("typical owner"),
        days_in_stage_vs_norm=pl.col("days_in_stage") / pl.col("usual stage"),
        days_unanswered_vs_norm=pl.col("days_unanswered") / pl.col("usual pipeline"),
    ).drop("first_amount", "rate", "usual stage", "usual pipeline", "typical size", "typical owner")
