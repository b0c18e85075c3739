"""The unified audit log: what each kind of record becomes, whatever the file it comes in and the order it comes in."""

import gzip
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fixtures import m365_ual as invented
from store.errors import UnusableFileError
from store.ingest import m365_ual
from store.ingest.records import Canonical, Outcome, Quarantined, Skipped, Source

DRAW = invented.Generator(7)
APP = DRAW.app("Tidepool Mail Sorter")


def read(folder: Path, records: list[dict[str, Any]], *, name: str = "audit.jsonl") -> list[Outcome]:
    path = folder / name
    write = {"csv": invented.as_csv, "jsonl": invented.as_lines, "json": invented.as_array}[name.rsplit(".", 1)[1]]
    path.write_bytes(write(records))
    return list(m365_ual.adapt(Source(path)))


def only(folder: Path, record: dict[str, Any]) -> Outcome:
    outcomes = read(folder, [record])
    assert len(outcomes) == 1
    return outcomes[0]


def event(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    outcome = only(folder, record)
    assert isinstance(outcome, Canonical), outcome
    assert outcome.kind == "access_events"
    return dict(outcome.fields)


def rows(outcomes: list[Outcome], kind: str) -> list[dict[str, Any]]:
    return [dict(outcome.fields) for outcome in outcomes if isinstance(outcome, Canonical) and outcome.kind == kind]


def final(outcomes: list[Outcome], kind: str, identity: tuple[str, ...]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The last new version of each thing, as a store keeps it: a version seen before is not seen again."""
    seen: list[dict[str, Any]] = []
    for row in rows(outcomes, kind):
        if row not in seen:
            seen.append(row)
    return {tuple(row[name] for name in identity): row for row in seen}


GRANT = ("app_id", "scope", "resource_id", "granted_at")


def test_a_bound_mail_read_carries_everything_the_log_says(tmp_path: Path) -> None:
    record = DRAW.mail_bind(1, "mira.okafor", APP.app_id, folders=(2, 3), sized=True)
    sizes = [item["SizeInBytes"] for folder in record["Folders"] for item in folder["FolderItems"]]
    assert event(tmp_path, record) == {
        "occurred_at": "2021-03-02T00:00:00Z",
        "app_id": APP.app_id,
        "data_class": ["mail.item"],
        "subject_id": "mira.okafor@harbourlight.onmicrosoft.com",
        "resource_id": "mira.okafor@harbourlight.onmicrosoft.com",
        "endpoint": "Exchange MailItemsAccessed Bind",
        "records": 5,
        "bytes": sum(sizes),
        "ip": "2001:db8::24",
        "outcome": "success",
        "event_id": record["Id"],
    }


def test_a_sync_hands_out_an_unknown_number_of_messages(tmp_path: Path) -> None:
    found = event(tmp_path, DRAW.mail_sync(1, "mira.okafor"))
    assert found["records"] is None
    assert found["bytes"] is None
    assert found["endpoint"] == "Exchange MailItemsAccessed Sync"
    assert found["app_id"] == "unknown:exchange"


@pytest.mark.parametrize(
    ("changes", "records"),
    [
        ({}, 3),
        ({"OperationCount": "12"}, 12),
        ({"OperationCount": None}, 3),
        ({"OperationCount": None, "Folders": None}, None),
        ({"OperationCount": 0}, 0),
        ({"OperationProperties": [{"Name": "MailAccessType", "Value": "Sync"}], "Folders": []}, None),
        ({"Operation": "AttachmentAccess"}, 3),
    ],
)
def test_records_are_counted_and_never_guessed(tmp_path: Path, changes: dict[str, Any], records: int | None) -> None:
    record = DRAW.mail_bind(1, "mira.okafor", APP.app_id, folders=(1, 2)) | changes
    assert event(tmp_path, record)["records"] == records


def test_sizes_count_only_where_every_message_has_one(tmp_path: Path) -> None:
    record = DRAW.mail_bind(1, "mira.okafor", APP.app_id, folders=(2,), sized=True)
    del record["Folders"][0]["FolderItems"][0]["SizeInBytes"]
    assert event(tmp_path, record)["bytes"] is None


@pytest.mark.parametrize(
    ("given", "app_id"),
    [
        ({"ClientAppId": "AAAAAAAA-0000-4000-8000-00000000000A", "AppId": "b"}, "aaaaaaaa-0000-4000-8000-00000000000a"),
        ({"ClientAppId": " ", "ApplicationId": "site", "AppAccessContext": {"ClientAppId": "token"}}, "site"),
        ({"AppAccessContext": {"ClientAppId": "token"}, "AppId": "api"}, "token"),
        ({"AppAccessContext": {"UniqueTokenId": "t"}, "AppId": "api"}, "api"),
        ({"AppId": "00000000-0000-0000-0000-000000000000"}, "unknown:sharepoint"),
        ({}, "unknown:sharepoint"),
    ],
)
def test_the_app_is_the_client_before_the_service(tmp_path: Path, given: dict[str, Any], app_id: str) -> None:
    record = DRAW.file_read(1, "mira.okafor", None, None) | given
    assert event(tmp_path, record)["app_id"] == app_id


def test_a_file_is_one_record_of_its_owner(tmp_path: Path) -> None:
    record = DRAW.file_read(1, "ana.belem", "mira.okafor", APP.app_id, operation="FileDownloaded")
    found = event(tmp_path, record | {"FileSizeBytes": 18632})
    assert found["data_class"] == ["file.content"]
    assert found["records"] == 1
    assert found["bytes"] == 18632
    assert found["resource_id"] == record["ObjectId"]
    assert found["endpoint"] == "OneDrive FileDownloaded"
    assert found["subject_id"] == "/personal/mira_okafor_harbourlight_onmicrosoft_com"


def test_an_owner_reading_their_own_file_tells_the_whole_name(tmp_path: Path) -> None:
    record = DRAW.file_read(1, "yuki_sato", "yuki_sato", APP.app_id)
    record["UserId"] = "Yuki_Sato@Harbourlight.onmicrosoft.com"
    assert event(tmp_path, record)["subject_id"] == "Yuki_Sato@Harbourlight.onmicrosoft.com"


def test_a_team_site_has_no_owner(tmp_path: Path) -> None:
    assert event(tmp_path, DRAW.file_read(1, "ana.belem", None, None))["subject_id"] is None


@pytest.mark.parametrize(
    ("written", "ip"),
    [
        ("203.0.113.9:52111", "203.0.113.9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
        ("<null>", "198.51.100.7"),
        ("", "198.51.100.7"),
    ],
)
def test_an_address_comes_without_its_port(tmp_path: Path, written: str, ip: str) -> None:
    record = DRAW.mail_sync(1, "mira.okafor") | {"ClientIPAddress": written}
    assert event(tmp_path, record)["ip"] == ip


@pytest.mark.parametrize(
    ("written", "outcome"), [(None, "success"), ("PartiallySucceeded", "success"), ("Failed", "error")]
)
def test_outcomes(tmp_path: Path, written: str | None, outcome: str) -> None:
    record = DRAW.mail_sync(1, "mira.okafor") | {"ResultStatus": written}
    assert event(tmp_path, record)["outcome"] == outcome


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ResultStatus": "Maybe"}, "ResultStatus is 'Maybe', which is neither a success nor a failure"),
        ({"CreationTime": None}, "it has no CreationTime"),
        ({"CreationTime": "18.5.2021"}, "CreationTime is not an ISO 8601 instant: '18.5.2021Z'"),
        ({"CreationTime": "0001-01-01T00:00:00"}, "CreationTime is 0001-01-01, which is outside 1990..2100"),
        ({"CreationTime": 1621372413}, "CreationTime is not a text"),
        ({"OperationCount": True}, "OperationCount is not a count"),
        ({"OperationCount": -1}, "OperationCount is not a count"),
        ({"Folders": "Inbox"}, "Folders is not a list of objects"),
        ({"Id": 5}, "Id is not a text"),
        ({"AppAccessContext": "x", "ClientAppId": None, "ApplicationId": None}, "AppAccessContext is not an object"),
    ],
)
def test_what_cannot_be_read_is_kept_with_the_reason(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    outcome = only(tmp_path, DRAW.mail_bind(1, "mira.okafor", None, folders=(1,)) | changes)
    assert isinstance(outcome, Quarantined)
    assert outcome.kind == "access_events"
    assert outcome.reason == reason


def test_times_with_a_zone_are_believed(tmp_path: Path) -> None:
    record = DRAW.mail_sync(1, "mira.okafor")
    assert (
        event(tmp_path, record | {"CreationTime": "2021-05-18T23:13:33+02:00"})["occurred_at"] == "2021-05-18T21:13:33Z"
    )
    assert (
        event(tmp_path, record | {"CreationTime": "2021-05-18T21:13:33.25Z"})["occurred_at"]
        == "2021-05-18T21:13:33.250000Z"
    )


def test_a_consent_names_the_app_and_grants_each_scope(tmp_path: Path) -> None:
    outcomes = read(tmp_path, [DRAW.consent(3, "ruth.haas", APP, " Mail.Read  offline_access", everybody=True)])
    assert rows(outcomes, "apps") == [{"app_id": APP.app_id, "name": "Tidepool Mail Sorter"}]
    assert [(row["scope"], row["granted_by"], row["revoked_at"]) for row in rows(outcomes, "grants")] == [
        ("Mail.Read", "ruth.haas@harbourlight.onmicrosoft.com", None),
        ("offline_access", "ruth.haas@harbourlight.onmicrosoft.com", None),
    ]
    assert {row["granted_at"] for row in rows(outcomes, "grants")} == {"2021-03-04T00:00:00Z"}


def test_only_the_new_list_of_a_consent_counts(tmp_path: Path) -> None:
    record = DRAW.consent(3, "ruth.haas", APP, "Mail.Read")
    new = (
        "[[Id: a, ClientId: b, PrincipalId: , ResourceId: r, ConsentType: AllPrincipals, Scope: User.Read]] => "
        "[[Id: a, ClientId: b, PrincipalId: , ResourceId: r, ConsentType: AllPrincipals, Scope: Files.Read Mail.Read, "
        "CreatedDateTime: , LastModifiedDateTime ], [Id: c, ClientId: b, PrincipalId: , ResourceId: s, "
        "ConsentType: AllPrincipals, Scope: https://x.invalid/full, Expiry]]; "
    )
    record["ModifiedProperties"][2]["NewValue"] = new
    granted = [(row["scope"], row["resource_id"]) for row in rows(read(tmp_path, [record]), "grants")]
    assert granted == [("Files.Read", "r"), ("Mail.Read", "r"), ("https://x.invalid/full", "s")]


@pytest.mark.parametrize(
    "listed", ["[] => [[Id: a, ClientId: b, Scope: Mail.Re", "Mail.Read", "[] => [[Id: a, ClientId: b]]"]
)
def test_a_consent_that_is_cut_short_is_quarantined(tmp_path: Path, listed: str) -> None:
    record = DRAW.consent(3, "ruth.haas", APP, "Mail.Read")
    record["ModifiedProperties"][2]["NewValue"] = listed
    outcome = only(tmp_path, record)
    assert isinstance(outcome, Quarantined)
    assert outcome.kind == "grants"


def test_a_failed_consent_is_no_grant(tmp_path: Path) -> None:
    outcome = only(tmp_path, DRAW.consent(3, "ruth.haas", APP, "Mail.Read", success=False))
    assert outcome == Skipped(1, "an attempt that failed: Consent to application.")


@pytest.mark.parametrize("backwards", [False, True])
def test_a_delegated_grant_is_the_same_grant_as_its_consent(tmp_path: Path, backwards: bool) -> None:
    records = [
        DRAW.consent(3, "ruth.haas", APP, "Mail.Read"),
        DRAW.delegated_grant(3, "ruth.haas", APP, "Mail.Read"),
    ]
    granted = rows(read(tmp_path, records[::-1] if backwards else records), "grants")
    assert len(granted) == 2
    assert granted[0] == granted[1]
    assert granted[0]["app_id"] == APP.app_id


def test_a_client_that_the_file_does_not_name_keeps_its_own_id(tmp_path: Path) -> None:
    outcomes = read(tmp_path, [DRAW.delegated_grant(3, "ruth.haas", APP, "Mail.Read")])
    assert [row["app_id"] for row in rows(outcomes, "grants")] == [APP.object_id]


def test_roles(tmp_path: Path) -> None:
    outcomes = read(
        tmp_path, [DRAW.role_of_app(3, "ruth.haas", APP, "Mail.Read"), DRAW.role_of_user(4, "ruth.haas", APP)]
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["Canonical"] * 3
    assert rows(outcomes, "apps") == [{"app_id": APP.app_id, "name": APP.name}] * 2
    assert [(row["app_id"], row["scope"], row["resource_id"]) for row in rows(outcomes, "grants")] == [
        (APP.app_id, "Mail.Read", invented.GRAPH_OBJECT)
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_revocation_ends_only_what_the_new_value_lacks(tmp_path: Path, seed: int) -> None:
    records = [
        DRAW.consent(3, "ruth.haas", APP, "Mail.Read Files.Read"),
        DRAW.delegated_grant(3, "ruth.haas", APP, "Mail.Read Files.Read"),
        DRAW.consent(3, "ana.belem", APP, "Files.Read"),
        DRAW.delegated_grant(9, "ruth.haas", APP, "Mail.Read", old="Mail.Read Files.Read", remove=True),
        DRAW.consent(12, "ruth.haas", APP, "Files.Read"),
    ]
    records[2]["CreationTime"] = "2021-03-05T00:00:00"
    random.Random(seed).shuffle(records)
    ends = {
        (identity[1], identity[3]): row["revoked_at"]
        for identity, row in final(read(tmp_path, records), "grants", GRANT).items()
    }
    assert ends == {
        ("Mail.Read", "2021-03-04T00:00:00Z"): None,
        ("Files.Read", "2021-03-04T00:00:00Z"): "2021-03-10T00:00:00Z",
        ("Files.Read", "2021-03-05T00:00:00Z"): None,
        ("Files.Read", "2021-03-13T00:00:00Z"): None,
    }


def test_an_update_pair_ends_nothing(tmp_path: Path) -> None:
    records = [
        DRAW.consent(3, "ruth.haas", APP, "Mail.Read"),
        DRAW.delegated_grant(9, "ruth.haas", APP, "Mail.Read Files.Read", old="Mail.Read", remove=True),
        DRAW.delegated_grant(9, "ruth.haas", APP, "Mail.Read Files.Read"),
    ]
    outcomes = read(tmp_path, records)
    assert outcomes[2] == Skipped(2, "an update of a permission that takes no scope away")
    assert {row["revoked_at"] for row in rows(outcomes, "grants")} == {None}


def test_a_grant_in_the_second_of_a_revocation_is_the_newer_one(tmp_path: Path) -> None:
    records = [
        DRAW.consent(3, "ruth.haas", APP, "Mail.Read"),
        DRAW.delegated_grant(9, "ruth.haas", APP, "", old="Mail.Read", remove=True),
        DRAW.delegated_grant(9, "ruth.haas", APP, "Mail.Read"),
    ]
    ends = [row["revoked_at"] for row in final(read(tmp_path, records), "grants", GRANT).values()]
    assert ends == ["2021-03-10T00:00:00Z", None]


def test_a_revocation_without_its_grant_is_not_lost(tmp_path: Path) -> None:
    outcome = only(tmp_path, DRAW.delegated_grant(9, "ruth.haas", APP, "", old="Mail.Read", remove=True))
    assert isinstance(outcome, Quarantined)
    assert outcome.kind == "grants"
    assert "whose grant is not in this file" in outcome.reason


@pytest.mark.parametrize("backwards", [False, True])
def test_a_deleted_app_is_removed(tmp_path: Path, backwards: bool) -> None:
    records = [
        DRAW.application(1, "ruth.haas", APP),
        DRAW.application(9, "ruth.haas", APP, delete=True),
        DRAW.service_principal_removed(9, "ruth.haas", APP),
    ]
    outcomes = read(tmp_path, records[::-1] if backwards else records)
    removals = rows(outcomes, "removals")
    assert len(removals) == 2
    assert removals[0] == removals[1]
    assert removals[0]["app_id"] == APP.app_id
    assert removals[0]["removed_at"] == "2021-03-10T00:00:00Z"
    assert rows(outcomes, "apps") == [{"app_id": APP.app_id, "name": APP.name}] * 2


def test_a_deleted_object_without_an_app_id_is_quarantined(tmp_path: Path) -> None:
    outcome = only(tmp_path, DRAW.application(9, "ruth.haas", APP, delete=True))
    assert isinstance(outcome, Quarantined)
    assert outcome.kind == "removals"


@pytest.mark.parametrize("seed", range(4))
def test_a_renamed_app_keeps_its_last_name(tmp_path: Path, seed: int) -> None:
    renamed = invented.App("Microsoft Mail", APP.app_id, APP.object_id, APP.application_object_id)
    records = [
        DRAW.consent(3, "ruth.haas", APP, "Mail.Read"),
        DRAW.consent(5, "ana.belem", renamed, "Mail.Read"),
        DRAW.role_of_user(4, "ana.belem", APP),
    ]
    random.Random(seed).shuffle(records)
    found = final(read(tmp_path, records), "apps", ("app_id",))
    assert found[(APP.app_id,)]["name"] == "Microsoft Mail"


def test_everything_else_is_skipped_and_counted(tmp_path: Path) -> None:
    outcomes = read(tmp_path, [DRAW.sign_in(1, "ruth.haas"), DRAW.application(1, "ruth.haas", APP)])
    assert [type(outcome) for outcome in outcomes] == [Skipped, Skipped]
    assert [outcome.record_no for outcome in outcomes] == [1, 2]


def test_empty_audit_data_is_lost_only_where_it_was_ours(tmp_path: Path) -> None:
    records = [{"OuterOperation": "Add user."}, {"OuterOperation": "MailItemsAccessed"}, {"OuterOperation": ""}]
    outcomes = read(tmp_path, records, name="audit.csv")
    assert [type(outcome) for outcome in outcomes] == [Skipped, Quarantined, Quarantined]
    assert isinstance(outcomes[1], Quarantined)
    assert outcomes[1].kind == "access_events"
    assert outcomes[1].reason == "its AuditData is empty"


def _facts(outcomes: list[Outcome]) -> list[tuple[Any, ...]]:
    """Everything but the record as it is written, which differs between formats."""
    return [(*outcome[:3],) if isinstance(outcome, Canonical) else (*outcome[:2],) for outcome in outcomes]


@pytest.mark.parametrize("seed", range(3))
def test_every_way_to_file_the_same_records_reads_alike(tmp_path: Path, seed: int) -> None:
    records = invented.invented_log(seed)
    lines = read(tmp_path, records)
    assert _facts(read(tmp_path, records, name="audit.csv")) == _facts(lines)
    assert _facts(read(tmp_path, records, name="audit.json")) == _facts(lines)
    (tmp_path / "audit.jsonl.gz").write_bytes(gzip.compress(invented.as_lines(records)))
    assert _facts(list(m365_ual.adapt(Source(tmp_path / "audit.jsonl.gz")))) == _facts(lines)


@pytest.mark.parametrize("seed", range(3))
def test_every_record_gets_one_verdict_and_none_is_lost(tmp_path: Path, seed: int) -> None:
    records = invented.invented_log(seed)
    outcomes = read(tmp_path, records, name="audit.csv")
    numbers = [outcome.record_no for outcome in outcomes]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, len(records) + 1))
    verdicts = {(outcome.record_no, type(outcome)) for outcome in outcomes}
    assert len(verdicts) == len(records)
    assert not any(isinstance(outcome, Quarantined) for outcome in outcomes)


@pytest.mark.parametrize("seed", range(3))
def test_the_reads_of_a_log_are_those_a_plain_count_finds(tmp_path: Path, seed: int) -> None:
    records = invented.invented_log(seed, reads=200)
    expected: Counter[tuple[str, str]] = Counter()
    for record in records:
        if record["Operation"] in ("MailItemsAccessed", "FileAccessed", "FileDownloaded"):
            app = record.get("ClientAppId") or record.get("ApplicationId") or f"unknown:{record['Workload'].lower()}"
            expected[app, record["Operation"]] += 1
    found = Counter(
        (row["app_id"], row["endpoint"].split()[1]) for row in rows(read(tmp_path, records), "access_events")
    )
    assert found == expected


def test_an_audit_data_column_in_json_is_unwrapped(tmp_path: Path) -> None:
    record = DRAW.mail_sync(1, "mira.okafor")
    text = invented.as_lines([record]).decode().strip()
    wrapped = [{"Operations": "MailItemsAccessed", "AuditData": text}, {"AuditData": record}, {"AuditData": ""}]
    outcomes = read(tmp_path, wrapped, name="audit.json")
    assert [type(outcome) for outcome in outcomes] == [Canonical, Canonical, Quarantined]
    events = rows(outcomes, "access_events")
    assert events[0] == events[1]


@pytest.mark.parametrize("name", ["audit.csv", "audit.json", "audit.jsonl"])
def test_it_is_recognised(tmp_path: Path, name: str) -> None:
    read(tmp_path, invented.invented_log(1, reads=2), name=name)
    assert m365_ual.looks_like(Source(tmp_path / name))


@pytest.mark.parametrize(
    "text",
    [
        "partner_id,name\n1,AuditData\n",
        '{"partner_id": "p"}\n',
        '{"Operation": "x"}',
        "",
        "\n\n",
        "AuditDatabase,b\n1,2\n",
    ],
)
def test_other_files_are_not_taken_for_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "partners.csv").write_text(text)
    assert not m365_ual.looks_like(Source(tmp_path / "partners.csv"))


@pytest.mark.parametrize("content", [b"", b" \n", b"a,b\n1,2\n", "AuditData\n".encode("utf-16")])
def test_a_file_that_is_something_else_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "audit.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableFileError) as caught:
        list(m365_ual.adapt(Source(path)))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
