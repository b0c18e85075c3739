"""The store beside the oracle: one incident in both, and every answer of the one compared with the other's."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from store.connection import Store, open_store
from store.events import EventRow, events
from store.figures import figures, figures_document
from store.ingest.importing import import_paths
from store.instants import now, parse_instant
from store.names import find_partner
from store.parameters import Parameters
from store.partners import PartnerRow, partner_list
from store.people import people
from store.rulebook import load_rules
from store.schema import create_store
from store.timeline import timeline
from store.what_if import Variation
from tests import oracle
from tests.incidents import FIRST, LAST, Draft, Question
from tests.oracle_evidence import Incident

TODAY = 1_560_000_000_000_000  # 2019-06-08, after every step that a draft records and every date due
ACTOR = "tester"


def build(folder: Path, rules_toml: str, paths: Sequence[Path], *, one_by_one: bool = True) -> Store:
    """A new store in the folder, with these rules and these files, imported in this order."""
    path = folder / "incident.db"
    create_store(path, name="Differential", actor=ACTOR, at=now())
    store = open_store(path)
    load_rules(store, rules_toml, source="rules.toml", actor=ACTOR)
    for batch in [[one] for one in paths] if one_by_one else [list(paths)]:
        import_paths(store, batch, actor=ACTOR)
    return store


def both(folder: Path, draft: Draft) -> tuple[Store, Incident]:
    """The draft in a store, and as the oracle reads it."""
    paths = draft.write(folder / "files")
    rules = folder / "rules.toml"
    rules.write_text(draft.rules_toml, "utf-8")
    return build(folder, draft.rules_toml, paths), oracle.load(paths, rules)


def differences(store: Store, incident: Incident, questions: Sequence[Question], seed: int) -> list[str]:
    """Every answer in which the two differ, in words; none is agreement."""
    chance = random.Random(seed)
    found = [line for question in questions for line in figures_differ(store, incident, question)]
    found += _events_differ(store, incident, chance)
    partners: list[str | None] = [None, *chance.sample(sorted(incident.outside_ids.values()), k=_few(incident))]
    for partner in partners:
        question = chance.choice(list(questions))
        found += people_differ(store, incident, partner, question)
        found += _timelines_differ(store, incident, partner, chance)
    return found


def figures_differ(
    store: Store, incident: Incident, question: Question, variation: Variation | None = None
) -> list[str]:
    """Where the figures and the partner list of one question differ."""
    found: list[str] = []
    about = f"as_of={question.as_of} window={question.window} cutoff={question.cutoff}"
    asked = Parameters(question.as_of, question.window, question.cutoff, TODAY, variation)
    answer = figures(store, asked)
    document = figures_document(answer)
    expected = oracle.figures(incident, question.as_of, question.window, question.cutoff, TODAY)
    found += [f"figures {about}: {line}" for line in unlike(expected, document)]
    reliability = {
        "recent days": (answer.recent_days, answer.recent_covered_days),
        "settled": (answer.settled_opt_ins, answer.settled_exemptions),
    }
    expected = {
        "recent days": oracle.recent_coverage(incident, question.as_of, question.window, question.cutoff),
        "settled": (oracle.is_settled(incident, "opt_in"), oracle.is_settled(incident, "exemption")),
    }
    found += [f"figures {about}: {line}" for line in unlike(expected, reliability)]
    rows = {row.partner_id: partner_facts(row) for row in partner_list(store, asked)}
    expected_rows = oracle.partners(incident, question.as_of, question.window, question.cutoff)
    found += [f"partners {about}: {line}" for line in unlike(expected_rows, rows)]
    return found + [f"partners {about}: {name} is not known" for name in rows.keys() - expected_rows.keys()]


def unlike(expected: object, answer: object, path: str = "") -> list[str]:
    """Where the answer lacks or contradicts what is expected; more keys than expected are fine."""
    if isinstance(expected, dict):
        if not isinstance(answer, dict):
            return [f"{path}: {answer!r} instead of {expected!r}"]
        missing = [f"{path}.{key} is missing" for key in expected.keys() - answer.keys()]
        shared = [key for key in expected if key in answer]
        return missing + [line for key in shared for line in unlike(expected[key], answer[key], f"{path}.{key}")]
    return [] if expected == answer else [f"{path}: store {answer!r}, oracle {expected!r}"]


def _few(incident: Incident) -> int:
    return min(2, len(incident.outside_ids))


def partner_facts(row: PartnerRow) -> dict[str, object]:
    facts = row._asdict()
    return facts if row.claimed else facts | {"name": None}


def event_facts(row: EventRow) -> tuple[object, ...]:
    return (
        *(row.occurred_at, row.app_id, row.partner_id, row.data_classes, row.subject_id and folded(row.subject_id)),
        *(row.resource_id, row.endpoint, row.records, row.bytes, row.ip, row.outcome, row.event_id),
        *(row.verdict, row.rule, row.after_removal),
    )


def expected_events(incident: Incident) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for event in incident.events:
        verdict, rule = oracle.verdict(event, incident)
        partner = incident.outside_ids[incident.partner_of_app[event.app_id]]
        after = verdict in ("improper", "denied") and oracle.is_after_removal(event, incident)
        facts = (
            *(event.occurred_at, event.app_id, partner, event.data_classes, event.subject_id),
            *(event.resource_id, event.endpoint, event.records, event.bytes, event.ip, event.outcome, event.event_id),
            *(verdict, rule, after),
        )
        found[facts] += 1
    return found


def _events_differ(store: Store, incident: Incident, chance: random.Random) -> list[str]:
    answer = Counter(event_facts(row) for row in events(store, limit=1_000_000))
    expected = expected_events(incident)
    found = [f"event only in the store: {facts}" for facts in (answer - expected).elements()]
    found += [f"event only in the oracle: {facts}" for facts in (expected - answer).elements()]
    if found or not expected:
        return found
    partner = str(chance.choice(sorted(expected, key=str))[2])
    verdict = chance.choice([None, *oracle.VERDICTS])
    from_at, until_at = sorted((chance.choice(incident.events).occurred_at, chance.randint(FIRST, LAST)))
    rows = events(
        store, find_partner(store, partner), from_at=from_at, until_at=until_at, verdict=verdict, limit=1_000_000
    )
    part = Counter(
        {
            facts: count
            for facts, count in expected.items()
            if facts[2] == partner and from_at <= int(str(facts[0])) < until_at and verdict in (None, facts[12])
        }
    )
    if Counter(event_facts(row) for row in rows) != part:
        found.append(f"events of {partner} from {from_at} until {until_at} {verdict}: {rows}")
    if [row.occurred_at for row in rows] != sorted(row.occurred_at for row in rows):
        found.append("events out of order")
    return found


def people_differ(
    store: Store, incident: Incident, partner: str | None, question: Question, variation: Variation | None = None
) -> list[str]:
    """Where the notification list of a partner, or of all (None), differs."""
    expected = oracle.people(incident, partner, question.as_of, question.cutoff)
    inside = None if partner is None else find_partner(store, partner)
    asked = Parameters(question.as_of, question.window, question.cutoff, TODAY, variation)
    rows = people(store, asked, inside)
    answer = {folded(row.subject_id): row._asdict() | {"data_classes": sorted(row.data_classes)} for row in rows}
    found = unlike(expected, answer, f"people of {partner}")
    found += [f"people of {partner}: {name} was not read" for name in answer.keys() - expected.keys()]
    return found + ([f"people of {partner} twice"] if len(answer) != len(rows) else [])


def _timelines_differ(store: Store, incident: Incident, partner: str | None, chance: random.Random) -> list[str]:
    points = sorted({FIRST, LAST, *(event.occurred_at for event in incident.events)})
    from_at = chance.choice(points) + chance.choice((0, 0, 1, -1, -40_000_000_000))
    until_at = from_at + chance.choice((1, 7, 86_400_000_000, 3 * 86_400_000_000, LAST - FIRST))
    bins = chance.choice((1, 2, 7, 10, 33))
    inside = None if partner is None else find_partner(store, partner)
    answer = timeline(store, inside, from_at=from_at, until_at=until_at, bins=bins)
    about = f"timeline of {partner} from {from_at} until {until_at} in {bins}"
    counted = [one._asdict() for one in answer.bins]
    expected = [
        {
            ("from_at" if name == "from" else "until_at" if name == "until" else name): value
            for name, value in one.items()
        }
        for one in oracle.timeline(incident, partner, from_at, until_at, bins)
    ]
    found = [f"{about}: {len(counted)} bins"] if len(counted) != bins else []
    for one, other in zip(expected, counted, strict=False):
        found += unlike(one, other, about)
    gaps = sorted((gap.from_at, gap.until_at, gap.source) for gap in answer.gaps)
    found += unlike(oracle.gaps(incident, from_at, until_at), gaps, f"{about}, gaps")
    lane = oracle.could_read(incident, partner, from_at, until_at)
    return found + unlike(lane, oracle.merged(answer.could_read), f"{about}, could read")


def folded(text: str) -> str:
    return text.lower() if "@" in text else text


def instant_of(document: dict[str, object], name: str) -> int:
    return parse_instant(str(document[name]))
