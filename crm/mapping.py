"""The mapping file: which file and column is what, when it was known, and how dates and numbers are written.

Two kinds: ``export`` for tables that a CRM exports, ``event_log`` for logs of events (XES, or a CSV of events). The
ready ones in ``crm/mappings/`` are examples to copy from.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, get_args

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from crm.errors import MappingError
from crm.eventlog_mapping import EventLogMapping
from crm.export_mapping import ExportMapping
from crm.rejects import did_you_mean
from crm.source_files import last_written

READY = Path(__file__).parent / "mappings"
Mapping = ExportMapping | EventLogMapping


def ready_mappings() -> tuple[str, ...]:
    """Names of the mappings that come with Plumbline.

    >>> ready_mappings()
    ('bpic2012', 'maven_crm')
    """
    return tuple(sorted(path.stem for path in READY.glob("*.yaml")))


def load_mapping(name_or_path: str | Path) -> Mapping:
    """Load a ready mapping by its name, or a mapping file by its path.

    Raises
    ------
    MappingError
        There is no such mapping, it is not YAML, or it says something that cannot be done; names the key.

    Examples
    --------
    >>> load_mapping("bpic2012").pipeline
    'consumer loans'
    """
    ready = READY / f"{name_or_path}.yaml"
    path = ready if str(name_or_path) in ready_mappings() else Path(name_or_path)
    try:
        return parse_mapping(read_yaml(path), str(path))
    except OSError as error:
        hint = did_you_mean(str(name_or_path), ready_mappings())
        known = ", ".join(ready_mappings())
        raise MappingError(f"There is no mapping {name_or_path}{hint}; name a YAML file, or one of {known}.") from error


def read_yaml(path: Path) -> object:
    """What a YAML file says; raises ``MappingError`` where it is not YAML, ``OSError`` where it cannot be read."""
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not YAML: {' '.join(str(error).split())}; mend it there.") from error


def parse_mapping(given: object, name: str) -> Mapping:
    """Make a mapping of what a mapping file says; ``name`` stands for the file in errors."""
    kinds = [get_args(one.model_fields["kind"].annotation)[0] for one in (ExportMapping, EventLogMapping)]
    if not isinstance(given, dict) or given.get("kind") not in kinds:
        found = given.get("kind") if isinstance(given, dict) else None
        hint = did_you_mean(str(found), kinds)
        raise MappingError(f'{name}: kind is "{found}"{hint}; write `kind: export` or `kind: event_log` at the top.')
    try:
        return _ANY.validate_python(given)
    except ValidationError as error:
        raise MappingError(f"{name}: {sentences(error)}") from error


_ANY: TypeAdapter[Mapping] = TypeAdapter(Annotated[Mapping, Field(discriminator="kind")])


def sentences(error: ValidationError, skip: int = 1) -> str:
    """Each problem with the key it is at, in order, once; ``skip`` parts of its place are pydantic's own."""
    found = [(_key(problem["loc"][skip:]), problem["msg"].removeprefix("Value error, ")) for problem in error.errors()]
    return "; ".join(dict.fromkeys(f"{key}: {message}" if key else message for key, message in found)) + "."


def _key(location: tuple[int | str, ...]) -> str:
    """The path of a key: ``files[0].changes[2].at``."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def exported_at(mapping: Mapping, given: datetime | None, files: list[Path]) -> datetime | None:
    """The instant of an export: as given, as the mapping says, or when the latest of its files was written."""
    if given is not None or not isinstance(mapping, ExportMapping):
        return given
    if mapping.exported_at is not None:
        return mapping.exported_at
    return last_written(files)
