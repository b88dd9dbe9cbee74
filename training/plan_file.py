"""A plan as a file: logged with every run so that it can be trained again, and given to ``train --plan``."""

import difflib
import json
from dataclasses import asdict, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from crm.errors import SettingsError
from features.declared import Declared
from features.labels import Patience
from models.boosting import BoosterPlan
from training.plan import Plan

_GIVEN_ELSEWHERE = ("seed", "num_threads")
"""Of the trees, what the command line says."""


def plan_text(plan: Plan) -> str:
    """The whole plan as JSON."""
    document = asdict(plan) | {"train_until": plan.train_until.isoformat(), "declared": plan.declared.document()}
    return json.dumps(document, indent=1)


def plan_of(text: str) -> Plan | None:
    """The plan that ``plan_text`` wrote; None where it is not there or this version cannot follow it.

    >>> plan = Plan(date(2026, 11, 16), booster=BoosterPlan(num_leaves=7))
    >>> plan_of(plan_text(plan)) == plan
    True
    """
    try:
        document: dict[str, Any] = json.loads(text)
        given = {one.name: document[one.name] for one in fields(Plan) if one.name in document}
        return Plan(
            **given
            | {
                "train_until": date.fromisoformat(document["train_until"]),
                "fold_starts": tuple(document["fold_starts"]),
                "fold_starts_of_few": tuple(document["fold_starts_of_few"]),
                "patience": Patience(**document["patience"]),
                "booster": BoosterPlan(**document["booster"]),
                "declared": Declared.of_document(document["declared"]),
            }
        )
    except (ValueError, KeyError, TypeError):
        return None


def same_recipe(one: Plan, other: Plan) -> bool:
    """Whether two plans differ in nothing but the day they train until and the number of threads."""
    day, threads = one.train_until, one.booster.num_threads
    return replace(other, train_until=day, booster=replace(other.booster, num_threads=threads)) == one


def booster_text(booster: BoosterPlan, comments: list[str]) -> str:
    """The trees of a plan as YAML that ``read_booster`` reads, below some comments."""
    kept = {name: value for name, value in asdict(booster).items() if name not in _GIVEN_ELSEWHERE}
    return "".join(f"# {line}\n" for line in comments) + yaml.safe_dump({"booster": kept}, sort_keys=False)


def read_booster(path: Path, given: BoosterPlan) -> BoosterPlan:
    """``given`` with the trees that a plan file (YAML or JSON) asks for.

    Raises
    ------
    SettingsError
        There is no such file, it is not YAML, or it names something that the trees of a plan do not have.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not YAML"
        raise SettingsError(f"the plan {path} cannot be read ({said}); `plumbline tune` writes one") from error
    asked = document.get("booster") if isinstance(document, dict) and set(document) == {"booster"} else None
    if not isinstance(asked, dict):
        raise SettingsError(f"the plan {path} needs one key, booster, with the trees' parameters below it")
    known = {one.name: type(getattr(given, one.name)) for one in fields(BoosterPlan)}
    for name, value in asked.items():
        if name not in known:
            near = difflib.get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}" if near else f"known are {', '.join(known)}"
            raise SettingsError(f"the plan {path} names booster.{name}, which there is not; {hint}")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or known[name](value) != value:
            kind = "a whole number" if known[name] is int else "a number"
            raise SettingsError(f"the plan {path} has booster.{name} = {value!r}; write {kind}")
        if value < 0 and value != getattr(BoosterPlan(), name):  # -1 is LightGBM's word for no limit
            raise SettingsError(f"the plan {path} has booster.{name} = {value!r}; write a number of 0 or above")
    return replace(given, **{name: known[name](value) for name, value in asked.items()})
