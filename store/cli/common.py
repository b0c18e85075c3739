"""What several commands need: the store that was named, who acts, the parameters, a partner by its outside id."""

import getpass
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from store.connection import Store, open_store
from store.errors import UsageError
from store.parameters import Parameters
from store.text import clean

if TYPE_CHECKING:
    from store.what_if import Variation


@contextmanager
def opened(options: Namespace) -> Iterator[Store]:
    """The store that `--db` names, for a `with`; at its end a line on stderr of what its owner should know.

    What goes wrong has its one line to itself.

    Raises:
        StoreError: there is none, or it is not one.
    """
    with open_store(options.db) as store:
        told = [store.remark] if store.remark else []
        # Who only asks is not bothered with what the owner should see to.
        store.on_first_write = partial(told.extend, store.notices)
        yield store
        if told:
            _say("; ".join(told))


def _say(line: str) -> None:
    print(clean(line, 400), file=sys.stderr)


def actor_of(options: Namespace) -> str:
    """Who acts: `--as`, else the login name.

    Raises:
        UsageError: the system knows no login name.
    """
    if options.actor is not None:
        return str(options.actor)
    try:
        login = getpass.getuser()
    except (KeyError, OSError) as error:
        raise UsageError("this system does not say who you are: give --as NAME") from error
    if login.casefold() == "system":
        raise UsageError("`system` is what the tool itself signs with: give --as NAME")
    return login


def parameters_of(options: Namespace) -> Parameters:
    """The parameters that were given; the others are the rulebook's."""
    return Parameters(
        as_of=options.as_of,
        window_days=getattr(options, "window", None),
        cutoff=getattr(options, "cutoff", None),
        today=options.today,
        variation=_variation_of(options),
    )


def _variation_of(options: Namespace) -> "Variation | None":
    """The what-if that was asked for; None for none."""
    asked = [getattr(options, name, None) or [] for name in ("without", "accepting", "without_app")]
    if not any(asked):
        return None
    from store.what_if import variation

    return variation(without=asked[0], accepting=asked[1], without_apps=asked[2])


def partner_of(store: Store, partner_id: str | None) -> int | None:
    """The internal id of a partner; None for None.

    Raises:
        UsageError: unknown.
    """
    from store.names import find_partner

    return None if partner_id is None else find_partner(store, partner_id)


def bounds(from_at: int | None, until_at: int | None) -> None:
    """Refuse an interval that is empty or runs backwards.

    Raises:
        UsageError: `until` is not after `from`.
    """
    from store.instants import format_instant

    if from_at is not None and until_at is not None and until_at <= from_at:
        raise UsageError(f"--until {format_instant(until_at)} is not after --from {format_instant(from_at)}")


def due_words(due: int | None, *, overdue: bool) -> str | None:
    """`2020-01-04`, `2020-01-04 overdue`; None without a due date."""
    from store.instants import format_day

    if due is None:
        return None
    return f"{format_day(due)}{' overdue' if overdue else ''}"


def to_second(instant: int) -> str:
    """An instant without its fraction of a second: `2019-11-05T14:02:09Z`."""
    from store.instants import format_instant

    return f"{format_instant(instant)[:19]}Z"
