"""Changes of a deal's stage, amount, close date and owner: what was in effect, and how it had moved."""

import polars as pl
from polars_peer.facts import DAY, SAME_DEAL, key, last_where, microseconds, own_before

CATEGORIES = pl.Enum(["open", "won", "lost"])
OPEN, WON = 0, 1
FIELDS = ("stage", "amount", "close_date", "owner_id")
TOOK_EFFECT = pl.col("rank") == pl.col("rank").cum_max()
"""Whether no newer change of the field was entered before; one entered late leaves the newer one in effect."""
_MONTH_OF_DAYS, _WEEK_OF_DAYS = 30, 7


def ordered(changes: pl.LazyFrame, deals: pl.LazyFrame) -> pl.LazyFrame:
    """Changes by deal in the order of entry; ``rank`` is their place in the order in which they took effect."""
    known = pl.max_horizontal(microseconds("known_at"), "created_at")
    return (
        changes.filter(pl.col("field").is_in(FIELDS))
        .join(deals.select("deal_id", "deal", "created_at", "pipeline_id"), on="deal_id", maintain_order="left")
        .select(
            "deal", "field", "pipeline_id", "seq", "old_value", "new_value", microseconds("changed_at"), known=known
        )
        .sort("deal", "changed_at", "seq")
        .with_row_index("rank")
        .sort("deal", "known", "rank")
        .with_columns(key(pl.col("known")))
    )


def stages(changes: pl.LazyFrame, names: pl.LazyFrame) -> pl.LazyFrame:
    """Entries into stages that their pipelines have, in the order of entry; ``place`` counts them."""
    numbers = names.select(
        "pipeline_id",
        pl.int_range(pl.len(), dtype=pl.Int16).alias("stage"),
        pl.col("position").cast(pl.Int64),
        new_value="stage",
        category=pl.col("category").cast(CATEGORIES).to_physical().cast(pl.Int8),
    )
    mine = changes.filter(pl.col("field") == "stage")
    return mine.join(numbers, on=["pipeline_id", "new_value"], maintain_order="left").with_row_index("place")


def moves(stages: pl.LazyFrame) -> pl.LazyFrame:
    """Stages that took effect, each judged by the one before, with running counts by deal."""
    effective = stages.filter(TOOK_EFFECT)
    from_open = SAME_DEAL & (pl.col("category").shift() == OPEN)
    step = pl.when(from_open & (pl.col("category") == OPEN)).then(pl.col("position") - pl.col("position").shift())
    return (
        effective.with_columns(step=step.fill_null(0), from_open=from_open.fill_null(False))
        .with_columns(
            forward=(pl.col("step") > 0) | (pl.col("from_open") & (pl.col("category") == WON)),
            moved=pl.col("from_open") & (pl.col("stage") != pl.col("stage").shift()),
            moved_from=pl.col("position").shift(),
            moved_from_stage=pl.col("stage").shift(),
            days=(pl.col("changed_at") - pl.col("changed_at").shift()) / DAY,
        )
        .with_columns(moved_at=last_where(pl.col("moved"), pl.col("known")))
        .with_columns(
            pl.col("forward").cum_sum().over("deal").alias("forward_moves"),
            (pl.col("step") < 0).cum_sum().over("deal").alias("backward_moves"),
            pl.col("moved").cum_sum().over("deal").alias("moves_ever"),
            pl.col("step").clip(0).cum_sum().over("deal").alias("steps"),
            (pl.col("step") - 1).clip(0).cum_sum().over("deal").alias("skipped_stages"),
            forward_at=last_where(pl.col("forward"), pl.col("known")),
            last_days=last_where(pl.col("moved"), pl.col("days")),
            last_position=last_where(pl.col("moved"), pl.col("moved_from")),
            last_gap=last_where(pl.col("moved"), pl.col("known") - pl.col("moved_at").shift()),
        )
    )


def values(changes: pl.LazyFrame, field: str) -> pl.LazyFrame:
    """Changes of one field in the order of entry, each with the place of the change in effect once it is known."""
    place = pl.int_range(pl.len())
    first = SAME_DEAL.not_().fill_null(True)
    return changes.filter(pl.col("field") == field).with_columns(
        newest=last_where(TOOK_EFFECT, place), so_far=place - last_where(first, place) + 1
    )


def owners(changes: pl.LazyFrame, names: pl.Enum) -> pl.LazyFrame:
    """Owners in effect as codes, since when, and how many there had been."""
    code = pl.col("new_value").cast(names).to_physical()
    return values(changes, "owner_id").select(
        "deal",
        "key",
        "known",
        owner=code.gather(pl.col("newest")),
        since=pl.when(pl.col("new_value").is_not_null()).then("changed_at").gather(pl.col("newest")),
        owners="so_far",
    )


def amounts(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Amounts in effect, the ones whose place they took, the first one, and how many there had been."""
    read = pl.col("new_value").cast(pl.Float64, strict=False)
    before = pl.when(SAME_DEAL).then(read.gather(pl.col("newest")).shift())
    return values(changes, "amount").select(
        "deal",
        "key",
        "known",
        amount=read.gather(pl.col("newest")),
        amount_before=before.gather(pl.col("newest")),
        first_amount=last_where(pl.col("so_far") == 1, read.fill_null(float("nan"))),
        amounts="so_far",
    )


def close_dates(changes: pl.LazyFrame) -> pl.LazyFrame:
    """Close dates in effect (days from 1970), how far ahead they were set, and how they were pushed later."""
    old, new = (pl.col(name).str.to_date("%Y-%m-%d").cast(pl.Int32) for name in ("old_value", "new_value"))
    pushed, ahead = (new - old).clip(0).fill_null(0), new - pl.col("changed_at") / DAY
    return (
        values(changes, "close_date")
        .with_columns(
            close_day=new.gather(pl.col("newest")),
            planned=ahead.gather(pl.col("newest")),
            planned_first=last_where(pl.col("so_far") == 1, ahead.fill_null(float("nan"))),
            pushed=pushed,
        )
        .select(
            "deal",
            "key",
            "close_day",
            "planned",
            "planned_first",
            (pl.col("pushed") > 0).cum_sum().over("deal").alias("pushes"),
            pl.col("pushed").cum_sum().over("deal").alias("pushed_days"),
            pushed_at=last_where(pl.col("pushed") > 0, pl.col("known")),
        )
    )


def asked_of(
    grid: pl.LazyFrame, moves: pl.LazyFrame, amounts: pl.LazyFrame, dates: pl.LazyFrame, owners: pl.LazyFrame
) -> pl.LazyFrame:
    """What each grid row knows of its own stage, amount, close date and owner."""
    counts = ("forward_moves", "backward_moves", "moves_ever", "steps", "skipped_stages")
    last = ("forward_at", "last_days", "last_position", "last_gap")
    month_before = grid.select("deal", key(pl.col("at") - _MONTH_OF_DAYS * DAY))
    earlier = own_before(month_before, moves, "forward_moves").rename({"forward_moves": "forward_moves_before"})
    parts = [
        grid.select("at", "created_at"),
        own_before(grid, moves, "stage", "position", "changed_at", *counts, *last),
        earlier.fill_null(0),
        own_before(grid, amounts, "amount", "amount_before", "first_amount", "amounts"),
        own_before(grid, dates, "close_day", "planned", "planned_first", "pushes", "pushed_days", "pushed_at"),
        own_before(grid, owners, "owner", "since", "owners"),
    ]
    return pl.concat(parts, how="horizontal")


def signals_of(known: pl.LazyFrame) -> pl.LazyFrame:
    """The signals that need nothing but the deal's own changes."""
    at = pl.col("at")
    age = (at - pl.col("created_at")) / DAY
    to_close = pl.col("close_day") - at / DAY
    moved = pl.when(pl.col("moves_ever") > 0)
    return known.select(
        pl.col("forward_moves", "backward_moves", "skipped_stages", "moves_ever", "pushes", "pushed_days").fill_null(0),
        "amount",
        "first_amount",
        amount_vs_last=pl.when(pl.col("amount_before") > 0).then(pl.col("amount") / pl.col("amount_before")),
        stage_position="position",
        days_in_stage=(at - pl.col("changed_at")) / DAY,
        forward_moves_30d=pl.col("forward_moves").fill_null(0) - pl.col("forward_moves_before"),
        days_since_forward_move=pl.when(pl.col("forward_moves") > 0).then((at - pl.col("forward_at")) / DAY),
        stages_per_month=pl.col("steps").fill_null(0) * _MONTH_OF_DAYS / age.clip(_WEEK_OF_DAYS),
        days_in_last_stage=moved.then("last_days"),
        last_stage_position=moved.then("last_position"),
        days_between_last_moves=pl.when(pl.col("moves_ever") > 1).then(pl.col("last_gap") / DAY),
        amount_changes=(pl.col("amounts").fill_null(0) - 1).clip(0),
        owner_changes=(pl.col("owners").fill_null(0) - 1).clip(0),
        days_with_owner=(at - pl.col("since")) / DAY,
        age_days=age,
        days_to_close_date=to_close,
        overdue_days=(-to_close - 1).clip(0),
        days_planned="planned",
        days_planned_first="planned_first",
        days_since_push=pl.when(pl.col("pushes") > 0).then((at - pl.col("pushed_at")) / DAY),
    )


def days_to_quarter_end(start_month: int) -> pl.Expr:
    """Days to the end of the fiscal quarter, for a year that starts in this month (1 to 12)."""
    day = pl.from_epoch("at", time_unit="us")
    month = day.dt.year() * 12 + day.dt.month() - 1
    after = month - (month - (start_month - 1)) % 3 + 3
    end = pl.date(after // 12, after % 12 + 1, 1).cast(pl.Int32)
    return (end - pl.col("at") / DAY).alias("days_to_quarter_end")
