"""The errors this project raises on purpose.

PlumblineError          anything wrong with what we were given
├── SchemaError         a table or a file lacks a column, or a whole file cannot be read
├── MappingError        a mapping file says something that cannot be done
├── SettingsError       a setting is missing, or cannot be used as it is
├── StoreError          the store cannot be opened, read or written
├── LeakError           columns tell how a deal ended, not what was known of it before
├── HindsightError      a score was asked for as of an instant that the scorer has seen past
├── NoModelError        a score was asked for before there was a model
├── RegistryError       MLflow cannot be reached or used, or what it holds is damaged
├── GateError           a scorer may not become the champion; says which figures speak against it
└── NotEnoughDataError  too little history for what was asked; says what is missing

Rows that break the contract raise nothing: they are refused, written down and counted (``crm/rejects.py``).
"""


class PlumblineError(Exception):
    """Anything wrong with what we were given; its text is a sentence for the person at the keyboard."""


class SchemaError(PlumblineError):
    """A table or a file lacks a column, or a whole file cannot be read."""


class MappingError(PlumblineError):
    """A mapping file says something that cannot be done."""


class SettingsError(PlumblineError):
    """A setting is missing, or cannot be used as it is."""


class StoreError(PlumblineError):
    """The store cannot be opened, read or written."""


class LeakError(PlumblineError):
    """Columns tell how a deal ended, not what was known of it before; the text names each, and why."""


class HindsightError(PlumblineError):
    """A score was asked for as of an instant that the scorer has seen past: it is not what would have been said."""


class NoModelError(PlumblineError):
    """A score was asked for before there was a model."""


class RegistryError(PlumblineError):
    """MLflow cannot be reached or used, or what it holds is damaged."""


class GateError(PlumblineError):
    """A scorer may not become the champion; the text says which figures speak against it."""


class NotEnoughDataError(PlumblineError):
    """Too little history for what was asked; the text says what is missing."""
