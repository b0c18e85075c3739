"""The shape of a partner's access in plain sentences, each with the filter of the events it rests on."""

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from store.connection import Store
from store.instants import MICROSECONDS_PER_DAY, format_day, format_instant, format_optional, last_day_before
from store.parameters import Parameters, resolve
from store.words import count_words, duration_words

if TYPE_CHECKING:
    from store.shape_facts import ShapeFacts, Stretch

YES, NO, UNCLEAR, NUMBER = "yes", "no", "unclear", "number"
# With fewer restricted reads than this in logged time, no trend is told.
FEWEST_READS = 20
_MOST_LAGS = 5
_MOST_RESOURCES = 3
_MOST_NAMES = 3


class Statement(NamedTuple):
    """A sentence about one partner's access, and the events it rests on: those of the partner that fit the filter.

    Attributes:
        topic: read, first_read, last_read, days_between, stopped_after_removal, lags, share_of_people,
            share_in_resource, decreased_over_time.
        answer: yes, no, unclear, or number where it only tells numbers.
        text: app names and resource ids in it are as the data has them.
        from_at, until_at: `[from_at, until_at)`, microseconds UTC; None: unbounded.
        resource: outside id; None: any.
        verdict: None: any.
        after_removal: only events after a removal.
    """

    topic: str
    answer: str
    text: str
    from_at: int | None
    until_at: int | None
    resource: str | None
    verdict: str | None
    after_removal: bool = False


def shape_of_access(store: Store, partner: int, parameters: Parameters) -> tuple[Statement, ...]:
    """The shape of one partner's (internal id) access, from its events before as-of.

    * read: whether there is any restricted read; without one `no` only if every day is logged and nothing is unsettled.
    * first and last restricted read, days between their dates, and on how many days there was one.
    * stopped_after_removal: `no` if any restricted read is after a removal (DOMAIN, after_removal). `yes` if every app
      that read was removed, none was granted anything since, no restricted or unsettled read came since, and every
      day since is logged on an imported basis. Else `unclear`: silence where nothing was logged says nothing.
    * lags: the smallest times from a removal to a restricted read after it, their median and the largest.
    * share of known people: those that the partner read with restricted reads, of the distinct people in any event of
      anybody, at any time, in the same resource.
    * decreased_over_time: restricted reads per logged day, in logged time while a rule is in force, in the three thirds
      of the exposure. `yes` if no third has more than the one before and the last has at most half of the first;
      `unclear` with fewer than `FEWEST_READS` reads, or a third that is logged for less than half of it; else `no`.
    """
    from store.shape_facts import shape_facts
    from store.world import world_under

    with store.reading() as connection:
        world = world_under(store, connection, parameters.variation)
        facts = shape_facts(connection, world, resolve(world.rulebook, parameters), partner)
    return tuple(_statements(facts))


def statement_document(statement: Statement) -> dict[str, object]:
    """One statement as `python -m store shape --json` prints it."""
    return {
        "topic": statement.topic,
        "answer": statement.answer,
        "text": statement.text,
        "from": format_optional(statement.from_at),
        "until": format_optional(statement.until_at),
        "resource": statement.resource,
        "verdict": statement.verdict,
        "after_removal": statement.after_removal,
    }


def _statements(facts: "ShapeFacts") -> Iterator[Statement]:
    yield _read(facts)
    if not len(facts.reads):
        return
    yield from _span(facts)
    yield _stopped(facts)
    if len(facts.late):
        yield _lags(facts)
    yield from _shares(facts)
    yield _decreased(facts)


def _read(facts: "ShapeFacts") -> Statement:
    begin, end = facts.view.cutoff, facts.view.as_of
    if begin is None:
        return Statement("read", UNCLEAR, "The rulebook has no rules: no read is restricted.", None, None, None, None)
    days, covered = facts.days(begin, end)
    unsettled = f" {_reads(facts.undetermined, 'unsettled read')} may be." if facts.undetermined else ""
    if len(facts.reads):
        text = (
            f"{_reads(len(facts.reads))} of {_people(facts.people)} in {_resources(facts.resources)} from"
            f" {format_day(begin)} to {last_day_before(end)} UTC, {_logged(days, covered)}.{unsettled}"
        )
        return Statement("read", YES, text, begin, end, None, "improper")
    answer = NO if covered == days and not facts.undetermined and facts.is_imported else UNCLEAR
    text = f"No restricted read found from {format_day(begin)} to {last_day_before(end)} UTC, {_logged(days, covered)}"
    inferred = "" if facts.is_imported else ", as far as days with events tell; no log says that it is complete"
    verdict = "undetermined" if facts.undetermined else None
    return Statement("read", answer, f"{text}{inferred}.{unsettled}", begin, end, None, verdict)


def _span(facts: "ShapeFacts") -> Iterator[Statement]:
    first, last = int(facts.reads[0]), int(facts.reads[-1])
    begin, end = facts.view.cutoff or first, facts.view.as_of
    before, after = _lacking(facts, begin, first), _lacking(facts, last + 1, end)
    told = f"The first restricted read was at {format_instant(first)}" + (f"; {before} before it." if before else ".")
    yield Statement("first_read", NUMBER, told, first, first + 1, None, "improper")
    told = f"The last restricted read was at {format_instant(last)}" + (f"; {after} after it." if after else ".")
    yield Statement("last_read", NUMBER, told, last, last + 1, None, "improper")
    between = last // MICROSECONDS_PER_DAY - first // MICROSECONDS_PER_DAY
    with_reads = len({at // MICROSECONDS_PER_DAY for at in facts.reads.tolist()})
    days, covered = facts.days(first, last + 1)
    told = (
        f"{_count(between, 'day')} between the first and the last restricted read, with restricted reads on"
        f" {count_words(with_reads)} of the {_count(days, 'day')} they span, {_logged(days, covered)}."
    )
    yield Statement("days_between", NUMBER, told, first, last + 1, None, "improper")


def _stopped(facts: "ShapeFacts") -> Statement:
    topic, end = "stopped_after_removal", facts.view.as_of
    if facts.removed_at is None:
        text = f"No removal of its access is recorded up to {last_day_before(end)} UTC."
        return Statement(topic, UNCLEAR, text, None, end, None, "improper")
    first_removal = facts.removed_at[0]
    when = f"the removal of {format_instant(first_removal)}"
    if facts.removed_at[1] != first_removal:
        when = f"the removals of {format_instant(first_removal)} to {format_instant(facts.removed_at[1])}"
    if len(facts.late):
        text = (
            f"Reading did not stop: {_reads(len(facts.late))} after {when}, the soonest"
            f" {duration_words(int(facts.lags[0]))} after one, the last on {format_day(int(facts.late[-1]))}."
        )
        return Statement(topic, NO, text, first_removal, end, None, "improper", after_removal=True)
    doubts = []
    if facts.never_removed:
        doubts.append(f"{_names(facts.never_removed)} read too and was never removed")
    if facts.granted_again:
        doubts.append(f"{_names(facts.granted_again)} was granted access again")
    if facts.read_on:
        doubts.append(f"{_reads(facts.read_on)} came under a later grant or within the grace")
    if facts.undetermined_after:
        doubts.append(f"{_reads(facts.undetermined_after, 'unsettled read')} came later")
    if lacking := _lacking(facts, first_removal, end):
        doubts.append(lacking)
    if not facts.is_imported:
        doubts.append("no log says that it is complete")
    days, covered = facts.days(first_removal, end)
    text = f"Reading stopped: no restricted read was found after {when}, {_logged(days, covered)}."
    if doubts:
        found = "" if facts.read_on else "no restricted read was found since, but "
        text = f"Whether reading stopped after {when} is unclear: {found}{'; '.join(doubts)}."
    verdict = None if facts.undetermined_after else "improper"
    return Statement(topic, UNCLEAR if doubts else YES, text, first_removal, end, None, verdict)


def _lags(facts: "ShapeFacts") -> Statement:
    lags = [int(lag) for lag in facts.lags]
    told = ", ".join(duration_words(lag) for lag in lags[:_MOST_LAGS])
    text = f"Restricted reads came {told} after a removal"
    if len(lags) > _MOST_LAGS:
        text += f" and {count_words(len(lags) - _MOST_LAGS)} more"
        text += (
            f"; half of them within {duration_words(lags[(len(lags) - 1) // 2])}, the last {duration_words(lags[-1])}"
        )
    from_at, until_at = int(facts.late[0]), int(facts.late[-1]) + 1
    return Statement("lags", NUMBER, f"{text}.", from_at, until_at, None, "improper", after_removal=True)


def _shares(facts: "ShapeFacts") -> Iterator[Statement]:
    begin, end = int(facts.reads[0]), int(facts.reads[-1]) + 1
    shares = facts.shares
    if not shares:
        text = (
            "Which share of a resource's people was read is unclear: no restricted read names a person and a resource."
        )
        yield Statement("share_of_people", UNCLEAR, text, begin, end, None, "improper")
        return
    whole = sum(share.read == share.known for share in shares)
    half = sum(2 * share.read >= share.known for share in shares)
    text = (
        f"Of the people that anybody's events name in a resource, it read all in {count_words(whole)} and at least half"
        f" in {count_words(half)} of {_resources(len(shares))}."
    )
    yield Statement("share_of_people", NUMBER, text, begin, end, None, "improper")
    for share in shares[:_MOST_RESOURCES]:
        text = (
            f"In {share.resource} it read {count_words(share.read)} of {_people(share.known, 'known ')}"
            f" ({_percent(share.read, share.known)}) with {_reads(share.events)}{_nameless(share.nameless)}."
        )
        yield Statement("share_in_resource", NUMBER, text, begin, end, share.resource, "improper")


def _nameless(number: int) -> str:
    return f", {count_words(number)} of them of a person not named" if number else ""


def _decreased(facts: "ShapeFacts") -> Statement:
    topic, begin, end = "decreased_over_time", facts.view.cutoff, facts.view.as_of
    thirds = facts.thirds()
    reads = sum(third.reads for third in thirds)
    short = [third for third in thirds if 2 * third.logged < third.until_at - third.from_at or not third.logged]
    if reads < FEWEST_READS:
        text = f"Whether reading decreased over time is unclear: only {_reads(reads)} in logged time."
        return Statement(topic, UNCLEAR, text, begin, end, None, "improper")
    if short:
        where = " and ".join(f"{format_day(third.from_at)} to {last_day_before(third.until_at)}" for third in short)
        text = f"Whether reading decreased over time is unclear: less than half of {where} is logged under a rule."
        return Statement(topic, UNCLEAR, text, begin, end, None, "improper")
    rates = [_rate(third) for third in thirds]
    falls = rates[0] >= rates[1] >= rates[2] and 2 * rates[2] <= rates[0]
    told = ", ".join(_rate_words(rate) for rate in rates[:2]) + f" and {_rate_words(rates[2])}"
    text = (
        f"Reading {'decreased' if falls else 'did not clearly decrease'} over time: {told} restricted reads per logged"
        f" day in the thirds of {format_day(thirds[0].from_at)} to {last_day_before(end)} UTC."
    )
    return Statement(topic, YES if falls else NO, text, begin, end, None, "improper")


def _rate(third: "Stretch") -> Fraction:
    """Restricted reads per logged day."""
    return Fraction(third.reads * MICROSECONDS_PER_DAY, third.logged)


def _rate_words(rate: Fraction) -> str:
    return f"{float(rate):,.1f}" if rate >= 10 or rate == 0 else f"{float(rate):.2f}"


def _lacking(facts: "ShapeFacts", from_at: int, until_at: int) -> str:
    """`11 of 580 days are not logged`; nothing where all are."""
    days, covered = facts.days(from_at, until_at)
    missing = days - covered
    return (
        f"{count_words(missing)} of {_count(days, 'day')} {'is' if missing == 1 else 'are'} not logged"
        if missing
        else ""
    )


def _logged(days: int, covered: int) -> str:
    if days == covered:
        return "every day logged" if days > 1 else "that day logged"
    return f"{count_words(covered)} of {_count(days, 'day')} logged"


def _count(count: int, word: str) -> str:
    return f"{count_words(count)} {word}{'' if count == 1 else 's'}"


def _reads(count: int, word: str = "restricted read") -> str:
    return _count(count, word)


def _resources(count: int) -> str:
    return _count(count, "resource")


def _people(count: int, which: str = "") -> str:
    return f"{count_words(count)} {which}{'person' if count == 1 else 'people'}"


def _names(names: tuple[str, ...]) -> str:
    rest = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def _percent(part: int, whole: int) -> str:
    """Rounded down, but that something never reads as 0 %."""
    percent = 100 * part // whole
    return "<1 %" if part and not percent else f"{percent} %"
