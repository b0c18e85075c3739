"""A small incident for the tests of the command line, its figures counted by hand."""

import csv
from pathlib import Path

HOSTILE = "[@click=app.quit]boom[/nope] \x1b]52;c;aGk=\x07 \u202e\u200b\x9b31m"
FORMULA = "=SUM(A1:A9)"
FORMULA_PERSON = "=cmd|'/C calc'!A0"

RULES = """
[incident]
name = "Member data"
as_of = 2018-07-01
window_days = 30

[scopes]
"user_managed_groups" = ["group.*"]

[[rules]]
id = "r-1"
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in", "exemption"]
basis = "the notice of 4 April 2018"
"""

_TABLES: dict[str, list[list[str]]] = {
    "partners": [
        ["partner_id", "name"],
        ["p-1", "Ribbon Social"],
        ["p-2", HOSTILE],
        ["p-3", FORMULA],
        ["p-4", "日本の会社"],
    ],
    "apps": [
        ["app_id", "name", "partner_id"],
        ["a-1", "Ribbon Go", "p-1"],
        ["a-2", HOSTILE, "p-2"],
        ["a-3", "Sums", "p-3"],
        ["a-4", "動画", "p-4"],
        ["a-9", "Nobody's", ""],
    ],
    "grants": [
        ["app_id", "scope", "granted_at"],
        *([app, "user_managed_groups", "2017-01-01T00:00:00Z"] for app in ("a-1", "a-2", "a-3", "a-4", "a-9")),
    ],
    "opt_ins": [["subject_id", "opted_in_at"], ["s-5", "2017-06-01T00:00:00Z"]],
    "exemptions": [["app_id", "data_class", "exempt_from"]],
    "removals": [["app_id", "removed_at"], ["a-1", "2018-06-20T00:00:00Z"]],
    "coverage": [
        ["source", "covered_from", "covered_until"],
        ["gateway", "2018-04-04T00:00:00Z", "2018-07-01T00:00:00Z"],
    ],
    "access_events": [
        ["occurred_at", "app_id", "data_class", "subject_id", "resource_id", "records", "outcome"],
        ["2018-03-01T00:00:00Z", "a-3", "group.member.name", "s-1", "g-1", "1", ""],
        ["2018-04-10T00:00:00Z", "a-1", "group.member.name", "s-1", "g-1", "2", "success"],
        ["2018-04-11T00:00:00Z", "a-1", "group.member.name", "s-2", "g-1", "1", "success"],
        ["2018-05-01T00:00:00Z", "a-2", "group.member.picture", "s-3", "g-3", "", "success"],
        ["2018-05-02T00:00:00Z", "a-3", "group.member.name", "s-5", "g-1", "1", "success"],
        ["2018-05-05T00:00:00Z", "a-9", "group.member.name", FORMULA_PERSON, HOSTILE, "1", "success"],
        ["2018-06-21T06:00:00Z", "a-1", "group.member.name", "s-1", "g-2", "4", "success"],
        ["2018-06-22T00:00:00Z", "a-1", "group.member.name", "s-1", "g-2", "1", "denied"],
        ["2018-08-01T00:00:00Z", "a-2", "group.member.name", "s-3", "g-3", "1", "success"],
    ],
}


def write_incident(folder: Path) -> Path:
    """Write the rulebook and the canonical files, and return the folder that holds the files."""
    (folder / "rules.toml").write_text(RULES, encoding="utf-8")
    files = folder / "files"
    files.mkdir()
    for kind, rows in _TABLES.items():
        with (files / f"{kind}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(rows)
    return files
