"""The commands that ask when: the timeline, and the shape of one partner's access."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from store.cli import output
from store.cli.common import bounds, opened, parameters_of, partner_of
from store.cli.output import Cell, Column, shown
from store.coverage import INFERRED
from store.instants import format_day, format_instant, format_optional, last_day_before
from store.parameters import Parameters, resolve
from store.words import count_words

if TYPE_CHECKING:
    from store.timeline import Gap, Timeline, Week

_BAR_WIDTH = 40


def timeline(options: Namespace) -> int:
    """Print the timeline of a partner, or of all together."""
    from store.timeline import timeline as ask
    from store.timeline import timeline_document, weeks_of_all, whole_span

    with opened(options) as store:
        partner = partner_of(store, options.partner)
        from_at, until_at = options.from_at, options.until_at
        if from_at is None or until_at is None:
            whole_from, whole_until = whole_span(store, partner)
            from_at = whole_from if from_at is None else from_at
            until_at = whole_until if until_at is None else until_at
        bounds(from_at, until_at)
        answer = ask(store, partner, from_at=from_at, until_at=until_at, bins=options.bins)
        weeks = weeks_of_all(store, Parameters()) if partner is None else None
    if options.json:
        output.print_json(timeline_document(answer, weeks))
    else:
        output.print_lines(_timeline_lines(answer, options.partner) + _week_lines(weeks or ()))
    return 0


def _timeline_lines(answer: "Timeline", partner_id: str | None) -> list[str]:
    whose = "All partners" if partner_id is None else shown(partner_id)
    lines = [f"{whose}, {format_instant(answer.from_at)} .. {format_instant(answer.until_at)} (exclusive)", ""]
    most = max((each.improper for each in answer.bins), default=0)
    rows: list[list[Cell]] = [
        [
            format_instant(each.from_at),
            each.improper,
            output.bar(each.improper, most, _BAR_WIDTH),
            each.undetermined,
            each.allowed + each.allowed_by_opt_in + each.allowed_by_exemption,
            each.denied,
        ]
        for each in answer.bins
    ]
    columns = (
        Column("From"),
        Column("Restricted reads", right=True),
        Column(" " * _BAR_WIDTH),
        Column("Unsettled", right=True),
        Column("Allowed", right=True),
        Column("Denied", right=True),
    )
    lines += output.table(columns, rows)
    if answer.markers:
        lines += ["", *(f"{format_instant(m.at)}  {m.kind}  {shown(m.text, 120)}" for m in answer.markers)]
    if answer.markers_left_out:
        lines.append(f"and {count_words(answer.markers_left_out)} more markers: ask for a shorter time")
    if answer.gaps:
        lines += ["", *(_gap_line(gap) for gap in answer.gaps)]
    return lines


def _gap_line(gap: "Gap") -> str:
    """What is not known; where no source was imported, days without an event may be silence or no log."""
    when = f"{format_instant(gap.from_at)} .. {format_instant(gap.until_at)}"
    if gap.source == INFERRED:
        return f"no event    {when}  whether it was logged is not known"
    return f"not logged  {when}  {shown(gap.source)}"


def _week_lines(weeks: "Sequence[Week]") -> list[str]:
    """Who still read, week by week: the bar is of the partners."""
    if not weeks:
        return []
    most = max(week.partners for week in weeks)
    rows: list[list[Cell]] = [
        [
            format_day(week.from_at),
            last_day_before(week.until_at),
            week.partners,
            output.bar(week.partners, most, _BAR_WIDTH),
            week.people,
            week.events,
            "" if week.logged_days == week.days else f"{week.logged_days} of {week.days} d logged",
        ]
        for week in weeks
    ]
    columns = (
        Column("Week from"),
        Column("to"),
        Column("Partners", right=True),
        Column(" " * _BAR_WIDTH),
        Column("People", right=True),
        Column("Restricted reads", right=True),
        Column(""),
    )
    return ["", "Per week since the rule, each partner and person once a week", "", *output.table(columns, rows)]


def shape(options: Namespace) -> int:
    """Print the shape of a partner's access, a sentence a line."""
    from store.names import find_partner
    from store.rulebook import rulebook_in
    from store.shape import shape_of_access, statement_document

    with opened(options) as store, store.reading() as connection:
        view = resolve(rulebook_in(connection), parameters_of(options))
        # One as-of for all of it, also where it is now.
        asked = replace(parameters_of(options), as_of=view.as_of)
        statements = shape_of_access(store, find_partner(store, options.partner), asked)
    if options.json:
        output.print_json(
            {
                "partner_id": options.partner,
                "as_of": format_instant(view.as_of),
                "cutoff": format_optional(view.cutoff),
                "statements": [statement_document(statement) for statement in statements],
            }
        )
        return 0
    output.print_lines([shown(options.partner), "", *(shown(statement.text, 400) for statement in statements)])
    return 0
