"""How long something usually takes by group, as known at each week's start: medians of counted times.

Times are counted in bins of one percent, as the kernel counts them: a median of all times so far, week by week, from
the times themselves would take weeks times times.
"""

import polars as pl
from polars_peer.facts import DAY

MONDAY = 4
"""1970-01-05, in days, was a Monday."""
MINIMUM = 20
"""Times needed before a group has a median of its own."""
_PER_E_FOLD, _HOURS = 100, 24


def medians(times: pl.LazyFrame) -> pl.LazyFrame:
    """Medians of ``days`` by ``group``, and of all in group -1; one row per group and week's start ``at``.

    Null where fewer than ``MINIMUM`` were known. A time counts from the start of the week after its day.
    """
    week = (pl.col("known") // DAY - MONDAY) // 7 + 1
    bins = ((pl.col("days") * _HOURS).log1p() * _PER_E_FOLD).round(mode="half_to_even").cast(pl.Int32)
    each = times.select(pl.col("group").cast(pl.Int64), week=week, bin=bins)
    by_group = each.group_by("group", "week", "bin").agg(n=pl.len().cast(pl.Int64))
    of_all = by_group.group_by("week", "bin").agg(pl.col("n").sum()).with_columns(group=pl.lit(-1, pl.Int64))
    counts = pl.concat([by_group.filter(pl.col("group").is_not_null()), of_all], how="diagonal")
    weeks = counts.select(pl.col("week").unique())
    every = counts.select("group", "bin").unique().join(weeks, how="cross")
    so_far = (
        every.join(counts, on=["group", "week", "bin"], how="left")
        .sort("group", "bin", "week")
        .select("group", "week", "bin", n=pl.col("n").fill_null(0).cum_sum().over("group", "bin"))
        .sort("group", "week", "bin")
        .with_columns(
            reached=pl.col("n").cum_sum().over("group", "week"), total=pl.col("n").sum().over("group", "week")
        )
    )
    middle = so_far.filter(2 * pl.col("reached") >= pl.col("total")).group_by("group", "week", maintain_order=True)
    bins = middle.agg(pl.col("bin", "total").first()).sort("week")
    days = ((pl.col("bin") / _PER_E_FOLD).exp() - 1) / _HOURS
    return bins.select(
        "group", at=(MONDAY + pl.col("week") * 7) * DAY, usual=pl.when(pl.col("total") >= MINIMUM).then(days)
    )


def usual_days(moments: pl.LazyFrame, group: str, medians: pl.LazyFrame) -> pl.LazyFrame:
    """The median of each row's group at the last week's start, or that of all; ``moments`` are sorted by ``at``."""
    asked = moments.select("at", group=pl.col(group).cast(pl.Int64))
    own = asked.join_asof(medians, on="at", by="group", check_sortedness=False)
    of_all = asked.join_asof(medians.filter(pl.col("group") == -1).select("at", all="usual"), on="at")
    return pl.concat([own.select("usual"), of_all.select("all")], how="horizontal").select(
        pl.coalesce("usual", "all").clip(0.01).alias(f"usual {group}")
    )
