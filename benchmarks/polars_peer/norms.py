"""What crosses deals, as of each grid row: win rates, load, typical amounts, usual times. Running sums by group."""

import polars as pl
from polars_peer.changes import OPEN, WON
from polars_peer.facts import DAY, SAME_DEAL, key, own_before
from polars_peer.usual_times import usual_days

SEGMENTS = ("source", "deal_type", "industry", "size", "region")
PRIOR_DEALS = 20
_ALWAYS = -(2**60)


def closings(moves: pl.LazyFrame, owners: pl.LazyFrame, deals: pl.LazyFrame, users: pl.LazyFrame) -> pl.LazyFrame:
    """One row per closing and, with -1, per closing taken back; with the deal's groups and its owner at the closing."""
    owner = own_before(moves, owners, "owner", or_at=True)
    ends = pl.concat([moves.select("deal", "place", "known", "category"), owner], how="horizontal")
    columns = ("place", "category", "owner")
    reopened = ends.select("deal", "known", *(pl.when(SAME_DEAL).then(pl.col(name).shift()) for name in columns))
    both = pl.concat([ends.with_columns(closed=1), reopened.with_columns(closed=-1)], how="diagonal")
    return (
        both.filter(pl.col("category") != OPEN)
        .with_columns(won=pl.when(pl.col("category") == WON).then("closed").otherwise(0))
        .join(deals.select("deal", "account", *SEGMENTS), on="deal")
        .join(users, on="owner", how="left")
        .sort("known")
    )


def stages_passed(closings: pl.LazyFrame, stages: pl.LazyFrame) -> pl.LazyFrame:
    """One row per closing and stage that the deal was known to have been in before it."""
    entered = stages.group_by("deal", "stage").agg(entered=pl.col("place").min())
    passed = closings.select("deal", "place", "known", "won", "closed").join(entered, on="deal")
    return passed.filter(pl.col("entered") < pl.col("place")).sort("known")


def load(moves: pl.LazyFrame, owners: pl.LazyFrame) -> pl.LazyFrame:
    """One up when an owner gets an open deal, one down when it leaves them or closes."""
    news = pl.concat([moves.select("deal", "known"), owners.select("deal", "known")]).unique().sort("deal", "known")
    news = news.with_columns(key(pl.col("known")))
    found = [own_before(news, moves, "category", or_at=True), own_before(news, owners, "owner", or_at=True)]
    holders = pl.concat([news.select("deal", "known"), *found], how="horizontal").with_columns(
        holder=pl.when(pl.col("category") == OPEN).then("owner")
    )
    handed = holders.with_columns(left=pl.when(SAME_DEAL).then(pl.col("holder").shift())).filter(
        pl.col("holder").ne_missing(pl.col("left"))
    )
    up = handed.select("known", owner="holder", open=pl.lit(1))
    down = handed.select("known", owner="left", open=pl.lit(-1))
    return pl.concat([up, down]).sort("known")


def rates(quotes: pl.LazyFrame, currencies: pl.Enum, currency: str) -> pl.LazyFrame:
    """Rates to the reporting currency, each known at its day's last microsecond; a direct quote before an inverse."""
    given = quotes.filter(pl.col("rate") > 0, pl.col("currency") != pl.col("quote_currency")).with_columns(
        known=(pl.col("day").str.to_date("%Y-%m-%d").cast(pl.Int64) + 1) * DAY - 1
    )
    direct = given.filter(pl.col("quote_currency") == currency).select("currency", "known", "rate")
    inverse = given.filter(pl.col("currency") == currency).select(
        "known", currency="quote_currency", rate=1 / pl.col("rate")
    )
    always = pl.LazyFrame({"currency": currency, "known": _ALWAYS, "rate": 1.0})
    together = pl.concat([always, inverse, direct], how="diagonal").sort("known", maintain_order=True)
    return together.with_columns(pl.col("currency").cast(currencies, strict=False).to_physical())


def first_amounts(
    amounts: pl.LazyFrame, owners: pl.LazyFrame, deals: pl.LazyFrame, rates: pl.LazyFrame
) -> pl.LazyFrame:
    """The first amount of each deal in the reporting currency, with its size and its owner then."""
    first = amounts.filter(pl.col("amounts") == 1)
    owner = own_before(first, owners, "owner", or_at=True)
    of_deals = deals.select("deal", "size", "currency")
    known = pl.concat([first.select("deal", "known", "first_amount"), owner], how="horizontal").join(
        of_deals, on="deal"
    )
    worth = pl.col("first_amount") * pl.col("rate")
    return (
        known.sort("known")
        .join_asof(rates, on="known", by="currency", allow_exact_matches=False, check_sortedness=False)
        .filter(worth > 0)
        .select("known", "size", "owner", log=worth.log(), n=pl.lit(1))
    )


def sums(moments: pl.LazyFrame, facts: pl.LazyFrame, by: str, **columns: str) -> pl.LazyFrame:
    """Running sums of the group's facts known before each moment; both are sorted by time."""
    running = facts.filter(pl.col(by).is_not_null()).select(
        by, "known", *(pl.col(name).cum_sum().over(by).alias(called) for called, name in columns.items())
    )
    found = moments.select("at", by).join_asof(
        running, left_on="at", right_on="known", by=by, allow_exact_matches=False, check_sortedness=False
    )
    return found.select(pl.col(*columns).fill_null(0))


def asked_of(moments: pl.LazyFrame, known: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    """Every norm at each moment (the grid's rows by ``at``), in their order."""
    closed = known["closings"]
    of_all = closed.select("known", pl.col("won").cum_sum(), pl.col("closed").cum_sum())
    overall = moments.select("at").join_asof(of_all, left_on="at", right_on="known", allow_exact_matches=False)
    parts = [moments.select("row"), overall.select(all_won="won", all_closed="closed")]
    for by in (*SEGMENTS, "account", "owner", "team", "manager"):
        parts.append(sums(moments, closed, by, **{f"won {by}": "won", f"closed {by}": "closed"}))
    parts.append(sums(moments, known["passed"], "stage", **{"won stage": "won", "closed stage": "closed"}))
    parts.append(sums(moments, known["load"], "owner", open="open"))
    for by in ("size", "owner"):
        parts.append(sums(moments, known["first_amounts"], by, **{f"log {by}": "log", f"n {by}": "n"}))
    rate = moments.select("at", "currency").join_asof(
        known["rates"],
        left_on="at",
        right_on="known",
        by="currency",
        allow_exact_matches=False,
        check_sortedness=False,
    )
    parts.append(rate.select("rate"))
    parts += [usual_days(moments, by, known[f"medians {by}"]) for by in ("stage", "pipeline")]
    return pl.concat(parts, how="horizontal").sort("row")


def signals_of(norms: pl.LazyFrame) -> pl.LazyFrame:
    """The signals that are norms themselves, and those that others are held against."""
    overall = pl.col("all_won") / pl.col("all_closed")

    def rate(by: str) -> pl.Expr:
        return (pl.col(f"won {by}") + PRIOR_DEALS * overall) / (pl.col(f"closed {by}") + PRIOR_DEALS)

    return norms.select(
        *(rate(by).alias(f"{by}_win_rate") for by in (*SEGMENTS, "stage", "owner", "team", "manager")),
        "rate",
        "usual stage",
        "usual pipeline",
        *((pl.col(f"log {by}") / pl.col(f"n {by}")).exp().alias(f"typical {by}") for by in ("size", "owner")),
        account_won="won account",
        account_lost=pl.col("closed account") - pl.col("won account"),
        owner_closed_deals="closed owner",
        owner_open_deals="open",
    )
