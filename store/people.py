"""Whose data it was: the notification list."""

from typing import NamedTuple

from store.connection import Store
from store.parameters import Parameters


class PersonRow(NamedTuple):
    """A person whose restricted data was read, with what was read and by how many.

    Attributes:
        first_at, last_at: first and last improper event, microseconds UTC.
        data_classes: the classes of those events that were improper, sorted.
    """

    subject_id: str
    partners: int
    apps: int
    events: int
    resources: int
    data_classes: tuple[str, ...]
    first_at: int
    last_at: int


def people(store: Store, parameters: Parameters, partner: int | None = None) -> list[PersonRow]:
    """Everyone an improper event before as-of names, by subject id; of one partner where given."""
    raise NotImplementedError


def person_document(row: PersonRow) -> dict[str, object]:
    """One person as `python -m store people --json` prints it."""
    raise NotImplementedError
