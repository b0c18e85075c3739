"""One partner's apps, against plain loops over the raw records."""

from collections import Counter
from pathlib import Path

import pytest

from store.apps import AppRow, app_document, partner_apps, proof_of_removal
from store.names import find_partner
from store.parameters import Parameters
from tests import oracle
from tests.differential import TODAY, both
from tests.incidents import draw
from tests.oracle_evidence import Event, Incident

SEEDS = 24


def expected(incident: Incident, partner: str, view: oracle.View) -> dict[str, dict[str, object]]:
    """What each app's row must say."""
    answer: dict[str, dict[str, object]] = {}
    for app in oracle.apps_of(incident, partner):
        mine: list[tuple[Event, str]] = [pair for pair in view.judged if pair[0].app_id == app]
        improper = [event for event, verdict in mine if verdict == "improper"]
        denied = [event for event, verdict in mine if verdict == "denied"]
        removals = [row.removed_at for row in incident.removals if row.app_id == app and row.removed_at < view.as_of]
        after = sum(oracle.is_after_removal(event, incident) for event in improper)
        denied_after = sum(oracle.is_after_removal(event, incident) for event in denied)
        proof = "failed" if after else "proven" if denied_after else "untested"
        answer[app] = {
            "removed_at": max(removals, default=None),
            "first_at": min((event.occurred_at for event in improper), default=None),
            "last_at": max((event.occurred_at for event in improper), default=None),
            "events": len(improper),
            "after_removal": after,
            "denied_after": denied_after,
            "proof": proof if removals else None,
        }
    return answer


@pytest.mark.parametrize("first", range(0, SEEDS, 8))
def test_the_apps_agree_with_the_oracle(tmp_path: Path, first: int) -> None:
    met: Counter[object] = Counter()
    for seed in range(first, first + 8):
        draft = draw(seed)
        store, incident = both(tmp_path / str(seed), draft)
        with store:
            for question in draft.questions:
                asked = Parameters(question.as_of, question.window, question.cutoff, TODAY)
                view = oracle.view(incident, question.as_of, question.window, question.cutoff)
                for partner in incident.outside_ids.values():
                    rows = partner_apps(store, find_partner(store, partner), asked)
                    told = {row.app_id: {**row._asdict()} for row in rows}
                    for row in told.values():
                        del row["app_id"], row["name"]
                    assert told == expected(incident, partner, view), (seed, partner)
                    assert [row.after_removal for row in rows] == sorted(
                        (row.after_removal for row in rows), reverse=True
                    )
                    met.update(row.proof for row in rows)
    assert {"untested", None} < set(met), "a batch must meet reads or denials after a removal, too"


def test_what_proves_a_removal() -> None:
    assert proof_of_removal(1, 9) == "failed"
    assert proof_of_removal(0, 9) == "proven"
    assert proof_of_removal(0, 0) == "untested"


def test_an_app_as_json() -> None:
    row = AppRow("a-1", "Go", 1_000_000, None, None, 0, 0, 0, "untested")
    assert app_document(row)["removed_at"] == "1970-01-01T00:00:01Z"
    assert app_document(row)["last_at"] is None
