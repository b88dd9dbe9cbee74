"""Learning what courses mean: a hidden Markov model's laws, from deals open and closed, by expectation-maximisation.

Nobody says which kind a deal is of, or which mood it is in on a day: the laws are those under which the courses that
were seen, closings included, are likeliest (Baum et al., 1970; as a model of customers: Netzer, Lattin and Srinivasan,
2008). Each round of the algorithm weighs every state of every day by the laws so far, and counts the laws anew.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.course import ACTIVITY, AMOUNT, AMOUNT_STEPS, TALK
from features.facts import FloatColumn, IntColumn
from features.talks import INBOUND, OUTBOUND, WAYS
from features.traits import WEEKS_AHEAD
from models.course import READINGS, WITHIN_DAYS, Course
from models.course_counts import Counts, count
from models.course_estimates import Logit, drawn_shares, of_changes, rates, shares
from models.course_filter import (
    AFTER,
    BACK,
    FORWARD,
    LATER_OWNER,
    LOST,
    MOST_OWNERS,
    NONE,
    STAY,
    WON,
    Days,
    Laws,
    decoded,
    laws_of,
    logging_of,
    owners_of,
)

KINDS, MOODS, MOVES = 4, 3, 5
"""Of three, four, five and six kinds, four told most of a simulated company of 20,000 deals."""
MOST_DEALS = 60_000
"""Deals that are learned from at most, evenly taken. Of 20,000 and of 200,000 simulated deals the reading alone told 88
and 91 % of what their oracle gains over the stage rate: more deals than these hardly tell more."""
FEWEST_DEALS = 300
"""Fewer, or fewer than a tenth as many won or lost ones, tell no kinds."""
ROUNDS = 40
STARTS, ROUNDS_TO_START, DEALS_TO_START = 6, 10, 4_000
N_STAGES = 8
"""Stages that are told apart; those beyond the last count as the last."""
RAREST, RAREST_TRAIT = 200, 50
"""A token that comes less often is no channel; a trait that fewer deals have tells no kind."""
_OF_OWNER, _OF_RATE, _OF_MOVE, _OF_CHANGE, _OF_SWITCH, _OF_KIND = 200.0, 1_000.0, 2_000.0, 500.0, 0.5, 6.0
"""How much what is known beforehand weighs: in facts, facts, days, days, days, and as a ridge penalty.

Rates, moves and changes are drawn towards products of what kind, mood and stage do by themselves: so fewer deals tell
as much. With no more than a few facts of weight, the reading alone told 87 % of what the oracle of 20,000 deals gains,
and 88 % so; of 2,000 deals 28 %, and 54 % so.
"""
_LIVELY = np.array([1.5, 0.7, 0.2])
"""Rates of the moods beside the usual ones, to start from."""


@dataclass(frozen=True)
class Known:
    """What was known of some deals at a cut-off, one entry per deal.

    Attributes
    ----------
    courses, traits : as of the closing if that was known, else as of the cut-off
    won : 1, 0, or NaN while open
    """

    courses: NDArray[np.object_]
    traits: NDArray[np.object_]
    won: FloatColumn

    def some(self, step: int) -> "Known":
        """Every ``step``-th deal."""
        return Known(self.courses[::step], self.traits[::step], self.won[::step])


def fit_course(known: Known, seed: int) -> Course | None:
    """Learn the laws; None where there are too few deals to tell kinds apart.

    The algorithm climbs from where it starts to the nearest top. So it starts from several places, with few of the
    deals, and goes on with all of them from the start that leads highest.
    """
    if len(known.won) < FEWEST_DEALS or min((known.won == 1).sum(), (known.won == 0).sum()) < FEWEST_DEALS // 10:
        return None
    evenly = known.some(len(known.won) // (MOST_DEALS + 1) + 1)
    channel_of, group = _channels(evenly.courses.tolist())
    few = evenly.some(len(evenly.won) // (DEALS_TO_START + 1) + 1)
    starts = [_Learner(few, channel_of, group, seed + start) for start in range(STARTS)]
    for start in starts:
        start.learn(ROUNDS_TO_START)
    best = max(starts, key=lambda start: start.likelihood)
    learner = _Learner(evenly, channel_of, group, seed, best)
    learner.learn(ROUNDS)
    return Course(learner.card() | {"channel_of": channel_of.tolist(), "readings": list(READINGS)})


def _channels(courses: list[bytes]) -> tuple[IntColumn, IntColumn]:
    """Channel of each token, ``NONE`` for rare ones; and each channel's group, within which an owner logs alike."""
    counts = np.bincount(np.frombuffer(b"".join(courses), np.uint8), minlength=AMOUNT)
    tokens = TALK + np.flatnonzero(counts[TALK:AMOUNT] >= RAREST)
    channel_of = np.full(len(counts), NONE)
    channel_of[tokens] = np.arange(len(tokens))
    way = np.where(tokens < ACTIVITY, (tokens - TALK) // 2, (tokens - ACTIVITY) % len(WAYS))
    side = np.where(np.isin(way % 3, (INBOUND, OUTBOUND)), way % 3, 2)
    return channel_of, np.where(way // 3 == 2, 3, side)


def _traits(texts: list[str]) -> tuple[list[str], FloatColumn]:
    """The traits that enough deals have, and which deal has which: 1 or 0, shape (n_deals, n_traits)."""
    lines = [[line for line in text.split("\n") if not line.startswith(LATER_OWNER)] for text in texts]
    names, n_deals = np.unique([line for of_one in lines for line in of_one], return_counts=True)
    place = {name: i for i, name in enumerate(names[n_deals >= RAREST_TRAIT].tolist())}
    found = np.zeros((len(texts), len(place)))
    for i, of_one in enumerate(lines):
        found[i, [place[line] for line in of_one if line in place]] = 1.0
    return list(place), found


class _Learner:
    """The laws so far, and what is counted under them."""

    def __init__(
        self, known: Known, channel_of: IntColumn, group: IntColumn, seed: int, start: "_Learner | None" = None
    ) -> None:
        closing = np.select([known.won == 1, known.won == 0], [WON, LOST], NONE)
        self._days = decoded(known.courses.tolist(), channel_of.tolist(), N_STAGES, closing)
        self._group, self.likelihood = group, -np.inf
        traits, rows = known.traits.tolist(), _rows(self._days.start, self._days.end)
        self._names, given = _traits(traits)
        self._kinds = Logit(given, KINDS, _OF_KIND)
        self._usual = _usual_rates(self._days, rows, len(group))
        self._logging = _logging(self._days, traits, group, self._usual)
        self._logs = logging_of(traits, self._logging, _groups(group))
        moves = np.zeros((N_STAGES, MOVES))
        np.add.at(moves, (self._days.stage[rows], self._days.move[rows]), 1.0)
        self._usual_moves = shares(moves + 0.5 * (moves.sum(axis=0) + 1) / (moves.sum() + MOVES))
        rng = np.random.default_rng(seed)
        self._rate = np.exp(rng.normal(0, 0.15, (len(group), KINDS, MOODS))) * _LIVELY
        self._moves = shares(self._usual_moves * np.exp(rng.normal(0, 0.3, (KINDS, MOODS, 1, MOVES))))
        self._switch = np.tile(0.9 * np.eye(MOODS) + 0.1 / MOODS, (KINDS, len(AFTER), 1, 1))
        self._first_mood = np.full((KINDS, MOODS), 1 / MOODS)
        move, stage = self._days.move[rows], self._days.stage[rows]
        self._usual_amounts = _usual_changes(move, stage, self._days.amount[rows], len(AMOUNT_STEPS))
        self._usual_dates = _usual_changes(move, stage, self._days.date[rows], len(WEEKS_AHEAD))
        self._amounts, self._dates = (
            np.tile(usual, (KINDS, 1, 1, 1)) for usual in (self._usual_amounts, self._usual_dates)
        )
        if start:
            self._rate, self._moves, self._switch = start._rate, start._moves, start._switch
            self._first_mood, self._amounts, self._dates = start._first_mood, start._amounts, start._dates
            self._kinds.coefficients[0] = start._kinds.coefficients[0]

    def learn(self, n_rounds: int) -> None:
        """Go on for so many rounds."""
        for _ in range(n_rounds):
            self._round()

    def _laws(self) -> Laws:
        one = np.einsum("cvs,ckm->cvskm", self._usual, self._rate)
        exposure = np.stack([one[self._group == group].sum(axis=0) for group in range(_groups(self._group))])
        return laws_of({
            "log_rate": np.log(self._rate),
            "exposure": exposure,
            "log_move": np.log(self._moves),
            "switch": self._switch,
            "log_amount": np.log(self._amounts),
            "log_date": np.log(self._dates),
        })  # fmt: skip

    def _round(self) -> None:
        prior = self._kinds.said()[:, :, None] * self._first_mood
        laws, first, half = self._laws(), np.zeros(prior.shape), len(prior) // 2

        def counted(deals: slice) -> tuple[Counts, float]:
            of_deals = {name: getattr(self._days, name)[deals] for name in ("start", "end", "place")}
            counts = Counts.none(laws)
            given = self._days._replace(**of_deals), self._logs[deals], prior[deals]
            return counts, count(*given, laws, counts, first[deals])

        with ThreadPoolExecutor(2) as pool:  # always two halves, so that sums are the same on any machine
            halves = list(pool.map(counted, (slice(half), slice(half, None))))
        self.likelihood = sum(likelihood for _, likelihood in halves)
        counts = Counts(*(one + other for one, other in zip(*(found for found, _ in halves), strict=True)))
        expected = np.einsum("cvs,cvskm->ckm", self._usual, counts.exposure[self._group])
        self._rate = rates(counts.facts, expected, (1, 2), _OF_RATE)
        self._moves = drawn_shares(counts.moves, self._usual_moves, (0, 1, 2), _OF_MOVE)
        self._amounts = of_changes(drawn_shares(counts.amounts, self._usual_amounts, (0, 2), _OF_CHANGE))
        self._dates = of_changes(drawn_shares(counts.dates, self._usual_dates, (0, 2), _OF_CHANGE))
        self._switch = shares(counts.switches + _OF_SWITCH * (1 + 4 * np.eye(MOODS)))
        self._first_mood = shares(first.sum(axis=0) + 1)
        self._kinds.learn(first.sum(axis=2))

    def card(self) -> dict[str, object]:
        """The laws as plain numbers: kinds by how often they are won, moods from lively to dull."""
        chances = _chances(self._moves, self._switch)
        kinds = np.argsort(-chances[0][:, :, 0].mean(axis=1), kind="stable")
        moods = np.argsort(-self._rate.sum(axis=(0, 1)), kind="stable")
        found = {
            **self._laws()._asdict(),
            "base": self._kinds.coefficients[0],
            "traits": self._kinds.coefficients[1:],
            "first_mood": self._first_mood,
            "chances": chances,
        }
        axes = {"log_rate": (1, 2), "exposure": (3, 4), "log_move": (0, 1), "switch": (0, 2), "first_mood": (0, 1)}
        axes |= {"chances": (1, 2)}
        for name, (of_kind, of_mood) in axes.items():
            found[name] = found[name].take(kinds, axis=of_kind).take(moods, axis=of_mood)
        found["switch"] = found["switch"].take(moods, axis=3)
        found |= {name: found[name][kinds] for name in ("base", "log_amount", "log_date")}
        found["traits"] = found["traits"][:, kinds]
        plain = {name: np.round(values, 9).tolist() for name, values in found.items()}
        plain["traits"] = dict(zip(self._names, plain["traits"], strict=True))
        return plain | {"logs": {owner: np.round(logs, 9).tolist() for owner, logs in self._logging.items()}}


def _groups(group: IntColumn) -> int:
    return int(group.max(initial=0)) + 1


def _rows(start: IntColumn, end: IntColumn) -> IntColumn:
    """All rows of all courses."""
    n = end - start
    return np.repeat(start - (np.cumsum(n) - n), n) + np.arange(int(n.sum()))


def _usual_changes(move: IntColumn, stage: IntColumn, way: IntColumn, n_steps: int) -> FloatColumn:
    """How often each way to change something comes with each sort of move; each stage drawn towards all stages."""
    counts, seen = np.zeros((len(AFTER), N_STAGES, n_steps + 2)), move <= BACK
    np.add.at(counts, (move[seen], stage[seen], way[seen]), 1.0)
    overall = counts.sum(axis=1, keepdims=True) + 0.5
    return of_changes(counts + 10 * of_changes(overall))


def _usual_rates(days: Days, rows: IntColumn, n_channels: int) -> FloatColumn:
    """Facts a day by channel, whether the deal moved, and stage; shape (channels, 2, stages)."""
    n_facts = days.last[rows] - days.first[rows]
    cell = _moved(days, rows) * N_STAGES + days.stage[rows]
    counts, n_days = np.zeros((n_channels, 2 * N_STAGES)), np.bincount(cell, minlength=2 * N_STAGES)
    channel = days.channel[_rows(days.first[rows], days.last[rows])]
    np.add.at(counts, (channel, np.repeat(cell, n_facts)), 1.0)
    overall = counts.sum(axis=1, keepdims=True) / max(n_days.sum(), 1)
    return ((counts + 10 * overall) / (n_days + 10)).reshape(n_channels, 2, N_STAGES)


def _moved(days: Days, rows: IntColumn) -> IntColumn:
    return (days.move[rows] != STAY).astype(np.int64)


def _logging(days: Days, traits: list[str], group: IntColumn, usual: FloatColumn) -> dict[str, FloatColumn]:
    """How much each owner logs beside others by group of channels, drawn towards 1."""
    in_turn = [owners_of(text) for text in traits]
    names = {name: i for i, name in enumerate(sorted({name for owners in in_turn for name in owners}))}
    who = np.full((len(traits), MOST_OWNERS), len(names))
    for i, owners in enumerate(in_turn):
        who[i, : len(owners)] = [names[name] for name in owners]
    came, meant = (np.zeros((len(names) + 1, _groups(group))) for _ in range(2))
    rows = _rows(days.start, days.end)
    deal = np.repeat(np.arange(len(traits)), days.end - days.start)
    owner = who[deal, np.minimum(days.owner[rows], MOST_OWNERS - 1)]
    channel = days.channel[_rows(days.first[rows], days.last[rows])]
    np.add.at(came, (np.repeat(owner, days.last[rows] - days.first[rows]), group[channel]), 1.0)
    of_group = np.stack([usual[group == one].sum(axis=0) for one in range(_groups(group))], axis=-1)
    np.add.at(meant, owner, of_group[_moved(days, rows), days.stage[rows]])
    return dict(zip(names, (came + _OF_OWNER) / (meant + _OF_OWNER), strict=False))


def _chances(moves: FloatColumn, switch: FloatColumn) -> FloatColumn:
    """P(won at last), P(forward or won) and P(lost) within ``WITHIN_DAYS`` days, if the laws stay; by state.

    Returns
    -------
    array of shape (3, kinds, moods, stages)
    """
    n, shape = MOODS * N_STAGES, (MOODS, N_STAGES)
    found = np.empty((3, KINDS, *shape))
    for kind in range(KINDS):
        onward = {move: np.zeros((*shape, *shape)) for move in (STAY, FORWARD, BACK)}
        for move, shift in ((STAY, 0), (FORWARD, 1), (BACK, -1)):
            for stage in range(N_STAGES):
                then = min(max(stage + shift, 0), N_STAGES - 1)
                onward[move][:, stage, :, then] = moves[kind, :, stage, move, None] * switch[kind, move]
        here = {move: table.reshape(n, n) for move, table in onward.items()}
        won, lost = (moves[kind, :, :, move].reshape(n) for move in (WON, LOST))
        forward = won + moves[kind, :, :, FORWARD].reshape(n)
        found[0, kind] = np.linalg.solve(np.eye(n) - sum(here.values()), won).reshape(shape)
        for place, (event, kept) in enumerate(((forward, here[STAY] + here[BACK]), (lost, sum(here.values()))), 1):
            within = np.zeros(n)
            for _ in range(WITHIN_DAYS):
                within = event + kept @ within
            found[place, kind] = within.reshape(shape)
    return found
