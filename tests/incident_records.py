"""Records of remediation for the random incidents of `incidents.py`: steps and grants at the very bounds of the reads.

Drawn apart from the incident itself, so that what the seeds of the other tests draw stays as it is.
"""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

from tests.incident_files import Row
from tests.incidents import APPS, LAST, Draft

# So often the steps that something can speak against; the others only move the track.
_STEPS = (
    *("access_removed",) * 4,
    *("deletion_certified",) * 4,
    *("audit_passed",) * 2,
    *("audit_failed",) * 2,
    *("notified", "on_hold", "deletion_requested", "no_response"),
)
PARTNERS = ("p1", "p2", "P1")


def add_record(draft: Draft) -> Counter[str]:
    """Give the draft partners with several apps, and steps at instants of its events; what was drawn, by name."""
    chance = random.Random(draft.seed * 7 + 1)
    drawn: Counter[str] = Counter()
    owners: list[Row] = [{"app_id": app, "name": app, "partner_id": chance.choice(PARTNERS[:2])} for app in APPS]
    draft.files["apps-90.csv"] = ("apps", owners)
    draft.order_matters = True
    rows: dict[tuple[str, str, str, str], Row] = {}
    for _ in range(chance.randint(2, 12)):
        at = chance.choice([*draft.points, LAST])
        is_date = chance.random() < 0.4
        at += 0 if is_date else chance.choice((-1, 0, 0, 1))
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
        text = moment.date().isoformat() if is_date else moment.isoformat().replace("+00:00", "Z")
        partner, app = chance.choice(PARTNERS[:2]), chance.choice(("", "", *APPS))
        name = chance.choice(_STEPS)
        rows[partner, name, text, app] = {"partner_id": partner, "step": name, "at": text, "app_id": app, "due": ""}
        drawn["bare date" if is_date else "exact instant"] += 1
        drawn["step of one app" if app else "step of the whole partner"] += 1
    draft.files["steps-91.csv"] = ("steps", list(rows.values()))
    return drawn
