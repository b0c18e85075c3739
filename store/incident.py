"""Which incident a store holds."""

from typing import NamedTuple

from store.connection import Store


class Incident(NamedTuple):
    """The one incident of a store; `demo` marks the invented one, which `--demo` may open again."""

    name: str
    demo: bool


_INCIDENT = "SELECT name, demo FROM incident"


def incident(store: Store) -> Incident:
    """The incident of this store, as `init` named it."""
    with store.reading() as connection:
        name, demo = connection.execute(_INCIDENT).fetchone()
    return Incident(str(name), bool(demo))
