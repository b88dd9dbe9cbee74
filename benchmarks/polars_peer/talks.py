"""Interactions: counted in windows, dated, answered, and those planned ahead."""

import polars as pl
from polars_peer.facts import DAY, before, key, last_where, microseconds

KINDS = pl.Enum(["email", "call", "meeting", "note", "task"])
SIDES = pl.Enum(["inbound", "outbound"])
SENIOR = ("director", "executive")
COUNTED = (
    "inbound_emails",
    "outbound_emails",
    "inbound_calls",
    "outbound_calls",
    "meetings",
    "notes",
    "tasks",
    "interactions",
)
WINDOWS = (7, 14, 30, 90)
_EVER = (
    "contacts",
    "senior_contacts",
    "senior_meetings",
    "users",
    "handovers",
    "inbound",
    "outbound",
    "replies",
    "reply_us",
    "our_replies",
    "our_reply_us",
)
_LAST = (
    *(f"{what}_{back}" for what in ("known", "way") for back in (1, 2, 3)),
    "first_known",
    "inbound_at",
    "meeting_at",
    "senior_meeting_at",
    "side",
    "turn_at",
)
INBOUND, OUTBOUND, MEETING = 0, 1, KINDS.categories.to_list().index("meeting")


def numbered(interactions: pl.LazyFrame, deals: pl.LazyFrame, contacts: pl.DataFrame) -> pl.LazyFrame:
    """Interactions of the deals, with kind and direction as numbers and whom they were with as codes."""
    seniors = contacts.filter(pl.col("seniority").is_in(SENIOR))["contact_id"]
    of_deals = interactions.join(deals.select("deal_id", "deal"), on="deal_id", maintain_order="left")
    return of_deals.select(
        "deal",
        "interaction_id",
        microseconds("occurred_at", "known_at"),
        kind=pl.col("kind").cast(KINDS, strict=False).to_physical(),
        side=pl.col("direction").cast(SIDES, strict=False).to_physical(),
        senior=pl.col("contact_id").is_in(seniors.implode()),
        contact=pl.col("contact_id").cast(pl.Categorical).to_physical().cast(pl.Int64),
        user=pl.col("user_id").cast(pl.Categorical).to_physical().cast(pl.Int64),
    )


def running(talks: pl.LazyFrame) -> pl.LazyFrame:
    """One row per interaction in the order in which they were known, with running counts and what was last."""
    known = pl.max_horizontal("known_at", "occurred_at").alias("known")
    ordered = talks.with_columns(known).sort("deal", "known", "occurred_at", "interaction_id")
    return (
        ordered.with_columns(
            key(pl.col("known")),
            contact=pl.col("deal") * 2**32 + pl.col("contact"),
            user=pl.col("deal") * 2**32 + pl.col("user"),
            speaks=pl.col("deal") * 2 + pl.col("side"),
        )
        .with_columns(
            new_contact=pl.col("contact").is_first_distinct() & pl.col("contact").is_not_null(),
            new_user=pl.col("user").is_first_distinct() & pl.col("user").is_not_null(),
            last_user=pl.col("user").forward_fill().shift(),
            spoke=pl.col("speaks").forward_fill().shift(),
            first_known=last_where(pl.col("deal").ne_missing(pl.col("deal").shift()), pl.col("known")),
        )
        .with_columns(turn=pl.col("speaks").is_not_null() & pl.col("speaks").ne_missing(pl.col("spoke")))
        .with_columns(turn_at=last_where(pl.col("turn"), pl.col("known")))
        .with_columns(
            reply_us=pl.when(pl.col("turn") & (pl.col("spoke") // 2 == pl.col("deal"))).then(
                pl.col("known") - pl.col("turn_at").shift()
            )
        )
        .select("deal", "key", "known", "first_known", "turn_at", *_counts(), *_last(), _answers())
    )


def _counts() -> list[pl.Expr]:
    """Running counts over all interactions."""
    inbound, outbound = (pl.col("side").eq_missing(side) for side in (INBOUND, OUTBOUND))
    kinds = {f"{kind}s": pl.col("kind").eq_missing(place) for place, kind in enumerate(KINDS.categories)}
    answered = pl.col("reply_us").is_not_null()
    some = {
        "inbound": inbound,
        "outbound": outbound,
        **{f"inbound_{name}": kinds[name] & inbound for name in ("emails", "calls")},
        **{f"outbound_{name}": kinds[name] & outbound for name in ("emails", "calls")},
        **{name: kinds[name] for name in ("meetings", "notes", "tasks")},
        "senior": pl.col("senior"),
        "contacts": pl.col("new_contact"),
        "senior_contacts": pl.col("new_contact") & pl.col("senior"),
        "senior_meetings": kinds["meetings"] & pl.col("senior"),
        "users": pl.col("new_user"),
        "handovers": (pl.col("last_user") // 2**32 == pl.col("deal")) & (pl.col("user") != pl.col("last_user")),
        "replies": answered & inbound,
        "our_replies": answered & outbound,
    }
    times = {"reply_us": inbound, "our_reply_us": outbound}
    return [
        pl.int_range(1, pl.len() + 1, dtype=pl.UInt32).alias("interactions"),
        *(which.fill_null(False).cum_sum().alias(name) for name, which in some.items()),
        *(pl.when(of).then("reply_us").fill_null(0).cum_sum().alias(name) for name, of in times.items()),
    ]


def _last() -> list[pl.Expr]:
    """When the last three were known and what they were, and when the last of some were known."""
    way = (3 * pl.col("kind") + pl.col("side").fill_null(2)).cast(pl.Int8)
    return [
        *(pl.col("known").shift(back).alias(f"known_{back + 1}") for back in range(3)),
        *(way.shift(back).alias(f"way_{back + 1}") for back in range(3)),
        last_where(pl.col("side") == INBOUND, pl.col("known")).alias("inbound_at"),
        last_where(pl.col("kind") == MEETING, pl.col("known")).alias("meeting_at"),
        last_where((pl.col("kind") == MEETING) & pl.col("senior"), pl.col("known")).alias("senior_meeting_at"),
        pl.col("side").forward_fill(),
    ]


def _answers() -> pl.Expr:
    """After how long the customer answered with this interaction; null where it is no answer of theirs."""
    return pl.when(pl.col("side") == INBOUND).then("reply_us").alias("answer_us")


def asked_of(grid: pl.LazyFrame, talks: pl.LazyFrame) -> pl.LazyFrame:
    """What each grid row knows of its interactions; one as-of join per end of a window."""
    at, of_90 = pl.col("at"), ("inbound", "outbound", "senior", "senior_meetings")
    wanted = dict.fromkeys(WINDOWS, COUNTED) | {28: ("interactions",), 90: (*COUNTED, *of_90)}
    wanted[30] = (*COUNTED, "senior_meetings")
    parts = [before(grid.select(key(at)), talks, *COUNTED, "senior", *_EVER, *_LAST)]
    for days, columns in wanted.items():
        part = before(grid.select(key(at - days * DAY)), talks, *columns)
        parts.append(part.select(pl.all().name.suffix(f" {days}")))
    start = before(grid.select(key(0)), talks, *COUNTED, *_EVER)
    parts.append(start.select(pl.all().name.suffix(" start")))
    found = pl.concat([grid.select("at"), *parts], how="horizontal")
    in_window = {
        (name, days): pl.col(name) - pl.col(f"{name} {days}") for days, columns in wanted.items() for name in columns
    }
    return found.select(
        "at",
        *_LAST,
        *(count.alias(f"{name}_{days}d") for (name, days), count in in_window.items()),
        *((pl.col(name) - pl.col(f"{name} start")).alias(f"{name}_ever") for name in (*COUNTED, *_EVER)),
    )


def signals_of(known: pl.LazyFrame) -> pl.LazyFrame:
    """The signals of interactions, from what ``asked_of`` found."""
    at = pl.col("at")
    count, spoken = pl.col("interactions_ever"), pl.col("inbound_ever") + pl.col("outbound_ever")
    both = pl.col("inbound_90d") + pl.col("outbound_90d")
    nth = {back: pl.when(count >= back) for back in (1, 2, 3)}
    gap = {back: (pl.col(f"known_{back}") - pl.col(f"known_{back + 1}")) / DAY for back in (1, 2)}
    unanswered = pl.when(pl.col("side") == INBOUND).then(0.0).otherwise((at - pl.col("turn_at")) / DAY)
    return known.select(
        *(f"{name}_{window}" for name in COUNTED for window in (*(f"{days}d" for days in WINDOWS), "ever")),
        days_since_last_interaction=nth[1].then((at - pl.col("known_1")) / DAY),
        days_since_last_inbound=pl.when(pl.col("inbound_ever") > 0).then((at - pl.col("inbound_at")) / DAY),
        days_since_last_meeting=pl.when(pl.col("meetings_ever") > 0).then((at - pl.col("meeting_at")) / DAY),
        days_unanswered=pl.when(spoken > 0).then(unanswered),
        days_to_reply=_mean("reply_us_ever", "replies_ever"),
        days_to_our_reply=_mean("our_reply_us_ever", "our_replies_ever"),
        two_way_share_90d=pl.when(both > 0).then(pl.col("inbound_90d") / both),
        interactions_trend_14d=2 * pl.col("interactions_14d").cast(pl.Int64) - pl.col("interactions_28d"),
        contacts_ever="contacts_ever",
        senior_contacts_ever="senior_contacts_ever",
        senior_interactions_90d="senior_90d",
        senior_meetings_30d="senior_meetings_30d",
        senior_meetings_90d="senior_meetings_90d",
        senior_meetings_ever="senior_meetings_ever",
        days_since_last_senior_meeting=pl.when(pl.col("senior_meetings_ever") > 0).then(
            (at - pl.col("senior_meeting_at")) / DAY
        ),
        last_interaction=nth[1].then("way_1"),
        last_but_one_interaction=nth[2].then("way_2"),
        third_last_interaction=nth[3].then("way_3"),
        last_gap_days=nth[2].then(gap[1]),
        gap_before_days=nth[3].then(gap[2]),
        mean_gap_days=nth[2].then((pl.col("known_1") - pl.col("first_known")) / DAY / (count - 1)),
        users_ever="users_ever",
        handovers_ever="handovers_ever",
    )


def _mean(total: str, count: str) -> pl.Expr:
    return pl.when(pl.col(count) > 0).then(pl.col(total) / pl.col(count) / DAY)


def planned(grid: pl.LazyFrame, talks: pl.LazyFrame) -> pl.LazyFrame:
    """How many interactions lie ahead, and how far the next meeting is."""
    ahead = talks.filter(pl.col("occurred_at") > pl.col("known_at")).select("deal", "kind", "occurred_at", "known_at")
    parts = [grid.select("row")]
    for name in ("known_at", "occurred_at"):
        place = ahead.select(key(pl.col(name))).sort("key").with_columns(pl.int_range(1, pl.len() + 1).alias(name))
        parts.append(before(grid.select(key(pl.col("at"))), place, name))
    meetings = grid.select("row", "deal", "at").join(ahead.filter(pl.col("kind") == MEETING), on="deal")
    booked = meetings.filter(pl.col("known_at") < pl.col("at"), pl.col("at") <= pl.col("occurred_at"))
    following = booked.group_by("row").agg(days_to_next_meeting=(pl.col("occurred_at") - pl.col("at")).min() / DAY)
    counted = pl.concat(parts, how="horizontal").join(following, on="row", how="left", maintain_order="left")
    return counted.select("days_to_next_meeting", planned_ahead=pl.col("known_at") - pl.col("occurred_at"))
