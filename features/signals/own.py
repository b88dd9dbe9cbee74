"""A company's own signals, made from what it declared (``features/declared.py``)."""

from collections.abc import Iterator
from functools import partial

from features.declared import CATEGORY, FLAG, Custom, Declared, slug
from features.facts import FloatColumn
from features.signals.declaration import Compute, Signal, declared_signal
from features.snapshots import Snapshots

_TYPICAL = "{typical} in deals won from this stage"


def own_signals(declared: Declared) -> dict[str, Signal]:
    """The signals of every declared attribute, field and activity, by name."""
    made: list[Signal] = []
    for one in declared.customs:
        made += _of_category(one) if one.type == CATEGORY else _of_value(one)
        made += _of_field(one) if one.source == "field" else []
    for place, activity in enumerate(declared.activities):
        made += _of_activity(activity, place)
    return {one.name: one for one in made}


def _of_category(one: Custom) -> Iterator[Signal]:
    """The win rate of deals with the same value, as of then: a number in place of a name."""
    yield _signal(
        one,
        "_win_rate",
        "rate",
        f"About {{value}} of deals with this {_said(one.name)} are won",
        partial(_win_rate, one=one),
    )


def _of_value(one: Custom) -> Iterator[Signal]:
    flag = one.type == FLAG
    yield _signal(
        one,
        "",
        "" if flag else one.unit,
        f"{_capital(one)} is {{value}}" + ("" if flag else f"; {_TYPICAL}"),
        partial(_value, one=one),
        words=("false", "true") if flag else (),
    )


def _of_field(one: Custom) -> Iterator[Signal]:
    yield _signal(
        one, "_changes", "changes", f"{{value}} of {_said(one.name)} so far; {_TYPICAL}", partial(_changes, key=one.key)
    )
    for value in one.counts:
        yield _signal(
            one,
            f"_{slug(value)}",
            "times",
            f"{_capital(one)} became {_said(value)} {{value}}; {_TYPICAL}",
            partial(_times, one=one, value=value),
        )


def _of_activity(activity: str, place: int) -> Iterator[Signal]:
    for days in (14, None):
        yield declared_signal(
            partial(_activity, activity=place, days=days),
            name=f"activity_{slug(activity)}_{f'{days}d' if days else 'ever'}",
            topic=f"activity {activity}",
            group="own",
            unit="times",
            expect="depends",
            says=f"{_said(activity)}: {{value}} {f'in {days} days' if days else 'so far'}; {_TYPICAL}",
        )


def _signal(one: Custom, suffix: str, unit: str, says: str, compute: Compute, words: tuple[str, ...] = ()) -> Signal:
    return declared_signal(
        compute,
        name=one.key + suffix,
        topic=one.name,
        group="own",
        unit=unit,
        expect="more is better" if unit == "rate" else one.expect,
        says=says,
        says_none="No deal has closed yet" if unit == "rate" else f"{_capital(one)} is not known",
        words=words,
    )


def _said(name: str) -> str:
    """A name as part of a sentence, in which braces and a semicolon have a meaning of their own."""
    return name.replace("_", " ").translate(str.maketrans("{};", "(),"))


def _capital(one: Custom) -> str:
    said = _said(one.name)
    return said[:1].upper() + said[1:]


def _value(at: Snapshots, one: Custom) -> FloatColumn:
    """The value in effect; of a flag 1 for true; NaN where it is not known."""
    if one.source == "attribute":
        return at.static(one.key).astype(float)
    facts = at.histories.fields[one.key]
    return at.value(facts, at.in_effect(facts))


def _win_rate(at: Snapshots, one: Custom) -> FloatColumn:
    """Share won of the deals closed before that had (of a field: had had) the value, shrunken toward all deals."""
    number = at.static(one.key) if one.source == "attribute" else at.number(at.histories.fields[one.key])
    return at.norms.shrunken_win_rate(one.key, number, at.moments)


def _changes(at: Snapshots, key: str) -> FloatColumn:
    """Values of the field known before each snapshot, the first included."""
    return at.changes(at.histories.fields[key]).count()


def _times(at: Snapshots, one: Custom, value: str) -> FloatColumn:
    """How often the field was set to the value."""
    facts = at.histories.fields[one.key]
    number = int(at.norms.vocabulary.numbers(one.key, [value])[0])
    return at.where(facts, value, lambda: (facts.columns["value"] == number) & (number >= 0)).count()


def _activity(at: Snapshots, activity: int, days: int | None) -> FloatColumn:
    """Interactions with that outcome known in the window."""
    facts = at.histories.interactions
    return at.where(facts, f"activity {activity}", lambda: facts.columns["activity"] == activity).count(days)
