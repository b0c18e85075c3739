"""One person under two ids, an app's partner beside a log's word for the app, and what a vendor's scopes open."""

import itertools
from pathlib import Path

import pytest

from fixtures import m365_ual as invented
from store.connection import open_store
from store.figures import figures
from store.ingest.importing import import_paths
from store.parameters import Parameters
from store.partners import partner_list
from store.people import people
from store.rulebook import load_rules
from store.schema import create_store

RULES = """
[incident]
as_of = 2030-01-01
[[rules]]
id = "mail"
data_classes = ["mail.*", "file.*"]
from = 2000-01-01
"""
HEADER = "occurred_at,app_id,data_class,subject_id\n"
BY_PATH = HEADER + "2019-01-01T00:00:00Z,a,file.content,/personal/ann_lee_x_com\n"
BY_ADDRESS = HEADER + "2019-01-02T00:00:00Z,a,mail.item,Ann.Lee@x.com\n"
BY_ANOTHER = HEADER + "2019-01-03T00:00:00Z,a,mail.item,ann_lee@x.com\n"


def counted(folder: Path, files: list[tuple[str, str]]) -> list[tuple[str, int]]:
    """Each person and their reads, after these files came in, in this order."""
    db = folder / "x.db"
    db.unlink(missing_ok=True)
    create_store(db, name="x", actor="t", at=0)
    with open_store(db) as store:
        load_rules(store, RULES, source="r", actor="t")
        for name, text in files:
            (folder / name).write_text(text)
            import_paths(store, [folder / name], actor="t")
        found = people(store, Parameters())
        assert figures(store, Parameters()).accessed.people == len(found)
        return [(row.subject_id, row.events) for row in found]


@pytest.mark.parametrize(
    "order", list(itertools.permutations((("access_events-1.csv", BY_PATH), ("access_events-2.csv", BY_ADDRESS))))
)
def test_a_personal_path_is_its_owner_whatever_came_first(tmp_path: Path, order: tuple[tuple[str, str], ...]) -> None:
    assert counted(tmp_path, list(order)) == [("Ann.Lee@x.com", 2)]


def test_two_matching_addresses_leave_it_open(tmp_path: Path) -> None:
    files = [("access_events-1.csv", BY_PATH), ("access_events-2.csv", BY_ADDRESS), ("access_events-3.csv", BY_ANOTHER)]
    for order in itertools.permutations(files):
        assert len(counted(tmp_path, list(order))) == 3


def test_a_path_without_its_owner_keeps_the_logs_own_id(tmp_path: Path) -> None:
    assert counted(tmp_path, [("access_events-1.csv", BY_PATH)]) == [("/personal/ann_lee_x_com", 1)]


def consent_to(scope: str, folder: Path) -> tuple[Path, str]:
    """A log that holds one consent, and the id of its app."""
    writer = invented.Generator(7)
    app = writer.app("Log's name")
    log = folder / "log.csv"
    log.write_bytes(invented.as_csv([writer.consent(1, "mira.okafor", app, scope)]))
    return log, app.app_id


@pytest.mark.parametrize(
    ("scope", "rulebook_says", "kept"),
    [("Mail.Read", "", 1), ("User.Read", "", 0), ("Mail.Read", '"Mail.Read" = []', 0)],
)
def test_a_shipped_scope_speaks_of_its_vendors_grants_unless_the_rulebook_does(
    tmp_path: Path, scope: str, rulebook_says: str, kept: int
) -> None:
    log, _ = consent_to(scope, tmp_path)
    create_store(tmp_path / "x.db", name="x", actor="t", at=0)
    with open_store(tmp_path / "x.db") as store:
        load_rules(store, f"{RULES}[scopes]\n{rulebook_says}\n", source="r", actor="t")
        import_paths(store, [log], actor="t")
        found = figures(store, Parameters())
        assert (found.retained_partners, found.ungranted_partners) == (kept, 0)
        assert found.unmapped_scopes == ()


def test_a_shipped_scope_says_nothing_of_other_grants(tmp_path: Path) -> None:
    (tmp_path / "grants.csv").write_text("app_id,scope,granted_at\na,Mail.Read,2019-01-01T00:00:00Z\n")
    create_store(tmp_path / "x.db", name="x", actor="t", at=0)
    with open_store(tmp_path / "x.db") as store:
        load_rules(store, RULES, source="r", actor="t")
        import_paths(store, [tmp_path / "grants.csv"], actor="t")
        found = figures(store, Parameters())
        assert found.retained_partners == 0
        assert found.unmapped_scopes == ("Mail.Read",)


@pytest.mark.parametrize("log_first", [True, False])
def test_a_log_never_takes_an_app_from_its_partner(tmp_path: Path, log_first: bool) -> None:
    log, app_id = consent_to("Mail.Read", tmp_path)
    apps = tmp_path / "apps.csv"
    apps.write_text(f"app_id,name,partner_id\n{app_id},Registry name,p1\n")
    create_store(tmp_path / "x.db", name="x", actor="t", at=0)
    with open_store(tmp_path / "x.db") as store:
        for path in (log, apps) if log_first else (apps, log):
            import_paths(store, [path], actor="t", format="auto")
        claimed = [(row.partner_id, row.apps) for row in partner_list(store, Parameters()) if row.apps]
        assert claimed == [("p1", 1)]
