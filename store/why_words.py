"""Why an event has its verdict, in words: what the command line and the dashboard say of `store.why`.

Texts of the data are in it as they are: whoever shows them cleans them.
"""

from store.instants import format_day, format_instant
from store.why import IN_FORCE, ClassVerdict, LookedAt, RemovalLookedAt, Source, Why
from store.words import VERDICTS, count_words, duration_words

Line = tuple[str, str]
"""A name, empty where it goes on with the one before, and what is said."""


def verdict_lines(answer: Why) -> list[Line]:
    """Each data class, the rules, exemptions and opt-ins that settled it."""
    if not answer.classes:
        return [("Denied", f"the outcome is {answer.event.outcome}: not an access, so no rule is asked")]
    lines: list[Line] = []
    for one in answer.classes:
        lines += _class_lines(one)
    if answer.looked_at_opt_ins:
        lines += _opt_in_lines(answer)
    return lines


def _class_lines(one: ClassVerdict) -> list[Line]:
    lines: list[Line] = [("Class", f"{one.data_class}: {VERDICTS[one.verdict]}")]
    if not one.rules:
        return [*lines, ("", "no rule restricts it at that instant")]
    for rule in one.rules:
        exceptions = (("opt-ins", rule.accepts_opt_in), ("exemptions", rule.accepts_exemption))
        accepted = [words for words, is_so in exceptions if is_so]
        accepts = f"accepts {' and '.join(accepted)}" if accepted else "accepts no exception"
        basis = f"; {rule.basis}" if rule.basis else ""
        lines.append(("Rule", f"{rule.rule_id}: {_interval(rule.from_at, rule.until_at)}, {accepts}{basis}"))
    if one.exemptions is None:
        return lines
    if not one.exemptions:
        return [*lines, ("Exemption", "none of this app is in the registry")]
    return lines + [("Exemption", _looked_at(f"{each.pattern}", each)) for each in one.exemptions]


def _opt_in_lines(answer: Why) -> list[Line]:
    nobody = answer.event.subject_id is None
    whose = "anybody's, as the log names no person" if nobody else f"of {answer.event.subject_id}"
    if not answer.opt_ins_known:
        fitting = " that fits this app and resource" if nobody else ""
        return [("Opt-in", f"none ({whose}){fitting} is in the registry")]
    lines: list[Line] = [
        ("Opt-in", f"{count_words(answer.opt_ins_serving)} of {count_words(answer.opt_ins_known)} in force ({whose})")
    ]
    for each in answer.opt_ins:
        limits = [f"app {each.app_id}"] if each.app_id is not None else []
        limits += [f"resource {each.resource_id}"] if each.resource_id is not None else []
        lines.append(("", _looked_at(" ".join([each.subject_id or "", *limits]), each)))
    if answer.opt_ins_known > len(answer.opt_ins):
        lines.append(("", f"and {count_words(answer.opt_ins_known - len(answer.opt_ins))} more"))
    return lines


def _looked_at(what: str, one: LookedAt) -> str:
    finding = "in force" if one.finding == IN_FORCE else f"does not serve: {one.finding}"
    reason = f"; {one.reason}" if one.reason else ""
    return f"{what} {_interval(one.from_at, one.until_at)}: {finding}{reason} ({source_words(one.source)})"


def removal_lines(answer: Why) -> list[Line]:
    """Each removal of the app at or before the event, the last one first."""
    if not answer.removals:
        return [("Removal", "none of this app at or before the event is in the registry")]
    return [("Removal", _removal(one)) for one in answer.removals]


def _removal(one: RemovalLookedAt) -> str:
    said = f"{format_instant(one.removed_at)}, {duration_words(one.lag)} before"
    said += f"; {one.reason}" if one.reason else ""
    if one.granted_again_at is not None:
        said += f"; granted again {format_instant(one.granted_again_at)}, scope {one.granted_scope}"
    elif one.in_grace:
        said += "; within the rulebook's removal_grace: taken for a late log"
    else:
        said += "; nothing granted since: the event is after removal"
    return f"{said} ({source_words(one.source)})"


def holder_lines(answer: Why) -> list[Line]:
    """Every import that holds the event."""
    lines: list[Line] = []
    for one in answer.holders:
        said = f"import {one.import_id}, {one.file}, record {count_words(one.record_no)}"
        said += "" if one.is_owner else "; the same event again"
        said += "" if one.counts else "; does not count: voided or unfinished"
        lines.append(("Held by" if not lines else "", said))
    return lines


def source_words(source: Source) -> str:
    """Where a record came from."""
    return f"import {source.import_id}, {source.file}, record {count_words(source.record_no)}"


def _interval(from_at: int, until_at: int | None) -> str:
    return f"from {_point(from_at)}" if until_at is None else f"{_point(from_at)} until {_point(until_at)}"


def _point(at: int) -> str:
    """A date where it is midnight, else the whole instant."""
    text = format_instant(at)
    return format_day(at) if text.endswith("T00:00:00Z") else text
