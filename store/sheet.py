"""The disclosure sheet: the figures side by side and how long things took; and a what-if beside it."""

from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.figures import Figures, figures
from store.instants import format_instant, format_optional
from store.parameters import Parameters, resolve
from store.partners import POPULATIONS, partner_columns
from store.rulebook import rulebook_in
from store.what_if import variation_words
from store.words import duration_words

if TYPE_CHECKING:
    from store.members import Flipped

POPULATION_NAMES = tuple(name for name in POPULATIONS if name != "all")


class Times(NamedTuple):
    """When what happened, microseconds UTC; None where it did not, or nobody says. Each is another time, never merged.

    Attributes:
        first_read, last_read: first and last restricted read before as-of.
        aware_at: when the platform became aware, as the rulebook says.
        first_removal, last_removal: the removals of access that are evidence.
        first_told: when the first partner was told, a step of the record.
        authority_told, people_told, report_filed: the incident's own steps, each the first of its name.
    """

    first_read: int | None
    last_read: int | None
    aware_at: int | None
    first_removal: int | None
    last_removal: int | None
    first_told: int | None
    authority_told: int | None
    people_told: int | None
    report_filed: int | None


class Sheet(NamedTuple):
    """Everything that one sheet says.

    Attributes:
        figures: the populations and all that goes with them.
        times: when what happened.
    """

    figures: Figures
    times: Times


class Flips(NamedTuple):
    """The partners that a what-if brings into a population, and those that it takes out, each by name."""

    population: str
    entered: "tuple[Flipped, ...]"
    left: "tuple[Flipped, ...]"


class Comparison(NamedTuple):
    """A sheet's figures, those of a what-if, and the partners that differ."""

    now: Figures
    what_if: Figures
    flips: tuple[Flips, ...]


_REMOVALS = "SELECT min(removed_at), max(removed_at) FROM live_removals"


def sheet(store: Store, parameters: Parameters) -> Sheet:
    """The sheet under these parameters."""
    with store.reading():
        return Sheet(figures(store, parameters), times(store, parameters))


def times(store: Store, parameters: Parameters) -> Times:
    """When what happened; reads before as-of, steps whatever the as-of."""
    from store.audit_rows import steps_by_partner, steps_of_incident

    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        columns = partner_columns(store, connection, resolve(rulebook, parameters), kept=parameters.are_defaults())
        reading = columns.members("accessed")
        first, last = (columns.numbers[name][reading].tolist() for name in ("first_at", "last_at"))
        first_removal, last_removal = connection.execute(_REMOVALS).fetchone()
        told = [step.at for mine in steps_by_partner(connection).values() for step in mine if step.step == "notified"]
        taken: dict[str, int] = {}
        for step in steps_of_incident(connection):
            taken.setdefault(step.step, step.at)
    return Times(
        first_read=min(first, default=None),
        last_read=max(last, default=None),
        aware_at=rulebook.aware_at,
        first_removal=first_removal,
        last_removal=last_removal,
        first_told=min(told, default=None),
        authority_told=taken.get("authority_told"),
        people_told=taken.get("people_told"),
        report_filed=taken.get("report_filed"),
    )


def time_lines(found: Times) -> list[tuple[str, str]]:
    """Each time, and how long it took from the platform's becoming aware, as name and words."""
    lines = []
    for name, at in zip(Times._fields, found, strict=True):
        words = "not known" if at is None else f"{format_instant(at)[:16]}Z"
        if at is not None and found.aware_at is not None and name not in ("aware_at", "first_read"):
            since = at - found.aware_at
            words += f"   {duration_words(abs(since))} {'after' if since >= 0 else 'before'} aware"
        lines.append((_TIME_WORDS[name], words))
    return lines


def span_lines(found: Times) -> list[tuple[str, str]]:
    """How long it took from one time to the next, as name and words; of the work, from aware to removal to notice."""
    spans = (
        ("first to last read", found.first_read, found.last_read),
        ("aware to last removal", found.aware_at, found.last_removal),
        ("first removal to told", found.first_removal, found.first_told),
    )
    return [(name, _span_words(since, until)) for name, since, until in spans]


def _span_words(since: int | None, until: int | None) -> str:
    if since is None or until is None:
        return "not known"
    return f"{duration_words(abs(until - since))}{'' if until >= since else ' before'}"


_TIME_WORDS = {
    "first_read": "first restricted read",
    "last_read": "last restricted read",
    "aware_at": "aware",
    "first_removal": "first removal",
    "last_removal": "last removal",
    "first_told": "first partner told",
    "authority_told": "authority told",
    "people_told": "people told",
    "report_filed": "report filed",
}


def prepare(store: Store, parameters: Parameters) -> None:
    """Make what every what-if is counted from, before somebody waits for the first one."""
    from store.counting import counts_of
    from store.world import world_under

    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        counts_of(connection, world, resolve(world.rulebook, parameters))


def compare(store: Store, now: Parameters, what_if: Parameters) -> Comparison:
    """The figures under two sets of parameters of one and the same evidence, and the partners that differ."""
    from store.members import members, only_in

    with store.reading() as connection:
        rulebook = rulebook_in(connection)
        before, after = (
            members(store, connection, resolve(rulebook, each), kept=each.are_defaults()) for each in (now, what_if)
        )
        flips = [
            Flips(
                name,
                entered=only_in(store, connection, getattr(after, name), getattr(before, name)),
                left=only_in(store, connection, getattr(before, name), getattr(after, name)),
            )
            for name in POPULATION_NAMES
        ]
        return Comparison(figures(store, now), figures(store, what_if), tuple(flips))


def sheet_document(found: Sheet) -> dict[str, object]:
    """What the sheet adds to the figures as JSON."""
    return {
        "times": {name: format_optional(at) for name, at in found.times._asdict().items()},
        "spans": dict(span_lines(found.times)),
    }


def what_if_words(parameters: Parameters) -> str:
    """What a what-if changes, in words; empty where it changes nothing."""
    told = []
    if parameters.cutoff is not None:
        told.append(f"rules from {format_instant(parameters.cutoff)[:16]}Z")
    if parameters.as_of is not None:
        told.append(f"as of {format_instant(parameters.as_of)[:16]}Z")
    if parameters.window_days is not None:
        told.append(f"window {parameters.window_days} d")
    if parameters.variation is not None:
        told.append(variation_words(parameters.variation))
    return "; ".join(part for part in told if part)
