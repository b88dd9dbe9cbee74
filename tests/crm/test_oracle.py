"""The oracle against a slow, obvious version of itself, against the outcomes, and against the future."""

from itertools import product
from math import exp, factorial

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from crm import simulation_laws as laws
from crm.errors import PlumblineError
from crm.oracle import WITHIN, oracle
from crm.oracle_chances import HORIZON_DAYS
from crm.oracle_evidence import next_monday
from crm.simulate import Simulation, simulate
from crm.simulated_tables import STAGES
from crm.simulated_world import World, simulate_world
from crm.simulation_calendar import working_calendar
from crm.tables import SENIORITIES

pytestmark = pytest.mark.slow

MANY, SEED = 4_000, 3
TYPES, MOMENTA = range(len(laws.TYPES)), range(len(laws.MOMENTA))
Tables = dict[str, pd.DataFrame]
Belief = dict[tuple[int, int], float]


@pytest.fixture(scope="module")
def world() -> World:
    return simulate_world(MANY, SEED)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(MANY, SEED)


@pytest.fixture(scope="module")
def judged(simulation) -> pd.DataFrame:
    """The oracle's rows beside what became of the deal; only deals created early enough to be closed by now."""
    changes = simulation.tables["deal_changes"]
    ends = changes[(changes["field"] == "stage") & changes["new_value"].isin(STAGES[-2:])].set_index("deal_id")
    created = simulation.tables["deals"].set_index("deal_id")["created_at"]
    rows = simulation.oracle.join(created, on="deal_id").join(
        ends[["new_value", "changed_at"]].rename(columns={"changed_at": "closed_at"}), on="deal_id"
    )
    rows = rows[rows["created_at"] < pd.Timestamp("2025-10-01", tz="UTC")]
    age_days = (rows["as_of"] - rows["created_at"]).dt.total_seconds() / 86_400
    life_days = (rows["closed_at"] - rows["created_at"]).dt.total_seconds() / 86_400
    return rows.assign(won=rows["new_value"] == "Won", age_days=age_days, life_share=age_days / life_days)


# ---- said twice: the same definition for one deal, in plain loops over days, types and momenta


class SlowOracle:
    """What was known of one deal before a Monday, read fact by fact."""

    def __init__(self, tables: Tables, world: World, deal_id: str, as_of: pd.Timestamp) -> None:
        self.world, self.as_of = world, as_of
        self.calendar = working_calendar(world.first, world.stop + 400)
        self.deal = tables["deals"].set_index("deal_id").loc[deal_id]
        self.account = tables["accounts"].set_index("account_id").loc[self.deal["account_id"]]
        changes = tables["deal_changes"]
        self.changes = changes[(changes["deal_id"] == deal_id) & (changes["known_at"] < as_of)].sort_values(
            "changed_at"
        )
        talks = tables["interactions"]
        self.talks = talks[(talks["deal_id"] == deal_id) & (talks["known_at"] < as_of)].merge(
            tables["contacts"][["contact_id", "seniority"]], on="contact_id", how="left"
        )
        self.talks["channel"] = [self.channel(talk) for talk in self.talks.itertuples()]
        called = self.talks["kind"] == "call"
        self.talks["day"] = self.talks["occurred_at"].where(called, self.talks["known_at"]).dt.normalize()

    @staticmethod
    def channel(talk) -> int:
        senior = talk.seniority in SENIORITIES[2:]
        detail = {"call": talk.outcome, "meeting": "senior" if senior else "junior"}.get(talk.kind)
        direction = talk.direction if talk.kind in ("email", "call") else None
        return laws.CHANNELS.index((talk.kind, direction, detail))

    def value(self, field: str, before: pd.Timestamp):
        """Value of a field just before an instant."""
        rows = self.changes[(self.changes["field"] == field) & (self.changes["changed_at"] < before)]
        return rows["new_value"].iloc[-1]

    def changed(self, field: str, start: pd.Timestamp, end: pd.Timestamp):
        """New value of a field within an interval, or None."""
        at = self.changes["changed_at"]
        rows = self.changes[(self.changes["field"] == field) & (at >= start) & (at < end)]
        return rows["new_value"].iloc[-1] if len(rows) else None

    def rep(self, before: pd.Timestamp) -> int:
        reps = self.world.people.reps
        return int(self.value("owner_id", before)[1:]) - 1 - int(reps.user[0])

    def first_belief(self) -> Belief:
        created = self.deal["created_at"]
        attributes = self.deal["attributes"]
        competitor = next(i for i, name in enumerate(laws.COMPETITORS) if f'"{name}"' in attributes)
        soon = created + pd.Timedelta(microseconds=1)
        effect = (
            laws.TYPE_BASE
            + laws.SOURCE_EFFECT[laws.SOURCES.index(self.deal["source"])]
            + laws.INDUSTRY_EFFECT[laws.INDUSTRIES.index(self.account["industry"])]
            + laws.SIZE_EFFECT[laws.SIZES.index(self.account["size"])]
            + laws.DEAL_TYPE_EFFECT[laws.DEAL_TYPES.index(self.deal["deal_type"])]
            + laws.COMPETITOR_EFFECT[competitor]
            + laws.BUDGET_EFFECT * ("true" in attributes)
            + laws.SKILL_EFFECT * self.world.people.reps.skill[self.rep(soon)]
        )
        weeks = (pd.Timestamp(self.value("close_date", soon), tz="UTC") - created.normalize()).days // 7
        return {
            (q, m): exp(effect[q]) * laws.CLOSE_WEEK_CHANCES[q, 0, weeks] * laws.FIRST_MOMENTUM[q, m]
            for q, m in product(TYPES, MOMENTA)
        }

    def working_days(self) -> list[pd.Timestamp]:
        days = pd.date_range(self.deal["created_at"].normalize(), self.as_of, inclusive="neither", tz="UTC")
        return [day for day in days if self.calendar.working[self.index(day)]]

    def index(self, day: pd.Timestamp) -> int:
        return (day.tz_localize(None) - pd.Timestamp("1970-01-01")).days - self.calendar.first

    def facts(self, day: pd.Timestamp) -> tuple[Belief, dict[tuple[int, int], np.ndarray]]:
        """P(facts of the day and the move | type, momentum), and P(momentum tomorrow | type, momentum, the move)."""
        i, night = self.index(day), day + pd.Timedelta(days=1)
        stage, reached = (STAGES.index(self.value("stage", at)) for at in (day, night))
        move = {0: laws.STAY, 1: laws.ADVANCE, 2: laws.SKIP, -1: laws.RETURN}[reached - stage]
        counts = self.talks.loc[self.talks["day"] == day, "channel"].value_counts()
        booked = int(laws.SENIOR_MEETING in counts)
        moves = laws.move_chances(working_calendar(self.calendar.first + i, self.calendar.first + i + 1))[0, booked]
        chance = {
            (q, m): self.talk_chance(day, counts, q, m, stage)
            * self.push_chance(day, q, m)
            * moves[move, q, m, stage]
            * (self.revision_chance(day, q, reached) if move in (laws.ADVANCE, laws.SKIP) else 1)
            for q, m in product(TYPES, MOMENTA)
        }
        return chance, {(q, m): laws.MOMENTUM_AFTER[booked, move, q, m] for q, m in product(TYPES, MOMENTA)}

    def talk_chance(self, day: pd.Timestamp, counts: pd.Series, q: int, m: int, stage: int) -> float:
        logged = sum(p for lag, p in enumerate(laws.LAG_CHANCES) if day + pd.Timedelta(days=lag) < self.as_of)
        over = self.world.people.reps.over_reporting[self.rep(day + pd.Timedelta(days=1))]
        chance = 1.0
        for c, (kind, direction, _) in enumerate(laws.CHANNELS):
            mean = laws.RATES[c, q, m, stage] * self.calendar.pace[self.index(day)]
            mean *= logged if kind == "call" else 1
            mean *= over if direction == "outbound" or kind in ("note", "task") else 1
            n = int(counts.get(c, 0))
            chance *= exp(-mean) * mean**n / factorial(n)
        return chance

    def push_chance(self, day: pd.Timestamp, q: int, m: int) -> float:
        if pd.Timestamp(self.value("close_date", day), tz="UTC") > day:
            return 1
        new = self.changed("close_date", day, day + pd.Timedelta(hours=17))
        if new is None:
            return 1 - laws.PUSH_CHANCE[m]
        size = (pd.Timestamp(new, tz="UTC") - day).days
        return laws.PUSH_CHANCE[m] * laws.PUSH_DAYS_CHANCES[q, laws.PUSH_DAYS.tolist().index(size)]

    def revision_chance(self, day: pd.Timestamp, q: int, reached: int) -> float:
        evening, night = day + pd.Timedelta(hours=17), day + pd.Timedelta(days=1)
        ratio = float(self.value("amount", night)) / float(self.value("amount", evening))
        factor = min(range(len(laws.AMOUNT_FACTORS)), key=lambda k: abs(laws.AMOUNT_FACTORS[k] - ratio))
        category = laws.CATEGORIES.index(self.value("category", night))
        weeks = (pd.Timestamp(self.value("close_date", night), tz="UTC") - day).days // 7
        close = 0.5 * laws.CLOSE_WEEK_CHANCES[q, reached, weeks] / 7 if 0 < weeks <= laws.MAX_WEEKS else 0
        if self.changed("close_date", evening, night) is None:
            close += 0.5
        return laws.AMOUNT_FACTOR_CHANCES[q, factor] * laws.CATEGORY_CHANCES[q, reached, category] * close

    def belief(self) -> Belief:
        belief = self.first_belief()
        for day in self.working_days():
            chance, switch = self.facts(day)
            belief = {
                (q, after): sum(belief[q, m] * chance[q, m] * switch[q, m][after] for m in MOMENTA)
                for q, after in product(TYPES, MOMENTA)
            }
            belief = scaled(belief)
        return scaled(belief)

    def belief_by_paths(self) -> Belief:
        """The same by adding up every path of hidden momenta: for short histories."""
        facts = [self.facts(day) for day in self.working_days()]
        first, belief = self.first_belief(), dict.fromkeys(product(TYPES, MOMENTA), 0.0)
        for q, *path in product(TYPES, *[MOMENTA] * (len(facts) + 1)):
            chance = first[q, path[0]]
            for (fact, switch), m, after in zip(facts, path, path[1:], strict=False):
                chance *= fact[q, m] * switch[q, m][after]
            belief[q, path[-1]] += chance
        return scaled(belief)

    def win_chances(self, belief: Belief, within_days: int) -> float:
        """P(won within so many days), by pushing the belief forward a day at a time."""
        stage = STAGES.index(self.value("stage", self.as_of))
        states = {(q, m, stage): p for (q, m), p in belief.items()}
        won, start = 0.0, self.index(self.as_of)
        moves = laws.move_chances(self.calendar)
        for i in (i for i in range(start, start + within_days) if self.calendar.working[i]):
            following: dict[tuple[int, int, int], float] = dict.fromkeys(product(TYPES, MOMENTA, range(5)), 0.0)
            for (q, m, s), p in states.items():
                none = exp(-self.calendar.pace[i] * laws.RATES[laws.SENIOR_MEETING, q, m, s])
                for booked, p_booked in ((0, none), (1, 1 - none)):
                    won += p * p_booked * moves[i, booked, laws.WON, q, m, s]
                    for move, shift in ((laws.STAY, 0), (laws.ADVANCE, 1), (laws.SKIP, 2), (laws.RETURN, -1)):
                        moved = p * p_booked * moves[i, booked, move, q, m, s]
                        for after in MOMENTA if moved else ():
                            following[q, after, s + shift] += moved * laws.MOMENTUM_AFTER[booked, move, q, m, after]
            states = following
        return won


def scaled(belief: Belief) -> Belief:
    total = sum(belief.values())
    return {state: p / total for state, p in belief.items()}


def test_a_short_history_is_judged_as_by_adding_up_every_hidden_path(simulation, world):
    rows = simulation.oracle
    seen = rows.groupby("deal_id")["as_of"].rank()
    for _, row in rows[(seen == 2) & (rows.index % 37 == 0)].head(2).iterrows():
        slow = SlowOracle(simulation.tables, world, row["deal_id"], row["as_of"])
        assert 5 < len(slow.working_days()) < 11
        belief = slow.belief_by_paths() if len(slow.working_days()) < 8 else slow.belief()
        assert belief == pytest.approx(slow.belief())
        assert row["won_within_28d"] == pytest.approx(slow.win_chances(belief, 28), rel=1e-9)


def test_long_histories_with_pushes_returns_new_owners_and_late_calls_are_judged_as_in_the_slow_version(
    simulation, world
):
    changes, talks = simulation.tables["deal_changes"], simulation.tables["interactions"]
    again = changes[changes["old_value"].notna()]
    owners = again.loc[again["field"] == "owner_id", "deal_id"]
    pushed = again.loc[(again["field"] == "close_date") & (again["changed_at"].dt.hour < 17), "deal_id"]
    returned = again.loc[again["new_value"] == STAGES[0], "deal_id"]
    late = talks.loc[talks["known_at"] - talks["occurred_at"] > pd.Timedelta(days=4), "deal_id"]
    eventful = set(owners) & set(pushed) & set(returned) & set(late)
    rows = simulation.oracle[simulation.oracle["deal_id"].isin(eventful)]
    last = rows.groupby("deal_id").tail(1).set_index("deal_id", drop=False)
    chosen = last.loc[rows.groupby("deal_id").size().nsmallest(4).index]
    assert len(chosen) == 4
    for _, row in chosen.iterrows():
        slow = SlowOracle(simulation.tables, world, row["deal_id"], row["as_of"])
        belief = slow.belief()
        for days in (7, 91, 364):
            assert row[f"won_within_{days}d"] == pytest.approx(slow.win_chances(belief, days), rel=1e-9)


def test_calls_not_yet_logged_are_not_known(simulation, world):
    """A call on Friday, logged on Tuesday, is missing on Monday: the slow version without it agrees."""
    talks = simulation.tables["interactions"]
    unseen = talks[(talks["occurred_at"].dt.day_of_week == 4) & (talks["known_at"].dt.day_of_week == 1)]
    unseen = unseen.merge(simulation.tables["deals"][["deal_id", "created_at"]], on="deal_id")
    call = unseen[(unseen["occurred_at"] - unseen["created_at"]).dt.days.between(8, 12)].iloc[0]
    monday = call["known_at"].normalize() - pd.Timedelta(days=1)
    row = simulation.oracle.query("deal_id == @call.deal_id and as_of == @monday").iloc[0]
    slow = SlowOracle(simulation.tables, world, call["deal_id"], monday)
    assert call["interaction_id"] not in set(slow.talks["interaction_id"])
    assert row["won_within_14d"] == pytest.approx(slow.win_chances(slow.belief(), 14), rel=1e-9)


# ---- shape


def test_every_deal_is_judged_on_every_monday_on_which_it_is_open(simulation):
    rows = simulation.oracle
    assert (rows["as_of"].dt.day_of_week == 0).all()
    assert (rows["as_of"] == rows["as_of"].dt.normalize()).all()
    assert rows["as_of"].max() == pd.Timestamp("2026-11-16", tz="UTC")
    assert not rows.duplicated(["deal_id", "as_of"]).any()
    changes = simulation.tables["deal_changes"]
    ends = changes[changes["new_value"].isin(STAGES[-2:])].set_index("deal_id")["changed_at"]
    life = simulation.tables["deals"].set_index("deal_id")[["created_at"]].join(ends)
    ends = life["changed_at"].fillna(pd.Timestamp("2026-11-16", tz="UTC")).dt.floor("D")
    week = pd.Timedelta(days=7)
    monday = pd.Timestamp("2023-11-13", tz="UTC")
    n_mondays = (ends - monday) // week - (life["created_at"] - monday) // week
    pd.testing.assert_series_equal(
        rows.groupby("deal_id").size(), n_mondays[n_mondays > 0].sort_index(), check_names=False
    )


def test_chances_grow_with_the_horizon(simulation):
    chances = simulation.oracle[[*WITHIN, "win_probability"]].to_numpy()
    assert (chances >= 0).all()
    assert (chances <= 1).all()
    assert (np.diff(chances, axis=1) >= -1e-12).all()


def test_tables_of_another_origin_are_refused(simulation, world):
    tables = dict(simulation.tables)
    changes = tables["deal_changes"].copy()
    early = changes.index[(changes["field"] == "stage") & (changes["new_value"] == STAGES[1])][:40]
    changes.loc[early, "new_value"] = STAGES[4]
    with pytest.raises(PlumblineError, match="the oracle knows only deals of the simulator"):
        oracle({**tables, "deal_changes": changes}, world)


# ---- the future cannot be seen


def poisoned(tables: Tables, at: pd.Timestamp, *, altered: bool) -> Tables:
    """Delete what became known at or after ``at``; or alter it, and let much of it fall exactly on ``at``."""
    rng = np.random.default_rng(0)
    changes, talks = tables["deal_changes"], tables["interactions"]
    past_changes, past_talks = changes[changes["known_at"] < at], talks[talks["known_at"] < at]
    begun = tables["deals"]["created_at"] < at
    deals = tables["deals"][begun]
    if not altered:
        return {**tables, "deals": deals, "deal_changes": past_changes, "interactions": past_talks}
    later = talks[(talks["known_at"] >= at) & talks["deal_id"].isin(deals["deal_id"])]
    later = later.assign(
        kind="email", direction="inbound", occurred_at=later["occurred_at"].clip(upper=at), known_at=at
    )
    late_calls = past_talks[past_talks["kind"] == "call"].sample(500, random_state=1)
    late_calls = late_calls.assign(known_at=at, interaction_id="X" + late_calls["interaction_id"])
    open_now = past_changes[past_changes["field"] == "stage"].groupby("deal_id").tail(1)
    open_now = open_now[~open_now["new_value"].isin(STAGES[-2:])]
    ends = open_now.assign(
        old_value=open_now["new_value"], new_value=rng.choice(STAGES[-2:], len(open_now)), changed_at=at, known_at=at
    )
    return {
        **tables,
        "deals": deals,
        "deal_changes": pd.concat([past_changes, ends]),
        "interactions": pd.concat([past_talks, later, late_calls]),
    }


@pytest.mark.parametrize("altered", [False, True])
def test_altering_what_became_known_later_changes_nothing_before(simulation, world, altered):
    at = pd.Timestamp("2025-05-12", tz="UTC")
    expected = simulation.oracle[simulation.oracle["as_of"] <= at]
    found = oracle(poisoned(simulation.tables, at, altered=altered), world)
    found = found[found["as_of"] <= at]
    pd.testing.assert_frame_equal(found, expected, check_exact=False, rtol=1e-12, atol=0)
    assert (expected["as_of"] == at).sum() > 100


def test_the_poison_would_catch_an_oracle_that_reads_the_calls_of_its_own_monday(simulation, world, monkeypatch):
    monkeypatch.setattr("crm.oracle_evidence.next_monday", lambda day: next_monday(day) + 1)
    at = pd.Timestamp("2025-05-12", tz="UTC")
    found = oracle(poisoned(simulation.tables, at, altered=True), world).query("as_of == @at")
    expected = simulation.oracle.query("as_of == @at")
    assert not np.allclose(found["win_probability"], expected["win_probability"], rtol=1e-6)


# ---- truth comes back


def test_the_chances_come_true_among_equals(judged):
    for band in range(10):
        rows = judged[(judged["win_probability"] * 10).astype(int) == band]
        if rows["deal_id"].nunique() > 100:
            assert rows["won"].mean() == pytest.approx(rows["win_probability"].mean(), abs=0.06), f"{band / 10:.0%}"


@pytest.mark.parametrize("age_days", [0, 28, 56, 91])
def test_as_many_deals_are_won_as_the_oracle_expects_and_by_when(judged, age_days):
    rows = judged[judged["age_days"].between(age_days, age_days + 7, inclusive="left")]
    days_to_close = (rows["closed_at"] - rows["as_of"]).dt.total_seconds() / 86_400
    assert rows["deal_id"].is_unique
    for name, within in {"win_probability": np.inf, **dict(zip(WITHIN, HORIZON_DAYS, strict=True))}.items():
        chance, won = rows[name], rows["won"] & (days_to_close < within)
        standard_error = np.sqrt((chance * (1 - chance)).sum())
        assert abs(won.sum() - chance.sum()) < 3 * standard_error, name


def test_even_the_oracle_is_often_wrong_at_mid_life(judged):
    month_old = judged[judged["age_days"].between(30, 90) & judged["closed_at"].notna()]
    assert 0.75 < roc_auc_score(month_old["won"], month_old["win_probability"]) < 0.85
    closed = judged[judged["closed_at"].notna()]
    halfway = closed.loc[(closed["life_share"] - 0.5).abs().groupby(closed["deal_id"]).idxmin()]
    halfway = halfway[halfway["life_share"].between(0.35, 0.65)]
    assert 0.75 < roc_auc_score(halfway["won"], halfway["win_probability"]) < 0.85


def test_the_oracle_learns_as_a_deal_ages(judged):
    rows = judged[judged["closed_at"].notna()]
    young, old = rows[rows["age_days"] < 7], rows[rows["age_days"].between(60, 120)]
    assert roc_auc_score(young["won"], young["win_probability"]) + 0.06 < roc_auc_score(
        old["won"], old["win_probability"]
    )


def test_no_single_signal_comes_near_the_oracle(simulation, judged):
    rows = judged[judged["age_days"].between(30, 90) & judged["closed_at"].notna()].reset_index(drop=True)
    best = roc_auc_score(rows["won"], rows["win_probability"])
    talks = simulation.tables["interactions"]
    facts = rows[["deal_id", "as_of"]].reset_index().merge(talks, on="deal_id")
    facts = facts[facts["known_at"] < facts["as_of"]]
    recent = facts[facts["known_at"] >= facts["as_of"] - pd.Timedelta(days=30)]
    for found in (facts, recent):
        for (kind, direction), part in found.groupby(["kind", found["direction"].fillna("")]):
            count = part.groupby("index").size().reindex(rows.index, fill_value=0)
            auc = roc_auc_score(rows["won"], count)
            assert max(auc, 1 - auc) < best - 0.08, (kind, direction)
