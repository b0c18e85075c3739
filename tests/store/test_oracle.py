"""The oracle itself, on cases small enough to be worked out by hand from the domain's words."""

from pathlib import Path

import pytest

from tests import oracle
from tests.oracle_evidence import Incident, instant

RULES = """
[incident]
as_of = 2019-11-05
window_days = 60
[scopes]
groups = ["group.*"]
members = ["group.member.*"]
[[rules]]
id = "r1"
data_classes = ["group.member.*"]
from = 2018-04-04
except = ["opt_in", "exemption"]
[[rules]]
id = "r2"
data_classes = ["group.member.picture"]
from = 2019-01-01
until = 2019-02-01
apps = ["a2"]
"""
EVENT_HEADER = "occurred_at,app_id,data_class,subject_id,resource_id,records,outcome,event_id\n"
NO_OPT_INS = {"opt_ins": "subject_id,opted_in_at\n"}
NO_EXEMPTIONS = {"exemptions": "app_id,data_class,exempt_from\n"}
LOGGED = {"coverage": "source,covered_from,covered_until\nlog,2018-04-04T00:00:00Z,2019-11-05T00:00:00Z\n"}
SETTLED = NO_OPT_INS | NO_EXEMPTIONS | LOGGED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES, "utf-8")
    (tmp_path / "files").mkdir()
    return tmp_path


def read(folder: Path, files: dict[str, str]) -> Incident:
    for kind, text in files.items():
        (folder / "files" / f"{kind}.csv").write_text(text, "utf-8")
    return oracle.load(folder / "files", folder / "rules.toml")


def reads(*lines: str) -> dict[str, str]:
    return {"access_events": EVENT_HEADER + "".join(f"{line}\n" for line in lines)}


@pytest.mark.parametrize(
    ("pattern", "narrower", "expected"),
    [
        ("*", "a", True),
        ("*", "*", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", True),
        ("a.*", "a.b.*", True),
        ("a.*", "a.*", True),
        ("a.*", "a", False),
        ("a", "a.b", False),
        ("a.*", "*", False),
        ("a.b.*", "a.*", False),
        ("a.*", "ab", False),
    ],
)
def test_patterns(pattern: str, narrower: str, expected: bool) -> None:
    assert oracle.contains(pattern, narrower) is expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2018-04-03T23:59:59.999999Z,a1,group.member.name,s1,g1,,,", ("allowed", None)),
        ("2018-04-04T00:00:00Z,a1,group.member.name,s1,g1,,,", ("improper", "r1")),
        ("2018-04-04T00:00:00Z,a1,group.member,s1,g1,,,", ("allowed", None)),
        ("2018-04-04T00:00:00Z,a1,group.member.name,s1,g1,,denied,", ("denied", None)),
        ("2019-06-01T00:00:00Z,a1,group.member.name,s2,g1,,,", ("allowed_by_opt_in", "r1")),
        ("2019-07-01T00:00:00Z,a1,group.member.name,s2,g1,,,", ("improper", "r1")),
        ("2019-06-01T00:00:00Z,a1,group.member.name,s2,,,,", ("improper", "r1")),
        ("2019-06-01T00:00:00Z,a1,group.member.name,,g1,,,", ("undetermined", "r1")),
        ("2019-06-01T00:00:00Z,a1,group.member.name,,g2,,,", ("improper", "r1")),
        ("2019-01-15T00:00:00Z,a2,group.member.name,s1,g1,,,", ("allowed_by_exemption", "r1")),
        ("2019-01-15T00:00:00Z,a2,group.member.picture|group.member.name,s1,g1,,,", ("improper", "r1")),
        ("2019-02-01T00:00:00Z,a2,group.member.picture,s1,g1,,,", ("allowed_by_exemption", "r1")),
    ],
)
def test_verdicts(folder: Path, line: str, expected: tuple[str, str | None]) -> None:
    opt_ins = "subject_id,opted_in_at,opted_out_at,resource_id\ns2,2019-06-01T00:00:00Z,2019-07-01T00:00:00Z,g1\n"
    exemptions = "app_id,data_class,exempt_from\na2,group.*,2018-01-01T00:00:00Z\n"
    incident = read(folder, {"opt_ins": opt_ins, "exemptions": exemptions} | reads(line))
    assert oracle.verdict(incident.events[0], incident) == expected


def test_recent_begins_sixty_days_of_86400_seconds_before_the_exclusive_as_of(folder: Path) -> None:
    lines = [
        f"{at},a1,group.member.name,s1,g1,2,,"
        for at in (
            "2019-09-05T23:59:59.999999Z",
            "2019-09-06T00:00:00Z",
            "2019-11-04T23:59:59Z",
            "2019-11-05T00:00:00Z",
        )
    ]
    answer = oracle.figures(read(folder, SETTLED | reads(*lines)))
    accessed, recent, coverage = answer["accessed"], answer["recent"], answer["coverage"]
    assert isinstance(accessed, dict)
    assert isinstance(recent, dict)
    assert (accessed["events"], recent["events"], answer["events_from_as_of"]) == (3, 2, 1)
    assert (accessed["records"], recent["qualifier"], accessed["qualifier"]) == (6, "exact", "exact")
    assert coverage == {"days": 580, "covered_days": 580, "basis": "imported"}


@pytest.mark.parametrize(
    ("exemption", "grant", "expected"),
    [
        ("", "a1,members,2018-01-01T00:00:00Z,", 1),
        ("", "a1,members,2018-01-01T00:00:00Z,2018-04-04T00:00:00Z", 0),
        ("", "a1,members,2018-01-01T00:00:00Z,2018-04-04T00:00:00.000001Z", 1),
        ("", "a1,unmapped,2018-01-01T00:00:00Z,", 0),
        ("a1,group.member.*,2018-01-01T00:00:00Z,", "a1,groups,2018-01-01T00:00:00Z,", 0),
        ("a1,group.member.name,2018-01-01T00:00:00Z,", "a1,groups,2018-01-01T00:00:00Z,", 1),
        ("a1,group.*,2018-01-01T00:00:00Z,2019-11-04T23:59:59.999999Z", "a1,groups,2018-01-01T00:00:00Z,", 1),
        ("a1,group.*,2018-01-01T00:00:00Z,2019-11-05T00:00:00Z", "a1,groups,2018-01-01T00:00:00Z,", 0),
        ("", "a1,members,2019-11-05T00:00:00Z,", 0),
        ("", "a1,members,2019-11-04T23:59:59.999999Z,", 1),
    ],
)
def test_kept_access(folder: Path, exemption: str, grant: str, expected: int) -> None:
    files = {
        "grants": f"app_id,scope,granted_at,revoked_at\n{grant}\n",
        "exemptions": f"app_id,data_class,exempt_from,exempt_until\n{exemption}\n",
    }
    told = oracle.figures(read(folder, files))["retained"]
    assert told == {"partners": expected, "apps": expected, "ungranted_partners": 0}


@pytest.mark.parametrize(
    ("removed", "regranted", "expected"),
    [
        ("2019-05-01T00:00:00Z", None, 1),
        ("2019-05-01T00:00:00.000001Z", None, 0),
        ("2019-04-01T00:00:00Z", "2019-04-01T00:00:00Z", 0),
        ("2019-04-01T00:00:00Z", "2019-03-31T23:59:59Z", 1),
        ("2019-04-01T00:00:00Z", "2019-05-01T00:00:00Z", 0),
        ("2019-04-01T00:00:00Z", "2019-05-01T00:00:00.000001Z", 1),
    ],
)
def test_after_removal(folder: Path, removed: str, regranted: str | None, expected: int) -> None:
    grants = "app_id,scope,granted_at\n" + ("" if regranted is None else f"a1,unmapped,{regranted}\n")
    read_and_try = reads(
        "2019-05-01T00:00:00Z,a1,group.member.name,s1,g1,,,", "2019-05-01T00:00:00Z,a1,other,s1,g1,,error,"
    )
    files = {"grants": grants, "removals": f"app_id,removed_at\na1,{removed}\n"} | read_and_try
    told = oracle.figures(read(folder, files))["after_removal"]
    assert isinstance(told, dict)
    assert (told["events"], told["denied_attempts"]) == (expected, expected)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (SETTLED, "exact"),
        (NO_OPT_INS | LOGGED, "unsettled"),
        (NO_EXEMPTIONS | LOGGED, "unsettled"),
        (NO_OPT_INS | NO_EXEMPTIONS, "at_least"),
        (SETTLED | {"coverage": LOGGED["coverage"] + "other,2018-04-04T00:00:00Z,2019-11-04T00:00:00Z\n"}, "at_least"),
        (SETTLED | reads("2019-05-01T00:00:00Z,a1,group.member.name,,g1,,,"), "at_least"),
        (SETTLED | reads("2019-05-01T00:00:00Z,a1,group.member.name,,g1,,denied,"), "exact"),
        (SETTLED | reads("2019-05-01T00:00:00,a1,group.member.name,s1,g1,,,"), "at_least"),
        (SETTLED | reads("2019-05-01T00:00:00Z,a1,group.member.name,s1,g1,,perhaps,"), "at_least"),
    ],
)
def test_qualifiers(folder: Path, files: dict[str, str], expected: str) -> None:
    assert oracle.figures(read(folder, files))["qualifier"] == expected


def test_duplicates_are_counted_once_and_equal_records_of_one_file_are_not_duplicates(folder: Path) -> None:
    line = "2019-05-01T00:00:00Z,a1,x,s1,g1,,,"
    named = "2019-05-01T00:00:00Z,a1,x,s1,g1,,,e1"
    files = reads(line, line, named, named) | {"access_events-2": EVENT_HEADER + f"{line}\n{named}\n{named}9\n"}
    incident = read(folder, files)
    assert sorted(event.event_id or "" for event in incident.events) == ["", "", "e1", "e19"]


def test_an_event_id_with_another_content_is_a_conflict(folder: Path) -> None:
    lines = ["2019-05-01T00:00:00Z,a1,x,s1,g1,,,e1", "2019-05-01T00:00:00Z,a1,x,s2,g1,,,e1"]
    incident = read(folder, SETTLED | reads(*lines))
    assert ([event.subject_id for event in incident.events], incident.quarantined_events) == (["s1"], 1)


def test_an_unclaimed_app_never_collides_with_a_partner(folder: Path) -> None:
    apps = "app_id,name,partner_id\na1,One,app:a2\na2,Two,\n"
    incident = read(folder, {"apps": apps} | reads("2019-05-01T00:00:00Z,a3,group.member.name,s1,g1,,,"))
    assert sorted(incident.outside_ids.values()) == ["app:a2", "app:a3", "app:app:a2"]


def test_bins_begin_where_the_interface_says(folder: Path) -> None:
    start = instant("2019-05-01T00:00:00Z")
    incident = read(folder, reads("2019-05-01T00:00:00.000003Z,a1,x,s1,g1,,,"))
    answer = oracle.timeline(incident, None, start, start + 10, 4)
    assert [(one["from"] - start, one["until"] - start, one["allowed"]) for one in answer] == [
        (0, 2, 0),
        (2, 5, 1),
        (5, 7, 0),
        (7, 10, 0),
    ]
