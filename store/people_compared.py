"""The people of an incident and whom its partners read in common: which partners are compared, and all that is told.

It chooses the partners and puts the answers of `store.overlap` and `store.people` together.
"""

from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.figures import Figures, figures
from store.overlap import MOST_PARTNERS, Overlap, overlap
from store.parameters import Parameters, resolve
from store.people import PeopleCounts, Registered, Whose, count_registered, registry_of_people
from store.rulebook import current_rulebook
from store.sheet_words import cell_range, qualifier_words
from store.words import count_words, counted, qualified
from store.world import world_under

if TYPE_CHECKING:
    from store.read_pairs import Pairs

MOST_AROUND = 25


class Why(Enum):
    """Why these partners are compared."""

    MARKED = "marked"
    IN_VIEW = "in view"
    AROUND = "around"
    ALL = "all"


class Choice(NamedTuple):
    """Which partners to compare.

    Attributes:
        why: the marked ones; those in view, or of the incident, that read; one and whom it shares most people with.
        partners: internal ids: the marked ones, those in view, the one; none for all of the incident.
    """

    why: Why
    partners: tuple[int, ...] = ()


PEOPLE, ALONE, BEYOND, SHARED = range(4)


class Together(Enum):
    """Lines that are not one partner's."""

    EVERYBODY = "everybody"
    TOGETHER = "together"


EVERYBODY, TOGETHER = Together.EVERYBODY, Together.TOGETHER
Line = Together | int
"""A line of the comparison: a partner's by its place, or that of several together."""


class Figure(NamedTuple):
    """One number.

    Attributes:
        value: distinct people.
        qualifier: empty where what is not logged may add to the number or take from it.
        words: by whom they were read; `brief`: without the ids. Names are the registry's, and not clean.
        whose: exactly these people.
        partner: internal id and name of the one whose reads count; None: several partners' do.
    """

    value: int
    qualifier: str
    words: str
    brief: str
    whose: Whose
    partner: tuple[int, str] | None = None


class Comparison(NamedTuple):
    """What is known of the people of some partners.

    Attributes:
        choice: what was asked for.
        overlap: the partners compared, most people first.
        left_out: how many more were asked for that read.
        readers: how many partners of the incident read anybody.
        everybody: how many distinct people all of them read.
        alone: how many distinct people no partner but those compared read.
        counts: the distinct people of those compared, by country and age; None: no registry of people was imported.
        figures: that all this stands among: its range and qualifier.
        rulebook: SHA-256; empty for an empty rulebook.
    """

    choice: Choice
    overlap: Overlap
    left_out: int
    readers: int
    everybody: int
    alone: int
    counts: PeopleCounts | None
    figures: Figures
    rulebook: str

    @property
    def is_everybody(self) -> bool:
        """Whether all partners of the incident that read anybody are among those compared."""
        return sum(row.people > 0 for row in self.overlap.rows) == self.readers

    @property
    def lines(self) -> tuple[Line, ...]:
        """What has a line of its own: the incident and those compared where they are others, then each partner."""
        rows = self.overlap.rows
        first: list[Line] = [] if self.is_everybody else [EVERYBODY]
        return (*first, *([TOGETHER] if len(rows) > 1 else []), *range(len(rows)))

    def figure(self, line: Line, column: int) -> Figure | None:
        """The number of a line in a column: `PEOPLE`, `ALONE`, `BEYOND`, or from `SHARED` on a partner compared each.

        None where there is none.
        """
        rows, qualifier = self.overlap.rows, self.overlap.qualifier
        # What is not logged can take from a difference as well as add to it.
        either_way = "" if qualifier == "at_least" else qualifier
        shared = column - SHARED
        # Whose list it is must hold, too, when another partner has read somebody meanwhile: so no number of partners.
        anybody = "by any partner of the incident, each counted once"
        everybody = Figure(self.everybody, qualifier, anybody, anybody, Whose())
        if line is EVERYBODY:
            return everybody if column == PEOPLE else None
        if isinstance(line, Together):
            if shared >= 0:
                return self.figure(shared, PEOPLE)
            if column == PEOPLE and self.is_everybody:
                return everybody
            compared = tuple(row.partner for row in rows)
            words = f"by the {counted(len(rows), 'partner')} compared"
            if column == PEOPLE:
                words = f"{words}, each counted once"
                return Figure(self.overlap.together, qualifier, words, words, Whose(compared))
            words = f"{words} and by no other"
            whose = Whose(compared, alone=True)
            return Figure(self.alone, either_way, words, words, whose) if column == ALONE else None
        row = rows[line]
        brief, name, mine = f"by {row.name}", f"by {row.name} ({row.partner_id})", (row.partner,)
        partner = (row.partner, row.name)
        if column == PEOPLE or shared == line:
            return Figure(row.people, qualifier, name, brief, Whose(mine), partner)
        if shared >= 0:
            other = rows[shared]
            words = f"by both {row.name} ({row.partner_id}) and {other.name} ({other.partner_id})"
            brief = f"by both {row.name} and {other.name}"
            return Figure(row.shared[shared], qualifier, words, brief, Whose(mine, also_by=other.partner), partner)
        if column == ALONE:
            value, more, whose = row.alone, "and by no other partner", Whose(mine, alone=True)
        else:
            others = tuple(each.partner for each in rows if each.partner != row.partner)
            more = f"and by none of the other {count_words(len(others))} compared"
            value, whose = row.beyond, Whose(mine, not_by=others)
        return Figure(value, either_way, f"{name} {more}", f"{brief} {more}", whose, partner)


def comparison(store: Store, parameters: Parameters, choice: Choice) -> Comparison:
    """Compare partners by whom they read, over their restricted reads before as-of; at most `MOST_PARTNERS` of them.

    Raises:
        UsageError: a partner does not exist.
    """
    import numpy as np

    from store.read_pairs import read_pairs

    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        pairs = read_pairs(connection, world, resolve(world.rulebook, parameters))
        chosen, left_out = _chosen(pairs, choice)
        answer = figures(store, parameters)
        told = overlap(store, chosen, parameters) if chosen else Overlap((), 0, answer.qualifier)
        is_compared = np.isin(pairs.partner, chosen)
        together = np.unique(pairs.person[is_compared])
        registered = registry_of_people(connection, world)
        unknown: Registered = (None, None)
        return Comparison(
            choice=choice,
            overlap=told,
            left_out=left_out,
            readers=len(np.unique(pairs.partner)),
            everybody=len(np.unique(pairs.person)),
            alone=len(np.setdiff1d(together, pairs.person[np.logical_not(is_compared)])),
            counts=count_registered([registered.get(each, unknown) for each in together.tolist()])
            if registered
            else None,
            figures=answer,
            rulebook=current_rulebook(store).sha256,
        )


def _chosen(pairs: "Pairs", choice: Choice) -> tuple[list[int], int]:
    """The partners to compare, most people first, and how many were left out."""
    import numpy as np

    partners, counts = np.unique(pairs.partner, return_counts=True)
    people = dict(zip(partners.tolist(), counts.tolist(), strict=True))
    if choice.why is Why.AROUND:
        (centre,) = choice.partners
        mine = np.zeros(int(pairs.person.max(initial=0)) + 1, dtype=bool)
        mine[pairs.person[pairs.partner == centre]] = True
        common = np.bincount(pairs.partner[mine[pairs.person]]).tolist()
        others = [each for each, number in enumerate(common) if number and each != centre]
        others.sort(key=lambda each: (-common[each], each))
        asked, most = [centre, *others], MOST_AROUND + 1
    else:
        asked = list(people) if choice.why is Why.ALL else list(dict.fromkeys(choice.partners))
        if choice.why is Why.IN_VIEW:
            asked = [each for each in asked if each in people]
        asked.sort(key=lambda each: (-people.get(each, 0), each))
        most = MOST_PARTNERS
    return sorted(asked[:most], key=lambda each: (-people.get(each, 0), each)), len(asked[most:])


def chosen_words(found: Comparison) -> str:
    """Which partners are compared, and of how many; names are the registry's, and not clean."""
    rows, why = found.overlap.rows, found.choice.why
    number = len(rows) - (why is Why.AROUND)
    total = number + found.left_out
    partners = (
        f"{count_words(number)} of {count_words(total)} partners" if found.left_out else counted(number, "partner")
    )
    if why is Why.AROUND:
        centre = next(row.name for row in rows if row.partner == found.choice.partners[0])
        if not number:
            return f"{centre}, which shares nobody with another partner"
        return f"{centre} and {partners} that {'shares' if total == 1 else 'share'} people with it"
    how = {Why.MARKED: "marked", Why.IN_VIEW: "in view that read", Why.ALL: "of the incident that read"}[why]
    return f"{partners} {how}"


def figure_words(figure: Figure, *, brief: bool = False) -> str:
    """`38 people read by both A (p-1) and B (p-2)`; without the ids if brief. Names are not clean."""
    number = qualified(figure.value, figure.qualifier) if figure.qualifier else count_words(figure.value)
    noun = "person" if figure.value == 1 else "people"
    return f"{number} {noun} read {figure.brief if brief else figure.words}"


def figure_copied(found: Comparison, figure: Figure) -> str:
    """The number with its qualifier, its range and the rulebook."""
    qualifier = qualifier_words(figure.qualifier) or "as logged, what is not logged may add or take away"
    rules = f"rulebook {found.rulebook[:8]}" if found.rulebook else "empty rulebook"
    return f"{figure_words(figure)}; {qualifier}; {cell_range('accessed.people', found.figures)} ({rules})"
