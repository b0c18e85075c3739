"""What a sample says, in words that claim no more than it shows, and as JSON. It knows no tables."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from store.instants import format_day, format_instant
from store.sampling import METHOD, RISK_MEANS, Plan, Result, decimal_text, percent, percent_at_most

if TYPE_CHECKING:
    from store.sample_rows import Checked, SampleRow
    from store.samples import Redrawn, Sample


def plan_words(planned: Plan) -> str:
    """`check 58 of 430 people: if none is still held, more than 5 % (22 or more) is ruled out at a risk below 5 %`."""
    if not planned.population:
        return "there is nobody to check"
    return (
        f"check {planned.size:,} of {_people(planned.population)}: if none is still held, {_more_than(planned)} is"
        f" ruled out at a risk below {percent(planned.risk)}"
    )


def result_words(planned: Plan, found: Result | None) -> str:
    """The conclusion so far, with its bound: `58 checked, none still held: at most 20 of 430 people (4.7 %) ...`."""
    if found is None or not found.checked:
        return f"nothing entered yet: {plan_words(planned)}"
    held = f"{found.found:,} still held" if found.found else "none still held"
    if found.checked == planned.population:
        return f"all {_people(found.checked)} checked, {held}"
    checked = f"{found.checked:,} checked, {held}"
    bound = (
        f"at most {found.at_most:,} of {_people(planned.population)}"
        f" ({percent_at_most(found.at_most, planned.population)}), at a risk of {percent(planned.risk)}"
    )
    ruled = "is ruled out" if found.rules_out else "is not ruled out"
    return f"{checked}: {bound}; {_more_than(planned)} {ruled}"


def _people(count: int) -> str:
    return f"{count:,} {'person' if count == 1 else 'people'}"


def _more_than(planned: Plan) -> str:
    return f"more than {percent(planned.share)} ({planned.held_at_least:,} or more)"


def redrawn_words(row: "SampleRow", redrawn: "Redrawn") -> str:
    """Whether the seed draws the same list from today's population, and if not, why."""
    until = f"before {_point(row.as_of)}"
    if redrawn.same and redrawn.same_population:
        return f"drawn again today from the same {_people(redrawn.population)} read {until}: the same list"
    if redrawn.same_population:
        return "the population is the same, and the list is not the one that its seed draws: see `verify`"
    then = f"{row.plan.population:,} people then, {redrawn.population:,} today, read {until}"
    if redrawn.same:
        return f"drawn again today: the same list, though the population changed ({then})"
    told = [
        f"{redrawn.gone:,} of those drawn are no longer in it" if redrawn.gone else "",
        f"{redrawn.entered:,} who came in would have been drawn" if redrawn.entered else "",
    ]
    return f"drawn again today: another list, for the population changed ({'; '.join([then, *filter(None, told)])})"


def _point(at: int) -> str:
    day = format_day(at)
    text = format_instant(at)
    return day if text == f"{day}T00:00:00Z" else text


def sample_caveats(row: "SampleRow") -> tuple[str, ...]:
    """What a reader must know before resting anything on a sample, each in words."""
    found = []
    if row.taken_back_by is not None:
        found.append(f"this drawing was taken back (#{row.taken_back_by})")
    if row.others:
        others = ", ".join(f"#{seq}" for seq in row.others)
        found.append(f"other samples of this partner stand ({others}): the risk holds for one, not for the best of all")
    if row.without_subject:
        found.append(
            f"{row.without_subject:,} restricted reads name no person: the population is at least so many people, and"
            " whoever is missing from it could not be drawn"
        )
    if row.seed_given:
        found.append("the seed was given by whoever drew, not made by the tool")
    if row.pseudonyms:
        found.append("people are pseudonyms: whose they are is known to who has the original files and the key")
    if row.checks and row.checks[-1].checked < row.plan.size:
        found.append(
            f"{row.checks[-1].checked:,} of {row.plan.size:,} drawn were checked: the bound holds if they are the first"
            " of the list, in its order"
        )
    return tuple(found)


def sample_loose_ends(rows: Iterable["SampleRow"]) -> list[str]:
    """What samples leave open: people not checked yet, and data that was found; each in words."""
    told = []
    for row in rows:
        if row.taken_back_by is not None:
            continue
        found = row.result
        checked = 0 if found is None else found.checked
        if found is not None and found.found:
            told.append(f"sample #{row.seq}: of {_people(found.checked)} checked {found.found:,} still held")
        if checked < row.plan.size:
            told.append(f"sample #{row.seq}: {checked:,} of {_people(row.plan.size)} drawn are checked")
    return told


def sample_row_document(row: "SampleRow") -> dict[str, object]:
    """A sample as `python -m store sample --json` lists it: how it was drawn, and what follows so far."""
    found, planned = row.result, row.plan
    return {
        "sample": row.seq,
        "partner_id": row.partner_id,
        "name": row.name,
        "drawn_at": format_instant(row.at),
        "drawn_by": row.by,
        "note": row.note,
        "population": planned.population,
        "share": decimal_text(planned.share),
        "risk": decimal_text(planned.risk),
        "held_at_least": planned.held_at_least,
        "size": planned.size,
        "seed": row.seed,
        "seed_given": row.seed_given,
        "as_of": format_instant(row.as_of),
        "events_without_subject": row.without_subject,
        "population_sha256": row.population_sha256,
        "subjects_sha256": row.subjects_sha256,
        "taken_back_by": row.taken_back_by,
        "checks": [_check_document(check) for check in row.checks],
        "checked": None if found is None else found.checked,
        "found": None if found is None else found.found,
        "at_most": None if found is None else found.at_most,
        "rules_out": None if found is None else found.rules_out,
        "conclusion": result_words(planned, found),
        "method": METHOD,
        "risk_means": RISK_MEANS,
        "caveats": list(sample_caveats(row)),
    }


def _check_document(check: "Checked") -> dict[str, object]:
    return {**check._asdict(), "at": format_day(check.at) if check.at_is_date else format_instant(check.at)}


def sample_document(sample: "Sample") -> dict[str, object]:
    """A sample in full as `python -m store sample --sample N --json` prints it."""
    return {
        **sample_row_document(sample.row),
        "subjects": list(sample.subjects),
        "reproduces": {**sample.redrawn._asdict(), "words": redrawn_words(sample.row, sample.redrawn)},
    }
