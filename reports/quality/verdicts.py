"""The verdicts: one line for each thing that is good, or that needs attention and what to do about it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from reports.quality.extent import Extent
from reports.quality.fields import Fill
from reports.quality.findings import Finding, in_percent
from reports.quality.lateness import Lateness
from reports.quality.signals import Coverage

# From here on a finding is worth a line at the top; below it is told in its place only.
_MANY_DEALS, _MANY_ORDERS, _MANY_LATE = 0.05, 0.01, 0.1
_STALE_DAYS = 7
_MAX_NAMES = 6


@dataclass(frozen=True)
class Verdict:
    """One line: whether it is good or needs attention, what was found, and what to do (empty where nothing)."""

    level: Literal["good", "attention"]
    says: str
    advice: str = ""


def verdicts(
    extent: Extent,
    without_history: Sequence[Finding],
    orders: Sequence[Finding],
    lateness: Sequence[Lateness],
    fields: Sequence[Fill],
    signals: Sequence[Coverage],
) -> tuple[Verdict, ...]:
    """Judge the parts of a report; what needs attention comes first, each in the order of the report."""
    if not extent.n_deals:
        says = "No deal was known before this instant, so there is nothing to judge."
        return (*_left_out(extent), Verdict("attention", says, "Import some with `plumbline import`."))
    found = [
        *_enough(extent),
        *_fresh(extent),
        *_left_out(extent),
        *_histories(without_history),
        *_orders(orders),
        *_logging(lateness),
        *_filling(fields),
        *_signals(signals),
    ]
    return tuple(sorted(found, key=lambda verdict: verdict.level != "attention"))


def _enough(extent: Extent) -> Iterator[Verdict]:
    counts = f"{extent.n_won_to_learn_from:,} won and {extent.n_lost_to_learn_from:,} lost deals were seen open"
    needed = f"{extent.needed_closed} in all and {extent.needed_of_each} of each are needed to train"
    if extent.enough_to_train:
        yield Verdict("good", f"There is enough to train: {counts} before they closed; {needed}.")
        return
    closed = f"(of {extent.n_won:,} won and {extent.n_lost:,} lost)"
    yield Verdict(
        "attention",
        f"There is not enough to train: only {counts} at a week's start before they closed {closed}; {needed}.",
        "Import older closed deals with their stage history, or import daily and wait: until then a score is its"
        " stage's past win rate.",
    )


def _fresh(extent: Extent) -> Iterator[Verdict]:
    days = extent.days_since_last_fact or 0
    if days > _STALE_DAYS:
        says = f"Nothing new became known in the {days:,.0f} days before this report."
        yield Verdict("attention", says, "Import again, best every day: scores are as fresh as what they read.")


def _left_out(extent: Extent) -> Iterator[Verdict]:
    if extent.n_left_out:
        yield Verdict(
            "attention",
            f"Changes and interactions left out: {extent.n_left_out:,}. They became known at this instant or later, or"
            " their deal was not there yet.",
            "That is right for a report about the past; in one about now, check the export's dates and time zones.",
        )


def _histories(findings: Sequence[Finding]) -> Iterator[Verdict]:
    many = [one for one in findings if (one.share or 0) >= _MANY_DEALS]
    for one in many:
        yield Verdict("attention", f"{_told(one)}.", one.advice)
    if not many:
        yield Verdict("good", f"Fewer than {_MANY_DEALS:.0%} of the deals lack a stage, later changes or interactions.")


def _orders(findings: Sequence[Finding]) -> Iterator[Verdict]:
    found = [one for one in findings if one.n]
    many = [one for one in found if (one.share or 0) >= _MANY_ORDERS]
    for one in many:
        yield Verdict("attention", f"{_told(one)}.", one.advice)
    if found and not many:
        yield Verdict("good", f"Hardly any fact is in an impossible order: {sum(one.n for one in found):,} in all.")
    if not found:
        yield Verdict("good", "No fact is in an impossible order.")


def _logging(lateness: Sequence[Lateness]) -> Iterator[Verdict]:
    whole = lateness[0]
    if not whole.n:
        return
    if whole.n_at_once == whole.n:
        yield Verdict(
            "attention",
            "Every interaction is known at the very instant it took place, so late logging cannot be seen.",
            "Map the time of entry (created date) of emails, calls and meetings to known_at: what was entered"
            " afterwards would otherwise look as if it had been known in time.",
        )
        return
    slow = [one for one in lateness[1:] if (one.share_late or 0) >= _MANY_LATE]
    says = f"{in_percent(whole.share_late)} of the interactions were logged more than a day after they took place"
    if not slow:
        yield Verdict("good", f"{says}.")
        return
    yield Verdict(
        "attention",
        f"{says}: " + ", ".join(f"{in_percent(one.share_late)} of {one.kind}s" for one in slow) + ".",
        "No score could see them in time: log as you go, or let the CRM collect emails and calendars by itself.",
    )


def _filling(fields: Sequence[Fill]) -> Iterator[Verdict]:
    bare = [fill for fill in fields if fill.never or fill.rare]
    if not bare:
        yield Verdict("good", "Every field is filled in more than a few rows.")
        return
    yield Verdict(
        "attention",
        f"Fields never or almost never filled: {len(bare)} ({_names([_place(fill) for fill in bare])}).",
        "Map those that your CRM has; the others do no harm, but what they would tell is missing.",
    )


def _signals(signals: Sequence[Coverage]) -> Iterator[Verdict]:
    n_open = signals[0].of
    if n_open < 2:
        says = "One deal is open" if n_open else "No deal is open"
        yield Verdict(
            "attention", f"{says}, so it cannot be seen whether signals tell deals apart.", "Import open deals."
        )
        return
    silent = [one.name for one in signals if one.silent]
    same = [one.name for one in signals if one.same_for_all]
    if not silent and not same:
        yield Verdict("good", f"Every one of the {len(signals)} signals tells the {n_open:,} open deals apart.")
        return
    parts = [(silent, "without any value"), (same, "the same for every open deal")]
    told = "; ".join(f"{what}, {len(names)} ({_names(names)})" for names, what in parts if names)
    yield Verdict(
        "attention",
        f"Of {len(signals)} signals, some say nothing: {told}.",
        "They add nothing to a score. Where the CRM has what they are made of, map it; see the fields above.",
    )


def _place(fill: Fill) -> str:
    where = {"column": fill.table, "change": "deal", "attribute": "attributes"}[fill.what]
    return f"{where}.{fill.field}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(names[:_MAX_NAMES]) + more


def _told(finding: Finding) -> str:
    return f"{finding.title}: {finding.n:,} of {finding.of:,} {finding.unit} ({in_percent(finding.share)})"
