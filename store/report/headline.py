"""The figures of a report: of today, or as a disclosure froze them. Both come as the document that `figures` prints."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from store.instants import format_day, format_instant, last_day_before, parse_point, read_words
from store.kept import Population
from store.report.parts import Block, Cell, Count, Heading, Lines, Table, Tile, Tiles, Words
from store.words import HOW_SURE, QUALIFIERS, VERDICTS, count_words, duration_words, qualified, step_words

_READING = ("accessed", "recent", "after_removal")


class Headline(NamedTuple):
    """The figures side by side, with all that qualifies them.

    Attributes:
        as_of: exclusive; `cutoff`: None without rules; both microseconds UTC.
        recent_from: first instant of the window, never before the cut-off, microseconds UTC.
        populations: those that read, by name.
        first_lag: smallest time from a removal to a restricted read after it, microseconds; None without any.
    """

    incident: str
    as_of: int
    cutoff: int | None
    window_days: int
    recent_from: int
    today: int
    retained_partners: int
    retained_apps: int
    ungranted_partners: int
    populations: Mapping[str, Population]
    denied_attempts: int
    first_lag: int | None
    verdicts: Mapping[str, int]
    events_from_as_of: int
    cases: Mapping[str, int]
    audits: Mapping[str, int]
    sentence: str
    caveats: tuple[str, ...]


def headline(document: Mapping[str, Any], recent_from: int) -> Headline:
    """The headline of a document that `store.figures.figures_document` made.

    Args:
        recent_from: first instant of the window, microseconds UTC.
    """
    cutoff = None if document["cutoff"] is None else parse_point(document["cutoff"])
    retained, after = document["retained"], document["after_removal"]
    lag = after["first_lag_seconds"]
    return Headline(
        incident=document["incident"],
        as_of=parse_point(document["as_of"]),
        cutoff=cutoff,
        window_days=document["window_days"],
        recent_from=recent_from if cutoff is None else max(recent_from, cutoff),
        today=parse_point(document["today"]),
        retained_partners=retained["partners"],
        retained_apps=retained["apps"],
        ungranted_partners=retained["ungranted_partners"],
        populations={
            name: Population(**{field: document[name][field] for field in Population._fields}) for name in _READING
        },
        denied_attempts=after["denied_attempts"],
        first_lag=None if lag is None else round(lag * 1_000_000),
        verdicts=document["verdicts"],
        events_from_as_of=document["events_from_as_of"],
        cases=document["cases"],
        audits=document["audits"],
        sentence=document["sentence"],
        caveats=tuple(document["caveats"]),
    )


def range_words(found: Headline) -> str:
    """Of what, and judged when: `Reads from 2018-04-04 to 2019-11-04 UTC (as of ..., exclusive)`."""
    reads = read_words(found.cutoff, found.as_of)
    return f"Reads {reads} (as of {format_instant(found.as_of)}, exclusive). Work as of {format_instant(found.today)}."


# --- in short ------------------------------------------------------------------------------------------------------


def summary(found: Headline) -> tuple[Block, ...]:
    """Headline figures, the sentence, the alarm, the caveats."""
    after = found.populations["after_removal"]
    blocks: list[Block] = [Tiles("headline", _tiles(found)), Words(found.sentence)]
    if after.partners:
        blocks.append(
            Words(
                f"{qualified(after.partners, after.qualifier)} {_plural(after.partners, 'partner')} read after their"
                f" access was removed, {qualified(after.events, after.qualifier)}"
                f" {_plural(after.events, 'time')}; {count_words(found.denied_attempts)} further"
                f" {'attempt was' if found.denied_attempts == 1 else 'attempts were'} denied.",
                is_loud=True,
            )
        )
    if found.caveats:
        blocks.append(Lines("caveats", "What limits these figures", found.caveats))
    return tuple(blocks)


def _tiles(found: Headline) -> tuple[Tile, ...]:
    apps, alone = found.retained_apps, found.ungranted_partners
    window = f"{format_day(found.recent_from)}..{last_day_before(found.as_of)}"
    lag = () if found.first_lag is None else (f"first after {duration_words(found.first_lag)}",)
    kept = Tile(
        "Kept access",
        Count(found.retained_partners),
        _plural(found.retained_partners, "partner"),
        (
            f"{count_words(apps)} {_plural(apps, 'app')}",
            *((f"{count_words(alone)} {_plural(alone, 'partner')} shown by reads alone",) if alone else ()),
        ),
    )
    after = found.populations["after_removal"]
    return (
        kept,
        _tile("Read", found.populations["accessed"]),
        _tile(f"Last {count_words(found.window_days)} days", found.populations["recent"], window),
        _tile("Read after removal", after, *lag, is_alarm=after.partners > 0),
    )


def _tile(title: str, its: Population, *beneath: str, is_alarm: bool = False) -> Tile:
    told = (
        f"{qualified(its.people, its.qualifier)} {'person' if its.people == 1 else 'people'}",
        f"{qualified(its.resources, its.qualifier)} {_plural(its.resources, 'resource')}",
        f"{qualified(its.events, its.qualifier)} restricted {_plural(its.events, 'read')}",
    )
    unit = _plural(its.partners, "partner")
    lines = (*told, *beneath, HOW_SURE[its.qualifier])
    return Tile(title, Count(its.partners, its.qualifier), unit, lines, is_alarm=is_alarm)


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


# --- side by side --------------------------------------------------------------------------------------------------

_POPULATIONS = (
    Heading("population", "Population"),
    Heading("partners", "Partners", is_number=True),
    Heading("apps", "Apps", is_number=True),
    Heading("people", "People", is_number=True),
    Heading("resources", "Resources", is_number=True),
    Heading("data_classes", "Data classes", is_number=True),
    Heading("events", "Restricted reads", is_number=True),
    Heading("records", "Records", is_number=True),
    Heading("events_without_subject", "Reads without a person", is_number=True),
    Heading("events_without_records", "Reads without records", is_number=True),
    Heading("qualifier", "How sure"),
)


def populations(found: Headline) -> tuple[Block, ...]:
    """The populations side by side, and all events by verdict."""
    kept = (found.retained_partners, found.retained_apps)
    rows: list[tuple[Cell, ...]] = [("kept access", *kept, *(None,) * 7, "by grants and by reads")]
    titles = {
        "accessed": "read",
        "recent": f"read from {format_day(found.recent_from)}, last {count_words(found.window_days)} d",
        "after_removal": "read after removal",
    }
    for name, its in found.populations.items():
        counts = (its.partners, its.apps, its.people, its.resources, its.data_classes, its.events, its.records)
        rows.append(
            (
                titles[name],
                *(Count(number, its.qualifier) for number in counts),
                its.events_without_subject,
                its.events_without_records,
                QUALIFIERS[its.qualifier],
            )
        )
    verdicts: list[tuple[Cell, ...]] = [(words, found.verdicts.get(name, 0)) for name, words in VERDICTS.items()]
    verdicts.append(("from as-of on, counted nowhere", found.events_from_as_of))
    return (
        Table("populations", "Each inside the one above it; after removal is inside read", _POPULATIONS, tuple(rows)),
        Words("≥ means at least: part of the time is not logged, or reads name no person. ~ means it may be too high."),
        Table(
            "verdicts",
            "Every event before as-of has one verdict",
            (Heading("verdict", "Verdict"), Heading("events", "Events", is_number=True)),
            tuple(verdicts),
        ),
    )


# --- work ----------------------------------------------------------------------------------------------------------


def work(found: Headline) -> tuple[Block, ...]:
    """Cases by state, and partners by stage."""
    numbers = Heading("partners", "Partners", is_number=True)
    cases: tuple[tuple[Cell, ...], ...] = tuple(
        ("closed" if name == "cleared" else name, count) for name, count in found.cases.items()
    )
    stages: tuple[tuple[Cell, ...], ...] = tuple((_stage_words(name), count) for name, count in found.audits.items())
    return (
        Table("cases", "Cases by state", (Heading("state", "State"), numbers), cases),
        Table(
            "audits",
            "Partners by the stage of their least advanced app; overdue, on hold and the like are counted besides",
            (Heading("stage", "Stage"), numbers),
            stages,
        ),
        Words("Certified is not verified: a certificate is the partner's word, an audit passed is not."),
    )


def _stage_words(name: str) -> str:
    return {"passed": "audit passed", "failed": "audit failed"}.get(name) or step_words(name)
