"""What is new to a person, in words: one line for the foot of a screen, sections of lines for a page, one document."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from store.instants import format_day, format_instant, format_optional
from store.since import ACTION, MOST_NAMED, SESSION, Departure, ImportNews, Named, OthersNews, PopulationNews, Since
from store.text import clean
from store.words import POPULATIONS, count_words, counted, population_words, step_words

_LONGEST_NAME = 40
_LONGEST_TEXT = 200
_LOUDEST_FIRST = ("after_removal", "accessed", "retained", "recent")
_DEEDS = {
    "flag": "flagged",
    "clear": "closed",
    "reopen": "reopened",
    "note": "noted",
    "assign": "assigned",
    "undo": "took back",
    "redo": "did again",
    "resolve_quarantine": "settled quarantined records",
    "export": "exported a list",
    "backup": "made a backup",
    "rebuild": "rebuilt the derived tables",
    "upgrade": "brought the store up to date",
    "init": "created the store",
    "pseudonymise": "gave people pseudonyms",
}


class Section(NamedTuple):
    """One kind of news: its title with the count, and the first lines of it; every text is clean."""

    title: str
    lines: tuple[str, ...]


def departure_words(left: Departure) -> str:
    """From where on it is told: `since entry #412 of 2020-01-13T14:02:09Z, when your dashboard closed`."""
    why = {SESSION: ", when your dashboard closed", ACTION: ", your own last action"}.get(left.basis, "")
    if left.at is None:
        return "since the beginning"
    return f"since entry #{left.seq:,} of {format_instant(left.at)[:19]}Z{why}"


def headline(news: Since) -> str:
    """The counts in one line, what matters most first, for its end may be cut; empty without news.

    `since 2020-01-13: 1 case reopened itself, partners +3 read, 2 imports`.
    """
    by_population = {each.population: each for each in news.populations}
    partners = [
        population_words(population, each.entered, each.left)
        for population in _LOUDEST_FIRST
        if (each := by_population.get(population)) is not None
    ]
    counts = [
        _counted(news.reopened_count, "case reopened itself", "cases reopened themselves"),
        f"partners {', '.join(filter(None, partners))}" if any(partners) else "",
        _counted(news.lapsed_count, "date passed", "dates passed"),
        _counted(news.imported, "import", "imports"),
        _counted(news.voided, "import voided", "imports voided"),
        _counted(news.loaded, "rulebook loaded", "rulebooks loaded"),
        _counted(news.acted, "action by others", "actions by others"),
    ]
    told = ", ".join(filter(None, counts))
    if not told:
        return ""
    if news.first_time:
        return f"first time here: {told}"
    return f"since {'the beginning' if news.left.at is None else format_day(news.left.at)}: {told}"


def sections(news: Since) -> list[Section]:
    """The kinds of news that there are, in the order of how much they matter to the figures.

    For who is here the first time each has its title, and nothing below it.
    """
    imports = [
        f"#{each.seq:,} {format_day(each.at)} {_text(each.actor)}  {'voided' if each.voided else 'completed'}"
        f" import {each.import_id} {_text(each.file)}{_after(each)}"
        for each in news.imports
    ]
    rules = [
        f"#{each.seq:,} {format_day(each.at)} {_text(each.actor)}  {_text(each.source)} {clean(each.sha256[:12])}"
        for each in news.rules
    ]
    reopened = [f"#{each.seq:,} {_called(each.partner)}: {_text(each.reason, 400)}" for each in news.reopened]
    lapsed = [
        f"{format_day(each.due)}  {clean(each.what)}: "
        + ("the incident" if each.partner is None else _called(each.partner))
        for each in news.lapsed
    ]
    told = [
        _section("Imports", news.imported + news.voided, imports),
        _section("Rulebooks loaded", news.loaded, rules),
        _populations(news),
        _section("Cases that reopened themselves", news.reopened_count, reopened),
        _section("Dates that passed", news.lapsed_count, lapsed),
        _others(news),
    ]
    return [section for section in told if section is not None]


def _section(title: str, count: int, lines: Sequence[str]) -> Section | None:
    return Section(f"{title}: {count_words(count)}", (*lines, *_more(count, len(lines)))) if count else None


def _more(count: int, told: int) -> list[str]:
    return [f"... and {count_words(count - told)} more"] if told and count > told else []


def _populations(news: Since) -> Section | None:
    changed = [each for each in news.populations if each.entered or each.left]
    totals = ", ".join(population_words(each.population, each.entered, each.left) for each in changed)
    lines = []
    for each in () if news.first_time else changed:
        for sign, count, who in (("+", each.entered, each.who_entered), ("-", each.left, each.who_left)):
            if count:
                title = f"{sign}{count_words(count)} {POPULATIONS[each.population]}"
                lines.append(f"{title}: {_names(who, count)}")
    return Section(f"Partners: {totals}", tuple(lines)) if changed else None


def _others(news: Since) -> Section | None:
    lines = [_deed(each) for each in news.others]
    if not news.acted:
        return None
    return Section(f"What others did: {count_words(news.acted)}", (*lines, *_more(news.groups, len(lines))))


def _deed(each: OthersNews) -> str:
    done = f"recorded {step_words(each.step)}" if each.step else _DEEDS.get(each.verb, each.verb.replace("_", " "))
    times = "" if each.times == 1 else f" {count_words(each.times)} times"
    whom = f": {_names(each.first, each.partners)}" if each.first else ""
    return f"{_text(each.actor)} {clean(done)}{times}{whom}, last {format_instant(each.last_at)[:19]}Z"


def _names(who: Iterable[Named], count: int) -> str:
    first = [_called(each) for each in who][:MOST_NAMED]
    more = f" and {count_words(count - len(first))} more" if count > len(first) else ""
    return f"{', '.join(first)}{more}"


def _called(partner: Named) -> str:
    name, partner_id = _text(partner.name), _text(partner.partner_id)
    return name if name == partner_id else f"{name} ({partner_id})"


def _text(text: str, limit: int = _LONGEST_NAME) -> str:
    return clean(text, limit)


def _after(each: ImportNews) -> str:
    if each.voided:
        return f": {_text(each.note or '', _LONGEST_TEXT)}"
    return "" if each.accepted is None else f", {_counted(each.accepted, 'record', 'records') or 'no record'} taken"


def _counted(count: int, one: str, many: str) -> str:
    return counted(count, one, many) if count else ""


def since_document(news: Since) -> dict[str, object]:
    """What `python -m store since --json` prints; each list holds the first ones, `count` says how many there are."""
    return {
        "actor": news.actor,
        "first_time": news.first_time,
        "basis": news.left.basis,
        "from": {"seq": news.left.seq, "at": format_optional(news.left.at)},
        "until": {"seq": news.until_seq},
        "today": format_instant(news.today),
        "imports": {
            "completed": news.imported,
            "voided": news.voided,
            "listed": [{**each._asdict(), "at": format_instant(each.at)} for each in news.imports],
        },
        "rules": {
            "count": news.loaded,
            "listed": [{**each._asdict(), "at": format_instant(each.at)} for each in news.rules],
        },
        "populations": {each.population: _population_document(each) for each in news.populations},
        "reopened": {
            "count": news.reopened_count,
            "listed": [
                {**each.partner._asdict(), "seq": each.seq, "at": format_instant(each.at), "reason": each.reason}
                for each in news.reopened
            ],
        },
        "lapsed": {
            "count": news.lapsed_count,
            "listed": [
                {
                    "partner_id": None if each.partner is None else each.partner.partner_id,
                    "name": None if each.partner is None else each.partner.name,
                    "due": format_day(each.due),
                    "what": each.what,
                }
                for each in news.lapsed
            ],
        },
        "others": {
            "count": news.acted,
            "groups": news.groups,
            "listed": [
                {
                    **each._asdict(),
                    "last_at": format_instant(each.last_at),
                    "first": [partner._asdict() for partner in each.first],
                }
                for each in news.others
            ],
        },
        "headline": headline(news),
    }


def _population_document(each: PopulationNews) -> dict[str, object]:
    return {
        "entered": each.entered,
        "left": each.left,
        "who_entered": [partner._asdict() for partner in each.who_entered],
        "who_left": [partner._asdict() for partner in each.who_left],
    }
