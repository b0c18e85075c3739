"""The report of a disclosure: what was frozen, as it was frozen, and how to test it. Nothing in it is counted anew."""

from typing import Any

from store.connection import Store
from store.disclosure import RECIPE, Disclosure, disclosure, disclosure_document
from store.disclosure_content import POPULATIONS
from store.instants import MICROSECONDS_PER_DAY, format_day, last_day_before, parse_point
from store.registry import merge, subtract
from store.report.headline import Headline, headline, populations, range_words, summary, work
from store.report.parts import Block, Cell, Chart, Heading, Lane, Lines, Report, Section, Table, Words
from store.report.proof import IMPORT_HEADINGS, Proof, logged_document, proof_document, quoted
from store.words import count_words

_POPULATION_TITLES = {
    "retained": "Kept access",
    "accessed": "Read",
    "recent": "In the window",
    "after_removal": "After removal",
}
_FACTS = (Heading("what", "What"), Heading("value", "Value"))
_MOST_LANES = 8


def disclosed_report(store: Store, disclosure_id: int, proof: Proof) -> Report:
    """The report of a disclosure.

    Args:
        proof: of the store as it is now: where the disclosure was taken from.

    Raises:
        UsageError: there is none of that number.
    """
    found = disclosure(store, disclosure_id)
    document: dict[str, Any] = found.document
    told = headline(document["figures"], parse_point(document["parameters"]["recent_from"]))
    note = (Words(f"Note: {found.note}"),) if found.note else ()
    frozen = f"{format_day(found.at)} by {found.by}"
    sections = (
        Section("summary", "In short", (*note, *summary(told))),
        Section("populations", "Populations side by side", populations(told)),
        Section("coverage", "What is logged, and what is not", _coverage(told, document)),
        Section("partners", "Who is in each population", (_members(document["populations"]),)),
        Section("work", "Cases and audits", work(told)),
        Section("proof", "Proof", _proof(found, proof), is_wide=True),
    )
    return Report(
        title=found.name,
        subtitle=f"Disclosure {found.disclosure_id}, {told.incident}, frozen {frozen}. {range_words(told)}",
        sections=sections,
        document={
            "report": "disclosure",
            **disclosure_document(found),
            "made": {name: proof_document(proof)[name] for name in ("tool", "made_at", "made_by", "log_head")},
        },
        logged={
            **logged_document(proof),
            "parameters": document["parameters"],
            "disclosure_id": found.disclosure_id,
            "disclosure_sha256": found.sha256,
        },
    )


def _coverage(told: Headline, document: dict[str, Any]) -> tuple[Block, ...]:
    figures, sources = document["figures"], document["coverage"]
    logged = figures["coverage"]
    rows: tuple[tuple[Cell, ...], ...] = (
        ("logged days since the cut-off", f"{logged['covered_days']:,} of {logged['days']:,}"),
        (
            "known because",
            "coverage was imported" if logged["basis"] == "imported" else "inferred from days with events",
        ),
        ("quarantined records, not resolved", figures["quarantined"]),
        ("scopes that the rulebook does not map", ", ".join(figures["unmapped_scopes"]) or "none"),
    )
    table = Table("coverage", "How far the log went", _FACTS, rows, is_facts=True)
    if told.cutoff is None or told.cutoff >= told.as_of or not sources:
        return (table,)
    lanes = [
        Lane(
            each["source"],
            "log",
            tuple(merge([(parse_point(start), parse_point(end)) for start, end in each["intervals"]])),
        )
        for each in sources
    ]
    gaps: list[tuple[Cell, ...]] = []
    words = []
    for lane in lanes:
        holes = subtract((told.cutoff, told.as_of), list(lane.intervals))
        missing = sum(end - start for start, end in holes) / MICROSECONDS_PER_DAY
        words.append(f"{lane.name} {f'lacks {missing:,.1f} days' if holes else 'complete'}")
        gaps += [(lane.name, format_day(start), last_day_before(end)) for start, end in holes]
    span = f"{format_day(told.cutoff)} to {last_day_before(told.as_of)} UTC"
    picture = Chart(
        key="coverage",
        title=f"When the log was complete, {span}",
        alternative=f"A lane for each source of logs, {span}: {'; '.join(words[:_MOST_LANES])}.",
        from_at=told.cutoff,
        until_at=told.as_of,
        lanes=tuple(lanes[:_MOST_LANES]),
        lanes_left_out=max(len(lanes) - _MOST_LANES, 0),
    )
    headings = (Heading("source", "Source"), Heading("from", "From (UTC)"), Heading("last", "To (UTC)"))
    nothing = "Every source is complete."
    return (
        table,
        picture,
        Table("gaps", "Not logged: silence there says nothing", headings, tuple(gaps), nothing=nothing),
    )


def _members(members: dict[str, list[str]]) -> Table:
    """The partners by outside id, and which populations each was in."""
    sets = {name: frozenset(members[name]) for name in POPULATIONS}
    everybody = sorted(frozenset().union(*sets.values()))
    headings = (
        Heading("partner_id", "Partner"),
        *(Heading(name, _POPULATION_TITLES[name]) for name in POPULATIONS),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (partner_id, *("yes" if partner_id in sets[name] else "no" for name in POPULATIONS)) for partner_id in everybody
    )
    return Table("partners", f"{count_words(len(rows))} partners, by their ids", headings, rows)


def _proof(found: Disclosure, proof: Proof) -> tuple[Block, ...]:
    document: dict[str, Any] = found.document
    asked, rulebook, db = document["parameters"], document["rulebook"], quoted(proof.file)
    rows: tuple[tuple[Cell, ...], ...] = (
        ("disclosure", f"{found.disclosure_id}, entry #{found.seq} of the log"),
        ("SHA-256 of the disclosure", found.sha256),
        ("frozen", f"{document['at']} by {found.by}"),
        ("frozen with", f"{document['tool']['name']} {document['tool']['version']}"),
        ("incident", f"{document['incident']['name'] or 'not named'}, {document['incident']['uuid']}"),
        ("as of (exclusive)", asked["as_of"]),
        ("cut-off", asked["cutoff"] or "none: the rulebook has no rules"),
        ("what-if cut-off", asked["what_if_cutoff"] or "none"),
        ("window", f"{count_words(asked['window_days'])} days from {asked['recent_from']}"),
        ("work judged at", asked["today"]),
        ("rulebook", f"{rulebook['source']}, SHA-256 {rulebook['sha256'] or 'none'}"),
        ("log head, before the disclosure's own entry", f"#{found.head_seq} {found.head_hash}"),
        ("this report made", f"{format_day(proof.made_at)} by {proof.made_by}, with {proof.tool}"),
        ("log head, before this report's own entry", f"#{proof.head_seq} {proof.head_hash}"),
    )
    imports: tuple[tuple[Cell, ...], ...] = tuple(
        (
            each["import_id"],
            each["file"],
            each["kind"] or each["format"],
            *(each[name] for name in ("records", "accepted", "duplicates", "quarantined", "skipped")),
            "voided, counts nowhere" if each["voided"] else "counts",
            each["sha256"],
        )
        for each in document["imports"]
    )
    number = found.disclosure_id
    commands = (
        f"python -m store disclosures --db {db} --show {number} --json",
        f"python -m store reproduce --db {db} --disclosure {number}",
        f"python -m store diff --db {db} --disclosure {number}",
        f"python -m store verify --db {db}",
        f"python -m store log --db {db} --json",
    )
    checks = (
        "reproduce derives the disclosure again from the store as it was known then, and says equal, or where not.",
        "diff says what has changed since, and because of what.",
        f"In the log, entry #{found.seq} tells the SHA-256 {found.sha256}, and entry #{found.head_seq} bears the hash"
        f" {found.head_hash}.",
        f"Without this program: {RECIPE}.",
    )
    return (
        Table("proof", "What the disclosure rests on", _FACTS, rows, is_facts=True),
        Table("imports", "What was imported then", IMPORT_HEADINGS, imports, nothing="Nothing was imported."),
        Words("How to verify, where the store is:"),
        Lines("commands", "Commands", commands, is_code=True),
        Lines("checks", "What they must say", checks),
    )
