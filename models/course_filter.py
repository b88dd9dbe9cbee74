"""From a deal's course to what it says of the deal's hidden kind and mood: the filter of a hidden Markov model.

A deal is of one of a few *kinds*, for good, and each day in one of a few *moods*; nobody sees either. Kind, mood and
stage decide what a day shows: how much is talked (Poisson counts by channel, times what the owner logs), how the deal
moves, and to what amount and close date are then changed. With x = (kind, mood) the filter keeps

    belief(x on d + 1) = sum over x' of belief(x' on d) P(facts of d | x') P(x on d + 1 | x', move of d),

scaled to sum 1 (Rabiner, 1989). Needs numpy and numba only, and reads nothing but what it is given: a logged model
carries a copy of this file, as it does of ``models/arithmetic.py``.

Axes are in the order kind, mood, stage, move. A course is decoded into rows, one for each working day on which the deal
was open.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np

MOST_DAYS, STAGE, CLOSED, OTHER_OWNER, TALK, AMOUNT, CLOSE_DATE = 64, 64, 80, 81, 82, 232, 237
"""Tokens, as in ``features/course.py``."""
FIRST_OWNER, LATER_OWNER = "owner: ", "later owner: "
"""Beginnings of lines of traits, as in ``features/traits.py``."""
STAY, FORWARD, BACK, WON, LOST = range(5)
AFTER = (0, 1, 2)
"""Moods change in one way after a day without a move, in another after one forward, in a third after one back."""
NONE = -1
MOST_OWNERS = 4
ROWS_TOGETHER = 65_536
"""Courses that are read together: what is worked out of each takes more memory than it does."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call, to run without Python's lock; kept on disk where some folder can be written.

    A copy in a logged model keeps nothing: what is compiled would lie among the model's files.
    """
    try:
        return numba.njit(nogil=True, cache=__name__.startswith("models."))(function)
    except RuntimeError:  # numba found no folder to keep it in, as in a read-only container
        return numba.njit(nogil=True)(function)


class Days(NamedTuple):
    """The days of some courses; one entry per course, or per row.

    Attributes
    ----------
    start, end : rows of each course
    place : the stage each course ends in
    stage : in the morning; move : by the evening; owner : how many there were before this one
    first, last : which of ``channel`` belong to a row
    amount, date : how the amount and the close date were changed, by step, the last time if several; 0 if not
    channel : of everything that was talked
    """

    start: np.ndarray
    end: np.ndarray
    place: np.ndarray
    stage: np.ndarray
    move: np.ndarray
    owner: np.ndarray
    first: np.ndarray
    last: np.ndarray
    amount: np.ndarray
    date: np.ndarray
    channel: np.ndarray


class Laws(NamedTuple):
    """What a day shows of each kind and mood.

    Attributes
    ----------
    log_rate : of each channel beside its usual rate; shape (channels, kinds, moods)
    exposure : rates summed over the channels of a group, on days without a move and on days with one; shape (groups,
        2, stages, kinds, moods)
    log_move : shape (kinds, moods, stages, moves)
    switch : P(mood tomorrow | kind, after which sort of move, mood today)
    log_amount, log_date : of each way to change amount and close date on a day with such a sort of move, 0 for none;
        shape (kinds, sorts of moves, stages, ways); on days without a move nothing is said of whether they change
    """

    log_rate: np.ndarray
    exposure: np.ndarray
    log_move: np.ndarray
    switch: np.ndarray
    log_amount: np.ndarray
    log_date: np.ndarray


def laws_of(card: Mapping[str, Any]) -> Laws:
    """The laws that a card holds."""
    return Laws(*(np.ascontiguousarray(card[name], np.float64) for name in Laws._fields))


def decoded(
    courses: Sequence[bytes], channel_of: Sequence[int], n_stages: int, closing: np.ndarray | None = None
) -> Days:
    """The rows of courses: a row for each day that is over, and for the one under way if the deal moved.

    Parameters
    ----------
    channel_of : channel of each token, ``NONE`` where it is none
    closing : for learning: the move with which each deal closed where its course ends; ``NONE`` if it did not
    """
    n, text = len(courses), np.frombuffer(b"".join(courses), np.uint8)
    offsets = np.append(0, np.cumsum([len(one) for one in courses])).astype(np.int64)
    days_passed = np.append(0, np.cumsum(np.where(text < MOST_DAYS, text + np.int64(1), 0)))
    most = np.diff(days_passed[offsets]) + 1
    start = np.cumsum(most) - most
    stage, move, amount, date = (np.empty(int(most.sum()), np.int8) for _ in range(4))
    owner, first, last = (np.empty(len(stage), np.int64) for _ in range(3))
    end, place, channel = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(len(text), np.int16)
    days = Days(start, end, place, stage, move, owner, first, last, amount, date, channel)
    closing = np.full(n, NONE) if closing is None else closing
    _decode(text, offsets, np.asarray(channel_of, np.int16), n_stages, closing, days)
    return days


@compiled
def _decode(
    text: np.ndarray, offsets: np.ndarray, channel_of: np.ndarray, n_stages: int, closing: np.ndarray, days: Days
) -> None:
    n_facts = 0
    for i in range(len(closing)):
        row, place, was, is_open, owner, begun = days.start[i], NONE, NONE, False, 0, n_facts
        amount, date = 0, 0
        for at in range(offsets[i], offsets[i + 1] + 1):
            token = NONE if at == offsets[i + 1] else np.int64(text[at])
            if token >= CLOSE_DATE:
                date = int(token) - CLOSE_DATE + 1
            elif token >= AMOUNT:
                amount = int(token) - AMOUNT + 1
            elif token >= TALK:
                if channel_of[token] >= 0:
                    days.channel[n_facts] = channel_of[token]
                    n_facts += 1
            elif token == OTHER_OWNER:
                owner += 1
            elif token >= STAGE:
                is_open = bool(token < CLOSED)
                if is_open:
                    place = min(int(token) - STAGE, n_stages - 1)
                    was = place if was < 0 else was  # a first stage, or the one it was opened again in, is no move
                else:
                    was = NONE
            elif is_open:
                closes = token < 0 and closing[i] >= 0
                for _ in range(1 if closes or (token < 0 and place != was) else token + 1):
                    days.stage[row], days.owner[row] = was, owner
                    days.move[row] = FORWARD if place > was else BACK if place < was else STAY
                    if closes:
                        days.move[row] = closing[i]
                    days.first[row], days.last[row] = begun, n_facts
                    days.amount[row], days.date[row] = amount, date
                    row, begun, was, amount, date = row + 1, n_facts, place, 0, 0
            else:  # what becomes known of a closed deal tells nothing of how it went
                begun, amount, date = n_facts, 0, 0
        days.end[i], days.place[i] = row, max(place, 0)


@compiled
def weigh(row: int, logs: np.ndarray, days: Days, laws: Laws, weight: np.ndarray) -> float:
    """P(facts of a row | kind, mood) into ``weight``, scaled so that the largest is 1; returns the scale's logarithm.

    ``logs`` is how much the deal's owners log, in turn, by group of channels.
    """
    stage, move, owner = days.stage[row], days.move[row], min(days.owner[row], len(logs) - 1)
    moved = 1 if move != STAY else 0  # what a move brings along is usual on its day
    n_kinds, n_moods = weight.shape
    most = -np.inf
    for kind in range(n_kinds):
        changed = 0.0
        if move <= BACK:
            changed = laws.log_amount[kind, move, stage, days.amount[row]]
            changed += laws.log_date[kind, move, stage, days.date[row]]
        for mood in range(n_moods):
            log = laws.log_move[kind, mood, stage, move] + changed
            for group in range(logs.shape[1]):
                log -= logs[owner, group] * laws.exposure[group, moved, stage, kind, mood]
            for fact in range(days.first[row], days.last[row]):
                log += laws.log_rate[days.channel[fact], kind, mood]
            weight[kind, mood] = log
            most = max(most, log)
    for kind in range(n_kinds):
        for mood in range(n_moods):
            weight[kind, mood] = np.exp(weight[kind, mood] - most)
    return most


@compiled
def is_quiet(row: int, days: Days) -> bool:
    """Whether a row shows nothing."""
    talked, changed = days.first[row] < days.last[row], days.amount[row] > 0 or days.date[row] > 0
    return not talked and not changed and days.move[row] == STAY


@compiled
def is_alike(row: int, days: Days) -> bool:
    """Whether a row shows what the row before it does: nothing, in the same stage, by the same owner."""
    quiet, quiet_before = is_quiet(row, days), is_quiet(row - 1, days)
    same = days.stage[row] == days.stage[row - 1] and days.owner[row] == days.owner[row - 1]
    return quiet and quiet_before and same


@compiled
def go_on(belief: np.ndarray, weight: np.ndarray, switch: np.ndarray, after: int, found: np.ndarray) -> float:
    """One step of the filter, of the formula above, into ``found``; returns the sum before scaling."""
    n_kinds, n_moods = belief.shape
    total = 0.0
    for kind in range(n_kinds):
        for mood in range(n_moods):
            total += belief[kind, mood] * weight[kind, mood]
    for kind in range(n_kinds):
        for then in range(n_moods):
            moved = 0.0
            for mood in range(n_moods):
                moved += belief[kind, mood] * weight[kind, mood] * switch[kind, after, mood, then]
            found[kind, then] = moved / total
    return total


@compiled
def _follow(days: Days, logs: np.ndarray, prior: np.ndarray, laws: Laws, belief: np.ndarray) -> None:
    """The belief at the end of each course."""
    weight, found = np.empty(prior.shape[1:]), np.empty(prior.shape[1:])
    for i in range(len(prior)):
        belief[i] = prior[i]
        for row in range(days.start[i], days.end[i]):
            if row == days.start[i] or not is_alike(row, days):
                weigh(row, logs[i], days, laws, weight)
            go_on(belief[i], weight, laws.switch, min(days.move[row], BACK), found)
            belief[i] = found


@compiled
def _expect(belief: np.ndarray, place: np.ndarray, chances: np.ndarray, found: np.ndarray) -> None:
    """The mean of each chance, P(first mood), P(last mood), then P(kind) of all but the last."""
    n_chances, n_kinds, n_moods = chances.shape[:3]
    for i in range(len(belief)):
        found[i] = 0.0
        for kind in range(n_kinds):
            for mood in range(n_moods):
                for chance in range(n_chances):
                    found[i, chance] += belief[i, kind, mood] * chances[chance, kind, mood, place[i]]
            found[i, n_chances] += belief[i, kind, 0]
            found[i, n_chances + 1] += belief[i, kind, n_moods - 1]
            if kind < n_kinds - 1:
                found[i, n_chances + 2 + kind] = belief[i, kind].sum()


def softmax(logits: np.ndarray) -> np.ndarray:
    """Shares that sum to 1 along the last axis."""
    odds = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return odds / odds.sum(axis=-1, keepdims=True)


def prior_of(traits: Sequence[str], card: Mapping[str, Any]) -> np.ndarray:
    """P(kind, mood) of deals at their creation, by what their traits say of kinds; shape (n_deals, kinds, moods)."""
    texts = {text: i for i, text in enumerate(dict.fromkeys(traits))}  # the same text is looked up once
    logits = np.tile(np.asarray(card["base"], np.float64), (len(texts), 1))
    for text, i in texts.items():
        for line in text.split("\n"):
            logits[i] += card["traits"].get(line, 0.0)
    prior = softmax(logits)[:, :, None] * np.asarray(card["first_mood"], np.float64)
    return prior[[texts[text] for text in traits]]


def owners_of(text: str) -> list[str]:
    """The owners that traits name, in turn, as many as are told apart."""
    lines = (line for line in text.split("\n") if line.startswith((FIRST_OWNER, LATER_OWNER)))
    return [line.partition(": ")[2] for line in lines][:MOST_OWNERS]


def logging_of(traits: Sequence[str], logs: Mapping[str, Any], n_groups: int) -> np.ndarray:
    """How much the owners of deals log, in turn, 1 where not known; shape (n_deals, MOST_OWNERS, n_groups)."""
    texts = {text: i for i, text in enumerate(dict.fromkeys(traits))}
    found = np.ones((len(texts), MOST_OWNERS, n_groups))
    for text, i in texts.items():
        for place, owner in enumerate(owners_of(text)):
            found[i, place] = logs.get(owner, 1.0)
    return found[[texts[text] for text in traits]]


def read(courses: Sequence[bytes], traits: Sequence[str], card: Mapping[str, Any]) -> np.ndarray:
    """What courses say; a row each: the expected chances of ``card``, P(liveliest mood), P(dullest mood), P(kinds)."""
    chances, laws = np.ascontiguousarray(card["chances"], np.float64), laws_of(card)
    found = np.empty((len(courses), len(chances) + 2 + chances.shape[1] - 1))
    for start in range(0, len(courses), ROWS_TOGETHER):
        rows = slice(start, start + ROWS_TOGETHER)
        prior, logs = prior_of(traits[rows], card), logging_of(traits[rows], card["logs"], len(card["exposure"]))
        belief, days = np.empty(prior.shape), decoded(courses[rows], card["channel_of"], chances.shape[-1])
        _follow(days, logs, prior, laws, belief)
        _expect(belief, days.place, chances, found[rows])
    return found
