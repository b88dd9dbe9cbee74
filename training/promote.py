"""Change the champion: promote the challenger, overrule the gate, or go back (MLproject entry point ``promote``).

The gate's verdict is that of the training: it holds for the champion it was measured against, and for no other.
"""

import getpass
from datetime import UTC, datetime

import typer

from crm.errors import GateError, NoModelError
from crm.settings import Settings
from models.registry import (
    CHALLENGER,
    CHAMPION,
    Promotion,
    Registered,
    previous_champion,
    promote,
    promotions,
    registered,
)
from training.entry_point import run


def by_the_gate(version: str, why: str) -> Promotion:
    """A promotion that the gate allowed."""
    return Promotion(version, _now(), _who(), "gate", why[:3_000])


def promote_challenger(tracking_uri: str) -> Promotion:
    """Make the challenger the champion.

    Raises
    ------
    GateError
        It did not pass the gate, or was measured against another champion than the one in office.
    NoModelError
        There is no challenger.
    """
    challenger = registered(tracking_uri, CHALLENGER)
    if challenger.tags.get("gate") != "passed":
        raise GateError(
            f"version {challenger.version} did not pass the gate, so the champion stays: "
            f"{challenger.tags.get('gate_says', 'it was not judged')} "
            '`plumbline promote --force --reason "..."` overrules it'
        )
    measured, now = challenger.tags.get("gate_champion_version", ""), _version_in_office(tracking_uri)
    then = f"version {measured}" if measured else "no champion"
    if measured != now:
        raise GateError(
            f"version {challenger.version} was measured against {then}, "
            f"and the champion is now version {now or '(none)'}; train again, or overrule with --force --reason"
        )
    return _done(tracking_uri, by_the_gate(challenger.version, challenger.tags.get("gate_says", "")))


def force(tracking_uri: str, which: str, reason: str) -> Promotion:
    """Make a version the champion against the gate, or past it; who, when and why stay as tags."""
    found: Registered = registered(tracking_uri, which or CHALLENGER)
    return _done(tracking_uri, Promotion(found.version, _now(), _who(), "forced", reason))


def roll_back(tracking_uri: str, reason: str) -> Promotion:
    """Put the champion before the present one back; raises ``NoModelError`` where there was none."""
    version = previous_champion(promotions(tracking_uri))
    return _done(tracking_uri, Promotion(version, _now(), _who(), "rollback", reason))


def _done(tracking_uri: str, promotion: Promotion) -> Promotion:
    promote(tracking_uri, promotion)
    return promotion


def _version_in_office(tracking_uri: str) -> str:
    try:
        return registered(tracking_uri, CHAMPION).version
    except NoModelError:
        return ""


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "unknown"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def main(
    how: str = typer.Option("gate", help="gate: if it passed; force: overrule the gate; rollback: the one before."),
    version: str = typer.Option("", help="Which version to force; the challenger where not given."),
    reason: str = typer.Option("", help="Why; kept with who and when. Needed to force."),
    history: bool = typer.Option(False, "--history", help="Only list every change of champion."),
) -> None:
    """Make the challenger the champion, if it passed the gate."""
    uri = Settings().tracking_uri
    if history:
        for one in promotions(uri):
            typer.echo(f"{one.at}  version {one.version}  {one.how:<8}  {one.by}  {one.why}")
        return
    if how not in ("gate", "force", "rollback"):
        raise typer.BadParameter(f"{how!r} is no way to promote; write gate, force or rollback")
    if how == "force" and not reason.strip():
        raise typer.BadParameter('to force needs --reason "...": it is kept, so that others can understand it')
    if how != "force" and version:
        raise typer.BadParameter("--version goes with force; without it the challenger is promoted")
    changes = {
        "gate": lambda: promote_challenger(uri),
        "force": lambda: force(uri, version, reason),
        "rollback": lambda: roll_back(uri, reason),
    }
    done = changes[how]()
    typer.echo(f"champion: version {done.version} ({done.how}, by {done.by})")


if __name__ == "__main__":
    run(main)
