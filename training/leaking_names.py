"""Names that say that a column is written when a deal closes, or kept up to date until then.

English only. A pattern asks for two words that mean a deal's course together ("days to close", "lost reason"), for a
single one ("days", "total", "lost") stands in the names of many honest columns.
"""

import re
from dataclasses import dataclass

_TIME = r"(?:days?|time|hours?|weeks?|months?)"
_COUNT = r"(?:n|num|number of|count of)"


@dataclass(frozen=True)
class NameRule:
    """What names of this kind look like, in lower-case words, and what such a column tells."""

    tells: str
    pattern: re.Pattern[str]


def _rule(tells: str, *patterns: str) -> NameRule:
    return NameRule(tells, re.compile("|".join(patterns)))


RULES = (
    _rule(
        "what was written when the deal closed",
        r"^(?:(?:is|was|date|time|deal|opportunity|hs) )*closed\b(?! (?:deals|opportunities))",
        r"\b(?:at|to|till|until|through|upon|after|before|since|days?|date|time) clos(?:e|ed|ing|ure)\b",
        r"\b(?:actual ?)?clos(?:e|ed|ing) ?"
        r"(?:date|day|time|month|quarter|year|value|amount|price|revenue|reason|notes?|comments?|status)\b",
    ),
    _rule(
        "how the deal ended",
        r"^(?:(?:deal|opportunity|opp|sales?|final) )*(?:outcome|result)$",
        r"^(?:(?:is|was|has|deal|opportunity|opp|hs) )*(?:won|lost)"
        r"(?: (?:at|on|by|to|date|time|day|flag|stage|status|amount|value|revenue|notes?|comments?|competitor))*$",
        r"^(?:win|won) (?:or )?(?:loss|lost)\b",
        r"\b(?:won|win|winning|lost|loss|losing|rejection|disqualification|cancell?ation) (?:reasons?|causes?)\b",
        r"\breasons? (?:for |of |we )?(?:won|win|winning|lost|loss|losing|closing|closed)\b",
    ),
    _rule(
        "how long the deal took, which its closing decides",
        rf"\belapsed {_TIME}\b|\b{_TIME} elapsed\b",
        r"\btotal days\b|\btotal time(?: (?:in|to|until|till|open|spent)\b|$)",
        rf"\b{_TIME} (?:in|to|until|till) (?:\w+ ){{0,2}}(?:stages?|pipeline|funnel|win|won|lose|lost|sale)\b",
        r"\bstage (?:duration|days?|age|time|length)\b",
        r"\bsales cycle(?: (?:duration|days?|time|length))?$|\bsales duration\b",
        r"^(?:deal|opportunity|opp) age\b|^age in days$",
    ),
    _rule(
        "which part of the deal's whole time, known only at its end",
        r"\bratio (?:of )?(?:days?|time)\b|\b(?:days?|time) ratio\b",
    ),
    _rule(
        "a count or date of the deal's course, which goes on until it closes",
        r"\bstages? (?:changes?|changed|updates?|moves?|transitions?|skips?|counts?)\b",
        rf"\b{_COUNT} (?:\w+ )?stages\b",
        r"\b(?:push(?:es)?|slips?|reopen\w*|activity|activities|touch(?:es|points?)?) counts?\b",
        rf"\b{_COUNT} (?:\w+ )?(?:pushes|slips|reopen\w*|activities|touches|touchpoints)\b",
    ),
    _rule(
        "what happened last, which the CRM overwrites until the export",
        r"\blast ?(?:activity|modified|modification|updated?|contacted|touch(?:ed)?|viewed)",
        r"^(?:modified|updated?|write) (?:at|on|by|date|time)\b",
    ),
)

_OF_ANOTHER_TIME = re.compile(
    r"\b(?:expected|planned|projected|target|targeted|forecast|forecasted|estimated|anticipated|desired|initial|"
    r"original|previous|prior|earlier|past)\b"
)
"""A plan, or an earlier deal: known before this one closes."""


def words(name: str) -> str:
    """The words of a column's name, in lower case.

    >>> words("Loss_Reason__c"), words("hsClosedAmountUSD"), words("Ratio (Days)")
    ('loss reason c', 'hs closed amount usd', 'ratio days')
    """
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return " ".join(re.findall(r"[^\W_]+", apart)).lower()


def telling_name(name: str) -> str | None:
    """Why the name alone gives a column away; None where it does not.

    >>> telling_name("days_to_close")
    'has "to close" in its name: what was written when the deal closed'
    >>> telling_name("days_payment_terms")
    >>> telling_name("expected_close_date")
    """
    written = words(name)
    if _OF_ANOTHER_TIME.search(written):
        return None
    for rule in RULES:
        if found := rule.pattern.search(written):
            return f'has "{found.group()}" in its name: {rule.tells}'
    return None
