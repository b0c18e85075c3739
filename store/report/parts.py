"""What a report is made of, whatever it is written down as: sections of words, lists, tables and pictures.

It knows nothing of the store, nor of HTML, Markdown or CSV. Texts are as the data has them; each form makes them safe.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from store.coverage import Gap
from store.timeline import Bin


class Count(NamedTuple):
    """A number with how far it can be trusted: see `store.words.qualified`."""

    value: int
    qualifier: str = "exact"


Cell: TypeAlias = "str | int | Count | None"


class Heading(NamedTuple):
    """A column: its name for programs, its title for people, and whether it holds numbers."""

    key: str
    title: str
    is_number: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under headings.

    Attributes:
        key: its name for programs, unique in its report.
        caption: what the rows are, for people.
        is_facts: two columns, what and how much, whose headings say nothing.
        is_folded: long, and told elsewhere in short: shown on demand where the form can.
        nothing: what stands for it where it has no rows.
    """

    key: str
    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[tuple[Cell, ...], ...]
    is_facts: bool = False
    is_folded: bool = False
    nothing: str = "none"


class Words(NamedTuple):
    """A paragraph. `is_loud`: what the reader must not miss."""

    text: str
    is_loud: bool = False


class Lines(NamedTuple):
    """A list of sentences under a name for programs, with a title for people. `is_code`: commands, to be typed."""

    key: str
    title: str
    lines: tuple[str, ...]
    is_code: bool = False


class Tile(NamedTuple):
    """A headline figure: what it counts, the number, what belongs to it, and whether it is an alarm."""

    title: str
    number: Count
    unit: str
    beneath: tuple[str, ...]
    is_alarm: bool = False


class Tiles(NamedTuple):
    """The headline figures, side by side."""

    key: str
    tiles: tuple[Tile, ...]


class Lane(NamedTuple):
    """Intervals under a time axis, half-open, microseconds UTC. `kind`: `could` read, or the `log` is complete."""

    name: str
    kind: str
    intervals: tuple[tuple[int, int], ...]


class Mark(NamedTuple):
    """Something dated beside the reads: its letter and its words."""

    at: int
    letter: str
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture of `[from_at, until_at)`, microseconds UTC: bars, what happened beside, lanes below.

    Attributes:
        alternative: what it shows, in words.
        bins: bars; none: only lanes.
        gaps: what some source does not cover: hatched, for silence there says nothing.
        lanes_left_out: how many lanes are not drawn.
    """

    key: str
    title: str
    alternative: str
    from_at: int
    until_at: int
    bins: tuple[Bin, ...] = ()
    marks: tuple[Mark, ...] = ()
    gaps: tuple[Gap, ...] = ()
    lanes: tuple[Lane, ...] = ()
    lanes_left_out: int = 0


Block: TypeAlias = Table | Words | Lines | Tiles | Chart


class Section(NamedTuple):
    """A part of a report: its name for programs, its title for people, what it holds. `is_wide`: better sideways."""

    key: str
    title: str
    blocks: tuple[Block, ...]
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A report, not yet written down.

    Attributes:
        title: whose it is; `subtitle`: what kind of report, over which time.
        document: all of it as JSON, lossless: what the sections say is made of the same answers.
        logged: what the log is to say of it, beside what is said of its file.
    """

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    document: dict[str, object] = field(default_factory=dict)
    logged: dict[str, object] = field(default_factory=dict)
